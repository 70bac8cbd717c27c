//! What a file is for: which system, which libc, or none at all; and which rules that leaves.

use handpie_audit::{Answer, Kind, Libc, System};
use handpie_binary::Binary;
use handpie_binary::elf::constants::{
    DF_1_PIE, DT_FLAGS_1, DT_JMPREL, DT_NEEDED, DT_PLTGOT, DT_PLTRELSZ, DT_SONAME, EM_AVR, EM_BPF,
    EM_CUDA, EM_MIPS, EM_MSP430, EM_NONE, EM_RISCV, ET_EXEC, ET_REL, PF_R, PF_W, PF_X,
    PT_GNU_RELRO, PT_GNU_STACK, PT_INTERP, PT_LOAD, PT_NOTE, SHF_ALLOC, SHF_EXECINSTR,
    SHT_PROGBITS, SHT_STRTAB, SectionFlags,
};
use handpie_testkit::forge::ElfFile;

use super::{Subject, answer, kind};

const NONE: SectionFlags = SectionFlags(0);

/// A PIE with this loader that needs this library.
fn program(loader: &str, library: &str) -> ElfFile {
    let names = format!("\0{library}\0");
    ElfFile::new()
        .segment(PT_INTERP, PF_R, format!("{loader}\0").as_bytes())
        .dynamic(
            &[(DT_FLAGS_1, DF_1_PIE.0), (DT_NEEDED, 1)],
            names.as_bytes(),
        )
}

/// A library that needs these.
fn library(needed: &[&str]) -> ElfFile {
    let mut names = b"\0libx.so\0".to_vec();
    let mut entries = vec![(DT_SONAME, 1)];
    for name in needed {
        entries.push((DT_NEEDED, names.len() as u64));
        names.extend(name.bytes().chain([0]));
    }
    ElfFile::new().dynamic(&entries, &names)
}

fn note(owner: &str, kind: u32, description: &[u8]) -> Vec<u8> {
    let mut note = Vec::new();
    let name = format!("{owner}\0");
    for word in [name.len(), description.len()] {
        note.extend(u32::try_from(word).expect("a small note").to_le_bytes());
    }
    note.extend(kind.to_le_bytes());
    for part in [name.as_bytes(), description] {
        note.extend(part);
        note.resize(note.len().next_multiple_of(4), 0);
    }
    note
}

fn told(forge: &ElfFile) -> (System, Libc) {
    let file = forge.build();
    let binary = Binary::parse(&file).expect("a readable file").remove(0);
    let subject = Subject::of(binary, None).expect("a subject");
    (subject.system, subject.libc)
}

#[test]
fn a_system_and_its_libc_are_told_by_notes_header_loader_and_libraries() {
    let with_note = |owner, description: &[u8]| {
        library(&["libc.so"]).segment(PT_NOTE, PF_R, &note(owner, 1, description))
    };
    for (forge, system, libc) in [
        (
            with_note("Android", &[21, 0, 0, 0]),
            System::Android,
            Libc::Bionic,
        ),
        (with_note("FreeBSD", &[0; 4]), System::FreeBsd, Libc::System),
        (with_note("NetBSD", &[0; 4]), System::NetBsd, Libc::System),
        (with_note("OpenBSD", &[0; 4]), System::OpenBsd, Libc::System),
        (with_note("GNU", &[1, 0, 0, 0]), System::Hurd, Libc::Musl),
        (
            library(&["libm.so.6"]).os_abi(9),
            System::FreeBsd,
            Libc::System,
        ),
        (
            library(&["libm.so.0"]).os_abi(12),
            System::OpenBsd,
            Libc::System,
        ),
        (library(&["libc.so.7"]), System::FreeBsd, Libc::System),
        (library(&["libc.so.96.0"]), System::OpenBsd, Libc::System),
        (
            library(&["libc.so", "liblog.so"]),
            System::Android,
            Libc::Bionic,
        ),
        (library(&["libc.so"]), System::Unknown, Libc::Musl),
        (
            library(&["libc.so"]).section(".dynstr", SHT_STRTAB, NONE, b"\0x\0LIBC\0"),
            System::Unknown,
            Libc::Bionic,
        ),
        (
            program("/lib64/ld-linux-x86-64.so.2", "libc.so.6"),
            System::Linux,
            Libc::Glibc,
        ),
        (
            program("/lib/ld-musl-x86_64.so.1", "libc.so"),
            System::Linux,
            Libc::Musl,
        ),
        (
            program("/lib/ld64-uClibc.so.0", "libc.so.0"),
            System::Linux,
            Libc::Uclibc,
        ),
        (
            program("/lib/klibc-abc.so", "klibc-abc.so"),
            System::Linux,
            Libc::Klibc,
        ),
        (
            program("/system/bin/linker64", "libc.so"),
            System::Android,
            Libc::Bionic,
        ),
        (
            program("/usr/libexec/ld.elf_so", "libm.so.0"),
            System::NetBsd,
            Libc::System,
        ),
        (
            program("/usr/libexec/ld.so", "libm.so.10.1"),
            System::OpenBsd,
            Libc::System,
        ),
    ] {
        assert_eq!(told(&forge), (system, libc));
    }
}

#[test]
fn a_rule_holds_for_the_systems_that_can_break_it() {
    let bare = |loader, library| program(loader, library).segment(PT_GNU_STACK, PF_R | PF_X, &[]);
    let stack = "executable-stack";
    for (loader, libc, expected) in [
        ("/lib64/ld-linux-x86-64.so.2", "libc.so.6", Answer::Fail),
        ("/libexec/ld-elf.so.1", "libc.so.7", Answer::Fail),
        (
            "/usr/libexec/ld.elf_so",
            "libc.so.12",
            Answer::NotApplicable,
        ),
        ("/usr/libexec/ld.so", "libc.so.96.0", Answer::NotApplicable),
    ] {
        assert_eq!(
            answer(&bare(loader, libc), stack),
            Some(expected),
            "{loader}"
        );
    }
    for (loader, libc, expected) in [
        ("/lib/ld-musl-x86_64.so.1", "libc.so", true),
        ("/lib/ld64-uClibc.so.0", "libc.so.0", true),
        ("/lib/klibc-abc.so", "klibc-abc.so", true),
        ("/usr/libexec/ld.so", "libc.so.96.0", true),
        ("/usr/lib/amd64/ld.so.1", "libc.so.1", true),
    ] {
        let answer = answer(&program(loader, libc), "fortify");
        assert_eq!(answer == Some(Answer::NotApplicable), expected, "{loader}");
    }
    let cet = answer(&program("/libexec/ld-elf.so.1", "libc.so.7"), "cet");
    assert_eq!(
        cet,
        Some(Answer::NotApplicable),
        "FreeBSD has no such loader"
    );
    let lazy = |loader, libc: &str| {
        let names = format!("\0{libc}\0");
        let entries = [
            (DT_FLAGS_1, DF_1_PIE.0),
            (DT_NEEDED, 1),
            (DT_JMPREL, 0x40),
            (DT_PLTRELSZ, 24),
        ];
        ElfFile::new()
            .segment(PT_INTERP, PF_R, loader)
            .dynamic(&entries, names.as_bytes())
    };
    let android = lazy(b"/system/bin/linker64\0", "libc.so");
    assert_eq!(
        answer(&android, "bind-now"),
        Some(Answer::Pass),
        "Android binds nothing late"
    );
    let openbsd = lazy(b"/usr/libexec/ld.so\0", "libc.so.96.0");
    assert_eq!(answer(&openbsd, "bind-now"), Some(Answer::Fail));
}

#[test]
fn mips_binds_lazily_through_stubs_and_the_got() {
    const RELRO: u64 = 0x40;
    let forge = |stubs: bool, now: u64, got: u64| {
        let entries = [
            (DT_FLAGS_1, DF_1_PIE.0 | now),
            (DT_NEEDED, 1),
            (DT_PLTGOT, got),
        ];
        let forge = ElfFile::new()
            .machine(EM_MIPS)
            .segment(PT_INTERP, PF_R, b"/lib64/ld.so.1\0")
            .segment(PT_LOAD, PF_R | PF_W, &[0; 64])
            .segment(PT_GNU_RELRO, PF_R, &[0; 64])
            .dynamic(&entries, b"\0libc.so.6\0");
        match stubs {
            true => forge.section(".MIPS.stubs", SHT_PROGBITS, SHF_ALLOC, &[0; 32]),
            false => forge,
        }
    };
    // Where the forge puts them: in front are the ELF header and six program headers, then the loader's
    // path in 16 bytes.
    let (writable, relro) = (0x40 + 5 * 56 + 8 + 16, 0x40 + 5 * 56 + 8 + 16 + RELRO);
    let outside = |file: &ElfFile| answer(file, "relro");
    assert_eq!(
        answer(&forge(true, 0, writable), "bind-now"),
        Some(Answer::Fail)
    );
    assert_eq!(
        answer(&forge(true, 1, writable), "bind-now"),
        Some(Answer::Pass)
    );
    assert_eq!(
        answer(&forge(false, 0, writable), "bind-now"),
        Some(Answer::Pass)
    );
    assert_eq!(
        outside(&forge(true, 0, writable)),
        Some(Answer::Warn),
        "bound late"
    );
    assert_eq!(
        outside(&forge(false, 0, writable)),
        Some(Answer::Warn),
        "the GOT stays writable"
    );
    assert_eq!(outside(&forge(false, 0, relro)), Some(Answer::Pass));
}

#[test]
fn what_no_system_loads_is_of_a_kind_of_its_own() {
    let code = SectionFlags(SHF_ALLOC.0 | SHF_EXECINSTR.0);
    let program = || ElfFile::new().kind(ET_EXEC).executable();
    let data = ElfFile::new().kind(ET_EXEC);
    let data = data.section(".payload", SHT_PROGBITS, SHF_ALLOC, &[1; 64]);
    let arm = ElfFile::new()
        .kind(ET_EXEC)
        .machine(handpie_binary::elf::constants::EM_ARM);
    let cortex = b"A\x20\0\0\0aeabi\0\x01\x16\0\0\0\x05Cortex-M3\0\x06\x0a\x07M";
    for (what, forge, expected) in [
        (
            "a program for Linux",
            program().at(0x40_0000),
            Kind::StaticExecutable,
        ),
        (
            "AVR",
            program().machine(EM_AVR).at(0x40_0000),
            Kind::BareMetalProgram,
        ),
        (
            "MSP430",
            program().machine(EM_MSP430).at(0x40_0000),
            Kind::BareMetalProgram,
        ),
        (
            "lowest addresses",
            program().at(0x1000),
            Kind::BareMetalProgram,
        ),
        (
            "addresses of a kernel",
            program().at(0xffff_ffff_8100_0000),
            Kind::BareMetalProgram,
        ),
        (
            "moved by its loader",
            program().at(0x40_0000).moved(0x1000_0000),
            Kind::BareMetalProgram,
        ),
        (
            "in flash memory",
            program().machine(EM_RISCV).at(0x2000_0040),
            Kind::BareMetalProgram,
        ),
        (
            "stand-alone",
            program().at(0x40_0000).os_abi(255),
            Kind::BareMetalProgram,
        ),
        (
            "interrupt vectors",
            program()
                .at(0x40_0000)
                .section(".isr_vector", SHT_PROGBITS, code, &[0; 64]),
            Kind::BareMetalProgram,
        ),
        (
            "a CPU without an MMU",
            arm.executable()
                .at(0x1_0000)
                .section(".ARM.attributes", SHT_PROGBITS, NONE, cortex),
            Kind::BareMetalProgram,
        ),
        (
            "no CPU",
            ElfFile::new().machine(EM_NONE).os_abi(255),
            Kind::Container,
        ),
        ("a GPU", program().machine(EM_CUDA), Kind::Container),
        (
            "linked bytecode",
            program().machine(EM_BPF),
            Kind::Container,
        ),
        ("data", data, Kind::Container),
    ] {
        assert_eq!(kind(&forge), expected, "{what}");
        if expected != Kind::StaticExecutable {
            for rule in [
                "pie",
                "relro",
                "executable-stack",
                "stack-canary",
                "writable-code",
            ] {
                let found = answer(&forge, rule);
                assert_eq!(found, Some(Answer::NotApplicable), "{what}: {rule}");
            }
        }
    }
}

#[test]
fn objects_that_no_linker_for_a_system_links_need_no_mark_for_the_stack() {
    let object = |machine| ElfFile::new().kind(ET_REL).machine(machine);
    let code = |forge: ElfFile| forge.section(".text", SHT_PROGBITS, SHF_EXECINSTR, &[0; 8]);
    let stack = |forge: &ElfFile| answer(forge, "executable-stack");
    assert_eq!(stack(&code(object(EM_AVR))), Some(Answer::NotApplicable));
    assert_eq!(stack(&code(object(EM_BPF))), Some(Answer::NotApplicable));
    assert_eq!(
        answer(&code(object(EM_BPF)), "stack-canary"),
        Some(Answer::NotApplicable)
    );
    let x86 = || code(ElfFile::new().kind(ET_REL));
    let enums = b"A\x18\0\0\0aeabi\0\x01\x0e\0\0\0\x06\x04\x1a\x01";
    let arm = |attributes: &[u8]| {
        let object = object(handpie_binary::elf::constants::EM_ARM);
        code(object).section(".ARM.attributes", SHT_PROGBITS, NONE, attributes)
    };
    assert_eq!(stack(&arm(enums)), Some(Answer::NotApplicable));
    assert_eq!(stack(&arm(&enums[..18])), Some(Answer::Fail), "for Linux");
    let grub = x86().section(".modname", SHT_PROGBITS, NONE, b"linux\0");
    let grub = grub.section(".moddeps", SHT_PROGBITS, NONE, b"boot\0");
    assert_eq!(stack(&grub), Some(Answer::NotApplicable));
    let module = x86().section(".modinfo", SHT_PROGBITS, SHF_ALLOC, b"license=GPL\0");
    let module = module.section(
        ".gnu.linkonce.this_module",
        SHT_PROGBITS,
        SHF_ALLOC,
        &[0; 64],
    );
    assert_eq!(stack(&module), Some(Answer::NotApplicable));
    assert_eq!(stack(&x86()), Some(Answer::Fail), "an object for Linux");
}
