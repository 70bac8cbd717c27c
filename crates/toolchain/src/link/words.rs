//! What a linker is asked for: by a person, by a makefile in the words of `ld`, or by a compiler's
//! driver.
//!
//! What is made is always a static-PIE that binds everything at start, so words that ask for that
//! are dropped, and so are those that have no meaning without shared libraries. Words that ask for
//! something else are refused. What is not known here goes to the linker, in its place.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

/// What is to be linked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words {
    /// `-o`; `a.out` unless said.
    pub output: PathBuf,
    /// Objects, archives, libraries and flags, in their order.
    pub items: Vec<Item>,
    /// `-L`, in their order.
    pub search: Vec<PathBuf>,
    /// `-nostdlib`, `-nostartfiles`: what is linked is complete.
    pub no_start_files: bool,
    /// `-nodefaultlibs`, `-nostdlib`: no libc is added.
    pub no_default_libraries: bool,
    /// What asks for something else than a program.
    pub kind: Kind,
}

/// What is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// A program.
    #[default]
    Program,
    /// `-shared`: a shared library.
    SharedObject,
    /// `-r`: one object of many.
    RelocatableObject,
    /// `-no-pie`: a program for one address.
    PositionDependent,
    /// `--version` and the like: words, and no file.
    Nothing,
}

/// One thing of a command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// An object, an archive, or a linker script.
    File(PathBuf),
    /// `-lNAME`.
    Library(OsString),
    /// A flag with its value, for the linker as it stands.
    Flag(Vec<OsString>),
}

/// A word that cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` needs a value")]
pub struct NoValue(String);

impl Words {
    /// Reads the words behind the program's name; response files are in them already.
    ///
    /// # Errors
    /// When a flag that has a value is the last word.
    pub fn parse(words: &[OsString]) -> Result<Words, NoValue> {
        let mut parsed = Words {
            output: PathBuf::from("a.out"),
            ..Words::default()
        };
        let words = for_the_linker(words);
        let mut rest = words.iter();
        while let Some(word) = rest.next() {
            parsed.take(word, &mut rest)?;
        }
        Ok(parsed)
    }

    fn take<'a>(
        &mut self,
        word: &OsStr,
        rest: &mut impl Iterator<Item = &'a OsString>,
    ) -> Result<(), NoValue> {
        let mut value = || {
            rest.next()
                .ok_or_else(|| NoValue(word.display().to_string()))
        };
        let bytes = word.as_bytes();
        if !bytes.starts_with(b"-") || bytes == b"-" {
            self.items.push(Item::File(word.into()));
            return Ok(());
        }
        if let Some(path) = joined(bytes, &[b"-o", b"--output"]) {
            self.output = match path {
                Some(path) => os(path).into(),
                None => value()?.into(),
            };
        } else if let Some(path) = joined(bytes, &[b"-L", b"--library-path"]) {
            let path: PathBuf = match path {
                Some(path) => os(path).into(),
                None => value()?.into(),
            };
            self.search.push(path);
        } else if let Some(name) = joined(bytes, &[b"-l", b"--library"]) {
            let name = match name {
                Some(name) => os(name).to_owned(),
                None => value()?.clone(),
            };
            self.items.push(Item::Library(name));
        } else if let Some(kind) = kind(bytes) {
            self.kind = kind;
        } else if bytes == b"-z" {
            let keyword = value()?.clone();
            self.take_keyword(keyword.as_bytes());
        } else if let Some(keyword) = bytes.strip_prefix(b"-z") {
            self.take_keyword(keyword);
        } else if NO_LIBRARIES.contains(&bytes) {
            self.no_start_files |= bytes != b"-nodefaultlibs";
            self.no_default_libraries |= bytes != b"-nostartfiles";
        } else if DROPPED_WITH_VALUE.contains(&bytes) {
            value()?;
        } else if is_dropped(bytes) {
        } else if WITH_VALUE.contains(&bytes) {
            let flag = vec![word.to_owned(), value()?.clone()];
            self.items.push(Item::Flag(flag));
        } else {
            self.items.push(Item::Flag(vec![word.to_owned()]));
        }
        Ok(())
    }

    /// `-z KEYWORD`.
    fn take_keyword(&mut self, keyword: &[u8]) {
        // RELRO, binding and the stack are not for discussion; the rest the linker may know.
        const DECIDED: [&[u8]; 12] = [
            b"now",
            b"lazy",
            b"relro",
            b"norelro",
            b"text",
            b"notext",
            b"textoff",
            b"noexecstack",
            b"separate-code",
            b"noseparate-code",
            b"pack-relative-relocs",
            b"nopack-relative-relocs",
        ];
        if !DECIDED.contains(&keyword) {
            let flag = vec!["-z".into(), os(keyword).to_owned()];
            self.items.push(Item::Flag(flag));
        }
    }
}

/// The words of a compiler's driver as the linker sees them: `-Wl,a,b` and `-Xlinker a` taken apart.
fn for_the_linker(words: &[OsString]) -> Vec<OsString> {
    let mut all = Vec::with_capacity(words.len());
    let mut words = words.iter();
    while let Some(word) = words.next() {
        if let Some(list) = word.as_bytes().strip_prefix(b"-Wl,") {
            all.extend(
                list.split(|&byte| byte == b',')
                    .map(|part| os(part).to_owned()),
            );
        } else if word == "-Xlinker" {
            all.extend(words.next().cloned());
        } else {
            all.push(word.clone());
        }
    }
    all
}

/// What a flag asks for, if it decides what is made.
fn kind(flag: &[u8]) -> Option<Kind> {
    Some(match flag {
        b"-shared" | b"--shared" | b"-Bshareable" => Kind::SharedObject,
        b"-r" | b"-i" | b"--relocatable" | b"-Ur" => Kind::RelocatableObject,
        b"-no-pie" | b"--no-pie" | b"-nopie" => Kind::PositionDependent,
        b"--version" | b"--help" | b"--print-sysroot" => Kind::Nothing,
        _ => return None,
    })
}

const NO_LIBRARIES: [&[u8]; 3] = [b"-nostdlib", b"-nostartfiles", b"-nodefaultlibs"];

/// Flags that have their value in the next word, and no meaning in a static-PIE.
const DROPPED_WITH_VALUE: [&[u8]; 14] = [
    // The emulation: the objects say for which CPU they are.
    b"-m",
    b"-dynamic-linker",
    b"--dynamic-linker",
    b"-I",
    b"-rpath",
    b"--rpath",
    b"-rpath-link",
    b"--rpath-link",
    b"-R",
    b"-soname",
    b"-h",
    b"-plugin",
    b"--plugin",
    b"-target",
];

/// Flags of linkers that have their value in the next word.
const WITH_VALUE: [&[u8]; 15] = [
    b"-T",
    b"--script",
    b"-e",
    b"--entry",
    b"-u",
    b"--undefined",
    b"-y",
    b"--trace-symbol",
    b"-Map",
    b"--defsym",
    b"--version-script",
    b"--sysroot",
    b"-A",
    b"--wrap",
    b"--dependency-file",
];

fn is_dropped(flag: &[u8]) -> bool {
    const WORDS: [&[u8]; 44] = [
        // Asked for by handpie itself.
        b"-static",
        b"--static",
        b"-static-pie",
        b"-pie",
        b"--pie",
        b"-Bstatic",
        b"-dn",
        b"-non_shared",
        b"-no-dynamic-linker",
        b"--no-dynamic-linker",
        b"--eh-frame-hdr",
        b"--fatal-warnings",
        // All is one group.
        b"--start-group",
        b"--end-group",
        b"-(",
        b"-)",
        b"--relax",
        b"-EL",
        // Nothing is shared.
        b"-Bdynamic",
        b"-dy",
        b"-call_shared",
        b"--as-needed",
        b"--no-as-needed",
        b"--push-state",
        b"--pop-state",
        b"--copy-dt-needed-entries",
        b"--no-copy-dt-needed-entries",
        b"--allow-shlib-undefined",
        b"--no-allow-shlib-undefined",
        b"--no-undefined",
        b"--enable-new-dtags",
        b"--disable-new-dtags",
        b"--export-dynamic",
        b"-export-dynamic",
        b"-rdynamic",
        b"-E",
        b"-Bsymbolic",
        b"-Bsymbolic-functions",
        // Words besides a link; without anything to link, they are a question.
        b"-v",
        b"-V",
        // Of compilers.
        b"-pthread",
        b"-pipe",
        b"-static-libgcc",
        b"-static-libstdc++",
    ];
    const STARTS: [&[u8]; 20] = [
        b"-dynamic-linker=",
        b"--dynamic-linker=",
        b"-rpath=",
        b"--rpath=",
        b"-rpath-link=",
        b"--rpath-link=",
        b"-soname=",
        b"--soname=",
        b"--hash-style=",
        b"-hash-style=",
        b"--export-dynamic-symbol",
        b"-plugin",
        b"-fuse-ld=",
        // Of compilers, which give their own flags to a link as well.
        b"-D",
        b"-I",
        b"-O",
        b"-g",
        b"-f",
        b"-W",
        b"-std=",
    ];
    let of_machine = [
        b"-m32".as_slice(),
        b"-m64",
        b"-march=",
        b"-mtune=",
        b"-mcpu=",
    ];
    WORDS.contains(&flag)
        || STARTS.iter().any(|start| flag.starts_with(start))
        || of_machine.iter().any(|start| flag.starts_with(start))
}

/// Whether a word is one of these flags: with its value in the same word, or in the next.
fn joined<'a>(word: &'a [u8], flags: &[&[u8]]) -> Option<Option<&'a [u8]>> {
    for flag in flags {
        let Some(value) = word.strip_prefix(*flag) else {
            continue;
        };
        if value.is_empty() {
            return Some(None);
        }
        match (flag.starts_with(b"--"), value) {
            (true, [b'=', value @ ..]) => return Some(Some(value)),
            (true, _) => {}
            (false, value) => return Some(Some(value)),
        }
    }
    None
}

fn os(bytes: &[u8]) -> &OsStr {
    OsStr::from_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Words {
        let words: Vec<OsString> = line.split(' ').map(OsString::from).collect();
        Words::parse(&words).unwrap()
    }

    fn file(name: &str) -> Item {
        Item::File(name.into())
    }

    #[test]
    fn reads_what_gcc_says_to_its_linker() {
        let words = parse(
            "-plugin /l/liblto_plugin.so -plugin-opt=/l/lto-wrapper --build-id --eh-frame-hdr -m \
             elf_x86_64 --hash-style=gnu --as-needed -dynamic-linker /lib64/ld.so -pie -o app \
             /u/Scrt1.o /u/crti.o -L/u -L /v a.o -lgcc --push-state --as-needed -lgcc_s --pop-state \
             -lc -z now",
        );
        assert_eq!(words.output, PathBuf::from("app"));
        assert_eq!(words.search, [PathBuf::from("/u"), PathBuf::from("/v")]);
        let library = |name: &str| Item::Library(name.into());
        let flag = |words: &[&str]| Item::Flag(words.iter().map(OsString::from).collect());
        assert_eq!(
            words.items,
            [
                flag(&["--build-id"]),
                file("/u/Scrt1.o"),
                file("/u/crti.o"),
                file("a.o"),
                library("gcc"),
                library("gcc_s"),
                library("c"),
            ]
        );
    }

    #[test]
    fn takes_apart_what_is_for_the_linker() {
        let words = parse("-Wl,-z,relro -Wl,-z,now,--gc-sections -Xlinker -Map=x a.o -O2 -g");
        let flag = |word: &str| Item::Flag(vec![word.into()]);
        assert_eq!(
            words.items,
            [flag("--gc-sections"), flag("-Map=x"), file("a.o")]
        );
    }

    #[test]
    fn knows_what_is_no_program() {
        assert_eq!(parse("-shared a.o").kind, Kind::SharedObject);
        assert_eq!(parse("-r -o b.o a.o").kind, Kind::RelocatableObject);
        assert_eq!(parse("-no-pie a.o").kind, Kind::PositionDependent);
        assert_eq!(parse("--version a.o").kind, Kind::Nothing);
        assert_eq!(parse("a.o").kind, Kind::Program);
        // GNU ld links as well.
        assert_eq!(parse("-v a.o").kind, Kind::Program);
        assert_eq!(parse("-v").items, []);
    }

    #[test]
    fn a_flag_without_its_value_is_an_error() {
        let error = Words::parse(&["a.o".into(), "-o".into()]).unwrap_err();
        assert_eq!(error.to_string(), "`-o` needs a value");
    }
}
