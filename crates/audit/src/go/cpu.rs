//! The CPU level that the program was compiled for, and the CPUs on which it therefore does not
//! run.

use memchr::memmem;

use super::{Go, written};
use crate::finding::{Judgement, fail, not_applicable, pass, unknown};
use crate::rule::{Level, Levels, Rule, Severity};
use crate::subject::Subject;

pub(super) const CPU_LEVEL: Rule = Rule {
    code: "go-cpu-level",
    wish: "a CPU level that all machines in use support",
    severity: Severity::High,
    levels: Levels {
        plain: Level::Warn,
        portable: Level::Fail,
        // The builder knows the machine.
        host: Level::Off,
        // Whether it is the distribution's baseline, its policy has to say.
        distro: Level::Warn,
    },
    judge: cpu_level,
};

/// A level, whether every machine in use has it, and which do not.
struct CpuLevel {
    key: &'static str,
    value: &'static str,
    everywhere: bool,
    not_on: &'static str,
}

const fn level(
    key: &'static str,
    value: &'static str,
    everywhere: bool,
    not_on: &'static str,
) -> CpuLevel {
    CpuLevel {
        key,
        value,
        everywhere,
        not_on,
    }
}

const NO_LSE: &str = "does not run on Armv8.0 cores: Cortex-A53, A57, A72 and A73, as in \
                      Raspberry Pi 3 and 4 and AWS A1";

/// Go's levels: internal/buildcfg/cfg.go; what they mean: go.dev/wiki/MinimumRequirements.
const LEVELS: &[CpuLevel] = &[
    level("GOAMD64", "v1", true, "runs on every x86-64 CPU"),
    level(
        "GOAMD64",
        "v2",
        true,
        "does not run on x86-64 CPUs without SSE4.2 and POPCNT (before about 2009)",
    ),
    level(
        "GOAMD64",
        "v3",
        false,
        "does not run on CPUs without AVX2, BMI2 and FMA: Intel before Haswell (2013), most \
         Pentium, Celeron and Atom before Alder Lake (2022), AMD before Excavator (2015); nor in \
         virtual machines that hide these instructions",
    ),
    level(
        "GOAMD64",
        "v4",
        false,
        "does not run on CPUs without AVX-512: Intel desktops and laptops, most AMD before Zen 4 \
         (2022); nor in virtual machines that hide these instructions",
    ),
    level("GO386", "softfloat", true, "runs on every 386 with MMX"),
    level(
        "GO386",
        "sse2",
        true,
        "does not run on CPUs without SSE2 (before about 2003)",
    ),
    level("GOARM", "5", true, "runs on Armv5 and newer"),
    level("GOARM", "6", true, "does not run on Armv5"),
    level(
        "GOARM",
        "7",
        true,
        "does not run on Armv6, as in Raspberry Pi 1 and Pi Zero",
    ),
    level("GOARM64", "v8.0", true, "runs on every 64-bit Arm CPU"),
    level("GOPPC64", "power8", true, "runs on POWER8 and newer"),
    level("GOPPC64", "power9", false, "does not run on POWER8"),
    level(
        "GOPPC64",
        "power10",
        false,
        "does not run on POWER8 and POWER9",
    ),
    level("GORISCV64", "rva20u64", true, "runs on every RV64GC CPU"),
    level(
        "GORISCV64",
        "rva22u64",
        false,
        "does not run on CPUs without Zba, Zbb and Zbs, as on most boards from before about 2023",
    ),
    level(
        "GORISCV64",
        "rva23u64",
        false,
        "does not run on CPUs without the vector extension, which most RISC-V CPUs sold so far \
         lack",
    ),
    level(
        "GOMIPS",
        "hardfloat",
        true,
        "does not run on CPUs without a floating-point unit, as in many routers",
    ),
    level("GOMIPS", "softfloat", true, "runs on every MIPS32 CPU"),
    level(
        "GOMIPS64",
        "hardfloat",
        true,
        "does not run on CPUs without a floating-point unit",
    ),
    level("GOMIPS64", "softfloat", true, "runs on every MIPS64 CPU"),
];

const HINT: &str = "build with GOAMD64=v1 or v2, GOARM64=v8.0, GOPPC64=power8 or \
                    GORISCV64=rva20u64, or ship one build per level";

fn cpu_level(subject: &Subject<'_>) -> Option<Judgement> {
    let go = Go::of(subject)?;
    let keys = LEVELS.iter().map(|level| level.key);
    let mut settings = keys.filter_map(|key| go.setting(key));
    if let Some(setting) = settings.next() {
        let judgement = judge(setting.key.as_str(), &setting.value);
        return Some(judgement.at(setting.offset, written(setting)));
    }
    if let Some(cpu) = go.setting("GOARCH")
        && ["loong64", "s390x", "mips", "mipsle", "mips64", "mips64le"].contains(&&*cpu.value)
    {
        return Some(
            not_applicable(
                "Go has only one level for this CPU \
                                    architecture",
            )
            .at(cpu.offset, written(cpu)),
        );
    }
    Some(by_message(&go).unwrap_or_else(|| unknown("the CPU level was not recorded")))
}

fn judge(key: &str, value: &str) -> Judgement {
    // `,hardfloat` is the default of GOARM 6 and 7; `,softfloat` runs wherever that does.
    let (base, options) = value.split_once(',').unwrap_or((value, ""));
    if key == "GOARM64" {
        return judge_arm64(base, options);
    }
    let known = LEVELS
        .iter()
        .find(|level| (level.key, level.value) == (key, base));
    match known {
        Some(level) if level.everywhere => pass(level.not_on),
        Some(level) => fail(level.not_on).hint(HINT),
        None => unknown(format!("{key}={value} is not a known CPU level")),
    }
}

/// Of all that the levels of GOARM64 promise, Go uses the atomics of v8.1 (LSE) so far, and its
/// runtime asks for nothing else (runtime/asm_arm64.s, `CHECK_GOARM64_LSE`). The next Go may use
/// more, so the level is what counts.
fn judge_arm64(base: &str, options: &str) -> Judgement {
    let options: Vec<&str> = options.split(',').filter(|it| !it.is_empty()).collect();
    let later = match base.strip_prefix('v').and_then(|it| it.split_once('.')) {
        Some(("8", "0")) => false,
        Some(("8" | "9", minor)) if minor.len() == 1 => true,
        _ => return unknown(format!("GOARM64={base} is not a known CPU level")),
    };
    match (later, options.contains(&"lse"), options.contains(&"crypto")) {
        (false, false, false) => pass("runs on every 64-bit Arm CPU"),
        (false, false, true) => fail(
            "does not run on CPUs without AES and SHA instructions, as in Raspberry Pi 3 and 4",
        )
        .hint(HINT),
        (false, true, _) => fail(NO_LSE).hint(HINT),
        (true, ..) if base == "v8.1" => fail(NO_LSE).hint(HINT),
        (true, ..) => fail(format!(
            "{NO_LSE}; nor on other cores older than Armv{}",
            &base.trim_start_matches('v')
        ))
        .hint(HINT),
    }
}

/// Where the runtime checks for a level, it has words for those who lack it: runtime/asm_amd64.s
/// (`bad_cpu_msg`), asm_arm64.s (`no_lse_msg`).
fn by_message(go: &Go<'_, '_>) -> Option<Judgement> {
    const AMD64: &[u8] = b"This program can only be run on AMD64 processors with v";
    const ARM64: &[u8] = b"This program can only run on ARM64 processors with LSE support.";
    let readable = go
        .image
        .sections()
        .into_iter()
        .filter(|section| !section.executable);
    let data = readable.filter(|section| section.name.starts_with(b".rodata"));
    for section in data {
        let bytes = section.data.data().ok()?;
        let place = |at: usize| section.offset().checked_add(handpie_binary::Size::of(at));
        if let Some(at) = memmem::find(bytes, AMD64) {
            let digit = bytes.get(at.checked_add(AMD64.len())?)?;
            let value = format!("v{}", char::from(*digit));
            let what = format!("the runtime's error message for CPUs below {value}");
            return Some(judge("GOAMD64", &value).at(place(at)?, what));
        }
        if let Some(at) = memmem::find(bytes, ARM64) {
            let what = "the runtime's error message for CPUs without LSE";
            return Some(judge("GOARM64", "v8.0,lse").at(place(at)?, what));
        }
    }
    None
}
