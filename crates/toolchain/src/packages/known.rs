//! Packages whose life without cgo was read in their sources.
//!
//! A package is fine only if its own documentation or code gives the same results without cgo;
//! slower is fine, fewer features are not. Each line says what was read, and where.

struct Known {
    package: &'static str,
    fine: bool,
    why: &'static str,
}

const TABLE: &[Known] = &[
    Known {
        package: "kernel.org/pub/linux/libs/security/libcap/psx",
        fine: true,
        why: "without cgo the package calls syscall.AllThreadsSyscall, which does the same since \
              Go 1.16",
    },
    Known {
        package: "github.com/mattn/go-sqlite3",
        fine: false,
        why: "without cgo, opening a database only returns an error; modernc.org/sqlite is SQLite \
              in pure Go",
    },
    Known {
        package: "github.com/ebitengine/purego",
        fine: false,
        why: "purego loads shared libraries, which a static program cannot do",
    },
    Known {
        package: "github.com/opencontainers/runc/libcontainer/nsenter",
        fine: false,
        why: "the C code enters namespaces before Go starts; `runc init` cannot work without that",
    },
    Known {
        package: "github.com/DataDog/zstd",
        fine: false,
        why: "the package wraps the C library; github.com/klauspost/compress/zstd is zstd in pure \
              Go",
    },
    Known {
        package: "plugin",
        fine: false,
        why: "plugins are shared libraries; run them as separate programs instead \
              (github.com/hashicorp/go-plugin)",
    },
];

/// Whether a package does the same without cgo.
pub(super) fn is_fine(package: &str) -> bool {
    TABLE
        .iter()
        .any(|known| known.package == package && known.fine)
}

/// What to do about a package that does not.
pub(super) fn advice(package: &str) -> Option<&'static str> {
    let known = TABLE.iter().find(|known| known.package == package);
    known.filter(|known| !known.fine).map(|known| known.why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_has_a_reason_and_a_package_of_its_own() {
        for (at, known) in TABLE.iter().enumerate() {
            assert!(known.why.len() > 20, "{}", known.package);
            let same = TABLE
                .iter()
                .skip(at + 1)
                .find(|other| other.package == known.package);
            assert!(same.is_none(), "{} stands here twice", known.package);
        }
    }
}
