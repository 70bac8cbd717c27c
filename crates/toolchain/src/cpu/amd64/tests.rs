use super::*;
use raw_cpuid::CpuIdResult;

/// A machine that has everything up to a level.
fn machine(level: u8) -> HostFeatures {
    let claimed = FEATURES.iter().filter(|it| it.level <= level);
    let words = FEATURES
        .iter()
        .filter(|it| it.level <= level)
        .map(|it| it.flag.to_owned());
    HostFeatures {
        vendor: "GenuineIntel".to_owned(),
        claimed: claimed.map(|it| it.name).collect(),
        registers: Registers {
            ymm: level >= 3,
            zmm: level >= 4,
        },
        flags: Some(words.collect()),
        ..HostFeatures::default()
    }
}

fn levels(seen: &HostFeatures) -> (String, String, Option<Next>) {
    let cpu = judge(seen);
    (cpu.level.unwrap(), cpu.safe_level.unwrap(), cpu.next)
}

fn next(level: &str, lacks: &[&str]) -> Option<Next> {
    Some(Next {
        level: level.to_owned(),
        lacks: lacks.iter().map(|it| (*it).to_owned()).collect(),
    })
}

#[test]
fn each_level_needs_all_of_its_features() {
    for level in 1..=4 {
        let (found, safe, _) = levels(&machine(level));
        assert_eq!(found, format!("v{level}"));
        assert_eq!(safe, found);
    }
    for feature in &FEATURES {
        let mut seen = machine(4);
        seen.claimed.retain(|name| *name != feature.name);
        let below = feature.level - 1;
        let (found, _, above) = levels(&seen);
        assert_eq!(found, format!("v{below}"), "without {}", feature.name);
        let level = format!("v{}", feature.level);
        assert_eq!(above, next(&level, &[feature.name]));
    }
    assert_eq!(levels(&machine(4)).2, None, "there is no v5");
}

#[test]
fn what_the_kernel_has_switched_off_counts_as_missing() {
    let mut seen = machine(3);
    // gather_data_sampling=force without microcode.
    seen.flags = seen
        .flags
        .map(|flags| flags.into_iter().filter(|it| it != "avx2").collect());
    let (found, _, above) = levels(&seen);
    assert_eq!(found, "v2");
    assert_eq!(above, next("v3", &["AVX2 (disabled by the kernel)"]));
}

#[test]
fn registers_that_are_not_saved_cannot_be_used() {
    let mut seen = machine(4);
    seen.registers.zmm = false;
    let (found, _, above) = levels(&seen);
    assert_eq!(found, "v3");
    let reason = "(registers not saved by the kernel)";
    let lacks = above.unwrap().lacks;
    assert_eq!(lacks.len(), 5);
    assert!(lacks[0].ends_with(reason), "{lacks:?}");
    seen.registers.ymm = false;
    assert_eq!(levels(&seen).0, "v2");
}

#[test]
fn parts_that_claim_avx_in_vain_are_known() {
    for (vendor, family, model, safe) in [
        ("CentaurHauls", 6, 0x0f, "v2"),
        ("  Shanghai  ", 6, 0x19, "v2"),
        ("  Shanghai  ", 7, 0x1b, "v2"),
        ("  Shanghai  ", 7, 0x3b, "v2"),
        ("  Shanghai  ", 7, 0x5b, "v3"),
        ("GenuineIntel", 6, 0x0f, "v3"),
    ] {
        let mut seen = machine(3);
        (seen.family, seen.model) = (family, model);
        vendor.clone_into(&mut seen.vendor);
        let cpu = judge(&seen);
        assert_eq!(cpu.level.as_deref(), Some("v3"), "what it claims");
        assert_eq!(
            cpu.safe_level.as_deref(),
            Some(safe),
            "{vendor} {family} {model:#x}"
        );
        assert_eq!(cpu.cautions.is_empty(), safe == "v3");
    }
}

#[test]
fn flags_count_when_every_cpu_of_the_machine_has_them() {
    let text = "processor : 0\nflags\t\t: sse avx avx2\nprocessor : 1\nflags\t\t: sse avx\n";
    assert_eq!(common_flags(text).unwrap(), ["sse", "avx"]);
    assert_eq!(common_flags("vendor_id : x\n"), None);
}

/// The CPUID of qemu64, whose model claims little.
fn qemu64(leaf: u32, _: u32) -> CpuIdResult {
    let (eax, ebx, ecx, edx) = match leaf {
        0 => (0xd, 0x6874_7541, 0x444d_4163, 0x6974_6e65),
        // SSE3, CMPXCHG16B, hypervisor.
        1 => (0x0006_0fb1, 0, 1 | 1 << 13 | 1 << 31, 0x078b_fbfd),
        0x4000_0000 => (0x4000_0001, 0x4b4d_564b, 0x564b_4d56, 0x4d),
        0x8000_0000 => (0x8000_000a, 0, 0, 0),
        // LAHF/SAHF.
        0x8000_0001 => (0, 0, 1, 0),
        _ => (0, 0, 0, 0),
    };
    CpuIdResult { eax, ebx, ecx, edx }
}

#[test]
fn cpuid_is_read_bit_by_bit() {
    let cpuid = CpuId::with_cpuid_fn(qemu64);
    let seen = HostFeatures::of(&cpuid, Registers::default(), None);
    assert_eq!(seen.vendor, "AuthenticAMD");
    assert_eq!((seen.family, seen.model, seen.stepping), (15, 107, 1));
    assert_eq!(seen.claimed, ["CMPXCHG16B", "SSE3", "LAHF-SAHF"]);
    let cpu = judge(&seen);
    assert_eq!(cpu.level.as_deref(), Some("v1"));
    assert_eq!(
        cpu.next,
        next("v2", &["POPCNT", "SSE4_1", "SSE4_2", "SSSE3"])
    );
    assert!(cpu.cautions[0].contains("KVM"), "{:?}", cpu.cautions);
    assert!(
        cpu.cautions[1].contains("/proc/cpuinfo"),
        "{:?}",
        cpu.cautions
    );
}
