//! Programs that need C: who may, who compiles it, and what is said of the result.

use std::path::Path;

use clap::ValueEnum;
use handpie_audit::{Cgo as Declared, Kind, Subject};
use handpie_binary::Binary;
use handpie_toolchain::flags;
use handpie_toolchain::go::GoEnv;
use handpie_toolchain::link::sysroot::Target;
use handpie_toolchain::packages::{self, Listing};
use handpie_toolchain::profile::Cgo;

use crate::command::link::LibcChoice;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::input::Input;
use crate::policy::{PolicyArgs, Rulebook};
use crate::record::Record;
use crate::toolchain;

/// Whether packages may use C.
#[derive(Debug)]
pub(super) enum Allowed {
    /// All may: `--cgo`.
    All,
    /// Those that `handpie.toml` names.
    Declared(Declared),
    /// None may.
    Nobody,
}

impl Allowed {
    /// What the flag and the project say.
    pub(super) fn of(flag: bool) -> Result<Self, Failure> {
        if flag {
            return Ok(Self::All);
        }
        let rulebook = Rulebook::open(&PolicyArgs::default())?;
        Ok(match rulebook.policy.cgo() {
            Some(declared) => Self::Declared(declared.clone()),
            None => Self::Nobody,
        })
    }

    /// This program as the compiler, for the CPU that go builds for.
    pub(super) fn compilers(
        &self,
        libc: LibcChoice,
        settings: &GoEnv,
    ) -> Result<Option<Cgo>, Failure> {
        if matches!(self, Self::Nobody) {
            return Ok(None);
        }
        let Some(target) = Target::named(&settings.goarch) else {
            return Err(Failure::new(
                Exit::No,
                format!(
                    "programs with C are not built for GOARCH={}",
                    settings.goarch
                ),
            )
            .code("build-cpu"));
        };
        let own = toolchain::own_path()?.display().to_string();
        let libc = libc.to_possible_value();
        let libc = libc.map_or_else(String::new, |value| value.get_name().to_owned());
        let compiler = |mode: &str| {
            let words = [&own, mode, "--libc", &libc, "--cpu", target.go];
            flags::join(words.map(str::to_owned))
                .map_err(|error| Failure::new(Exit::Usage, error).code("build-quoting"))
        };
        Ok(Some(Cgo {
            cc: compiler("cc")?,
            cxx: compiler("c++")?,
        }))
    }

    /// Whether the program has C in it. What is only declared may be gone, or be well-known to do
    /// without.
    pub(super) fn is_used_by(&self, listing: &Listing) -> bool {
        match self {
            Self::All => true,
            Self::Declared(_) => !packages::is_pure_enough(listing),
            Self::Nobody => false,
        }
    }

    /// Refuses packages that need C and may not use it.
    pub(super) fn refuse_others(&self, listing: &Listing, pure: &[String]) -> Result<(), Failure> {
        let against = match self {
            Self::All => packages::against_with_cgo(listing),
            Self::Declared(declared) => {
                let allowed: Vec<String> = pure.iter().chain(&declared.packages).cloned().collect();
                let mut against = packages::against(listing, &allowed);
                against.extend(packages::against_with_cgo(listing));
                against
            }
            Self::Nobody => packages::against(listing, pure),
        };
        match against.is_empty() {
            true => Ok(()),
            false => Err(toolchain::contradicted("the program needs C", &against)),
        }
    }
}

/// What was linked. Our linker has looked at it already; go may have been told to use another.
pub(super) fn look(package: &str, path: &Path) -> Result<Record, Failure> {
    let mut input = Input::open(path)?;
    let mode = input.mode();
    let kind = input.look(|bytes| {
        let binary = Binary::parse(bytes).ok()?.into_iter().next()?;
        Some(Subject::of(binary, mode).ok()?.kind)
    })?;
    if kind == Some(Kind::StaticPie) {
        return Record::unchanged(package, &mut input);
    }
    let what = kind.map_or_else(|| "no binary".to_owned(), |kind| format!("a {kind}"));
    let message = format!("`{}` was built, and is {what}", path.display());
    Err(Failure::new(Exit::No, message)
        .code("link-not-static-pie")
        .hint("a flag in CGO_LDFLAGS or -extldflags asks for something else"))
}
