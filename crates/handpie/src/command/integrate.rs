//! `handpie integrate TOOL`: the file or snippet that brings handpie into another tool.

use std::ffi::OsString;

use clap::ValueEnum;
use handpie_toolchain::cc::{self, Compiler, Language};
use handpie_toolchain::link::sysroot::Target;

use crate::command::cc::NO_COMPILER;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::report::Reporter;

/// Print the file that gives a compiler the hardening flags without a wrapper
///
/// The flags are those of `handpie cc`, as far as the compiler knows them; the user's own win. What is
/// linked is a dynamic PIE against this machine's libc: a static-PIE needs `handpie cc`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  handpie integrate gcc-spec > hardening.specs
  gcc -specs=hardening.specs -O2 -o app main.c
  handpie integrate clang-cfg > hardening.cfg
  clang --config hardening.cfg -O2 -o app main.c")]
pub(crate) struct Integrate {
    /// The tool
    #[arg(value_enum)]
    tool: IntegratedTool,
    /// The compiler that the file is for [default: gcc or clang]
    #[arg(long, value_name = "CC")]
    compiler: Option<OsString>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum IntegratedTool {
    /// A spec file of gcc
    GccSpec,
    /// A configuration file of clang
    ClangCfg,
}

pub(crate) fn run(args: &Integrate, reporter: &Reporter) -> Result<Exit, Failure> {
    let usual = match args.tool {
        IntegratedTool::GccSpec => "gcc",
        IntegratedTool::ClangCfg => "clang",
    };
    let name = args.compiler.clone().unwrap_or_else(|| usual.into());
    let target = Target::host().ok_or_else(|| Failure::new(Exit::No, "this CPU is not known"))?;
    let compiler = Compiler::named(&name, Language::C, target).map_err(|error| {
        Failure::new(Exit::Tool, "there is no compiler")
            .code(NO_COMPILER)
            .tool(error)
            .hint("say which with --compiler")
    })?;
    let text = match args.tool {
        IntegratedTool::GccSpec => cc::gcc_spec(&compiler, target),
        IntegratedTool::ClangCfg => cc::clang_config(&compiler, target),
    };
    reporter.script(&text)
}
