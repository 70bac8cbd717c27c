//! Go build info: debug/buildinfo/buildinfo.go and cmd/link/internal/ld/data.go (`buildinfo`).
//!
//! A 32-byte header, and two strings: the toolchain's version, and the text that `go version -m`
//! prints. Since Go 1.18 both follow the header, each with its length before it; the header of older
//! programs points at them.

mod text;

use crate::bytes::Bytes;
use crate::image::{Image, Loaded};
use crate::limits::{MAX_BUILD_INFO, MAX_BUILD_INFO_TRIES};
use crate::partial::Incomplete;
use crate::quantity::{Address, Offset, Size};

/// What `go version -m` prints of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BuildInfo {
    /// The toolchain's version, such as `go1.27.3`.
    pub go_version: String,
    /// Where the version stands in the file.
    pub version_offset: Offset,
    /// Where the header stands in the file.
    pub offset: Offset,
    /// The import path of the main package; empty when it was not recorded.
    pub path: String,
    /// The `mod` line: the module of the main package.
    pub main: Option<Module>,
    /// The `dep` lines: the modules that the program holds packages of, in the file's order.
    pub dependencies: Vec<Module>,
    /// The `build` lines, in the file's order; none from Go before 1.18.
    pub settings: Vec<Setting>,
}

/// A module and its version, as go.mod spells them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Module {
    /// The module path.
    pub path: String,
    /// The version; `(devel)` when it was built from a directory, empty for a local replacement.
    pub version: String,
    /// The checksum of go.sum; empty when there is none.
    pub sum: String,
    /// The `=>` line: the module whose source was taken instead.
    pub replacement: Option<Box<Self>>,
    /// Where its line stands in the file.
    pub offset: Offset,
}

/// A `build` line, such as `CGO_ENABLED=0`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// The name: a flag of `go build`, a variable of the environment, or `vcs` and what is below it.
    pub key: String,
    /// The value.
    pub value: String,
    /// Where its line stands in the file.
    pub offset: Offset,
}

/// The section that holds it, and nothing else, in ELF and in Mach-O.
const SECTIONS: [&[u8]; 2] = [b".go.buildinfo", b"__go_buildinfo"];
const MAGIC: &[u8] = b"\xff Go buildinf:";
const HEADER_SIZE: u64 = 32;
const POINTER_SIZE_AT: u64 = 14;
const FLAGS_AT: u64 = 15;
const POINTERS_AT: u64 = 16;
const FLAG_BIG_ENDIAN: u8 = 1;
const FLAG_INLINE_STRINGS: u8 = 2;
/// The linker aligns the header in memory to 16 bytes, so that it can be searched for.
const ALIGN: u64 = 16;
/// 16 bytes stand before and after the module text, so that it can be found in memory.
const SENTINEL: u64 = 16;

impl BuildInfo {
    /// Reads the build info, from the section that is made for it or, in a file without, by its
    /// magic in what is writable. `None` when there is none to be read.
    ///
    /// # Errors
    /// [`Incomplete`] when what may hold it has not been read.
    pub fn read(image: &dyn Image<'_>) -> Result<Option<Self>, Incomplete> {
        image.file().settled(Self::locate(image))
    }

    fn locate(image: &dyn Image<'_>) -> Option<Self> {
        let sections = image.sections();
        match sections.iter().find(|it| SECTIONS.contains(&it.name)) {
            Some(section) => Self::parse(image, section.data),
            None => {
                let parts = image.loaded().into_iter();
                let mut writable = parts.filter(|part| part.writable);
                writable.find_map(|part| Self::search(image, &part))
            }
        }
    }

    /// The value of a `build` line.
    pub fn setting(&self, key: &str) -> Option<&str> {
        self.setting_line(key).map(|line| line.value.as_str())
    }

    /// A `build` line.
    pub fn setting_line(&self, key: &str) -> Option<&Setting> {
        self.settings.iter().find(|line| line.key == key)
    }

    /// Whether `go build` recorded how the program was built, as it does since Go 1.18. If not, that
    /// a setting is absent says nothing.
    pub fn has_settings(&self) -> bool {
        !self.settings.is_empty()
    }

    /// The magic may also stand in a program that searches for it, as `go` does; so a hit counts
    /// where the linker would have put it, and when what follows makes sense.
    fn search<'data>(image: &dyn Image<'data>, part: &Loaded<'data>) -> Option<Self> {
        let mut tries = MAX_BUILD_INFO_TRIES;
        let found = part.data.search(MAGIC, |hit| {
            let address = part.address.checked_add(Size(hit))?;
            if !address.0.is_multiple_of(ALIGN) {
                return None;
            }
            let Some(left) = tries.checked_sub(1) else {
                return Some(None);
            };
            tries = left;
            let size = Size(part.data.size().0.checked_sub(hit)?);
            let data = part.data.slice(hit, size, "Go build info").ok()?;
            Self::parse(image, data).map(Some)
        });
        found.ok()?.flatten()
    }

    fn parse<'data>(image: &dyn Image<'data>, data: Bytes<'data>) -> Option<Self> {
        let magic = data.slice(0, Size::of(MAGIC.len()), "Go build info");
        if magic.ok()?.data().ok()? != MAGIC {
            return None;
        }
        let [flags] = *data.read::<[u8; 1]>(FLAGS_AT, "flags").ok()?;
        let (version, modules) = match flags & FLAG_INLINE_STRINGS {
            0 => {
                let big = flags & FLAG_BIG_ENDIAN != 0;
                pointed_strings(image, data, big)?
            }
            _ => {
                let (version, next) = inline_string(data, HEADER_SIZE)?;
                (version, inline_string(data, next)?.0)
            }
        };
        let modules = without_sentinels(modules).map(|text| (text.base(), text.data()));
        let mut info = Self {
            go_version: String::from_utf8_lossy(version.data().ok()?).into_owned(),
            version_offset: version.base(),
            offset: data.base(),
            ..Self::default()
        };
        if info.go_version.is_empty() {
            return None;
        }
        if let Some((at, text)) = modules {
            text::read(text.ok()?, at, &mut info);
        }
        Some(info)
    }
}

/// `modinfo` in cmd/go/internal/modload/build.go frames the text in 16 bytes on both sides.
fn without_sentinels(modules: Bytes<'_>) -> Option<Bytes<'_>> {
    let size = modules.size().0.checked_sub(SENTINEL.checked_mul(2)?)?;
    modules.slice(SENTINEL, Size(size), "module text").ok()
}

/// The string whose varint length stands at `start`, and where it ends.
fn inline_string(data: Bytes<'_>, start: u64) -> Option<(Bytes<'_>, u64)> {
    let mut length = 0u64;
    let mut position = start;
    for shift in (0..64u32).step_by(7) {
        let [byte] = *data.read::<[u8; 1]>(position, "a length").ok()?;
        position = position.checked_add(1)?;
        length |= u64::from(byte & 0x7f).checked_shl(shift)?;
        if byte < 0x80 {
            if length > MAX_BUILD_INFO {
                return None;
            }
            let text = data.slice(position, Size(length), "Go build info").ok()?;
            return Some((text, position.checked_add(length)?));
        }
    }
    None
}

/// The two strings of Go before 1.18: the header points at two string variables, and each of those
/// is a pointer and a length.
fn pointed_strings<'data>(
    image: &dyn Image<'data>,
    data: Bytes<'data>,
    big: bool,
) -> Option<(Bytes<'data>, Bytes<'data>)> {
    let [size] = *data.read::<[u8; 1]>(POINTER_SIZE_AT, "a size").ok()?;
    let size = u64::from(size);
    let word = |data: Bytes<'_>, at: u64| -> Option<u64> {
        match (size, big) {
            (4, false) => read(data, at).map(|it| u32::from_le_bytes(it).into()),
            (4, true) => read(data, at).map(|it| u32::from_be_bytes(it).into()),
            (8, false) => read(data, at).map(u64::from_le_bytes),
            (8, true) => read(data, at).map(u64::from_be_bytes),
            _ => None,
        }
    };
    let string = |at: u64| {
        let variable = Address(word(data, at)?);
        let variable = image.data_at(variable, Size(size.checked_mul(2)?))?;
        let length = word(variable, size)?;
        if length > MAX_BUILD_INFO {
            return None;
        }
        image.data_at(Address(word(variable, 0)?), Size(length))
    };
    let version = string(POINTERS_AT)?;
    let empty = version.slice(0, Size(0), "no module text").ok()?;
    // A program that was built without modules has a version only.
    Some((
        version,
        string(POINTERS_AT.checked_add(size)?).unwrap_or(empty),
    ))
}

fn read<const N: usize>(data: Bytes<'_>, at: u64) -> Option<[u8; N]> {
    data.read::<[u8; N]>(at, "a pointer").ok().copied()
}

#[cfg(test)]
mod tests;
