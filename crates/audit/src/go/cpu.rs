//! The CPU level that it was compiled for, and where it will therefore not run.

use memchr::memmem;

use super::{Go, written};
use crate::finding::{Judgement, fail, not_applicable, pass, unknown};
use crate::rule::{Level, Levels, Rule, Severity};
use crate::subject::Subject;

pub(super) const CPU_LEVEL: Rule = Rule {
    code: "go-cpu-level",
    wish: "a CPU level that every machine in use has",
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

const NO_LSE: &str = "not on cores of Armv8.0: Cortex-A53, A57, A72 and A73, so neither on \
                      Raspberry Pi 3 and 4 nor on AWS A1";

/// Go's levels: internal/buildcfg/cfg.go; what they mean: go.dev/wiki/MinimumRequirements.
const LEVELS: &[CpuLevel] = &[
    level("GOAMD64", "v1", true, "runs on every x86-64 CPU"),
    level(
        "GOAMD64",
        "v2",
        true,
        "not on x86-64 CPUs without SSE4.2 and POPCNT, from before 2009 or so",
    ),
    level(
        "GOAMD64",
        "v3",
        false,
        "not on CPUs without AVX2, BMI2 and FMA: Intel's before Haswell (2013), most of its \
         Pentium, Celeron and Atom before Alder Lake (2022), AMD's before Excavator (2015); nor \
         where a virtual machine hides them",
    ),
    level(
        "GOAMD64",
        "v4",
        false,
        "not on CPUs without AVX-512: Intel's for desktops and laptops, most of AMD's before \
         Zen 4 (2022); nor where a virtual machine hides it",
    ),
    level("GO386", "softfloat", true, "runs on every 386 with MMX"),
    level(
        "GO386",
        "sse2",
        true,
        "not on CPUs without SSE2, from before 2003 or so",
    ),
    level("GOARM", "5", true, "runs on Armv5 and newer"),
    level("GOARM", "6", true, "not on Armv5"),
    level(
        "GOARM",
        "7",
        true,
        "not on Armv6: neither on Raspberry Pi 1 nor on Pi Zero",
    ),
    level("GOARM64", "v8.0", true, "runs on every 64-bit Arm CPU"),
    level("GOPPC64", "power8", true, "runs on POWER8 and newer"),
    level("GOPPC64", "power9", false, "not on POWER8"),
    level("GOPPC64", "power10", false, "not on POWER8 and POWER9"),
    level("GORISCV64", "rva20u64", true, "runs on every RV64GC CPU"),
    level(
        "GORISCV64",
        "rva22u64",
        false,
        "not on boards of before 2023 or so: no Zba, Zbb and Zbs",
    ),
    level(
        "GORISCV64",
        "rva23u64",
        false,
        "not on CPUs without vectors, which is most of those sold so far",
    ),
    level(
        "GOMIPS",
        "hardfloat",
        true,
        "not on CPUs without floating point, as in many routers",
    ),
    level("GOMIPS", "softfloat", true, "runs on every MIPS32 CPU"),
    level(
        "GOMIPS64",
        "hardfloat",
        true,
        "not on CPUs without floating point",
    ),
    level("GOMIPS64", "softfloat", true, "runs on every MIPS64 CPU"),
];

const HINT: &str = "build with GOAMD64=v1 or v2, GOARM64=v8.0, GOPPC64=power8, \
                    GORISCV64=rva20u64, or make a build for each level";

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
        return Some(not_applicable("Go has one level for this CPU").at(cpu.offset, written(cpu)));
    }
    Some(by_message(&go).unwrap_or_else(|| unknown("the level was not recorded")))
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
        None => unknown(format!("{key}={value} is no level that is known here")),
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
        _ => return unknown(format!("GOARM64={base} is no level that is known here")),
    };
    match (later, options.contains(&"lse"), options.contains(&"crypto")) {
        (false, false, false) => pass("runs on every 64-bit Arm CPU"),
        (false, false, true) => fail(
            "not on CPUs without instructions for AES and SHA, such as those of Raspberry Pi 3 \
             and 4",
        )
        .hint(HINT),
        (false, true, _) => fail(NO_LSE).hint(HINT),
        (true, ..) if base == "v8.1" => fail(NO_LSE).hint(HINT),
        (true, ..) => fail(format!(
            "{NO_LSE}; nor on others older than Armv{}",
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
            let what = format!("the runtime's refusal of CPUs below {value}");
            return Some(judge("GOAMD64", &value).at(place(at)?, what));
        }
        if let Some(at) = memmem::find(bytes, ARM64) {
            let what = "the runtime's refusal of CPUs without LSE";
            return Some(judge("GOARM64", "v8.0,lse").at(place(at)?, what));
        }
    }
    None
}
