//! What `govulncheck -mode=extract` writes of a program: a header and a body, as JSON
//! (golang.org/x/vuln internal/scan/extract.go, internal/vulncheck/binary.go).

use serde::Deserialize;

use crate::inventory::Inventory;
use crate::record::{Module, Record};

#[derive(Deserialize)]
struct Header {
    name: String,
    version: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
struct Body {
    path: String,
    main: Option<Listed>,
    modules: Vec<Listed>,
    pkg_symbols: Vec<Symbol>,
    go_version: String,
    goos: String,
    goarch: String,
}

/// golang.org/x/tools/go/packages.Module, whose fields keep their Go names.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    path: String,
    #[serde(default)]
    version: String,
    #[serde(default)]
    replace: Option<Box<Listed>>,
}

#[derive(Deserialize)]
struct Symbol {
    #[serde(default)]
    pkg: String,
    name: String,
}

/// What is in the text; `None` when it is something else.
pub(super) fn read(text: &[u8]) -> Option<Inventory<'static>> {
    let mut values = serde_json::Deserializer::from_slice(text);
    let header = Header::deserialize(&mut values).ok()?;
    if header.name != "govulncheck-extract" || header.version != "0.1.0" {
        return None;
    }
    let body = Body::deserialize(&mut values).ok()?;
    values.end().ok()?;
    inventory(body)
}

fn inventory(body: Body) -> Option<Inventory<'static>> {
    let record = Record {
        go: Some(body.go_version),
        build_info: true,
        package: body.path.clone(),
        main: body.main.map(module),
        modules: body.modules.into_iter().map(module).collect(),
        os: body.goos,
        cpu: body.goarch,
        ..Record::default()
    };
    let functions = body.pkg_symbols.into_iter().filter_map(|symbol| {
        let package = match symbol.pkg.as_str() {
            "" => return None,
            "main" => body.path.clone(),
            _ => symbol.pkg,
        };
        Some((package, symbol.name))
    });
    Inventory::listed(record, functions.collect()).ok()
}

fn module(listed: Listed) -> Module {
    Module {
        path: listed.path,
        version: listed.version,
        replacement: listed.replace.map(|it| Box::new(module(*it))),
    }
}
