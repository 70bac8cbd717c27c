//! Home directories, and paths below them in bytes of any kind.

use memchr::memmem;

/// A path in a larger text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Found<'data> {
    /// Where it starts.
    pub(super) at: usize,
    /// The path.
    pub(super) bytes: &'data [u8],
}

/// Where systems put home directories, one below for each user.
const HOMES: [&[u8]; 5] = [
    b"/home/",
    b"/var/home/",
    b"/usr/home/",
    b"/export/home/",
    b"/Users/",
];
/// That of the administrator has no name.
const ROOT: &[u8] = b"/root/";
/// On Windows, behind a drive.
const WINDOWS: [&[u8]; 2] = [b":\\Users\\", b":/Users/"];
/// macOS has these beside the users'.
const NOBODYS: [&[u8]; 2] = [b"Shared", b"Guest"];

/// The home directory that a path is below: `/home/me` of `/home/me/src/a.go`.
pub(super) fn home_of(path: &[u8]) -> Option<&[u8]> {
    if path.starts_with(ROOT) {
        return path.get(..ROOT.len().checked_sub(1)?);
    }
    let unix = HOMES.iter().find(|home| path.starts_with(home));
    let start = unix.map(|home| home.len()).or_else(|| {
        let (drive, rest) = path.split_first()?;
        let home = WINDOWS.iter().find(|home| rest.starts_with(home))?;
        drive
            .is_ascii_alphabetic()
            .then(|| home.len().checked_add(1))
            .flatten()
    })?;
    let rest = path.get(start..)?;
    let length = rest.iter().position(|byte| matches!(byte, b'/' | b'\\'))?;
    let name = rest.get(..length)?;
    let is_name = !name.is_empty() && name.iter().all(|&byte| is_of_name(byte));
    if !is_name || NOBODYS.contains(&name) {
        return None;
    }
    path.get(..start.checked_add(length)?)
}

/// The paths below home directories that start in `text` where no other word goes on, up to the
/// first byte that belongs to none.
pub(super) fn paths(text: &[u8]) -> Vec<Found<'_>> {
    let drives = WINDOWS.iter().map(|mark| (*mark, 1));
    let roots = HOMES.iter().chain([&ROOT]).map(|mark| (*mark, 0));
    let mut found = Vec::new();
    for (mark, before) in roots.chain(drives) {
        let starts = memmem::find_iter(text, mark).filter_map(|at: usize| at.checked_sub(before));
        found.extend(starts.filter_map(|at| {
            let outside = at.checked_sub(1).and_then(|at| text.get(at));
            if outside.is_some_and(|&byte| is_of_path(byte)) {
                return None;
            }
            let tail = text.get(at..)?;
            let end = tail
                .iter()
                .position(|&byte| !is_of_path(byte))
                .unwrap_or(tail.len());
            let bytes = tail.get(..end)?;
            home_of(bytes).map(|_| Found { at, bytes })
        }));
    }
    found
}

fn is_of_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte >= 0x80 || b"._-@ ".contains(&byte)
}

fn is_of_path(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte >= 0x80 || b"/\\._-+@~:%$".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_home_directories() {
        for (path, home) in [
            ("/home/me/src/a.go", "/home/me"),
            ("/root/go/pkg/mod/x@v1/a.go", "/root"),
            ("/Users/ada.l/a.go", "/Users/ada.l"),
            ("C:\\Users\\me\\go\\a.go", "C:\\Users\\me"),
            ("D:/Users/me/a.go", "D:/Users/me"),
            ("/var/home/me/a.c", "/var/home/me"),
        ] {
            assert_eq!(home_of(path.as_bytes()), Some(home.as_bytes()), "{path}");
        }
        for path in [
            "/home/",
            "/home/me",
            "/home//x",
            "/homes/me/x",
            "/usr/local/go/src/a.go",
            "/rooted/x",
            "github.com/home/me/x",
            "/Users/Shared/x",
            "/home/$USER/x",
            "/home/<user>/x",
            "",
        ] {
            assert_eq!(home_of(path.as_bytes()), None, "{path}");
        }
    }

    #[test]
    fn finds_paths_where_they_start() {
        let text = b"\0/home/me/a.c\0x/home/me/b.c\0 C:\\Users\\me\\d.c;/root/e.c";
        let found: Vec<_> = paths(text).iter().map(|it| (it.at, it.bytes)).collect();
        let wanted: [(usize, &[u8]); 3] = [
            (1, b"/home/me/a.c"),
            (45, b"/root/e.c"),
            (29, b"C:\\Users\\me\\d.c"),
        ];
        assert_eq!(found, wanted);
    }
}
