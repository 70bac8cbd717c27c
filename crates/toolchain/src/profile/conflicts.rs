//! Flags and settings that rule out a static-PIE.

use crate::contradiction::{Code, Contradiction};
use crate::flags::{self, Flag};
use crate::go::GoEnv;

use super::{Request, Said};
use crate::wrapper::one_object;

/// The oldest Go whose PIE was converted and seen to run.
const OLDEST_GO: (u32, u32) = (1, 22);

pub(super) fn find(
    request: &Request,
    env: &GoEnv,
    said: &Said,
    is_ours: &dyn Fn(&str) -> bool,
    against: &mut Vec<Contradiction>,
) {
    platform(env, against);
    cpu_level(request, env, against);
    toolchain(request, env, said, against);
    build_flags(said, against);
    linker_flags(request, said, against);
    if let Some(toolexec) = said.last("toolexec").and_then(|flag| flag.value.as_deref())
        && !toolexec.is_empty()
        && !is_ours(toolexec)
    {
        against.push(Contradiction::new(
            Code::BuildForeignToolexec,
            format!(
                "`-toolexec={toolexec}` {}: go runs only one wrapper, which has to be handpie",
                said.place_of("toolexec")
            ),
            "build without `-toolexec`",
        ));
    }
}

/// Adds why programs for the system and the CPU of `env` cannot be made with its Go.
pub fn platform(env: &GoEnv, against: &mut Vec<Contradiction>) {
    if env.goos != "linux" {
        against.push(Contradiction::new(
            Code::BuildSystem,
            format!("GOOS={}: handpie builds programs for Linux only", env.goos),
            "set GOOS=linux",
        ));
        return;
    }
    let why = match env.goarch.as_str() {
        "amd64" | "arm64" | "ppc64le" => return,
        // Linked by handpie itself.
        goarch if one_object(goarch) => return,
        // The Go whose own linker makes position-independent programs for this CPU first
        // (`InternalLinkPIESupported` in internal/platform/supported.go).
        "loong64" => return at_least(env, (1, 25), against),
        "ppc64" | "s390x" => return at_least(env, (1, 27), against),
        "mips" | "mipsle" | "mips64" | "mips64le" => {
            "Go does not generate position-independent code for this CPU (golang/go#43264)"
        }
        _ => "handpie does not support this CPU yet",
    };
    let what = format!("GOARCH={}: {why}", env.goarch);
    against.push(Contradiction::new(
        Code::BuildCpu,
        what,
        "supported are 386, amd64, arm, arm64, loong64, ppc64, ppc64le, riscv64 and s390x",
    ));
}

fn at_least(env: &GoEnv, version: (u32, u32), against: &mut Vec<Contradiction>) {
    if !env.is_at_least(version) {
        let (major, minor) = version;
        let (goarch, goversion) = (&env.goarch, &env.goversion);
        against.push(Contradiction::new(
            Code::BuildGoTooOld,
            format!("GOARCH={goarch} needs go{major}.{minor} or newer; found {goversion}"),
            "use a newer Go; `go.mod` and GOTOOLCHAIN select the version",
        ));
    }
}

fn cpu_level(request: &Request, env: &GoEnv, against: &mut Vec<Contradiction>) {
    let Some(level) = &request.cpu else { return };
    let (known, list) = match env.goarch.as_str() {
        "amd64" => (
            ["v1", "v2", "v3", "v4"].contains(&level.as_str()),
            "v1, v2, v3, v4",
        ),
        "arm64" => (
            is_arm64_level(level),
            "v8.0 to v8.9 and v9.0 to v9.5, optionally followed by `,lse` and `,crypto`",
        ),
        "ppc64" | "ppc64le" => (
            ["power8", "power9", "power10"].contains(&level.as_str()),
            "power8, power9, power10",
        ),
        "arm" => (["v6", "v7"].contains(&level.as_str()), "v6, v7"),
        _ => (false, ""),
    };
    if !known {
        against.push(Contradiction::new(
            Code::BuildCpuLevel,
            format!("`--cpu {level}` is not a CPU level of {}", env.goarch),
            match list {
                "" => format!("Go has only one CPU level for {}", env.goarch),
                _ => format!("valid levels are {list}"),
            },
        ));
    }
}

/// As `parseGoarm64` of internal/buildcfg.
fn is_arm64_level(level: &str) -> bool {
    let level = level.strip_suffix(",lse").unwrap_or(level);
    let level = level.strip_suffix(",crypto").unwrap_or(level);
    let level = level.strip_suffix(",lse").unwrap_or(level);
    match level.as_bytes() {
        [b'v', b'8', b'.', minor] => minor.is_ascii_digit(),
        [b'v', b'9', b'.', minor] => (b'0'..=b'5').contains(minor),
        _ => false,
    }
}

fn toolchain(request: &Request, env: &GoEnv, said: &Said, against: &mut Vec<Contradiction>) {
    if !env.is_at_least(OLDEST_GO) {
        against.push(Contradiction::new(
            Code::BuildGoTooOld,
            format!("{} is too old; go1.22 or newer is needed", env.goversion),
            "use a newer Go; `go.mod` and GOTOOLCHAIN select the version",
        ));
    }
    let compiler = said.last("compiler").and_then(|flag| flag.value.as_deref());
    if compiler.is_some_and(|name| name != "gc") {
        against.push(Contradiction::new(
            Code::BuildGccgo,
            format!("`-compiler=gccgo` {}", said.place_of("compiler")),
            "gccgo links against GCC's libgo; use the gc compiler",
        ));
    }
    if request.cgo.is_none() && env.is_set("CGO_ENABLED") && env.cgo_enabled == "1" {
        against.push(Contradiction::new(
            Code::BuildCgoEnabled,
            "CGO_ENABLED=1 is set in the environment or with `go env -w`",
            "set CGO_ENABLED=0, or pass `--cgo` to link a C library into the program",
        ));
    }
}

fn build_flags(said: &Said, against: &mut Vec<Contradiction>) {
    if said.is_on("race") {
        against.push(Contradiction::new(
            Code::BuildRace,
            format!("`-race` {}", said.place_of("race")),
            "the race detector is a C library and not meant for releases; test with plain go",
        ));
    }
    for name in ["msan", "asan"].into_iter().filter(|name| said.is_on(name)) {
        against.push(Contradiction::new(
            Code::BuildSanitizer,
            format!("`-{name}` {}", said.place_of(name)),
            "sanitizers are C libraries and not meant for releases; test with plain go",
        ));
    }
    let mode = said
        .last("buildmode")
        .and_then(|flag| flag.value.as_deref());
    if let Some(mode) = mode.filter(|mode| !["pie", "default"].contains(mode)) {
        against.push(Contradiction::new(
            Code::BuildMode,
            format!("`-buildmode={mode}` {}", said.place_of("buildmode")),
            "a static-PIE requires `-buildmode=pie`, which handpie sets automatically",
        ));
    }
    if said.is_on("linkshared") {
        against.push(Contradiction::new(
            Code::BuildMode,
            format!("`-linkshared` {}", said.place_of("linkshared")),
            "a static-PIE does not use shared libraries",
        ));
    }
}

fn linker_flags(request: &Request, said: &Said, against: &mut Vec<Contradiction>) {
    let last = |name: &str| said.to_linker.iter().rev().find(|flag| flag.name == name);
    let value = |name: &str| last(name).and_then(|flag| flag.value.as_deref());
    let fits = |mode: &str| mode == "auto" || (mode == "external") == request.cgo.is_some();
    if let Some(mode) = value("linkmode").filter(|mode| !fits(mode)) {
        against.push(Contradiction::new(
            Code::BuildExternalLinking,
            format!("`-linkmode={mode}` in -ldflags"),
            match request.cgo {
                None => "Go's own linker writes the PIE; no C toolchain is needed",
                Some(_) => "with `--cgo`, handpie links the program itself",
            },
        ));
    }
    if last("d").is_some_and(Flag::is_on) {
        against.push(Contradiction::new(
            Code::BuildNoRelocations,
            "`-d` in -ldflags: go then writes no relocations, so the program is not \
             position-independent",
            "remove `-d`; the converted program needs no dynamic loader anyway",
        ));
    }
    if let Some(mode) = value("buildmode").filter(|mode| *mode != "pie") {
        against.push(Contradiction::new(
            Code::BuildMode,
            format!("`-buildmode={mode}` in -ldflags"),
            "a static-PIE requires `-buildmode=pie`, which handpie sets automatically",
        ));
    }
    if last("linkshared").is_some_and(Flag::is_on) {
        against.push(Contradiction::new(
            Code::BuildMode,
            "`-linkshared` in -ldflags",
            "a static-PIE does not use shared libraries",
        ));
    }
}

/// Whether a `-toolexec` value starts this program: by a file name such as `handpie-1.0`, and our
/// command.
pub fn is_handpie(toolexec: &str) -> bool {
    let words = flags::split(toolexec).unwrap_or_default();
    match words.as_slice() {
        [program, command, ..] => {
            let stem = std::path::Path::new(program).file_stem();
            command == "toolexec"
                && stem.is_some_and(|stem| stem.to_string_lossy().starts_with("handpie"))
        }
        _ => false,
    }
}
