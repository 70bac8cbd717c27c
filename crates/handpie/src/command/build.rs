//! `handpie build`: runs `go build` with the release profile and converts the programs.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

mod cgo;
pub(crate) mod other;

use handpie_toolchain::cache::Cache;
use handpie_toolchain::cargo;
use handpie_toolchain::command::Stream;
use handpie_toolchain::go::{Go, GoEnv};
use handpie_toolchain::packages::{self, Listing};
use handpie_toolchain::profile::{self, Profile, Request, Stamp};
use handpie_toolchain::version::Version;

use super::link::LibcChoice;
use crate::args::ReportFormat;
use crate::build_notes::{self, Note};
use crate::conversion;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::go_failure;
use crate::hardening::Hardening;
use crate::input::Input;
use crate::paths;
use crate::promise::{self, Extent};
use crate::report::Reporter;
use crate::report::build::{self, BuildReport, DryRun, Program};

/// Codes of failures to build.
#[cfg(test)]
pub(crate) const CODES: [&str; 2] = [other::NO_TARGET, cgo::FORBIDDEN_FLAG];

/// Build Go, Rust and C programs as static-PIE, with release settings
///
/// Runs `go build` with CGO_ENABLED=0, -buildmode=pie, -trimpath, -tags=netgo,osusergo, -ldflags=-w
/// -bindnow, GOAMD64=v2, GOARM=6 or GOARM64=v8.0, and the version from git in main.Version and
/// main.version; then converts the linked programs. For 386, arm and riscv64, where go cannot link
/// a PIE without C, handpie links the program itself. Your own flags, tags, GOFLAGS and settings
/// are added and take precedence. Settings that rule out a static-PIE, and packages that need C,
/// are refused before anything is built.
///
/// With --cgo, or with `[cgo]` in handpie.toml, packages may use C: C code is compiled by `handpie
/// cc` with hardening flags and linked with musl, and the program is still a static-PIE.
///
/// In a cargo project, runs `cargo build --release` for the musl target with handpie's linker. With
/// a command after `--`, runs the command with CC and CXX set to handpie's compilers. In both cases
/// every program that was built is checked, and those that are not static-PIE are reported.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  handpie build ./cmd/svc                       writes ./svc
  handpie build -o bin/ ./cmd/... -- -tags=ui   all below cmd, with a tag
  handpie build                                 in a cargo project: its programs
  handpie build -- make                         what make builds with $CC, $CXX
  GOARCH=arm64 handpie build --cgo ./cmd/svc    with C, for another CPU (zig)")]
pub(crate) struct Build {
    /// Packages, as for go build [default: the current directory]
    #[arg(value_name = "PACKAGES")]
    packages: Vec<String>,
    /// Write the program to this file, or the programs to this directory
    #[arg(short, long, value_name = "OUT")]
    output: Option<String>,
    /// The CPU level that the program may require: v1 to v4 on amd64, v6 or v7 on arm, v8.0 to v9.5
    /// on arm64, power8 to power10 on ppc64 and ppc64le
    #[arg(long, value_name = "LEVEL")]
    cpu: Option<String>,
    /// Accept this package's behaviour without cgo; PKG/... includes all packages below it
    #[arg(long, value_name = "PKG")]
    pure: Vec<String>,
    /// Allow packages to use C, which is compiled and linked with a libc
    #[arg(long, conflicts_with = "pure")]
    cgo: bool,
    /// The libc to use with --cgo
    #[arg(long, value_enum, default_value_t)]
    libc: LibcChoice,
    #[command(flatten)]
    hardening: Hardening,
    /// Do not record a version in the programs
    #[arg(long)]
    no_stamp: bool,
    /// Print the go command without building
    #[arg(long)]
    dry_run: bool,
    /// Flags for go build or cargo build, or a command to run
    #[arg(last = true, value_name = "FLAGS OR COMMAND")]
    go_flags: Vec<String>,
    #[command(flatten)]
    pub(crate) format: ReportFormat,
}

pub(crate) fn run(args: &Build, reporter: &Reporter) -> Result<Exit, Failure> {
    if args
        .go_flags
        .first()
        .is_some_and(|word| other::is_command(word))
    {
        return other::command(&args.go_flags, args.dry_run, reporter);
    }
    if let Some(project) = cargo_project(&args.packages)? {
        let words: Vec<OsString> = args.go_flags.iter().map(OsString::from).collect();
        return other::cargo(&project, &words, args.dry_run, reporter);
    }
    go(args, reporter)
}

/// The cargo project that is meant: the one of the current folder, or of the one folder that is named.
fn cargo_project(packages: &[String]) -> Result<Option<PathBuf>, Failure> {
    let folder = match packages {
        [] => paths::absolute(None)?,
        [one] if Path::new(one).is_dir() => paths::absolute(Some(Path::new(one)))?,
        _ => return Ok(None),
    };
    Ok(cargo::is_project(&folder).then_some(folder))
}

fn go(args: &Build, reporter: &Reporter) -> Result<Exit, Failure> {
    let mut request = Request {
        packages: args.packages.clone(),
        output: args.output.clone(),
        cpu: args.cpu.clone(),
        go_flags: args.go_flags.clone(),
        cgo: None,
    };
    let folder = match profile::chdir(&request.go_flags) {
        Some(folder) => Some(PathBuf::from(folder)),
        None => enter_module(&mut request)?,
    };
    let go = Go::in_path(folder);
    let folder = paths::absolute(go.dir.as_deref())?;
    let cache = Cache::of_user();
    let allowed = cgo::Allowed::of(args.cgo)?;

    let merge = |request: &Request, settings: &GoEnv, version: &Version| {
        profile::merge(request, settings, version, &profile::is_handpie).map_err(|against| {
            go_failure::contradicted("these settings rule out a static-PIE", &against)
        })
    };
    // git and go are asked at the same time: what is listed does not depend on the version.
    let (asked, described) = std::thread::scope(|scope| {
        let described = scope.spawn(|| match args.no_stamp {
            true => Version::Unknown("--no-stamp".to_owned()),
            false => Version::of(&paths::module_folder(&folder)),
        });
        let unknown = Version::Unknown("git could not be run".to_owned());
        let ask = || {
            let settings = cache.env(&go).map_err(go_failure::settings_failed)?;
            args.hardening.refuse_for(&settings.goarch)?;
            let request = Request {
                cgo: allowed.compilers(args.libc, &settings)?,
                ..request.clone()
            };
            let profile = merge(&request, &settings, &unknown)?;
            let listing = cache
                .list(&go, &settings, &profile)
                .map_err(go_failure::list_failed)?;
            Ok::<_, Failure>((settings, listing))
        };
        (ask(), described.join().unwrap_or(unknown.clone()))
    });
    let (settings, listing) = asked?;
    let version = match own_version(&listing) {
        Some(version) if !args.no_stamp => version,
        _ => described,
    };
    if allowed.is_used_by(&listing) {
        request.cgo = allowed.compilers(args.libc, &settings)?;
        args.hardening.refuse_for_cgo()?;
    }
    let profile = merge(&request, &settings, &version)?;
    allowed.refuse_others(&listing, &args.pure)?;
    let outputs = packages::outputs(&listing, profile.output.as_deref(), &folder)
        .map_err(|one| go_failure::contradicted("there is nothing to write", &[one]))?;
    // From here on the build is possible, as far as can be known before it.

    let handpie = paths::own_program()?;
    let toolexec = handpie_toolchain::env::toolexec(&handpie, &args.hardening.words())
        .map_err(|error| Failure::new(Exit::Usage, error).code("build-quoting"))?;
    let toolexec = format!("-toolexec={toolexec}");
    let tool = match request.cgo {
        Some(_) => profile.command(&go, &[]),
        None => profile.command(&go, &[&toolexec]),
    };
    let command = tool.shell_line();
    for warning in &profile.warnings {
        reporter.note(&format!("warning: {warning}"));
    }
    if args.dry_run {
        reporter.print("build", &DryRun { command })?;
        return Ok(Exit::Done);
    }

    let records = tempfile::tempdir().map_err(|cause| {
        Failure::new(Exit::Input, "failed to create a temporary directory").cause(cause)
    })?;
    let built = tool
        .env(build_notes::FOLDER, records.path())
        .stdin(Stream::Inherit)
        .stdout(Stream::Inherit)
        .stderr(Stream::Inherit)
        .run();
    let notes = build_notes::read(records.path());
    if let Err(error) = built {
        if request.cgo.is_some()
            && let Some(forbidden) = cgo::forbidden_flag(&go, &profile)
        {
            return Err(forbidden);
        }
        return Err(go_failure::build_failed(error, &notes, &profile));
    }
    let uses_c = request.cgo.as_ref().map(|_| packages::using_c(&listing));
    let uses_c: Vec<String> = uses_c.into_iter().flatten().map(str::to_owned).collect();
    let mut report = BuildReport {
        command,
        cgo: uses_c,
        programs: Vec::new(),
    };
    if !profile.prints_only {
        for (package, path) in outputs {
            let fresh = match request.cgo {
                Some(_) => Some(Note::unchanged(&package, &mut Input::open(&path)?)?),
                None => notes
                    .programs
                    .iter()
                    .find(|note| note.package == package)
                    .cloned(),
            };
            report
                .programs
                .push(program(&package, path, fresh, &profile)?);
        }
    }
    reporter.print("build", &report)?;
    Ok(Exit::Done)
}

/// Outside any module, go builds no folder by its path. With one folder named, as in
/// `handpie build ./examples/service`, what is meant is plain: build it there, write it here.
fn enter_module(request: &mut Request) -> Result<Option<PathBuf>, Failure> {
    let has_module = |folder: &Path| paths::module_folder(folder).join("go.mod").is_file();
    let here = paths::absolute(None)?;
    let [package] = request.packages.as_slice() else {
        return Ok(None);
    };
    // Paths in the flags for go are meant from here.
    const PATHS: [&str; 5] = ["o", "pgo", "overlay", "modfile", "pkgdir"];
    let names = request
        .go_flags
        .iter()
        .map(|flag| flag.trim_start_matches('-'));
    let mut names = names.map(|flag| flag.split('=').next().unwrap_or(flag));
    if names.any(|name| PATHS.contains(&name)) {
        return Ok(None);
    }
    let folder = paths::absolute(Some(Path::new(package)))?;
    if has_module(&here) || !folder.is_dir() || !has_module(&folder) {
        return Ok(None);
    }
    // A slash at the end tells go that it is a folder.
    let output = request.output.as_deref().unwrap_or("./");
    let slash = if output.ends_with('/') { "/" } else { "" };
    let output = paths::absolute(Some(Path::new(output)))?;
    let output = output.display().to_string();
    request.output = Some(format!("{}{slash}", output.trim_end_matches('/')));
    request.packages = vec![".".to_owned()];
    Ok(Some(folder))
}

/// The version of programs that are not from here: what is in git here says nothing about them.
fn own_version(listing: &Listing) -> Option<Version> {
    let mut versions: Vec<_> = listing.mains.iter().map(|main| &main.version).collect();
    versions.dedup();
    match versions.as_slice() {
        _ if listing.mains.iter().any(|main| main.standard) => Some(Version::Unknown(
            "the program is part of the Go distribution".to_owned(),
        )),
        [] | [None] => None,
        [Some(version)] => Some(Version::Described(version.clone())),
        _ => Some(Version::Unknown(
            "the programs belong to several modules".to_owned(),
        )),
    }
}

/// `fresh` is the note of this build; none when go found the program up to date.
fn program(
    package: &str,
    path: PathBuf,
    fresh: Option<Note>,
    profile: &Profile,
) -> Result<Program, Failure> {
    let up_to_date = fresh.is_none();
    let note = match fresh {
        Some(note) => {
            // Only speeds up the next report.
            let _ = build_notes::remember(&path, &note);
            note
        }
        None => match build_notes::recall(&path) {
            Some(note) => note,
            None => read_note(package, &path)?,
        },
    };
    keeps_promises(&path)?;
    let stamped = note.version_variables.clone();
    let version = match (&profile.stamp, stamped) {
        (Stamp::Nothing(reason), _) => build::Version::Absent {
            reason: reason.clone(),
        },
        (Stamp::Users(variables), _) => build::Version::Own {
            variables: variables.clone(),
        },
        (Stamp::Ours(version), None) => build::Version::Unknown {
            version: version.clone(),
        },
        (Stamp::Ours(version), Some(none)) if none.is_empty() => build::Version::NoVariable {
            version: version.clone(),
        },
        (Stamp::Ours(version), Some(variables)) => build::Version::Stamped {
            version: version.clone(),
            variables,
        },
    };
    Ok(Program {
        path: paths::shown(&path),
        up_to_date,
        note,
        version,
    })
}

/// The note of a program that an earlier build made and that none was kept of.
fn read_note(package: &str, path: &Path) -> Result<Note, Failure> {
    let mut input = Input::open(path)?;
    if input.look(conversion::stub)?.is_none() {
        let message = format!("`{}` was built, but not converted", path.display());
        return Err(Failure::new(Exit::Bug, message)
            .hint("remove it and build again; please report how this happened"));
    }
    let note = Note::unchanged(package, &mut input)?;
    let _ = build_notes::remember(path, &note);
    Ok(note)
}

/// Looks at what go wrote. It may have been told to use another linker, or other flags.
pub(crate) fn keeps_promises(path: &Path) -> Result<(), Failure> {
    let inspection = promise::inspect(path, Extent::Whole)?;
    let kept = inspection.require(&paths::shown(path));
    kept.map(|_| ()).map_err(|failure| {
        failure.hint("a flag in -ldflags, CGO_LDFLAGS or -extldflags asks for something else")
    })
}
