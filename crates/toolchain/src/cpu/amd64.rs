//! The levels of x86-64: psABI, "Micro-Architecture Levels"; Go asks for the same
//! (runtime/asm_amd64.s, `V2_FEATURES_CX` and what follows it).
//!
//! CPUID says what the CPU has. A program can use AVX only if the kernel saves its registers, which
//! the CPU tells by OSXSAVE and XCR0; the standard library looks there. Linux lists in /proc/cpuinfo
//! what it has not switched off, by `clearcpuid=` or as a mitigation.

use raw_cpuid::{CpuId, CpuIdReader};

use super::{Feature, HostCpu, Next};

/// What a CPU says of itself and what the kernel made of it.
#[derive(Clone, Debug, Default)]
pub struct HostFeatures {
    vendor: String,
    brand: String,
    family: u8,
    model: u8,
    stepping: u8,
    /// The hypervisor, if there is one.
    hypervisor: Option<String>,
    /// What CPUID claims, by the names of `FEATURES`.
    claimed: Vec<&'static str>,
    registers: Registers,
    /// The words of all `flags` lines of /proc/cpuinfo that are in each; `None` when it cannot be
    /// read.
    flags: Option<Vec<String>>,
}

/// The registers whose content the kernel saves (XCR0).
#[derive(Clone, Copy, Debug, Default)]
struct Registers {
    /// Of AVX.
    ymm: bool,
    /// Of AVX-512.
    zmm: bool,
}

/// A feature of a level.
struct Known {
    name: &'static str,
    level: u8,
    /// Its word in /proc/cpuinfo.
    flag: &'static str,
    needs: Needs,
}

/// The registers that a feature works on, beyond those of every program.
#[derive(PartialEq, Eq)]
enum Needs {
    Nothing,
    Ymm,
    Zmm,
}

const fn known(name: &'static str, level: u8, flag: &'static str, needs: Needs) -> Known {
    Known {
        name,
        level,
        flag,
        needs,
    }
}

/// In the words of the psABI, and in its order.
const FEATURES: [Known; 21] = [
    known("CMPXCHG16B", 2, "cx16", Needs::Nothing),
    known("LAHF-SAHF", 2, "lahf_lm", Needs::Nothing),
    known("POPCNT", 2, "popcnt", Needs::Nothing),
    known("SSE3", 2, "pni", Needs::Nothing),
    known("SSE4_1", 2, "sse4_1", Needs::Nothing),
    known("SSE4_2", 2, "sse4_2", Needs::Nothing),
    known("SSSE3", 2, "ssse3", Needs::Nothing),
    known("AVX", 3, "avx", Needs::Ymm),
    known("AVX2", 3, "avx2", Needs::Ymm),
    known("BMI1", 3, "bmi1", Needs::Nothing),
    known("BMI2", 3, "bmi2", Needs::Nothing),
    known("F16C", 3, "f16c", Needs::Ymm),
    known("FMA", 3, "fma", Needs::Ymm),
    known("LZCNT", 3, "abm", Needs::Nothing),
    known("MOVBE", 3, "movbe", Needs::Nothing),
    known("OSXSAVE", 3, "xsave", Needs::Nothing),
    known("AVX512F", 4, "avx512f", Needs::Zmm),
    known("AVX512BW", 4, "avx512bw", Needs::Zmm),
    known("AVX512CD", 4, "avx512cd", Needs::Zmm),
    known("AVX512DQ", 4, "avx512dq", Needs::Zmm),
    known("AVX512VL", 4, "avx512vl", Needs::Zmm),
];

const HIGHEST: u8 = 4;

impl HostFeatures {
    /// What the CPU that this runs on says. `cpuinfo` is the text of /proc/cpuinfo.
    #[cfg(target_arch = "x86_64")]
    pub fn here(cpuinfo: Option<&str>) -> Self {
        let registers = Registers {
            ymm: std::arch::is_x86_feature_detected!("avx"),
            zmm: std::arch::is_x86_feature_detected!("avx512f"),
        };
        Self::of(&CpuId::new(), registers, cpuinfo)
    }

    /// Other CPUs have no CPUID to ask.
    #[cfg(not(target_arch = "x86_64"))]
    pub fn here(cpuinfo: Option<&str>) -> Self {
        let nothing = |_: u32, _: u32| raw_cpuid::CpuIdResult {
            eax: 0,
            ebx: 0,
            ecx: 0,
            edx: 0,
        };
        Self::of(
            &CpuId::with_cpuid_fn(nothing),
            Registers::default(),
            cpuinfo,
        )
    }

    /// Asks CPUID. `cpuinfo` is the text of /proc/cpuinfo.
    fn of<R: CpuIdReader>(cpuid: &CpuId<R>, registers: Registers, cpuinfo: Option<&str>) -> Self {
        let vendor = cpuid.get_vendor_info();
        let brand = cpuid.get_processor_brand_string();
        let basic = cpuid.get_feature_info();
        let extended = cpuid.get_extended_processor_and_feature_identifiers();
        let structured = cpuid.get_extended_feature_info();
        let hypervisor = cpuid.get_hypervisor_info();
        let mut claimed = Vec::new();
        let mut claim = |name, has: bool| claimed.extend(has.then_some(name));
        if let Some(it) = &basic {
            claim("CMPXCHG16B", it.has_cmpxchg16b());
            claim("POPCNT", it.has_popcnt());
            claim("SSE3", it.has_sse3());
            claim("SSE4_1", it.has_sse41());
            claim("SSE4_2", it.has_sse42());
            claim("SSSE3", it.has_ssse3());
            claim("AVX", it.has_avx());
            claim("F16C", it.has_f16c());
            claim("FMA", it.has_fma());
            claim("MOVBE", it.has_movbe());
            claim("OSXSAVE", it.has_oxsave());
        }
        if let Some(it) = &extended {
            claim("LAHF-SAHF", it.has_lahf_sahf());
            claim("LZCNT", it.has_lzcnt());
        }
        if let Some(it) = &structured {
            claim("AVX2", it.has_avx2());
            claim("BMI1", it.has_bmi1());
            claim("BMI2", it.has_bmi2());
            claim("AVX512F", it.has_avx512f());
            claim("AVX512BW", it.has_avx512bw());
            claim("AVX512CD", it.has_avx512cd());
            claim("AVX512DQ", it.has_avx512dq());
            claim("AVX512VL", it.has_avx512vl());
        }
        Self {
            vendor: vendor.map(|it| it.as_str().to_owned()).unwrap_or_default(),
            brand: brand
                .map(|it| it.as_str().trim().to_owned())
                .unwrap_or_default(),
            family: basic.as_ref().map_or(0, |it| it.family_id()),
            model: basic.as_ref().map_or(0, |it| it.model_id()),
            stepping: basic.as_ref().map_or(0, |it| it.stepping_id()),
            hypervisor: hypervisor.map(|it| format!("{:?}", it.identify())),
            claimed,
            registers,
            flags: cpuinfo.and_then(common_flags),
        }
    }

    /// Why a feature cannot be used; `None` when it can.
    fn against(&self, feature: &Known) -> Option<&'static str> {
        let registers = match feature.needs {
            Needs::Nothing => true,
            Needs::Ymm => self.registers.ymm,
            Needs::Zmm => self.registers.zmm,
        };
        if !self.claimed.contains(&feature.name) {
            return Some("not supported by the CPU");
        }
        let cleared = self
            .flags
            .as_ref()
            .is_some_and(|flags| !flags.iter().any(|flag| flag == feature.flag));
        if cleared {
            return Some("disabled by the kernel");
        }
        (!registers).then_some("registers not saved by the kernel")
    }

    /// glibc trusts these parts of Zhaoxin with neither AVX nor AVX2, though CPUID claims both
    /// (sysdeps/x86/cpu-features.c, `arch_kind_zhaoxin`).
    fn claims_avx_in_vain(&self) -> bool {
        let zhaoxin = ["CentaurHauls", "  Shanghai  "].contains(&self.vendor.as_str());
        zhaoxin
            && matches!(
                (self.family, self.model),
                (6, 0xf | 0x19) | (7, 0x1b | 0x3b)
            )
    }
}

/// The flags that all CPUs of the machine have.
fn common_flags(cpuinfo: &str) -> Option<Vec<String>> {
    let mut lines = cpuinfo.lines().filter_map(|line| {
        let (name, words) = line.split_once(':')?;
        (name.trim() == "flags").then(|| words.split_whitespace())
    });
    let mut common: Vec<String> = lines.next()?.map(str::to_owned).collect();
    for words in lines {
        let words: Vec<&str> = words.collect();
        common.retain(|flag| words.contains(&flag.as_str()));
    }
    Some(common)
}

/// The level, and what stands between the host and the next one.
pub fn judge(seen: &HostFeatures) -> HostCpu {
    let against: Vec<Option<&str>> = FEATURES.iter().map(|it| seen.against(it)).collect();
    let missing = |level: u8| {
        let all = FEATURES.iter().zip(&against);
        all.filter(move |(feature, against)| feature.level == level && against.is_some())
    };
    let level = (2..=HIGHEST)
        .take_while(|&level| missing(level).next().is_none())
        .last();
    let level = level.unwrap_or(1);
    let mut cautions = Vec::new();
    let mut safe = level;
    let in_vain = level > 2 && seen.claims_avx_in_vain();
    if in_vain {
        safe = 2;
        cautions.push(
            "CPUID reports AVX2, but glibc does not use AVX2 on this CPU \
                       model"
                .to_owned(),
        );
    }
    if let Some(hypervisor) = &seen.hypervisor {
        cautions.push(format!(
            "a virtual machine ({hypervisor}): the host decides which CPU features are visible, \
             and another host may offer fewer"
        ));
    }
    if seen.flags.is_none() {
        cautions.push(
            "/proc/cpuinfo cannot be read, so features that the kernel disabled are \
                       unknown"
                .to_owned(),
        );
    }
    let next = (safe < HIGHEST).then(|| {
        let next = safe.saturating_add(1);
        let lacks = match in_vain {
            true => vec!["AVX2 (reported, but not trusted on this CPU model)".to_owned()],
            false => missing(next)
                .map(|(feature, against)| match against {
                    Some("not supported by the CPU") | None => feature.name.to_owned(),
                    Some(reason) => format!("{} ({reason})", feature.name),
                })
                .collect(),
        };
        Next {
            level: format!("v{next}"),
            lacks,
        }
    });
    HostCpu {
        host: String::new(),
        cpu: "amd64".to_owned(),
        model: format!(
            "{} ({}, family {}, model {}, stepping {})",
            seen.brand, seen.vendor, seen.family, seen.model, seen.stepping
        ),
        variable: Some("GOAMD64".to_owned()),
        level: Some(format!("v{level}")),
        safe_level: Some(format!("v{safe}")),
        next,
        features: FEATURES
            .iter()
            .zip(&against)
            .map(|(feature, against)| Feature {
                name: feature.name.to_owned(),
                level: format!("v{}", feature.level),
                usable: against.is_none(),
                reason: against.unwrap_or_default().to_owned(),
            })
            .collect(),
        cautions,
    }
}

#[cfg(test)]
mod tests;
