//! `handpie vuln --compat govulncheck`: govulncheck's words, output and exit codes, for pipelines
//! that have it.
//!
//! Also when this program is called `govulncheck`. The words are read as Go's package `flag` reads
//! them, so a pipeline changes the name of the program and nothing else.

use std::ffi::OsString;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use handpie_toolchain::command::quote;
use handpie_vuln::govulncheck::{Config, Scan, extracted};
use handpie_vuln::limits::MAX_EXTRACT_SIZE;
use handpie_vuln::{Database, Inventory, Tier};

use crate::advisories;
use crate::binaries::{Entry, Visit, visit};
use crate::failure::Failure;
use crate::report::govulncheck::{self as report, Format, Show};

/// What ends the program: govulncheck's exit codes (internal/scan/errors.go), not ours.
const FAILED: u8 = 1;
const USAGE: u8 = 2;
const VULNERABLE: u8 = 3;

const HELP: &str = "\
Govulncheck reports known vulnerabilities in dependencies.

This is handpie, which analyzes binaries as govulncheck -mode=binary does, but not source code.

Usage:

	handpie vuln --compat govulncheck -mode=binary [flags] [binary]

  -db url
    	vulnerability database url, file or directory (default: that of 'handpie db update')
  -format value
    	specify format output
    	The supported values are 'text', 'json', 'sarif', and 'openvex' (default 'text')
  -json
    	output JSON (Go compatible legacy flag, see format flag)
  -mode value
    	supports 'binary'
  -scan value
    	set the scanning level desired, one of 'module', 'package', or 'symbol' (default 'symbol')
  -show list
    	enable display of additional information specified by the comma separated list
    	The supported values are 'traces','color', 'version', and 'verbose'
  -version
    	print the version information
";

/// What was asked.
#[derive(Debug, Default)]
struct Request {
    db: Option<String>,
    format: Option<Format>,
    json: bool,
    mode: String,
    level: Option<Tier>,
    show: Show,
    shows_anything: bool,
    version: bool,
    test: bool,
    tags: bool,
    files: Vec<PathBuf>,
}

/// Why nothing was scanned.
#[derive(Debug)]
enum Refusal {
    Help,
    /// The words make no sense.
    Usage(String),
    /// A line each.
    Failed(Vec<String>),
}

/// Does what govulncheck does.
pub(crate) fn run(words: &[OsString]) -> ExitCode {
    match scan(words) {
        Ok(code) => ExitCode::from(code),
        Err(Refusal::Help) => {
            report::help(HELP);
            ExitCode::SUCCESS
        }
        Err(Refusal::Usage(message)) => {
            report::error([&message]);
            ExitCode::from(USAGE)
        }
        Err(Refusal::Failed(messages)) => {
            report::error(&messages);
            ExitCode::from(FAILED)
        }
    }
}

/// The words besides, where `handpie vuln` is asked for govulncheck's manners and not with its first
/// word.
pub(crate) fn misplaced(words: &[OsString]) -> Option<Vec<OsString>> {
    let command = words.iter().position(|word| !is_flag(word))?;
    let end = words.iter().position(|word| word == "--");
    let words = words.get(..end.unwrap_or(words.len()))?;
    if words.get(command)? != "vuln" {
        return None;
    }
    let mut pairs = words
        .iter()
        .zip(words.iter().skip(1).map(Some).chain([None]));
    let at = pairs.position(|(word, next)| {
        word == "--compat=govulncheck"
            || (word == "--compat" && next.is_some_and(|next| next == "govulncheck"))
    })?;
    let own = match words.get(at)? == "--compat" {
        true => at..=at.saturating_add(1),
        false => at..=at,
    };
    let others = words.iter().enumerate();
    let others = others.filter(|(place, _)| *place != command && !own.contains(place));
    Some(others.map(|(_, word)| word.clone()).collect())
}

fn is_flag(word: &OsString) -> bool {
    word.as_encoded_bytes().starts_with(b"-")
}

/// Says where `--compat govulncheck` stands; `words` are the others.
pub(crate) fn explain_order(words: &[OsString]) -> ExitCode {
    let others: Vec<String> = words.iter().map(|word| quote(word)).collect();
    let message = "error: `--compat govulncheck` must come directly after `handpie vuln`; all \
                   arguments after it are govulncheck's"
        .to_owned();
    let hint = format!(
        "hint: handpie vuln --compat govulncheck {}",
        others.join(" ")
    );
    report::error([&message, &hint]);
    ExitCode::from(USAGE)
}

fn scan(words: &[OsString]) -> Result<u8, Refusal> {
    let request = Request::parse(words)?;
    let format = request.format();
    let opened = advisories::open_whole(request.db.as_deref()).map_err(failed)?;
    let database = opened.database().map_err(|error| failed(error.into()))?;
    let modified = database.sources().map(|it| it.modified).max();
    let config = Config::new(
        request.db.clone().unwrap_or_else(|| opened.name.clone()),
        modified.filter(|text| !text.is_empty()),
        request.level.unwrap_or(Tier::Symbol),
    );
    if request.version {
        report::version(&config).map_err(failed)?;
        return Ok(0);
    }
    let file = request.file()?;
    let scan = scan_file(file, &database, &config).ok_or_else(|| {
        Refusal::Failed(vec!["govulncheck: unrecognized binary format".to_owned()])
    })?;
    report::print(&scan, format, request.show).map_err(failed)?;
    // Whoever asked for data gets no verdict.
    Ok(match format == Format::Text && is_vulnerable(&scan) {
        true => VULNERABLE,
        false => 0,
    })
}

/// Looks into the file at `path`: a program, or what `govulncheck -mode=extract` wrote about one.
/// `None` where govulncheck would not know what it is, either.
fn scan_file(path: &Path, database: &Database<'_>, config: &Config) -> Option<Scan> {
    let visit = visit(&Entry::named(path), false, |member| {
        let inventory = Inventory::of(&member.binary)?;
        let is_go = inventory.record.crates.is_none();
        let scan = is_go.then(|| Scan::of(&inventory, database, config.clone()));
        Ok(scan.transpose()?)
    });
    if let Visit::Seen(scans) = visit
        && let Some(scan) = scans.into_iter().flatten().next()
    {
        return Some(scan);
    }
    let mut text = Vec::new();
    let file = File::open(path).ok()?;
    file.take(MAX_EXTRACT_SIZE).read_to_end(&mut text).ok()?;
    // Nothing is missing of what another program has listed.
    Scan::of(&extracted(&text)?, database, config.clone()).ok()
}

fn is_vulnerable(scan: &Scan) -> bool {
    let mut findings = scan.findings.iter();
    findings.any(|finding| finding.tier() >= scan.config.level)
}

/// A failure in one line, and what to do.
fn failed(failure: Failure) -> Refusal {
    let parts = [vec![failure.message], failure.causes].concat();
    let message = format!("govulncheck: {}", parts.join(": "));
    let hints = failure.hints.iter().map(|hint| format!("hint: {hint}"));
    Refusal::Failed([message].into_iter().chain(hints).collect())
}

impl Request {
    /// Reads words as Go's `flag.Parse` does: up to the first that is not a flag.
    fn parse(words: &[OsString]) -> Result<Self, Refusal> {
        let mut request = Self::default();
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let text = word.to_string_lossy();
            let flag = text.strip_prefix("--").or_else(|| text.strip_prefix('-'));
            let flag = match flag {
                Some("") if text == "--" => break,
                None | Some("") => {
                    request.files.push(word.into());
                    break;
                }
                Some(flag) => flag,
            };
            let (name, value) = match flag.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (flag, None),
            };
            let mut following = || {
                let value = value.clone();
                let next = || words.next().map(|it| it.to_string_lossy().into_owned());
                let missing = || usage(format!("flag needs an argument: -{name}"));
                value.or_else(next).ok_or_else(missing)
            };
            match name {
                "h" | "help" => return Err(Refusal::Help),
                "json" => request.json = is_on(name, value.as_deref())?,
                "test" => request.test = is_on(name, value.as_deref())?,
                "version" => request.version = is_on(name, value.as_deref())?,
                "C" => _ = following()?,
                "db" => request.db = Some(following()?),
                "tags" => request.tags = !following()?.is_empty(),
                "mode" => request.mode = following()?,
                "scan" => request.level = Some(level(&following()?)?),
                "format" => request.format = Some(format(&following()?)?),
                "show" => request.add_shown(&following()?)?,
                _ => return Err(usage(format!("flag provided but not defined: -{name}"))),
            }
        }
        request.files.extend(words.map(PathBuf::from));
        request.check()?;
        Ok(request)
    }

    fn add_shown(&mut self, list: &str) -> Result<(), Refusal> {
        for item in list.split(',').map(str::trim).filter(|_| !list.is_empty()) {
            match item {
                "color" => self.show.color = true,
                "traces" => self.show.traces = true,
                "verbose" => self.show.verbose = true,
                "version" => self.show.version = true,
                _ => return Err(invalid(list, "show")),
            }
            self.shows_anything = true;
        }
        Ok(())
    }

    /// What contradicts itself, in govulncheck's order.
    fn check(&self) -> Result<(), Refusal> {
        if self.json && self.format.is_some() {
            return Err(usage("the -json flag cannot be used with -format flag"));
        }
        let name = match self.format() {
            Format::Text => return self.check_mode(),
            Format::Json => "json",
            Format::Sarif => "sarif",
            Format::OpenVex => "openvex",
        };
        if self.shows_anything || self.version {
            let message = format!("the -show flag is not supported for {name} output");
            return Err(usage(message));
        }
        self.check_mode()
    }

    fn check_mode(&self) -> Result<(), Refusal> {
        match self.mode.as_str() {
            _ if self.version => return Ok(()),
            "binary" => {}
            "" | "source" | "query" | "convert" | "extract" => {
                return Err(usage(
                    "handpie analyzes binaries only: use -mode=binary, or govulncheck itself",
                ));
            }
            other => return Err(invalid(other, "mode")),
        }
        if self.test {
            return Err(usage("the -test flag is not supported in binary mode"));
        }
        if self.tags {
            return Err(usage("the -tags flag is not supported in binary mode"));
        }
        self.file().map(|_| ())
    }

    fn file(&self) -> Result<&Path, Refusal> {
        let [file] = self.files.as_slice() else {
            return Err(usage("only 1 binary can be analyzed at a time"));
        };
        match file.is_dir() || !file.exists() {
            true => Err(usage(format!("\"{}\" is not a file", file.display()))),
            false => Ok(file),
        }
    }

    fn format(&self) -> Format {
        match self.json {
            true => Format::Json,
            false => self.format.unwrap_or(Format::Text),
        }
    }
}

fn level(text: &str) -> Result<Tier, Refusal> {
    let mut tiers = Tier::WORST_FIRST.into_iter();
    let found = tiers.find(|tier| tier.name() == text);
    found.ok_or_else(|| invalid(text, "scan"))
}

fn format(text: &str) -> Result<Format, Refusal> {
    match text {
        "text" => Ok(Format::Text),
        "json" => Ok(Format::Json),
        "sarif" => Ok(Format::Sarif),
        "openvex" => Ok(Format::OpenVex),
        _ => Err(invalid(text, "format")),
    }
}

/// The value of a flag that is on when nothing is said.
fn is_on(name: &str, value: Option<&str>) -> Result<bool, Refusal> {
    match value {
        None | Some("true" | "1" | "t" | "T" | "TRUE" | "True") => Ok(true),
        Some("false" | "0" | "f" | "F" | "FALSE" | "False") => Ok(false),
        Some(value) => Err(usage(format!(
            "invalid boolean value \"{value}\" for -{name}: parse error"
        ))),
    }
}

fn invalid(value: &str, flag: &str) -> Refusal {
    usage(format!(
        "invalid value \"{value}\" for flag -{flag}: see -help for details"
    ))
}

fn usage(message: impl Into<String>) -> Refusal {
    Refusal::Usage(message.into())
}
