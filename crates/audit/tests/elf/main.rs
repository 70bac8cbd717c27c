//! The ELF rules on files that were made to say one thing each. What compilers and linkers make is
//! in the corpus (crates/handpie/tests/corpus.rs); here are the cases that they do not make.

mod systems;

use handpie_audit::{Answer, Kind, Subject, rules};
use handpie_binary::Binary;
use handpie_binary::elf::constants::{
    DF_1_PIE, DT_FLAGS, DT_FLAGS_1, DT_JMPREL, DT_NEEDED, DT_PLTRELSZ, DT_RPATH, DT_RUNPATH,
    DT_SONAME, DT_TEXTREL, EM_386, EM_AARCH64, EM_RISCV, ET_CORE, ET_EXEC, ET_REL, PF_R, PF_W,
    PF_X, PT_GNU_RELRO, PT_GNU_STACK, PT_INTERP, PT_LOAD, PT_NOTE, SHF_ALLOC, SHF_EXECINSTR,
    SHT_NOBITS, SHT_NOTE, SHT_PROGBITS, SectionFlags,
};
use handpie_testkit::forge::ElfFile;

const LOADER: &[u8] = b"/lib64/ld-linux-x86-64.so.2\0";
const PIE: u64 = DF_1_PIE.0;

/// A dynamic PIE that needs glibc.
fn program() -> ElfFile {
    let names = b"\0libc.so.6\0/opt/lib:$ORIGIN\0:/tmp/lib\0";
    ElfFile::new()
        .segment(PT_INTERP, PF_R, LOADER)
        .dynamic(&[(DT_FLAGS_1, PIE), (DT_NEEDED, 1)], names)
}

fn answers(file: &[u8], mode: Option<u32>) -> Vec<(&'static str, Answer, String)> {
    let mut binaries = Binary::parse(file).expect("a readable file");
    let subject = Subject::of(binaries.remove(0), mode).expect("a subject");
    let judged = rules().filter_map(|rule| {
        Some((
            rule.code,
            rule.judge(&subject).expect("all of it is there")?,
        ))
    });
    judged
        .map(|(code, judgement)| (code, judgement.answer, judgement.why))
        .collect()
}

fn answer(forge: &ElfFile, code: &str) -> Option<Answer> {
    let answers = answers(&forge.build(), Some(0o755));
    answers
        .iter()
        .find(|(rule, ..)| *rule == code)
        .map(|(_, answer, _)| *answer)
}

fn kind(forge: &ElfFile) -> Kind {
    let file = forge.build();
    let mut binaries = Binary::parse(&file).expect("a readable file");
    Subject::of(binaries.remove(0), None)
        .expect("a subject")
        .kind
}

#[test]
fn kinds_are_told_by_what_a_loader_sees() {
    assert_eq!(kind(&program()), Kind::DynamicPie);
    assert_eq!(kind(&ElfFile::new().kind(ET_REL)), Kind::RelocatableObject);
    assert_eq!(kind(&ElfFile::new().kind(ET_CORE)), Kind::Core);
    assert_eq!(kind(&ElfFile::new().kind(ET_EXEC)), Kind::StaticExecutable);
    let with_loader = ElfFile::new()
        .kind(ET_EXEC)
        .segment(PT_INTERP, PF_R, LOADER);
    assert_eq!(kind(&with_loader), Kind::DynamicExecutable);
    let alone = ElfFile::new().dynamic(&[(DT_FLAGS_1, PIE)], b"\0");
    assert_eq!(kind(&alone), Kind::StaticPie);
    let loader_only = ElfFile::new()
        .segment(PT_INTERP, PF_R, LOADER)
        .dynamic(&[(DT_FLAGS_1, PIE)], b"\0");
    assert_eq!(kind(&loader_only), Kind::LoaderOnlyPie);
    let library = ElfFile::new().dynamic(&[(DT_SONAME, 1)], b"\0libx.so\0");
    assert_eq!(kind(&library), Kind::SharedObject);
    let runnable = ElfFile::new()
        .segment(PT_INTERP, PF_R, LOADER)
        .dynamic(&[(DT_SONAME, 1)], b"\0libx.so\0");
    assert_eq!(
        kind(&runnable),
        Kind::SharedObject,
        "libc.so.6 can be started"
    );
    let code = SectionFlags(SHF_ALLOC.0 | SHF_EXECINSTR.0);
    let debug = program().section(".text", SHT_NOBITS, code, &[0x90; 16]);
    assert_eq!(kind(&debug), Kind::DebugFile);
}

#[test]
fn both_classes_and_byte_orders_are_read() {
    let forge = program().narrow_and_big().segment(PT_GNU_STACK, PF_R, &[]);
    assert_eq!(kind(&forge), Kind::DynamicPie);
    assert_eq!(answer(&forge, "executable-stack"), Some(Answer::Pass));
    assert_eq!(answer(&forge, "needed-libraries"), Some(Answer::Fail));
}

#[test]
fn a_stack_is_executable_when_asked_for_and_when_nothing_is_said() {
    let stack = |flags| program().segment(PT_GNU_STACK, flags, &[]);
    let executable = "executable-stack";
    assert_eq!(answer(&stack(PF_R), executable), Some(Answer::Pass));
    assert_eq!(answer(&stack(PF_R | PF_X), executable), Some(Answer::Fail));
    assert_eq!(answer(&program(), executable), Some(Answer::Fail));
    let elsewhere = program().machine(EM_RISCV);
    assert_eq!(
        answer(&elsewhere, executable),
        Some(Answer::Warn),
        "not by default on RISC-V"
    );
    let object = ElfFile::new()
        .kind(ET_REL)
        .section(".text", SHT_PROGBITS, SHF_EXECINSTR, &[0x90]);
    assert_eq!(
        answer(&object, executable),
        Some(Answer::Fail),
        "an object without the section"
    );
    let marked = object.section(".note.GNU-stack", SHT_PROGBITS, SectionFlags(0), &[]);
    assert_eq!(answer(&marked, executable), Some(Answer::Pass));
}

#[test]
fn memory_that_is_writable_and_executable_is_seen_in_any_segment() {
    let both = program().segment(PT_LOAD, PF_R | PF_W | PF_X, &[0; 32]);
    assert_eq!(answer(&program(), "writable-code"), Some(Answer::Pass));
    assert_eq!(answer(&both, "writable-code"), Some(Answer::Fail));
}

#[test]
fn text_relocations_are_seen_by_tag_and_by_flag() {
    let with = |entry| ElfFile::new().dynamic(&[(DT_FLAGS_1, PIE), entry], b"\0");
    let code = "text-relocations";
    assert_eq!(answer(&with((DT_TEXTREL, 0)), code), Some(Answer::Fail));
    assert_eq!(answer(&with((DT_FLAGS, 4)), code), Some(Answer::Fail));
    assert_eq!(
        answer(&with((DT_FLAGS, 8)), code),
        Some(Answer::Pass),
        "`DF_BIND_NOW`"
    );
}

#[test]
fn relro_counts_by_what_stays_writable() {
    let lazy = [
        (DT_FLAGS_1, PIE),
        (DT_NEEDED, 1),
        (DT_JMPREL, 0x100),
        (DT_PLTRELSZ, 24),
    ];
    let mut now = lazy;
    now[0].1 |= 1;
    let names = b"\0libc.so.6\0";
    let forge = |entries: &[_]| {
        ElfFile::new()
            .segment(PT_INTERP, PF_R, LOADER)
            .dynamic(entries, names)
    };
    let relro = |forge: ElfFile| forge.segment(PT_GNU_RELRO, PF_R, &[0; 64]);
    assert_eq!(
        answer(&forge(&now), "relro"),
        Some(Answer::Fail),
        "now without RELRO is no RELRO"
    );
    assert_eq!(answer(&relro(forge(&lazy)), "relro"), Some(Answer::Warn));
    assert_eq!(answer(&relro(forge(&now)), "relro"), Some(Answer::Pass));
    assert_eq!(
        answer(&relro(program()), "relro"),
        Some(Answer::Pass),
        "nothing is bound late"
    );
    assert_eq!(answer(&forge(&lazy), "bind-now"), Some(Answer::Fail));
    assert_eq!(answer(&forge(&now), "bind-now"), Some(Answer::Pass));
}

#[test]
fn relro_that_nobody_applies_is_told_from_relro_that_glibc_applies() {
    let read_only = |text: &[u8]| {
        ElfFile::new()
            .dynamic(&[(DT_FLAGS_1, PIE)], b"\0")
            .segment(PT_GNU_RELRO, PF_R, &[0; 64])
            .section(".rodata", SHT_PROGBITS, SHF_ALLOC, text)
    };
    let code = "relro-applied";
    assert_eq!(
        answer(&read_only(b"..No error information.."), code),
        Some(Answer::Fail),
        "musl"
    );
    assert_eq!(answer(&read_only(b"nothing"), code), Some(Answer::Unknown));
    let abi_tag = [4u32, 16, 1, 0x0055_4e47, 0, 3, 2, 0]
        .map(u32::to_le_bytes)
        .concat();
    let glibc = read_only(b"").segment(PT_NOTE, PF_R, &abi_tag);
    assert_eq!(answer(&glibc, code), Some(Answer::Pass));
    let stub = read_only(b"").section(".text.handpie", SHT_PROGBITS, SHF_ALLOC, &[0; 8]);
    assert_eq!(answer(&stub, code), Some(Answer::Pass));
}

#[test]
fn a_search_path_is_as_safe_as_its_worst_directory() {
    let with = |tag, path: &str| {
        let names = format!("\0{path}\0");
        ElfFile::new()
            .segment(PT_INTERP, PF_R, LOADER)
            .dynamic(&[(DT_FLAGS_1, PIE), (tag, 1)], names.as_bytes())
    };
    let judged = |path| answer(&with(DT_RUNPATH, path), "search-path");
    for safe in [
        "",
        "/usr/lib/app",
        "$ORIGIN/../lib",
        "/opt/app:/lib64",
        // Siblings, which the loader opens.
        "$ORIGIN/../build",
        "${ORIGIN}/../home/lib",
        "$ORIGIN/a/../../tmp",
        "$ORIGIN/../../lib",
    ] {
        assert_eq!(judged(safe), Some(Answer::Pass), "{safe}");
    }
    for unsafe_one in [
        "/usr/lib:",
        "$ORIGINAL/lib",
        "$ORIGIN/../../tmp/x",
        "$ORIGIN/a/../../../home/lib",
        "/builddir/build/BUILD/app/lib",
        "/__w/app/app/out",
        "/croot/conda/lib",
        "/workspaces/app/lib",
        "lib",
        "./lib",
        "/tmp",
        "/home/me/lib",
        "/usr/lib:/var/tmp/x",
    ] {
        assert_eq!(judged(unsafe_one), Some(Answer::Fail), "{unsafe_one}");
    }
    for doubtful in ["/srv/lib", "/usr/lib/../../x", "/tmpfoo"] {
        assert_eq!(judged(doubtful), Some(Answer::Warn), "{doubtful}");
    }
    assert_eq!(
        judged("/__work"),
        Some(Answer::Warn),
        "a name that only starts so"
    );
    let setuid = answers(&with(DT_RPATH, "$ORIGIN").build(), Some(0o4755));
    let found = setuid
        .iter()
        .find(|(code, ..)| *code == "search-path")
        .unwrap();
    assert_eq!(found.1, Answer::Fail, "{}", found.2);
}

#[test]
fn marks_for_control_flow_are_read_in_the_files_byte_order() {
    let note = |bits: u32, property: u32, align: usize| {
        let mut note = [
            4,
            8 + align.max(4) as u32,
            5,
            0x0055_4e47,
            property,
            4,
            bits,
        ]
        .map(u32::to_le_bytes)
        .concat();
        note.resize(16 + 8 + align.max(4), 0);
        note
    };
    let x86 = |bits| program().segment(PT_NOTE, PF_R, &note(bits, 0xc000_0002, 8));
    assert_eq!(answer(&program(), "cet"), Some(Answer::Fail));
    assert_eq!(answer(&x86(3), "cet"), Some(Answer::Pass));
    assert_eq!(answer(&x86(1), "cet"), Some(Answer::Warn));
    assert_eq!(answer(&x86(0), "cet"), Some(Answer::Fail));
    assert_eq!(answer(&x86(3), "branch-protection"), None, "another CPU's");
    let arm = program()
        .machine(EM_AARCH64)
        .segment(PT_NOTE, PF_R, &note(1, 0xc000_0000, 8));
    assert_eq!(answer(&arm, "branch-protection"), Some(Answer::Warn));
    assert_eq!(answer(&arm, "cet"), None);
}

#[test]
fn data_in_an_executable_segment_is_seen() {
    let file = program().section(".note.x", SHT_NOTE, SHF_ALLOC, &[0; 12]);
    let with_data = file.section(".rodata", SHT_PROGBITS, SHF_ALLOC, &[1; 64]);
    assert_eq!(answer(&with_data, "separate-code"), Some(Answer::Pass));
    let executable = with_data.executable();
    assert_eq!(answer(&executable, "separate-code"), Some(Answer::Fail));
    let notes = program().section(".note.x", SHT_NOTE, SHF_ALLOC, &[0; 12]);
    let notes = notes.executable();
    assert_eq!(
        answer(&notes, "separate-code"),
        Some(Answer::Pass),
        "notes harm nobody"
    );
    let without_sections = program().executable();
    assert_eq!(
        answer(&without_sections, "separate-code"),
        Some(Answer::Unknown)
    );
}

#[test]
fn setuid_is_a_matter_of_the_file_and_not_of_its_bytes() {
    let file = program().build();
    let setuid = |mode| {
        let answers = answers(&file, mode);
        answers
            .iter()
            .find(|(code, ..)| *code == "setuid")
            .map(|(_, answer, _)| *answer)
    };
    assert_eq!(setuid(Some(0o755)), Some(Answer::Pass));
    assert_eq!(setuid(Some(0o4755)), Some(Answer::Warn));
    assert_eq!(setuid(Some(0o2755)), Some(Answer::Warn));
    assert_eq!(setuid(None), None, "standard input has no mode");
}

#[test]
fn nothing_is_asked_of_cores_and_debug_files() {
    let core = answers(
        &ElfFile::new().kind(ET_CORE).machine(EM_386).build(),
        Some(0o600),
    );
    assert!(core.is_empty(), "{core:?}");
}

#[test]
fn a_loader_without_bytes_is_shown_where_it_is_claimed() {
    let forge = ElfFile::new()
        .kind(ET_EXEC)
        .segment(PT_INTERP, PF_R, LOADER);
    let mut file = forge.build();
    let headers = (64..).step_by(56);
    let mut interp = headers
        .take(8)
        .filter(|at| file[*at..at + 4] == [3, 0, 0, 0]);
    let at = interp.next().unwrap();
    file[at + 8..at + 16].copy_from_slice(&0x3400_0000u64.to_le_bytes());
    file[at + 32..at + 40].fill(0);
    let binary = Binary::parse(&file).unwrap().remove(0);
    let subject = Subject::of(binary, None).unwrap();
    for finding in handpie_audit::check(&subject).expect("all of it is there") {
        let places = finding.judgement.evidence.iter().filter_map(|e| e.offset);
        for place in places {
            assert!(place.0 < file.len() as u64, "{}", finding.rule.code);
        }
    }
}
