//! The one place that starts another program.
//!
//! Every start shows itself: a failure carries the command as a line that can be pasted into a
//! shell, with its folder and the environment that was set for it.
//! Standard input is always empty unless it is inherited on purpose, so that a tool that asks a
//! question fails instead of waiting.
//!
//! Not here: running a program that was built by a stranger; that is `handpie-prove`.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How much of a failed program's standard error an error shows.
const TAIL_LINES: usize = 20;

/// A program to start, with everything that is decided about the start.
#[derive(Clone, Debug)]
pub struct Tool {
    program: OsString,
    args: Vec<OsString>,
    env: BTreeMap<OsString, Option<OsString>>,
    dir: Option<PathBuf>,
    stdin: Stream,
    stdout: Stream,
    stderr: Stream,
    timeout: Option<Duration>,
    hint: Option<String>,
}

/// Where one of the standard streams goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// To the caller, in [`Output`]. For standard input: nothing to read.
    Capture,
    /// To where our own goes.
    Inherit,
    /// Nowhere.
    Null,
}

/// What a program left behind.
#[derive(Clone, Debug)]
pub struct Output {
    /// How it ended.
    pub status: ExitStatus,
    /// What it printed, if captured.
    pub stdout: Vec<u8>,
    /// What it said, if captured.
    pub stderr: Vec<u8>,
}

/// A program that could not be started or did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such program.
    #[error("`{}` is not in PATH\n    {command}{}", quote(.program.as_os_str()), hint_line(.hint))]
    NotFound {
        /// The program that was asked for.
        program: PathBuf,
        /// The whole command.
        command: String,
        /// Where to get it.
        hint: Option<String>,
    },
    /// It is there, but the operating system refused to start it.
    #[error("start `{}`: {cause}\n    {command}", quote(.program.as_os_str()))]
    Start {
        /// The program that was asked for.
        program: PathBuf,
        /// The whole command.
        command: String,
        /// What the operating system said.
        cause: std::io::Error,
    },
    /// It ran and failed.
    #[error("`{}` failed: {status}\n    {command}{}", quote(.program.as_os_str()), indent(.tail))]
    Failed {
        /// The program that was asked for.
        program: PathBuf,
        /// The whole command.
        command: String,
        /// How it ended.
        status: ExitStatus,
        /// The last lines of its standard error, if it was captured.
        tail: String,
    },
    /// It was still running at the end of its time, and was killed with its children.
    #[error("`{}` was still running after {} s and was stopped\n    {command}{}",
        quote(.program.as_os_str()), .limit.as_secs_f32(), indent(.tail))]
    TimedOut {
        /// The program that was asked for.
        program: PathBuf,
        /// The whole command.
        command: String,
        /// The time it was given.
        limit: Duration,
        /// The last lines of its standard error, if it was captured.
        tail: String,
    },
}

impl Tool {
    /// A program by name (looked up in PATH) or by path; all streams captured, no time limit.
    pub fn new(program: impl AsRef<OsStr>) -> Tool {
        Tool {
            program: program.as_ref().to_owned(),
            args: Vec::new(),
            env: BTreeMap::new(),
            dir: None,
            stdin: Stream::Null,
            stdout: Stream::Capture,
            stderr: Stream::Capture,
            timeout: None,
            hint: None,
        }
    }

    /// Adds one argument.
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Tool {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    /// Adds arguments.
    pub fn args(mut self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Tool {
        self.args
            .extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    /// Sets a variable of its environment; the others are ours.
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Tool {
        self.env
            .insert(name.as_ref().into(), Some(value.as_ref().into()));
        self
    }

    /// Removes a variable from its environment.
    pub fn env_remove(mut self, name: impl AsRef<OsStr>) -> Tool {
        self.env.insert(name.as_ref().into(), None);
        self
    }

    /// Starts it in this folder.
    pub fn dir(mut self, dir: impl Into<PathBuf>) -> Tool {
        self.dir = Some(dir.into());
        self
    }

    /// Decides about standard input ([`Stream::Null`] unless said otherwise).
    pub fn stdin(mut self, stream: Stream) -> Tool {
        self.stdin = stream;
        self
    }

    /// Decides about standard output ([`Stream::Capture`] unless said otherwise).
    pub fn stdout(mut self, stream: Stream) -> Tool {
        self.stdout = stream;
        self
    }

    /// Decides about standard error ([`Stream::Capture`] unless said otherwise).
    pub fn stderr(mut self, stream: Stream) -> Tool {
        self.stderr = stream;
        self
    }

    /// Kills it, and what it started, after this time.
    pub fn timeout(mut self, limit: Duration) -> Tool {
        self.timeout = Some(limit);
        self
    }

    /// What to tell the user when the program is not there.
    pub fn hint(mut self, hint: impl Into<String>) -> Tool {
        self.hint = Some(hint.into());
        self
    }

    /// Runs it; anything but success is an error.
    pub fn run(&self) -> Result<Output, Error> {
        let output = self.output()?;
        if output.status.success() {
            return Ok(output);
        }
        Err(Error::Failed {
            program: self.program.clone().into(),
            command: self.shell_line(),
            status: output.status,
            tail: tail(&output.stderr),
        })
    }

    /// Runs it; how it ended is for the caller to judge.
    pub fn output(&self) -> Result<Output, Error> {
        let mut command = self.command();
        if self.timeout.is_some() {
            own_group(&mut command);
        }
        let mut child = command.spawn().map_err(|cause| self.not_started(cause))?;
        let stdout = read_all(child.stdout.take());
        let stderr = read_all(child.stderr.take());
        let ended = self.wait(&mut child);
        let (stdout, stderr) = (join(stdout), join(stderr));
        match ended {
            Ok(Some(status)) => Ok(Output {
                status,
                stdout,
                stderr,
            }),
            Ok(None) => Err(Error::TimedOut {
                program: self.program.clone().into(),
                command: self.shell_line(),
                limit: self.timeout.unwrap_or_default(),
                tail: tail(&stderr),
            }),
            Err(cause) => Err(self.not_started(cause)),
        }
    }

    /// Starts it and returns at once: reading from it, waiting for it and stopping it are the
    /// caller's. The time limit does not apply.
    pub fn spawn(&self) -> Result<Child, Error> {
        self.command()
            .spawn()
            .map_err(|cause| self.not_started(cause))
    }

    /// Becomes the program, where the system can do that; elsewhere runs it.
    #[cfg(unix)]
    pub fn replace(&self) -> Result<ExitStatus, Error> {
        use std::os::unix::process::CommandExt;
        Err(self.not_started(self.command().exec()))
    }

    /// Becomes the program, where the system can do that; elsewhere runs it.
    #[cfg(not(unix))]
    pub fn replace(&self) -> Result<ExitStatus, Error> {
        Ok(self.output()?.status)
    }

    /// The command as a line for a POSIX shell.
    pub fn shell_line(&self) -> String {
        let mut line = String::new();
        if let Some(dir) = &self.dir {
            line.push_str("cd ");
            line.push_str(&quote(dir.as_os_str()));
            line.push_str(" && ");
        }
        let removed = self.env.iter().filter(|(_, value)| value.is_none());
        for (at, (name, _)) in removed.enumerate() {
            line.push_str(if at == 0 { "env -u " } else { "-u " });
            line.push_str(&quote(name));
            line.push(' ');
        }
        for (name, value) in &self.env {
            if let Some(value) = value {
                line.push_str(&name.to_string_lossy());
                line.push('=');
                line.push_str(&quote(value));
                line.push(' ');
            }
        }
        line + &self.short_line()
    }

    /// The program and its arguments alone, for a reader who need not repeat it to the letter.
    pub fn short_line(&self) -> String {
        let mut line = quote(&self.program);
        for arg in &self.args {
            line.push(' ');
            line.push_str(&quote(arg));
        }
        line
    }

    fn command(&self) -> Command {
        #[expect(
            clippy::disallowed_methods,
            reason = "this is the function that everyone else is told to use"
        )]
        let mut command = Command::new(&self.program);
        command.args(&self.args);
        for (name, value) in &self.env {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        if let Some(dir) = &self.dir {
            command.current_dir(dir);
            // The tools trust PWD where it names the folder; ours names another one.
            if let Ok(dir) = std::path::absolute(dir) {
                command.env("PWD", dir);
            }
        }
        command.stdin(match self.stdin {
            Stream::Inherit => Stdio::inherit(),
            Stream::Capture | Stream::Null => Stdio::null(),
        });
        command.stdout(stdio(self.stdout));
        command.stderr(stdio(self.stderr));
        command
    }

    /// The status, or nothing when the time is over and the program was killed.
    fn wait(&self, child: &mut Child) -> std::io::Result<Option<ExitStatus>> {
        let Some(limit) = self.timeout else {
            return child.wait().map(Some);
        };
        if let Some(ended) = wait_for_end(child, limit) {
            if !ended {
                kill_group(child);
            }
            let status = child.wait()?;
            return Ok(ended.then_some(status));
        }
        self.poll(child, limit)
    }

    /// The same where the system cannot be asked to wait for so long.
    fn poll(&self, child: &mut Child, limit: Duration) -> std::io::Result<Option<ExitStatus>> {
        let start = Instant::now();
        let mut pause = Duration::from_micros(200);
        loop {
            if let Some(status) = child.try_wait()? {
                return Ok(Some(status));
            }
            if start.elapsed() >= limit {
                kill_group(child);
                child.wait()?;
                return Ok(None);
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(20));
        }
    }

    fn not_started(&self, cause: std::io::Error) -> Error {
        let program = PathBuf::from(&self.program);
        let command = self.shell_line();
        // A missing folder to start in gives the same error as a missing program.
        let dir_is_there = self.dir.as_deref().is_none_or(Path::is_dir);
        if cause.kind() == std::io::ErrorKind::NotFound && dir_is_there {
            return Error::NotFound {
                program,
                command,
                hint: self.hint.clone(),
            };
        }
        Error::Start {
            program,
            command,
            cause,
        }
    }
}

/// One word for a POSIX shell, in one line; `$'…'` where a character cannot be shown as it is: a
/// control, or what is neither a letter nor a sign that anybody can see.
pub fn quote(word: &OsStr) -> String {
    let bytes = word.as_encoded_bytes();
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"_@%+=:,./-".contains(byte);
    let shown = |c: char| c.is_alphanumeric() || c.is_ascii_graphic() || c == ' ';
    match word.to_str() {
        Some(text) if !text.is_empty() && bytes.iter().all(plain) => text.to_owned(),
        Some(text) if text.chars().all(shown) => {
            format!("'{}'", text.replace('\'', r"'\''"))
        }
        _ => {
            let mut quoted = String::from("$'");
            for &byte in bytes {
                match byte {
                    b'\'' | b'\\' => quoted.extend(['\\', byte as char]),
                    b' '..=b'~' => quoted.push(byte as char),
                    // Three octal digits end the escape, whatever follows.
                    _ => _ = write!(quoted, "\\{byte:03o}"),
                }
            }
            quoted + "'"
        }
    }
}

fn stdio(stream: Stream) -> Stdio {
    match stream {
        Stream::Capture => Stdio::piped(),
        Stream::Inherit => Stdio::inherit(),
        Stream::Null => Stdio::null(),
    }
}

fn read_all<R: Read + Send + 'static>(stream: Option<R>) -> Option<JoinHandle<Vec<u8>>> {
    let mut stream = stream?;
    Some(std::thread::spawn(move || {
        let mut bytes = Vec::new();
        // What was read before an error is still worth showing.
        _ = stream.read_to_end(&mut bytes);
        bytes
    }))
}

fn join(reader: Option<JoinHandle<Vec<u8>>>) -> Vec<u8> {
    reader
        .and_then(|reader| reader.join().ok())
        .unwrap_or_default()
}

/// Whether the child ended in time; `None` where there is no way to wait for that (Linux before 5.3).
#[cfg(target_os = "linux")]
fn wait_for_end(child: &Child, limit: Duration) -> Option<bool> {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    use rustix::process::{Pid, PidfdFlags, pidfd_open};
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw)?;
    let child = pidfd_open(pid, PidfdFlags::empty()).ok()?;
    let end = Instant::now().checked_add(limit)?;
    loop {
        let left = end.saturating_duration_since(Instant::now());
        let left = Timespec::try_from(left).ok()?;
        // A file descriptor of a process can be read once the process has ended.
        match poll(&mut [PollFd::new(&child, PollFlags::IN)], Some(&left)) {
            Ok(count) => return Some(count > 0),
            Err(rustix::io::Errno::INTR) => {}
            Err(_) => return None,
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn wait_for_end(_child: &Child, _limit: Duration) -> Option<bool> {
    None
}

#[cfg(unix)]
fn own_group(command: &mut Command) {
    use std::os::unix::process::CommandExt;
    command.process_group(0);
}

#[cfg(not(unix))]
fn own_group(_command: &mut Command) {}

#[cfg(unix)]
fn kill_group(child: &mut Child) {
    use rustix::process::{Pid, Signal, kill_process_group};
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    if let Some(pid) = pid {
        // The group may be gone already; then there is nothing to kill.
        _ = kill_process_group(pid, Signal::KILL);
    }
}

#[cfg(not(unix))]
fn kill_group(child: &mut Child) {
    _ = child.kill();
}

fn tail(stderr: &[u8]) -> String {
    let text = String::from_utf8_lossy(stderr);
    let lines: Vec<&str> = text.trim_end().lines().collect();
    let from = lines.len().saturating_sub(TAIL_LINES);
    lines.get(from..).unwrap_or_default().join("\n")
}

pub(crate) fn indent(tail: &str) -> String {
    tail.lines().map(|line| format!("\n    {line}")).collect()
}

fn hint_line(hint: &Option<String>) -> String {
    hint.as_ref()
        .map(|hint| format!("\nhint: {hint}"))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_what_a_shell_would_split() {
        let words: [&[u8]; 7] = [
            b"plain-1.2/x=y",
            b"",
            b"two words",
            b"it's",
            b"$HOME `x` \\",
            b"tab\there 'and' 1",
            b"not utf-8 \xff7",
        ];
        for word in words {
            #[cfg(unix)]
            let word: &OsStr = std::os::unix::ffi::OsStrExt::from_bytes(word);
            let Ok(shell) = Tool::new("bash")
                .arg("-c")
                .arg(format!("printf %s {}", quote(word)))
                .run()
            else {
                return handpie_testkit::skip("quoting for a shell", "bash");
            };
            assert_eq!(shell.stdout, word.as_encoded_bytes(), "{}", quote(word));
        }
    }

    #[test]
    fn shows_a_failed_command_so_that_it_can_be_pasted() {
        let error = Tool::new("sh")
            .arg("-c")
            .arg("seq 1 30 >&2; exit 7")
            .env("A", "b c")
            .env_remove("D")
            .dir("/")
            .run()
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("cd / && env -u D A='b c' sh -c 'seq 1 30 >&2; exit 7'"),
            "{error}"
        );
        assert!(error.contains("exit status: 7"), "{error}");
        assert!(error.ends_with("\n    29\n    30"), "{error}");
        assert!(
            !error.contains("\n    10\n"),
            "only the last lines: {error}"
        );
    }

    #[test]
    fn tells_a_missing_program_from_a_missing_folder() {
        let missing = Tool::new("no-such-program-here").hint("apt install it");
        let error = missing.run().unwrap_err();
        assert!(matches!(error, Error::NotFound { .. }));
        assert!(error.to_string().contains("hint: apt install it"));
        let folder = Tool::new("sh").dir("/no/such/folder").run().unwrap_err();
        assert!(matches!(folder, Error::Start { .. }), "{folder}");
    }

    #[test]
    fn kills_the_children_of_what_runs_too_long() {
        let start = Instant::now();
        let error = Tool::new("sh")
            .args(["-c", "echo here >&2; sleep 60 & sleep 60"])
            .timeout(Duration::from_millis(100))
            .run()
            .unwrap_err();
        assert!(matches!(error, Error::TimedOut { .. }), "{error}");
        assert!(error.to_string().contains("here"), "{error}");
        assert!(start.elapsed() < Duration::from_secs(20));
    }
}
