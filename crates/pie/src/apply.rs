//! The third step: builds the new file from the old one and the plan.

use std::ops::Range;

use crate::plan::Plan;

/// The new file.
pub(crate) fn apply(input: &[u8], plan: &Plan) -> Vec<u8> {
    let size = plan.new_size.0;
    let slide = &plan.slide;
    // One allocation: the file is written once, front to back.
    let mut output = Vec::with_capacity(length(size));
    output.extend_from_slice(part(input, 0..slide.keep.0));
    let resume = slide.new_offset(slide.resume).0;
    output.resize(length(resume).min(length(size)), 0);
    output.extend_from_slice(part(input, slide.resume.0..input.len() as u64));
    output.resize(length(size), 0);
    for edit in &plan.edits {
        overwrite(&mut output, edit.offset.0, &edit.bytes);
    }
    for (offset, word) in &plan.words {
        overwrite(&mut output, offset.0, &word.to_le_bytes());
    }
    output
}

/// The plan speaks only of places inside the file; should it ever not, `verify` tells.
fn overwrite(output: &mut [u8], offset: u64, bytes: &[u8]) {
    let end = offset.saturating_add(bytes.len() as u64);
    if let Some(place) = output.get_mut(length(offset)..length(end)) {
        place.copy_from_slice(bytes);
    }
}

fn part(input: &[u8], range: Range<u64>) -> &[u8] {
    input
        .get(length(range.start)..length(range.end))
        .unwrap_or_default()
}

fn length(size: u64) -> usize {
    usize::try_from(size).unwrap_or(usize::MAX)
}
