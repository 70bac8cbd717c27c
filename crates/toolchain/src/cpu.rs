//! What the CPU of a host has, as the levels for which Go builds: GOAMD64 and GOARM64.
//!
//! Three things decide, and each can say no: what the CPU claims, whether the kernel saves the
//! registers that it needs, and whether the part is one whose claim is not to be trusted. How each is
//! found out depends on the CPU and is in a file of its own; what many hosts have in common is in
//! `fleet.rs`.

pub mod amd64;
pub mod arm64;
pub mod fleet;

use std::fs;

use serde::{Deserialize, Serialize};

/// A host and its level. Also read back, from reports of other hosts.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct HostCpu {
    /// The host's name.
    pub host: String,
    /// The CPU as Go spells it.
    pub cpu: String,
    /// Who made it and what it is called.
    pub model: String,
    /// Go's variable for its levels; none where Go has one level or none is known here.
    pub variable: Option<String>,
    /// What CPU and kernel offer.
    pub level: Option<String>,
    /// What to build for: the same, unless the claim is not to be trusted.
    pub safe_level: Option<String>,
    /// The level above the safe one, and what is missing for it.
    pub next: Option<Next>,
    /// Everything that was asked for, level by level.
    pub features: Vec<Feature>,
    /// What else is to be known of this host.
    pub cautions: Vec<String>,
}

/// A level that a host does not have.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Next {
    /// The level.
    pub level: String,
    /// The features that are missing, each with the reason where it is not that the CPU has none.
    pub lacks: Vec<String>,
}

/// Something that a level needs.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Feature {
    /// The name, as the kernel or Go has it.
    pub name: String,
    /// The lowest level that needs it.
    pub level: String,
    /// Whether programs can use it here.
    pub usable: bool,
    /// Why it is not usable; empty when it is.
    pub reason: String,
}

/// What the CPU that this runs on has.
pub fn of_this_host() -> HostCpu {
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
        "x86_64" => amd64::judge(&amd64::HostFeatures::here(info.as_deref())),
        "aarch64" => {
            let vector = fs::read("/proc/self/auxv").unwrap_or_default();
            arm64::judge(&arm64::HostFeatures::of(&vector, &info.unwrap_or_default()))
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
