//! `handpie db`: the database of advisories.

use std::path::PathBuf;

use clap::Subcommand;

use crate::advisories::{self, Advisories, Origin, SOURCES};
use crate::args::ReportFormat;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::report::Reporter;
use crate::report::db::DatabaseReport;

/// Bring the database of advisories up to date, or show what is in it
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  handpie db update                    Go's and RustSec's advisories, from their
                                       servers
  handpie db update --from vulndb.zip  from a file that was carried here
  handpie db update --from https://mirror.corp/vulndb --from ./crates-osv.zip
  handpie db info")]
pub(crate) struct Db {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    pub(crate) format: ReportFormat,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make the database anew
    ///
    /// This is the only command of handpie that opens a connection, and only without --from or with
    /// an address behind it. The old database stays as it is until the new one is whole.
    /// SSL_CERT_FILE names other authorities than those that browsers know; HTTPS_PROXY is heeded.
    Update {
        /// Where to take advisories from, in place of the servers of Go and RustSec; may be given
        /// several times: an address or folder of Go's database, a vulndb.zip, a folder or ZIP of
        /// OSV advisories
        #[arg(long, value_name = "URL|PATH")]
        from: Vec<String>,
    },
    /// Say what is in the database, and how old it is
    Info {
        /// Another database than the user's
        #[arg(long, value_name = "PATH")]
        db: Option<String>,
    },
}

pub(crate) fn run(args: &Db, reporter: &Reporter) -> Result<Exit, Failure> {
    let report = match &args.action {
        Action::Update { from } => update(from, reporter)?,
        Action::Info { db } => {
            let advisories = Advisories::open(db.as_deref())?;
            let path = PathBuf::from(&advisories.name);
            DatabaseReport::of(&advisories, path)?
        }
    };
    reporter.print("db", &report)?;
    Ok(Exit::Done)
}

fn update(from: &[String], reporter: &Reporter) -> Result<DatabaseReport, Failure> {
    let origins: Vec<Origin> = match from.is_empty() {
        true => SOURCES.iter().map(|source| Origin::of(source)).collect(),
        false => from.iter().map(|source| Origin::of(source)).collect(),
    };
    // Where it will be kept, before anything is fetched.
    advisories::user_path()?;
    let working = reporter.working("collecting advisories");
    let made = Advisories::collect(&origins)?;
    drop(working);
    let path = made.keep()?;
    DatabaseReport::of(&made, path)
}
