//! Writes files in one step: no file is ever half-written, and nothing is left behind.
//!
//! The bytes go into a file without a name (`O_TMPFILE`) in the folder of the target; a process
//! that is killed leaves nothing there. Only a finished file gets a name, and an old one is replaced
//! by rename, which is atomic; killed in the instant before that, it leaves the finished file as
//! `.handpie-PID-N`. File systems without such files get one with a name, which is removed
//! on every error but not when the process is killed.

use std::fs::{self, File, Metadata, Permissions};
use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use handpie_pie::{Piece, Pieces};
use rustix::fs::{AtFlags, CWD, Mode, OFlags, XattrFlags};

use crate::exit::Exit;
use crate::failure::Failure;
use crate::input::{self, Input};

pub(crate) const OUTPUT_IS_INPUT: &str = "output-is-input";
pub(crate) const OUTPUT_NOT_WRITTEN: &str = "output-not-written";
/// What the names of unfinished files start with.
const PREFIX: &str = ".handpie-";

/// What the new file inherits from the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Inheritance {
    /// The permission bits without set-user-id and set-group-id, as with `cp`.
    Permissions,
    /// Owner, all mode bits and extended attributes (file capabilities among them).
    Everything,
}

/// Refuses an output that is the input, under whatever name.
pub(crate) fn refuse_same_file(input: &Input, output: &Path) -> Result<(), Failure> {
    let Some((_, old)) = input.file() else {
        return Ok(());
    };
    let same =
        fs::metadata(output).is_ok_and(|new| (new.dev(), new.ino()) == (old.dev(), old.ino()));
    if same {
        let message = format!("`{}` is the input file", output.display());
        return Err(Failure::new(Exit::Input, message)
            .code(OUTPUT_IS_INPUT)
            .hint("use --in-place to replace the input file"));
    }
    Ok(())
}

/// Writes a file made from `input` to `target`, or to standard output for `-`.
pub(crate) fn write(
    input: &Input,
    target: &Path,
    pieces: &Pieces,
    inheritance: Inheritance,
) -> Result<(), Failure> {
    let result = if input::is_stream(target) {
        crate::report::write_with(|stdout| write_pieces(stdout, input, pieces))
    } else {
        write_file(input, target, pieces, inheritance)
    };
    result.map_err(|cause| {
        let failure = Failure::new(
            Exit::Input,
            format!("failed to write `{}`", target.display()),
        )
        .code(OUTPUT_NOT_WRITTEN)
        .cause(&cause);
        match cause.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                failure.hint("no partial file was left behind; free disk space and try again")
            }
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => failure.hint(
                "the result is written next to the target first, so the directory must be \
                       writable",
            ),
            _ => failure,
        }
    })
}

/// Writes `bytes` to `target` as a file that anybody may read.
pub(crate) fn write_data(target: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = tempfile::Builder::new()
        .prefix(PREFIX)
        .tempfile_in(folder_of(target))?;
    file.write_all(bytes)?;
    let file = file.into_temp_path();
    fs::set_permissions(&file, Permissions::from_mode(0o644))?;
    file.persist(target).map_err(|error| error.error)
}

/// Writes `bytes` to `target` as a program, with the permissions that a linker gives.
pub(crate) fn write_program(target: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = tempfile::Builder::new()
        .prefix(PREFIX)
        // The system takes away what the umask says.
        .permissions(Permissions::from_mode(0o777))
        .tempfile_in(folder_of(target))?;
    file.write_all(bytes)?;
    file.persist(target).map_err(|error| error.error)?;
    Ok(())
}

/// The folder of a file.
fn folder_of(target: &Path) -> &Path {
    match target.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

fn write_file(
    input: &Input,
    target: &Path,
    pieces: &Pieces,
    inheritance: Inheritance,
) -> io::Result<()> {
    // A link keeps its name: what it points at is replaced.
    let target = match fs::canonicalize(target) {
        Ok(target) => target,
        Err(error) if error.kind() == io::ErrorKind::NotFound => target.to_owned(),
        Err(error) => return Err(error),
    };
    if let Ok(old) = fs::metadata(&target)
        && !old.is_file()
    {
        let what = input::describe(&old);
        return Err(io::Error::other(format!(
            "the target is {what}; only regular files are replaced"
        )));
    }
    let folder = folder_of(&target);
    if !folder.is_dir() {
        let message = format!("the directory `{}` does not exist", folder.display());
        return Err(io::Error::new(io::ErrorKind::NotFound, message));
    }
    match unnamed(folder) {
        Ok(mut file) => {
            fill(&mut file, input, pieces, inheritance)?;
            give_name(&file, &target, folder)
        }
        Err(_) => {
            let mut file = tempfile::Builder::new()
                .prefix(PREFIX)
                .tempfile_in(folder)?;
            fill(file.as_file_mut(), input, pieces, inheritance)?;
            file.persist(&target).map_err(|error| error.error)?;
            Ok(())
        }
    }
}

fn unnamed(folder: &Path) -> io::Result<File> {
    let mode = Mode::RUSR | Mode::WUSR;
    let file = rustix::fs::open(
        folder,
        OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC,
        mode,
    )?;
    Ok(file.into())
}

fn fill(
    file: &mut File,
    input: &Input,
    pieces: &Pieces,
    inheritance: Inheritance,
) -> io::Result<()> {
    write_pieces(file, input, pieces)?;
    input.refuse_changed()?;
    match input.file() {
        Some((path, metadata)) => inherit(file, path, metadata, inheritance),
        // A program from standard input.
        None => file.set_permissions(Permissions::from_mode(0o755)),
    }
}

fn write_pieces(sink: &mut impl Write, input: &Input, pieces: &Pieces) -> io::Result<()> {
    for piece in pieces.iter() {
        match piece {
            Piece::Copy(start, size) => input.copy_to(sink, *start, *size)?,
            Piece::Zeros(size) => {
                io::copy(&mut io::repeat(0).take(size.0), sink)?;
            }
            Piece::Bytes(bytes) => sink.write_all(bytes)?,
        }
    }
    Ok(())
}

fn inherit(
    file: &File,
    path: &Path,
    metadata: &Metadata,
    inheritance: Inheritance,
) -> io::Result<()> {
    let mode = metadata.mode();
    if inheritance == Inheritance::Permissions {
        return file.set_permissions(Permissions::from_mode(mode & 0o777));
    }
    let new = file.metadata()?;
    if (new.uid(), new.gid()) != (metadata.uid(), metadata.gid()) {
        fchown(file, Some(metadata.uid()), Some(metadata.gid()))?;
    }
    // After the owner: changing that clears set-user-id and file capabilities.
    file.set_permissions(Permissions::from_mode(mode & 0o7777))?;
    copy_attributes(path, file)
}

fn copy_attributes(from: &Path, to: &File) -> io::Result<()> {
    let mut names = vec![0; 1 << 16];
    let Ok(length) = rustix::fs::listxattr(from, &mut names[..]) else {
        // A file system without attributes has none to lose.
        return Ok(());
    };
    names.truncate(length);
    for name in names
        .split(|&byte| byte == 0)
        .filter(|name| !name.is_empty())
    {
        let mut value = vec![0; 1 << 16];
        let length = rustix::fs::getxattr(from, name, &mut value[..])?;
        value.truncate(length);
        rustix::fs::fsetxattr(to, name, &value, XattrFlags::empty())?;
    }
    Ok(())
}

/// Gives a finished file its name. A name that is taken cannot be linked over, so the file then
/// gets a passing one first and is renamed.
fn give_name(file: &File, target: &Path, folder: &Path) -> io::Result<()> {
    let unnamed = PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()));
    let link = |name: &Path| rustix::fs::linkat(CWD, &unnamed, CWD, name, AtFlags::SYMLINK_FOLLOW);
    match link(target) {
        Ok(()) => return Ok(()),
        Err(rustix::io::Errno::EXIST) => {}
        Err(error) => return Err(error.into()),
    }
    let passing = passing_name(folder, link)?;
    fs::rename(&passing, target).inspect_err(|_| {
        // The rename's own error is what the user has to see.
        let _ = fs::remove_file(&passing);
    })
}

/// Links the file under a name that nobody has, not even a process of the same number that was
/// killed here, in this container or in another.
fn passing_name(
    folder: &Path,
    link: impl Fn(&Path) -> rustix::io::Result<()>,
) -> io::Result<PathBuf> {
    const MOST: u32 = 1000;
    for attempt in 0..MOST {
        let name = folder.join(format!("{PREFIX}{}-{attempt}", std::process::id()));
        match link(&name) {
            Ok(()) => return Ok(name),
            Err(rustix::io::Errno::EXIST) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}
