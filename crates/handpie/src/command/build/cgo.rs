//! Programs that need C: which packages may, and what compiles it.

use clap::ValueEnum;
use handpie_audit::Cgo as Declared;
use handpie_toolchain::command::Error;
use handpie_toolchain::flags;
use handpie_toolchain::go::{Go, GoEnv};
use handpie_toolchain::link::sysroot::Target;
use handpie_toolchain::packages::{self, Listing};
use handpie_toolchain::profile::{Cgo, Profile};

use crate::command::link::LibcChoice;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::go_failure;
use crate::paths;
use crate::policy::{PolicyArgs, Rulebook};

pub(super) const FORBIDDEN_FLAG: &str = "go-forbids-flag";

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
                    "programs with C code cannot be built for GOARCH={}",
                    settings.goarch
                ),
            )
            .code("build-cpu"));
        };
        let own = paths::own_program()?.display().to_string();
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
            false => Err(go_failure::contradicted("the program needs C", &against)),
        }
    }
}

/// A flag in a `#cgo` line that go does not let through. It has said so on standard error already, so it
/// is asked once more, to do nothing but say.
pub(super) fn forbidden_flag(go: &Go, profile: &Profile) -> Option<Failure> {
    let Err(Error::Failed { tail, .. }) = profile.command(go, &["-n"]).run() else {
        return None;
    };
    let (line, flag) = tail.lines().find_map(flag_in)?;
    let variable = format!("CGO_{line}_ALLOW");
    let message = format!("go does not allow `{flag}` in a `#cgo {line}` line");
    let failure = Failure::new(Exit::Tool, message)
        .code(FORBIDDEN_FLAG)
        .hint("remove the flag from the line: handpie cc adds the hardening flags itself")
        .hint(format!(
            "or allow the flag: {variable}='{flag}' handpie build ..."
        ));
    Some(failure)
}

/// The kind of line and the flag of what go says of one (cmd/go/internal/work/security.go).
fn flag_in(line: &str) -> Option<(&str, &str)> {
    let (_, said) = line.split_once("invalid flag in #cgo ")?;
    let (kind, flag) = said.split_once(": ")?;
    let flag = flag.split(" (see ").next().unwrap_or(flag);
    Some((kind, flag.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flag_is_found_in_what_go_says() {
        let says = "go build x: invalid flag in #cgo CFLAGS: -specs=a b (see https://go.dev/s/invalidflag)";
        assert_eq!(flag_in(says), Some(("CFLAGS", "-specs=a b")));
        assert_eq!(flag_in("invalid flag in pkg-config --cflags: -x"), None);
    }
}
