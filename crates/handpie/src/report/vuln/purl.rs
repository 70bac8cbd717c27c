//! Package URLs (github.com/package-url/purl-spec): how bills of materials and VEX name a module or a
//! crate.

use handpie_audit::vuln::{Ecosystem, Hit};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::Judged;

/// All that need not be escaped in a part of a purl.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The module or crate that an advisory is about.
pub(super) fn of_hit(hit: &Hit) -> String {
    match hit.ecosystem {
        Ecosystem::Go => of_module(&hit.module, &hit.version),
        Ecosystem::CratesIo => with_version("cargo", &hit.module, &hit.version),
    }
}

/// The program: its main package, or its file where that is not known.
pub(super) fn of_program(judged: &Judged<'_>) -> String {
    let Some(main) = &judged.record.main else {
        return with_version("generic", &judged.provenance.path, "");
    };
    let version = Some(main.version.as_str()).filter(|version| *version != "(devel)");
    let purl = of_module(&main.path, version.unwrap_or_default());
    let inside = judged.record.package.strip_prefix(main.path.as_str());
    match inside.map(|inside| inside.trim_start_matches('/')) {
        Some(inside) if !inside.is_empty() => format!("{purl}#{}", escaped(inside)),
        _ => purl,
    }
}

fn of_module(path: &str, version: &str) -> String {
    with_version("golang", path, version)
}

fn with_version(kind: &str, name: &str, version: &str) -> String {
    let name = escaped(name.trim_start_matches('/'));
    match version {
        "" => format!("pkg:{kind}/{name}"),
        version => format!(
            "pkg:{kind}/{name}@{}",
            utf8_percent_encode(version, ESCAPED)
        ),
    }
}

/// Each part by itself: a slash between parts is one.
fn escaped(path: &str) -> String {
    let parts = path
        .split('/')
        .map(|part| utf8_percent_encode(part, ESCAPED).to_string());
    parts.collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_versions_are_escaped() {
        assert_eq!(
            of_module("gopkg.in/a b/yaml.v3", "v3.0.0+incompatible"),
            "pkg:golang/gopkg.in/a%20b/yaml.v3@v3.0.0%2Bincompatible"
        );
        assert_eq!(of_module("stdlib", "1.27.3"), "pkg:golang/stdlib@1.27.3");
        assert_eq!(
            with_version("generic", "/usr/bin/a", ""),
            "pkg:generic/usr/bin/a"
        );
    }
}
