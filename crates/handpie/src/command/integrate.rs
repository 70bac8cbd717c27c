//! `handpie integrate TOOL`: prints a configuration file that adds the hardening flags to a
//! compiler.

use std::ffi::OsString;

use clap::ValueEnum;
use handpie_toolchain::cc::{self, Compiler, Language};
use handpie_toolchain::link::sysroot::Target;

use crate::command::cc::NO_COMPILER;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::report::Reporter;

/// Print a configuration file that adds the hardening flags to a compiler
///
/// The flags are those of `handpie cc` that the compiler supports; your own flags take precedence.
/// Programs are linked as dynamic PIE against this machine's libc: a static-PIE requires `handpie
/// cc`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  handpie integrate gcc-spec > hardening.specs
  gcc -specs=hardening.specs -O2 -o app main.c
  handpie integrate clang-cfg > hardening.cfg
  clang --config hardening.cfg -O2 -o app main.c")]
pub(crate) struct Integrate {
    /// The kind of file
    #[arg(value_enum)]
    tool: IntegratedTool,
    /// The compiler to write the file for [default: gcc or clang]
    #[arg(long, value_name = "CC")]
    compiler: Option<OsString>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum IntegratedTool {
    /// GCC spec file
    GccSpec,
    /// Clang configuration file
    ClangCfg,
}

pub(crate) fn run(args: &Integrate, reporter: &Reporter) -> Result<Exit, Failure> {
    let usual = match args.tool {
        IntegratedTool::GccSpec => "gcc",
        IntegratedTool::ClangCfg => "clang",
    };
    let name = args.compiler.clone().unwrap_or_else(|| usual.into());
    let target =
        Target::host().ok_or_else(|| Failure::new(Exit::No, "this CPU is not supported"))?;
    let compiler = Compiler::named(&name, Language::C, target).map_err(|error| {
        Failure::new(Exit::Tool, "no usable compiler was found")
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
