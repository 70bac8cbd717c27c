//! The pages of `docs/findings/`, which `handpie explain` prints.

/// A page, by the code it explains.
pub(crate) struct Page {
    pub(crate) code: &'static str,
    pub(crate) text: &'static str,
}

impl Page {
    /// The first line, without its mark.
    pub(crate) fn title(&self) -> &'static str {
        let line = self.text.lines().next().unwrap_or_default();
        let line = line.trim_start_matches('#').trim();
        // Some pages repeat their code.
        let title = line
            .strip_prefix(self.code)
            .and_then(|rest| rest.strip_prefix(": "));
        title.unwrap_or(line)
    }

    /// All after the title.
    pub(crate) fn body(&self) -> &'static str {
        let body = self.text.split_once('\n');
        body.map_or("", |(_, body)| body.trim())
    }
}

macro_rules! pages {
    ($($code:literal)*) => {
        /// All pages, by code.
        pub(crate) const PAGES: &[Page] = &[$(Page {
            code: $code,
            text: include_str!(concat!("../../../docs/findings/", $code, ".md")),
        },)*];
    };
}

pages! {
    "already-converted"
    "argument-with-nul"
    "bind-now"
    "branch-protection"
    "build-cgo-enabled"
    "build-cpu"
    "build-cpu-level"
    "build-external-linking"
    "build-foreign-toolexec"
    "build-gccgo"
    "build-go-too-old"
    "build-id"
    "build-mode"
    "build-no-output"
    "build-no-program"
    "build-no-relocations"
    "build-output-twice"
    "build-quoting"
    "build-race"
    "build-sanitizer"
    "build-system"
    "cannot-confine"
    "cannot-move"
    "cargo-no-target"
    "cc-no-compiler"
    "cet"
    "cfi"
    "cgo"
    "cgo-stand-in"
    "compiler-flags"
    "core-file"
    "debug-info"
    "empty-file"
    "empty-folder"
    "executable-stack"
    "external-linking"
    "foreign-cpu"
    "foreign-system"
    "fortify"
    "go-build-info"
    "go-cgo"
    "go-cgo-flags"
    "go-cpu-level"
    "go-dwarf"
    "go-fips"
    "go-forbids-flag"
    "go-heap-base"
    "go-instrumented"
    "go-libc-resolver"
    "go-module-list"
    "go-path-leak"
    "go-symbols"
    "go-toolchain"
    "go-trimpath"
    "go-vcs"
    "go-vcs-dirty"
    "go-version-stamp"
    "link-kind"
    "link-library"
    "link-no-libc"
    "link-not-static-pie"
    "linker-command"
    "linker-crashed"
    "linker-refused"
    "linker-unusable"
    "macho-canary"
    "macho-encryption"
    "macho-executable-heap"
    "macho-executable-stack"
    "macho-hardened-runtime"
    "macho-pie"
    "macho-rpath"
    "macho-signature"
    "malformed"
    "needed-libraries"
    "needs-cgo"
    "needs-initializers"
    "needs-libraries"
    "needs-thread-local-storage"
    "no-loader"
    "no-loader-no-shared-object"
    "no-relocations"
    "no-room-for-stub"
    "no-room-in-dynamic"
    "no-rwx-mapping"
    "non-relative-relocation"
    "not-a-binary"
    "not-a-program"
    "not-a-regular-file"
    "not-elf"
    "object-layout"
    "object-misplaced-relocation"
    "object-no-main"
    "object-relocation-out-of-range"
    "object-text-relocation"
    "object-too-large"
    "object-undefined-symbol"
    "object-unknown-relocation"
    "object-unsupported"
    "output-is-input"
    "output-not-written"
    "pe-canary"
    "pe-cet"
    "pe-cfg"
    "pe-dynamic-base"
    "pe-high-entropy"
    "pe-nx"
    "pe-relocations"
    "pe-safe-seh"
    "pe-signature"
    "pic-damaged-object"
    "pic-ifunc"
    "pic-lto"
    "pic-mixed-cpus"
    "pic-narrow-address"
    "pic-not-an-object"
    "pic-text-relocation"
    "pic-unknown-cpu"
    "pic-unknown-relocation"
    "pie"
    "policy-syntax"
    "policy-unknown-name"
    "policy-value"
    "position-dependent"
    "position-independent-code"
    "random-base"
    "relocatable-object"
    "relro"
    "relro-applied"
    "relro-layout"
    "relro-read-only"
    "runs-in-empty-root"
    "rust-auditable"
    "rust-panic"
    "sanitizers"
    "search-path"
    "segment-layout"
    "separate-code"
    "setuid"
    "shared-object"
    "stack-canary"
    "stack-clash"
    "start-relocations"
    "starts"
    "symbols"
    "text-relocations"
    "tls-alignment"
    "too-large"
    "truncated"
    "unpackable-relocation"
    "unreadable-file"
    "unsupported-binary"
    "unsupported-cpu"
    "unsupported-elf"
    "upx-packed"
    "uses-plugin"
    "vuln-db-damaged"
    "vuln-db-format"
    "vuln-db-missing"
    "vuln-db-old"
    "vuln-db-unknown"
    "vuln-db-unusable"
    "vuln-development-go"
    "vuln-facts-unknown"
    "vuln-foreign-crates"
    "vuln-given-version"
    "vuln-linked-packages"
    "vuln-local-replacement"
    "vuln-main-devel"
    "vuln-main-dirty"
    "vuln-main-pseudo"
    "vuln-nearest-version"
    "vuln-no-build-info"
    "vuln-no-functions"
    "vuln-no-module-list"
    "vuln-nothing-matched"
    "vuln-nothing-recorded"
    "vuln-packed"
    "vuln-too-many-modules"
    "vuln-unknown-version"
    "vuln-vendor-go"
    "vuln-versions-invalid"
    "vuln-vex-invalid"
    "vuln-vex-unknown"
    "writable-code"
    "wrong-class"
    "wrong-endianness"
}

/// The page of a code.
pub(crate) fn find(code: &str) -> Option<&'static Page> {
    PAGES.iter().find(|page| page.code == code)
}

/// The code that is most like what was typed, if one comes close.
pub(crate) fn nearest(typed: &str) -> Option<&'static str> {
    crate::nearest::nearest(typed, PAGES.iter().map(|page| page.code))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// What `check` finds and what `convert` refuses for the same reason has one page.
    const OF_RULE_AND_REFUSAL: [&str; 1] = ["text-relocations"];

    #[test]
    fn every_code_has_a_page_and_every_page_a_code() {
        let mut codes = BTreeSet::new();
        let refusals = handpie_pie::Code::ALL.iter().map(|code| code.name());
        let errors = handpie_binary::ErrorKind::ALL
            .iter()
            .map(|kind| kind.code());
        let claims = handpie_prove::Code::ALL.iter().map(|code| code.name());
        let unproven = handpie_prove::Error::CODES;
        let builds = handpie_toolchain::contradiction::Code::ALL;
        let builds = builds.iter().map(|code| code.name());
        let objects = handpie_pie::link::Code::ALL.iter().map(|code| code.name());
        let offences = handpie_pie::objects::Code::ALL;
        let offences = offences.iter().map(|code| code.name());
        let rules = handpie_audit::rules().map(|rule| rule.code);
        let all = refusals
            .chain(objects)
            .chain(offences)
            .chain([crate::command::extld::LINKER_COMMAND])
            .chain(crate::linking::CODES)
            .chain(crate::promise::CODES)
            .chain(crate::command::build::CODES)
            .chain([crate::command::cc::NO_COMPILER])
            .chain(errors)
            .chain(claims)
            .chain(unproven)
            .chain(builds)
            .chain(handpie_audit::PolicyError::CODES)
            .chain(handpie_vuln::Caveat::CODES)
            .chain(handpie_vuln::NoInventory::CODES)
            .chain(crate::advisories::CODES)
            .chain([crate::command::facts::UNKNOWN])
            .chain(handpie_vuln::VexError::CODES)
            .chain([handpie_vuln::VersionsError::CODE])
            .chain(rules.filter(|code| !OF_RULE_AND_REFUSAL.contains(code)));
        for code in all.chain(crate::input::CODES) {
            assert!(codes.insert(code), "two codes are called {code}");
        }
        let pages: BTreeSet<&str> = PAGES.iter().map(|page| page.code).collect();
        assert_eq!(codes, pages);
    }

    #[test]
    fn pages_of_rules_have_their_parts_and_fit_a_terminal() {
        for code in handpie_audit::rules().map(|rule| rule.code) {
            let text = find(code).unwrap().text;
            for part in [
                "- **",
                "## Why it matters\n",
                "## Fix\n",
                "## Verify\n",
                "## Sources\n",
            ] {
                assert!(text.contains(part), "the page of {code} lacks {part:?}");
            }
            let long = text.lines().find(|line| line.chars().count() > 100);
            assert_eq!(long, None, "{code}.md has a line of more than 100 columns");
        }
    }

    #[test]
    fn every_file_of_the_folder_is_a_page() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/findings");
        for entry in std::fs::read_dir(folder).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            let code = name.strip_suffix(".md").unwrap();
            assert!(
                code == "README" || find(code).is_some(),
                "{name} is not in PAGES"
            );
        }
    }

    #[test]
    fn a_typing_error_finds_the_code() {
        assert_eq!(nearest("needs-librarys"), Some("needs-libraries"));
        assert_eq!(nearest("xyz"), None);
    }
}
