//! `cargo xtask stubs`: assembles `crates/pie/stubs/<cpu>.S` and writes
//! `crates/pie/src/stub/<cpu>.rs`, each instruction beside its bytes, so that a review needs no
//! assembler and neither does a build. With `--check`, compares instead of writing.

use std::fmt::Write as _;
use std::fs;

use anyhow::{Context, bail, ensure};
use handpie_toolchain::command::Tool;

/// The CPUs in Go's words, clang's target, and what the assembler has to know beside it.
const CPUS: [(&str, &str, &[&str]); 9] = [
    ("386", "i386-linux-gnu", &[]),
    ("amd64", "x86_64-linux-gnu", &[]),
    ("arm", "arm-linux-gnueabi", &["-march=armv5te"]),
    // For the name `bti`; the instruction is a hint that every arm64 CPU accepts.
    ("arm64", "aarch64-linux-gnu", &["-march=armv8.5-a"]),
    ("loong64", "loongarch64-linux-gnu", &[]),
    ("ppc64", "powerpc64-linux-gnu", &[]),
    ("ppc64le", "powerpc64le-linux-gnu", &[]),
    // Branches are then final, not left to a linker.
    ("riscv64", "riscv64-linux-gnu", &["-mno-relax"]),
    ("s390x", "s390x-linux-gnu", &[]),
];

/// The first LLVM of Debian 12 that knows all of them well is 16.
pub(crate) const ASSEMBLER: &str = "clang-19";
const DISASSEMBLER: &str = "llvm-objdump-19";

/// Which file is assembled for a CPU: ppc64 in either byte order has the same instructions.
fn source(cpu: &str) -> &str {
    match cpu {
        "ppc64le" => "ppc64",
        other => other,
    }
}

/// Where the code starts: after the constants (see stubs/README.md).
const HEADER_SIZE: usize = 0x38;

pub(crate) fn run(args: &[String]) -> anyhow::Result<()> {
    let [check] = crate::flags(args, ["--check"])?;
    let pie = crate::root().join("crates/pie");
    for (cpu, target, flags) in CPUS {
        let name = source(cpu);
        let source = pie.join(format!("stubs/{name}.S"));
        let object = crate::root().join(format!("target/stubs/{cpu}.o"));
        fs::create_dir_all(object.parent().context("no folder")?)?;
        Tool::new(ASSEMBLER)
            .arg(format!("--target={target}"))
            .args(flags)
            .arg("-c")
            .arg(&source)
            .arg("-o")
            .arg(&object)
            .hint("install clang-19; only a change to a stub needs it")
            .run()?;
        let relocations = Tool::new(DISASSEMBLER).arg("-r").arg(&object).run()?;
        // The stub runs before anything is relocated, itself included.
        if String::from_utf8_lossy(&relocations.stdout).contains("R_") {
            bail!("{} refers to an absolute address", source.display());
        }
        let listing = Tool::new(DISASSEMBLER)
            .args(["-d", "-z"])
            .args(if ["386", "amd64"].contains(&cpu) {
                &["-M", "intel"][..]
            } else {
                &[]
            })
            .arg(format!("--start-address={HEADER_SIZE}"))
            .arg(&object)
            .hint("install llvm-19; only a change to a stub needs it")
            .run()?;
        let text = render(name, &String::from_utf8(listing.stdout)?)
            .with_context(|| format!("failed to read the listing of {cpu}"))?;
        let generated = pie.join(format!("src/stub/{cpu}.rs"));
        if !check {
            fs::write(&generated, text)?;
            println!("wrote {}", generated.display());
        } else if bytes_of(&fs::read_to_string(&generated)?) == bytes_of(&text) {
            println!(
                "{} is what {} assembles to",
                generated.display(),
                source.display()
            );
        } else {
            bail!(
                "{} is not what {} assembles to: run `cargo xtask stubs`",
                generated.display(),
                source.display()
            );
        }
    }
    Ok(())
}

/// The listing shows arm, arm64 and RISC-V instructions as one little-endian number.
fn in_memory_order(number: &str) -> Vec<&str> {
    let starts = (0..number.len()).step_by(2).rev();
    starts.filter_map(|at| number.get(at..at + 2)).collect()
}

/// What is compared: other versions of the disassembler word their comments in another way.
fn bytes_of(text: &str) -> Vec<&str> {
    let lines = text.lines().skip(1);
    lines
        .map(|line| line.split("//").next().unwrap_or(line).trim_end())
        .collect()
}

fn render(cpu: &str, listing: &str) -> anyhow::Result<String> {
    let mut code = String::new();
    let mut expected = HEADER_SIZE;
    for line in listing.lines() {
        let Some((address, rest)) = line.trim_start().split_once(':') else {
            continue;
        };
        let Ok(address) = usize::from_str_radix(address, 16) else {
            continue;
        };
        let (bytes, instruction) = rest.trim().split_once('\t').unwrap_or((rest.trim(), ""));
        let bytes: Vec<&str> = bytes.split_whitespace().flat_map(in_memory_order).collect();
        ensure!(address == expected, "no instruction at {expected:#x}");
        expected += bytes.len();
        for byte in bytes {
            write!(code, "    0x{byte},")?;
        }
        let instruction = instruction.split_whitespace().collect::<Vec<_>>().join(" ");
        writeln!(code, " // {address:02x}: {instruction}")?;
    }
    ensure!(expected > HEADER_SIZE, "it holds no instruction");
    let code = code.replace(",    0x", ", 0x");
    Ok(format!(
        "// Generated by `cargo xtask stubs` from stubs/{cpu}.S; do not edit.\n\n\
         /// The code of the start-up stub, which stands {HEADER_SIZE:#x} bytes after its header.\n\
         #[rustfmt::skip]\n\
         pub(crate) const CODE: [u8; {}] = [\n{code}];\n",
        expected - HEADER_SIZE
    ))
}
