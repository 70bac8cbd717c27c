//! What `-ldflags=-X` has put into variables: cmd/link/internal/ld/data.go (`addstrdata`).
//!
//! The linker makes a symbol for each value, named after the variable with `.str` behind it. So the
//! values can be read where `-trimpath` keeps `-ldflags` out of the build info, as long as there are
//! symbols.

use crate::image::{Image, Symbol};
use crate::limits::MAX_STAMP;
use crate::partial::Incomplete;
use crate::quantity::{Offset, Size};

/// A variable that was set when the program was linked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp<'data> {
    /// The variable with its package, such as `main.Version`.
    pub variable: &'data [u8],
    /// Its value; as much of it as is worth showing.
    pub value: &'data [u8],
    /// Where the value stands in the file.
    pub offset: Offset,
}

/// The variables that were set, the linker's own included, in the order of `symbols`, which are
/// those of `image`.
///
/// # Errors
/// [`Incomplete`] when not all values have been read.
pub fn stamps<'data>(
    image: &dyn Image<'data>,
    symbols: &[Symbol<'data>],
) -> Result<Vec<Stamp<'data>>, Incomplete> {
    let stamps = symbols.iter().filter_map(|symbol| {
        // Mach-O puts an underscore before every name.
        let name = symbol.name.strip_prefix(b"_").unwrap_or(symbol.name);
        let variable = name.strip_suffix(b".str")?;
        // Where the size is not known, the NUL at the end tells.
        let size = symbol.size.unwrap_or(Size(MAX_STAMP));
        let size = Size(size.0.min(MAX_STAMP));
        let address = symbol.address?;
        let data = image
            .data_at(address, size)
            .or_else(|| rest_of_section(image, symbol))?;
        let value = data.c_string(0).ok()?;
        let value = value.or_else(|| data.data().ok())?;
        Some(Stamp {
            variable,
            value,
            offset: data.base(),
        })
    });
    let stamps = stamps.collect();
    image.file().settled(stamps)
}

/// What stands between the symbol and the end of its section, where that is nearer than the cap.
fn rest_of_section<'data>(
    image: &dyn Image<'data>,
    symbol: &Symbol<'data>,
) -> Option<crate::Bytes<'data>> {
    let address = symbol.address?;
    image.sections().iter().find_map(|section| {
        let start = address.distance_from(section.address)?;
        let size = Size(section.data.size().0.checked_sub(start.0)?);
        let size = Size(size.0.min(MAX_STAMP));
        section.data.slice(start.0, size, "a value").ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Elf;
    use crate::quantity::Address;
    use handpie_testkit::forge::segment::{DATA, elf_of_one_segment};

    fn symbol(name: &[u8], at: u64, size: Option<u64>) -> Symbol<'_> {
        Symbol {
            name,
            address: Some(Address((DATA as u64).saturating_add(at))),
            size: size.map(Size),
        }
    }

    #[test]
    fn reads_the_values_of_variables_that_the_linker_set() {
        let mut data = b"v1.2.3\0go1.27.3\0".to_vec();
        data.resize(1000, b'.');
        let file = elf_of_one_segment(&data);
        let elf = Elf::parse(&file).unwrap();
        let symbols = [
            symbol(b"main.Version.str", 0, Some(7)),
            symbol(b"main.Version", 0, Some(16)),
            symbol(b"runtime.buildVersion.str", 7, None),
            symbol(b"main.long.str", 17, Some(900)),
            symbol(b"main.nowhere.str", 5000, Some(3)),
        ];
        let stamps = stamps(&elf, &symbols).unwrap();
        let found: Vec<_> = stamps.iter().map(|it| (it.variable, it.value)).collect();
        let long = vec![b'.'; 256];
        let wanted: [(&[u8], &[u8]); 3] = [
            (b"main.Version", b"v1.2.3"),
            (b"runtime.buildVersion", b"go1.27.3"),
            (b"main.long", &long),
        ];
        assert_eq!(found, wanted);
        assert_eq!(stamps[1].offset, Offset((DATA + 7) as u64));
    }
}
