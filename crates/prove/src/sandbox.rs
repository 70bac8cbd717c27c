//! How the program is confined, and what was fallen back to where the machine does not allow it.
//!
//! Three kinds of process stand between us and the program:
//!
//! ```text
//! our thread ── helper           confines itself once, then starts a program for each request
//!     │            └── init      process 1 of a fresh PID namespace: with it, everything in there dies
//!     └── program (many)         cloned by the helper with CLONE_PARENT, so that we are its parent
//! ```
//!
//! The helper is in fresh mount, network, IPC, UTS and cgroup namespaces (and a user namespace
//! where we are not root), with an empty file system as its root, no privileges, and no file open
//! but those it needs. Each step that fails is written down in [`Confinement`] and the next weaker
//! thing is tried. The program is executed through its open file, so that it keeps its own file
//! system: that matters for its load address.
//!
//! After the fork nothing here allocates; all strings are made before.

use std::fs::File;
use std::io::{PipeReader, PipeWriter, Read, Write};
use std::net::Shutdown;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::signal::{SigSet, SigmaskHow, Signal, kill, sigprocmask};
use nix::sys::{prctl, ptrace};
use nix::unistd::{self, Pid};

use crate::confine::{self, Confinement, Root, Step};
use crate::error::Error;
use crate::program::Program;
use crate::sys::{self, CStrings, Status};

/// How long the helper may take to confine itself or to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// The confined helper, ready to start programs.
pub(crate) struct Sandbox {
    helper: Pid,
    control: UnixStream,
    gate: Option<PipeWriter>,
    /// What the program prints, when it is started with [`Output::Captured`].
    pub(crate) stdout: PipeReader,
    /// What the program says, when it is started with [`Output::Captured`].
    pub(crate) stderr: PipeReader,
    pub(crate) confinement: Confinement,
}

/// Where a program's output goes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Output {
    /// To `/dev/null`.
    Discarded,
    /// To [`Sandbox::stdout`] and [`Sandbox::stderr`].
    Captured,
}

/// What the helper and the programs tell us: eight bytes, a tag and a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Message {
    /// A step of the confinement failed.
    Failed(Step, Errno),
    /// A step of the confinement worked.
    Done(Step),
    /// The helper waits for requests.
    Ready,
    /// A program waits at the gate.
    Started(Pid),
    /// The helper could not fork.
    NotStarted(Errno),
    /// The kernel refused the program.
    NotExecuted(Errno),
}

/// What the helper has from us; all of it made before the fork.
struct Helper<'a> {
    program: &'a File,
    arguments: &'a CStrings,
    environment: &'a CStrings,
    null: File,
    control: UnixStream,
    gate: PipeReader,
    stdout: PipeWriter,
    stderr: PipeWriter,
    plan: confine::Plan,
}

impl Sandbox {
    /// Forks the helper and lets it confine itself. The calling thread is the parent of every
    /// program that will be started, and must be the one that waits for them.
    pub(crate) fn new(
        program: &Program,
        arguments: &CStrings,
        environment: &CStrings,
        root: Root,
        running_time: Duration,
    ) -> Result<Self, Error> {
        let io = |what| move |cause| Error::System { what, cause };
        let (control, theirs) = UnixStream::pair().map_err(io("make a socket pair"))?;
        let (gate_reader, gate) = std::io::pipe().map_err(io("make a pipe"))?;
        let (stdout, stdout_writer) = std::io::pipe().map_err(io("make a pipe"))?;
        let (stderr, stderr_writer) = std::io::pipe().map_err(io("make a pipe"))?;
        let null = File::options().read(true).write(true).open("/dev/null");
        let helper = Helper {
            program: &program.file,
            arguments,
            environment,
            null: null.map_err(io("open `/dev/null`"))?,
            control: theirs,
            gate: gate_reader,
            stdout: stdout_writer,
            stderr: stderr_writer,
            plan: confine::Plan::new(program.for_everybody, root, running_time),
        };
        control
            .set_read_timeout(Some(PATIENCE))
            .map_err(io("set a time limit"))?;
        let pid = sys::fork(|| helper.run()).map_err(Error::system("fork"))?;
        drop(helper);
        let mut sandbox = Self {
            helper: pid,
            control,
            gate: Some(gate),
            stdout,
            stderr,
            confinement: Confinement::default(),
        };
        loop {
            match sandbox.receive()? {
                Message::Ready => break,
                Message::Done(step) => sandbox.confinement.done(step),
                Message::Failed(step, errno) => sandbox.confinement.failed(step, errno),
                _ => return Err(Error::Helper("sent an unexpected message")),
            }
        }
        Ok(sandbox)
    }

    /// Starts the program, traced with `options`, and lets it run into its exec.
    pub(crate) fn start(&mut self, output: Output, options: ptrace::Options) -> Result<Pid, Error> {
        let request = [match output {
            Output::Discarded => b'd',
            Output::Captured => b'c',
        }];
        let gone = |_| Error::Helper("exited unexpectedly");
        self.control.write_all(&request).map_err(gone)?;
        let pid = loop {
            match self.receive()? {
                Message::Started(pid) => break pid,
                Message::NotStarted(errno) => return Err(Error::system("fork")(errno)),
                // An earlier program that we ended before we had read this.
                Message::NotExecuted(_) => {}
                _ => return Err(Error::Helper("sent an unexpected message")),
            }
        };
        if let Err(errno) = ptrace::seize(pid, options) {
            // It waits at the gate, untraced; it must not outlive this.
            let _ = kill(pid, Signal::SIGKILL);
            let _ = sys::wait_for(pid);
            return Err(Error::system("trace the program")(errno));
        }
        if let Some(gate) = &mut self.gate {
            gate.write_all(b"!").map_err(gone)?;
        }
        Ok(pid)
    }

    /// Why the kernel refused the program that has just ended before its exec.
    pub(crate) fn exec_failure(&mut self) -> Option<Errno> {
        match self.receive() {
            Ok(Message::NotExecuted(errno)) => Some(errno),
            _ => None,
        }
    }

    pub(crate) fn helper(&self) -> Pid {
        self.helper
    }

    fn receive(&mut self) -> Result<Message, Error> {
        let mut bytes = [0; 8];
        match self.control.read_exact(&mut bytes) {
            Ok(()) => Message::decode(bytes).ok_or(Error::Helper("sent an unexpected message")),
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                Err(Error::Helper("exited unexpectedly"))
            }
            Err(_) => Err(Error::Helper("does not respond")),
        }
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        // At the end of the requests the helper ends init, and with it everything in its namespace,
        // waits for it, and exits. Killing the helper at once would leave init to somebody else.
        let _ = self.control.shutdown(Shutdown::Both);
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            match sys::wait_any() {
                Ok(Some((pid, Status::Exited(_) | Status::Killed(_)))) if pid == self.helper => {
                    return;
                }
                Ok(_) => std::thread::sleep(Duration::from_micros(100)),
                Err(_) => return,
            }
        }
        let _ = kill(self.helper, Signal::SIGKILL);
        let _ = sys::wait_for(self.helper);
    }
}

impl Helper<'_> {
    /// The life of the helper; what it returns is its exit status.
    fn run(&self) -> i32 {
        self.keep_only_what_is_needed();
        let say = |step: Step, result: nix::Result<()>| match result {
            Ok(()) => self.say(Message::Done(step)),
            Err(errno) => self.say(Message::Failed(step, errno)),
        };
        let fresh_pids = self.plan.confine(self.program.as_fd(), &say);
        // From here on: no root, no network, no privileges, no file but those of `self`.
        let init = if fresh_pids {
            self.start_init(&say)
        } else {
            None
        };
        self.say(Message::Ready);
        let mut request = [0; 1];
        // An end of file means that our thread has gone.
        while let Ok(1) = unistd::read(&self.control, &mut request) {
            let captured = request == [b'c'];
            match sys::clone_sibling(|| self.run_program(captured)) {
                Ok(pid) => self.say(Message::Started(pid)),
                Err(errno) => self.say(Message::NotStarted(errno)),
            }
        }
        if let Some((init, _)) = init {
            let _ = kill(init, Signal::SIGKILL);
            let _ = sys::wait_for(init);
        }
        0
    }

    /// Process 1: it waits for the end of the helper, however that comes, and lets orphans vanish
    /// when they die. A pipe and not `PR_SET_PDEATHSIG`, which a quick end could forestall.
    fn start_init(&self, say: confine::Say<'_>) -> Option<(Pid, OwnedFd)> {
        let (reader, writer) = unistd::pipe2(OFlag::O_CLOEXEC).ok()?;
        let init = sys::fork(|| {
            sys::ignore_children();
            if let Ok(only) = u32::try_from(reader.as_raw_fd()) {
                // What is open here would look open to those who wait for its end.
                let _ = sys::close_files(0, only.saturating_sub(1));
                let _ = sys::close_files(only + 1, u32::MAX);
            }
            while unistd::read(&reader, &mut [0; 1]) == Err(Errno::EINTR) {}
            0
        });
        say(Step::Init, init.map(drop));
        Some((init.ok()?, writer))
    }

    /// The life of the program until it is the program.
    fn run_program(&self, captured: bool) -> i32 {
        let _ = prctl::set_pdeathsig(Signal::SIGKILL);
        let _ = unistd::setsid();
        let (stdout, stderr) = match captured {
            true => (self.stdout.as_fd(), self.stderr.as_fd()),
            false => (self.null.as_fd(), self.null.as_fd()),
        };
        let _ = unistd::dup2_stdout(stdout);
        let _ = unistd::dup2_stderr(stderr);
        self.plan.limit();
        // Wait until we are traced.
        let mut byte = [0; 1];
        if unistd::read(&self.gate, &mut byte) != Ok(1) {
            return 126;
        }
        let errno = sys::execute(self.program.as_fd(), self.arguments, self.environment);
        self.say(Message::NotExecuted(errno));
        126
    }

    fn keep_only_what_is_needed(&self) {
        let _ = unistd::setsid();
        sys::default_signals();
        let _ = sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::empty()), None);
        let _ = unistd::dup2_stdin(&self.null);
        let _ = unistd::dup2_stdout(&self.null);
        let _ = unistd::dup2_stderr(&self.null);
        // Another thread's pipe that stays open here would make its reader wait for us.
        let mut keep = [
            self.program.as_raw_fd(),
            self.null.as_raw_fd(),
            self.control.as_raw_fd(),
            self.gate.as_raw_fd(),
            self.stdout.as_raw_fd(),
            self.stderr.as_raw_fd(),
            self.plan.removed_folder(),
        ];
        keep.sort_unstable();
        let mut first = 3;
        for fd in keep.into_iter().filter_map(|fd| u32::try_from(fd).ok()) {
            if fd > first {
                let _ = sys::close_files(first, fd - 1);
            }
            first = first.max(fd + 1);
        }
        let _ = sys::close_files(first, u32::MAX);
    }

    fn say(&self, message: Message) {
        let control: BorrowedFd<'_> = self.control.as_fd();
        let _ = unistd::write(control, &message.encode());
    }
}

impl Message {
    fn encode(self) -> [u8; 8] {
        let (tag, value) = match self {
            Self::Ready => (0, 0),
            Self::Started(pid) => (1, pid.as_raw()),
            Self::NotStarted(errno) => (2, errno as i32),
            Self::NotExecuted(errno) => (3, errno as i32),
            Self::Done(step) => (0x100 | step as u32, 0),
            Self::Failed(step, errno) => (0x100 | step as u32, errno as i32),
        };
        let ([a, b, c, d], [e, f, g, h]) = (u32::to_ne_bytes(tag), i32::to_ne_bytes(value));
        [a, b, c, d, e, f, g, h]
    }

    fn decode([a, b, c, d, e, f, g, h]: [u8; 8]) -> Option<Self> {
        let tag = u32::from_ne_bytes([a, b, c, d]);
        let value = i32::from_ne_bytes([e, f, g, h]);
        Some(match tag {
            0 => Self::Ready,
            1 => Self::Started(Pid::from_raw(value)),
            2 => Self::NotStarted(Errno::from_raw(value)),
            3 => Self::NotExecuted(Errno::from_raw(value)),
            _ => {
                let step = Step::ALL
                    .into_iter()
                    .find(|step| *step as u32 | 0x100 == tag)?;
                match value {
                    0 => Self::Done(step),
                    errno => Self::Failed(step, Errno::from_raw(errno)),
                }
            }
        })
    }
}
