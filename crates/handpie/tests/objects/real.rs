//! Real libraries: those that are made for static-PIE are clean; and copies of them, damaged.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use handpie_pie::objects::{Code, Input, Libc, survey, survey_apart};
use handpie_toolchain::command::Tool;

use crate::support::{skip, text, tool};
use crate::{musl, survey_link};

/// How many damaged copies a plain test run tries.
const QUICK: u64 = 3_000;

/// A library of some megabytes takes milliseconds.
const SLOW: Duration = Duration::from_secs(5);

/// Every object of a file by itself, with musl.
fn assert_clean(path: &Path) -> u64 {
    let bytes = fs::read(path).unwrap();
    let name = path.display().to_string();
    let found = survey_apart(&Input::new(&name, &bytes), Libc::Musl);
    assert!(found.is_clean(), "{name}: {:#?}", found.offenders);
    assert!(found.objects > 0, "{name}");
    found.relocations
}

#[test]
fn debians_musl_is_clean() {
    for name in ["rcrt1.o", "crti.o", "libc.a", "crtn.o"] {
        let Some(path) = musl(name, "the survey of musl") else {
            return;
        };
        assert_clean(&path);
    }
}

#[test]
fn what_gcc_links_into_a_static_pie_is_clean() {
    let what = "the survey of libgcc";
    let Some(gcc) = tool("gcc", what) else { return };
    for name in ["crtbeginS.o", "crtendS.o", "libgcc.a", "libgcc_eh.a"] {
        let asked = Tool::new(&gcc)
            .arg(format!("-print-file-name={name}"))
            .run();
        let path = PathBuf::from(text(&asked.unwrap()).trim());
        // libgcc chooses atomics by CPU in no function that musl would have to resolve.
        assert_clean(&path);
    }
}

#[test]
fn rusts_libraries_for_musl_are_clean() {
    let what = "the survey of Rust's libraries";
    let Some(folder) = rust_libraries("x86_64-unknown-linux-musl", what) else {
        return;
    };
    let mut relocations = 0;
    let mut count = 0;
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if path
            .extension()
            .is_some_and(|extension| extension == "rlib")
        {
            relocations += assert_clean(&path);
            count += 1;
        }
    }
    for name in [
        "rcrt1.o",
        "crti.o",
        "crtbeginS.o",
        "libc.a",
        "libunwind.a",
        "crtendS.o",
        "crtn.o",
    ] {
        relocations += assert_clean(&folder.join("self-contained").join(name));
    }
    assert!(count > 10 && relocations > 40_000, "{count} {relocations}");
}

fn rust_libraries(target: &str, what: &str) -> Option<PathBuf> {
    let asked = Tool::new("rustc").args(["--print", "target-libdir", "--target", target]);
    let folder = asked
        .run()
        .ok()
        .map(|output| text(&output).trim().to_owned());
    let folder = folder.map(PathBuf::from).filter(|folder| folder.is_dir());
    if folder.is_none() {
        skip(
            what,
            &format!("Rust's {target} (`rustup target add {target}`)"),
        );
    }
    folder
}

const HELLO: &str = "#include <stdio.h>\nint count;\nint *where = &count;\n\
                     int main(int argc, char **argv) { printf(\"%p\\n\", (void *)&count); }\n";

/// An object of gcc.
fn compile(gcc: &Path, folder: &Path, name: &str, code: &str, flags: &[&str]) -> PathBuf {
    let (source, object) = (
        folder.join(format!("{name}.c")),
        folder.join(format!("{name}.o")),
    );
    fs::write(&source, code).unwrap();
    let gcc = Tool::new(gcc).args(flags).arg("-c").arg(&source);
    gcc.arg("-o").arg(&object).run().unwrap();
    object
}

#[test]
fn a_link_with_musl_is_clean_until_something_is_compiled_for_a_fixed_address() {
    let what = "the survey of a link";
    let (Some(gcc), Some(libc)) = (tool("gcc", what), musl("libc.a", what)) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let link = |object: PathBuf| {
        let rest = ["rcrt1.o", "crti.o"].map(|name| libc.with_file_name(name));
        let files = [
            &rest[..],
            &[object, libc.clone(), libc.with_file_name("crtn.o")],
        ]
        .concat();
        survey_link(&files)
    };
    let good = compile(&gcc, folder.path(), "good", HELLO, &["-O2", "-fPIE"]);
    let found = link(good);
    assert!(found.is_clean(), "{:#?}", found.offenders);
    assert!(
        found.left_out > 500,
        "most of libc is not needed: {}",
        found.left_out
    );
    let bad = compile(&gcc, folder.path(), "bad", HELLO, &["-O2", "-fno-pie"]);
    let found = link(bad.clone());
    assert!(!found.is_clean());
    for offender in &found.offenders {
        assert_eq!(offender.file, bad.display().to_string());
        assert_eq!(offender.code, Code::NarrowAddress);
    }
    let flags = ["-O2", "-fno-pie", "-mcmodel=large"];
    let large = compile(&gcc, folder.path(), "large", HELLO, &flags);
    let codes: Vec<Code> = link(large).offenders.iter().map(|it| it.code).collect();
    assert!(codes.contains(&Code::TextRelocation), "{codes:?}");
}

#[test]
fn lto_objects_of_gcc_are_told_apart() {
    let what = "the survey of LTO objects";
    let Some(gcc) = tool("gcc", what) else { return };
    let folder = tempfile::tempdir().unwrap();
    let survey = |object: PathBuf| {
        let bytes = fs::read(&object).unwrap();
        survey_apart(&Input::new("hello.o", &bytes), Libc::Musl)
    };
    let slim = compile(
        &gcc,
        folder.path(),
        "slim",
        HELLO,
        &["-flto", "-fno-fat-lto-objects"],
    );
    let codes: Vec<Code> = survey(slim).offenders.iter().map(|it| it.code).collect();
    assert_eq!(codes, [Code::Lto]);
    let flags = ["-flto", "-ffat-lto-objects"];
    let fat = compile(
        &gcc,
        folder.path(),
        "fat",
        HELLO,
        &[&flags[..], &["-fPIE"]].concat(),
    );
    assert!(survey(fat).is_clean());
    let fat = compile(
        &gcc,
        folder.path(),
        "bad",
        HELLO,
        &[&flags[..], &["-fno-pie"]].concat(),
    );
    assert!(!survey(fat).is_clean());
}

#[test]
fn bitcode_of_clang_is_told() {
    let what = "the survey of bitcode";
    let Some(clang) = tool("clang-19", what) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let object = compile(
        &clang,
        folder.path(),
        "bitcode",
        "int f(void) { return 1; }",
        &["-flto"],
    );
    let bytes = fs::read(&object).unwrap();
    let found = survey_apart(&Input::new("bitcode.o", &bytes), Libc::Musl);
    assert_eq!(found.offenders.first().map(|it| it.code), Some(Code::Lto));
    let flags = ["-fPIE", "-Wa,--crel,--allow-experimental-crel"];
    let code = "extern int g(void); int f(void) { return g(); }";
    let crel = compile(&clang, folder.path(), "crel", code, &flags);
    let bytes = fs::read(&crel).unwrap();
    let found = survey_apart(&Input::new("crel.o", &bytes), Libc::Musl);
    assert_eq!(
        found.offenders.first().map(|it| it.code),
        Some(Code::UnknownRelocation)
    );
}

#[test]
fn the_first_copy_of_an_inline_function_counts_as_it_does_for_linkers() {
    let what = "the survey of inline functions in C++";
    let Some(gcc) = tool("g++", what) else { return };
    let folder = tempfile::tempdir().unwrap();
    let code = |name: &str| {
        format!(
            "static int table[8];\ninline int *pick(int at) {{ static int *all[] = {{ table }}; \
             return all[at]; }}\nint *{name}(int at) {{ return pick(at); }}\n"
        )
    };
    let compiled = |name: &str, flags: &[&str]| {
        let source = folder.path().join(format!("{name}.cc"));
        let object = source.with_extension("o");
        fs::write(&source, code(name)).unwrap();
        let gcc = Tool::new(&gcc).args(["-O0", "-fno-asynchronous-unwind-tables", "-c"]);
        gcc.args(flags)
            .arg(&source)
            .arg("-o")
            .arg(&object)
            .run()
            .unwrap();
        object
    };
    let good = compiled("good", &["-fPIE"]);
    let bad = compiled("bad", &["-fno-pie"]);
    let first = |files: &[PathBuf]| {
        let found = survey_link(files);
        found.offenders.iter().any(|offender| {
            let place = offender.place.as_ref();
            place.is_some_and(|place| place.section.contains("pick"))
        })
    };
    assert!(first(&[bad.clone(), good.clone()]));
    assert!(!first(&[good, bad]));
}

#[test]
fn damaged_copies_of_real_files_end_the_survey_soon() {
    let what = "the survey of damaged files";
    let Some(libc) = musl("libc.a", what) else {
        return;
    };
    let count = std::env::var("HANDPIE_MUTATIONS").map_or(QUICK, |text| {
        text.parse().expect("HANDPIE_MUTATIONS is a number")
    });
    let whole = fs::read(&libc).unwrap();
    // The index, the names and the first members.
    let start = &whole[..whole.len().min(400_000)];
    let rcrt1 = fs::read(libc.with_file_name("rcrt1.o")).unwrap();
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = move |end: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % end.max(1) as u64) as usize
    };
    for round in 0..count {
        // The object is small, and the archive takes a hundred times as long.
        let mut file = match round % 20 {
            0 => start.to_vec(),
            _ => rcrt1.clone(),
        };
        for _ in 0..=next(6) {
            let at = next(file.len());
            match next(8) {
                0 if round % 3 == 0 => file.truncate(at),
                1..=3 => file[at] = next(256) as u8,
                4 => file[at] ^= 1 << next(8),
                _ => {
                    let value = [0, u64::MAX, 1 << next(64), file.len() as u64][next(4)];
                    let at = at / 8 * 8;
                    if let Some(field) = file.get_mut(at..at + 8) {
                        field.copy_from_slice(&value.to_le_bytes());
                    }
                }
            }
        }
        let begin = Instant::now();
        let inputs = [Input::new("rcrt1.o", &rcrt1), Input::new("damaged", &file)];
        let linked = survey(&inputs, Libc::Musl);
        let apart = survey_apart(&inputs[1], Libc::Musl);
        for found in [linked, apart] {
            assert_eq!(
                found.is_clean(),
                found.offenders.is_empty(),
                "round {round}"
            );
        }
        assert!(
            begin.elapsed() < SLOW,
            "round {round} took {:?}",
            begin.elapsed()
        );
    }
}
