//! The library search path. A directory that others can write to, or that depends on the working
//! directory, lets an attacker supply libraries.

use handpie_binary::elf::constants::{DT_RPATH, DT_RUNPATH};

use crate::finding::{Judgement, fail, pass, warn};
use crate::folders::{FOREIGN, is_below};
use crate::rule::{Level, Levels, Rule, Severity};
use crate::subject::Subject;

pub(super) const SEARCH_PATH: Rule = Rule {
    code: "search-path",
    wish: "libraries loaded from trusted directories only",
    severity: Severity::High,
    levels: Levels::all(Level::Fail),
    judge: search_path,
};

/// Directories that only the system's administrator writes to.
const SYSTEM: [&str; 5] = ["/lib", "/lib32", "/lib64", "/usr", "/opt"];
/// `S_ISUID` and `S_ISGID`.
const SETUID: u32 = 0o6000;

fn search_path(subject: &Subject<'_>) -> Option<Judgement> {
    let elf = subject.elf()?;
    if !subject.kind.is_loaded() {
        return None;
    }
    let Some(dynamic) = elf.dynamic().ok().flatten() else {
        return Some(pass(
            "has no dynamic section, so no library is searched for",
        ));
    };
    let entries = dynamic.entries.iter();
    let paths: Vec<_> = entries
        .filter(|entry| entry.tag == DT_RPATH || entry.tag == DT_RUNPATH)
        .filter_map(|entry| Some((entry, dynamic.string(elf, entry.value).ok()??)))
        // glibc takes one that is empty as a whole for none (`decompose_rpath`).
        .filter(|(_, path)| !path.is_empty())
        .collect();
    if paths.is_empty() {
        return Some(pass("has neither `DT_RPATH` nor `DT_RUNPATH`"));
    }
    let setuid = subject.mode.is_some_and(|mode| mode & SETUID != 0);
    let directories = paths.iter().flat_map(|(_, path)| path.split(':'));
    let mut judged: Vec<SearchFolder> = directories
        .map(|directory| place(directory, setuid))
        .collect();
    judged.sort_by_key(|place| place.rank());
    let judgement = match judged.into_iter().next_back() {
        Some(SearchFolder::Unsafe(why)) => fail(why).hint(
            "remove the search path with `patchelf --remove-rpath`, or link \
                            without -rpath",
        ),
        Some(SearchFolder::Doubtful(why)) => warn(why).hint(
            "link without -rpath unless the directory is \
                                                      intended",
        ),
        _ => pass("every directory belongs to the system or to the program"),
    };
    Some(paths.iter().fold(judgement, |judgement, (entry, path)| {
        judgement.at(entry.offset, format!("`{:?}` {path}", entry.tag))
    }))
}

enum SearchFolder {
    Safe,
    Doubtful(String),
    Unsafe(String),
}

impl SearchFolder {
    fn rank(&self) -> u8 {
        match self {
            Self::Safe => 0,
            Self::Doubtful(_) => 1,
            Self::Unsafe(_) => 2,
        }
    }
}

fn place(directory: &str, setuid: bool) -> SearchFolder {
    let origins = ["$ORIGIN", "${ORIGIN}"].iter();
    let in_program = origins.filter_map(|origin| directory.strip_prefix(origin));
    let mut in_program = in_program.filter(|rest| rest.is_empty() || rest.starts_with('/'));
    let of_program = in_program.next_back();
    if directory.is_empty() {
        SearchFolder::Unsafe(
            "an empty directory in the search path means the working \
                       directory"
                .to_owned(),
        )
    } else if of_program.is_some() && setuid {
        // ld.so(8): in secure-execution mode $ORIGIN counts only in trusted directories.
        SearchFolder::Unsafe(format!(
            "the program is setuid, and {directory} is wherever a user puts a link to it"
        ))
    } else if let Some(rest) = of_program {
        beside_the_program(directory, rest)
    } else if !directory.starts_with('/') {
        SearchFolder::Unsafe(format!("{directory} depends on the working directory"))
    } else if is_below(directory.as_bytes(), &FOREIGN) {
        SearchFolder::Unsafe(format!(
            "{directory} is writable by others, or was part of the build environment"
        ))
    } else if directory.split('/').any(|part| part == "..") {
        SearchFolder::Doubtful(format!("{directory} contains `..`"))
    } else if is_below(directory.as_bytes(), &SYSTEM) {
        SearchFolder::Safe
    } else {
        SearchFolder::Doubtful(format!("{directory} is not a system directory"))
    }
}

/// `rest` stands behind `$ORIGIN`. One step up leads to a sibling, which belongs to the program as
/// much as what is below it does. Two lead to the root where programs are installed (`/usr/bin`).
fn beside_the_program(directory: &str, rest: &str) -> SearchFolder {
    let (mut below, mut up, mut leads_to) = (0u32, 0u32, String::new());
    for part in rest.split('/').filter(|part| !matches!(*part, "" | ".")) {
        match (part, below) {
            ("..", 0) => (up, leads_to) = (up.saturating_add(1), String::new()),
            ("..", _) => {
                below = below.saturating_sub(1);
                leads_to.truncate(leads_to.rfind('/').unwrap_or(0));
            }
            (name, _) => {
                below = below.saturating_add(1);
                leads_to.extend(["/", name]);
            }
        }
    }
    match up >= 2 && is_below(leads_to.as_bytes(), &FOREIGN) {
        true => SearchFolder::Unsafe(format!(
            "{directory} leads out of the program's own directory, to {leads_to} of a program in \
             /usr/bin"
        )),
        false => SearchFolder::Safe,
    }
}
