//! `handpie db`: the database of advisories.

use std::path::PathBuf;

use clap::Subcommand;

use crate::advisories::{self, Fetch, Origin, SOURCES, WHOLE_TIME};
use crate::args::ReportFormat;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::report::Reporter;
use crate::report::db::DatabaseReport;

/// Update the advisory database, or show its contents
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  handpie db update                     Go's and RustSec's advisories
  handpie db update --from vulndb.zip   from a local file, without network
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
    /// Rebuild the database
    ///
    /// Connects to the network only without --from, or if --from is a URL. The old database is kept
    /// until the new one is complete. SSL_CERT_FILE replaces the default certificate authorities;
    /// HTTPS_PROXY is honoured.
    Update {
        /// Source of advisories, instead of the servers of Go and RustSec; may be repeated: URL or
        /// directory of a Go vulnerability database, a vulndb.zip, a directory or ZIP of OSV
        /// advisories
        #[arg(long, value_name = "URL|PATH")]
        from: Vec<String>,
        /// Give up on a server that takes longer than this for all its answers
        #[arg(long, value_name = "SECONDS", default_value_t = WHOLE_TIME.as_secs(),
              value_parser = clap::value_parser!(u64).range(1..))]
        max_time: u64,
    },
    /// Show the contents and the age of the database
    Info {
        /// A database other than the user's
        #[arg(long, value_name = "PATH")]
        db: Option<String>,
    },
}

pub(crate) fn run(args: &Db, reporter: &Reporter) -> Result<Exit, Failure> {
    let report = match &args.action {
        Action::Update { from, max_time } => update(from, *max_time, reporter)?,
        Action::Info { db } => {
            let file = advisories::open(db.as_deref(), Fetch::QUIET)?;
            let path = PathBuf::from(&file.name);
            DatabaseReport::of(&file, path)?
        }
    };
    reporter.print("db", &report)?;
    Ok(Exit::Done)
}

fn update(from: &[String], max_time: u64, reporter: &Reporter) -> Result<DatabaseReport, Failure> {
    let origins: Vec<Origin> = match from.is_empty() {
        true => SOURCES.iter().map(|source| Origin::of(source)).collect(),
        false => from.iter().map(|source| Origin::of(source)).collect(),
    };
    // Where it will be kept, before anything is fetched.
    advisories::user_path()?;
    let working = reporter.working("collecting advisories");
    let made = advisories::collect(&origins, Fetch::shown(&working, max_time))?;
    drop(working);
    let path = advisories::keep(&made)?;
    DatabaseReport::of(&made, path)
}
