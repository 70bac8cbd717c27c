//! What single data directories lead to: relocations, debug entries, certificates, imports, .NET.
//! PE Format, "Special Sections" and "The Attribute Certificate Table".

use object::pe::{
    COMIMAGE_FLAGS_ILONLY, IMAGE_DEBUG_TYPE_EX_DLLCHARACTERISTICS, IMAGE_DIRECTORY_ENTRY_BASERELOC,
    IMAGE_DIRECTORY_ENTRY_COM_DESCRIPTOR, IMAGE_DIRECTORY_ENTRY_DEBUG,
    IMAGE_DIRECTORY_ENTRY_IMPORT, IMAGE_DIRECTORY_ENTRY_SECURITY, ImageBaseRelocation,
    ImageCor20Header, ImageDebugDirectory, ImageImportDescriptor,
};

use super::{Directory, Pe};
use crate::bytes::Bytes;
use crate::error::{Error, ErrorKind, well_formed};
use crate::limits::{MAX_DEBUG_ENTRIES, MAX_IMPORTED_LIBRARIES, MAX_LIBRARY_NAME};
use crate::partial::{Incomplete, all};
use crate::quantity::{Offset, Size};

/// A 32-bit number of the debug directory, with its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExtendedDllCharacteristics {
    /// Where they stand in the file.
    pub offset: Offset,
    /// `IMAGE_DLLCHARACTERISTICS_EX_*`.
    pub flags: u32,
}

impl ExtendedDllCharacteristics {
    /// `IMAGE_DLLCHARACTERISTICS_EX_CET_COMPAT`: may run with a shadow stack.
    pub const CET_COMPAT: u32 = 1;
}

/// The first entry of the certificate table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// Where it stands in the file.
    pub offset: Offset,
    /// `dwLength`: how long it is, header included.
    pub size: Size,
    /// `wCertificateType`.
    pub kind: u16,
}

impl Certificate {
    /// `WIN_CERT_TYPE_PKCS_SIGNED_DATA`: what Authenticode uses.
    pub const PKCS_SIGNED_DATA: u16 = 2;
}

const LE: object::LittleEndian = object::LittleEndian;

impl<'data> Pe<'data> {
    /// The file offset of the first base relocation that does something; `None` when nothing in
    /// the image can be relocated.
    ///
    /// # Errors
    /// When the directory leads to no section, or a block is larger than what is there.
    pub fn first_relocation(&self) -> Result<Option<Offset>, Error> {
        const HEADER: u64 = size_of::<ImageBaseRelocation>() as u64;
        const TYPE_SHIFT: u32 = 12;
        let Some(directory) = self.directory(IMAGE_DIRECTORY_ENTRY_BASERELOC) else {
            return Ok(None);
        };
        let data = self.required(directory, "the base relocations")?;
        let mut start = 0u64;
        while start < data.size().0 {
            let raw = data.read::<ImageBaseRelocation>(start, "a block of base relocations")?;
            let size = u64::from(raw.size_of_block.get(LE));
            if size < HEADER {
                // Some linkers fill the directory up with zeros.
                return match size {
                    0 => Ok(None),
                    _ => {
                        let at = Offset(data.base().0.saturating_add(start));
                        let message = format!(
                            "`SizeOfBlock` is {size:#x}, expected {HEADER:#x} \
                                               or more"
                        );
                        Err(Error::at(ErrorKind::Malformed, at, message))
                    }
                };
            }
            let block = data.slice(start, Size(size), "a block of base relocations")?;
            let count = size.saturating_sub(HEADER) / 2;
            let entries = block.read_table::<[u8; 2]>(HEADER, count, "base relocations")?;
            let mut real = entries.iter().zip(0u64..);
            // Those of type 0 only fill up the block.
            let real = real.find(|(entry, _)| u16::from_le_bytes(**entry) >> TYPE_SHIFT != 0);
            if let Some((_, index)) = real {
                let position = index.saturating_mul(2).saturating_add(HEADER);
                return Ok(Some(Offset(block.base().0.saturating_add(position))));
            }
            start = start.saturating_add(size);
        }
        Ok(None)
    }

    /// The flags for which `DllCharacteristics` has no room; `None` when there are none.
    ///
    /// # Errors
    /// When the directory leads to no section, or an entry to nowhere in the file.
    pub fn extended_dll_characteristics(
        &self,
    ) -> Result<Option<ExtendedDllCharacteristics>, Error> {
        let Some(directory) = self.directory(IMAGE_DIRECTORY_ENTRY_DEBUG) else {
            return Ok(None);
        };
        let data = self.required(directory, "the debug directory")?;
        let entry_size = size_of::<ImageDebugDirectory>() as u64;
        let count = data.size().0.checked_div(entry_size).unwrap_or(0);
        if count > MAX_DEBUG_ENTRIES {
            let message = format!("{count} debug entries; at most {MAX_DEBUG_ENTRIES} are read");
            return Err(Error::at(ErrorKind::TooLarge, directory.entry, message));
        }
        let entries = data.read_table::<ImageDebugDirectory>(0, count, "the debug directory")?;
        let mut entries = entries.iter();
        let kind = IMAGE_DEBUG_TYPE_EX_DLLCHARACTERISTICS;
        let Some(entry) = entries.find(|entry| entry.typ.get(LE) == kind) else {
            return Ok(None);
        };
        let start = u64::from(entry.pointer_to_raw_data.get(LE));
        let what = "the extended DLL characteristics";
        let flags = self.file.read::<[u8; 4]>(start, what)?;
        Ok(Some(ExtendedDllCharacteristics {
            offset: Offset(start),
            flags: u32::from_le_bytes(*flags),
        }))
    }

    /// The first certificate; `None` for a file that is not signed.
    ///
    /// # Errors
    /// When the table does not lie inside the file.
    pub fn certificate(&self) -> Result<Option<Certificate>, Error> {
        const HEADER: u64 = 8;
        let Some(directory) = self.directory(IMAGE_DIRECTORY_ENTRY_SECURITY) else {
            return Ok(None);
        };
        // The one directory that is no part of the image: its address is a file offset.
        let what = "the certificate table";
        let table = self
            .file
            .slice(directory.rva.into(), directory.size, what)?;
        let raw = table.read::<[u8; 8]>(0, what)?;
        let [a, b, c, d, _, _, low, high] = *raw;
        let size = u64::from(u32::from_le_bytes([a, b, c, d]));
        if size <= HEADER || size > table.size().0 {
            let message = format!(
                "`dwLength` is {size:#x}, expected more than {HEADER:#x} and no more than {}",
                table.size()
            );
            return Err(Error::at(ErrorKind::Malformed, table.base(), message));
        }
        Ok(Some(Certificate {
            offset: table.base(),
            size: Size(size),
            kind: u16::from_le_bytes([low, high]),
        }))
    }

    /// The names of the libraries that the loader maps, in the file's order. What cannot be read
    /// ends the list.
    ///
    /// # Errors
    /// [`Incomplete`] when not all of them have been read.
    pub fn imported_libraries(&self) -> Result<Vec<&'data [u8]>, Incomplete> {
        let directory = self.directory(IMAGE_DIRECTORY_ENTRY_IMPORT);
        let Some(data) = directory.and_then(|directory| self.directory_data(directory)) else {
            return Ok(Vec::new());
        };
        let mut names = Vec::new();
        for index in 0..MAX_IMPORTED_LIBRARIES {
            let at = index.saturating_mul(size_of::<ImageImportDescriptor>() as u64);
            let raw = data.read::<ImageImportDescriptor>(at, "an import");
            let Some(raw) = well_formed(raw)? else {
                break;
            };
            let rest = self.data_from(self.address_of(raw.name.get(LE)));
            let name = rest.and_then(|rest| {
                let size = rest.size().min(Size(MAX_LIBRARY_NAME));
                rest.slice(0, size, "a name").ok()
            });
            match name {
                Some(name) if !raw.is_null() => names.push(name.c_string(0)),
                _ => break,
            }
        }
        // A name that has no end ends the list.
        let names = all(names.into_iter())?;
        Ok(names.into_iter().map_while(|name| name).collect())
    }

    /// Whether it holds only code of .NET, which the runtime compiles when it runs it.
    ///
    /// # Errors
    /// [`Incomplete`] when what says so has not been read.
    pub fn is_il_only(&self) -> Result<bool, Incomplete> {
        let directory = self.directory(IMAGE_DIRECTORY_ENTRY_COM_DESCRIPTOR);
        let data = directory.and_then(|directory| self.directory_data(directory));
        let header = data.map(|data| well_formed(data.read::<ImageCor20Header>(0, "")));
        let header = header.transpose()?.flatten();
        Ok(header.is_some_and(|header| header.flags.get(LE).contains(COMIMAGE_FLAGS_ILONLY)))
    }

    /// The bytes of a directory that has to be in a section.
    fn required(&self, directory: &Directory, what: &str) -> Result<Bytes<'data>, Error> {
        let address = self.address_of(directory.rva);
        let data = self.data_from(address);
        let data = data.and_then(|rest| rest.slice(0, directory.size, what).ok());
        data.ok_or_else(|| {
            let message = format!(
                "no section's file data contains {what} of {} bytes at {address}",
                directory.size
            );
            Error::at(ErrorKind::Malformed, directory.entry, message)
        })
    }
}
