//! Whether a program or library is loaded at a random address, and how random it is. A flag
//! requests it, but has no effect without base relocations.

use handpie_binary::Pe;
use handpie_binary::pe::constants::{
    IMAGE_DLLCHARACTERISTICS_DYNAMIC_BASE, IMAGE_DLLCHARACTERISTICS_HIGH_ENTROPY_VA,
    IMAGE_FILE_LARGE_ADDRESS_AWARE, IMAGE_FILE_RELOCS_STRIPPED,
};

use super::{is_uefi, no_code, with_characteristics, with_dll_characteristics};
use crate::finding::{Judgement, fail, not_applicable, pass};
use crate::rule::{Level, Levels, Rule, Severity};
use crate::subject::{Language, Subject};

pub(super) const DYNAMIC_BASE: Rule = Rule {
    code: "pe-dynamic-base",
    wish: "a random load address",
    severity: Severity::High,
    levels: Levels::all(Level::Fail),
    judge: dynamic_base,
};

pub(super) const RELOCATIONS: Rule = Rule {
    code: "pe-relocations",
    wish: "base relocations, which a random load address requires",
    severity: Severity::High,
    levels: Levels::all(Level::Fail),
    judge: relocations,
};

pub(super) const HIGH_ENTROPY: Rule = Rule {
    code: "pe-high-entropy",
    wish: "a load address from the whole 64-bit address space",
    severity: Severity::Medium,
    levels: Levels::all(Level::Fail),
    judge: high_entropy,
};

const FIRMWARE: &str = "UEFI firmware loads programs wherever there is space";

fn dynamic_base(subject: &Subject<'_>) -> Option<Judgement> {
    let pe = subject.pe()?;
    let flags = pe.header().dll_characteristics;
    if is_uefi(pe) {
        return Some(not_applicable(FIRMWARE));
    }
    if !flags.contains(IMAGE_DLLCHARACTERISTICS_DYNAMIC_BASE) {
        let judgement = fail("does not request a random load address");
        return Some(with_dll_characteristics(judgement, pe).hint(movable(subject.language)));
    }
    let judgement = match movability(pe) {
        Movability::Moves(judgement) => Judgement {
            why: "requests a random load address, and can be relocated".to_owned(),
            ..judgement
        },
        Movability::Fixed(judgement) => Judgement {
            why: format!("requests a random load address, but {}", judgement.why),
            hint: movable(subject.language),
            ..judgement
        },
    };
    Some(with_dll_characteristics(judgement, pe))
}

fn relocations(subject: &Subject<'_>) -> Option<Judgement> {
    let pe = subject.pe()?;
    Some(match movability(pe) {
        Movability::Moves(judgement) => judgement,
        Movability::Fixed(judgement) if is_uefi(pe) => {
            judgement.hint("link without --strip-all; objcopy keeps `.reloc` with -j .reloc")
        }
        Movability::Fixed(judgement) => judgement.hint(movable(subject.language)),
    })
}

/// Whether the loader can move an image.
enum Movability {
    Moves(Judgement),
    Fixed(Judgement),
}

fn movability(pe: &Pe<'_>) -> Movability {
    let stripped = pe
        .header()
        .characteristics
        .contains(IMAGE_FILE_RELOCS_STRIPPED);
    if stripped {
        let judgement = fail("base relocations were stripped");
        return Movability::Fixed(with_characteristics(judgement, pe));
    }
    match pe.first_relocation() {
        Ok(Some(first)) => {
            Movability::Moves(pass("has base relocations").at(first, "first base relocation"))
        }
        // Position-independent code with start-up code of its own; the directory is there for the
        // loaders that demand one (gnu-efi, the kernel's arch/*/boot/header.S). Firmware moves
        // whatever is not marked as stripped (EDK II, BasePeCoff.c).
        Ok(None) | Err(_) if is_uefi(pe) => {
            let judgement = pass("needs no base relocations: not marked as stripped of them");
            Movability::Moves(with_characteristics(judgement, pe))
        }
        Ok(None) => match no_code(pe) {
            Some(why) => Movability::Moves(pass(format!("needs no base relocations: {why}"))),
            None => Movability::Fixed(
                fail("has no base relocations").with("the base relocation directory is empty"),
            ),
        },
        Err(error) => Movability::Fixed(fail(error.to_string())),
    }
}

fn movable(language: Language) -> &'static str {
    match language {
        Language::Go => "build with -buildmode=pie, which is Go's default on Windows without -race",
        Language::GoWithC => "build with -buildmode=pie and binutils 2.36 or newer",
        Language::Rust | Language::RustWithC => "build without -C relocation-model=static",
        _ => {
            "link with /DYNAMICBASE and without /FIXED; with MinGW, -Wl,--dynamicbase and \
             without -Wl,--disable-reloc-section"
        }
    }
}

fn high_entropy(subject: &Subject<'_>) -> Option<Judgement> {
    let pe = subject.pe()?;
    let header = pe.header();
    if !header.is_64 {
        return Some(not_applicable(
            "a 32-bit program has no 64-bit address space",
        ));
    }
    if is_uefi(pe) {
        return Some(not_applicable(FIRMWARE));
    }
    let wants = header
        .dll_characteristics
        .contains(IMAGE_DLLCHARACTERISTICS_HIGH_ENTROPY_VA);
    let can = header
        .characteristics
        .contains(IMAGE_FILE_LARGE_ADDRESS_AWARE);
    let hint = match subject.language {
        Language::Go | Language::GoWithC => "build with -buildmode=pie",
        _ => "link with /HIGHENTROPYVA; with MinGW, -Wl,--high-entropy-va",
    };
    let judgement = match (wants, can) {
        (true, true) => pass("addresses are chosen from the whole 64-bit address space"),
        (true, false) => fail(
            "requests high-entropy addresses, but is marked as unable to handle \
                               addresses above 2 GiB",
        )
        .hint("link without /LARGEADDRESSAWARE:NO"),
        (false, _) => fail("does not request high-entropy addresses").hint(hint),
    };
    Some(with_characteristics(
        with_dll_characteristics(judgement, pe),
        pe,
    ))
}
