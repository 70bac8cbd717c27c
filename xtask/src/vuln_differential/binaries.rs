//! The binaries: a program with old dependencies, for many systems and CPUs and by every Go that is
//! here; Go's own tools; and a large program that nobody here wrote.

use std::fs;
use std::path::{Path, PathBuf};

use handpie_toolchain::command::Tool;

use crate::root;

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
pub(super) fn all(folder: &Path) -> anyhow::Result<Vec<Pair>> {
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
    for go in toolchains()? {
        let name = go
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let tool = Tool::new(go.join("go/bin/go")).env("GOROOT", go.join("go"));
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
        let own = go.join("go/bin/go");
        pairs.push(Pair {
            name: format!("{name} bin/go"),
            file: own.clone(),
            stripped: Some(strip(
                &own,
                &folder.join(format!("{name}-bin-go-stripped")),
            )?),
        });
    }
    pairs.extend(coredns(folder)?);
    Ok(pairs)
}

/// The seed of it all: a stripped release and what it is said to have.
fn coredns(folder: &Path) -> anyhow::Result<Vec<Pair>> {
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
    Ok(vec![plain, pie])
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

/// Every Go that `cargo xtask setup --all` has fetched.
fn toolchains() -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(root().join("target/toolchains"))? {
        let path = entry?.path();
        if path.join("go/bin/go").is_file() {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}
