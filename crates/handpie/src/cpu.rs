//! What the CPU of a host has, as the levels for which Go builds: GOAMD64 and GOARM64.
//!
//! Three things decide, and each can say no: what the CPU claims, whether the kernel saves the
//! registers that it needs, and whether the part is one whose claim is not to be trusted. How each is
//! found out depends on the CPU and is in a file of its own; what many hosts have in common is in
//! `fleet.rs`.

pub(crate) mod amd64;
pub(crate) mod arm64;
pub(crate) mod fleet;

use std::fs;

use serde::{Deserialize, Serialize};

/// A host and its level. Also read back, from reports of other hosts.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct HostCpu {
    /// The host's name.
    pub(crate) host: String,
    /// The CPU as Go spells it.
    pub(crate) cpu: String,
    /// Who made it and what it is called.
    pub(crate) model: String,
    /// Go's variable for its levels; none where Go has one level or none is known here.
    pub(crate) variable: Option<String>,
    /// What CPU and kernel offer.
    pub(crate) level: Option<String>,
    /// What to build for: the same, unless the claim is not to be trusted.
    pub(crate) safe_level: Option<String>,
    /// The level above the safe one, and what is missing for it.
    pub(crate) next: Option<Next>,
    /// Everything that was asked for, level by level.
    pub(crate) features: Vec<Feature>,
    /// What else is to be known of this host.
    pub(crate) cautions: Vec<String>,
}

/// A level that a host does not have.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct Next {
    pub(crate) level: String,
    /// The features that are missing, each with the reason where it is not that the CPU has none.
    pub(crate) lacks: Vec<String>,
}

/// Something that a level needs.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Feature {
    pub(crate) name: String,
    /// The lowest level that needs it.
    pub(crate) level: String,
    pub(crate) usable: bool,
    /// Why it is not usable; empty when it is.
    pub(crate) reason: String,
}

/// What the CPU that this runs on has.
pub(crate) fn of_this_host() -> HostCpu {
    let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = match host.trim() {
        "" => "this host",
        name => name,
    };
    let mut cpu = detect();
    host.clone_into(&mut cpu.host);
    cpu
}

fn detect() -> HostCpu {
    let info = fs::read_to_string("/proc/cpuinfo").ok();
    match std::env::consts::ARCH {
        "x86_64" => amd64::judge(&amd64::Seen::here(info.as_deref())),
        "aarch64" => {
            let vector = fs::read("/proc/self/auxv").unwrap_or_default();
            arm64::judge(&arm64::Seen::of(&vector, &info.unwrap_or_default()))
        }
        "x86" => without_levels("386"),
        "loongarch64" => without_levels("loong64"),
        "powerpc64" if cfg!(target_endian = "little") => without_levels("ppc64le"),
        "powerpc64" => without_levels("ppc64"),
        same => without_levels(same),
    }
}

fn without_levels(cpu: &str) -> HostCpu {
    HostCpu {
        host: String::new(),
        cpu: cpu.to_owned(),
        model: String::new(),
        variable: None,
        level: None,
        safe_level: None,
        next: None,
        features: Vec::new(),
        cautions: vec!["CPU levels of this architecture are not supported".to_owned()],
    }
}
