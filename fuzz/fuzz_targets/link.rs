//! Linking any object ends soon, without a panic; what comes out is a static-PIE of ours.
#![no_main]

use handpie_pie::link::{Options, link};
use handpie_pie::{Outcome, convert};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok(program) = link(data, &Options::default()) {
        assert!(matches!(
            convert(&program.bytes[..], handpie_pie::Options::default()),
            Ok(Outcome::AlreadyStaticPie { by_us: true })
        ));
    }
});
