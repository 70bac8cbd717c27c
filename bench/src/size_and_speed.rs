//! `cargo xtask bench size-and-speed`: size and speed, side by side in one run, written to `bench/results`.
//!
//! Each pair of commands runs in turn, A B A B, and the ratio is the median over the pairs: the
//! machine may be slower at one time than at another, but not within a pair.
//! Nothing here gates a test.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Context;
use handpie_toolchain::command::Tool;
use xtask::workplace::Workplace;
use xtask::{flags, output_of, root};

use crate::results;
use crate::timing::{PAIRS, pairs, timed};

/// Every CPU whose programs become static-PIE, and the first Go that knows them all.
const CPUS: [&str; 9] = [
    "386", "amd64", "arm", "arm64", "loong64", "ppc64", "ppc64le", "riscv64", "s390x",
];
const NEWEST: &str = "1.27.3";

/// What is measured: a name, the folder and the package.
const PROGRAMS: [(&str, &str, &str); 3] = [
    ("hello", "examples/hello", "."),
    ("service", "examples/service", "."),
    ("cmd/go", "examples/hello", "cmd/go"),
];

/// `cargo xtask bench size-and-speed`.
pub(crate) fn run(args: &[String]) -> anyhow::Result<()> {
    flags(args, [])?;
    let workplace = Workplace::prepare()?;
    let bench = Bench {
        handpie: workplace.build_handpie()?,
        folder: root().join("target/bench"),
        workplace,
    };
    fs::create_dir_all(&bench.folder)?;
    let mut text = Bench::heading()?;
    bench.sizes(&mut text)?;
    bench.sizes_everywhere(&mut text)?;
    bench.conversion(&mut text)?;
    bench.builds(&mut text)?;
    bench.wrapper(&mut text)?;
    results::write("size-and-speed", &text)
}

struct Bench {
    handpie: PathBuf,
    folder: PathBuf,
    workplace: Workplace,
}

impl Bench {
    fn heading() -> anyhow::Result<String> {
        let cpus = std::thread::available_parallelism()?;
        Ok(format!(
            "# Size and speed\n\n\
             Made by `cargo xtask bench size-and-speed` on {}, {}, {}, {cpus} CPUs. Release build of handpie at \
             {}.\nTimes are medians of {PAIRS} runs of the whole process, in milliseconds; a ratio \
             is the median of the ratios of neighbouring runs.\n",
            output_of("date", &["+%F"])?,
            output_of("go", &["version"])?,
            output_of("uname", &["-srm"])?,
            output_of("git", &["describe", "--always", "--dirty"])?,
        ))
    }

    /// The same program, linked in three ways from the same flags.
    fn sizes(&self, text: &mut String) -> anyhow::Result<()> {
        *text += "\n## Size in bytes\n\n\
             Flags of all three: `-trimpath -ldflags=-w`, CGO_ENABLED=0.\n\n\
             | program | CPU | executable | dynamic PIE | static-PIE | to executable | to PIE |\n\
             |---|---|---|---|---|---|---|\n";
        for cpu in ["amd64", "arm64"] {
            for program in PROGRAMS {
                let executable = size(&self.link(program, cpu, "exe")?)?;
                let pie = self.link(program, cpu, "pie")?;
                let result = size(&self.convert(&pie)?)?;
                let pie = size(&pie)?;
                writeln!(
                    text,
                    "| {} | {cpu} | {executable} | {pie} | {result} | {:.4} | {:.4} |",
                    program.0,
                    result as f64 / executable as f64,
                    result as f64 / pie as f64
                )?;
            }
        }
        Ok(())
    }

    /// Every CPU, with a Go that has them all, in the environment of `handpie env`.
    fn sizes_everywhere(&self, text: &mut String) -> anyhow::Result<()> {
        let goroot = root().join(format!("target/toolchains/go-{NEWEST}/go"));
        let go = goroot.join("bin/go");
        if !go.is_file() {
            println!("left out: all CPUs, for want of Go {NEWEST} (`cargo xtask setup --all`)");
            return Ok(());
        }
        write!(
            text,
            "\n## Size in bytes on every CPU\n\nGo {NEWEST}; `-trimpath -ldflags=-w`, plain and in \
             the environment of `handpie env`. Segments are aligned to 4 KiB on 386, amd64 and \
             riscv64 and to 64 KiB elsewhere; a PIE has one segment more.\n\n\
             | program | CPU | executable | static-PIE | ratio | more |\n|---|---|---|---|---|---|\n"
        )?;
        for cpu in CPUS {
            let path = std::env::join_paths([goroot.join("bin"), "/usr/bin".into()])?;
            let env = Tool::new(&self.handpie).args(["env", "--shell", "json"]);
            let env = env
                .env("GOARCH", cpu)
                .env("PATH", path)
                .env("GOFLAGS", "")
                .run()?;
            let env: BTreeMap<String, String> = serde_json::from_slice(&env.stdout)?;
            // Not cmd/go: compiling it for all of them takes too long.
            for (name, folder, package) in PROGRAMS.into_iter().take(2) {
                let link = |converted: bool| -> anyhow::Result<u64> {
                    let output = self.folder.join("everywhere");
                    let mut go = self.workplace.tool(&go).env("GOROOT", &goroot);
                    go = go
                        .env("GOARCH", cpu)
                        .env("CGO_ENABLED", "0")
                        .env("GOFLAGS", "");
                    for (name, value) in env.iter().filter(|_| converted) {
                        go = go.env(name, value);
                    }
                    let go = go.args(["build", "-trimpath", "-ldflags=-w", "-o"]);
                    go.arg(&output)
                        .arg(package)
                        .dir(root().join(folder))
                        .run()?;
                    size(&output)
                };
                let (plain, ours) = (link(false)?, link(true)?);
                let ratio = ours as f64 / plain as f64;
                let more = ours as i64 - plain as i64;
                writeln!(
                    text,
                    "| {name} | {cpu} | {plain} | {ours} | {ratio:.4} | {more} |"
                )?;
            }
        }
        Ok(())
    }

    fn conversion(&self, text: &mut String) -> anyhow::Result<()> {
        *text += "\n## `handpie convert` and `cp` of the same file\n\n\
             | program | bytes | convert | cp | ratio |\n|---|---|---|---|---|\n";
        for program in PROGRAMS {
            let pie = self.link(program, "amd64", "pie")?;
            let (ours, copy) = (self.folder.join("ours"), self.folder.join("copy"));
            let convert = Tool::new(&self.handpie)
                .arg("convert")
                .arg(&pie)
                .arg("-o")
                .arg(&ours);
            let cp = Tool::new("cp").arg(&pie).arg(&copy);
            let row = pairs(&mut || convert.run().map(drop), &mut || cp.run().map(drop))?;
            writeln!(text, "| {} | {} | {row} |", program.0, size(&pie)?)?;
        }
        Ok(())
    }

    /// Everything but the last step is in the build cache.
    fn builds(&self, text: &mut String) -> anyhow::Result<()> {
        *text += "\n## `handpie build` and `go build` of the same program, warm\n\n\
             `go build` gets the flags of the release profile; both stamp the state of the repository, as go does by \
             default. \"linked\": the output was removed \
             before; \"up to date\": it was not.\n\n\
             | program | state | handpie build | go build | ratio |\n|---|---|---|---|---|\n";
        for (name, folder, package) in PROGRAMS {
            let folder = root().join(folder);
            let outputs = [
                self.folder.join("built-ours"),
                self.folder.join("built-plain"),
            ];
            let ours = self
                .workplace
                .tool(&self.handpie)
                .args(["build", "-o"])
                .arg(&outputs[0])
                .arg(package)
                .env("GOFLAGS", "")
                .dir(&folder);
            let shown = ours.clone().arg("--dry-run").run()?;
            let flags = plain_flags(&String::from_utf8(shown.stdout)?);
            let plain = self
                .workplace
                .tool("go")
                .args([
                    "build",
                    "-buildmode=pie",
                    "-trimpath",
                    "-tags=netgo,osusergo",
                ])
                .arg(flags)
                .arg("-o")
                .arg(&outputs[1])
                .arg(package)
                .env("CGO_ENABLED", "0")
                .env("GOAMD64", "v2")
                .env("GOFLAGS", "")
                .dir(&folder);
            for (state, remove) in [("linked", true), ("up to date", false)] {
                let run = |tool: &Tool, output: &Path| {
                    if remove {
                        let _ = fs::remove_file(output);
                    }
                    let start = Instant::now();
                    tool.run()?;
                    Ok(start.elapsed().as_secs_f64() * 1000.0)
                };
                let row = timed(&mut || run(&ours, &outputs[0]), &mut || {
                    run(&plain, &outputs[1])
                })?;
                writeln!(text, "| {name} | {state} | {row} |")?;
            }
        }
        Ok(())
    }

    /// What go runs hundreds of times in a build: the compiler, through us and directly.
    fn wrapper(&self, text: &mut String) -> anyhow::Result<()> {
        *text += "\n## A compile step, through `handpie toolexec` and directly\n\n\
             | step | through handpie | directly | ratio |\n|---|---|---|---|\n";
        let goroot = output_of("go", &["env", "GOROOT"])?;
        let compiler = output_of("go", &["tool", "-n", "compile"])?;
        let source = Path::new(&goroot).join("src/container/list/list.go");
        let args = ["-p", "container/list", "-complete", "-o"];
        let object = self.folder.join("list.a");
        let through = Tool::new(&self.handpie).args(["toolexec", &compiler]);
        let compile = |tool: Tool| tool.args(args).arg(&object).arg(&source);
        let (ours, plain) = (compile(through), compile(Tool::new(&compiler)));
        let row = pairs(&mut || ours.run().map(drop), &mut || plain.run().map(drop))?;
        writeln!(text, "| compile container/list | {row} |")?;
        Ok(())
    }

    fn link(&self, program: (&str, &str, &str), cpu: &str, mode: &str) -> anyhow::Result<PathBuf> {
        let (name, folder, package) = program;
        let output = self
            .folder
            .join(format!("{}-{cpu}-{mode}", name.replace('/', "-")));
        self.workplace
            .tool("go")
            .args(["build", "-trimpath", "-ldflags=-w"])
            .args([&format!("-buildmode={mode}"), "-o"])
            .arg(&output)
            .arg(package)
            .env("CGO_ENABLED", "0")
            .env("GOARCH", cpu)
            .dir(root().join(folder))
            .run()?;
        Ok(output)
    }

    fn convert(&self, pie: &Path) -> anyhow::Result<PathBuf> {
        let output = pie.with_extension("static");
        Tool::new(&self.handpie)
            .arg("convert")
            .arg(pie)
            .arg("-o")
            .arg(&output)
            .run()?;
        Ok(output)
    }
}

/// The `-ldflags` of a go command as `--dry-run` prints it: the version differs with the checkout.
fn plain_flags(command: &str) -> String {
    let quoted = command
        .split('\'')
        .find(|part| part.starts_with("-ldflags="));
    let bare = command
        .split_whitespace()
        .find(|part| part.starts_with("-ldflags="));
    quoted.or(bare).unwrap_or("-ldflags=-w").to_owned()
}

fn size(file: &Path) -> anyhow::Result<u64> {
    Ok(fs::metadata(file)
        .with_context(|| format!("failed to measure {}", file.display()))?
        .len())
}
