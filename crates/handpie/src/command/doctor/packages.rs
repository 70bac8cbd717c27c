//! Which distribution package provides a missing tool.

/// Something that a package has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Need {
    /// `gcc`.
    Gcc,
    /// `g++`.
    Gxx,
    /// musl's headers and archive.
    Musl,
    /// glibc's archive.
    StaticGlibc,
    /// mold.
    Mold,
    /// LLD 18 or newer.
    Lld,
    /// GNU ld.
    Binutils,
    /// Emulators of user programs.
    Qemu,
    /// Go.
    Go,
    /// `cargo`.
    Rust,
    /// zig.
    Zig,
}

/// The package manager's command, and how each need is called, in the order of [`Need`]'s first eight.
struct Distribution {
    /// As `ID` or `ID_LIKE` of os-release(5) has it.
    id: &'static str,
    install: &'static str,
    packages: [&'static str; 8],
}

const DISTRIBUTIONS: [Distribution; 5] = [
    Distribution {
        id: "debian",
        install: "apt install",
        packages: [
            "gcc",
            "g++",
            "musl-dev",
            "libc6-dev",
            "mold",
            "lld-19",
            "binutils",
            "qemu-user-static",
        ],
    },
    Distribution {
        id: "fedora",
        install: "dnf install",
        packages: [
            "gcc",
            "gcc-c++",
            "musl-devel musl-libc-static",
            "glibc-static",
            "mold",
            "lld",
            "binutils",
            "qemu-user-static",
        ],
    },
    Distribution {
        id: "alpine",
        install: "apk add",
        packages: [
            "gcc",
            "g++",
            "musl-dev",
            "gcompat",
            "mold",
            "lld",
            "binutils",
            "qemu-openrc",
        ],
    },
    Distribution {
        id: "arch",
        install: "pacman -S",
        packages: [
            "gcc",
            "gcc",
            "musl",
            "glibc",
            "mold",
            "lld",
            "binutils",
            "qemu-user-static",
        ],
    },
    Distribution {
        id: "suse",
        install: "zypper install",
        packages: [
            "gcc",
            "gcc-c++",
            "musl-devel",
            "glibc-devel-static",
            "mold",
            "lld",
            "binutils",
            "qemu-linux-user",
        ],
    },
];

/// The command that installs it here; Debian's words where the distribution is not known.
pub(super) fn command_for(need: Need) -> String {
    let release = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    command_on(&release, need)
}

fn command_on(os_release: &str, need: Need) -> String {
    let place = match need {
        Need::Go => return "install Go: https://go.dev/dl".to_owned(),
        Need::Rust => return "install Rust: https://rustup.rs".to_owned(),
        Need::Zig => return "pip install ziglang".to_owned(),
        Need::Gcc => 0,
        Need::Gxx => 1,
        Need::Musl => 2,
        Need::StaticGlibc => 3,
        Need::Mold => 4,
        Need::Lld => 5,
        Need::Binutils => 6,
        Need::Qemu => 7,
    };
    let lines = os_release.lines();
    let names = lines.filter_map(|line| {
        let (key, value) = line.split_once('=')?;
        ["ID", "ID_LIKE"].contains(&key).then_some(value)
    });
    let names: Vec<&str> = names
        .flat_map(|value| value.trim_matches('"').split(' '))
        .collect();
    let is_this = |one: &&Distribution| names.iter().any(|name| name.contains(one.id));
    let known = DISTRIBUTIONS.iter().find(is_this);
    let distribution = known.unwrap_or(&DISTRIBUTIONS[0]);
    format!("{} {}", distribution.install, distribution.packages[place])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_have_the_names_of_this_distribution() {
        for (release, command) in [
            ("ID=debian\n", "apt install g++"),
            (
                "NAME=Mint\nID=linuxmint\nID_LIKE=\"ubuntu debian\"\n",
                "apt install g++",
            ),
            (
                "ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\n",
                "dnf install gcc-c++",
            ),
            ("ID=opensuse-tumbleweed\n", "zypper install gcc-c++"),
            ("", "apt install g++"),
        ] {
            assert_eq!(command_on(release, Need::Gxx), command, "{release}");
        }
        assert_eq!(command_on("", Need::Zig), "pip install ziglang");
    }
}
