//! `handpie env`: prints environment variables that make every go command build static-PIE.

use std::collections::BTreeMap;

use clap::ValueEnum;
use handpie_toolchain::env;
use handpie_toolchain::go::Go;

use crate::args::{Format, ReportFormat};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::go_failure;
use crate::hardening::Hardening;
use crate::paths;
use crate::report::Reporter;
use crate::report::env::EnvReport;

/// Print environment variables that make every go command build static-PIE
///
/// Sets CGO_ENABLED=0 and adds `-buildmode=pie` and a `-toolexec` to GOFLAGS, which converts each
/// program after go has linked it. This works for `go build`, `go install`, `go run`, `go test` and
/// everything that calls them: make, goreleaser, ko. Builds for Windows and macOS and other build
/// modes are unchanged. Run this with the GOARCH that you build for: 386, arm and riscv64 need
/// other flags.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  eval \"$(handpie env)\"                      for the current shell
  handpie env --shell github >> $GITHUB_ENV
                                        for later steps of a GitHub job")]
pub(crate) struct Env {
    /// The shell syntax; `json` prints an object with names and values
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
        .map_err(go_failure::settings_failed)?;
    args.hardening.refuse_for(&settings.goarch)?;
    let handpie = paths::own_program()?;
    let words = args.hardening.words();
    let variables = env::variables(&settings.goflags, &settings.goarch, &handpie, &words).map_err(
        |against| go_failure::contradicted("no environment can give static-PIE here", &against),
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
