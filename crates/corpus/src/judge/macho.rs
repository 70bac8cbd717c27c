//! What llvm-objdump says about a Mach-O file, or about every one in a fat file.

use std::path::Path;

use xtask::workplace::Workplace;

use super::{BAD, FAIL, Facts, NOT_BAD, NOT_SEEN, PASS, Possible, said};
use crate::recipe::Answer;

pub(super) struct MachO {
    /// `llvm-objdump --macho --private-headers`, and the symbols.
    text: String,
    symbols: String,
}

impl MachO {
    pub(super) fn read(workplace: &Workplace, path: &Path) -> anyhow::Result<MachO> {
        let flags = ["--macho", "--arch=all", "--private-headers"];
        let symbols = ["--macho", "--arch=all", "--syms"];
        Ok(MachO {
            text: said(workplace, "llvm-objdump", &flags, path)?,
            symbols: said(workplace, "llvm-objdump", &symbols, path)?,
        })
    }

    /// Whether a word stands among the header's flags, for each program of the file.
    fn flags(&self, name: &'static str) -> impl Iterator<Item = bool> {
        let headers = self
            .text
            .lines()
            .filter(|line| line.contains("MH_MAGIC_64"));
        headers.map(move |line| line.split_whitespace().any(|word| word == name))
    }

    fn has(&self, text: &str) -> bool {
        self.text.contains(text)
    }
}

impl Facts for MachO {
    fn format(&self) -> &'static str {
        "mach-o"
    }

    fn kind(&self) -> &'static str {
        let header = self.text.lines().find(|line| line.contains("MH_MAGIC_64"));
        let words: Vec<&str> = header.unwrap_or_default().split_whitespace().collect();
        if words.contains(&"DYLIB") {
            "macho-dynamic-library"
        } else if words.contains(&"BUNDLE") {
            "macho-bundle"
        } else {
            "macho-executable"
        }
    }

    fn possible(&self, rule: &str) -> Option<Possible> {
        let when = |seen: bool, yes: Possible, no: Possible| Some(if seen { yes } else { no });
        match rule {
            "macho-pie" => match self.kind() {
                "macho-executable" => when(self.flags("PIE").all(|is| is), PASS, FAIL),
                _ => Some(&[Answer::NotApplicable]),
            },
            "macho-executable-stack" => when(
                self.flags("ALLOW_STACK_EXECUTION").any(|is| is),
                FAIL,
                NOT_BAD,
            ),
            "macho-signature" => {
                let possible = &[Answer::Pass, Answer::Warn];
                when(self.has("LC_CODE_SIGNATURE"), possible, NOT_SEEN)
            }
            "macho-encryption" => when(self.has("cryptid 1"), PASS, NOT_SEEN),
            "macho-rpath" => when(self.has("LC_RPATH"), BAD, NOT_BAD),
            "macho-canary" => {
                let possible = &[Answer::Pass, Answer::Fail, Answer::Unknown];
                when(
                    self.symbols.contains("___stack_chk_fail"),
                    possible,
                    NOT_SEEN,
                )
            }
            _ => None,
        }
    }
}
