//! The steps by which the helper shuts itself in, each tried alone and each reported.
//!
//! As root the namespaces are made directly and root is given up afterwards; otherwise a user
//! namespace comes first, in which we may do the same to ourselves. In it the program's user id is
//! 65534 and not 0, so that exec leaves it no capabilities: capabilities(7).
//!
//! The empty root is a read-only tmpfs, entered with `pivot_root`, after which the old root is
//! unmounted. Without a mount namespace it is a `chroot` into a folder that has been removed
//! already: nothing can be created in there, and nothing of it is left behind. Where neither is to be
//! had, Landlock takes the files away; that protects them, but it proves nothing of an empty root.
//!
//! [`Plan::confine`] runs after a fork and only makes system calls.

use std::cell::Cell;
use std::ffi::{CStr, CString};
use std::fs::{self, File};
use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, unshare};
use nix::sys::prctl;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::Signal;
use nix::sys::stat::Mode;
use nix::unistd::{self, Gid, Uid};
use serde::Serialize;

use crate::observe;
use crate::sys;

/// The user and group that own nothing: `nobody` and `nogroup`.
const NOBODY: u32 = 65534;

/// How a program was confined, as it came out on this machine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Confinement {
    /// Whether the program's root was an empty file system.
    pub empty_root: bool,
    /// Whether the program had no network but a loopback interface of its own.
    pub no_network: bool,
    /// What was done, in order; stable names.
    pub done: Vec<Step>,
    /// What the machine did not allow, in order.
    pub fallbacks: Vec<Fallback>,
}

/// A step that the machine did not allow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fallback {
    /// The step.
    pub step: Step,
    /// What is missing, and the error of the operating system: "no PID namespace: EPERM".
    pub text: String,
}

/// One step of the confinement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// A user namespace, where we are not root.
    UserNamespace,
    /// Being user 65534 in the user namespace.
    UserMap,
    /// A mount namespace.
    MountNamespace,
    /// A PID namespace, so that everything that was started can be ended at once.
    PidNamespace,
    /// A network namespace: no network.
    NetworkNamespace,
    /// A loopback interface in the network namespace.
    Loopback,
    /// An IPC namespace.
    IpcNamespace,
    /// A UTS namespace: a host name of its own.
    UtsNamespace,
    /// A cgroup namespace.
    CgroupNamespace,
    /// An empty file system.
    EmptyFileSystem,
    /// The empty file system as the root, and the old root gone.
    PivotRoot,
    /// An empty folder as the root, by `chroot`.
    Chroot,
    /// Being the user `nobody` instead of root.
    Nobody,
    /// Being root without its capabilities, where being `nobody` is not possible.
    PowerlessRoot,
    /// No new privileges at exec: prctl(2), `PR_SET_NO_NEW_PRIVS`.
    NoNewPrivileges,
    /// No file but the program, by landlock(7), where there is no empty root.
    Landlock,
    /// The first to be killed when memory runs out.
    OomScore,
    /// Process 1 of the PID namespace.
    Init,
}

impl Step {
    pub(crate) const ALL: [Self; 18] = [
        Self::UserNamespace,
        Self::UserMap,
        Self::MountNamespace,
        Self::PidNamespace,
        Self::NetworkNamespace,
        Self::Loopback,
        Self::IpcNamespace,
        Self::UtsNamespace,
        Self::CgroupNamespace,
        Self::EmptyFileSystem,
        Self::PivotRoot,
        Self::Chroot,
        Self::Nobody,
        Self::PowerlessRoot,
        Self::NoNewPrivileges,
        Self::Landlock,
        Self::OomScore,
        Self::Init,
    ];

    /// The name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::UserNamespace => "user-namespace",
            Self::UserMap => "user-map",
            Self::MountNamespace => "mount-namespace",
            Self::PidNamespace => "pid-namespace",
            Self::NetworkNamespace => "network-namespace",
            Self::Loopback => "loopback",
            Self::IpcNamespace => "ipc-namespace",
            Self::UtsNamespace => "uts-namespace",
            Self::CgroupNamespace => "cgroup-namespace",
            Self::EmptyFileSystem => "empty-file-system",
            Self::PivotRoot => "pivot-root",
            Self::Chroot => "chroot",
            Self::Nobody => "nobody",
            Self::PowerlessRoot => "powerless-root",
            Self::NoNewPrivileges => "no-new-privileges",
            Self::Landlock => "landlock",
            Self::OomScore => "oom-score",
            Self::Init => "init",
        }
    }

    fn missing(self) -> &'static str {
        match self {
            Self::UserNamespace => "no user namespace",
            Self::UserMap => "no separate user in the user namespace",
            Self::MountNamespace => "no mount namespace",
            Self::PidNamespace => "no PID namespace",
            Self::NetworkNamespace => "no network namespace: the program can reach the network",
            Self::Loopback => "no loopback interface",
            Self::IpcNamespace => "no IPC namespace",
            Self::UtsNamespace => "no UTS namespace",
            Self::CgroupNamespace => "no cgroup namespace",
            Self::EmptyFileSystem => "no empty file system",
            Self::PivotRoot => "no pivot_root into the empty file system",
            Self::Chroot => "no chroot into an empty root directory",
            Self::Nobody => "does not run as the user nobody",
            Self::PowerlessRoot => "root's capabilities were not dropped",
            Self::NoNewPrivileges => "no_new_privs is not set: exec can grant privileges",
            Self::Landlock => "no Landlock: the program can reach its user's files",
            Self::OomScore => {
                "the OOM score was not raised: other processes may be killed first \
                               when memory runs out"
            }
            Self::Init => "no process 1 in the PID namespace",
        }
    }
}

impl Confinement {
    pub(crate) fn done(&mut self, step: Step) {
        self.empty_root |= matches!(step, Step::PivotRoot | Step::Chroot);
        self.no_network |= step == Step::NetworkNamespace;
        self.done.push(step);
    }

    pub(crate) fn failed(&mut self, step: Step, errno: Errno) {
        let (missing, reason) = (step.missing(), errno.desc());
        self.fallbacks.push(Fallback {
            step,
            text: format!("{missing}: {errno:?} ({reason})"),
        });
    }
}

/// What file system a program is started in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Root {
    /// One with nothing in it.
    Empty,
    /// This machine's, for programs that the kernel loads with their loader and that never run an
    /// instruction.
    Machines,
}

/// Everything that is decided before the fork.
pub(crate) struct Plan {
    /// `CAP_SYS_ADMIN` here and now.
    admin: bool,
    /// Root that may become nobody, and can still look at it then.
    become_nobody: bool,
    root: bool,
    user_map: CString,
    group_map: CString,
    removed_folder: Option<File>,
    keep_root: bool,
    cpu_seconds: u64,
}

/// Where the outcome of each step is told.
pub(crate) type Say<'a> = &'a dyn Fn(Step, nix::Result<()>);

impl Plan {
    pub(crate) fn new(for_everybody: bool, root: Root, running_time: Duration) -> Self {
        let capabilities = observe::effective_capabilities().unwrap_or(0);
        let has = |number: u32| capabilities & (1 << number) != 0;
        // capabilities(7): CAP_SETGID, CAP_SETUID, CAP_SYS_PTRACE, CAP_SYS_ADMIN. Reading
        // /proc/PID/maps of nobody takes CAP_SYS_PTRACE.
        let (setgid, setuid, ptrace, admin) = (has(6), has(7), has(19), has(21));
        let keep_root = root == Root::Machines;
        let root = Uid::effective().is_root();
        let map = |id: u32| CString::new(format!("{NOBODY} {id} 1\n")).unwrap_or_default();
        Self {
            admin,
            root,
            become_nobody: root && setgid && setuid && ptrace && for_everybody,
            user_map: map(Uid::effective().as_raw()),
            group_map: map(Gid::effective().as_raw()),
            removed_folder: removed_folder().ok(),
            keep_root,
            cpu_seconds: running_time.as_secs().saturating_add(10),
        }
    }

    pub(crate) fn removed_folder(&self) -> i32 {
        self.removed_folder.as_ref().map_or(-1, File::as_raw_fd)
    }

    /// Takes all the steps; says whether the next child is process 1 of a PID namespace.
    pub(crate) fn confine(&self, program: BorrowedFd<'_>, say: Say<'_>) -> bool {
        let try_step = |step, result: nix::Result<()>| {
            say(step, result);
            result.is_ok()
        };
        try_step(Step::OomScore, write(c"/proc/self/oom_score_adj", c"1000"));
        let user_namespace = !self.admin && {
            let fresh = unshare(CloneFlags::CLONE_NEWUSER);
            try_step(Step::UserNamespace, fresh) && try_step(Step::UserMap, self.map_user())
        };
        let fresh = |step, kind| try_step(step, unshare(kind));
        let mounts = fresh(Step::MountNamespace, CloneFlags::CLONE_NEWNS);
        let pids = fresh(Step::PidNamespace, CloneFlags::CLONE_NEWPID);
        if fresh(Step::NetworkNamespace, CloneFlags::CLONE_NEWNET) {
            try_step(Step::Loopback, sys::loopback_up());
        }
        fresh(Step::IpcNamespace, CloneFlags::CLONE_NEWIPC);
        fresh(Step::UtsNamespace, CloneFlags::CLONE_NEWUTS);
        fresh(Step::CgroupNamespace, CloneFlags::CLONE_NEWCGROUP);
        let mounts = mounts && !self.keep_root;
        let empty = mounts
            && try_step(Step::EmptyFileSystem, enter_empty_file_system())
            && try_step(Step::PivotRoot, pivot_root());
        let empty = empty || (!self.keep_root && try_step(Step::Chroot, self.chroot()));
        // From here on there are no files; what follows gives up the right to get any.
        if self.root && !user_namespace {
            let nobody = match self.become_nobody {
                true => become_nobody(),
                false => Err(Errno::EPERM),
            };
            if !try_step(Step::Nobody, nobody) {
                try_step(Step::PowerlessRoot, sys::powerless_root());
            }
        }
        try_step(Step::NoNewPrivileges, prctl::set_no_new_privs());
        if !empty && !self.keep_root {
            try_step(Step::Landlock, sys::landlock(program));
        }
        // Last, because a change of user clears it.
        let _ = prctl::set_pdeathsig(Signal::SIGKILL);
        pids
    }

    /// The limits of one program: setrlimit(2).
    pub(crate) fn limit(&self) {
        const MIB: u64 = 1 << 20;
        let limits = [
            (Resource::RLIMIT_CPU, self.cpu_seconds),
            (Resource::RLIMIT_FSIZE, 16 * MIB),
            (Resource::RLIMIT_DATA, 4096 * MIB),
            (Resource::RLIMIT_CORE, 0),
            (Resource::RLIMIT_NOFILE, 1024),
            (Resource::RLIMIT_NPROC, 512),
        ];
        for (resource, wanted) in limits {
            let (_, hard) = getrlimit(resource).unwrap_or((wanted, wanted));
            let limit = hard.min(wanted);
            let _ = setrlimit(resource, limit, limit);
        }
    }

    /// user_namespaces(7), "Defining user and group ID mappings".
    fn map_user(&self) -> nix::Result<()> {
        // Kernels before 3.19 have no such file, and need none.
        let _ = write(c"/proc/self/setgroups", c"deny");
        write(c"/proc/self/uid_map", &self.user_map)?;
        write(c"/proc/self/gid_map", &self.group_map)
    }

    fn chroot(&self) -> nix::Result<()> {
        let folder = self.removed_folder.as_ref().ok_or(Errno::ENOENT)?;
        unistd::fchdir(folder)?;
        unistd::chroot(c".")
    }
}

/// Mounts a file system with nothing in it and goes there.
fn enter_empty_file_system() -> nix::Result<()> {
    let none: Option<&CStr> = None;
    // What is mounted here from now on must not be seen outside.
    let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    mount(none, c"/", none, private, none)?;
    let flags = MsFlags::MS_RDONLY | MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    let options = c"size=4k,nr_inodes=2,mode=555";
    let last_error = Cell::new(Errno::ENOENT);
    // Any folder will do as the place; nobody sees what it hides.
    for place in [c"/tmp", c"/proc", c"/dev", c"/sys", c"/mnt", c"/run"] {
        match mount(Some(c"none"), place, Some(c"tmpfs"), flags, Some(options)) {
            Ok(()) => return unistd::chdir(place),
            Err(errno) => last_error.set(errno),
        }
    }
    Err(last_error.get())
}

/// Makes the current folder the root and unmounts all else: pivot_root(2), "pivot_root(".", ".")".
fn pivot_root() -> nix::Result<()> {
    unistd::pivot_root(c".", c".")?;
    umount2(c".", MntFlags::MNT_DETACH)?;
    unistd::chdir(c"/")
}

fn become_nobody() -> nix::Result<()> {
    let (user, group) = (Uid::from_raw(NOBODY), Gid::from_raw(NOBODY));
    unistd::setgroups(&[])?;
    unistd::setresgid(group, group, group)?;
    unistd::setresuid(user, user, user)
}

fn write(path: &CStr, text: &CStr) -> nix::Result<()> {
    let file = open(path, OFlag::O_WRONLY | OFlag::O_CLOEXEC, Mode::empty())?;
    unistd::write(&file, text.to_bytes()).map(drop)
}

/// An open folder that has no name any more.
fn removed_folder() -> std::io::Result<File> {
    let name = format!("handpie-prove-{}-{}", std::process::id(), unistd::gettid());
    let path = std::env::temp_dir().join(name);
    fs::create_dir(&path)?;
    let folder = File::open(&path);
    fs::remove_dir(&path)?;
    folder
}
