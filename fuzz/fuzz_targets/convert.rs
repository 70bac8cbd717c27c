//! Converting any file ends soon, without a panic; what comes out is what was planned, and
//! converting it again changes nothing.
#![no_main]

use handpie_pie::{Error, Options, Outcome, convert};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| match convert(data, Options::default()) {
    Ok(Outcome::Converted(result)) => {
        let output = result.pieces.to_bytes(data);
        assert!(matches!(
            convert(&output, Options::default()),
            Ok(Outcome::AlreadyStaticPie { by_us: true })
        ));
    }
    Err(mistake @ Error::Mistake(_)) => panic!("{mistake}"),
    _ => {}
});
