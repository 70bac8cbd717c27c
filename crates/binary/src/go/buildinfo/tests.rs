#![expect(
    clippy::arithmetic_side_effects,
    reason = "forged files are small, and a panic fails the test"
)]

use super::*;
use crate::elf::Elf;

const FLAGS_INLINE: u8 = 2;

fn framed(text: &str) -> Vec<u8> {
    ["0123456789abcdef", text, "0123456789abcdef"]
        .concat()
        .into()
}

fn forged(version: &[u8], modules: &[u8]) -> Vec<u8> {
    let mut data = MAGIC.to_vec();
    data.extend([8, FLAGS_INLINE]);
    data.resize(32, 0);
    for text in [version, modules] {
        let length = text.len();
        let [low, high] = [length & 0x7f | 0x80, length >> 7].map(|part| part.to_le_bytes()[0]);
        data.extend([low, high]);
        data.extend(text);
    }
    data
}

/// A loaded part at 0x1000 and nothing else.
#[derive(Debug)]
struct Memory<'data>(&'data [u8]);

const START: Address = Address(0x1000);

impl<'data> Image<'data> for Memory<'data> {
    fn format(&self) -> crate::image::Format {
        crate::image::Format::Elf
    }

    fn file(&self) -> Bytes<'data> {
        Bytes::of_file(self.0)
    }

    fn endian(&self) -> object::Endianness {
        object::Endianness::Little
    }

    fn sections(&self) -> Vec<crate::image::Section<'data>> {
        Vec::new()
    }

    fn symbols(&self) -> Result<Vec<crate::image::Symbol<'data>>, crate::Error> {
        Ok(Vec::new())
    }

    fn offset_of(&self, address: Address, size: Size) -> Option<Offset> {
        let start = address.distance_from(START)?;
        let end = start.0.checked_add(size.0)?;
        (end <= self.0.len() as u64).then_some(Offset(start.0))
    }

    fn loaded(&self) -> Vec<Loaded<'data>> {
        vec![Loaded {
            address: START,
            data: self.file(),
            writable: true,
            executable: false,
        }]
    }
}

#[test]
fn reads_version_path_modules_and_settings() {
    let text = "path\tcommand\nmod\texample.org/m\tv1.2.3\th1:abc=\n\
                dep\texample.org/a\tv0.1.0\th1:def=\n=>\t../a\t\t\n\
                dep\texample.org/b\tv0.2.0\th1:ghi=\n\
                build\tCGO_ENABLED=0\nbuild\t-tags=a,b\n";
    let data = forged(b"go1.27.3", &framed(text));
    let info = BuildInfo::read(&Memory(&data)).unwrap().unwrap();
    assert_eq!(info.go_version, "go1.27.3");
    assert_eq!(info.path, "command");
    let main = info.main.as_ref().unwrap();
    assert_eq!((&*main.path, &*main.version), ("example.org/m", "v1.2.3"));
    assert_eq!(main.sum, "h1:abc=");
    assert_eq!(main.replacement, None);
    let [a, b] = info.dependencies.as_slice() else {
        panic!("{:?}", info.dependencies);
    };
    assert_eq!(a.replacement.as_ref().unwrap().path, "../a");
    assert_eq!((&*b.path, &b.replacement), ("example.org/b", &None));
    assert_eq!(info.setting("CGO_ENABLED"), Some("0"));
    assert_eq!(info.setting("-tags"), Some("a,b"));
    assert_eq!(info.setting("vcs"), None);
    assert!(info.has_settings());
}

#[test]
fn says_where_each_line_stands_in_the_file() {
    let text = "path\tcommand\nbuild\tCGO_ENABLED=0\nbuild\tvcs=git\n";
    let data = forged(b"go1.27.3", &framed(text));
    let info = BuildInfo::read(&Memory(&data)).unwrap().unwrap();
    let line = |at: Offset| &data[usize::try_from(at.0).unwrap()..];
    let setting = info.setting_line("vcs").unwrap();
    assert!(line(setting.offset).starts_with(b"build\tvcs=git\n"));
    assert!(line(info.version_offset).starts_with(b"go1.27.3"));
    assert!(line(info.offset).starts_with(MAGIC));
}

#[test]
fn undoes_the_quotes_of_go() {
    let text = "build\t-ldflags=\"-X \\\"main.v=a b\\\" -X main.u=\\u00e4\\x41\\101\\377\\t\"\n\
                build\t\"a b\"=`c\\n`\nbuild\tplain=x=y\nbuild\tbad=\"\\q\"\nbuild\topen=\"\n";
    let data = forged(b"go1.27.3", &framed(text));
    let info = BuildInfo::read(&Memory(&data)).unwrap().unwrap();
    let flags = info.setting("-ldflags");
    assert_eq!(
        flags,
        Some("-X \"main.v=a b\" -X main.u=\u{e4}AA\u{fffd}\t")
    );
    assert_eq!(info.setting("a b"), Some("c\\n"));
    assert_eq!(info.setting("plain"), Some("x=y"));
    assert_eq!(info.setting("bad"), None);
    assert_eq!(info.setting("open"), None);
}

#[test]
fn a_length_past_the_end_is_no_build_info() {
    let mut data = forged(b"go1.27.3", b"");
    data.truncate(36);
    assert_eq!(BuildInfo::read(&Memory(&data)), Ok(None));
}

#[test]
fn without_a_section_a_hit_counts_where_the_linker_puts_it() {
    let mut data = forged(b"wrong", b"");
    data.resize(data.len().next_multiple_of(16) + 3, 0);
    data.extend(forged(b"unaligned", b""));
    data.resize(data.len().next_multiple_of(16), 0);
    data[..4].fill(0);
    data.extend(forged(b"go1.27.3", b""));
    let info = BuildInfo::read(&Memory(&data)).unwrap().unwrap();
    assert_eq!(info.go_version, "go1.27.3");
}

/// The header of Go before 1.18, the two string variables, and what they point at.
fn forged_with_pointers(word: fn(u64) -> Vec<u8>, big: bool) -> Vec<u8> {
    let size = word(0).len();
    let texts = [b"go1.17.13".to_vec(), framed("path\tcommand\n")];
    let variables = START.0 + 0x40;
    let mut data = MAGIC.to_vec();
    data.extend([size.to_le_bytes()[0], u8::from(big)]);
    data.extend(word(variables));
    data.extend(word(variables + 2 * size as u64));
    data.resize(0x40, 0);
    let mut at = START.0 + 0x100;
    for text in &texts {
        data.extend(word(at));
        data.extend(word(text.len() as u64));
        at += text.len() as u64;
    }
    data.resize(0x100, 0);
    data.extend(texts.concat());
    data
}

#[test]
fn follows_the_pointers_of_go_before_1_18() {
    type Word = fn(u64) -> Vec<u8>;
    let words: [(Word, bool); 4] = [
        (|n| n.to_le_bytes().into(), false),
        (|n| n.to_be_bytes().into(), true),
        (|n| u32::try_from(n).unwrap().to_le_bytes().into(), false),
        (|n| u32::try_from(n).unwrap().to_be_bytes().into(), true),
    ];
    for (word, big) in words {
        let data = forged_with_pointers(word, big);
        let info = BuildInfo::read(&Memory(&data)).unwrap().unwrap();
        assert_eq!((&*info.go_version, &*info.path), ("go1.17.13", "command"));
        assert!(!info.has_settings());
    }
}

#[test]
fn a_pointer_to_nowhere_is_no_build_info() {
    let mut data = forged_with_pointers(|n| n.to_le_bytes().into(), false);
    data[16..24].fill(0xff);
    assert_eq!(BuildInfo::read(&Memory(&data)), Ok(None));
}

#[test]
fn an_elf_file_without_sections_is_searched() {
    let file = handpie_testkit::forge::segment::elf_of_one_segment(&forged(b"go1.27.3", b""));
    let elf = Elf::parse(&file).unwrap();
    assert_eq!(
        BuildInfo::read(&elf).unwrap().unwrap().go_version,
        "go1.27.3"
    );
}
