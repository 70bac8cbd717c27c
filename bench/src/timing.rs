//! Two commands timed in turn.
//!
//! They run A B A B, and the ratio is the median over the pairs: the machine may be slower at one time
//! than at another, but not within a pair.

use std::time::Instant;

use handpie_toolchain::command::Error;

/// How often each pair runs, after one run that is not counted.
pub(crate) const PAIRS: usize = 15;

/// Cells of a table: both medians and the median ratio.
pub(crate) fn timed(
    ours: &mut dyn FnMut() -> anyhow::Result<f64>,
    theirs: &mut dyn FnMut() -> anyhow::Result<f64>,
) -> anyhow::Result<String> {
    ours()?;
    theirs()?;
    let (mut first, mut second, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..PAIRS {
        let (a, b) = (ours()?, theirs()?);
        first.push(a);
        second.push(b);
        ratios.push(a / b);
    }
    Ok(format!(
        "{:.2} | {:.2} | {:.3}",
        median(first),
        median(second),
        median(ratios)
    ))
}

/// The one in the middle.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// What is timed.
type Step<'a> = &'a mut dyn FnMut() -> Result<(), Error>;

/// The same of two commands, in milliseconds.
pub(crate) fn pairs(ours: Step<'_>, theirs: Step<'_>) -> anyhow::Result<String> {
    let time = |step: &mut dyn FnMut() -> Result<(), Error>| {
        let start = Instant::now();
        step()?;
        Ok(start.elapsed().as_secs_f64() * 1000.0)
    };
    timed(&mut || time(ours), &mut || time(theirs))
}
