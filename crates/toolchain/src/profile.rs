//! The release profile for Go, merged with what the user says.
//!
//! The profile: no cgo, `-buildmode=pie`, `-trimpath`, no DWARF but the symbol table (`-w`, not
//! `-s`), all symbols bound at start (`-bindnow`), pure-Go name lookup, a CPU level that machines
//! of the last ten years have, and the version. For the CPUs whose PIE go's linker cannot link
//! itself, `-buildmode=exe`: go refuses the other, and the wrapper makes one of it.
//!
//! cmd/go lets the last `-ldflags` and the last `-tags` win alone, and the command line over
//! GOFLAGS. So ours are not just added: every `-ldflags` of the user is said again with ours in
//! front, where the user's win, and the last `-tags` is said again with ours behind.
//!
//! Not here: whether the packages need cgo (`packages`), and starting go.

use crate::command::Tool;
use crate::contradiction::{Code, Contradiction};
use crate::flags::{self, CommandLine, Flag, LinkerFlags};
use crate::go::{Go, GoEnv};
use crate::version::Version;
use crate::wrapper::one_object;

mod conflicts;

pub use conflicts::{is_handpie, platform};

/// What the user wants built.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// Packages or files, as for `go build`; none means the current folder.
    pub packages: Vec<String>,
    /// `-o`.
    pub output: Option<String>,
    /// `--cpu`: the value for GOAMD64, GOARM64, GOARM or GOPPC64.
    pub cpu: Option<String>,
    /// What stands after `--`.
    pub go_flags: Vec<String>,
    /// With C in it: who compiles and links that.
    pub cgo: Option<Cgo>,
}

/// Who compiles and links the C of a program with cgo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cgo {
    /// The value of CC: a command, quoted as go splits it.
    pub cc: String,
    /// The value of CXX.
    pub cxx: String,
}

/// go's own default, and what it records of hardening in the program's build information. The rest
/// comes from the compiler's wrapper.
const CGO_CFLAGS: &str = "-O2 -g -fstack-protector-strong -fstack-clash-protection";

/// A `go build` that makes a release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// What to set in the environment.
    pub env: Vec<(&'static str, String)>,
    /// All flags for `go build`, without `-toolexec`.
    pub flags: Vec<String>,
    /// The flags that also decide what `go list` sees.
    pub list_flags: Vec<String>,
    /// The packages.
    pub packages: Vec<String>,
    /// The effective `-o`.
    pub output: Option<String>,
    /// What becomes of the version.
    pub stamp: Stamp,
    /// `-n`: go only prints what it would do.
    pub prints_only: bool,
    /// What is done as asked, but may not be what was meant.
    pub warnings: Vec<String>,
}

impl Profile {
    /// The `go build` of it, with more flags.
    pub fn command(&self, go: &Go, more: &[&str]) -> Tool {
        let mut tool = go.tool(["build"]).args(&self.flags).args(more);
        for (name, value) in &self.env {
            tool = tool.env(name, value);
        }
        match self.packages.is_empty() {
            true => tool,
            false => tool.arg("--").args(&self.packages),
        }
    }
}

/// What becomes of the version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stamp {
    /// This version is written into `main.Version` and `main.version`.
    Ours(String),
    /// The user's own `-X` names these variables.
    Users(Vec<String>),
    /// There is no version, for this reason.
    Nothing(String),
}

/// The variables that carry a version by custom.
pub const VERSION_VARIABLES: [&str; 2] = ["main.Version", "main.version"];

const TAGS: [&str; 2] = ["netgo", "osusergo"];

/// The folder of `-C`, which must be known before go is asked anything.
pub fn chdir(go_flags: &[String]) -> Option<String> {
    let line = flags::parse(go_flags);
    let flag = line.flags.into_iter().rev().find(|flag| flag.name == "C");
    flag.and_then(|flag| flag.value)
}

/// Merges the profile with the user's flags and settings, or says everything that is against it.
///
/// `is_ours` tells whether a `-toolexec` is this program.
pub fn merge(
    request: &Request,
    env: &GoEnv,
    version: &Version,
    is_ours: &dyn Fn(&str) -> bool,
) -> Result<Profile, Vec<Contradiction>> {
    let mut against = Vec::new();
    let said = Said::of(request, env, &mut against);
    conflicts::find(request, env, &said, is_ours, &mut against);
    let stamp = stamp(&said, version, &mut against);
    let tags = tags(&said, &mut against);
    if !against.is_empty() {
        against.sort_by_key(|one| Code::ALL.iter().position(|code| *code == one.code));
        return Err(against);
    }
    // From here on nothing the user said contradicts the profile.

    // Said even where it is go's default: GOFLAGS may say the other.
    let mode = if one_object(&env.goarch) && request.cgo.is_none() {
        "exe"
    } else {
        "pie"
    };
    let mut flags = vec![format!("-buildmode={mode}")];
    if said.last("trimpath").is_none() {
        flags.push("-trimpath".to_owned());
    }
    let tags = format!("-tags={}", tags.join(","));
    flags.push(tags.clone());
    let ours = linker_flags(request, env, &stamp);
    flags.push(format!("-ldflags={ours}"));
    for users in &said.linker {
        flags.push(format!("-ldflags={}", users.after(&ours)));
    }
    if let Some(output) = &said.output {
        flags.push(format!("-o={output}"));
    }
    let mut list_flags = vec![tags, "-buildvcs=false".to_owned()];
    if mode == "exe" {
        list_flags.extend(flags.first().cloned());
    }
    for flag in &said.line.flags {
        match flag.name.as_str() {
            "C" | "buildmode" | "ldflags" | "o" | "tags" | "toolexec" => {}
            "mod" | "modfile" | "overlay" | "installsuffix" | "pkgdir" => {
                list_flags.push(flag.word());
                flags.push(flag.word());
            }
            _ => flags.push(flag.word()),
        }
    }
    let mut packages = request.packages.clone();
    packages.extend(said.line.packages.iter().cloned());
    Ok(Profile {
        env: environment(request, env),
        flags,
        list_flags,
        packages,
        prints_only: said.is_on("n"),
        warnings: warnings(&said),
        output: said.output,
        stamp,
    })
}

/// Everything the user said, in the order in which go hears it.
pub(crate) struct Said {
    goflags: Vec<Flag>,
    line: CommandLine,
    linker: Vec<LinkerFlags>,
    /// The flags inside all `-ldflags`.
    to_linker: Vec<Flag>,
    output: Option<String>,
}

impl Said {
    fn of(request: &Request, env: &GoEnv, against: &mut Vec<Contradiction>) -> Said {
        let goflags = flags::parse_goflags(&env.goflags).unwrap_or_else(|error| {
            against.push(unreadable("GOFLAGS", &env.goflags, &error));
            Vec::new()
        });
        let mut said = Said {
            goflags,
            line: flags::parse(&request.go_flags),
            linker: Vec::new(),
            to_linker: Vec::new(),
            output: None,
        };
        let values = said.all("ldflags").filter_map(|flag| flag.value.as_deref());
        let linker: Vec<_> = values.map(LinkerFlags::parse).collect();
        for one in &linker {
            match one.flags() {
                Ok(flags) => said.to_linker.extend(flags),
                Err(error) => against.push(unreadable("-ldflags", &one.text, &error)),
            }
        }
        said.linker = linker;
        said.output = said.last("o").and_then(|flag| flag.value.clone());
        if let Some(ours) = &request.output {
            let theirs = said.line.flags.iter().rev().find(|flag| flag.name == "o");
            if theirs.is_some_and(|flag| flag.value.as_ref() != Some(ours)) {
                against.push(Contradiction::new(
                    Code::BuildOutputTwice,
                    "`-o` is given both before and after `--`, with different names",
                    "give `-o` once",
                ));
            }
            said.output = Some(ours.clone());
        }
        said
    }

    fn all(&self, name: &str) -> impl DoubleEndedIterator<Item = &Flag> {
        let flags = self.goflags.iter().chain(&self.line.flags);
        flags.filter(move |flag| flag.name == name)
    }

    /// The one that counts: the command line over GOFLAGS, the later over the earlier.
    fn last(&self, name: &str) -> Option<&Flag> {
        self.all(name).next_back()
    }

    /// Whether a switch is on at the end.
    fn is_on(&self, name: &str) -> bool {
        self.last(name).is_some_and(Flag::is_on)
    }

    fn place_of(&self, name: &str) -> &'static str {
        let line = self.line.flags.iter().any(|flag| flag.name == name);
        if line { "after `--`" } else { "in GOFLAGS" }
    }
}

fn environment(request: &Request, env: &GoEnv) -> Vec<(&'static str, String)> {
    let mut vars = match &request.cgo {
        Some(cgo) => with_cgo(cgo, env),
        None => vec![("CGO_ENABLED", "0".to_owned())],
    };
    // The variable of the CPU's level, and ours where Go's own default leaves older CPUs out.
    let (name, ours) = match env.goarch.as_str() {
        "amd64" => ("GOAMD64", Some("v2")),
        "arm64" => ("GOARM64", Some("v8.0")),
        // Every board that runs Linux has it, and Go's own default when it cross-compiles is 7.
        "arm" => ("GOARM", Some("6")),
        "ppc64" | "ppc64le" => ("GOPPC64", None),
        _ => return vars,
    };
    match (&request.cpu, ours) {
        (Some(level), _) if name == "GOARM" => {
            vars.push((name, level.trim_start_matches('v').to_owned()));
        }
        (Some(level), _) => vars.push((name, level.clone())),
        (None, Some(level)) if !env.is_set(name) => vars.push((name, level.to_owned())),
        _ => {}
    }
    vars
}

/// The user's own flags for C stand behind ours, and win.
fn with_cgo(cgo: &Cgo, env: &GoEnv) -> Vec<(&'static str, String)> {
    let flags = |users: &str| match users.is_empty() || users == "-O2 -g" {
        true => CGO_CFLAGS.to_owned(),
        false => format!("{CGO_CFLAGS} {users}"),
    };
    vec![
        ("CGO_ENABLED", "1".to_owned()),
        ("CC", cgo.cc.clone()),
        ("CXX", cgo.cxx.clone()),
        ("CGO_CFLAGS", flags(&env.cgo_cflags)),
        ("CGO_CXXFLAGS", flags(&env.cgo_cxxflags)),
    ]
}

fn linker_flags(request: &Request, env: &GoEnv, stamp: &Stamp) -> String {
    let mut ours = String::from("-w");
    if request.cgo.is_some() {
        ours.push_str(" -linkmode=external");
    }
    // Measured: Go 1.22's linker does not know the flag, 1.24's does; release notes of Go 1.23.
    if env.is_at_least((1, 23)) {
        ours.push_str(" -bindnow");
    }
    if let Stamp::Ours(version) = stamp {
        for variable in VERSION_VARIABLES {
            let word = flags::join([format!("{variable}={version}")]);
            // `stamp` has made sure that it can be said.
            ours.push_str(&format!(" -X {}", word.unwrap_or_default()));
        }
    }
    ours
}

fn stamp(said: &Said, version: &Version, against: &mut Vec<Contradiction>) -> Stamp {
    let set = said.to_linker.iter().filter(|flag| flag.name == "X");
    let named = set.filter_map(|flag| flag.value.as_deref()?.split_once('='));
    let users: Vec<String> = VERSION_VARIABLES
        .iter()
        .filter(|variable| named.clone().any(|(name, _)| name == **variable))
        .map(|variable| (*variable).to_owned())
        .collect();
    match version {
        _ if !users.is_empty() => Stamp::Users(users),
        Version::Unknown(reason) => Stamp::Nothing(reason.clone()),
        Version::Described(version) => match flags::join([format!("main.Version={version}")]) {
            Ok(_) => Stamp::Ours(version.clone()),
            Err(error) => {
                against.push(unreadable("the version from git", version, &error));
                Stamp::Nothing(error.to_string())
            }
        },
    }
}

fn tags(said: &Said, against: &mut Vec<Contradiction>) -> Vec<String> {
    let value = said.last("tags").and_then(|flag| flag.value.as_deref());
    let mut tags = flags::parse_tags(value.unwrap_or_default()).unwrap_or_else(|error| {
        against.push(unreadable("-tags", value.unwrap_or_default(), &error));
        Vec::new()
    });
    for ours in TAGS {
        if !tags.iter().any(|tag| tag == ours) {
            tags.push(ours.to_owned());
        }
    }
    tags
}

fn warnings(said: &Said) -> Vec<String> {
    let strip = said.to_linker.iter().rev().find(|flag| flag.name == "s");
    let mut warnings = Vec::new();
    if strip.is_some_and(Flag::is_on) {
        warnings.push(
            "`-ldflags=-s` removes the symbol table: gdb and perf show no function names, and \
             govulncheck matches vulnerabilities by package only"
                .to_owned(),
        );
    }
    warnings
}

fn unreadable(what: &str, text: &str, error: &flags::Error) -> Contradiction {
    Contradiction::new(
        Code::BuildQuoting,
        format!("{what} `{text}`: {error}"),
        "Go flags have no escape characters: quote a whole word with either '…' or \"…\"",
    )
}

#[cfg(test)]
mod tests;
