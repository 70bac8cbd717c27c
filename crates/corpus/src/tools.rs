//! What recipes need: is it there, and which version is it.
//!
//! A need is written as
//! - `gcc`: a command in PATH;
//! - `gcc:libasan.so`: a file that this compiler finds by itself;
//! - `rustc:x86_64-unknown-linux-musl`: a target whose standard library is installed;
//! - `go-1.22.10`: a Go that `cargo xtask setup --all` fetches; `{go-1.22.10}` is its path;
//! - `zig`: fetched by `cargo xtask setup --all`, or in PATH, or a Python package; `{zig}` is its call;
//! - `handpie`: the one built from here; `{handpie}` is its path;
//! - `/a/file`: that file.

use std::collections::BTreeMap;
use std::path::Path;

use handpie_toolchain::command::Tool;
use xtask::workplace::Workplace;
use xtask::{system_tools, toolchains};

use crate::recipe::Recipe;

/// Every need of the recipes that is fulfilled: how it is called, and its version.
pub(crate) struct Tools(BTreeMap<String, Found>);

#[derive(Clone, Debug)]
pub(crate) struct Found {
    /// What stands for it in a command line.
    pub(crate) call: String,
    /// What changes when it changes.
    pub(crate) version: String,
}

impl Tools {
    /// Looks for everything that the recipes need.
    pub(crate) fn find(recipes: &[Recipe], workplace: &Workplace, handpie: &Path) -> Tools {
        let mut found = BTreeMap::new();
        for need in recipes.iter().flat_map(|recipe| &recipe.needs) {
            if !found.contains_key(need) {
                found.insert(need.clone(), look_for(need, workplace, handpie));
            }
        }
        let there = |(need, tool): (String, Option<Found>)| Some((need, tool?));
        Tools(found.into_iter().filter_map(there).collect())
    }

    pub(crate) fn get(&self, need: &str) -> Option<&Found> {
        self.0.get(need)
    }

    /// What a recipe needs and this machine has not.
    pub(crate) fn missing<'a>(&self, recipe: &'a Recipe) -> Vec<&'a str> {
        let needs = recipe.needs.iter().map(String::as_str);
        needs.filter(|need| !self.0.contains_key(*need)).collect()
    }
}

fn look_for(need: &str, workplace: &Workplace, handpie: &Path) -> Option<Found> {
    if need == "handpie" {
        return of_bytes(handpie);
    }
    if need == "zig" {
        return zig(workplace);
    }
    if let Some(version) = need.strip_prefix("go-") {
        let go = toolchains::fetched_go(version)?;
        return Some(Found {
            call: go.display().to_string(),
            version: version.to_owned(),
        });
    }
    if need.starts_with('/') {
        return of_bytes(Path::new(need));
    }
    if let Some(target) = need.strip_prefix("rustc:") {
        let tool = workplace.tool("rustc");
        let folder = said(tool.args(["--print", "target-libdir", "--target", target]))?;
        return Path::new(&folder).is_dir().then(|| Found {
            call: target.to_owned(),
            version: folder,
        });
    }
    if let Some((compiler, file)) = need.split_once(':') {
        return of_bytes(&system_tools::compilers_file(compiler, file)?);
    }
    system_tools::find_in_path(need)?;
    let version_flag = match need {
        "go" => "version",
        _ => "--version",
    };
    Some(Found {
        call: need.to_owned(),
        // A tool that has no version is taken as it is.
        version: said(workplace.tool(need).arg(version_flag)).unwrap_or_default(),
    })
}

/// The one that is fetched for the corpus goes before the user's: what zig makes changes with its
/// version, and truth is known of this one.
fn zig(workplace: &Workplace) -> Option<Found> {
    let ours = toolchains::fetched_zig().map(|zig| zig.display().to_string());
    let calls = [ours.as_deref(), Some("zig"), Some("python3 -m ziglang")];
    calls.into_iter().flatten().find_map(|call| {
        let (program, arguments) = call.split_once(' ').unwrap_or((call, ""));
        let tool = workplace.tool(program).args(arguments.split_whitespace());
        Some(Found {
            call: call.to_owned(),
            version: said(tool.arg("version"))?,
        })
    })
}

fn of_bytes(path: &Path) -> Option<Found> {
    let bytes = std::fs::read(path).ok()?;
    Some(Found {
        call: path.display().to_string(),
        version: crate::build::hash_of(&bytes),
    })
}

/// The first line of what a tool prints, if it succeeds.
fn said(tool: Tool) -> Option<String> {
    let output = tool.run().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().next().map(str::to_owned)
}
