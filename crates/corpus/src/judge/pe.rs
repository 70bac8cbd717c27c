//! What llvm-readobj says about a PE file.

use std::path::Path;

use xtask::workplace::Workplace;

use super::{BAD, FAIL, Facts, NOT_APPLICABLE, NOT_SEEN, PASS, Possible, said};
use crate::recipe::Answer;

pub(super) struct Pe {
    /// `llvm-readobj --file-headers --coff-debug-directory --coff-load-config`.
    text: String,
    /// Names in the COFF symbol table.
    symbols: String,
}

impl Pe {
    pub(super) fn read(workplace: &Workplace, path: &Path) -> anyhow::Result<Pe> {
        let flags = [
            "--file-headers",
            "--coff-debug-directory",
            "--coff-load-config",
        ];
        Ok(Pe {
            text: said(workplace, "llvm-readobj", &flags, path)?,
            symbols: said(workplace, "llvm-readobj", &["--symbols"], path)?,
        })
    }

    fn has(&self, text: &str) -> bool {
        self.text.contains(text)
    }

    /// The size of a data directory, such as `BaseRelocationTable`.
    fn directory(&self, name: &str) -> u64 {
        let start = format!("{name}Size: 0x");
        let mut sizes = self
            .text
            .lines()
            .filter_map(|line| line.trim().strip_prefix(&start));
        sizes
            .next()
            .and_then(|size| u64::from_str_radix(size, 16).ok())
            .unwrap_or(0)
    }

    fn has_guard_table(&self) -> bool {
        let start = "GuardCFFunctionCount: ";
        let counts = self
            .text
            .lines()
            .filter_map(|line| line.trim().strip_prefix(start));
        counts.into_iter().any(|count| count != "0")
    }

    fn is_64_bit(&self) -> bool {
        self.has("Magic: 0x20B")
    }
}

impl Facts for Pe {
    fn format(&self) -> &'static str {
        "pe"
    }

    fn kind(&self) -> &'static str {
        match self.has("IMAGE_FILE_DLL") {
            true => "pe-dynamic-link-library",
            false => "pe-executable",
        }
    }

    fn possible(&self, rule: &str) -> Option<Possible> {
        let flag = |name: &str, no: Possible| {
            let name = format!("IMAGE_DLL_CHARACTERISTICS_{name} ");
            Some(if self.has(&name) { PASS } else { no })
        };
        match rule {
            "pe-dynamic-base" if self.directory("BaseRelocationTable") == 0 => Some(BAD),
            "pe-dynamic-base" => flag("DYNAMIC_BASE", FAIL),
            "pe-high-entropy" if !self.is_64_bit() => Some(NOT_APPLICABLE),
            "pe-high-entropy" => flag("HIGH_ENTROPY_VA", FAIL),
            "pe-nx" => flag("NX_COMPAT", BAD),
            // The flag alone does nothing: the loader wants a table of functions.
            "pe-cfg" if !self.has_guard_table() => Some(NOT_SEEN),
            "pe-cfg" => flag("GUARD_CF", NOT_SEEN),
            "pe-safe-seh" if self.is_64_bit() => Some(NOT_APPLICABLE),
            "pe-safe-seh" => flag("NO_SEH", NOT_SEEN),
            "pe-relocations" => Some(match self.directory("BaseRelocationTable") {
                0 => BAD,
                _ => PASS,
            }),
            "pe-signature" => Some(match self.directory("CertificateTable") {
                0 => NOT_SEEN,
                _ => PASS,
            }),
            "pe-canary" => Some(match self.symbols.contains("__stack_chk_fail") {
                true => &[Answer::Pass, Answer::Fail, Answer::Unknown],
                false => NOT_SEEN,
            }),
            "pe-cet" => Some(match self.has("CET_COMPAT") {
                true => PASS,
                false => NOT_SEEN,
            }),
            _ => None,
        }
    }
}
