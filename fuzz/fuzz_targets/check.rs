//! Judging any file ends soon, without a panic; what it shows is in the file.
#![no_main]

use handpie_audit::{Subject, check};
use handpie_binary::{Binary, Image, go};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(binaries) = Binary::parse(data) else {
        return;
    };
    for binary in binaries {
        let _ = binary.symbols();
        let _ = go::packages_with_cgo_calls(&binary);
        let Ok(subject) = Subject::of(binary, None) else {
            continue;
        };
        for finding in check(&subject).expect("all of it is there") {
            for evidence in finding.judgement.evidence {
                assert!(evidence.offset.is_none_or(|at| at.0 < data.len() as u64));
            }
        }
    }
});
