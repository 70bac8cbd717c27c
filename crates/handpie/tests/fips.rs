//! The self-test of Go's FIPS 140 module holds: it hashes the program's own code and constants, so
//! an edit in the wrong place makes it fail.

mod support;

use std::fs;

use handpie_toolchain::command::Tool;
use support::{Program, go, text};

#[test]
fn the_integrity_self_test_passes_in_converted_programs() {
    let Some(go) = go("the FIPS 140 self-test") else {
        return;
    };
    for module in ["off", "latest"] {
        let go = go.clone().env("GOFIPS140", module);
        let program = Program::build(&go, "works", &[]);
        let converted = program.convert();
        for mode in ["on", "only", "debug"] {
            let output = Tool::new(&converted)
                .arg("child")
                .env("GODEBUG", format!("fips140={mode}"))
                .run()
                .unwrap_or_else(|error| panic!("GOFIPS140={module}: {error}"));
            assert!(
                text(&output).contains("child of"),
                "GOFIPS140={module} fips140={mode}"
            );
        }
    }
}

#[test]
fn the_self_test_notices_one_changed_byte() {
    let Some(go) = go("the FIPS 140 self-test") else {
        return;
    };
    let program = Program::build(&go, "works", &[]);
    let converted = program.convert();
    let symbols = go
        .args(["tool", "nm", "-n"])
        .arg(&converted)
        .run()
        .expect("nm");
    let symbols = text(&symbols);
    let line = symbols
        .lines()
        .find(|line| line.contains("crypto/internal/fips140/sha256.block"));
    let address = line
        .and_then(|line| line.split_whitespace().next())
        .expect("a function");
    let address = u64::from_str_radix(address, 16).expect("its address");
    let mut bytes = fs::read(&converted).expect("the program");
    // The code segment starts at the start of the file, one link base below its addresses. The last
    // byte of padding before the function belongs to the hashed range and is never run.
    let at = usize::try_from(address - 0x40_0000).expect("an offset") - 1;
    bytes[at] ^= 1;
    fs::write(&converted, bytes).expect("the program");
    let output = Tool::new(&converted)
        .arg("child")
        .env("GODEBUG", "fips140=on")
        .output()
        .expect("it starts");
    assert!(!output.status.success(), "a changed byte went unnoticed");
}
