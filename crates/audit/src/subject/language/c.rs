//! Whether a C or C++ compiler made a part of a program that is written in another language. That it
//! calls a function of libc shows nothing: every language can.

use handpie_binary::elf::constants::STT_FILE;

use crate::elf::Symbols;

/// What only compilers of C and C++ call: the canary's failure, what checks sizes, and what C++
/// unwinds with.
pub(super) fn is_evident(symbols: &Symbols<'_>, needed: &[String]) -> bool {
    let imports = symbols.imports();
    let by_compiler = |name: &[u8]| {
        crate::elf::is_canary_failure(name)
            || (name.starts_with(b"__") && name.ends_with(b"_chk"))
            || name == b"__gxx_personality_v0"
    };
    // Where libc is linked in, its files are named, too.
    imports.iter().any(|name| by_compiler(name)) || (!needed.is_empty() && names_a_source(symbols))
}

/// Compilers write the name of the source in front of an object's local symbols.
fn names_a_source(symbols: &Symbols<'_>) -> bool {
    const ENDS: [&[u8]; 6] = [b".c", b".cc", b".cpp", b".cxx", b".C", b".m"];
    let mut files = symbols.table.iter().filter(|one| one.kind == STT_FILE);
    files.any(|file| ENDS.iter().any(|end| file.name.ends_with(end)) && !is_of_toolchain(file.name))
}

/// The sources of start files, of glibc's part that is linked in, of libgcc, of libunwind and of compiler-rt.
pub(crate) fn is_of_toolchain(source: &[u8]) -> bool {
    const NAMES: [&[u8]; 28] = [
        b"crtstuff.c",
        b"crt1.c",
        b"Scrt1.c",
        b"rcrt1.c",
        b"crtbegin.c",
        b"crtend.c",
        b"crti.c",
        b"crtn.c",
        b"abi-note.c",
        b"init.c",
        b"elf-init.c",
        b"static-reloc.c",
        b"start.c",
        b"emutls.c",
        b"cpuinfo.c",
        b"cp-demangle.c",
        b"atexit.c",
        b"stat.c",
        b"stat64.c",
        b"fstat.c",
        b"fstat64.c",
        b"lstat.c",
        b"lstat64.c",
        b"mknod.c",
        b"pthread_atfork.c",
        b"at_quick_exit.c",
        b"stack_chk_fail_local.c",
        b"aarch64.c",
    ];
    const STARTS: [&[u8]; 4] = [b"unwind-", b"libgcc", b"Unwind", b"libunwind"];
    NAMES.contains(&source) || STARTS.iter().any(|start| source.starts_with(start))
}
