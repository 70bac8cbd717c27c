//! What is worth keeping of a binary, so that advisories of tomorrow can be matched without it: what
//! the toolchain recorded, which packages are linked, and every symbol as a number.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use handpie_binary::Incomplete;
use handpie_binary::go::{self, BuildInfo};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::code::Code;

/// What the toolchain recorded in a binary.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The version of Go that made it, as written; `None` of a program that is not Go, or where it
    /// does not show.
    pub go: Option<String>,
    /// Whether there is build info of Go.
    pub build_info: bool,
    /// The import path of the main package; empty when it was not recorded.
    pub package: String,
    /// The module of the main package.
    pub main: Option<Module>,
    /// The other modules, in the file's order.
    pub modules: Vec<Module>,
    /// How it was built.
    pub settings: BTreeMap<String, String>,
    /// The system it is for, as Go calls it; empty when it does not show.
    pub os: String,
    /// The CPU it is for, likewise.
    pub cpu: String,
    /// The crates of a Rust program; `None` of other programs.
    pub crates: Option<Vec<Crate>>,
}

/// A module of Go.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Module {
    /// The module path.
    pub path: String,
    /// The version.
    pub version: String,
    /// The module whose source was taken instead; without a version when that was a directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replacement: Option<Box<Self>>,
}

/// A crate of Rust, as cargo-auditable lists it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Crate {
    /// The name.
    pub name: String,
    /// The version.
    pub version: String,
    /// Where it came from: `crates.io`, `git`, `local`, `registry`.
    pub source: String,
}

/// A record, with what its code can be asked about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// What the toolchain recorded.
    #[serde(flatten)]
    pub record: Record,
    /// The packages that have a function in the program; `None` when they cannot be told.
    pub packages: Option<BTreeSet<String>>,
    /// Every symbol of them.
    pub symbols: Option<Symbols>,
}

/// Facts, and which program they are about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProgramFacts {
    /// The file, as it was named.
    pub path: String,
    /// Which of the binaries in the file it is, where there are several.
    pub member: Option<String>,
    /// What was found in it.
    #[serde(flatten)]
    pub facts: Facts,
}

/// Symbols as hashes, sorted. As JSON, six bytes each, the highest first, in base64.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Symbols(Vec<u64>);

const HASH_SIZE: usize = 6;

impl Record {
    pub(crate) fn of_build_info(info: &BuildInfo) -> Self {
        let setting = |key| info.setting(key).unwrap_or_default().to_owned();
        let settings = info.settings.iter();
        Self {
            go: Some(info.go_version.clone()),
            build_info: true,
            package: info.path.clone(),
            main: info.main.as_ref().map(Module::of),
            modules: info.dependencies.iter().map(Module::of).collect(),
            settings: settings
                .map(|it| (it.key.clone(), it.value.clone()))
                .collect(),
            os: setting("GOOS"),
            cpu: setting("GOARCH"),
            crates: None,
        }
    }
}

impl Module {
    fn of(module: &go::Module) -> Self {
        let replacement = module.replacement.as_deref();
        Self {
            path: module.path.clone(),
            version: module.version.clone(),
            // A replacement of a replacement is not written by Go; a forged one is not followed.
            replacement: replacement.map(|it| {
                Box::new(Self {
                    path: it.path.clone(),
                    version: it.version.clone(),
                    replacement: None,
                })
            }),
        }
    }
}

impl Facts {
    pub(crate) fn new(record: Record, code: &Code<'_>) -> Result<Self, Incomplete> {
        let (packages, symbols) = code.everything()?.unzip();
        Ok(Self {
            record,
            packages,
            symbols: symbols.map(Symbols),
        })
    }

    pub(crate) fn into_parts(self) -> (Record, Code<'static>) {
        let code = match (self.packages, self.symbols) {
            (Some(packages), Some(Symbols(symbols))) => Code::Kept { packages, symbols },
            _ => Code::Unreadable,
        };
        (self.record, code)
    }
}

impl Symbols {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for Symbols {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let bytes = self.0.iter().flat_map(|hash| {
            let bytes = hash.to_be_bytes();
            bytes
                .into_iter()
                .skip(bytes.len().saturating_sub(HASH_SIZE))
        });
        serializer.serialize_str(&BASE64_STANDARD.encode(bytes.collect::<Vec<u8>>()))
    }
}

impl<'de> Deserialize<'de> for Symbols {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes = BASE64_STANDARD.decode(text).map_err(de::Error::custom)?;
        let (hashes, rest) = bytes.as_chunks::<HASH_SIZE>();
        if !rest.is_empty() {
            let message = format!("{} bytes of hashes; expected six for each", bytes.len());
            return Err(de::Error::custom(message));
        }
        let hashes = hashes.iter().map(|hash| {
            let bytes = hash.iter();
            bytes.fold(0u64, |hash, byte| hash.wrapping_shl(8) | u64::from(*byte))
        });
        let mut hashes: Vec<u64> = hashes.collect();
        // Somebody else may have written it.
        hashes.sort_unstable();
        Ok(Self(hashes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_are_kept_as_six_bytes_each() {
        let symbols = Symbols(vec![0, 1, 0x0102_0304_0506, 0xffff_ffff_ffff]);
        let json = serde_json::to_string(&symbols).unwrap();
        assert_eq!(json.len(), 2 + 4 * 8);
        assert_eq!(serde_json::from_str::<Symbols>(&json).unwrap(), symbols);
    }

    #[test]
    fn what_is_no_list_of_symbols_is_an_error() {
        for json in ["\"AAAA\"", "\"?\"", "7"] {
            assert!(serde_json::from_str::<Symbols>(json).is_err(), "{json}");
        }
        assert_eq!(serde_json::from_str::<Symbols>("\"\"").unwrap().len(), 0);
    }
}
