//! FIPS 140: whose cryptography it uses, and whether it starts in that mode.
//!
//! Most programs need none of this, so no profile asks; a policy that has to, can.

use super::program::Mark;
use super::{Go, written};
use crate::finding::{Judgement, fail, pass, unknown, warn};
use crate::rule::{Level, Levels, Rule, Severity};
use crate::subject::Subject;

pub(super) const FIPS: Rule = Rule {
    code: "go-fips",
    wish: "FIPS 140 mode with a frozen cryptographic module",
    severity: Severity::Medium,
    levels: Levels::all(Level::Off),
    judge: fips,
};

const HINT: &str = "build with Go 1.24 or newer and GOFIPS140=v1.0.0, which also sets \
                    GODEBUG=fips140=on";

fn fips(subject: &Subject<'_>) -> Option<Judgement> {
    let go = Go::of(subject)?;
    if let Some(judgement) = of_vendor(&go) {
        return Some(judgement);
    }
    if !go.has_settings() {
        return Some(unknown("build settings were not recorded"));
    }
    let module = go.setting("GOFIPS140");
    let mode = go.setting("DefaultGODEBUG").and_then(|setting| {
        let mut pairs = setting.value.split(',');
        let mode = pairs.find_map(|pair| pair.strip_prefix("fips140="))?;
        Some((mode, setting))
    });
    // What is not said in DefaultGODEBUG follows from the module that was linked.
    let mode_name = mode.map(|(mode, _)| mode);
    let judgement = match (module.map(|it| it.value.as_str()), mode_name) {
        (None | Some("off"), None | Some("off")) => {
            fail("built without GOFIPS140 and GODEBUG=fips140").hint(HINT)
        }
        (Some(module), Some("off")) => fail(format!(
            "built with FIPS 140 module {module}, but GODEBUG disables FIPS 140 mode"
        ))
        .hint(HINT),
        (None | Some("off" | "latest"), _) => warn(
            "starts in FIPS 140 mode, but the cryptographic module is not a frozen \
                  version",
        )
        .hint(HINT),
        (Some(module), Some("only")) => pass(format!(
            "FIPS 140 mode with module {module}; other \
                             cryptography is rejected"
        )),
        (Some(module), _) => pass(format!(
            "FIPS 140 mode with module {module}, enabled by \
                                           default"
        )),
    };
    let judgement = match module {
        Some(setting) => judgement.at(setting.offset, written(setting)),
        None => judgement,
    };
    Some(match mode {
        Some((mode, setting)) => judgement.at(
            setting.offset,
            format!("build DefaultGODEBUG=...fips140={mode}"),
        ),
        None => judgement,
    })
}

/// Toolchains that put other cryptography in the place of Go's.
fn of_vendor(go: &Go<'_, '_>) -> Option<Judgement> {
    let shown = |mark| {
        let function = go.mark(mark)?;
        Some((function.offset, format!("function {}", function.name)))
    };
    let version = go.version_text();
    let experiment = |names: &[&str]| {
        let (text, offset) = version.clone()?;
        let known = go.version()?;
        names
            .iter()
            .any(|name| known.has_experiment(name))
            .then_some((offset, text))
    };
    let boring = shown(Mark::Boring).or_else(|| experiment(&["boringcrypto"]));
    if let Some((offset, what)) = boring {
        let why = "uses BoringCrypto, which Go does not support and is about to remove";
        return Some(warn(why).at(offset, what).hint(HINT));
    }
    let openssl = shown(Mark::OpenSsl)
        .or_else(|| experiment(&["opensslcrypto", "systemcrypto", "strictfipsruntime"]));
    if let Some((offset, what)) = openssl {
        let why = "uses OpenSSL, and is in FIPS mode if the system's OpenSSL is";
        return Some(pass(why).at(offset, what));
    }
    let system = shown(Mark::SystemCrypto).or_else(|| experiment(&["cngcrypto", "darwincrypto"]));
    let (offset, what) = system?;
    Some(pass("uses the system's cryptography library and its FIPS mode").at(offset, what))
}
