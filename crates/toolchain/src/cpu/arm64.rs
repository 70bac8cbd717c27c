//! The levels of 64-bit Arm: the Arm Architecture Reference Manual, A2, and Linux
//! Documentation/arch/arm64/elf_hwcaps.rst.
//!
//! Linux tells programs in the auxiliary vector what they may use. Features that a level demands and
//! that only kernels and hypervisors see are not there, and were not asked for; neither were those
//! that Linux shows only if it was built so (pointer authentication, BTI).
//!
//! This was tested on vectors that were put together by hand, and on no Arm machine.

use super::{Feature, HostCpu, Next};

/// What Linux says of the CPU.
#[derive(Clone, Debug, Default)]
pub struct HostFeatures {
    /// `AT_HWCAP` and `AT_HWCAP2`; `None` when the vector cannot be read.
    capabilities: Option<[u64; 2]>,
    /// What /proc/cpuinfo has of implementer and part.
    model: String,
}

/// A feature of a level.
struct Known {
    /// The word of Linux for it.
    name: &'static str,
    /// 2 of v8.2.
    minor: u8,
    /// Which word of capabilities, and which bit of it (arch/arm64/include/uapi/asm/hwcap.h).
    word: usize,
    bit: u32,
}

const fn known(name: &'static str, minor: u8, word: usize, bit: u32) -> Known {
    Known {
        name,
        minor,
        word,
        bit,
    }
}

/// What Linux shows of what each level demands.
const FEATURES: [Known; 24] = [
    known("atomics", 1, 0, 8),
    known("crc32", 1, 0, 7),
    known("asimdrdm", 1, 0, 12),
    known("dcpop", 2, 0, 16),
    known("jscvt", 3, 0, 13),
    known("fcma", 3, 0, 14),
    known("lrcpc", 3, 0, 15),
    known("asimddp", 4, 0, 20),
    known("dit", 4, 0, 24),
    known("uscat", 4, 0, 25),
    known("ilrcpc", 4, 0, 26),
    known("flagm", 4, 0, 27),
    known("sb", 5, 0, 29),
    known("dcpodp", 5, 1, 0),
    known("flagm2", 5, 1, 7),
    known("frint", 5, 1, 8),
    known("i8mm", 6, 1, 13),
    known("bf16", 6, 1, 14),
    known("ecv", 6, 1, 19),
    known("wfxt", 7, 1, 31),
    known("mops", 8, 1, 43),
    known("hbc", 8, 1, 44),
    known("cssc", 9, 1, 34),
    known("rprfm", 9, 1, 35),
];

const HIGHEST: u8 = 9;
/// Armv9.0 is v8.5 and SVE2, v9.1 is v8.6 and SVE2, and so on.
const NINE_STARTS_AT: u8 = 5;
const SVE2: Known = known("sve2", NINE_STARTS_AT, 1, 1);
/// What Go calls `,crypto`.
const CRYPTO: [Known; 4] = [
    known("aes", 0, 0, 3),
    known("pmull", 0, 0, 4),
    known("sha1", 0, 0, 5),
    known("sha2", 0, 0, 6),
];
/// What Go calls `,lse`.
const LSE: &str = "atomics";

/// A level of GOARM64 with its options.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level {
    /// 2 of v8.2; 7 of v9.2.
    pub minor: u8,
    /// Whether SVE2 is there, which makes v9.0 of v8.5.
    pub sve2: bool,
    /// Whether it is written with `,lse`: atomics in one instruction.
    pub lse: bool,
    /// Whether it is written with `,crypto`: instructions for AES and SHA.
    pub crypto: bool,
}

impl Level {
    /// Reads what [`Level::name`] writes.
    pub fn parse(text: &str) -> Option<Self> {
        let (base, options) = text.split_once(',').unwrap_or((text, ""));
        let mut options: Vec<&str> = options.split(',').filter(|it| !it.is_empty()).collect();
        let mut take = |option| {
            let before = options.len();
            options.retain(|it| *it != option);
            options.len() != before
        };
        let (lse, crypto) = (take("lse"), take("crypto"));
        let number: u8 = base.get(3..)?.parse().ok()?;
        let (minor, sve2) = match base.get(..3)? {
            "v8." => (number, false),
            "v9." => (number.checked_add(NINE_STARTS_AT)?, true),
            _ => return None,
        };
        (minor <= HIGHEST && options.is_empty()).then_some(Self {
            minor,
            sve2,
            lse: lse || minor > 0,
            crypto,
        })
    }

    /// As GOARM64 takes it.
    pub fn name(self) -> String {
        let nine = self.minor.checked_sub(NINE_STARTS_AT).filter(|_| self.sve2);
        let mut name = match nine {
            Some(minor) => format!("v9.{minor}"),
            None => format!("v8.{}", self.minor),
        };
        if self.lse && self.minor == 0 {
            name.push_str(",lse");
        }
        if self.crypto {
            name.push_str(",crypto");
        }
        name
    }

    /// The highest level that both have.
    pub fn common(self, other: Self) -> Self {
        Self {
            minor: self.minor.min(other.minor),
            sve2: self.sve2 && other.sve2,
            lse: self.lse && other.lse,
            crypto: self.crypto && other.crypto,
        }
    }
}

impl HostFeatures {
    /// Reads the auxiliary vector and the text of /proc/cpuinfo.
    pub fn of(vector: &[u8], cpuinfo: &str) -> Self {
        Self {
            capabilities: capabilities(vector),
            model: model(cpuinfo),
        }
    }

    fn has(&self, feature: &Known) -> bool {
        let words = self.capabilities.unwrap_or_default();
        let word = words.get(feature.word).copied().unwrap_or_default();
        word.checked_shr(feature.bit)
            .is_some_and(|word| word & 1 == 1)
    }
}

/// `AT_HWCAP` and `AT_HWCAP2` of pairs of words, in this machine's byte order.
fn capabilities(vector: &[u8]) -> Option<[u64; 2]> {
    const AT_HWCAP: u64 = 16;
    const AT_HWCAP2: u64 = 26;
    let (pairs, _) = vector.as_chunks::<16>();
    let pairs: Vec<(u64, u64)> = pairs
        .iter()
        .map(|pair| {
            let pair = u128::from_ne_bytes(*pair);
            let halves = [pair, pair >> 64].map(|half| (half & u128::from(u64::MAX)) as u64);
            match cfg!(target_endian = "little") {
                true => (halves[0], halves[1]),
                false => (halves[1], halves[0]),
            }
        })
        .collect();
    let value = |key| {
        pairs
            .iter()
            .find(|(found, _)| *found == key)
            .map(|(_, value)| *value)
    };
    Some([value(AT_HWCAP)?, value(AT_HWCAP2).unwrap_or(0)])
}

/// All implementers and parts, once each: `0x41/0xd0c`.
fn model(cpuinfo: &str) -> String {
    let mut models: Vec<String> = Vec::new();
    let mut implementer = "";
    for (name, value) in cpuinfo.lines().filter_map(|line| line.split_once(':')) {
        match name.trim() {
            "CPU implementer" => implementer = value.trim(),
            "CPU part" => {
                let model = format!("{implementer}/{}", value.trim());
                if !models.contains(&model) {
                    models.push(model);
                }
            }
            _ => {}
        }
    }
    match models.as_slice() {
        [] => "unknown part".to_owned(),
        models => format!("implementer/part {}", models.join(", ")),
    }
}

/// The level, and what stands between the host and the next one.
pub fn judge(seen: &HostFeatures) -> HostCpu {
    let missing = |minor: u8| {
        let features = FEATURES.iter().filter(move |it| it.minor == minor);
        features
            .filter(|it| !seen.has(it))
            .map(|it| it.name.to_owned())
    };
    let minor = (1..=HIGHEST)
        .take_while(|&minor| missing(minor).next().is_none())
        .last();
    let level = Level {
        minor: minor.unwrap_or(0),
        sve2: seen.has(&SVE2),
        lse: FEATURES.iter().any(|it| it.name == LSE && seen.has(it)),
        crypto: CRYPTO.iter().all(|it| seen.has(it)),
    };
    let next = (level.minor < HIGHEST).then(|| {
        let above = Level {
            minor: level.minor.saturating_add(1),
            ..level
        };
        Next {
            level: above.name(),
            lacks: missing(above.minor).collect(),
        }
    });
    let mut cautions = Vec::new();
    if seen.capabilities.is_none() {
        cautions
            .push("/proc/self/auxv cannot be read, so only the lowest level is certain".to_owned());
    }
    let all = FEATURES.iter().chain(&CRYPTO).chain([&SVE2]);
    HostCpu {
        host: String::new(),
        cpu: "arm64".to_owned(),
        model: seen.model.clone(),
        variable: Some("GOARM64".to_owned()),
        level: Some(level.name()),
        safe_level: Some(level.name()),
        next,
        features: all
            .map(|feature| Feature {
                name: feature.name.to_owned(),
                level: match feature.name {
                    "sve2" => "v9.0".to_owned(),
                    _ if feature.minor == 0 => "crypto".to_owned(),
                    _ => format!("v8.{}", feature.minor),
                },
                usable: seen.has(feature),
                reason: match seen.has(feature) {
                    true => String::new(),
                    false => "not reported by Linux".to_owned(),
                },
            })
            .collect(),
        cautions,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The vector of a machine with these features, between other entries.
    fn vector(names: &[&str]) -> Vec<u8> {
        let mut words = [0u64; 2];
        for feature in FEATURES.iter().chain(&CRYPTO).chain([&SVE2]) {
            if names.contains(&feature.name) {
                words[feature.word] |= 1 << feature.bit;
            }
        }
        let pairs = [33, 0xffff, 16, words[0], 6, 4096, 26, words[1], 0, 0];
        pairs.map(u64::to_ne_bytes).concat()
    }

    fn up_to(minor: u8) -> Vec<&'static str> {
        let features = FEATURES.iter().filter(|it| it.minor <= minor);
        features.map(|it| it.name).collect()
    }

    fn judged(names: &[&str]) -> HostCpu {
        judge(&HostFeatures::of(&vector(names), ""))
    }

    fn level(names: &[&str]) -> String {
        judged(names).level.unwrap()
    }

    #[test]
    fn each_level_needs_all_that_linux_shows_of_it() {
        assert_eq!(level(&[]), "v8.0");
        for minor in 1..=HIGHEST {
            assert_eq!(level(&up_to(minor)), format!("v8.{minor}"));
        }
        for feature in &FEATURES {
            let names: Vec<&str> = up_to(HIGHEST)
                .into_iter()
                .filter(|it| *it != feature.name)
                .collect();
            let cpu = judged(&names);
            let below = Level::parse(&cpu.level.unwrap()).unwrap();
            assert_eq!(below.minor, feature.minor - 1, "without {}", feature.name);
            assert_eq!(cpu.next.unwrap().lacks, [feature.name]);
        }
    }

    #[test]
    fn known_cores_have_the_level_of_their_manual() {
        let crypto = ["aes", "pmull", "sha1", "sha2"];
        // Cortex-A72 of a Raspberry Pi 4, which has no crypto; and of AWS A1, which has.
        assert_eq!(level(&["crc32"]), "v8.0");
        assert_eq!(level(&[&crypto[..], &["crc32"]].concat()), "v8.0,crypto");
        // Neoverse N1 (Graviton 2): v8.2 and parts of later levels.
        let n1 = ["atomics", "crc32", "asimdrdm", "dcpop", "lrcpc", "asimddp"];
        assert_eq!(level(&[&crypto[..], &n1].concat()), "v8.2,crypto");
        let next = judged(&n1).next.unwrap();
        assert_eq!(
            (&*next.level, next.lacks),
            ("v8.3", vec!["jscvt".into(), "fcma".into()])
        );
        // Neoverse V2 (Graviton 4): Armv9.0 with what v8.6 demands but ECV.
        let mut v2 = up_to(5);
        v2.extend(["sve2", "i8mm", "bf16"].iter().chain(&crypto));
        assert_eq!(level(&v2), "v9.0,crypto");
        // Apple's M4 has what v9.2 demands and no SVE2.
        assert_eq!(level(&up_to(7)), "v8.7");
    }

    #[test]
    fn atomics_alone_are_an_option_of_the_lowest_level() {
        assert_eq!(level(&["atomics"]), "v8.0,lse");
    }

    #[test]
    fn levels_are_read_as_they_are_written() {
        for text in [
            "v8.0",
            "v8.0,lse",
            "v8.0,lse,crypto",
            "v8.2,crypto",
            "v9.0",
            "v9.4,crypto",
        ] {
            assert_eq!(Level::parse(text).unwrap().name(), text);
        }
        for text in [
            "", "v8", "v8.", "v8.10", "v9.5", "v7.1", "v8.1,sve", "v2", "v8.-1", "é8.0",
        ] {
            assert_eq!(Level::parse(text), None, "{text}");
        }
    }

    #[test]
    fn what_two_levels_have_in_common_is_a_level() {
        let level = |text| Level::parse(text).unwrap();
        let common = |a, b| level(a).common(level(b)).name();
        assert_eq!(common("v9.0,crypto", "v8.2,crypto"), "v8.2,crypto");
        assert_eq!(common("v9.1", "v8.6"), "v8.6");
        assert_eq!(common("v9.2", "v9.0,crypto"), "v9.0");
        assert_eq!(common("v8.0,lse", "v8.1"), "v8.0,lse");
        assert_eq!(common("v8.0", "v9.4"), "v8.0");
    }

    #[test]
    fn a_vector_that_cannot_be_read_promises_nothing() {
        for bytes in [&b""[..], b"short", &[0xff; 64]] {
            let cpu = judge(&HostFeatures::of(bytes, ""));
            assert_eq!(cpu.level.as_deref(), Some("v8.0"));
            assert_eq!(cpu.cautions.len(), 1);
        }
    }

    #[test]
    fn all_kinds_of_cores_are_named() {
        let text = "CPU implementer : 0x41\nCPU part : 0xd05\n\nCPU implementer : 0x41\n\
                    CPU part : 0xd0a\n\nCPU implementer : 0x41\nCPU part : 0xd0a\n";
        assert_eq!(model(text), "implementer/part 0x41/0xd05, 0x41/0xd0a");
        assert_eq!(model(""), "unknown part");
    }
}
