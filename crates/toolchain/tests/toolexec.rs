//! The wrapper under the real go: this file is both the tests and the program that go starts.
//!
//! As a converter it appends a mark to what was linked, which does not hurt an executable; the
//! mark names the salt. Whether a file is converted is then a question about its end.
//!
//! The Go programs stand in the user's build cache like any others: that unconverted and
//! converted programs share it is what is tested.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "as a wrapper it is a program of its own, and every function is a test"
)]

use std::ffi::OsString;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use handpie_testkit::tool::CLEAN_GO;
use handpie_toolchain::cache::Cache;
use handpie_toolchain::command::{Output, Tool};
use handpie_toolchain::{env, flags, wrapper};
use libtest_mimic::{Arguments, Failed, Trial};

const MARK: &str = "CONVERTED BY ";

fn main() -> ExitCode {
    let mut args = std::env::args_os();
    if args.nth(1).is_some_and(|word| word == "toolexec") {
        return toolexec(&args.collect::<Vec<_>>());
    }
    let tests: [(&str, Test); 12] = [
        ("builds_an_unconverted_program_again_and_back", builds_again),
        ("links_again_when_the_converter_changes", links_again),
        ("compiles_nothing_again", compiles_nothing_again),
        ("converts_with_every_command_that_links", every_command),
        ("converts_for_another_cpu", another_cpu),
        ("lets_other_systems_through", other_systems),
        ("lets_other_build_modes_through", other_modes),
        ("lets_vet_through", vet),
        (
            "shows_a_refusal_under_the_package_and_leaves_nothing",
            refusal,
        ),
        ("runs_from_a_path_with_blanks_or_quotes", odd_paths),
        ("says_what_go_hears", goflags),
        ("knows_the_package", knows_the_package),
    ];
    let is_missing = Tool::new("go").arg("version").run().is_err();
    let trials = tests.into_iter().map(|(name, test)| {
        Trial::test(name, move || match is_missing {
            true => {
                handpie_testkit::skip(name, "go");
                Ok(())
            }
            false => run(test),
        })
    });
    let mut arguments = Arguments::from_args();
    // Each builds with go, which uses all cores by itself.
    arguments.test_threads = arguments.test_threads.or(Some(2));
    libtest_mimic::run(&arguments, trials.collect()).exit_code()
}

type Test = fn(&Bench);

fn run(test: Test) -> Result<(), Failed> {
    let outcome = std::panic::catch_unwind(|| test(&Bench::new()));
    outcome.map_err(|_| Failed::from("see above"))
}

fn toolexec(words: &[OsString]) -> ExitCode {
    let salt = std::env::var("TEST_SALT").unwrap_or_else(|_| "5a17".to_owned());
    let program = std::env::current_exe().unwrap();
    let handpie = wrapper::Handpie {
        program: &program,
        options: &[],
        salt: &salt,
    };
    let ended = wrapper::run(words, handpie, &Cache::none(), &mut |linked| {
        if std::env::var_os("TEST_REFUSE").is_some() {
            return Err("handpie: refused: some-code");
        }
        let mut file = fs::File::options().append(true).open(linked.file).unwrap();
        write!(file, "{MARK}{salt} {}", linked.package).unwrap();
        Ok(())
    });
    match ended {
        Ok(ended) => {
            print!("{}", String::from_utf8(ended.stdout).unwrap());
            ExitCode::from(ended.code)
        }
        Err(wrapper::Error::Convert(refusal)) => {
            eprintln!("{refusal}");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// A module with a program and a test, and a way to run go on it.
struct Bench {
    folder: tempfile::TempDir,
    handpie: PathBuf,
}

const PROGRAM: &str = r#"package main

import (
	"bytes"
	"fmt"
	"os"
)

func converted() bool {
	self, _ := os.Executable()
	data, _ := os.ReadFile(self)
	// Not as one string, which would stand in the program itself.
	return bytes.Contains(data, append([]byte("CONVERTED"), " BY "...))
}

func main() { fmt.Println("converted:", converted()) }
"#;

const TEST: &str = r#"package main

import "testing"

func TestConverted(t *testing.T) {
	if !converted() {
		t.Fatal("not converted")
	}
}
"#;

impl Bench {
    fn new() -> Bench {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in [
            ("go.mod", "module example.com/hello\n\ngo 1.21\n"),
            ("main.go", PROGRAM),
            ("main_test.go", TEST),
        ] {
            fs::write(folder.path().join(name), text).unwrap();
        }
        Bench {
            folder,
            handpie: std::env::current_exe().unwrap(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Plain go, with nothing of the user's settings.
    fn go(&self, words: &[&str]) -> Tool {
        let set = |go: Tool, (name, value)| go.env(name, value);
        CLEAN_GO
            .into_iter()
            .fold(Tool::new("go").args(words), set)
            .env_remove("GOOS")
            .env_remove("GOARCH")
            .dir(self.folder.path())
    }

    /// Go in our environment.
    fn wrapped(&self, words: &[&str]) -> Tool {
        let variables = env::variables("", "amd64", &self.handpie, &[]).unwrap();
        variables
            .into_iter()
            .fold(self.go(words), |go, (name, value)| go.env(name, value))
    }

    /// What the file says about its conversion.
    fn mark(&self, name: &str) -> Option<String> {
        mark(&self.path(name))
    }
}

fn mark(file: &Path) -> Option<String> {
    let bytes = fs::read(file).unwrap();
    let tail = String::from_utf8_lossy(&bytes[bytes.len() - 200..]).into_owned();
    tail.rsplit_once(MARK).map(|(_, mark)| mark.to_owned())
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn builds_again(bench: &Bench) {
    let build = ["build", "-o", "hello"];
    let plain = bench.go(&["build", "-buildmode=pie", "-o", "hello"]);
    plain.run().unwrap();
    assert_eq!(bench.mark("hello"), None);
    bench.wrapped(&build).run().unwrap();
    assert!(bench.mark("hello").is_some(), "a plain PIE is up to date");
    plain.run().unwrap();
    assert_eq!(bench.mark("hello"), None, "a converted PIE is up to date");
    bench.wrapped(&build).run().unwrap();
    let before = fs::metadata(bench.path("hello")).unwrap();
    let again = bench
        .wrapped(&["build", "-x", "-o", "hello"])
        .run()
        .unwrap();
    assert!(!text(&again).contains("/link -o"), "{}", text(&again));
    let after = fs::metadata(bench.path("hello")).unwrap();
    assert_eq!(before.len(), after.len());
}

fn links_again(bench: &Bench) {
    let build = |salt: &str| {
        let go = bench
            .wrapped(&["build", "-o", "hello"])
            .env("TEST_SALT", salt);
        go.run().unwrap();
        bench.mark("hello").unwrap()
    };
    assert!(build("one").starts_with("one "));
    assert!(build("two").starts_with("two "));
    assert!(build("one").starts_with("one "));
}

fn compiles_nothing_again(bench: &Bench) {
    let plain = bench.go(&["build", "-buildmode=pie", "-o", "hello"]);
    plain.run().unwrap();
    let output = bench
        .wrapped(&["build", "-x", "-o", "hello"])
        .run()
        .unwrap();
    let text = text(&output);
    assert!(text.contains("/link -o"), "{text}");
    assert!(!text.contains("/compile -o"), "{text}");
}

fn every_command(bench: &Bench) {
    let run = bench.wrapped(&["run", "."]).run().unwrap();
    assert!(text(&run).contains("converted: true"), "{}", text(&run));
    bench.wrapped(&["test", "-count=1", "."]).run().unwrap();
    bench.wrapped(&["test", "-c", "-o", "t"]).run().unwrap();
    assert!(bench.mark("t").is_some());
    let bin = bench.path("bin");
    bench
        .wrapped(&["install", "."])
        .env("GOBIN", &bin)
        .run()
        .unwrap();
    assert!(mark(&bin.join("hello")).is_some());
    bench
        .wrapped(&["build", "-cover", "-o", "c"])
        .run()
        .unwrap();
    assert!(bench.mark("c").is_some());
    let cover = bench.path("cover");
    fs::create_dir(&cover).unwrap();
    Tool::new(bench.path("c"))
        .env("GOCOVERDIR", &cover)
        .run()
        .unwrap();
    assert!(fs::read_dir(&cover).unwrap().count() > 0, "no coverage");
    let stripped = ["build", "-trimpath", "-ldflags=-s -w", "-o", "s"];
    bench.wrapped(&stripped).run().unwrap();
    assert!(bench.mark("s").is_some());
}

fn another_cpu(bench: &Bench) {
    let build = bench.wrapped(&["build", "-o", "hello"]);
    build.env("GOARCH", "arm64").run().unwrap();
    assert!(bench.mark("hello").is_some());
}

fn other_systems(bench: &Bench) {
    for system in ["windows", "darwin"] {
        let build = bench.wrapped(&["build", "-o", system]);
        build
            .env("GOOS", system)
            .env("GOARCH", "arm64")
            .run()
            .unwrap();
        assert_eq!(bench.mark(system), None, "{system}");
    }
}

fn other_modes(bench: &Bench) {
    let exe = ["build", "-buildmode=exe", "-o", "exe"];
    bench.wrapped(&exe).run().unwrap();
    assert_eq!(bench.mark("exe"), None);
    Tool::new(bench.path("exe")).run().unwrap();
}

fn vet(bench: &Bench) {
    bench.wrapped(&["vet", "./..."]).run().unwrap();
    fs::write(
        bench.path("bad.go"),
        "package main\n\nimport \"fmt\"\n\nfunc bad() { fmt.Printf(\"%d\", \"x\") }\n",
    )
    .unwrap();
    let error = bench.wrapped(&["vet", "./..."]).run().unwrap_err();
    assert!(error.to_string().contains("wrong type"), "{error}");
}

fn refusal(bench: &Bench) {
    let build = bench.wrapped(&["build", "-o", "hello"]);
    let error = build
        .env("TEST_REFUSE", "1")
        .env("TEST_SALT", "refused")
        .run();
    let error = error.unwrap_err().to_string();
    assert!(error.contains("# example.com/hello"), "{error}");
    assert!(error.contains("handpie: refused: some-code"), "{error}");
    assert!(!bench.path("hello").exists());
    // Nothing of it stays in the cache.
    bench
        .wrapped(&["build", "-o", "hello"])
        .env("TEST_SALT", "refused")
        .run()
        .unwrap();
    assert!(bench.mark("hello").is_some());
}

fn odd_paths(bench: &Bench) {
    for (at, folder) in ["a b", "it's", "say\"so\"", "a $HOME `b` \\c"]
        .iter()
        .enumerate()
    {
        let place = bench.path(folder);
        fs::create_dir(&place).unwrap();
        let handpie = place.join("handpie");
        fs::copy(&bench.handpie, &handpie).unwrap();
        let odd = Bench {
            folder: tempfile::tempdir().unwrap(),
            handpie,
        };
        fs::write(odd.path("go.mod"), "module example.com/hello\n").unwrap();
        fs::write(odd.path("main.go"), PROGRAM).unwrap();
        let salt = format!("odd{at}");
        let build = odd
            .wrapped(&["build", "-o", "hello"])
            .env("TEST_SALT", salt);
        build.run().unwrap();
        assert!(odd.mark("hello").is_some(), "{folder}");
    }
}

/// `-tags` in GOFLAGS is split twice, as `-toolexec` is, and go tells what came out.
fn goflags(bench: &Bench) {
    let cases: [&[&str]; 5] = [
        &["a"],
        &["a", "b"],
        &["a b", "c"],
        &["a'b", "c"],
        &["a\"b", "c"],
    ];
    for tags in cases {
        let inner = flags::join(tags).unwrap();
        // Without a blank, go would split at commas.
        let goflags = flags::join([format!("-tags={inner} ")]).unwrap();
        let format = "{{range context.BuildTags}}<{{.}}>{{end}}";
        let list = bench.go(&["list", "-f", format]).env("GOFLAGS", &goflags);
        let heard = list.run().unwrap();
        let said: String = tags.iter().map(|tag| format!("<{tag}>")).collect();
        assert_eq!(text(&heard).trim(), said, "{goflags}");
        // What go splits and what we split is the same.
        let outer = flags::split(&goflags).unwrap();
        let value = outer[0].strip_prefix("-tags=").unwrap();
        assert_eq!(flags::parse_tags(value).unwrap(), tags);
    }
}

fn knows_the_package(bench: &Bench) {
    bench.wrapped(&["build", "-o", "hello"]).run().unwrap();
    assert_eq!(bench.mark("hello").unwrap(), "5a17 example.com/hello");
    bench
        .wrapped(&["build", "-o", "file", "main.go"])
        .run()
        .unwrap();
    assert_eq!(bench.mark("file").unwrap(), "5a17 command-line-arguments");
    bench.wrapped(&["test", "-c", "-o", "t"]).run().unwrap();
    assert_eq!(bench.mark("t").unwrap(), "5a17 example.com/hello.test");
}
