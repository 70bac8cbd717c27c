//! The binaries: a program with old dependencies, for many systems and CPUs and by every Go that is
//! here; Go's own tools; and a large program that nobody here wrote.

use std::fs;
use std::path::{Path, PathBuf};

use handpie_toolchain::command::Tool;
use xtask::root;

/// A binary with symbols, and the same without.
pub(super) struct Pair {
    pub(super) name: String,
    pub(super) file: PathBuf,
    pub(super) stripped: Option<PathBuf>,
}

const TARGETS: [(&str, &str); 12] = [
    ("linux", "amd64"),
    ("linux", "arm64"),
    ("linux", "386"),
    ("linux", "arm"),
    ("linux", "ppc64le"),
    ("linux", "s390x"),
    ("linux", "riscv64"),
    ("linux", "loong64"),
    ("windows", "amd64"),
    ("darwin", "arm64"),
    ("darwin", "amd64"),
    ("freebsd", "amd64"),
];

/// Versions with advisories, some of them about what is used here and some not.
const REQUIRES: &str = "module example.com/old

go 1.20

require (
	github.com/golang-jwt/jwt/v4 v4.4.0
	golang.org/x/crypto v0.16.0
	golang.org/x/image v0.5.0
	golang.org/x/net v0.7.0
	golang.org/x/text v0.3.5
	gopkg.in/yaml.v3 v3.0.0-20210107192922-496545a6307b
)
";

const SOURCE: &str = r#"package main

import (
	"bytes"
	"fmt"
	"net/http"
	"os"

	"github.com/golang-jwt/jwt/v4"
	"golang.org/x/crypto/bcrypt"
	"golang.org/x/image/tiff"
	"golang.org/x/net/html"
	"golang.org/x/text/language"
	"gopkg.in/yaml.v3"
)

func main() {
	var value any
	fmt.Println(yaml.Unmarshal([]byte(os.Args[0]), &value))
	fmt.Println(language.Parse(os.Args[0]))
	fmt.Println(html.Parse(bytes.NewReader(nil)))
	fmt.Println(tiff.Decode(bytes.NewReader(nil)))
	fmt.Println(bcrypt.GenerateFromPassword(nil, 4))
	fmt.Println(jwt.Parse(os.Args[0], nil))
	fmt.Println(http.Get(os.Args[0]))
}
"#;

/// All of them; what was built before is not built again.
pub(super) fn all(folder: &Path, handpie: &Path) -> anyhow::Result<Vec<Pair>> {
    let mut pairs = Vec::new();
    let module = folder.join("old");
    fs::create_dir_all(&module)?;
    fs::write(module.join("go.mod"), REQUIRES)?;
    fs::write(module.join("main.go"), SOURCE)?;
    Tool::new("go")
        .args(["mod", "tidy", "-go=1.20"])
        .dir(&module)
        .run()?;
    for (os, cpu) in TARGETS {
        let go = Tool::new("go").env("GOOS", os).env("GOARCH", cpu);
        pairs.push(pair(
            &go,
            &module,
            ".",
            &folder.join(format!("old-{os}-{cpu}")),
            &[],
        )?);
    }
    for (name, goroot) in toolchains()? {
        let tool = Tool::new(goroot.join("bin/go")).env("GOROOT", &goroot);
        let tool = tool.env("GOTOOLCHAIN", "local");
        pairs.push(pair(
            &tool,
            &module,
            ".",
            &folder.join(format!("old-{name}")),
            &[],
        )?);
        let pie = folder.join(format!("old-{name}-pie"));
        pairs.push(pair(&tool, &module, ".", &pie, &["-buildmode=pie"])?);
        // Debian strips its own.
        if goroot.starts_with(root()) {
            let file = goroot.join("bin/go");
            let stripped = strip(&file, &folder.join(format!("{name}-bin-go-stripped")))?;
            pairs.push(Pair {
                name: format!("{name} bin/go"),
                file,
                stripped: Some(stripped),
            });
        }
    }
    pairs.extend(coredns(folder, handpie)?);
    Ok(pairs)
}

/// The seed of it all: a stripped release and what it is said to have.
fn coredns(folder: &Path, handpie: &Path) -> anyhow::Result<Vec<Pair>> {
    let module = folder.join("coredns");
    if !module.join("go.sum").is_file() {
        fs::create_dir_all(&module)?;
        fs::write(
            module.join("go.mod"),
            "module example.com/real\n\ngo 1.20\n",
        )?;
        let get = Tool::new("go").args(["get", "github.com/coredns/coredns@v1.11.1"]);
        get.dir(&module).run()?;
    }
    let package = "github.com/coredns/coredns";
    let go = Tool::new("go");
    let plain = pair(&go, &module, package, &folder.join("coredns-plain"), &[])?;
    let pie = pair(
        &go,
        &module,
        package,
        &folder.join("coredns-pie"),
        &["-buildmode=pie"],
    )?;
    let converted = folder.join("coredns-static-pie");
    let mut stripped = pie.stripped.clone();
    for (from, to) in [
        (Some(&pie.file), "-static-pie"),
        (pie.stripped.as_ref(), "-static-pie-s"),
    ] {
        let Some(from) = from else { continue };
        let to = folder.join(format!("coredns{to}"));
        let convert = Tool::new(handpie)
            .arg("convert")
            .arg(from)
            .arg("-o")
            .arg(&to);
        convert.run()?;
        stripped = Some(to);
    }
    let converted = Pair {
        name: "coredns-static-pie".to_owned(),
        file: converted,
        stripped,
    };
    Ok(vec![plain, pie, converted])
}

fn pair(
    go: &Tool,
    module: &Path,
    package: &str,
    output: &Path,
    flags: &[&str],
) -> anyhow::Result<Pair> {
    let stripped = PathBuf::from(format!("{}-s", output.display()));
    for (file, ldflags) in [(output, "-ldflags="), (&stripped, "-ldflags=-s -w")] {
        if !file.is_file() {
            let build = go
                .clone()
                .env("CGO_ENABLED", "0")
                .args(["build", "-trimpath", ldflags]);
            build
                .args(flags)
                .arg("-o")
                .arg(file)
                .arg(package)
                .dir(module)
                .run()?;
        }
    }
    Ok(Pair {
        name: output
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned(),
        file: output.to_owned(),
        stripped: Some(stripped),
    })
}

fn strip(file: &Path, output: &Path) -> anyhow::Result<PathBuf> {
    Tool::new("strip")
        .arg("--strip-all")
        .arg("-o")
        .arg(output)
        .arg(file)
        .run()?;
    Ok(output.to_owned())
}

/// Every Go that `cargo xtask setup --all` has fetched, and those of Debian's packages
/// (golang-1.19-go): a name and the GOROOT.
fn toolchains() -> anyhow::Result<Vec<(String, PathBuf)>> {
    let mut found = Vec::new();
    for (folder, goroot) in [
        (root().join("target/toolchains"), "go"),
        (PathBuf::from("/usr/lib"), ""),
    ] {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let goroot = entry.path().join(goroot);
            if name.starts_with("go-") && goroot.join("bin/go").is_file() {
                found.push((name, goroot));
            }
        }
    }
    found.sort();
    Ok(found)
}
