//! The code signature, and what the kernel enforces because of it. The signature itself is not
//! verified.

use handpie_binary::macho::constants::{CPU_TYPE_ARM64, CS_LINKER_SIGNED, CS_RUNTIME};
use handpie_binary::macho::{CodeSignature, MachO};

use super::loaded;
use crate::finding::{Judgement, fail, not_applicable, pass, warn};
use crate::rule::{Level, Levels, Rule, Severity};
use crate::subject::{Kind, Subject, System};

pub(super) const SIGNATURE: Rule = Rule {
    code: "macho-signature",
    wish: "a code signature with a certificate",
    severity: Severity::Medium,
    levels: Levels::all(Level::Warn),
    judge: signature,
};

pub(super) const HARDENED_RUNTIME: Rule = Rule {
    code: "macho-hardened-runtime",
    wish: "the hardened runtime",
    severity: Severity::Medium,
    levels: Levels::all(Level::Warn),
    judge: hardened_runtime,
};

const SIGN: &str = "sign with `codesign --sign IDENTITY --options runtime --timestamp`, or with \
                    `rcodesign sign --code-signature-flags runtime`";

fn signature(subject: &Subject<'_>) -> Option<Judgement> {
    let macho = loaded(subject)?;
    let signature = match macho.code_signature() {
        Ok(Some(signature)) => signature,
        Ok(None) => {
            let why = match macho.header().cpu_type {
                _ if !subject.system.is_mac() => {
                    "not signed; Apple's devices start no such program"
                }
                CPU_TYPE_ARM64 => "not signed; macOS refuses to start such arm64 programs",
                _ => "not signed",
            };
            return Some(fail(why).with("no `LC_CODE_SIGNATURE`").hint(SIGN));
        }
        Err(error) => return Some(fail(error.to_string()).hint(SIGN)),
    };
    Some(match signature.has_certificate() {
        true => show(pass("signed with a certificate"), &signature),
        false => {
            let flags = signature
                .directories
                .first()
                .map(|directory| directory.flags);
            let by = match flags.is_some_and(|flags| flags.contains(CS_LINKER_SIGNED)) {
                true => "signed ad hoc by the linker",
                false => "signed ad hoc",
            };
            let why = format!("{by}, which does not identify who made the file");
            show(warn(why), &signature).hint(SIGN)
        }
    })
}

fn hardened_runtime(subject: &Subject<'_>) -> Option<Judgement> {
    let macho = loaded(subject)?;
    if subject.kind != Kind::MachoExecutable {
        return Some(not_applicable(
            "decided by the program that loads the library",
        ));
    }
    if !subject.system.is_mac() {
        return Some(not_applicable(format!(
            "only macOS has it; {} restricts every program in the same way",
            subject.system
        )));
    }
    Some(match macho.code_signature() {
        Ok(Some(signature)) if signature.has(CS_RUNTIME) => show(
            pass("the signature requests the hardened runtime"),
            &signature,
        ),
        Ok(Some(signature)) => show(
            fail("the signature does not request the hardened runtime"),
            &signature,
        )
        .hint(SIGN),
        Ok(None) => fail("not signed, and only a signature can request the hardened runtime")
            .with("no `LC_CODE_SIGNATURE`")
            .hint(SIGN),
        Err(error) => fail(error.to_string()).hint(SIGN),
    })
}

/// Whether the kernel lets the program load only libraries of Apple and of its own signer: a
/// certificate, and flags that ask for it.
pub(super) fn validates_libraries(system: System, macho: &MachO<'_>) -> bool {
    // AMFI on iOS lets no other library in, whatever the signature says.
    if !system.is_mac() {
        return true;
    }
    let signature = macho.code_signature().ok().flatten();
    signature.is_some_and(|signature| signature.has_certificate() && signature.has(CS_RUNTIME))
}

fn show(judgement: Judgement, signature: &CodeSignature) -> Judgement {
    let directories = signature.directories.iter();
    let judgement = directories.fold(judgement, |judgement, directory| {
        let shown = format!("code directory with `flags` {:?}", directory.flags);
        judgement.at(directory.offset, shown)
    });
    match signature.message {
        Some(offset) => judgement.at(offset, "CMS message with certificates"),
        None => judgement,
    }
}
