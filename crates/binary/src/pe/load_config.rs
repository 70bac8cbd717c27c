//! The load configuration: `IMAGE_LOAD_CONFIG_DIRECTORY32` and `64` in <winnt.h>; PE Format, "The
//! Load Configuration Structure". What the compiler built in and the loader has to know.
//!
//! It has grown with every release of Windows. Its first field is its size, and what lies behind
//! that is not there. (The size in the data directory is no help: for 32-bit files, Windows XP
//! wanted 64 there.)

use std::mem::offset_of;

use object::pe::{
    GuardFlags, IMAGE_DIRECTORY_ENTRY_LOAD_CONFIG, ImageLoadConfigDirectory32,
    ImageLoadConfigDirectory64,
};

use super::Pe;
use crate::bytes::Bytes;
use crate::error::{Error, ErrorKind};
use crate::quantity::{Address, Offset, Size};

/// The fields of the load configuration that say how the image protects itself. `None` where the
/// structure ends before a field, or an address is 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoadConfig {
    /// Where it stands in the file.
    pub offset: Offset,
    /// `Size`: its own, in bytes.
    pub size: Size,
    /// `SecurityCookie`: where the value is that functions put on their stack (/GS).
    pub security_cookie: Option<Address>,
    /// `SEHandlerTable`: the exception handlers that may be called.
    pub se_handler_table: Option<Address>,
    /// `SEHandlerCount`.
    pub se_handler_count: Option<u64>,
    /// `GuardCFCheckFunctionPointer`: where the loader puts the function that checks targets.
    pub guard_cf_check: Option<Address>,
    /// `GuardCFDispatchFunctionPointer`: the same for the function that checks and then calls, which
    /// 64-bit code uses.
    pub guard_cf_dispatch: Option<Address>,
    /// `GuardCFFunctionTable`: the functions that may be called indirectly.
    pub guard_cf_table: Option<Address>,
    /// `GuardCFFunctionCount`.
    pub guard_cf_count: Option<u64>,
    /// `GuardFlags`.
    pub guard_flags: Option<GuardFlags>,
}

/// Where the fields stand, in bytes from the start.
struct Layout {
    word: u64,
    security_cookie: usize,
    se_handler_table: usize,
    se_handler_count: usize,
    guard_cf_check: usize,
    guard_cf_dispatch: usize,
    guard_cf_table: usize,
    guard_cf_count: usize,
    guard_flags: usize,
}

const PE32: Layout = Layout {
    word: 4,
    security_cookie: offset_of!(ImageLoadConfigDirectory32, security_cookie),
    se_handler_table: offset_of!(ImageLoadConfigDirectory32, sehandler_table),
    se_handler_count: offset_of!(ImageLoadConfigDirectory32, sehandler_count),
    guard_cf_check: offset_of!(ImageLoadConfigDirectory32, guard_cf_check_function_pointer),
    guard_cf_dispatch: offset_of!(
        ImageLoadConfigDirectory32,
        guard_cf_dispatch_function_pointer
    ),
    guard_cf_table: offset_of!(ImageLoadConfigDirectory32, guard_cf_function_table),
    guard_cf_count: offset_of!(ImageLoadConfigDirectory32, guard_cf_function_count),
    guard_flags: offset_of!(ImageLoadConfigDirectory32, guard_flags),
};

const PE32_PLUS: Layout = Layout {
    word: 8,
    security_cookie: offset_of!(ImageLoadConfigDirectory64, security_cookie),
    se_handler_table: offset_of!(ImageLoadConfigDirectory64, sehandler_table),
    se_handler_count: offset_of!(ImageLoadConfigDirectory64, sehandler_count),
    guard_cf_check: offset_of!(ImageLoadConfigDirectory64, guard_cf_check_function_pointer),
    guard_cf_dispatch: offset_of!(
        ImageLoadConfigDirectory64,
        guard_cf_dispatch_function_pointer
    ),
    guard_cf_table: offset_of!(ImageLoadConfigDirectory64, guard_cf_function_table),
    guard_cf_count: offset_of!(ImageLoadConfigDirectory64, guard_cf_function_count),
    guard_flags: offset_of!(ImageLoadConfigDirectory64, guard_flags),
};

impl Pe<'_> {
    /// The load configuration; `None` when the image has none.
    ///
    /// # Errors
    /// When the directory leads to no section, or the structure is larger than what is there.
    pub fn load_config(&self) -> Result<Option<LoadConfig>, Error> {
        let Some(directory) = self.directory(IMAGE_DIRECTORY_ENTRY_LOAD_CONFIG) else {
            return Ok(None);
        };
        let address = self.address_of(directory.rva);
        let rest = self.data_from(address).ok_or_else(|| {
            let message = format!(
                "the load configuration at {address} lies outside the file data \
                                   of every section"
            );
            Error::at(ErrorKind::Malformed, directory.entry, message)
        })?;
        let size = rest.read::<[u8; 4]>(0, "the size of the load configuration")?;
        let size = Size(u32::from_le_bytes(*size).into());
        let data = rest.slice(0, size, "the load configuration")?;
        data.data()?;
        let layout = match self.header.is_64 {
            true => PE32_PLUS,
            false => PE32,
        };
        let word = |at: usize| number(data, at, layout.word);
        let address = |at: usize| word(at).filter(|value| *value != 0).map(Address);
        let flags = number(data, layout.guard_flags, 4).and_then(|flags| flags.try_into().ok());
        Ok(Some(LoadConfig {
            offset: data.base(),
            size,
            security_cookie: address(layout.security_cookie),
            se_handler_table: address(layout.se_handler_table),
            se_handler_count: word(layout.se_handler_count),
            guard_cf_check: address(layout.guard_cf_check),
            guard_cf_dispatch: address(layout.guard_cf_dispatch),
            guard_cf_table: address(layout.guard_cf_table),
            guard_cf_count: word(layout.guard_cf_count),
            guard_flags: flags.map(GuardFlags),
        }))
    }
}

/// The little-endian number of `size` bytes at `at`, if the structure reaches that far.
fn number(data: Bytes<'_>, at: usize, size: u64) -> Option<u64> {
    let field = data
        .slice(at as u64, Size(size), "a field")
        .ok()?
        .data()
        .ok()?;
    let fold = |value: u64, byte: &u8| value.checked_shl(8).map(|value| value | u64::from(*byte));
    field.iter().rev().try_fold(0, fold)
}
