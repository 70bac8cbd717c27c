//! Hashes the sources of the converter into `HANDPIE_FINGERPRINT`.
//!
//! The Go build cache must never serve a binary that another converter made, not even one of the
//! same version number while handpie is being worked on. Hashing sources at build time costs the
//! tool nothing when it runs. FNV-1a is enough: nobody attacks a cache key of their own.

use std::fs;
use std::path::Path;

fn main() {
    let mut hash = 0xcbf2_9ce4_8422_2325;
    mix(&mut hash, env!("CARGO_PKG_VERSION").as_bytes());
    for folder in ["src", "../binary/src"] {
        println!("cargo::rerun-if-changed={folder}");
        mix_folder(&mut hash, Path::new(folder));
    }
    println!("cargo::rustc-env=HANDPIE_FINGERPRINT={hash:016x}");
}

fn mix_folder(hash: &mut u64, folder: &Path) {
    // The packaged crate stands alone; its version names its sources then.
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            mix_folder(hash, &path);
        } else if let Ok(text) = fs::read(&path) {
            mix(hash, &text);
        }
    }
}

fn mix(hash: &mut u64, bytes: &[u8]) {
    for byte in bytes {
        *hash = (*hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    }
}
