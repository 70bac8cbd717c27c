//! Go build info: debug/buildinfo/buildinfo.go and cmd/link/internal/ld/data.go (`buildinfo`).
//!
//! The format in use since Go 1.18 is read: a 32-byte header, then two strings with their lengths
//! before them. Older programs hold pointers there and count as having none.

use crate::bytes::Bytes;
use crate::image::{Format, Image};
use crate::limits::MAX_BUILD_INFO;
use crate::quantity::Size;

/// What `go version -m` prints of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuildInfo {
    /// The toolchain's version, such as `go1.27.3`.
    pub go_version: String,
    /// The import path of the main package; empty when it was not recorded.
    pub path: String,
    /// The `build` lines: settings such as `CGO_ENABLED` and their values, in the file's order.
    pub settings: Vec<(String, String)>,
}

const MAGIC: &[u8] = b"\xff Go buildinf:";
const HEADER_SIZE: u64 = 32;
const FLAGS_AT: usize = 15;
const FLAG_INLINE_STRINGS: u8 = 2;
/// What the section is called in ELF and in Mach-O; PE has none for it.
const SECTIONS: [&str; 2] = [".go.buildinfo", "__go_buildinfo"];
/// The linker aligns the header to 16 bytes, so that it can be searched for.
const ALIGN: u64 = 16;
/// 16 bytes stand before and after the module text, so that it can be found in memory.
const SENTINEL: usize = 16;

impl BuildInfo {
    /// Reads the build info, from its section or, in a file that has none for it, by its magic in
    /// what is writable. `None` when there is none to be read.
    pub fn read(image: &dyn Image<'_>) -> Option<Self> {
        let mut sections = SECTIONS.iter().filter_map(|name| image.section(name));
        if let Some(section) = sections.next() {
            return Self::parse(section.data);
        }
        // Nothing strips a Mach-O file of its sections.
        if image.format() == Format::MachO {
            return None;
        }
        image.writable().into_iter().find_map(|data| {
            data.search(MAGIC, |start| {
                let size = Size(data.size().0.checked_sub(start)?);
                let header = data.slice(start, size, "Go build info").ok()?;
                start
                    .is_multiple_of(ALIGN)
                    .then(|| Self::parse(header))
                    .flatten()
            })
        })
    }

    /// The value of a `build` line.
    pub fn setting(&self, key: &str) -> Option<&str> {
        self.settings
            .iter()
            .find(|(name, _)| name == key)
            .map(|(_, value)| value.as_str())
    }

    fn parse(data: Bytes<'_>) -> Option<Self> {
        let header = data.slice(0, data.size().min(Size(HEADER_SIZE)), "Go build info");
        let header = header.ok()?.data();
        if !header.starts_with(MAGIC) || header.get(FLAGS_AT)? & FLAG_INLINE_STRINGS == 0 {
            return None;
        }
        let (go_version, next) = string(data, HEADER_SIZE)?;
        let (modules, _) = string(data, next)?;
        let modules = modules
            .get(SENTINEL..modules.len().saturating_sub(SENTINEL))
            .unwrap_or_default();
        let mut info = Self {
            go_version: String::from_utf8_lossy(go_version).into_owned(),
            path: String::new(),
            settings: Vec::new(),
        };
        for line in String::from_utf8_lossy(modules).lines() {
            match line.split_once('\t') {
                Some(("path", path)) => info.path = path.to_owned(),
                Some(("build", setting)) => {
                    let (key, value) = setting.split_once('=').unwrap_or((setting, ""));
                    info.settings.push((unquote(key), unquote(value)));
                }
                _ => {}
            }
        }
        Some(info)
    }
}

/// The string whose varint length stands at `start`, and where it ends.
fn string(data: Bytes<'_>, start: u64) -> Option<(&[u8], u64)> {
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
            return Some((text.data(), position.checked_add(length)?));
        }
    }
    None
}

/// Keys and values with blanks or quotes are written as Go strings (`debug.BuildInfo.String`); the
/// ones asked for here never are, so only the plain form is undone.
fn unquote(text: &str) -> String {
    text.strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'))
        .unwrap_or(text)
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forged(version: &[u8], modules: &[u8]) -> Vec<u8> {
        let mut data = MAGIC.to_vec();
        data.extend([8, FLAG_INLINE_STRINGS]);
        data.resize(32, 0);
        for text in [version, modules] {
            let length = text.len();
            let [low, high] = [length & 0x7f | 0x80, length >> 7].map(|part| part.to_le_bytes()[0]);
            data.extend([low, high]);
            data.extend(text);
        }
        data
    }

    #[test]
    fn reads_version_path_and_settings() {
        let text = b"0123456789abcdefpath\tcommand\nbuild\tCGO_ENABLED=0\nbuild\t-tags=a,b\n0123456789abcdef";
        let data = forged(b"go1.27.3", text);
        let info = BuildInfo::parse(Bytes::of_file(&data)).unwrap();
        assert_eq!(info.go_version, "go1.27.3");
        assert_eq!(info.path, "command");
        assert_eq!(info.setting("CGO_ENABLED"), Some("0"));
        assert_eq!(info.setting("-tags"), Some("a,b"));
        assert_eq!(info.setting("vcs"), None);
    }

    #[test]
    fn a_length_past_the_end_is_no_build_info() {
        let mut data = forged(b"go1.27.3", b"");
        data.truncate(36);
        assert_eq!(BuildInfo::parse(Bytes::of_file(&data)), None);
    }
}
