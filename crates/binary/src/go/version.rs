//! The version of Go in a program that was stripped of its build info: the variable
//! `runtime.buildVersion`, which every program has because the runtime prints it.
//!
//! cmd/link/internal/ld/data.go (`addstrdata`) puts the text somewhere among what is only read, with
//! a NUL behind it, and its address and length into the variable. Both are looked for, so that text
//! which only looks like a version is not taken for it.

use object::Endianness;

use crate::image::Image;
use crate::limits::{MAX_STAMP, MAX_VERSION_SEARCH};
use crate::partial::Incomplete;
use crate::quantity::{Address, Size};

/// What each text that looks like a version is taken to cost at least, in bytes looked through.
const LEAST_COST: u64 = 64 << 10;

/// How every version starts that is one of a release.
const RELEASE: &[u8] = b"go1.";

/// The value of `runtime.buildVersion`, if the one text is found that it can be. `pointer_size` is
/// that of the program, in bytes.
///
/// # Errors
/// [`Incomplete`] when not all that has to be searched has been read.
pub fn build_version(
    image: &dyn Image<'_>,
    pointer_size: u64,
) -> Result<Option<String>, Incomplete> {
    image.file().settled(version_in(image, pointer_size))
}

fn version_in(image: &dyn Image<'_>, pointer_size: u64) -> Option<String> {
    let mut found: Option<&[u8]> = None;
    let parts = image.loaded();
    let writable = parts.iter().filter(|part| part.writable);
    let sizes = writable.map(|part| part.data.size().0);
    let variables = sizes.fold(0u64, u64::saturating_add);
    let mut left = MAX_VERSION_SEARCH;
    let mut relative: Option<Vec<(Address, Address)>> = None;
    for part in parts {
        let several = part.data.search(RELEASE, |at| {
            let size = part.data.size().0.checked_sub(at)?.min(MAX_STAMP);
            let text = part.data.slice(at, Size(size), "a version").ok()?;
            let text = text.c_string(0).ok()??;
            if !is_version(text) {
                return None;
            }
            let relocations = relative.as_ref().map_or(0, |it| size_of_val(&**it) as u64);
            let cost = variables.saturating_add(relocations).max(LEAST_COST);
            let Some(rest) = left.checked_sub(cost) else {
                return Some(());
            };
            left = rest;
            let address = part.address.checked_add(Size(at))?;
            if !is_variable(image, &mut relative, address, text.len(), pointer_size) {
                return None;
            }
            // With two of them, nothing says which is the one.
            let is_other = found.is_some_and(|known| known != text);
            found = Some(text);
            is_other.then_some(())
        });
        if several.is_ok_and(|several| several.is_some()) {
            return None;
        }
    }
    Some(String::from_utf8_lossy(found?).into_owned())
}

/// Whether it goes on like `go1.22.10`, `go1.23rc1` or `go1.27.3-X:nodwarf5`.
fn is_version(text: &[u8]) -> bool {
    let rest = text.strip_prefix(RELEASE).unwrap_or_default();
    rest.first().is_some_and(u8::is_ascii_digit)
        && rest.iter().all(|byte| (b' '..0x7f).contains(byte))
}

/// Whether a variable of Go is a string of that address and length.
fn is_variable(
    image: &dyn Image<'_>,
    relative: &mut Option<Vec<(Address, Address)>>,
    text: Address,
    length: usize,
    pointer_size: u64,
) -> bool {
    let word = |value: u64| match (image.endian(), pointer_size) {
        (Endianness::Little, 4) => u32::try_from(value).map(|it| it.to_le_bytes().to_vec()),
        (Endianness::Big, 4) => u32::try_from(value).map(|it| it.to_be_bytes().to_vec()),
        (Endianness::Little, _) => Ok(value.to_le_bytes().to_vec()),
        (Endianness::Big, _) => Ok(value.to_be_bytes().to_vec()),
    };
    let (Ok(address), Ok(length)) = (word(text.0), word(length as u64)) else {
        return false;
    };
    let variable = [address, length.clone()].concat();
    let mut parts = image.loaded().into_iter().filter(|part| part.writable);
    if parts.any(|part| part.data.find(&variable).is_ok_and(|found| found.is_some())) {
        return true;
    }
    // What has not been read may hold it, and then nothing else need be.
    if image.file().settled(()).is_err() {
        return false;
    }
    // What GNU ld and lld link has the address in the relocation table.
    let relative = relative.get_or_insert_with(|| image.relative().unwrap_or_default());
    let mut targets = relative.iter().filter(|(_, value)| *value == text);
    targets.any(|(target, _)| {
        let behind = target.checked_add(Size(pointer_size));
        let behind = behind.and_then(|it| image.data_at(it, Size(pointer_size)));
        behind.is_some_and(|behind| behind.data().is_ok_and(|behind| behind == length))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Elf;
    use handpie_testkit::forge::segment::{DATA, elf_of_one_segment};

    /// A program with texts, and variables that are strings: which text, and of which length.
    fn found(texts: &[&str], variables: &[(usize, u64)]) -> Option<String> {
        let mut data = b"\0\0".to_vec();
        let mut starts = Vec::new();
        for text in texts {
            starts.push(DATA.checked_add(data.len()).unwrap() as u64);
            data.extend(text.bytes().chain([0]));
        }
        for (text, length) in variables {
            data.extend(starts[*text].to_le_bytes());
            data.extend(length.to_le_bytes());
        }
        build_version(&Elf::parse(&elf_of_one_segment(&data)).unwrap(), 8).unwrap()
    }

    #[test]
    fn the_version_is_the_text_that_a_variable_is() {
        let texts = ["go1.13 or newer", "go1.26.5", "go1.99", "go1.x"];
        let version = Some("go1.26.5".to_owned());
        assert_eq!(found(&texts, &[(1, 8)]), version);
        assert_eq!(found(&texts, &[(1, 8), (1, 8), (3, 5)]), version);
        let experiment = "go1.27.3-X:nodwarf5";
        assert_eq!(
            found(&[experiment], &[(0, 19)]),
            Some(experiment.to_owned())
        );
    }

    #[test]
    fn without_a_variable_or_with_two_that_differ_there_is_no_answer() {
        let texts = ["go1.26.5", "go1.99"];
        assert_eq!(found(&texts, &[]), None);
        assert_eq!(found(&texts, &[(0, 7)]), None, "another string");
        assert_eq!(found(&texts, &[(0, 8), (1, 6)]), None);
        assert_eq!(found(&["devel"], &[(0, 5)]), None);
    }
}
