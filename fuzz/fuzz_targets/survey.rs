//! Surveying any object or archive ends soon, without a panic; what it lists is bounded.
#![no_main]

use handpie_pie::objects::{Input, Libc, survey, survey_apart};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let input = Input::new("input", data);
    let apart = survey_apart(&input, Libc::Musl);
    let linked = survey(&[input.clone(), input.whole()], Libc::Musl);
    for found in [apart, linked] {
        assert!(found.offenders.len() <= 1000);
        assert_eq!(found.is_clean(), found.offenders.is_empty());
    }
});
