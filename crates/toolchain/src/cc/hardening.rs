//! The flags of OpenSSF's "Compiler Options Hardening Guide for C and C++" (2026), less those that
//! only warn, and what each needs.
//!
//! Each is tried on the compiler before it is used; what stands here is only where it makes sense.

use super::{Language, Profile, Request};
use crate::link::Libc;

/// A flag, and where it makes sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flag {
    /// The words.
    pub words: &'static [&'static str],
    /// Where it makes sense.
    pub wants: Wants,
}

/// Where a flag makes sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wants {
    /// Everywhere.
    Anything,
    /// On these CPUs, in gcc's words.
    Cpu(&'static [&'static str]),
    /// With glibc and an optimising compiler: elsewhere it does nothing, or warns.
    Fortify,
    /// In C++ with gcc's library.
    Libstdcpp,
    /// In C++ with LLVM's library.
    Libcpp,
}

const fn flag(words: &'static [&'static str], wants: Wants) -> Flag {
    Flag { words, wants }
}

/// All of them, in the order in which they are given.
pub const LIST: [Flag; 13] = [
    flag(&["-fstack-protector-strong"], Wants::Anything),
    flag(&["-fstack-clash-protection"], Wants::Anything),
    flag(&["-ftrivial-auto-var-init=zero"], Wants::Anything),
    flag(&["-fstrict-flex-arrays=3"], Wants::Anything),
    flag(&["-fno-delete-null-pointer-checks"], Wants::Anything),
    flag(&["-fno-strict-overflow"], Wants::Anything),
    flag(&["-fno-strict-aliasing"], Wants::Anything),
    flag(&["-Wformat", "-Werror=format-security"], Wants::Anything),
    flag(&["-fcf-protection=full"], Wants::Cpu(&["x86_64", "x86"])),
    flag(&["-mbranch-protection=standard"], Wants::Cpu(&["aarch64"])),
    flag(
        &["-U_FORTIFY_SOURCE", "-D_FORTIFY_SOURCE=3"],
        Wants::Fortify,
    ),
    flag(&["-D_GLIBCXX_ASSERTIONS"], Wants::Libstdcpp),
    // zig defines it itself.
    flag(
        &[
            "-U_LIBCPP_HARDENING_MODE",
            "-D_LIBCPP_HARDENING_MODE=_LIBCPP_HARDENING_MODE_EXTENSIVE",
        ],
        Wants::Libcpp,
    ),
];

/// The words of those that make sense, that the compiler knows, and that the user says nothing of.
pub(super) fn wanted<'a>(request: &'a Request<'_>) -> impl Iterator<Item = &'static str> + use<'a> {
    let makes_sense = |flag: &&Flag| match flag.wants {
        Wants::Anything => true,
        Wants::Cpu(cpus) => cpus.contains(&request.target.gnu),
        Wants::Fortify => has_fortify(request) && optimises(request) && !defines_it(request),
        Wants::Libstdcpp => request.language == Language::Cpp && !request.compiler.has_libcpp(),
        Wants::Libcpp => request.language == Language::Cpp && request.compiler.has_libcpp(),
    };
    let known = |flag: &&Flag| flag.words.iter().all(|word| request.compiler.knows(word));
    let flags = LIST.iter().filter(makes_sense).filter(known);
    flags.flat_map(|flag| flag.words.iter().copied())
}

/// musl's headers have no such functions.
fn has_fortify(request: &Request<'_>) -> bool {
    request.libc == Libc::Glibc || request.profile == Profile::Host
}

/// glibc's headers warn without.
fn optimises(request: &Request<'_>) -> bool {
    let words = request.words.iter().filter_map(|word| word.to_str());
    let mut levels = words.filter(|word| word.starts_with("-O"));
    levels.next_back().is_some_and(|level| level != "-O0")
}

/// A second definition would be a warning.
fn defines_it(request: &Request<'_>) -> bool {
    let mut words = request.words.iter().filter_map(|word| word.to_str());
    words.any(|word| word.contains("_FORTIFY_SOURCE"))
}
