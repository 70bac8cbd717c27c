//! Converted programs work, at a random address, and are what readelf, file and go say they should
//! be. The judges are the kernel and other people's tools, never our own reader.

mod support;

use std::fs;
use std::path::Path;

use handpie_pie::{Options, Outcome, convert};
use handpie_toolchain::command::Tool;
use support::{Program, RELEASES, go, go_release, handpie, run, text, tool};

#[test]
fn a_converted_program_prints_what_the_plain_executable_prints() {
    let what = "running a converted program";
    let (Some(go), Some(expected)) = (go(what), plain_output(what)) else {
        return;
    };
    let program = Program::build(&go, "works", &[]);
    assert_eq!(run(&program.convert()), expected);
}

#[test]
fn programs_of_every_go_release_convert_and_run() {
    let what = "converting programs of an older or newer Go";
    let Some(expected) = plain_output(what) else {
        return;
    };
    for release in RELEASES {
        let Some(go) = go_release(release, what) else {
            continue;
        };
        // As it comes, stripped of everything, and without a build id.
        for flags in ["", "-s -w", "-buildid="] {
            let program = Program::build(&go, "works", &[&format!("-ldflags={flags}")]);
            assert_eq!(run(&program.convert()), expected, "Go {release}, {flags}");
        }
    }
}

/// What the plain executable prints.
fn plain_output(what: &str) -> Option<String> {
    let program = Program::plain(&go(what)?, "works");
    let output = run(&program.path("plain"));
    assert!(output.contains("TLS: "), "{output}");
    Some(output)
}

#[test]
fn readelf_and_file_call_the_result_a_static_pie() {
    let Some(go) = go("a look with readelf") else {
        return;
    };
    let Some(readelf) = tool("readelf", "a look with readelf") else {
        return;
    };
    let program = Program::build(&go, "works", &[]);
    let result = program.convert();
    let headers = text(
        &Tool::new(&readelf)
            .args(["-lhdW"])
            .arg(&result)
            .run()
            .expect("readelf"),
    );
    assert!(
        headers.contains("DYN (Position-Independent Executable file)"),
        "{headers}"
    );
    assert!(headers.contains("Flags: NOW PIE"), "{headers}");
    for absent in ["INTERP", "NEEDED", "TEXTREL", "(RELA)", "RWE"] {
        assert!(!headers.contains(absent), "{absent} in\n{headers}");
    }
    let relocations = Tool::new(&readelf)
        .args(["-rW"])
        .arg(&result)
        .run()
        .expect("readelf");
    assert!(
        text(&relocations).contains("'.relr.dyn'"),
        "{}",
        text(&relocations)
    );
    if let Some(file) = tool("file", "what file(1) says") {
        let said = text(&Tool::new(file).arg(&result).run().expect("file"));
        assert!(said.contains("static-pie linked"), "{said}");
    }
}

#[test]
fn readelf_counts_the_same_relocations_before_and_after() {
    let Some(go) = go("counting relocations") else {
        return;
    };
    let Some(readelf) = tool("readelf", "counting relocations") else {
        return;
    };
    let program = Program::build(&go, "works", &[]);
    let relocations = |file: &Path| -> String {
        text(
            &Tool::new(&readelf)
                .args(["-rW"])
                .arg(file)
                .run()
                .expect("readelf"),
        )
    };
    let before = relocations(&program.pie);
    let mut targets: Vec<u64> = before
        .lines()
        .filter(|line| line.contains("R_X86_64_RELATIVE"))
        .filter_map(|line| u64::from_str_radix(line.split_whitespace().next()?, 16).ok())
        .collect();
    targets.sort_unstable();
    let after = relocations(&program.convert());
    // readelf prints the decoded addresses of RELR one a line, or "N offsets" as a count.
    let count = format!("{} offsets", targets.len());
    let decoded: Vec<u64> = after
        .lines()
        .filter(|line| line.len() >= 16 && !line.contains(' '))
        .filter_map(|line| u64::from_str_radix(line.trim(), 16).ok())
        .collect();
    assert!(!targets.is_empty());
    assert!(
        after.contains(&count) || decoded == targets,
        "{count} expected in\n{after}"
    );
}

#[test]
fn what_people_look_for_in_a_binary_is_untouched() {
    let Some(go) = go("comparing what go and readelf print") else {
        return;
    };
    let Some(readelf) = tool("readelf", "comparing what go and readelf print") else {
        return;
    };
    let program = Program::build(&go, "works", &[]);
    let result = program.convert();
    let same = |what: &str, print: &dyn Fn(&Path) -> String| {
        let before = print(&program.pie).replace("/pie", "/X");
        let after = print(&result).replace("/static-pie", "/X");
        assert!(!before.trim().is_empty(), "{what} says nothing");
        assert_eq!(before, after, "{what}");
    };
    let readelf = |flags: &'static str| {
        let readelf = readelf.clone();
        move |file: &Path| {
            text(
                &Tool::new(&readelf)
                    .arg(flags)
                    .arg(file)
                    .run()
                    .expect("readelf"),
            )
        }
    };
    same("notes", &readelf("-nW"));
    same("debug lines", &readelf("-wL"));
    same("debug information", &readelf("-wi"));
    same("go version -m", &|file| {
        text(
            &go.clone()
                .args(["version", "-m"])
                .arg(file)
                .run()
                .expect("go"),
        )
    });
    same("go tool buildid", &|file| {
        text(
            &go.clone()
                .args(["tool", "buildid"])
                .arg(file)
                .run()
                .expect("go"),
        )
    });
    same("symbols", &|file| {
        text(
            &go.clone()
                .args(["tool", "nm", "-n"])
                .arg(file)
                .run()
                .expect("go"),
        )
    });
}

#[test]
fn converting_is_deterministic_and_converting_twice_changes_nothing() {
    let Some(go) = go("converting twice") else {
        return;
    };
    let program = Program::build(&go, "works", &[]);
    let first = fs::read(program.convert()).expect("the result");
    let second = fs::read(program.convert()).expect("the result");
    assert!(first == second, "two conversions differ");
    let again = program.path("again");
    let said = handpie(["convert"])
        .arg(program.path("static-pie"))
        .arg("-o")
        .arg(&again)
        .run()
        .expect("a no-op succeeds");
    assert!(text(&said).contains("already a static-PIE, made by handpie; nothing to do"));
    assert!(
        fs::read(&again).expect("the copy") == first,
        "a no-op changed the file"
    );
}

/// A file is read where it is looked at and copied by the kernel; a stream is read whole.
#[test]
fn a_file_and_a_stream_give_the_same_program() {
    let Some(go) = go("converting a stream") else {
        return;
    };
    let program = Program::build(&go, "works", &[]);
    let from_file = fs::read(program.convert()).unwrap();
    let stream = fs::read(&program.pie).unwrap();
    let outcome = convert(&stream, Options::default());
    let Ok(Outcome::Converted(conversion)) = outcome else {
        panic!("{outcome:?}");
    };
    assert!(conversion.pieces.to_bytes(&stream) == from_file);
    let through = Tool::new("sh")
        .args(["-c", "exec \"$0\" convert - -o - <\"$1\""])
        .args([
            env!("CARGO_BIN_EXE_handpie").as_ref(),
            program.pie.as_os_str(),
        ])
        .run()
        .unwrap();
    assert!(through.stdout == from_file);
}

#[test]
fn the_result_is_smaller_than_the_pie_and_within_one_percent_of_the_plain_executable() {
    let Some(go) = go("comparing sizes") else {
        return;
    };
    for flags in ["-ldflags=-w", "-ldflags=-s -w", "-ldflags="] {
        let program = Program::build(&go, "works", &[flags]);
        let plain = program.path("plain");
        program.compile(&go, "works", &plain, &["-buildmode=exe", flags]);
        let size = |file: &Path| fs::metadata(file).expect("it is there").len();
        let (plain, pie, result) = (size(&plain), size(&program.pie), size(&program.convert()));
        assert!(result < pie, "{flags}: {result} of {pie} bytes");
        let ratio = result as f64 / plain as f64;
        assert!(
            ratio < 1.01,
            "{flags}: {result} bytes, plain {plain}: {ratio:.4}"
        );
    }
}

/// Go's linker starts them at a multiple of 64 KiB on arm64, and of 4 KiB on amd64.
#[test]
fn symbols_follow_the_last_loaded_byte() {
    let what = "looking at the gap behind what is loaded";
    let (Some(go), Some(readelf)) = (go(what), tool("readelf", what)) else {
        return;
    };
    for goarch in ["amd64", "arm64"] {
        let go = go.clone().env("GOARCH", goarch);
        let program = Program::build(&go, "works", &["-ldflags=-w"]);
        let gap = |file: &Path| {
            let said = Tool::new(&readelf).args(["-lSW"]).arg(file).run();
            let said = text(&said.expect("readelf"));
            let hex = |word: &str| u64::from_str_radix(word.trim_start_matches("0x"), 16);
            let loads = said.lines().filter(|line| line.starts_with("  LOAD "));
            let ends = loads.map(|line| {
                let words: Vec<&str> = line.split_whitespace().collect();
                hex(words[1]).expect("an offset") + hex(words[4]).expect("a size")
            });
            let (_, symbols) = said.split_once(" SYMTAB ").expect("symbols");
            let symbols = symbols.split_whitespace().nth(1).expect("an offset");
            hex(symbols).expect("an offset") - ends.max().expect("segments")
        };
        assert!(gap(&program.pie) >= 64, "{goarch}: there is none to close");
        assert!(gap(&program.convert()) < 64, "{goarch}");
        assert!(gap(&program.harden()) < 64, "{goarch}");
    }
}

#[test]
fn a_program_linked_by_another_linker_converts_and_runs() {
    let Some(gcc) = tool("gcc", "converting a C program without a libc") else {
        return;
    };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs/no-libc.c");
    let mut linkers = vec!["bfd"];
    if tool("ld.lld", "converting what lld linked").is_some() {
        linkers.push("lld");
    }
    for linker in linkers {
        let pie = folder.path().join(linker);
        // lld packs segments so tightly that there is no room; that is a refusal of its own.
        let separate = match linker {
            "lld" => "-Wl,-z,separate-loadable-segments",
            _ => "-Wl,-z,separate-code",
        };
        Tool::new(&gcc)
            .args([
                "-O1",
                "-fPIE",
                "-pie",
                "-nostdlib",
                "-nostartfiles",
                "-fno-stack-protector",
            ])
            .args([
                "-Wl,-z,norelro",
                separate,
                &format!("-fuse-ld={linker}"),
                "-o",
            ])
            .arg(&pie)
            .arg(&source)
            .run()
            .expect("gcc links it");
        let result = folder.path().join(format!("{linker}.static"));
        handpie([
            "convert".as_ref(),
            pie.as_os_str(),
            "-o".as_ref(),
            result.as_os_str(),
        ])
        .run()
        .expect("it converts");
        let status = Tool::new(&result).output().expect("it starts").status;
        assert_eq!(status.code(), Some(42), "linked by {linker}");
    }
}

#[test]
fn the_program_finds_registers_and_stack_as_the_kernel_leaves_them() {
    let Some(gcc) = tool("gcc", "looking at registers at the entry point") else {
        return;
    };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (pie, result) = (folder.path().join("pie"), folder.path().join("result"));
    Tool::new(&gcc)
        .args([
            "-pie",
            "-nostdlib",
            "-nostartfiles",
            "-Wl,-z,separate-code",
            "-o",
        ])
        .arg(&pie)
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs/entry.S"))
        .run()
        .expect("gcc links it");
    handpie(["convert".as_ref(), pie.as_os_str()])
        .args(["-o".as_ref(), result.as_os_str()])
        .run()
        .expect("it converts");
    let status = Tool::new(&result)
        .arg("x")
        .output()
        .expect("it starts")
        .status;
    assert_eq!(status.code(), Some(42));
}
