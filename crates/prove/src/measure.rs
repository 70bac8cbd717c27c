//! The runs of the program: one that is watched, and many that are stopped early and counted.
//!
//! * *At exec*: the kernel has laid out the program and no instruction of it has run. Cheap, so
//!   there are hundreds. A program that moves itself first is stopped when it has, at its own entry.
//! * *After start*: the program has run until it made its heap, or exited, or its time was over.
//!   Fewer, because each costs what the program costs.
//! * *To the entry*: a breakpoint at the program's own entry measures what a start-up stub costs.

use std::time::{Duration, Instant};

use handpie_binary::Address;
use nix::sys::ptrace;
use nix::unistd::Pid;
use serde::Serialize;

use crate::entropy::Region;
use crate::error::Error;
use crate::image::{Image, kernel_regions, made_regions};
use crate::observe::{self, Mapping};
use crate::program::Program;
use crate::sandbox::{Output, Sandbox};
use crate::trace::{Captured, Ending, Event, Run};

/// How long the kernel may take to load the program.
const LOADING: Duration = Duration::from_secs(10);
/// How long all the runs of one kind may take; after that there are fewer of them.
const SAMPLING: Duration = Duration::from_secs(20);
/// How long a run *after start* lasts at most.
const STARTING: Duration = Duration::from_millis(50);
/// How long it lasts once memory of its own was seen, unless Go's heap is still to come.
const STARTED: Duration = Duration::from_millis(10);
/// How many of its own exits a program may make us look at.
const EXITS: usize = 64;

/// The run that is watched.
pub(crate) struct Observation {
    pub(crate) ending: Ending,
    /// From exec to the end.
    pub(crate) time: Duration,
    /// The memory at the end of its time, or just before it exited.
    pub(crate) maps: Vec<Mapping>,
    pub(crate) image: Option<Image>,
    /// How many times it called exec.
    pub(crate) executions: usize,
    pub(crate) captured: Captured,
}

/// The addresses of the regions in a number of runs, in the order of the runs.
#[derive(Default)]
pub(crate) struct Samples {
    pub(crate) regions: Vec<(Region, Vec<u64>)>,
    /// From exec to exit, of the runs that ended by themselves.
    pub(crate) times: Vec<Duration>,
}

/// What it costs to come from exec to the program's own entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StartUp {
    /// How many runs were measured.
    pub runs: usize,
    /// The entry up to which was measured, as a link address.
    pub entry: u64,
    /// Page faults that needed no disk, from exec to the entry.
    pub minor_faults: Spread,
    /// Page faults that waited for a disk, from exec to the entry.
    pub major_faults: Spread,
    /// From exec to the entry, in microseconds; a few of them are ours.
    pub microseconds: Spread,
    /// From exec to exit, in microseconds, of short programs that ended by themselves.
    pub microseconds_to_exit: Option<Spread>,
}

/// The least, the middle and the greatest of some numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Spread {
    pub least: u64,
    pub median: u64,
    pub greatest: u64,
}

/// Watches the program for `time`.
pub(crate) fn observe(
    sandbox: &mut Sandbox,
    program: &Program,
    page_size: u64,
    time: Duration,
) -> Result<Observation, Error> {
    let mut run = Run::start(sandbox, Output::Captured)?;
    let mut deadline = Instant::now() + LOADING;
    let mut started = Instant::now();
    let (mut image, mut maps, mut exits) = (None, Vec::new(), 0);
    let ending = loop {
        match run.next(deadline)? {
            Event::Executed => {
                if run.executions == 1 {
                    image = Image::at_exec(run.pid, program, page_size);
                    started = Instant::now();
                    deadline = started + time;
                }
            }
            Event::Exiting => {
                exits += 1;
                if exits <= EXITS {
                    look(run.pid, &mut maps);
                }
            }
            Event::Trapped => {}
            Event::Ended(ending) => break ending,
            Event::Late => {
                look(run.pid, &mut maps);
                break Ending::StillRunning {
                    stopped: run.is_stopped(),
                };
            }
        }
    };
    let (time, executions) = (started.elapsed(), run.executions);
    let captured = run.end()?.unwrap_or_default();
    Ok(Observation {
        // A program may have moved itself since: its own mappings tell.
        image: image.map(|image: Image| image.now(&maps, program, page_size)),
        ending,
        time,
        maps,
        executions,
        captured,
    })
}

/// Looks at the memory of a process; what an earlier look has seen whole is not given up for half of it.
fn look(pid: Pid, maps: &mut Vec<Mapping>) {
    let mut now = observe::maps(pid);
    let is_whole = observe::mark_sealed(pid, &mut now);
    if !now.is_empty() && (is_whole || maps.is_empty()) {
        *maps = now;
    }
}

/// Loads the program `count` times without letting it run, or only up to `entry` if it moves itself
/// before.
pub(crate) fn at_exec(
    sandbox: &mut Sandbox,
    program: &Program,
    page_size: u64,
    entry: Option<Address>,
    count: usize,
) -> Result<Samples, Error> {
    let over = Instant::now() + SAMPLING;
    let mut samples = Samples::default();
    for _ in 0..count {
        let mut run = Run::start(sandbox, Output::Discarded)?;
        let Event::Executed = run.next(Instant::now() + LOADING)? else {
            break;
        };
        if let Some(entry) = entry
            && !run_to(&mut run, program, page_size, entry)?
        {
            break;
        }
        samples.add(&kernel_regions(run.pid, program, page_size));
        run.end()?;
        if Instant::now() > over {
            break;
        }
    }
    Ok(samples)
}

/// Lets the program start `count` times, until its heap is there.
pub(crate) fn after_start(
    sandbox: &mut Sandbox,
    program: &Program,
    page_size: u64,
    moves: bool,
    count: usize,
) -> Result<Samples, Error> {
    let over = Instant::now() + SAMPLING;
    let mut samples = Samples::default();
    for _ in 0..count {
        let mut run = Run::start(sandbox, Output::Discarded)?;
        let Event::Executed = run.next(Instant::now() + LOADING)? else {
            break;
        };
        let started = Instant::now();
        let mut regions = kernel_regions(run.pid, program, page_size);
        let mut image = Image::at_exec(run.pid, program, page_size);
        let deadline = started + STARTING;
        let mut made = Vec::new();
        loop {
            let slice = (Instant::now() + Duration::from_millis(1)).min(deadline);
            match run.next(slice)? {
                Event::Executed if run.executions > 1 => break,
                Event::Executed | Event::Trapped => {}
                Event::Ended(_) => {
                    samples.times.push(started.elapsed());
                    break;
                }
                Event::Exiting | Event::Late => {
                    if moves && let Some(moved) = Image::at_exec(run.pid, program, page_size) {
                        regions = kernel_regions(run.pid, program, page_size);
                        image = Some(moved);
                    }
                    if let Some(image) = &image
                        && !made.iter().any(|(region, _)| *region == Region::GoHeap)
                    {
                        let maps = observe::maps(run.pid);
                        let found = made_regions(&maps, image, program, page_size);
                        made = if found.is_empty() { made } else { found };
                    }
                    let complete = match program.is_go {
                        true => made.iter().any(|(region, _)| *region == Region::GoHeap),
                        false => !made.is_empty() && started.elapsed() > STARTED,
                    };
                    if Instant::now() >= deadline || complete {
                        break;
                    }
                }
            }
        }
        run.end()?;
        regions.append(&mut made);
        samples.add(&regions);
        if Instant::now() > over {
            break;
        }
    }
    Ok(samples)
}

/// Lets the program run up to `entry`, `count` times; none where it never gets there.
pub(crate) fn to_entry(
    sandbox: &mut Sandbox,
    program: &Program,
    page_size: u64,
    entry: Address,
    count: usize,
) -> Result<Option<StartUp>, Error> {
    let (mut minor, mut major, mut times) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..count {
        let mut run = Run::start(sandbox, Output::Discarded)?;
        let Event::Executed = run.next(Instant::now() + LOADING)? else {
            break;
        };
        let before = observe::stat(run.pid).unwrap_or_default();
        let started = Instant::now();
        if !run_to(&mut run, program, page_size, entry)? {
            break;
        }
        times.push(started.elapsed().as_micros().try_into().unwrap_or(u64::MAX));
        let after = observe::stat(run.pid).unwrap_or_default();
        minor.push(after.minor_faults.saturating_sub(before.minor_faults));
        major.push(after.major_faults.saturating_sub(before.major_faults));
        run.end()?;
    }
    Ok(Spread::of(&mut times).and_then(|microseconds| {
        Some(StartUp {
            runs: times.len(),
            entry: entry.0,
            minor_faults: Spread::of(&mut minor)?,
            major_faults: Spread::of(&mut major)?,
            microseconds,
            microseconds_to_exit: None,
        })
    }))
}

/// Lets a program that has just been loaded run up to `entry`; whether it got there. If it moves
/// itself on the way, the breakpoint moves with it.
fn run_to(
    run: &mut Run<'_>,
    program: &Program,
    page_size: u64,
    entry: Address,
) -> Result<bool, Error> {
    let Some(image) = Image::at_exec(run.pid, program, page_size) else {
        return Ok(false);
    };
    if !set_breakpoint(run.pid, image.bias.wrapping_add(entry.0)) {
        return Ok(false);
    }
    run.catch_traps();
    let trapped = run.next(Instant::now() + Duration::from_secs(2))?;
    Ok(matches!(trapped, Event::Trapped))
}

impl Samples {
    /// Adds one run; a region that is missing in one run is no longer compared with others.
    fn add(&mut self, run: &[(Region, u64)]) {
        for (region, address) in run {
            match self.regions.iter_mut().find(|(known, _)| known == region) {
                Some((_, addresses)) => addresses.push(*address),
                None => self.regions.push((*region, vec![*address])),
            }
        }
    }
}

impl Spread {
    /// None of no numbers. Sorts them.
    pub(crate) fn of(numbers: &mut [u64]) -> Option<Self> {
        numbers.sort_unstable();
        Some(Self {
            least: *numbers.first()?,
            median: *numbers.get(numbers.len() / 2)?,
            greatest: *numbers.last()?,
        })
    }
}

/// Writes the CPU's breakpoint instruction over the one at `address`.
fn set_breakpoint(pid: Pid, address: u64) -> bool {
    const WORD: u64 = size_of::<nix::libc::c_long>() as u64;
    let instruction: &[u8] = match std::env::consts::ARCH {
        "x86_64" | "x86" => &[0xcc],
        "aarch64" => &[0x00, 0x00, 0x20, 0xd4],
        "loongarch64" => &[0x00, 0x00, 0x2a, 0x00],
        "riscv64" => &[0x02, 0x90],
        "s390x" => &[0x00, 0x01],
        "powerpc64" if cfg!(target_endian = "little") => &[0x08, 0x00, 0xe0, 0x7f],
        _ => return false,
    };
    let start = address - address % WORD;
    let inside = (address % WORD) as usize;
    let place = start as ptrace::AddressType;
    let Ok(word) = ptrace::read(pid, place) else {
        return false;
    };
    let mut bytes = word.to_ne_bytes();
    let Some(there) = bytes.get_mut(inside..inside + instruction.len()) else {
        return false;
    };
    there.copy_from_slice(instruction);
    ptrace::write(pid, place, nix::libc::c_long::from_ne_bytes(bytes)).is_ok()
}
