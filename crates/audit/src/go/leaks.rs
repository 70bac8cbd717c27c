//! Paths of the machine that it was built on, wherever they are left: in the build info, among the
//! names of source files, in what was set by the linker, in debug information, and in strings that
//! C's `__FILE__` becomes.
//!
//! Names of source files are read from their table, where a path is a path. Elsewhere a text that
//! looks like one may be an example in a help page; so only home directories count there, and only
//! where a compiler would have put them. Module paths start at no root, and what cmd/go writes in
//! the place of a root is known.

mod home;
mod strings;

use std::collections::BTreeMap;

use handpie_binary::{Offset, dwarf};

use super::Go;
use super::paths::is_absolute;
use crate::finding::{Judgement, fail, pass, unknown, warn};
use crate::rule::{Level, Levels, Rule, Severity};
use crate::subject::Subject;
use home::home_of;

pub(super) const PATH_LEAK: Rule = Rule {
    code: "go-path-leak",
    wish: "no file paths of the build machine",
    severity: Severity::Low,
    levels: Levels {
        plain: Level::Warn,
        portable: Level::Warn,
        host: Level::Off,
        distro: Level::Warn,
    },
    judge: path_leak,
};

/// Paths of one kind in one place.
#[derive(Debug)]
struct Leak {
    /// Of the first.
    offset: Offset,
    /// The first.
    path: String,
    count: u64,
    /// Whether they tell of one machine, as a home directory does and /usr/local/go does not.
    tells: bool,
}

/// The leaks by where they are and which folder they are below.
#[derive(Debug, Default)]
struct Leaks(BTreeMap<(String, String), Leak>);

/// How many leaks are shown.
const SHOWN: usize = 12;

fn path_leak(subject: &Subject<'_>) -> Option<Judgement> {
    let go = Go::of(subject)?;
    if go.info.is_none() && go.program.table.is_none() {
        return Some(unknown(
            "has neither build info nor a function table (.gopclntab), which lists source files",
        ));
    }
    let mut leaks = Leaks::default();
    in_build_info(&go, &mut leaks);
    in_files(&go, &mut leaks);
    in_stamps(&go, &mut leaks);
    let unread = in_dwarf(&go, &mut leaks);
    strings::in_strings(&go, &mut leaks);
    Some(match unread {
        Some((offset, name)) => leaks.judge().at(
            offset,
            format!("section {name}, compressed with an unsupported method"),
        ),
        None => leaks.judge(),
    })
}

impl Leaks {
    fn add(&mut self, place: &str, path: &[u8], offset: Offset) {
        let home = home_of(path);
        let folder = match home {
            Some(home) => home,
            None => top_of(path),
        };
        let folder = String::from_utf8_lossy(folder).into_owned();
        let leak = self
            .0
            .entry((place.to_owned(), folder))
            .or_insert_with(|| Leak {
                offset,
                path: String::from_utf8_lossy(path).into_owned(),
                count: 0,
                tells: !is_everywhere(path),
            });
        leak.count = leak.count.saturating_add(1);
    }

    fn judge(self) -> Judgement {
        let mut leaks: Vec<_> = self.0.into_iter().collect();
        leaks.sort_by_key(|(_, leak)| !leak.tells);
        let mut folders: Vec<&str> = Vec::new();
        for ((_, folder), _) in &leaks {
            if !folders.contains(&folder.as_str()) {
                folders.push(folder);
            }
        }
        let below = folders
            .iter()
            .take(3)
            .copied()
            .collect::<Vec<_>>()
            .join(", ");
        let judgement = match leaks.first() {
            None => return pass("no file paths of the build machine found"),
            Some((_, first)) if first.tells => fail(format!("contains file paths below {below}")),
            Some(_) => warn(format!(
                "contains file paths below {below}, which exist on many \
                                     machines"
            )),
        };
        let judgement = judgement
            .hint("go build -trimpath; for C also CGO_CFLAGS=-ffile-prefix-map=$PWD=. and no -g");
        let shown = leaks.into_iter().take(SHOWN);
        shown.fold(judgement, |judgement, ((place, folder), leak)| {
            let what = match leak.count {
                1 => format!("{place}: {}", leak.path),
                count => format!(
                    "{place}: {count} paths below {folder}, the first is {}",
                    leak.path
                ),
            };
            judgement.at(leak.offset, what)
        })
    }
}

/// Whether a path is one that Go, a distribution or a container image gives many machines.
fn is_everywhere(path: &[u8]) -> bool {
    const ROOTS: [&[u8]; 7] = [
        b"/usr/",
        b"/opt/",
        b"/nix/store/",
        b"/go/",
        b"/lib/",
        b"C:/Program Files/",
        b"C:\\Program Files\\",
    ];
    home_of(path).is_none() && ROOTS.iter().any(|root| path.starts_with(root))
}

/// The first two folders of a path, which tell whose they are.
fn top_of(path: &[u8]) -> &[u8] {
    let is_separator = |byte: &u8| matches!(byte, b'/' | b'\\');
    let ends = path
        .iter()
        .enumerate()
        .filter(|(_, byte)| is_separator(byte));
    match ends.map(|(at, _)| at).nth(2) {
        Some(end) => path.get(..end).unwrap_or(path),
        None => path,
    }
}

/// Flags may name files (`-pgo`), and a module may have been replaced by a folder.
fn in_build_info(go: &Go<'_, '_>, leaks: &mut Leaks) {
    let Some(info) = go.info else { return };
    for setting in &info.settings {
        let words = setting.value.split([' ', '=', ':', ',', '\'', '"', ';']);
        // `-I/home/me` and `-L/home/me`.
        let paths = words.filter_map(|word| Some(word.get(word.find('/')?..)?.as_bytes()));
        let whole = [setting.value.as_bytes()];
        for path in paths.chain(whole).filter(|path| home_of(path).is_some()) {
            leaks.add(&format!("setting {}", setting.key), path, setting.offset);
        }
    }
    for module in info.main.iter().chain(&info.dependencies) {
        if let Some(folder) = module
            .replacement
            .as_ref()
            .filter(|it| is_absolute(it.path.as_bytes()))
        {
            let place = format!("replacement of {}", module.path);
            leaks.add(&place, folder.path.as_bytes(), folder.offset);
        }
    }
}

fn in_files(go: &Go<'_, '_>, leaks: &mut Leaks) {
    let Some(table) = &go.program.table else {
        return;
    };
    let files = table.files().into_iter().flatten();
    for name in files.filter(|name| is_absolute(name.bytes)) {
        leaks.add("names of source files", name.bytes, name.offset);
    }
}

/// Without -trimpath, the linker tells the runtime where Go was (`runtime.defaultGOROOT`).
fn in_stamps(go: &Go<'_, '_>, leaks: &mut Leaks) {
    for stamp in &go.symbols().stamps {
        let is_root = stamp.variable == b"runtime.defaultGOROOT" && is_absolute(stamp.value);
        if is_root || home_of(stamp.value).is_some() {
            let name = String::from_utf8_lossy(stamp.variable);
            leaks.add(&format!("variable {name}"), stamp.value, stamp.offset);
        }
    }
}

/// The name of a section that could not be read, if there is one.
fn in_dwarf(go: &Go<'_, '_>, leaks: &mut Leaks) -> Option<(Offset, String)> {
    let mut unread = None;
    for part in ["line", "line_str", "str"] {
        let Ok(Some(section)) = dwarf::section(go.image, part) else {
            continue;
        };
        let name = String::from_utf8_lossy(section.name).into_owned();
        let Some(bytes) = section.bytes else {
            unread = Some((section.offset, name));
            continue;
        };
        // In a compressed section, a place inside has no offset in the file.
        for path in home::paths(&bytes) {
            leaks.add(&format!("section {name}"), path.bytes, section.offset);
        }
    }
    unread
}

#[cfg(test)]
mod tests {
    use super::top_of;

    #[test]
    fn folders_are_shown_by_their_top() {
        let top = |path: &str| String::from_utf8_lossy(top_of(path.as_bytes())).into_owned();
        assert_eq!(top("/usr/local/go/src/a.go"), "/usr/local");
        assert_eq!(top("C:\\go\\src\\a.go"), "C:\\go\\src");
        assert_eq!(top("/a.go"), "/a.go");
    }
}
