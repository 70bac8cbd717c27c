//! The other CPUs: the relocations that matter in four sections, assembled by clang, linked by the
//! lld that comes with rustc, and run by qemu. What the survey lets through links and is right; what
//! it refuses is refused by lld, too, or is wrong when it runs.
//!
//! The programs have no libc: `start.c` relocates them as musl does. They are linked at address 0,
//! which is never free, so that every run relocates; the kernel is that of the machine, and the CPU
//! is qemu's.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use handpie_pie::objects::Code;
use handpie_toolchain::command::Tool;
use tempfile::TempDir;

use crate::support::{skip, text, tool};
use crate::survey_link;

use Rule::{Anywhere, Nowhere, Writable};

const COMPILER: &str = "clang-19";

const SECTIONS: [(&str, &str, bool); 4] = [
    (".text.x", "ax", false),
    (".rodata.x", "a", false),
    (".data.rel.ro.x", "aw", true),
    (".data.x", "aw", true),
];

#[derive(Clone, Copy, PartialEq)]
enum Rule {
    Writable,
    Nowhere,
    /// A distance.
    Anywhere,
}

struct Cpu {
    /// Clang's target.
    target: &'static str,
    flags: &'static [&'static str],
    emulator: Option<&'static str>,
    /// `R_*_RELATIVE`.
    relative: u32,
    /// A relocation, the type of what it stores, and what is expected of it.
    relocations: &'static [(&'static str, &'static str, Rule)],
}

const CPUS: [Cpu; 8] = [
    Cpu {
        target: "x86_64-linux-gnu",
        flags: &[],
        emulator: None,
        relative: 8,
        relocations: &[
            ("R_X86_64_64", "long", Writable),
            ("R_X86_64_32", "unsigned", Nowhere),
            ("R_X86_64_32S", "int", Nowhere),
            ("R_X86_64_16", "unsigned short", Nowhere),
            ("R_X86_64_8", "unsigned char", Nowhere),
            ("R_X86_64_PC64", "long", Anywhere),
            ("R_X86_64_PC32", "int", Anywhere),
        ],
    },
    Cpu {
        target: "i386-linux-gnu",
        flags: &[],
        emulator: None,
        relative: 8,
        relocations: &[
            ("R_386_32", "long", Writable),
            ("R_386_16", "unsigned short", Nowhere),
            ("R_386_8", "unsigned char", Nowhere),
            ("R_386_PC32", "long", Anywhere),
        ],
    },
    Cpu {
        target: "aarch64-linux-gnu",
        flags: &[],
        emulator: Some("qemu-aarch64-static"),
        relative: 1027,
        relocations: &[
            ("R_AARCH64_ABS64", "long", Writable),
            ("R_AARCH64_ABS32", "unsigned", Nowhere),
            ("R_AARCH64_ABS16", "unsigned short", Nowhere),
            ("R_AARCH64_MOVW_UABS_G0_NC", "unsigned", Nowhere),
            ("R_AARCH64_MOVW_UABS_G1_NC", "unsigned", Nowhere),
            ("R_AARCH64_MOVW_UABS_G3", "unsigned", Nowhere),
            ("R_AARCH64_MOVW_SABS_G0", "unsigned", Nowhere),
            ("R_AARCH64_PREL64", "long", Anywhere),
            ("R_AARCH64_PREL32", "int", Anywhere),
        ],
    },
    Cpu {
        target: "armv7-linux-gnueabihf",
        flags: &["-marm"],
        emulator: Some("qemu-arm-static"),
        relative: 23,
        relocations: &[
            ("R_ARM_ABS32", "long", Writable),
            ("R_ARM_TARGET1", "long", Writable),
            ("R_ARM_MOVW_ABS_NC", "unsigned", Nowhere),
            ("R_ARM_MOVT_ABS", "unsigned", Nowhere),
            ("R_ARM_REL32", "long", Anywhere),
        ],
    },
    Cpu {
        target: "riscv64-linux-gnu",
        flags: &["-mno-relax"],
        emulator: Some("qemu-riscv64-static"),
        relative: 3,
        relocations: &[
            ("R_RISCV_64", "long", Writable),
            ("R_RISCV_32", "unsigned", Nowhere),
            ("R_RISCV_HI20", "unsigned", Nowhere),
            ("R_RISCV_LO12_I", "unsigned", Nowhere),
            ("R_RISCV_LO12_S", "unsigned", Nowhere),
            ("R_RISCV_32_PCREL", "int", Anywhere),
        ],
    },
    Cpu {
        target: "powerpc64le-linux-gnu",
        flags: &["-mabi=elfv2"],
        emulator: Some("qemu-ppc64le-static"),
        relative: 22,
        relocations: &[
            ("R_PPC64_ADDR64", "long", Writable),
            ("R_PPC64_ADDR32", "unsigned", Nowhere),
            ("R_PPC64_ADDR16_LO", "unsigned short", Nowhere),
            ("R_PPC64_ADDR16_HA", "unsigned short", Nowhere),
            ("R_PPC64_ADDR16_HIGHEST", "unsigned short", Nowhere),
            ("R_PPC64_REL64", "long", Anywhere),
            ("R_PPC64_REL32", "int", Anywhere),
        ],
    },
    Cpu {
        target: "s390x-linux-gnu",
        flags: &[],
        emulator: Some("qemu-s390x-static"),
        relative: 12,
        relocations: &[
            ("R_390_64", "long", Writable),
            ("R_390_32", "unsigned", Nowhere),
            ("R_390_16", "unsigned short", Nowhere),
            ("R_390_8", "unsigned char", Nowhere),
            ("R_390_PC64", "long", Anywhere),
            ("R_390_PC32", "int", Anywhere),
        ],
    },
    Cpu {
        target: "loongarch64-linux-gnu",
        flags: &[],
        emulator: Some("qemu-loongarch64-static"),
        relative: 3,
        relocations: &[
            ("R_LARCH_64", "long", Writable),
            ("R_LARCH_32", "unsigned", Nowhere),
            ("R_LARCH_ABS_HI20", "unsigned", Nowhere),
            ("R_LARCH_ABS_LO12", "unsigned", Nowhere),
            ("R_LARCH_ABS64_LO20", "unsigned", Nowhere),
            ("R_LARCH_ABS64_HI12", "unsigned", Nowhere),
            ("R_LARCH_64_PCREL", "long", Anywhere),
            ("R_LARCH_32_PCREL", "int", Anywhere),
        ],
    },
];

/// What is made for one CPU.
struct Bench<'a> {
    cpu: &'a Cpu,
    compiler: PathBuf,
    linker: PathBuf,
    emulator: Option<PathBuf>,
    folder: TempDir,
}

#[test]
fn x86_64() {
    hold(&CPUS[0]);
}

#[test]
fn i386() {
    hold(&CPUS[1]);
}

#[test]
fn aarch64() {
    hold(&CPUS[2]);
}

#[test]
fn arm() {
    hold(&CPUS[3]);
}

#[test]
fn riscv64() {
    hold(&CPUS[4]);
}

#[test]
fn ppc64le() {
    hold(&CPUS[5]);
}

#[test]
fn s390x() {
    hold(&CPUS[6]);
}

#[test]
fn loongarch64() {
    hold(&CPUS[7]);
}

fn hold(cpu: &Cpu) {
    let what = format!("the survey for {}", cpu.target);
    let Some(compiler) = tool(COMPILER, &what) else {
        return;
    };
    let Some(linker) = rust_lld(&what) else {
        return;
    };
    let emulator = match cpu.emulator.map(|name| tool(name, &what)) {
        Some(None) => return,
        Some(found) => found,
        None => None,
    };
    let bench = Bench {
        cpu,
        compiler,
        linker,
        emulator,
        folder: tempfile::tempdir().unwrap(),
    };
    let mut wrong = String::new();
    for (section, flags, is_writable) in SECTIONS {
        for &(relocation, field, rule) in cpu.relocations {
            let expected = match rule {
                Writable => (!is_writable).then_some(Code::TextRelocation),
                Nowhere => Some(Code::NarrowAddress),
                Anywhere => None,
            };
            let object = bench.object(section, flags, relocation);
            let start = bench.start(field, rule == Anywhere);
            let found = survey_link(&[start.clone(), object.clone()]);
            let codes: Vec<Code> = found.offenders.iter().map(|it| it.code).collect();
            let is_right = bench.is_right(&start, &object);
            if codes != expected.into_iter().collect::<Vec<_>>() {
                writeln!(wrong, "{relocation} in {section}: {:?}", found.offenders).unwrap();
            }
            if is_right == expected.is_some() {
                writeln!(
                    wrong,
                    "{relocation} in {section}: {expected:?}, is right: {is_right}"
                )
                .unwrap();
            }
        }
    }
    assert!(wrong.is_empty(), "{}:\n{wrong}", cpu.target);
}

impl Bench<'_> {
    fn clang(&self) -> Tool {
        let clang = Tool::new(&self.compiler).arg(format!("--target={}", self.cpu.target));
        clang.args(self.cpu.flags)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// An object with a slot that is relocated.
    fn object(&self, section: &str, flags: &str, relocation: &str) -> PathBuf {
        // `@` starts a comment on arm.
        let code = format!(
            ".data
.balign 8
.globl sym
.type sym, %object
.size sym, 8
sym: .zero 8
.section {section}, \"{flags}\", %progbits
.balign 8
.globl slot
slot: .zero 8
.reloc slot, {relocation}, sym
.section .note.GNU-stack, \"\", %progbits
"
        );
        let (source, object) = (self.path("case.s"), self.path("case.o"));
        fs::write(&source, code).unwrap();
        let clang = self.clang().arg("-c").arg(&source).arg("-o").arg(&object);
        clang.run().unwrap();
        object
    }

    fn start(&self, field: &str, is_distance: bool) -> PathBuf {
        let name = format!("start-{}-{is_distance}.o", field.replace(' ', "-"));
        let object = self.path(&name);
        if object.is_file() {
            return object;
        }
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/objects/start.c");
        self.clang()
            .args([
                "-O1",
                "-fPIE",
                "-ffreestanding",
                "-fno-stack-protector",
                "-c",
            ])
            .arg(format!("-DRELATIVE={}", self.cpu.relative))
            .arg(format!("-DFIELD={field}"))
            .arg(format!("-DDISTANCE={}", u8::from(is_distance)))
            .arg(source)
            .arg("-o")
            .arg(&object)
            .run()
            .unwrap();
        object
    }

    /// Whether the program links, and finds in the slot what it should.
    fn is_right(&self, start: &Path, object: &Path) -> bool {
        let program = self.path("case");
        let _ = fs::remove_file(&program);
        let linked = Tool::new(&self.linker)
            .args(["-flavor", "gnu", "-static", "-pie", "--no-dynamic-linker"])
            .args(["-z", "text", "-e", "_start", "-o"])
            .args([&program, start, object])
            .output()
            .unwrap();
        if !linked.status.success() {
            return false;
        }
        let run = match &self.emulator {
            Some(emulator) => Tool::new(emulator).arg(&program),
            None => Tool::new(&program),
        };
        run.output().unwrap().status.success()
    }
}

/// The linker that comes with rustc.
fn rust_lld(what: &str) -> Option<PathBuf> {
    let ask = |args: &[&str]| {
        let output = Tool::new("rustc").args(args).run().ok()?;
        Some(text(&output).trim().to_owned())
    };
    let found = ask(&["--print", "sysroot"]).and_then(|root| {
        let host = ask(&["--print", "host-tuple"])?;
        let path = Path::new(&root)
            .join("lib/rustlib")
            .join(host)
            .join("bin/rust-lld");
        path.is_file().then_some(path)
    });
    if found.is_none() {
        skip(what, "rust-lld (part of rustc's toolchain)");
    }
    found
}
