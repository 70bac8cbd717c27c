//! Strings of C code: what `__FILE__` becomes, in messages of `assert` and of logs.

use handpie_binary::Size;

use super::super::Go;
use super::{Leaks, home};

/// Where C compilers put strings.
const SECTIONS: [&[u8]; 4] = [b".rodata", b".rodata.str", b"__cstring", b".rdata"];
/// How the names of source files end that compilers are given.
const SOURCES: [&[u8]; 8] = [
    b".c", b".h", b".cc", b".cpp", b".cxx", b".hpp", b".inc", b".rs",
];

/// Go puts no NUL behind its strings, so one that has a NUL on both sides is C's.
pub(super) fn in_strings(go: &Go<'_, '_>, leaks: &mut Leaks) {
    if go.cgo().is_none() {
        return;
    }
    for section in go.image.sections() {
        if !SECTIONS.iter().any(|name| section.name.starts_with(name)) {
            continue;
        }
        let Ok(data) = section.data.data() else {
            continue;
        };
        let name = String::from_utf8_lossy(section.name);
        for found in home::paths(data) {
            let before = found.at.checked_sub(1).and_then(|at| data.get(at));
            let end = found.at.checked_add(found.bytes.len());
            let behind = end.and_then(|end| data.get(end));
            let alone = before.is_none_or(|&byte| byte == 0) && behind == Some(&0);
            let is_source = SOURCES.iter().any(|end| found.bytes.ends_with(end));
            let offset = section.offset().checked_add(Size::of(found.at));
            if alone
                && is_source
                && let Some(offset) = offset
            {
                leaks.add(&format!("section {name}"), found.bytes, offset);
            }
        }
    }
}
