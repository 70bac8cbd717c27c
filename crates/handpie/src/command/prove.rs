//! `handpie prove`: runs a program in an empty root directory and reports which claims hold.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use handpie_prove::{Error, Request};

use crate::args::ReportFormat;
use crate::conversion;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::input::{self, Input};
use crate::report::Reporter;
use crate::report::prove::ProveReport;

/// Run a program in an empty root directory and prove that it is a static-PIE
///
/// FILE runs without file system, network and privileges, with resource limits and a deadline; no
/// root privileges are needed. Confinement that this machine does not support is reported. Six
/// claims are proven or not, with evidence: the program runs in an empty root directory; it starts;
/// neither a loader nor a shared object is mapped; no memory is both writable and executable; RELRO
/// pages are read-only after start-up; and the load address is random. For the last claim the
/// program is loaded many times without running, and the bits of entropy are counted, because two
/// different addresses prove nothing.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  handpie prove ./svc                  the six claims: 200 loads, half a second
  handpie prove --for 3s ./svc -- -listen :8080
                                       more time, and arguments
  handpie prove --format json ./svc |
    jq '.result.claims[] | select(.verdict != \"proven\")'")]
pub(crate) struct Prove {
    /// The program
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// How many times to load the program to measure the entropy of its addresses
    #[arg(long, value_name = "N", default_value_t = 200)]
    #[arg(value_parser = clap::value_parser!(u32).range(3..=100_000))]
    runs: u32,
    /// How long to run and observe the program: 500ms, 2s, 1m
    #[arg(long = "for", value_name = "TIME", default_value = "500ms", value_parser = time)]
    time: Duration,
    /// Set an environment variable; the environment is empty otherwise
    #[arg(long, value_name = "NAME=VALUE", value_parser = variable)]
    env: Vec<(String, String)>,
    /// The program's arguments
    #[arg(last = true, value_name = "ARGS")]
    arguments: Vec<OsString>,
    #[command(flatten)]
    pub(crate) format: ReportFormat,
}

pub(crate) fn run(args: &Prove, reporter: &Reporter) -> Result<Exit, Failure> {
    if input::is_stream(&args.file) {
        let failure = Failure::new(Exit::Usage, "standard input cannot be run");
        return Err(failure.hint("write the program to a file"));
    }
    let mut input = Input::open(&args.file)?;
    let stub = input.look(conversion::stub)?;
    let options = stub.and_then(|stub| stub.options);
    let variables = args.env.iter();
    let request = Request {
        arguments: args.arguments.clone(),
        environment: variables
            .map(|(name, value)| (name.into(), value.into()))
            .collect(),
        runs: args.runs as usize,
        time: args.time,
        program_entry: stub.map(|stub| stub.entry),
        moves: options.is_some_and(|options| options.moved),
        seals: options.is_some_and(|options| options.seal_count > 0),
        ..Request::default()
    };
    let working = reporter.working(&format!("running {} in an empty root", input.name));
    let proof = handpie_prove::prove(&args.file, &request)
        .map_err(|error| unproven(&input.name, &error))?;
    drop(working);
    let exit = if proof.is_complete() {
        Exit::Done
    } else {
        Exit::No
    };
    let report = ProveReport {
        file: input.name.clone(),
        proof,
    };
    reporter.print("prove", &report)?;
    Ok(exit)
}

fn unproven(name: &str, error: &Error) -> Failure {
    let exit = match error {
        Error::Nul { .. } => Exit::Usage,
        Error::System { .. } | Error::Helper(_) => Exit::Tool,
        _ => Exit::Input,
    };
    let failure = Failure::new(exit, format!("failed to prove `{name}`"));
    failure.code(error.code()).cause(error)
}

/// A number and its unit.
fn time(text: &str) -> Result<Duration, String> {
    const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match text.strip_prefix(digits) {
        Some("ms") => 0.001,
        Some("s") => 1.0,
        Some("m") => 60.0,
        Some("h") => 3600.0,
        _ => return Err("expected a number followed by ms, s, m or h".to_owned()),
    };
    let number: f64 = digits.parse().map_err(|_| "expected a number".to_owned())?;
    match Duration::try_from_secs_f64(number * unit) {
        Ok(time) if time <= LONGEST => Ok(time),
        _ => Err("expected at most 24h".to_owned()),
    }
}

fn variable(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("expected NAME=VALUE".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_a_unit() {
        assert_eq!(time("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(time("1.5s"), Ok(Duration::from_millis(1500)));
        assert_eq!(time("2m"), Ok(Duration::from_secs(120)));
        for wrong in ["5", "", "s", "-1s", "5 s", "5d", "1e300h", "nans"] {
            assert!(time(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_variable_has_a_name() {
        assert_eq!(variable("A=b=c"), Ok(("A".to_owned(), "b=c".to_owned())));
        assert!(variable("=b").is_err());
        assert!(variable("A").is_err());
    }
}
