//! Runs a program in an empty root and shows what can be seen of it only while it runs.
//!
//! [`prove`] answers whether it starts there at all, whether it is alone in its memory, whether
//! its RELRO pages are read-only, and how many bits of its addresses are a secret. "Two runs
//! differ" proves nothing: a load address of 19 random bits differs as surely as one of 28. So the
//! program is loaded hundreds of times, and the bits are counted.
//!
//! The program may be hostile. It has no network, no files, no privileges, limits, and a deadline;
//! see `sandbox.rs`. What the machine does not allow is reported, not passed over.
//!
//! Nothing is printed here, and nothing is known of how a report looks. Linux only; programs for
//! another CPU than this machine's are refused.

mod claim;
mod judge;
mod sandbox;
mod confine;
mod trace;
mod measure;
mod image;
mod observe;
mod entropy;
mod machine;
mod program;
mod sys;
mod error;

pub use claim::{Base, Claim, Code, LEAST_BITS, Verdict};
pub use confine::{Confinement, Fallback, Step};
pub use entropy::{Entropy, Region, Relation, estimate, relations};
pub use error::Error;
pub use machine::Machine;
pub use measure::{Spread, StartUp};
pub use observe::Mapping;
pub use trace::Ending;

use std::ffi::{CString, OsString};
use std::os::unix::ffi::OsStringExt;
use std::path::Path;
use std::time::Duration;

use handpie_binary::Address;
use serde::Serialize;

use crate::confine::Root;
use crate::measure::{Observation, Samples};
use crate::program::Program;
use crate::sandbox::Sandbox;
use crate::sys::CStrings;

/// How a program is to be run.
#[derive(Clone, Debug)]
pub struct Request {
    /// The program's arguments, without its own name.
    pub arguments: Vec<OsString>,
    /// The program's environment; ours is not passed on.
    pub environment: Vec<(OsString, OsString)>,
    /// How many times it is loaded for the statistics of its addresses.
    pub runs: usize,
    /// How many times it is started for the addresses that it chooses itself, and for the cost of
    /// starting.
    pub starts: usize,
    /// How long it may run while it is watched.
    pub time: Duration,
    /// The program's own entry, as a link address, where the ELF header's entry is a start-up
    /// stub: the cost of starting is measured up to there. None for the ELF header's.
    pub program_entry: Option<Address>,
    /// Whether that stub moves the program to another address first: then addresses are looked at
    /// when the program's own entry is reached, and not before.
    pub moves: bool,
    /// Whether that stub asks the kernel to seal the program's read-only memory.
    pub seals: bool,
}

impl Default for Request {
    fn default() -> Self {
        Self {
            arguments: Vec::new(),
            environment: Vec::new(),
            runs: 200,
            starts: 20,
            time: Duration::from_millis(500),
            program_entry: None,
            moves: false,
            seals: false,
        }
    }
}

/// What was claimed, what was seen, and on which machine.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Proof {
    /// Every claim once, in the order of [`Code::ALL`].
    pub claims: Vec<Claim>,
    /// How the program was confined.
    pub confinement: Confinement,
    /// What the machine promises.
    pub machine: Machine,
    /// How the watched run ended.
    pub ending: Ending,
    /// The beginning of what it printed in the watched run, up to 64 KiB.
    pub stdout: Text,
    /// The beginning of what it said in the watched run, up to 64 KiB.
    pub stderr: Text,
    /// What of its read-only memory is sealed.
    pub sealing: Sealing,
    /// The memory of the watched run at the end of its time or just before its exit.
    pub maps: Vec<Mapping>,
    /// What kind of load address it has; none when it could not be loaded.
    pub base: Option<Base>,
    /// What is known about the address of each region.
    pub entropy: Vec<Entropy>,
    /// Which regions tell something about each other.
    pub relations: Vec<Relation>,
    /// The cost of starting; none when the entry was not reached.
    pub start_up: Option<StartUp>,
}

/// What of the program's own read-only memory nothing can make writable again (`mseal`, Linux 6.10 and
/// newer).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Sealing {
    /// Whether the program asks for it when it starts.
    pub asked: bool,
    /// How much is sealed, in bytes.
    pub sealed: u64,
    /// How much could be: code, read-only data and RELRO, in bytes.
    pub read_only: u64,
}

/// The beginning of a stream, made readable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Text {
    /// The bytes as UTF-8; what is not is replaced by U+FFFD.
    pub text: String,
    /// How many bytes there were in all, in as long as we listened.
    pub total: u64,
}

impl Proof {
    /// Whether every claim is proven.
    pub fn is_complete(&self) -> bool {
        self.claims.iter().all(Claim::is_proven)
    }

    /// The claim of that code; there is always one.
    pub fn claim(&self, code: Code) -> Option<&Claim> {
        self.claims.iter().find(|claim| claim.code == code)
    }
}

/// Runs the program at `path` as `request` says, and judges it.
///
/// # Errors
/// When there is nothing to judge: the file cannot be read, is no program of this machine's CPU, or
/// the operating system refuses what every run needs. A program that does not start is no error.
pub fn prove(path: &Path, request: &Request) -> Result<Proof, Error> {
    // ptrace(2) and wait(2) are matters of one thread, and the children of the others are not ours.
    std::thread::scope(|scope| match scope.spawn(|| run(path, request)).join() {
        Ok(result) => result,
        Err(panic) => std::panic::resume_unwind(panic),
    })
}

fn run(path: &Path, request: &Request) -> Result<Proof, Error> {
    let program = Program::open(path)?;
    let machine = Machine::of(&program);
    let (arguments, environment) = (arguments(path, request)?, environment(request)?);
    let sandbox = |root| Sandbox::new(&program, &arguments, &environment, root, request.time);
    let (mut empty, page) = (sandbox(Root::Empty)?, machine.page_size);
    // From here on everything that is started is confined, traced, and ended by us.

    let seen = measure::observe(&mut empty, &program, page, request.time)?;
    let entry = request.program_entry.unwrap_or(program.entry);
    let moved_to = request.moves.then_some(entry);
    let loaded = match &program.interpreter {
        None => measure::at_exec(&mut empty, &program, page, moved_to, request.runs)?,
        // An empty root has no loader; where the kernel puts the two can be seen all the same.
        Some(_) => {
            let mut machines = sandbox(Root::Machines)?;
            measure::at_exec(&mut machines, &program, page, None, request.runs)?
        }
    };
    let started = measure::after_start(&mut empty, &program, page, request.moves, request.starts)?;
    let start_up = measure::to_entry(&mut empty, &program, page, entry, request.starts)?;

    let entropy = entropies(&loaded, &started);
    let (random_base, base) = judge::of_base(&program, &machine, &entropy);
    let mut claims = judge::of_run(&program, &machine, &empty.confinement, &seen);
    let sealing = sealing(request.seals, &seen);
    claims.push(random_base);
    claims.sort_by_key(|claim| Code::ALL.iter().position(|code| *code == claim.code));
    Ok(Proof {
        claims,
        confinement: empty.confinement.clone(),
        machine,
        ending: seen.ending,
        stdout: seen.captured.stdout.into(),
        stderr: seen.captured.stderr.into(),
        sealing,
        maps: seen.maps,
        base,
        relations: all_relations(&loaded, &started),
        entropy,
        start_up: start_up.map(|start_up| with_exit(start_up, &started)),
    })
}

fn sealing(asked: bool, seen: &Observation) -> Sealing {
    let file = seen.image.as_ref().map(|image| &image.file);
    let own = seen
        .maps
        .iter()
        .filter(|map| !map.writable && map.file.as_ref() == file);
    let size = |only_sealed: bool| {
        let maps = own.clone().filter(|map| map.sealed || !only_sealed);
        maps.map(|map| map.end.saturating_sub(map.start)).sum()
    };
    Sealing {
        asked,
        sealed: size(true),
        read_only: size(false),
    }
}

/// The regions of the kernel from the many runs, those of the program from the few.
fn entropies(loaded: &Samples, started: &Samples) -> Vec<Entropy> {
    let known = |region| loaded.regions.iter().any(|(it, _)| *it == region);
    let own = started.regions.iter().filter(|(region, _)| !known(*region));
    let mut entropy: Vec<Entropy> = loaded
        .regions
        .iter()
        .chain(own)
        .filter_map(|(region, addresses)| estimate(*region, addresses))
        .collect();
    entropy.sort_by_key(|it| it.region);
    entropy
}

fn all_relations(loaded: &Samples, started: &Samples) -> Vec<Relation> {
    let known = |region| loaded.regions.iter().any(|(it, _)| *it == region);
    let mut found = relations(&loaded.regions);
    let own = relations(&started.regions)
        .into_iter()
        .filter(|it| !known(it.first) || !known(it.second));
    found.extend(own);
    found
}

fn with_exit(start_up: StartUp, started: &Samples) -> StartUp {
    let micros = started.times.iter().map(|time| time.as_micros());
    let mut micros: Vec<u64> = micros.filter_map(|it| it.try_into().ok()).collect();
    StartUp {
        microseconds_to_exit: Spread::of(&mut micros),
        ..start_up
    }
}

fn arguments(path: &Path, request: &Request) -> Result<CStrings, Error> {
    let name = path.file_name().unwrap_or(path.as_os_str()).to_owned();
    let all = std::iter::once(name).chain(request.arguments.iter().cloned());
    all.map(c_string)
        .collect::<Result<_, _>>()
        .map(CStrings::new)
}

fn environment(request: &Request) -> Result<CStrings, Error> {
    let pairs = request.environment.iter().map(|(name, value)| {
        let mut pair = name.clone();
        pair.push("=");
        pair.push(value);
        c_string(pair)
    });
    pairs.collect::<Result<_, _>>().map(CStrings::new)
}

fn c_string(text: OsString) -> Result<CString, Error> {
    CString::new(text.into_vec()).map_err(|error| Error::Nul {
        text: String::from_utf8_lossy(&error.into_vec()).into_owned(),
    })
}

impl From<trace::Stream> for Text {
    fn from(stream: trace::Stream) -> Self {
        Self {
            text: String::from_utf8_lossy(&stream.bytes).into_owned(),
            total: stream.total,
        }
    }
}
