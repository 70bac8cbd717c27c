//! `handpie build`: a `go build` with the release profile whose programs are converted.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

mod cgo;
mod other;

use handpie_toolchain::cache::Cache;
use handpie_toolchain::cargo;
use handpie_toolchain::command::Stream;
use handpie_toolchain::go::{Go, GoEnv};
use handpie_toolchain::packages::{self, Listing};
use handpie_toolchain::profile::{self, Profile, Request, Stamp};
use handpie_toolchain::version::Version;

use super::link::LibcChoice;
use crate::args::ReportFormat;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::hardening::Hardening;
use crate::input::Input;
use crate::record::{self, Record};
use crate::report::Reporter;
use crate::report::build::{self, BuildReport, DryRun, Program};
use crate::toolchain;

/// Codes of why nothing was built.
#[cfg(test)]
pub(crate) const CODES: [&str; 2] = [other::NO_TARGET, cgo::FORBIDDEN_FLAG];

/// Build programs with the release profile, as static-PIE: Go, Rust, and what a command builds
///
/// Runs `go build` with CGO_ENABLED=0, -buildmode=pie, -trimpath, -tags=netgo,osusergo,
/// -ldflags=-w -bindnow, GOAMD64=v2, GOARM=6 or GOARM64=v8.0, and the version from git in
/// main.Version and main.version; then converts what go has linked. For 386, arm and riscv64, whose
/// PIE go cannot link without C, handpie links it. Your own flags, tags, GOFLAGS and settings are
/// added, and win where they say something else. What cannot become a static-PIE, and packages
/// that need C, are refused before anything is built.
///
/// With --cgo, or with `[cgo]` in handpie.toml, packages may use C: it is compiled by `handpie cc`,
/// hardened, and linked with musl, and the program is a static-PIE all the same.
///
/// In a cargo project, runs `cargo build --release` for the musl target with handpie's linker. With a
/// command behind `--`, runs it with CC and CXX set to handpie's compilers. Both look at every program
/// that came out, and name those that are no static-PIE.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  handpie build ./cmd/svc                       writes ./svc
  handpie build -o bin/ ./cmd/... -- -tags=ui   all below cmd, with a tag
  handpie build                                 in a cargo project: its programs
  handpie build -- make                         what make builds with $CC, $CXX
  GOARCH=arm64 handpie build --cgo ./cmd/svc    with C, for another CPU (zig)")]
pub(crate) struct Build {
    /// Packages, as for go build [default: the current folder]
    #[arg(value_name = "PACKAGES")]
    packages: Vec<String>,
    /// Write the program to this file, or the programs to this folder
    #[arg(short, long, value_name = "OUT")]
    output: Option<String>,
    /// The oldest CPU that it must run on: v1 to v4 on amd64, v6 or v7 on arm, v8.0 to v9.5 on arm64,
    /// power8 to power10 on ppc64 and ppc64le
    #[arg(long, value_name = "LEVEL")]
    cpu: Option<String>,
    /// This package does all you need without cgo; PKG/... means all packages below, too
    #[arg(long, value_name = "PKG")]
    pure: Vec<String>,
    /// Packages may use C, which is compiled and linked with a libc
    #[arg(long, conflicts_with = "pure")]
    cgo: bool,
    /// The libc of --cgo
    #[arg(long, value_enum, default_value_t)]
    libc: LibcChoice,
    #[command(flatten)]
    hardening: Hardening,
    /// Write no version into the programs
    #[arg(long)]
    no_stamp: bool,
    /// Print the go command and build nothing
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
        [] => toolchain::absolute(None)?,
        [one] if Path::new(one).is_dir() => toolchain::absolute(Some(Path::new(one)))?,
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
    let folder = toolchain::absolute(go.dir.as_deref())?;
    let cache = Cache::of_user();
    let allowed = cgo::Allowed::of(args.cgo)?;

    let merge = |request: &Request, settings: &GoEnv, version: &Version| {
        profile::merge(request, settings, version, &profile::is_handpie)
            .map_err(|against| toolchain::contradicted("this cannot become a static-PIE", &against))
    };
    // git and go are asked at the same time: what is listed does not depend on the version.
    let (asked, described) = std::thread::scope(|scope| {
        let described = scope.spawn(|| match args.no_stamp {
            true => Version::Unknown("--no-stamp".to_owned()),
            false => Version::of(&toolchain::module_folder(&folder)),
        });
        let unknown = Version::Unknown("git could not be asked".to_owned());
        let ask = || {
            let settings = cache.env(&go).map_err(toolchain::settings_failed)?;
            args.hardening.refuse_for(&settings.goarch)?;
            let request = Request {
                cgo: allowed.compilers(args.libc, &settings)?,
                ..request.clone()
            };
            let profile = merge(&request, &settings, &unknown)?;
            let listing = cache
                .list(&go, &settings, &profile)
                .map_err(toolchain::list_failed)?;
            Ok((settings, listing))
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
        .map_err(|one| toolchain::contradicted("there is nothing to write", &[one]))?;
    // From here on the build is possible, as far as can be known before it.

    let handpie = toolchain::own_path()?;
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
        Failure::new(Exit::Input, "failed to make a temporary folder").cause(cause)
    })?;
    let built = tool
        .env(record::FOLDER, records.path())
        .stdin(Stream::Inherit)
        .stdout(Stream::Inherit)
        .stderr(Stream::Inherit)
        .run();
    let said = record::read(records.path());
    if let Err(error) = built {
        if request.cgo.is_some()
            && let Some(forbidden) = cgo::forbidden_flag(&go, &profile)
        {
            return Err(forbidden);
        }
        return Err(toolchain::build_failed(error, &said, &profile));
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
            let made = match request.cgo {
                Some(_) => Some(cgo::look(&package, &path)?),
                None => said
                    .records
                    .iter()
                    .find(|one| one.package == package)
                    .cloned(),
            };
            let made = made.as_ref();
            report
                .programs
                .push(program(&package, path, made, &profile)?);
        }
    }
    reporter.print("build", &report)?;
    Ok(Exit::Done)
}

/// Outside any module, go builds no folder by its path. With one folder named, as in
/// `handpie build ./examples/service`, what is meant is plain: build it there, write it here.
fn enter_module(request: &mut Request) -> Result<Option<PathBuf>, Failure> {
    let has_module = |folder: &Path| toolchain::module_folder(folder).join("go.mod").is_file();
    let here = toolchain::absolute(None)?;
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
    let folder = toolchain::absolute(Some(Path::new(package)))?;
    if has_module(&here) || !folder.is_dir() || !has_module(&folder) {
        return Ok(None);
    }
    // A slash at the end tells go that it is a folder.
    let output = request.output.as_deref().unwrap_or("./");
    let slash = if output.ends_with('/') { "/" } else { "" };
    let output = toolchain::absolute(Some(Path::new(output)))?;
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
        _ if listing.mains.iter().any(|main| main.standard) => {
            Some(Version::Unknown("the program is a part of Go".to_owned()))
        }
        [] | [None] => None,
        [Some(version)] => Some(Version::Described(version.clone())),
        _ => Some(Version::Unknown(
            "the programs are from several modules".to_owned(),
        )),
    }
}

fn program(
    package: &str,
    path: PathBuf,
    made: Option<&Record>,
    profile: &Profile,
) -> Result<Program, Failure> {
    let record = match made {
        Some(record) => {
            // Only speeds up the next report.
            let _ = record::remember(&path, record);
            record.clone()
        }
        None => match record::recall(&path) {
            Some(record) => record,
            None => look(package, &path)?,
        },
    };
    let stamped = record.version_variables.clone();
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
        path: toolchain::shown(&path),
        up_to_date: made.is_none(),
        record,
        version,
    })
}

/// A program that an earlier build made and nothing is remembered of.
fn look(package: &str, path: &std::path::Path) -> Result<Record, Failure> {
    let mut input = Input::open(path)?;
    match input.look(|file| handpie_pie::convert(file))? {
        Ok(handpie_pie::Outcome::AlreadyStaticPie { by_us: true }) => {
            let record = Record::unchanged(package, &mut input)?;
            let _ = record::remember(path, &record);
            Ok(record)
        }
        _ => Err(Failure::new(
            Exit::Bug,
            format!("`{}` was built, but not converted", path.display()),
        )
        .hint("remove it and build again; please report how it came about")),
    }
}
