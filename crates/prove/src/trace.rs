//! Watching a program run: ptrace(2), one event after the other, all with a deadline.
//!
//! The program's threads and children are traced too, so that none outlives the proof: a child
//! stands still from its first moment until we let it run, and while we are ending things we let
//! nothing run. Signals are passed on, stops by SIGSTOP and its like are left as they are.
//!
//! Waiting is polling, with pauses that grow to a millisecond. waitpid cannot be given a deadline,
//! and a library must not take SIGCHLD or an alarm from its caller.

use std::collections::BTreeSet;
use std::io::{PipeReader, Read};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::ptrace;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde::Serialize;

use crate::error::Error;
use crate::observe;
use crate::sandbox::{Output, Sandbox};
use crate::sys::{self, Status};

/// How much of each stream is kept, in bytes.
pub(crate) const CAPTURE: usize = 64 << 10;

/// How long ending everything may take before we leave it to the end of the namespace.
const ENDING: Duration = Duration::from_secs(5);

/// How a run of the program ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Ending {
    /// It ended by itself with this status.
    Exited {
        /// What it gave to `exit`.
        status: i32,
    },
    /// A signal ended it.
    Killed {
        /// The name of the signal, such as `SIGSEGV`.
        signal: String,
        /// The address that could not be accessed, where the signal is about one.
        address: Option<u64>,
    },
    /// It was still there when its time was over, and was ended by us.
    StillRunning {
        /// Whether it stood still because of a SIGSTOP or the like.
        stopped: bool,
    },
    /// The kernel refused to start it.
    NotExecuted {
        /// The name of the error, such as `ENOENT`.
        errno: String,
    },
}

/// What happened next.
pub(crate) enum Event {
    /// The program is in memory and has not run an instruction.
    Executed,
    /// A thread of the program is about to exit; its memory can still be read.
    Exiting,
    /// The program stopped at SIGTRAP.
    Trapped,
    /// The program has ended.
    Ended(Ending),
    /// The time is over.
    Late,
}

/// One run of the program.
pub(crate) struct Run<'a> {
    sandbox: &'a mut Sandbox,
    /// The program's process.
    pub(crate) pid: Pid,
    /// How many times it called exec; more than once means that it is another program now.
    pub(crate) executions: usize,
    tasks: BTreeSet<Pid>,
    pending: Option<(Pid, i32)>,
    catch_traps: bool,
    fault: Option<(i32, u64)>,
    stopped: bool,
    captured: Option<Captured>,
}

/// What the program wrote.
#[derive(Default)]
pub(crate) struct Captured {
    pub(crate) stdout: Stream,
    pub(crate) stderr: Stream,
}

/// The beginning of one stream.
#[derive(Default)]
pub(crate) struct Stream {
    pub(crate) bytes: Vec<u8>,
    /// How many bytes there were in all.
    pub(crate) total: u64,
    closed: bool,
}

impl<'a> Run<'a> {
    /// Starts the program; the first event is its exec or its end.
    pub(crate) fn start(sandbox: &'a mut Sandbox, output: Output) -> Result<Self, Error> {
        let options = ptrace::Options::PTRACE_O_TRACEEXEC
            | ptrace::Options::PTRACE_O_TRACEEXIT
            | ptrace::Options::PTRACE_O_TRACECLONE
            | ptrace::Options::PTRACE_O_TRACEFORK
            | ptrace::Options::PTRACE_O_TRACEVFORK
            | ptrace::Options::PTRACE_O_EXITKILL;
        let pid = sandbox.start(output, options)?;
        Ok(Self {
            sandbox,
            pid,
            executions: 0,
            tasks: BTreeSet::from([pid]),
            pending: None,
            catch_traps: false,
            fault: None,
            stopped: false,
            captured: (output == Output::Captured).then(Captured::default),
        })
    }

    /// Stop at SIGTRAP from now on, because we have set a breakpoint.
    pub(crate) fn catch_traps(&mut self) {
        self.catch_traps = true;
    }

    /// Lets the program run on to its next event, but not beyond `deadline`.
    pub(crate) fn next(&mut self, deadline: Instant) -> Result<Event, Error> {
        if let Some((pid, signal)) = self.pending.take() {
            // ESRCH: it was killed meanwhile; its end will be reported.
            let _ = sys::resume(pid, signal);
        }
        let mut quiet_since = Instant::now();
        loop {
            if Instant::now() >= deadline {
                return Ok(Event::Late);
            }
            match sys::wait_any() {
                Ok(Some((pid, status))) => {
                    if let Some(event) = self.handle(pid, status)? {
                        return Ok(event);
                    }
                    quiet_since = Instant::now();
                }
                Ok(None) => self.pause(quiet_since.elapsed()),
                Err(Errno::EINTR) => {}
                Err(errno) => return Err(Error::system("wait for the program")(errno)),
            }
        }
    }

    /// Ends the program and everything it started; gives what it wrote.
    pub(crate) fn end(mut self) -> Result<Option<Captured>, Error> {
        self.kill_all()?;
        self.drain();
        Ok(self.captured.take())
    }

    /// Whether the program stands still because of a SIGSTOP or the like.
    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped
    }

    fn handle(&mut self, pid: Pid, status: Status) -> Result<Option<Event>, Error> {
        if pid == self.sandbox.helper() {
            return Err(Error::Helper("exited unexpectedly"));
        }
        match status {
            Status::Stopped(signal, event) => {
                self.tasks.insert(pid);
                Ok(self.handle_stop(pid, signal, event))
            }
            Status::Exited(status) => {
                self.tasks.remove(&pid);
                if pid != self.pid {
                    return Ok(None);
                }
                let refused = match self.executions {
                    0 => self.sandbox.exec_failure(),
                    _ => None,
                };
                Ok(Some(Event::Ended(match refused {
                    Some(errno) => Ending::NotExecuted {
                        errno: format!("{errno:?}"),
                    },
                    None => Ending::Exited { status },
                })))
            }
            Status::Killed(signal) => {
                self.tasks.remove(&pid);
                let address = self.fault.filter(|(fault, _)| *fault == signal);
                Ok((pid == self.pid).then(|| {
                    Event::Ended(Ending::Killed {
                        signal: signal_name(signal),
                        address: address.map(|(_, address)| address),
                    })
                }))
            }
        }
    }

    fn handle_stop(&mut self, pid: Pid, signal: i32, event: i32) -> Option<Event> {
        let is_ours = pid == self.pid;
        match event {
            // A signal on its way to the program.
            0 if signal == libc::SIGTRAP && self.catch_traps => {
                self.pending = Some((pid, 0));
                Some(Event::Trapped)
            }
            0 => {
                if let Ok(info) = ptrace::getsiginfo(pid)
                    && let Some(address) = sys::fault_address(&info)
                    && observe::is_thread_of(pid, self.pid)
                {
                    self.fault = Some((signal, address));
                }
                let _ = sys::resume(pid, signal);
                None
            }
            libc::PTRACE_EVENT_EXEC if is_ours => {
                self.executions += 1;
                self.pending = Some((pid, 0));
                Some(Event::Executed)
            }
            // Before the exec it is still our own code that exits.
            libc::PTRACE_EVENT_EXIT
                if self.executions > 0 && observe::is_thread_of(pid, self.pid) =>
            {
                self.pending = Some((pid, 0));
                Some(Event::Exiting)
            }
            // A new task's first stop has SIGTRAP; anything else is a group-stop.
            libc::PTRACE_EVENT_STOP if signal != libc::SIGTRAP => {
                self.stopped |= is_ours;
                let _ = sys::leave_stopped(pid);
                None
            }
            _ => {
                if is_ours && event == libc::PTRACE_EVENT_STOP {
                    self.stopped = false;
                }
                let _ = sys::resume(pid, 0);
                None
            }
        }
    }

    /// Kills until nothing is left. What is stopped is not resumed, so a task can fork at most once
    /// more, and its child is stopped at birth.
    fn kill_all(&mut self) -> Result<(), Error> {
        let deadline = Instant::now() + ENDING;
        let mut quiet_since = Instant::now();
        for task in &self.tasks {
            let _ = kill(*task, Signal::SIGKILL);
        }
        if let Some((pid, _)) = self.pending.take() {
            // One that is exiting already takes no signal; the others die before they run.
            let _ = sys::resume(pid, 0);
        }
        while !self.tasks.is_empty() && Instant::now() < deadline {
            match sys::wait_any() {
                Ok(Some((pid, _))) if pid == self.sandbox.helper() => {
                    return Err(Error::Helper("exited unexpectedly"));
                }
                Ok(Some((pid, Status::Stopped(_, event)))) => {
                    self.tasks.insert(pid);
                    let _ = kill(pid, Signal::SIGKILL);
                    if event == libc::PTRACE_EVENT_EXIT {
                        let _ = sys::resume(pid, 0);
                    }
                }
                Ok(Some((pid, _))) => {
                    self.tasks.remove(&pid);
                    quiet_since = Instant::now();
                }
                Ok(None) => {
                    // A thread that called exec has another number now and will not report.
                    self.tasks
                        .retain(|task| kill(*task, None) != Err(Errno::ESRCH));
                    self.pause(quiet_since.elapsed());
                }
                Err(Errno::EINTR) => {}
                Err(_) => break,
            }
        }
        Ok(())
    }

    /// Passes a little time: none in the first moments, so that times of microseconds can be
    /// measured, and up to a millisecond when nothing happens for long. Reads output meanwhile.
    fn pause(&mut self, quiet: Duration) {
        let spinning = quiet < Duration::from_micros(300);
        let long = quiet > Duration::from_millis(5);
        if spinning {
            std::thread::yield_now();
        } else if self.captured.is_none() || !long {
            std::thread::sleep((quiet / 8).min(Duration::from_millis(1)));
        }
        if let Some(captured) = &mut self.captured
            && !spinning
        {
            captured.read(self.sandbox, u8::from(long));
        }
    }

    fn drain(&mut self) {
        if let Some(captured) = &mut self.captured {
            // At most what fits in a pipe is left, once its writers are dead.
            for _ in 0..64 {
                if !captured.read(self.sandbox, 0) {
                    break;
                }
            }
        }
    }
}

impl Drop for Run<'_> {
    fn drop(&mut self) {
        let _ = self.kill_all();
    }
}

impl Captured {
    /// Reads once from each stream that has something, waiting up to `timeout` milliseconds.
    fn read(&mut self, sandbox: &mut Sandbox, timeout: u8) -> bool {
        let out = self.stdout.read(&mut sandbox.stdout, timeout);
        let err = self.stderr.read(&mut sandbox.stderr, 0);
        out || err
    }
}

impl Stream {
    fn read(&mut self, pipe: &mut PipeReader, timeout: u8) -> bool {
        let mut ready = [PollFd::new(pipe.as_fd(), PollFlags::POLLIN)];
        if self.closed || !matches!(poll(&mut ready, PollTimeout::from(timeout)), Ok(1..)) {
            return false;
        }
        let mut buffer = [0; 16 << 10];
        let count = pipe.read(&mut buffer).unwrap_or(0);
        self.closed = count == 0;
        self.total += count as u64;
        let room = CAPTURE.saturating_sub(self.bytes.len());
        self.bytes.extend(buffer.iter().take(count.min(room)));
        count != 0
    }
}

/// `SIGSEGV` and so on; a number for what has no name here.
fn signal_name(signal: i32) -> String {
    match Signal::try_from(signal) {
        Ok(signal) => signal.as_str().to_owned(),
        Err(_) => format!("signal {signal}"),
    }
}
