//! `cargo xtask bench vuln-differential`: `handpie vuln` beside govulncheck's binary mode, on the same
//! binaries with the same database, written to `bench/results`.
//!
//! On binaries with symbols both must name the same advisories at the level of symbols. What differs
//! is printed, and named in the result. A binary and its stripped twin must get one answer of handpie.
//!
//! The database is a `vulndb.zip`, by path or in the variable HANDPIE_VULNDB.

mod binaries;
mod speed;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use handpie_toolchain::command::Tool;
use serde_json::Value;
use xtask::workplace::Workplace;
use xtask::{output_of, root};

use crate::results;

use binaries::Pair;

/// The peer, by version: results of another are another table. 1.9.0 is not taken, because the module
/// proxy does not serve the version of golang.org/x/telemetry that it asks for.
const PEER: &str = "golang.org/x/vuln/cmd/govulncheck@v1.8.0";

/// Both programs, and the database in the form that each wants.
struct Contest {
    handpie: PathBuf,
    govulncheck: PathBuf,
    /// One file, made by `handpie db update`.
    ours: PathBuf,
    /// A folder, as `file://`.
    theirs: String,
}

/// `cargo xtask bench vuln-differential [VULNDB.ZIP] [HANDPIE]`.
pub(crate) fn run(args: &[String]) -> anyhow::Result<()> {
    let given = args.first().cloned();
    let zip = given.or_else(|| std::env::var("HANDPIE_VULNDB").ok());
    let zip = zip.context("name a vulndb.zip, or set HANDPIE_VULNDB")?;
    let handpie = match args.get(1) {
        Some(path) => PathBuf::from(path),
        None => Workplace::prepare()?.build_handpie()?,
    };
    let contest = Contest::prepare(handpie, Path::new(&zip))?;
    let mut text = format!(
        "# `handpie vuln` beside govulncheck\n\n\
         Made by `cargo xtask bench vuln-differential` on {}, {}, {}, handpie at {}, beside `{PEER}`.\n\
         Numbers are advisories at the level of symbols. \"Only\" names those that one of both has, on \
         the binary with symbols. Findings are what `--compat govulncheck -format json` and govulncheck \
         say of modules, packages and functions of the binary with symbols: how many both say, only \
         handpie, only govulncheck.\n\n\
         | binary | handpie | govulncheck | only handpie | only govulncheck | handpie, stripped | \
         govulncheck, stripped | findings: both, only handpie, only govulncheck |\n\
         |---|---|---|---|---|---|---|---|\n",
        output_of("date", &["+%F"])?,
        output_of("go", &["version"])?,
        output_of("uname", &["-srm"])?,
        output_of("git", &["describe", "--always", "--dirty"])?,
    );
    let path = results::file("vuln")?;
    let pairs = binaries::all(&root().join("target/vuln"), &contest.handpie)?;
    let mut twins_differ = Vec::new();
    let mut differ = Vec::new();
    for pair in &pairs {
        let row = contest.compare(pair, &mut differ, &mut twins_differ)?;
        println!("{row}");
        writeln!(text, "{row}")?;
        fs::write(&path, &text)?;
    }
    let count = pairs.len() + pairs.iter().filter(|pair| pair.stripped.is_some()).count();
    writeln!(
        text,
        "\n{count} binaries. {} differ at the level of symbols. Stripped twins with another answer of \
         handpie: {}.\n",
        differ.len(),
        twins_differ.len(),
    )?;
    text += &speed::measure(&contest, &pairs)?;
    fs::write(&path, &text)?;
    println!("wrote {}", path.display());
    anyhow::ensure!(
        twins_differ.is_empty(),
        "stripping changed the answer: {twins_differ:?}"
    );
    Ok(())
}

impl Contest {
    fn prepare(handpie: PathBuf, zip: &Path) -> anyhow::Result<Self> {
        let folder = root().join("target/vuln");
        let unpacked = folder.join("db");
        fs::create_dir_all(&unpacked)?;
        Tool::new("unzip")
            .args(["-q", "-o"])
            .arg(zip)
            .arg("-d")
            .arg(&unpacked)
            .run()?;
        let data = folder.join("data");
        let update = Tool::new(&handpie)
            .args(["db", "update", "--from"])
            .arg(zip);
        update.env("XDG_DATA_HOME", &data).run()?;
        let tools = root().join("target/tools/govulncheck");
        let govulncheck = tools.join("govulncheck");
        if !govulncheck.is_file() {
            let go = Tool::new("go").args(["install", PEER]);
            go.env("GOBIN", &tools)
                .run()
                .context("failed to install govulncheck")?;
        }
        Ok(Self {
            handpie,
            govulncheck,
            ours: data.join("handpie/advisories.db"),
            theirs: format!("file://{}", unpacked.display()),
        })
    }

    fn compare(
        &self,
        pair: &Pair,
        differ: &mut Vec<String>,
        twins_differ: &mut Vec<String>,
    ) -> anyhow::Result<String> {
        let ours = self.ours(&pair.file)?;
        let theirs = self.theirs(&pair.file)?;
        let only = |a: &BTreeSet<String>, b: &BTreeSet<String>| {
            let only: Vec<&str> = a.difference(b).map(String::as_str).collect();
            only.join(" ")
        };
        if ours != theirs {
            differ.push(pair.name.clone());
        }
        let (mut ours_stripped, mut theirs_stripped) = (String::new(), String::new());
        if let Some(stripped) = &pair.stripped {
            let twin = self.ours(stripped)?;
            if twin != ours {
                twins_differ.push(pair.name.clone());
            }
            ours_stripped = twin.len().to_string();
            theirs_stripped = self.theirs(stripped)?.len().to_string();
        }
        let compatible = findings(&self.compatible_tool(&pair.file), &pair.file)?;
        let peer = findings(&self.their_tool(&pair.file), &pair.file)?;
        Ok(format!(
            "| {} | {} | {} | {} | {} | {ours_stripped} | {theirs_stripped} | {}, {}, {} |",
            pair.name,
            ours.len(),
            theirs.len(),
            only(&ours, &theirs),
            only(&theirs, &ours),
            compatible.intersection(&peer).count(),
            compatible.difference(&peer).count(),
            peer.difference(&compatible).count(),
        ))
    }

    fn compatible_tool(&self, file: &Path) -> Tool {
        let tool = Tool::new(&self.handpie).args(["vuln", "--compat", "govulncheck"]);
        let tool = tool.args(["-mode=binary", "-format=json", "-db"]);
        tool.arg(&self.ours).arg(file)
    }

    fn our_tool(&self, file: &Path) -> Tool {
        let tool = Tool::new(&self.handpie)
            .arg("vuln")
            .arg("--db")
            .arg(&self.ours);
        tool.args(["--format", "json"]).arg(file)
    }

    fn their_tool(&self, file: &Path) -> Tool {
        let tool = Tool::new(&self.govulncheck).args(["-mode=binary", "-format=json", "-db"]);
        tool.arg(&self.theirs).arg(file)
    }

    /// The advisories that handpie has in the tier `symbol`.
    fn ours(&self, file: &Path) -> anyhow::Result<BTreeSet<String>> {
        let output = self.our_tool(file).output()?;
        let report: Value = serde_json::from_slice(&output.stdout)
            .with_context(|| format!("handpie said no JSON of {}", file.display()))?;
        let files = report["result"]["files"].as_array();
        let files = files.with_context(|| format!("no answer for {}", file.display()))?;
        let advisories = files
            .iter()
            .filter_map(|file| file["advisories"].as_array())
            .flatten();
        let symbol = advisories.filter(|advisory| advisory["tier"] == "symbol");
        let ids = symbol.filter_map(|advisory| advisory["id"].as_str());
        Ok(ids.map(str::to_owned).collect())
    }

    /// Those of which govulncheck has found a symbol.
    fn theirs(&self, file: &Path) -> anyhow::Result<BTreeSet<String>> {
        let findings = findings(&self.their_tool(file), file)?;
        let of_functions = findings.iter().filter(|it| it.function.is_some());
        Ok(of_functions.map(|it| it.osv.clone()).collect())
    }
}

/// What one of both says is vulnerable.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Finding {
    osv: String,
    module: Option<String>,
    package: Option<String>,
    function: Option<String>,
    receiver: Option<String>,
}

/// The findings in a stream of govulncheck's JSON.
fn findings(tool: &Tool, file: &Path) -> anyhow::Result<BTreeSet<Finding>> {
    let output = tool.output()?;
    let mut found = BTreeSet::new();
    for message in serde_json::Deserializer::from_slice(&output.stdout).into_iter::<Value>() {
        let message = message.with_context(|| format!("no JSON about {}", file.display()))?;
        let finding = &message["finding"];
        let frame = |key: &str| finding["trace"][0][key].as_str().map(str::to_owned);
        if let Some(osv) = finding["osv"].as_str() {
            found.insert(Finding {
                osv: osv.to_owned(),
                module: frame("module"),
                package: frame("package"),
                function: frame("function"),
                receiver: frame("receiver"),
            });
        }
    }
    Ok(found)
}
