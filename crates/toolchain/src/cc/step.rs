//! What a compiler command does: link, compile only, or answer a question such as `--version`.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// What a command does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// It ends with a program.
    Link,
    /// It ends with objects, assembly, dependencies or preprocessed text.
    Compile,
    /// It links something that is no program for anywhere: a shared library, an object of objects, a
    /// program for one address.
    Other,
    /// It only answers: `--version`, `-print-search-dirs`, or no input at all.
    Question,
}

/// Flags with their value in the next word, so that it is not taken for an input (gcc's manual,
/// "Option Index").
const WITH_VALUE: [&[u8]; 25] = [
    b"-o",
    b"-x",
    b"-I",
    b"-D",
    b"-U",
    b"-L",
    b"-l",
    b"-B",
    b"-T",
    b"-u",
    b"-z",
    b"-e",
    b"-MF",
    b"-MT",
    b"-MQ",
    b"-include",
    b"-imacros",
    b"-isystem",
    b"-idirafter",
    b"-iquote",
    b"-isysroot",
    b"-Xlinker",
    b"-Xassembler",
    b"-target",
    b"--param",
];

impl Step {
    /// Of these words, behind the compiler's name.
    pub fn of(words: &[OsString]) -> Step {
        let mut has_input = false;
        let mut step = Step::Link;
        let mut words = words.iter();
        while let Some(word) = words.next() {
            match word.as_bytes() {
                b"-c" | b"-S" | b"-E" | b"-M" | b"-MM" | b"-fsyntax-only" => step = Step::Compile,
                b"-shared" | b"-r" | b"-no-pie" | b"-nopie" if step == Step::Link => {
                    step = Step::Other;
                }
                b"--version" | b"-dumpversion" | b"-dumpmachine" | b"-###" | b"--help" => {
                    return Step::Question;
                }
                flag if flag.starts_with(b"-print-") || flag.starts_with(b"--print-") => {
                    return Step::Question;
                }
                flag if WITH_VALUE.contains(&flag) => {
                    has_input |= flag == b"-l" && words.next().is_some();
                    if flag != b"-l" {
                        words.next();
                    }
                }
                b"-" => has_input = true,
                flag if flag.starts_with(b"-l") => has_input = true,
                flag => has_input |= !flag.starts_with(b"-"),
            }
        }
        match has_input {
            true => step,
            false => Step::Question,
        }
    }
}

/// Where the sources stand among the words: files that have to be compiled before they are linked.
pub fn sources(words: &[OsString]) -> Vec<usize> {
    const ENDINGS: [&str; 12] = [
        "c", "i", "s", "S", "cc", "cp", "cpp", "cxx", "c++", "C", "ii", "m",
    ];
    let mut places = Vec::new();
    let mut is_value = false;
    for (place, word) in words.iter().enumerate() {
        let bytes = word.as_bytes();
        let ending = Path::new(word).extension().and_then(OsStr::to_str);
        let is_source = ending.is_some_and(|ending| ENDINGS.contains(&ending));
        if !is_value && !bytes.starts_with(b"-") && is_source {
            places.push(place);
        }
        is_value = WITH_VALUE.contains(&bytes);
    }
    places
}

/// The objects that a command with `-c` writes, in its folder where it does not say.
pub fn objects(words: &[OsString]) -> Vec<PathBuf> {
    let says = |flag: &[u8]| words.iter().any(|word| word.as_bytes() == flag);
    if !says(b"-c") || says(b"-E") || says(b"-S") {
        return Vec::new();
    }
    let output = words.iter().position(|word| word.as_bytes() == b"-o");
    if let Some(output) = output.and_then(|place| words.get(place.checked_add(1)?)) {
        return vec![output.into()];
    }
    let joined = words
        .iter()
        .find_map(|word| word.as_bytes().strip_prefix(b"-o"));
    if let Some(output) = joined {
        return vec![OsStr::from_bytes(output).into()];
    }
    let sources = sources(words)
        .into_iter()
        .filter_map(|place| words.get(place));
    let object = |source: &OsString| Some(Path::new(source).file_stem()?.to_owned());
    let stems = sources.filter_map(object);
    stems
        .map(|stem| Path::new(&stem).with_extension("o"))
        .collect()
}

/// Of a command that compiles and links, what each half needs; the sources are in neither.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Halves {
    /// Flags that say how a source is compiled.
    pub compile: Vec<OsString>,
    /// Objects, libraries and flags that say how it is linked, and the sources in their places.
    pub link: Vec<OsString>,
}

/// Takes apart a command that does both.
pub fn halves(words: &[OsString]) -> Halves {
    const OF_LINK: [&[u8]; 9] = [
        b"-T",
        b"-u",
        b"-z",
        b"-e",
        b"-s",
        b"-Xlinker",
        b"-nodefaultlibs",
        b"-nostartfiles",
        b"-nostdlib",
    ];
    const OF_LINK_START: [&[u8]; 4] = [b"-o", b"-l", b"-L", b"-Wl,"];
    let mut halves = Halves::default();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let bytes = word.as_bytes();
        let is_of_link = bytes == b"-"
            || !bytes.starts_with(b"-")
            || OF_LINK.contains(&bytes)
            || OF_LINK_START.iter().any(|start| bytes.starts_with(start));
        let half = match is_of_link {
            true => &mut halves.link,
            false => &mut halves.compile,
        };
        half.push(word.clone());
        if WITH_VALUE.contains(&bytes) {
            half.extend(words.next().cloned());
        }
    }
    halves
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<OsString> {
        line.split_whitespace().map(OsString::from).collect()
    }

    #[test]
    fn tells_a_link_from_a_compilation() {
        for (line, step) in [
            ("-O2 -o app main.c", Step::Link),
            ("main.o -lfoo", Step::Link),
            ("-c main.c -o main.o", Step::Compile),
            ("-MM main.c", Step::Compile),
            ("-shared -o libx.so x.o", Step::Other),
            ("-no-pie main.c", Step::Other),
            ("--version", Step::Question),
            ("-print-file-name=include", Step::Question),
            ("-v", Step::Question),
            ("-o out", Step::Question),
            ("-x c -", Step::Link),
        ] {
            assert_eq!(Step::of(&words(line)), step, "{line}");
        }
    }

    #[test]
    fn finds_the_sources_and_not_what_looks_like_one() {
        assert_eq!(sources(&words("-I x.c a.c -o b.c c.o d.cpp")), [2, 6]);
    }

    #[test]
    fn objects_stand_where_the_command_says_or_in_its_folder() {
        assert_eq!(
            objects(&words("-O2 -c src/a.c -o out/a.obj")),
            [Path::new("out/a.obj")]
        );
        assert_eq!(objects(&words("-c -oa.obj a.c")), [Path::new("a.obj")]);
        let two = objects(&words("-I x.c -c src/a.c b.x.cpp"));
        assert_eq!(two, [Path::new("a.o"), Path::new("b.o")]);
        assert!(objects(&words("-S -c a.c")).is_empty());
        assert!(objects(&words("a.c -o a")).is_empty());
    }

    #[test]
    fn takes_compiling_and_linking_apart_with_the_values_of_flags() {
        let halves = halves(&words(
            "-I inc -D A=1 -O2 -MF x.d a.c b.o -L lib -lz -Wl,-s -o app -std=c11 -s",
        ));
        assert_eq!(halves.compile, words("-I inc -D A=1 -O2 -MF x.d -std=c11"));
        assert_eq!(halves.link, words("a.c b.o -L lib -lz -Wl,-s -o app -s"));
    }
}
