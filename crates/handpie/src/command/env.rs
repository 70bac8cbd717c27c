//! `handpie env`: the environment that makes other tools' go build static-PIE.

use std::collections::BTreeMap;

use clap::ValueEnum;
use handpie_toolchain::env;
use handpie_toolchain::go::Go;

use crate::args::{Format, ReportFormat};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::hardening::Hardening;
use crate::report::Reporter;
use crate::report::env::EnvReport;
use crate::toolchain;

/// Print the environment in which every go command makes static-PIE
///
/// Sets CGO_ENABLED=0 and GOFLAGS: what is in it, `-buildmode=pie`, and a `-toolexec` that converts
/// each program after go has linked it. It works for `go build`, `go install`, `go run`, `go test`
/// and whatever calls them: make, goreleaser, ko. Windows, macOS and other build modes pass
/// through. Print it with the GOARCH that is built for: 386, arm and riscv64 need other flags.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  eval \"$(handpie env)\"                      this shell, from now on
  handpie env --shell github >> $GITHUB_ENV  the next steps of a GitHub job")]
pub(crate) struct Env {
    /// For which shell; `json` is an object of names and values
    #[arg(long, value_enum, default_value_t = Shell::Sh)]
    shell: Shell,
    #[command(flatten)]
    hardening: Hardening,
    #[command(flatten)]
    pub(crate) format: ReportFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Shell {
    Sh,
    Fish,
    Powershell,
    Github,
    Json,
}

pub(crate) fn run(args: &Env, reporter: &Reporter) -> Result<Exit, Failure> {
    let settings = Go::in_path(None)
        .env()
        .map_err(toolchain::settings_failed)?;
    args.hardening.refuse_for(&settings.goarch)?;
    let handpie = toolchain::own_path()?;
    let words = args.hardening.words();
    let variables = env::variables(&settings.goflags, &settings.goarch, &handpie, &words).map_err(
        |against| toolchain::contradicted("no environment can give static-PIE here", &against),
    )?;
    let values: BTreeMap<_, _> = variables.iter().cloned().collect();
    let script = match args.shell {
        Shell::Sh => env::render(&variables, env::Shell::Sh),
        Shell::Fish => env::render(&variables, env::Shell::Fish),
        Shell::Powershell => env::render(&variables, env::Shell::PowerShell),
        Shell::Github => env::render(&variables, env::Shell::Github),
        Shell::Json => format!("{:#}\n", serde_json::json!(values)),
    };
    match reporter.format {
        Format::Text => reporter.script(&script),
        _ => {
            reporter.document("env", &EnvReport { env: values })?;
            Ok(Exit::Done)
        }
    }
}
