//! The rules for PE files, in report order: load address, memory protection, compiler options,
//! signature.

mod canary;
mod control_flow;
mod memory;
mod position;
mod signature;

use handpie_binary::Pe;
use handpie_binary::pe::constants::{
    IMAGE_SCN_MEM_EXECUTE, IMAGE_SUBSYSTEM_EFI_APPLICATION,
    IMAGE_SUBSYSTEM_EFI_BOOT_SERVICE_DRIVER, IMAGE_SUBSYSTEM_EFI_ROM,
    IMAGE_SUBSYSTEM_EFI_RUNTIME_DRIVER,
};

use crate::finding::Judgement;
use crate::rule::Rule;

pub(crate) const RULES: &[Rule] = &[
    position::DYNAMIC_BASE,
    position::RELOCATIONS,
    position::HIGH_ENTROPY,
    memory::NX,
    control_flow::CFG,
    control_flow::CET,
    control_flow::SAFE_SEH,
    canary::CANARY,
    signature::SIGNATURE,
];

/// Whether firmware loads it, and not Windows.
pub(crate) fn is_uefi(pe: &Pe<'_>) -> bool {
    let subsystems = [
        IMAGE_SUBSYSTEM_EFI_APPLICATION,
        IMAGE_SUBSYSTEM_EFI_BOOT_SERVICE_DRIVER,
        IMAGE_SUBSYSTEM_EFI_RUNTIME_DRIVER,
        IMAGE_SUBSYSTEM_EFI_ROM,
    ];
    subsystems.contains(&pe.header().subsystem)
}

/// Why there is no machine code in it, if so.
fn no_code(pe: &Pe<'_>) -> Option<&'static str> {
    let mut sections = pe.sections().iter();
    if pe.is_il_only().unwrap_or_default() {
        Some("contains only .NET code, which the runtime compiles")
    } else if !sections.any(|section| section.characteristics.contains(IMAGE_SCN_MEM_EXECUTE)) {
        Some("contains no code")
    } else {
        None
    }
}

/// Why there is nothing in it that Windows could protect by checks in its code, if so.
fn unguarded(pe: &Pe<'_>) -> Option<&'static str> {
    match is_uefi(pe) {
        true => Some("UEFI firmware does not support this protection"),
        false => no_code(pe),
    }
}

/// Adds `DllCharacteristics`.
fn with_dll_characteristics(judgement: Judgement, pe: &Pe<'_>) -> Judgement {
    let header = pe.header();
    let shown = format!("`DllCharacteristics` is {:?}", header.dll_characteristics);
    judgement.at(header.dll_characteristics_at(), shown)
}

/// Adds `Characteristics` of the file header.
fn with_characteristics(judgement: Judgement, pe: &Pe<'_>) -> Judgement {
    let header = pe.header();
    let shown = format!("`Characteristics` is {:?}", header.characteristics);
    judgement.at(header.characteristics_at(), shown)
}
