//! `cargo xtask bench go-suites`: Go's own tests as the judge of a converted program.
//!
//! The same packages are tested twice with `go test -json`: plainly, and in the environment of
//! `handpie env`, where every test program (and every program that a test builds) is converted.
//! The outcomes are compared by name. Tests that differ are run again on both sides, because some
//! of Go's tests depend on the machine's mood; and those that still differ also as the dynamic PIE
//! from before the conversion, which tells what PIE does from what we do.
//!
//! cgo is off on both sides: with it on, these packages link libc and there is nothing to convert.
//!
//! With `--cpu`, both sides run under an emulator of user programs. Converted programs then move
//! themselves where their CPU has a mover: an emulator puts a program at the address it was linked
//! for if it can, and relocation would not be tested.

mod outcomes;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::{Context, bail};
use handpie_toolchain::command::Tool;
use xtask::workplace::Workplace;
use xtask::{ReportedFailure, output_of, root};

use crate::readelf::kind;
use crate::results;
use outcomes::{Outcome, Outcomes, WHOLE_PACKAGE, count, differing, outcomes, shown};

/// What is tested unless `--packages` says otherwise.
const PACKAGES: &[&str] = &[
    "runtime",
    "os",
    "os/exec",
    "os/signal",
    "net",
    "net/http",
    "crypto/tls",
    "reflect",
    "debug/...",
    "encoding/...",
    "text/template",
];

/// How often a test that differs is run again on each side.
const RERUNS: usize = 3;

/// With more tests of a package differing than this, running them again tells nothing.
const MOST_RERUNS: usize = 40;

/// `cargo xtask bench go-suites`.
pub(crate) fn run(args: &[String]) -> anyhow::Result<()> {
    let mut patterns: Vec<String> = PACKAGES.iter().map(ToString::to_string).collect();
    let mut short = false;
    let mut cpu = None;
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--short" => short = true,
            "--cpu" => {
                let name = args.next().context("`--cpu` needs a GOARCH")?;
                cpu = Some(Emulated::of(name)?);
            }
            "--packages" => {
                let list = args.next().context("`--packages` needs a list")?;
                patterns = list.split(',').map(str::to_owned).collect();
            }
            _ => bail!("unexpected argument `{arg}`; `cargo xtask bench help` lists them"),
        }
    }
    let of_cpu = cpu
        .as_ref()
        .map_or(String::new(), |cpu| format!("-{}", cpu.goarch));
    let suites = Suites::prepare(short, cpu)?;
    let path = results::file(&format!("go-suites{of_cpu}"))?;
    let mut report = Report {
        heading: suites.heading(&patterns)?,
        ..Report::default()
    };
    for package in &suites.list(&patterns)? {
        suites.judge(package, &mut report)?;
        // After each package, so that an interrupted run has not been in vain.
        std::fs::write(&path, report.text())?;
    }
    println!("wrote {}", path.display());
    if report.differences.contains(OURS) {
        return Err(ReportedFailure.into());
    }
    Ok(())
}

/// What is written into `bench/results`, a list of lines each.
#[derive(Default)]
struct Report {
    heading: String,
    rows: String,
    differences: String,
    failing: String,
}

impl Report {
    fn text(&self) -> String {
        let or_none = |list: &str| {
            if list.is_empty() {
                "None.\n".to_owned()
            } else {
                list.to_owned()
            }
        };
        format!(
            "{}{}\n## Differences\n\n{}\n## Failing on both sides\n\n{}",
            self.heading,
            self.rows,
            or_none(&self.differences),
            or_none(&self.failing)
        )
    }
}

/// The verdict that makes the run fail.
const OURS: &str = "**differs because of the conversion**";

/// How a test program is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    /// As `go test` does it: position-dependent.
    Plain,
    /// As the dynamic PIE that a conversion starts from.
    DynamicPie,
    /// In the environment of `handpie env`.
    Converted,
}

/// Another CPU than that of this machine.
struct Emulated {
    goarch: String,
    emulator: &'static str,
    /// What `handpie env` is given.
    options: &'static [&'static str],
}

impl Emulated {
    fn of(goarch: &str) -> anyhow::Result<Self> {
        const MOVED: &[&str] = &["--aslr", "full"];
        let (emulator, options) = match goarch {
            "arm" => ("qemu-arm-static", &[][..]),
            "arm64" => ("qemu-aarch64-static", MOVED),
            "loong64" => ("qemu-loongarch64-static", MOVED),
            "ppc64" => ("qemu-ppc64-static", MOVED),
            "ppc64le" => ("qemu-ppc64le-static", MOVED),
            "riscv64" => ("qemu-riscv64-static", &[][..]),
            "s390x" => ("qemu-s390x-static", MOVED),
            _ => bail!("`{goarch}` is no CPU whose programs run under an emulator"),
        };
        Ok(Self {
            goarch: goarch.to_owned(),
            emulator,
            options,
        })
    }
}

struct Suites {
    workplace: Workplace,
    /// What `handpie env` sets.
    converted: BTreeMap<String, String>,
    short: bool,
    cpu: Option<Emulated>,
    scratch: PathBuf,
}

impl Suites {
    fn prepare(short: bool, cpu: Option<Emulated>) -> anyhow::Result<Suites> {
        let workplace = Workplace::prepare()?;
        let scratch = root().join("target/go-suites");
        std::fs::create_dir_all(&scratch)?;
        // A copy, so that working on handpie meanwhile does not change what is judged.
        let handpie = scratch.join("handpie");
        std::fs::copy(workplace.build_handpie()?, &handpie)?;
        let mut env = workplace.tool(&handpie).args(["env", "--shell", "json"]);
        if let Some(cpu) = &cpu {
            env = env.args(cpu.options).env("GOARCH", &cpu.goarch);
        }
        let converted = serde_json::from_slice(&env.run()?.stdout)
            .context("`handpie env --shell json` gives an object of strings")?;
        Ok(Suites {
            workplace,
            converted,
            short,
            cpu,
            scratch,
        })
    }

    fn go(&self, side: Side) -> Tool {
        let mut go = self
            .workplace
            .tool("go")
            .dir(&self.scratch)
            .env("CGO_ENABLED", "0");
        if let Some(cpu) = &self.cpu {
            go = go.env("GOARCH", &cpu.goarch);
        }
        match side {
            Side::Plain => go = go.env_remove("GOFLAGS"),
            Side::DynamicPie => go = go.env("GOFLAGS", "-buildmode=pie"),
            Side::Converted => {
                for (name, value) in &self.converted {
                    go = go.env(name, value);
                }
            }
        }
        go
    }

    /// Compares the two sides of a package.
    fn judge(&self, package: &str, report: &mut Report) -> anyhow::Result<()> {
        let plain = self.test(Side::Plain, package, None)?;
        let converted = self.test(Side::Converted, package, None)?;
        let differing = differing(&plain, &converted);
        let row = format!(
            "| {package} | {} | {} | {} | {} |",
            count(&plain),
            count(&converted),
            differing.len(),
            self.kind_of_test_program(package)?
        );
        println!("{row}");
        _ = writeln!(report.rows, "{row}");
        // A subtest runs only within its test.
        let mut tests: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for name in &differing {
            let test = name.split('/').next().unwrap_or(name);
            tests.entry(test).or_default().push(name);
        }
        if tests.len() > MOST_RERUNS || differing.iter().eq([&WHOLE_PACKAGE]) {
            let line = format!("- {package}: {OURS}, as a whole; nothing was run again\n");
            print!("{line}");
            report.differences.push_str(&line);
            tests.clear();
        }
        // It follows from the others.
        tests.remove(WHOLE_PACKAGE);
        for (test, names) in tests {
            let lines = self.judge_again(package, test, &names, [&plain, &converted])?;
            print!("{lines}");
            report.differences.push_str(&lines);
        }
        for (name, outcome) in &plain {
            if *outcome == Outcome::Fail && converted.get(name) == Some(outcome) {
                _ = writeln!(report.failing, "- {package} {name}");
            }
        }
        Ok(())
    }

    /// The packages that patterns name and that have tests.
    fn list(&self, patterns: &[String]) -> anyhow::Result<Vec<String>> {
        let has_tests = "{{if or .TestGoFiles .XTestGoFiles}}{{.ImportPath}}{{end}}";
        let list = self.go(Side::Plain).args(["list", "-f", has_tests]);
        let output = list.args(patterns).run()?;
        let text = String::from_utf8(output.stdout)?;
        Ok(text
            .lines()
            .filter(|line| !line.is_empty())
            .map(str::to_owned)
            .collect())
    }

    /// Runs a package's tests, or only one of them, several times.
    fn test(&self, side: Side, package: &str, only: Option<&str>) -> anyhow::Result<Outcomes> {
        let mut go = self.go(side).args(["test", "-json", "-timeout=40m"]);
        if self.short {
            go = go.arg("-short");
        }
        if let Some(cpu) = &self.cpu {
            return self.test_emulated(cpu, side, package, only);
        }
        go = match only {
            None => go.arg("-count=1"),
            Some(test) => go
                .arg(format!("-count={RERUNS}"))
                .arg(format!("-run=^{test}$")),
        };
        // It fails when a test fails; the outcomes say more.
        let output = go.arg(package).output()?;
        let outcomes = outcomes(&String::from_utf8_lossy(&output.stdout));
        if outcomes.is_empty() {
            bail!(
                "`go test {package}` said nothing: {}",
                String::from_utf8_lossy(&output.stderr)
            );
        }
        Ok(outcomes)
    }

    /// The same under an emulator. Some of the programs that Go's tests start hang there, and `go test`
    /// would wait for their output; so it goes into a file, and they are ended with the test.
    fn test_emulated(
        &self,
        cpu: &Emulated,
        side: Side,
        package: &str,
        only: Option<&str>,
    ) -> anyhow::Result<Outcomes> {
        const RUN: &str =
            r#"timeout -k 5 1500 "$@" >"$0" 2>&1 & pid=$!; wait $pid; kill -9 -- -$pid; true"#;
        const READ: &str = r#"go tool test2json -p "$1" <"$0""#;
        let (program, log) = (self.scratch.join("emulated.test"), self.scratch.join("log"));
        let compile = self.go(side).args(["test", "-c", "-o"]);
        compile.arg(&program).arg(package).run()?;
        let folder = self
            .go(side)
            .args(["list", "-f", "{{.Dir}}", package])
            .run()?;
        let folder = String::from_utf8(folder.stdout)?.trim().to_owned();
        let mut run = Tool::new("sh")
            .args(["-c", RUN])
            .arg(&log)
            .arg(cpu.emulator);
        run = run.arg(&program).arg("-test.v=test2json").dir(folder);
        if self.short {
            run = run.arg("-test.short");
        }
        if let Some(test) = only {
            run = run
                .arg(format!("-test.count={RERUNS}"))
                .arg(format!("-test.run=^{test}$"));
        }
        run.output()?;
        let read = Tool::new("sh")
            .args(["-c", READ])
            .arg(&log)
            .arg(package)
            .run()?;
        Ok(outcomes(&String::from_utf8_lossy(&read.stdout)))
    }

    /// What readelf calls the test program of a package, so that it is sure what was judged.
    fn kind_of_test_program(&self, package: &str) -> anyhow::Result<&'static str> {
        let program = self.scratch.join("judged.test");
        let compile = self.go(Side::Converted).args(["test", "-c", "-o"]);
        compile.arg(&program).arg(package).run()?;
        kind(&program)
    }

    /// Runs a test that differed again, on every side, and says of each name whose doing it is.
    fn judge_again(
        &self,
        package: &str,
        test: &str,
        names: &[&str],
        before: [&Outcomes; 2],
    ) -> anyhow::Result<String> {
        let again = |side| self.test(side, package, Some(test));
        let (plain, converted) = (again(Side::Plain)?, again(Side::Converted)?);
        let dynamic = if plain == converted {
            None
        } else {
            Some(again(Side::DynamicPie)?)
        };
        let mut lines = String::new();
        for name in names {
            let [was_plain, was_converted] = before.map(|outcomes| shown(outcomes, name));
            let (is_plain, is_converted) = (shown(&plain, name), shown(&converted, name));
            let verdict = match &dynamic {
                _ if is_plain == is_converted => "flaky",
                Some(dynamic) if shown(dynamic, name) == is_converted => {
                    "differs because of PIE: the same as a dynamic PIE, before any conversion"
                }
                _ => OURS,
            };
            _ = writeln!(
                lines,
                "- {package} {name}: plain {was_plain}, converted {was_converted}; in {RERUNS} \
                 more runs plain {is_plain}, converted {is_converted}: {verdict}"
            );
        }
        Ok(lines)
    }

    fn heading(&self, patterns: &[String]) -> anyhow::Result<String> {
        let go = self.go(Side::Plain).arg("version").run()?;
        let go = String::from_utf8_lossy(&go.stdout);
        let commit = output_of("git", &["describe", "--always", "--dirty"])?;
        let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let cpu = cpu.lines().find_map(|line| line.strip_prefix("model name"));
        let mut variables = String::new();
        for (name, value) in &self.converted {
            // Paths of this machine are nobody's business.
            let value = value.replace(&format!("{}/", self.scratch.display()), "");
            _ = writeln!(variables, "    {name}={value}");
        }
        Ok(format!(
            "# Go's own tests, plain and converted\n\n\
             `cargo xtask bench go-suites{}{} --packages {}` at {commit}; {}; Linux {}; {} cores, {}.\n\n\
             Plain is `CGO_ENABLED=0 go test -json`; converted is the same with what `handpie env` sets:\n\n\
             {variables}\n\
             A test that is run several times, or ends differently, counts as its worst outcome.\n\n\
             | package | plain pass/fail/skip | converted pass/fail/skip | differ | test program |\n\
             |---|---|---|---|---|\n",
            if self.short { " --short" } else { "" },
            self.cpu
                .as_ref()
                .map_or(String::new(), |cpu| format!(" --cpu {}", cpu.goarch)),
            patterns.join(","),
            go.trim(),
            output_of("uname", &["-r"])?,
            std::thread::available_parallelism()?,
            cpu.unwrap_or("CPU unknown")
                .trim_start_matches([' ', '\t', ':'])
        ))
    }
}
