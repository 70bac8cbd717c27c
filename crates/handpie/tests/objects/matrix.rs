//! x86-64: four sections, seven relocations, three types of symbols. What the survey lets through is
//! linked by GNU ld with Debian's musl, and runs; what it refuses is refused by GNU ld, too.

use std::fmt::Write as _;
use std::fs;

use handpie_pie::objects::Code;
use handpie_toolchain::command::Tool;

use crate::support::tool;
use crate::{musl, survey_link};

const SECTIONS: [(&str, &str, bool); 4] = [
    (".text.x", "ax", false),
    (".rodata.x", "a", false),
    (".data.rel.ro.x", "aw", true),
    (".data.x", "aw", true),
];

/// A relocation, how many bytes it has, and whether it is a distance.
const RELOCATIONS: [(&str, usize, bool); 7] = [
    ("R_X86_64_64", 8, false),
    ("R_X86_64_32", 4, false),
    ("R_X86_64_32S", 4, false),
    ("R_X86_64_16", 2, false),
    ("R_X86_64_8", 1, false),
    ("R_X86_64_PC64", 8, true),
    ("R_X86_64_PC32", 4, true),
];

const SYMBOLS: [(&str, &str); 3] = [
    ("notype", ""),
    ("object", ".type sym, @object\n.size sym, 8\n"),
    ("function", ".type sym, @function\n"),
];

#[test]
fn what_is_let_through_runs_and_what_is_refused_cannot() {
    let what = "the matrix of x86-64";
    let (Some(assembler), Some(linker)) = (tool("as", what), tool("ld.bfd", what)) else {
        return;
    };
    let names = ["rcrt1.o", "crti.o", "libc.a", "crtn.o"];
    let files: Vec<_> = names.iter().filter_map(|name| musl(name, what)).collect();
    let [rcrt1, crti, libc, crtn] = &files[..] else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let (source, object) = (folder.path().join("case.s"), folder.path().join("case.o"));
    let program = folder.path().join("case");
    let mut wrong = String::new();
    let (mut ran, mut refused) = (0, 0);
    for (section, flags, is_writable) in SECTIONS {
        for (relocation, size, is_distance) in RELOCATIONS {
            for (kind, directives) in SYMBOLS {
                let case = format!("{section} {relocation} {kind}");
                let code = assembly(section, flags, relocation, size, is_distance, directives);
                fs::write(&source, code).unwrap();
                let assembled = Tool::new(&assembler).arg(&source).arg("-o").arg(&object);
                assembled.run().unwrap();
                let inputs = [rcrt1, crti, &object, libc, crtn].map(Clone::clone);
                let found = survey_link(&inputs);
                let expected = match (size, is_distance) {
                    (_, true) => None,
                    (8, _) => (!is_writable).then_some(Code::TextRelocation),
                    _ => Some(Code::NarrowAddress),
                };
                let first = found.offenders.first().map(|offender| offender.code);
                if first != expected || found.offences > 1 {
                    writeln!(
                        wrong,
                        "{case}: {:#?}, expected {expected:?}",
                        found.offenders
                    )
                    .unwrap();
                }
                let _ = fs::remove_file(&program);
                let linked = Tool::new(&linker)
                    .args(["-static", "-pie", "--no-dynamic-linker", "-z", "text", "-o"])
                    .arg(&program)
                    .args(&inputs)
                    .output()
                    .unwrap();
                let runs = linked.status.success() && Tool::new(&program).run().is_ok();
                match expected {
                    None => ran += 1,
                    Some(_) => refused += 1,
                }
                if runs == expected.is_some() {
                    writeln!(wrong, "{case}: runs: {runs}, expected {expected:?}").unwrap();
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert_eq!((ran, refused), (30, 54));
}

/// A program that ends with 0 if `slot` holds what the relocation promises of `sym`.
fn assembly(
    section: &str,
    flags: &str,
    relocation: &str,
    size: usize,
    is_distance: bool,
    directives: &str,
) -> String {
    let load = match (size, is_distance) {
        (8, _) => "mov slot(%rip), %rax",
        (4, true) => "movslq slot(%rip), %rax",
        (4, false) => "mov slot(%rip), %eax",
        (2, _) => "movzwl slot(%rip), %eax",
        _ => "movzbl slot(%rip), %eax",
    };
    let add = match is_distance {
        true => "lea slot(%rip), %rdx\nadd %rdx, %rax",
        false => "",
    };
    let home = match directives.contains("function") {
        true => ".text",
        false => ".data",
    };
    format!(
        ".text
.globl main
main:
{load}
{add}
lea sym(%rip), %rcx
xor %edi, %edi
cmp %rax, %rcx
setne %dil
mov $60, %eax
syscall
{home}
.balign 8
.globl sym
{directives}sym: .quad 1
.section .note.GNU-stack, \"\", @progbits
.section {section}, \"{flags}\", @progbits
.balign 8
slot: .zero {size}
.reloc slot, {relocation}, sym
"
    )
}
