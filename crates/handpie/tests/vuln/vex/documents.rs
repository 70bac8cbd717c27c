//! Small VEX documents, and programs that they are about.

use std::fmt::Write;
use std::path::Path;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::workshop::{Workshop, advisory};

const MAIN: &str = "
import p \"x.test/lib\"
func main() { p.Bad() }";
const LIB: &str = "
//go:noinline
func Bad() { println(1) }";

/// A program of `main.test/app`, with one advisory that counts, `A-1`, and one that does not.
pub(super) fn workshop() -> Option<Workshop> {
    let workshop = Workshop::new(MAIN).module("x.test/lib", "v1.2.0", &[("", LIB)]);
    workshop.advisories(&[
        advisory("A-1", "x.test/lib", &[("x.test/lib", &["Bad"])]),
        advisory("A-3", "x.test/lib", &[("x.test/lib", &["Gone"])]),
    ]);
    workshop.build("VEX documents", "app", &["-ldflags=-s -w"])?;
    Some(workshop)
}

/// The same with one advisory about two modules.
pub(super) fn workshop_of_two() -> Option<Workshop> {
    let main = "
import (p \"x.test/lib\"; q \"y.test/lib\")
func main() { p.Bad(); q.Bad() }";
    let workshop = Workshop::new(main)
        .module("x.test/lib", "v1.2.0", &[("", LIB)])
        .module("y.test/lib", "v1.2.0", &[("", LIB)]);
    let mut both = advisory("A-1", "x.test/lib", &[("x.test/lib", &["Bad"])]);
    let second = advisory("A-1", "y.test/lib", &[("y.test/lib", &["Bad"])]);
    let second = second["affected"][0].clone();
    both["affected"].as_array_mut().unwrap().push(second);
    workshop.advisories(&[both]);
    workshop.build("VEX documents", "app", &["-ldflags=-s -w"])?;
    Some(workshop)
}

pub(super) fn product() -> Value {
    json!({ "@id": "pkg:golang/main.test/app" })
}

/// An OpenVEX document of one statement.
pub(super) fn openvex(name: &str, status: &str) -> Value {
    json!({
        "@context": "https://openvex.dev/ns/v0.2.0",
        "@id": "https://example.test/vex/1",
        "author": "Alice",
        "timestamp": "2026-01-01T00:00:00Z",
        "version": 1,
        "statements": [{
            "vulnerability": { "name": name },
            "products": [product()],
            "status": status,
            "justification": "vulnerable_code_not_in_execute_path",
            "impact_statement": "only at start",
        }],
    })
}

/// One that says that something is not affected.
pub(super) fn openvex_of(name: &str, product: &Value) -> Value {
    let mut document = openvex(name, "not_affected");
    document["statements"][0]["products"] = json!([product]);
    document
}

/// A CycloneDX document of one vulnerability, in the program as a whole.
pub(super) fn cyclonedx(name: &str, state: &str, version: &str) -> Value {
    json!({
        "bomFormat": "CycloneDX",
        "specVersion": version,
        "version": 1,
        "metadata": { "timestamp": "2026-01-01T00:00:00Z", "authors": [{ "name": "Bob" }] },
        "components": [{
            "bom-ref": "app", "type": "application", "name": "app",
            "purl": "pkg:golang/main.test/app",
        }],
        "vulnerabilities": [{
            "id": name,
            "analysis": { "state": state, "detail": "looked at" },
            "affects": [{ "ref": "app" }],
        }],
    })
}

pub(super) fn write(workshop: &Workshop, name: &str, document: &Value) {
    workshop.write(name, &document.to_string());
}

/// Of a file, in hexadecimal digits.
pub(super) fn sha256(path: &Path) -> String {
    let hash = Sha256::digest(std::fs::read(path).unwrap());
    hash.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}
