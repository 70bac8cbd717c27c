//! Libraries that are needed or not needed any more, and those that are only called otherwise.
//!
//! Whoever puts libraries into a package renames them, with a hash of their content, so that no two
//! packages meet: auditwheel (`libfoo-1a2b3c4d.so.1`, wheel/repair.py), delvewheel
//! (`foo-<32 digits>.dll`) and rustc (`libstd-<16 digits>.so`); delocate puts them into another
//! folder. The loader is called otherwise on each CPU, and is there already when a program says that
//! it needs it.

use std::collections::BTreeSet;

use super::{Change, Value, Weight, What, text_of};

/// The fewest digits of a hash in a name: auditwheel's.
const HASH: usize = 8;

/// What changed, and which way.
pub(super) fn changes(old: &BTreeSet<String>, new: &BTreeSet<String>) -> Vec<Change> {
    let mut gone: Vec<&String> = old.difference(new).collect();
    let mut changes = Vec::new();
    for name in new.difference(old) {
        let own = meaning(name);
        let before = gone.iter().position(|gone| meaning(gone) == own);
        let before = before.map(|at| gone.remove(at));
        let weight = match (before, own.as_str()) {
            (Some(_), _) | (None, LOADER) => Weight::Neutral,
            (None, _) => Weight::Loss,
        };
        changes.push(change(weight, name, before, Some(name)));
    }
    for name in gone {
        let weight = match meaning(name).as_str() {
            LOADER => Weight::Neutral,
            _ => Weight::Gain,
        };
        changes.push(change(weight, name, Some(name), None));
    }
    changes
}

fn change(weight: Weight, name: &str, old: Option<&String>, new: Option<&String>) -> Change {
    let value = |name: Option<&String>| -> Option<Value> { name.map(|name| text_of(name)) };
    Change::new(What::Library, weight, name, value(old), value(new))
}

/// What every loader is called here.
const LOADER: &str = "the loader";

/// Which library a name means, whoever renamed it and for whatever CPU.
fn meaning(name: &str) -> String {
    let file = name.rsplit(['/', '\\']).next().unwrap_or(name);
    if is_loader(file) {
        return LOADER.to_owned();
    }
    // Alpine's name for musl's libc.so.
    if file.starts_with("libc.musl-") {
        return "libc.musl".to_owned();
    }
    without_hash(file)
}

/// glibc's `ld-linux*`, `ld64.so.*` and `ld.so.1`; musl's, uClibc's and FreeBSD's `ld-*`; NetBSD's; and
/// Android's.
fn is_loader(file: &str) -> bool {
    let starts = ["ld-", "ld.so", "ld64.so", "ld.elf_so"];
    starts.iter().any(|start| file.starts_with(start)) || matches!(file, "linker" | "linker64")
}

/// The name of a library without the hash that a packaging tool put into it: `libfoo.so.1` of
/// `libfoo-1a2b3c4d.so.1`. Any other name stays as it is.
pub fn without_hash(file: &str) -> String {
    let (stem, rest) = match file.split_once('.') {
        Some((stem, rest)) => (stem, format!(".{rest}")),
        None => (file, String::new()),
    };
    let Some((before, hash)) = stem.rsplit_once('-') else {
        return with_dots(file);
    };
    let is_hash = hash.len() >= HASH && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    match is_hash && !before.is_empty() {
        true => format!("{before}{rest}"),
        false => with_dots(file),
    }
}

/// The same where the stem has dots: `openblas-v0.3.23-<hash>.dll` of delvewheel.
fn with_dots(file: &str) -> String {
    let Some((stem, extension)) = file.rsplit_once('.') else {
        return file.to_owned();
    };
    match stem.rsplit_once('-') {
        Some((before, hash))
            if hash.len() >= HASH && hash.bytes().all(|byte| byte.is_ascii_hexdigit()) =>
        {
            format!("{before}.{extension}")
        }
        _ => file.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weights(old: &[&str], new: &[&str]) -> Vec<Weight> {
        let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let changes = changes(&set(old), &set(new));
        changes.iter().map(|change| change.weight).collect()
    }

    #[test]
    fn a_library_with_another_hash_is_the_same() {
        for (old, new) in [
            (
                "libgfortran-2e0d59d6.so.5.0.0",
                "libgfortran-040039e1.so.5.0.0",
            ),
            ("libfoo.so.1", "libfoo-1a2b3c4d.so.1"),
            (
                "libpython3-1a2b3c4d.8.so.1.0",
                "libpython3-ffffffff.8.so.1.0",
            ),
            ("libstd-0123456789abcdef.so", "libstd-fedcba9876543210.so"),
            (
                "msvcp140-263139962577ecda4cd9469ca360a746.dll",
                "msvcp140-a4c2229bdc2a2a630acdc095b4d86008.dll",
            ),
            (
                "libopenblas64__v0.3.23-gcc_10_3_0-0123456789abcdef0123456789abcdef.dll",
                "libopenblas64__v0.3.23-gcc_10_3_0-ffff456789abcdef0123456789abcdef.dll",
            ),
            (
                "/usr/local/lib/libz.1.dylib",
                "@loader_path/.dylibs/libz.1.dylib",
            ),
            (
                "@loader_path/../a.dylibs/libz.1.dylib",
                "@loader_path/../../b/.dylibs/libz.1.dylib",
            ),
            ("libc.musl-x86_64.so.1", "libc.musl-aarch64.so.1"),
        ] {
            assert_eq!(weights(&[old], &[new]), [Weight::Neutral], "{old} {new}");
            assert_eq!(weights(&[new], &[old]), [Weight::Neutral], "{new} {old}");
        }
    }

    #[test]
    fn another_library_is_a_loss() {
        for (old, new) in [
            ("libfoo-1a2b3c4d.so.1", "libbar-1a2b3c4d.so.1"),
            ("libfoo-1a2b3c4d.so.1", "libfoo-1a2b3c4d.so.2"),
            ("libfoo.so.1", "libfoo-ssl.so.1"),
            ("libfoo.so.1", "libldap.so.2"),
            ("libfoo.so.1", "libdl.so.2"),
        ] {
            let both = [Weight::Loss, Weight::Gain];
            assert_eq!(weights(&[old], &[new]), both, "{old} {new}");
        }
        let two = ["libfoo-1a2b3c4d.so.1", "libfoo-2a2b3c4d.so.1"];
        assert_eq!(
            weights(&["libfoo.so.1"], &two),
            [Weight::Neutral, Weight::Loss]
        );
    }

    #[test]
    fn the_loader_of_another_cpu_is_no_loss() {
        let of_cpus = [
            "ld-linux-x86-64.so.2",
            "ld-linux-aarch64.so.1",
            "ld-linux-armhf.so.3",
            "ld-linux.so.2",
            "ld64.so.2",
            "ld.so.1",
            "ld-musl-aarch64.so.1",
            "ld-elf.so.1",
            "linker64",
        ];
        for name in of_cpus {
            assert_eq!(weights(&[], &[name]), [Weight::Neutral], "{name}");
            assert_eq!(weights(&[name], &[]), [Weight::Neutral], "{name}");
            for other in of_cpus.iter().filter(|other| **other != name) {
                assert_eq!(
                    weights(&[name], &[other]),
                    [Weight::Neutral],
                    "{name} {other}"
                );
            }
        }
    }
}
