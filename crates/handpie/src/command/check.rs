//! `handpie check FILE|DIR...`: the release checklist.

use std::path::PathBuf;

use handpie_audit::Subject;
use handpie_binary::Binary;
use rayon::prelude::*;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::files::{self, Found};
use crate::report::Reporter;
use crate::report::check::{CheckReport, Checked, Unread};

/// Check programs and libraries against the release checklist
///
/// Says what kind of file each is, and gives each rule one of five answers: pass, fail, warn, not
/// applicable, unknown. In directories, everything that is no binary is passed over in silence.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  handpie check bin/svc                   one line; -v says every answer, with the evidence
  handpie check -v --format json dist/    everything below dist/, for programs")]
pub(crate) struct Check {
    /// Programs, libraries, objects, or directories of them; - for standard input
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
}

pub(crate) fn run(args: &Check, reporter: &Reporter) -> Result<Exit, Failure> {
    let found = {
        let _working = reporter.working("looking for binaries");
        files::find(&args.files)
    };
    let working = reporter.working("checking");
    let results: Vec<Result<Vec<Checked>, Unread>> =
        found.into_par_iter().filter_map(check).collect();
    let mut report = CheckReport::default();
    for result in results {
        match result {
            Ok(files) => report.files.extend(files),
            Err(unread) => report.unread.push(unread),
        }
    }
    drop(working);
    reporter.print("check", &report)?;
    Ok(report.exit())
}

/// `None` for what was only met on the way and is no binary.
fn check(found: Found) -> Option<Result<Vec<Checked>, Unread>> {
    let name = found.name();
    let mut input = match found.open() {
        Ok(input) => input?,
        Err(failure) => return Some(Err(Unread::of(name, failure))),
    };
    let mode = input.mode();
    let looked = input.look(|bytes| {
        let binaries = Binary::parse(bytes)?;
        let is_fat = binaries.len() > 1;
        let checked = binaries.into_iter().map(|binary| {
            let name = match &binary {
                Binary::MachO(member) if is_fat => {
                    format!("{name} ({})", member.header().architecture())
                }
                _ => name.clone(),
            };
            let subject = Subject::of(binary, mode)?;
            let findings = handpie_audit::check(&subject);
            Ok(Checked::new(&name, &subject, findings))
        });
        checked.collect::<Result<Vec<_>, handpie_binary::Error>>()
    });
    Some(match looked {
        Ok(Ok(checked)) => Ok(checked),
        Ok(Err(error)) => Err(Unread::unreadable(&name, &error)),
        Err(failure) => Err(Unread::of(name, failure)),
    })
}
