//! The system calls that have no safe function elsewhere; the only unsafe code of the project.
//!
//! Each unsafe block is one operation. After [`fork`] and [`clone_sibling`] the child shares
//! nothing with us but files, and of its threads only the calling one exists: it must not allocate,
//! lock or panic. The functions here that are called in the child do none of these.

#![expect(
    unsafe_code,
    reason = "fork, clone, execveat and the parts of ptrace and wait that nix cannot express"
)]

use std::ffi::{CString, c_char, c_int, c_long, c_void};
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr;

use nix::errno::Errno;
use nix::libc;
use nix::unistd::Pid;

/// What `wait4(2)` said about one task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    /// It called `exit` or `exit_group` with this status.
    Exited(i32),
    /// This signal ended it.
    Killed(i32),
    /// It stands still: the signal, and the `PTRACE_EVENT_*` or 0.
    Stopped(i32, i32),
}

/// Forks; the child runs `child` and ends with the number it returns.
///
/// `child` must only make system calls: see the head of this file.
pub(crate) fn fork(child: impl FnOnce() -> i32) -> nix::Result<Pid> {
    // SAFETY: the child runs `child`, which by contract makes system calls only, and never returns.
    match unsafe { libc::fork() } {
        -1 => Err(Errno::last()),
        0 => exit_now(child()),
        pid => Ok(Pid::from_raw(pid)),
    }
}

/// As [`fork`], but the child becomes a child of our parent (`CLONE_PARENT`).
///
/// Only for a process with one thread: the C library does not know of this clone.
pub(crate) fn clone_sibling(child: impl FnOnce() -> i32) -> nix::Result<Pid> {
    let flags = c_long::from(libc::CLONE_PARENT | libc::SIGCHLD);
    let zero: c_long = 0;
    // The kernel's order of the first two arguments differs on s390x: clone(2), "C library/kernel
    // differences".
    let (first, second) = match cfg!(target_arch = "s390x") {
        true => (zero, flags),
        false => (flags, zero),
    };
    // SAFETY: without CLONE_VM and with a null stack this is a fork; the child keeps to the contract.
    match unsafe { libc::syscall(libc::SYS_clone, first, second, zero, zero, zero) } {
        -1 => Err(Errno::last()),
        0 => exit_now(child()),
        pid => Ok(Pid::from_raw(pid as i32)),
    }
}

fn exit_now(status: i32) -> ! {
    // SAFETY: ends this process without running anything of ours that was copied by fork.
    unsafe { libc::_exit(status) }
}

/// A program's arguments or environment in the form the kernel takes, made before the fork.
pub(crate) struct CStrings {
    pointers: Vec<*const c_char>,
    // What the pointers point at; a CString's bytes do not move when the vector does.
    _strings: Vec<CString>,
}

impl CStrings {
    pub(crate) fn new(strings: Vec<CString>) -> Self {
        let pointers = strings.iter().map(|string| string.as_ptr());
        Self {
            pointers: pointers.chain([ptr::null()]).collect(),
            _strings: strings,
        }
    }
}

/// Becomes the program in `file`, wherever its path may be; returns only on failure.
pub(crate) fn execute(file: BorrowedFd<'_>, arguments: &CStrings, environment: &CStrings) -> Errno {
    // SAFETY: both tables end in a null pointer and point at strings that live as long as they do.
    unsafe {
        libc::syscall(
            libc::SYS_execveat,
            file.as_raw_fd(),
            c"".as_ptr(),
            arguments.pointers.as_ptr(),
            environment.pointers.as_ptr(),
            libc::AT_EMPTY_PATH,
        )
    };
    Errno::last()
}

/// The next change of any child or tracee of the calling thread, without waiting for one.
///
/// `__WNOTHREAD`: the children of our caller's other threads are none of our business.
pub(crate) fn wait_any() -> nix::Result<Option<(Pid, Status)>> {
    wait(-1, libc::WNOHANG | libc::__WALL | libc::__WNOTHREAD)
}

/// The end of one child; waits for it.
pub(crate) fn wait_for(pid: Pid) -> nix::Result<Option<(Pid, Status)>> {
    wait(pid.as_raw(), libc::__WALL)
}

fn wait(pid: i32, options: c_int) -> nix::Result<Option<(Pid, Status)>> {
    let mut status: c_int = 0;
    // SAFETY: `status` is a valid place for one int.
    let found = unsafe { libc::waitpid(pid, &raw mut status, options) };
    match found {
        -1 => Err(Errno::last()),
        0 => Ok(None),
        pid => Ok(Some((Pid::from_raw(pid), decode(status)))),
    }
}

/// nix decodes this too, but refuses real-time signals, and with the refusal the event is lost.
fn decode(status: c_int) -> Status {
    if libc::WIFSTOPPED(status) {
        Status::Stopped(libc::WSTOPSIG(status), status >> 16)
    } else if libc::WIFSIGNALED(status) {
        Status::Killed(libc::WTERMSIG(status))
    } else {
        Status::Exited(libc::WEXITSTATUS(status))
    }
}

/// Lets a stopped tracee run on, with `signal` delivered unless it is 0.
pub(crate) fn resume(pid: Pid, signal: i32) -> nix::Result<()> {
    ptrace(libc::PTRACE_CONT, pid, signal)
}

/// Leaves a tracee in its group-stop, so that SIGCONT wakes it: ptrace(2), `PTRACE_LISTEN`.
pub(crate) fn leave_stopped(pid: Pid) -> nix::Result<()> {
    ptrace(libc::PTRACE_LISTEN, pid, 0)
}

#[cfg_attr(
    not(target_env = "gnu"),
    expect(
        clippy::useless_conversion,
        reason = "the request is unsigned in glibc only"
    )
)]
fn ptrace(request: impl TryInto<i64>, pid: Pid, signal: i32) -> nix::Result<()> {
    let request = request.try_into().map_err(|_| Errno::EINVAL)?;
    let no_address: *mut c_void = ptr::null_mut();
    // SAFETY: these requests take no address and a signal number, and touch no memory of ours.
    let result = unsafe {
        libc::syscall(
            libc::SYS_ptrace,
            request,
            c_long::from(pid.as_raw()),
            no_address,
            c_long::from(signal),
        )
    };
    Errno::result(result).map(drop)
}

/// The address that a SIGSEGV, SIGBUS, SIGILL or SIGFPE of the kernel is about.
pub(crate) fn fault_address(info: &libc::siginfo_t) -> Option<u64> {
    // A signal that was sent by somebody has a code of 0 or less, and no address.
    let by_kernel = info.si_code > 0;
    let about_memory = matches!(
        info.si_signo,
        libc::SIGSEGV | libc::SIGBUS | libc::SIGILL | libc::SIGFPE | libc::SIGTRAP
    );
    // SAFETY: for these signals the kernel has filled in the address: sigaction(2).
    (by_kernel && about_memory).then(|| unsafe { info.si_addr() } as u64)
}

/// Closes the files from `first` to `last`, both included.
pub(crate) fn close_files(first: u32, last: u32) -> nix::Result<()> {
    // SAFETY: called only in a child that owns its table of files and uses none of these again.
    let result = unsafe { libc::syscall(libc::SYS_close_range, first, last, 0) };
    if result == 0 {
        return Ok(());
    }
    // Kernels before 5.9 have no close_range.
    for file in first..=last.min(4096) {
        // SAFETY: as above.
        unsafe { libc::close(file as c_int) };
    }
    Ok(())
}

/// Puts every signal back to its default: an ignored one would stay ignored in the program.
pub(crate) fn default_signals() {
    for signal in 1..=64 {
        // SAFETY: SIG_DFL runs no code of ours; numbers that cannot be set are refused.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
    }
}

/// Lets dead children vanish without being waited for.
pub(crate) fn ignore_children() {
    // SAFETY: SIG_IGN runs no code of ours.
    unsafe { libc::signal(libc::SIGCHLD, libc::SIG_IGN) };
}

/// A process with user id 0 gets no capabilities at exec any more: capabilities(7), securebits.
pub(crate) fn powerless_root() -> nix::Result<()> {
    // SECBIT_NOROOT, SECBIT_NO_SETUID_FIXUP, SECBIT_NO_CAP_AMBIENT_RAISE, each with its lock bit.
    const SECURE_BITS: c_long = 0b1100_1111;
    // SAFETY: takes a number and touches no memory.
    let result = unsafe {
        libc::syscall(
            libc::SYS_prctl,
            libc::PR_SET_SECUREBITS,
            SECURE_BITS,
            0,
            0,
            0,
        )
    };
    Errno::result(result).map(drop)
}

/// Takes all files but `program` from this process and its children, and where the kernel knows how,
/// outgoing TCP connections and signals to others: landlock(7). Takes `PR_SET_NO_NEW_PRIVS` before.
pub(crate) fn landlock(program: BorrowedFd<'_>) -> nix::Result<()> {
    #[repr(C)]
    struct Ruleset {
        files: u64,
        network: u64,
        scoped: u64,
    }
    #[repr(C, packed)]
    struct PathBeneath {
        allowed: u64,
        file: c_int,
    }
    const VERSION: c_long = 1;
    const PATH_BENEATH: c_long = 1;
    const EXECUTE: u64 = 1 << 0;
    const READ_FILE: u64 = 1 << 2;
    const CONNECT_TCP: u64 = 1 << 1;
    let nothing: *const Ruleset = ptr::null();
    // SAFETY: with this flag the call takes no memory and tells the version.
    let version =
        unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, nothing, 0usize, VERSION) };
    let version = Errno::result(version)?;
    let ruleset = Ruleset {
        // 13 rights in version 1, then REFER, TRUNCATE and IOCTL_DEV.
        files: match version {
            1 => (1 << 13) - 1,
            2 => (1 << 14) - 1,
            3 | 4 => (1 << 15) - 1,
            _ => (1 << 16) - 1,
        },
        network: if version >= 4 { CONNECT_TCP } else { 0 },
        // Abstract sockets and signals.
        scoped: if version >= 6 { 0b11 } else { 0 },
    };
    let size = size_of::<Ruleset>();
    // SAFETY: the structure is that of landlock_create_ruleset(2) and of the size that is said.
    let rules = unsafe {
        libc::syscall(
            libc::SYS_landlock_create_ruleset,
            &raw const ruleset,
            size,
            0,
        )
    };
    let rules = Errno::result(rules)?;
    let beneath = PathBeneath {
        allowed: EXECUTE | READ_FILE,
        file: program.as_raw_fd(),
    };
    // SAFETY: the structure is that of landlock_add_rule(2) for this type of rule.
    let added = unsafe {
        libc::syscall(
            libc::SYS_landlock_add_rule,
            rules,
            PATH_BENEATH,
            &raw const beneath,
            0,
        )
    };
    Errno::result(added)?;
    // SAFETY: takes a file descriptor and touches no memory.
    let restricted = unsafe { libc::syscall(libc::SYS_landlock_restrict_self, rules, 0) };
    Errno::result(restricted)?;
    // SAFETY: the descriptor was made above and is used nowhere else.
    unsafe { libc::close(rules as c_int) };
    Ok(())
}

/// Switches the loopback interface of a fresh network namespace on, so that a program can listen
/// on 127.0.0.1: netdevice(7), `SIOCSIFFLAGS`.
pub(crate) fn loopback_up() -> nix::Result<()> {
    // SAFETY: makes a file descriptor; closed below.
    let socket = unsafe { libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0) };
    let socket = Errno::result(socket)?;
    // SAFETY: `ifreq` is plain data for which all zeros is a valid value.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    request.ifr_name[0] = b'l' as c_char;
    request.ifr_name[1] = b'o' as c_char;
    request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as i16;
    // SAFETY: the request is the structure that SIOCSIFFLAGS reads.
    let result = unsafe { libc::ioctl(socket, libc::SIOCSIFFLAGS as _, &raw const request) };
    let result = Errno::result(result).map(drop);
    // SAFETY: the socket was made above and is used nowhere else.
    unsafe { libc::close(socket) };
    result
}
