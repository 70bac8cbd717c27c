//! What the rules say of files that real linkers made, beside what LLVM's tools and the flags of the
//! build say. A tool that is missing skips its test.

#![allow(clippy::unwrap_used, reason = "all of it is test code")]

mod folders;
mod judge;

use std::num::NonZeroUsize;
use std::path::Path;

use folders::{folder, programs};
use handpie_audit::{Answer, Kind, Language, Subject};
use handpie_binary::{Binary, Error, Partial, Size};
use handpie_testkit::tool::{find, run};
use judge::{answer, subject};

use Answer::{Fail, NotApplicable, Pass, Unknown, Warn};

/// `Pass` or the other answer.
fn when(holds: bool, otherwise: Answer) -> Answer {
    if holds { Pass } else { otherwise }
}

/// What `llvm-readobj` says of a PE file, against what we say.
fn agrees_about_pe(readobj: &Path, path: &Path) -> Vec<u8> {
    let flags = "--file-headers --coff-load-config --coff-debug-directory --coff-basereloc";
    let said = run(
        readobj,
        &programs(),
        &format!("{flags} {}", path.display()),
        &[],
    );
    let file = std::fs::read(path).unwrap();
    let has = |word: &str| said.contains(&format!("{word} ("));
    let is_64 = said.contains("Magic: 0x20B");
    let relocations = ["DIR64", "HIGHLOW"];
    let moves = relocations
        .iter()
        .any(|kind| said.contains(&format!("Type: {kind}")));
    let movable = moves && !has("IMAGE_FILE_RELOCS_STRIPPED");
    let dynamic = has("IMAGE_DLL_CHARACTERISTICS_DYNAMIC_BASE");
    assert_eq!(
        answer(&file, "pe-relocations"),
        when(movable, Fail),
        "{path:?}"
    );
    let position = when(movable && dynamic, Fail);
    assert_eq!(answer(&file, "pe-dynamic-base"), position, "{path:?}");
    let high =
        has("IMAGE_DLL_CHARACTERISTICS_HIGH_ENTROPY_VA") && has("IMAGE_FILE_LARGE_ADDRESS_AWARE");
    let high = if is_64 {
        when(high, Fail)
    } else {
        NotApplicable
    };
    assert_eq!(answer(&file, "pe-high-entropy"), high, "{path:?}");
    let signed = !said.contains("CertificateTableSize: 0x0\n");
    assert_eq!(
        answer(&file, "pe-signature"),
        when(signed, Fail),
        "{path:?}"
    );
    let kind = match has("IMAGE_FILE_DLL") {
        true => Kind::PeDynamicLinkLibrary,
        false => Kind::PeExecutable,
    };
    assert_eq!(subject(&file).kind, kind, "{path:?}");
    file
}

/// What `llvm-objdump` says of a Mach-O file, against what we say.
fn agrees_about_macho(objdump: &Path, path: &Path) -> Vec<u8> {
    let args = format!("--macho --private-headers {}", path.display());
    let said = run(objdump, &programs(), &args, &[]);
    let file = std::fs::read(path).unwrap();
    let header = said.lines().find(|line| line.starts_with("MH_MAGIC"));
    let words: Vec<&str> = header.unwrap().split_whitespace().collect();
    let has = |word: &str| words.contains(&word);
    let (kind, pie) = match has("EXECUTE") {
        true => (Kind::MachoExecutable, when(has("PIE"), Fail)),
        false if has("BUNDLE") => (Kind::MachoBundle, NotApplicable),
        false => (Kind::MachoDynamicLibrary, NotApplicable),
    };
    assert_eq!(subject(&file).kind, kind, "{path:?}");
    assert_eq!(answer(&file, "macho-pie"), pie, "{path:?}");
    let signature = match said.contains("LC_CODE_SIGNATURE") {
        true => Warn,
        false => Fail,
    };
    assert_eq!(answer(&file, "macho-signature"), signature, "{path:?}");
    let searches = said.contains("LC_RPATH");
    assert_eq!(answer(&file, "macho-rpath") == Pass, !searches, "{path:?}");
    file
}

#[test]
fn go_programs_for_windows_and_macos_are_known_and_asked_for_what_they_can_have() {
    let what = "Go programs for Windows and macOS";
    let (Some(go), Some(readobj), Some(objdump)) = (
        find(&["go"], what),
        find(&["llvm-readobj"], what),
        find(&["llvm-objdump"], what),
    ) else {
        return;
    };
    let folder = folder("go");
    for (system, cpu, flags) in [
        ("windows", "amd64", "-ldflags=-s"),
        ("windows", "amd64", "-buildmode=exe"),
        ("windows", "386", "-trimpath"),
        ("windows", "arm64", "-trimpath"),
        ("darwin", "amd64", "-trimpath"),
        ("darwin", "arm64", "-ldflags=-s"),
    ] {
        let path = folder.join(format!("{system}-{cpu}{flags}"));
        let args = format!("build {flags} -o {} plain.go", path.display());
        let env = [
            ("GOOS", system),
            ("GOARCH", cpu),
            ("CGO_ENABLED", "0"),
            ("GOTOOLCHAIN", "local"),
            ("GOFLAGS", ""),
            ("GOENV", "off"),
        ];
        run(&go, &programs(), &args, &env);
        let file = match system {
            "windows" => agrees_about_pe(&readobj, &path),
            _ => agrees_about_macho(&objdump, &path),
        };
        let subject = subject(&file);
        assert_eq!(subject.language, Language::Go, "{path:?}");
        let info = subject.build_info.expect("Go build info");
        assert!(info.go_version.starts_with("go1."), "{info:?}");
        assert_eq!(info.setting("GOOS"), Some(system));
        assert_eq!(answer(&file, "sanitizers"), Pass, "{path:?}");
        let none: &[&str] = match system {
            "windows" => &["pe-canary", "pe-cfg", "pe-cet", "pe-safe-seh"],
            _ => &["macho-canary"],
        };
        for code in none {
            assert_eq!(answer(&file, code), NotApplicable, "{code} of {path:?}");
        }
    }
}

/// What is said of a file of which only the blocks that are looked at are read, and how many bytes
/// those were.
fn partly(file: &[u8]) -> (Vec<(&'static str, Answer)>, usize) {
    const BLOCK: usize = 16 << 10;
    let block = NonZeroUsize::new(BLOCK).unwrap();
    let mut partial = Partial::of_size(Size(file.len() as u64), block).unwrap();
    let mut read = 0;
    let reader = |start, room: &mut [u8]| {
        let start = usize::try_from(start).unwrap();
        room.copy_from_slice(&file[start..][..room.len()]);
        read += room.len();
        Ok::<_, ()>(())
    };
    let answers = partial.look(reader, |bytes| {
        let subject = Subject::of(Binary::parse(bytes)?.remove(0), None)?;
        let findings = handpie_audit::check(&subject)?.into_iter();
        let answers = findings.map(|f| (f.rule.code, f.judgement.answer));
        Ok::<_, Error>(answers.collect::<Vec<_>>())
    });
    (answers.unwrap().unwrap(), read)
}

#[test]
fn only_what_is_looked_at_is_read() {
    let what = "reading a part of a Mach-O file";
    let (Some(clang), Some(lld)) = (
        find(&["clang"], what),
        find(&["ld64.lld", "ld64.lld-14", "ld64.lld-19"], what),
    ) else {
        return;
    };
    let folder = folder("partly");
    let object = folder.join("large.o");
    let flags = "--target=arm64-apple-macos11 -O1 -w -DLARGE -c greet.c -o";
    let args = format!("{flags} {}", object.display());
    run(&clang, &programs(), &args, &[]);
    let flags = "-arch arm64 -platform_version macos 11.0 11.0 -undefined dynamic_lookup";
    run(&lld, &folder, &format!("{flags} large.o -o large"), &[]);
    let file = std::fs::read(folder.join("large")).unwrap();
    let (answers, read) = partly(&file);
    assert_eq!(answers, judge::answers(&file));
    assert!(read < 200_000, "{read:#x} bytes of {:#x}", file.len());
    assert!(file.len() > 4_000_000, "{:#x}", file.len());
}

#[test]
fn c_in_a_go_program_for_windows_is_seen() {
    let what = "a Go program for Windows that calls C";
    let (Some(go), Some(gcc), Some(readobj)) = (
        find(&["go"], what),
        find(&["x86_64-w64-mingw32-gcc"], what),
        find(&["llvm-readobj"], what),
    ) else {
        return;
    };
    let folder = folder("cgo");
    let path = folder.join("calls_c.exe");
    let gcc = gcc.display().to_string();
    let env = [
        ("GOOS", "windows"),
        ("GOARCH", "amd64"),
        ("CGO_ENABLED", "1"),
        ("CC", gcc.as_str()),
        ("GOTOOLCHAIN", "local"),
        ("GOFLAGS", ""),
        ("GOENV", "off"),
    ];
    let args = format!("build -o {} calls_c.go", path.display());
    run(&go, &programs(), &args, &env);
    let file = agrees_about_pe(&readobj, &path);
    assert_eq!(subject(&file).language, Language::GoWithC);
    assert_eq!(answer(&file, "pe-canary"), Unknown, "nothing asked for one");
    assert_eq!(answer(&file, "pe-cfg"), NotApplicable);
}

#[test]
fn programs_by_mingw_are_judged_as_they_were_built() {
    let what = "PE files by MinGW";
    let Some(readobj) = find(&["llvm-readobj"], what) else {
        return;
    };
    let folder = folder("mingw");
    for cpu in ["x86_64", "i686"] {
        let Some(gcc) = find(&[&format!("{cpu}-w64-mingw32-gcc")], what) else {
            return;
        };
        for (name, flags, code, wanted) in [
            (
                "plain",
                "-Wl,--dynamicbase,--nxcompat",
                "pe-dynamic-base",
                Pass,
            ),
            (
                "fixed",
                "-Wl,--disable-dynamicbase",
                "pe-dynamic-base",
                Fail,
            ),
            (
                "bare",
                "-Wl,--disable-reloc-section",
                "pe-relocations",
                Fail,
            ),
            ("omagic", "-Wl,--omagic", "pe-nx", Fail),
            ("ssp", "-fstack-protector-strong", "pe-canary", Pass),
            (
                "ssp-static",
                "-fstack-protector-strong -static -s",
                "pe-canary",
                Pass,
            ),
            ("no-ssp", "-fno-stack-protector -s", "pe-canary", Unknown),
            ("library", "-shared", "pe-cfg", Fail),
        ] {
            let path = folder.join(format!("{name}-{cpu}.exe"));
            let args = format!("-O1 -w {flags} greet.c -o {}", path.display());
            run(&gcc, &programs(), &args, &[]);
            let file = agrees_about_pe(&readobj, &path);
            assert_eq!(answer(&file, code), wanted, "{code} of {path:?}");
            assert_eq!(subject(&file).language, Language::C);
            let seh = if cpu == "i686" { Fail } else { NotApplicable };
            assert_eq!(answer(&file, "pe-safe-seh"), seh, "{path:?}");
        }
    }
}

#[test]
fn control_flow_guard_and_shadow_stack_by_lld_are_seen() {
    let what = "PE files with Control Flow Guard";
    let (Some(clang), Some(lld), Some(readobj)) = (
        find(&["clang"], what),
        find(&["lld-link"], what),
        find(&["llvm-readobj"], what),
    ) else {
        return;
    };
    let folder = folder("guard");
    let target = "--target=x86_64-pc-windows-msvc -ffreestanding -O1 -w";
    for (name, compile, link, cfg, cet) in [
        (
            "all",
            "-Xclang -cfguard",
            "/guard:cf /cetcompat",
            Pass,
            Pass,
        ),
        // The linker sets the flag, and has no load configuration to put the table into.
        ("flag", "-DBARE", "/guard:cf", Fail, Fail),
        ("none", "-Xclang -cfguard", "/guard:no", Fail, Fail),
    ] {
        let object = folder.join(format!("{name}.obj"));
        let args = format!("{target} {compile} -c guarded.c -o {}", object.display());
        run(&clang, &programs(), &args, &[]);
        let path = folder.join(format!("{name}.exe"));
        let args = format!(
            "/entry:start /subsystem:console /nodefaultlib {link} {} /out:{}",
            object.display(),
            path.display()
        );
        run(&lld, &folder, &args, &[]);
        let file = agrees_about_pe(&readobj, &path);
        assert_eq!(answer(&file, "pe-cfg"), cfg, "{name}");
        assert_eq!(answer(&file, "pe-cet"), cet, "{name}");
        let canary = if compile == "-DBARE" { Unknown } else { Pass };
        assert_eq!(answer(&file, "pe-canary"), canary, "{name}");
    }
}

#[test]
fn an_authenticode_signature_is_seen() {
    let what = "a signed PE file";
    let (Some(gcc), Some(openssl), Some(sign), Some(readobj)) = (
        find(&["x86_64-w64-mingw32-gcc"], what),
        find(&["openssl"], what),
        find(&["osslsigncode"], what),
        find(&["llvm-readobj"], what),
    ) else {
        return;
    };
    let folder = folder("signed");
    let source = programs().join("greet.c");
    run(
        &gcc,
        &folder,
        &format!("-w {} -o app.exe", source.display()),
        &[],
    );
    let args = "req -x509 -newkey rsa:2048 -nodes -subj /CN=test -keyout key.pem -out cert.pem";
    run(&openssl, &folder, args, &[]);
    let args = "sign -certs cert.pem -key key.pem -h sha256 -in app.exe -out signed.exe";
    run(&sign, &folder, args, &[]);
    let unsigned = agrees_about_pe(&readobj, &folder.join("app.exe"));
    assert_eq!(answer(&unsigned, "pe-signature"), Fail);
    let signed = agrees_about_pe(&readobj, &folder.join("signed.exe"));
    assert_eq!(answer(&signed, "pe-signature"), Pass);
}

#[test]
fn programs_by_ld64_are_judged_as_they_were_built() {
    let what = "Mach-O files by lld";
    let (Some(clang), Some(lld), Some(objdump)) = (
        find(&["clang"], what),
        find(&["ld64.lld", "ld64.lld-14", "ld64.lld-19"], what),
        find(&["llvm-objdump"], what),
    ) else {
        return;
    };
    let folder = folder("ld64");
    for (name, cpu, compile, link, code, wanted) in [
        ("pie", "arm64", "", "", "macho-pie", Pass),
        ("fixed", "x86_64", "", "-no_pie", "macho-pie", Fail),
        ("unsigned", "x86_64", "", "", "macho-hardened-runtime", Fail),
        (
            "ssp",
            "arm64",
            "-fstack-protector-strong",
            "-S",
            "macho-canary",
            Pass,
        ),
        (
            "bare",
            "arm64",
            "-fno-stack-protector",
            "",
            "macho-canary",
            Fail,
        ),
        (
            "public",
            "arm64",
            "",
            "-rpath @loader_path -rpath /tmp",
            "macho-rpath",
            Fail,
        ),
        (
            "beside",
            "arm64",
            "",
            "-rpath @loader_path/../lib",
            "macho-rpath",
            Warn,
        ),
        (
            "library",
            "arm64",
            "",
            "-dylib",
            "macho-executable-stack",
            NotApplicable,
        ),
        ("plug-in", "x86_64", "", "-bundle", "macho-signature", Fail),
    ] {
        let object = folder.join(format!("{name}.o"));
        let args = format!(
            "--target={cpu}-apple-macos11 -O1 -w {compile} -c greet.c -o {}",
            object.display()
        );
        run(&clang, &programs(), &args, &[]);
        let path = folder.join(name);
        let args = format!(
            "-arch {cpu} -platform_version macos 11.0 11.0 -undefined dynamic_lookup {link} {} -o {}",
            object.display(),
            path.display()
        );
        run(&lld, &folder, &args, &[]);
        let file = agrees_about_macho(&objdump, &path);
        assert_eq!(answer(&file, code), wanted, "{code} of {name}");
        assert_eq!(subject(&file).language, Language::C);
        let object = std::fs::read(object).unwrap();
        assert_eq!(subject(&object).kind, Kind::RelocatableObject);
        let asked = judge::answers(&object);
        assert!(asked.iter().all(|(code, _)| !code.starts_with("macho-")));
    }
}
