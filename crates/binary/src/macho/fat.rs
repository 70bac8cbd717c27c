//! Fat files: several Mach-O files, one for each CPU, behind a table. <mach-o/fat.h>.

use object::macho::{FAT_MAGIC, FAT_MAGIC_64, FatArch32, FatArch64, FatHeader};
use object::read::macho::FatArch;

use crate::bytes::Bytes;
use crate::error::{Error, ErrorKind};
use crate::identify::{FileKind, identify};
use crate::limits::MAX_FAT_MEMBERS;
use crate::quantity::{Offset, Size};

/// The members of a fat file, in the order of its table; `None` for a file that is not fat.
pub(super) fn members(file: Bytes<'_>) -> Result<Option<Vec<Bytes<'_>>>, Error> {
    let magic = u32::from_be_bytes(*file.read::<[u8; 4]>(0, "the magic")?);
    match magic {
        FAT_MAGIC => read::<FatArch32>(file).map(Some),
        FAT_MAGIC_64 => read::<FatArch64>(file).map(Some),
        _ => Ok(None),
    }
}

fn read<A: FatArch>(file: Bytes<'_>) -> Result<Vec<Bytes<'_>>, Error> {
    const TABLE: u64 = size_of::<FatHeader>() as u64;
    let header = file.read::<FatHeader>(0, "the fat header")?;
    let count = header.nfat_arch.get(object::BigEndian);
    if count == 0 || count > MAX_FAT_MEMBERS {
        let message = format!("`nfat_arch` is {count}, expected 1 to {MAX_FAT_MEMBERS}");
        return Err(Error::at(ErrorKind::Malformed, Offset(4), message));
    }
    let table = file.read_table::<A>(TABLE, count.into(), "the table of a fat file")?;
    let mut members = Vec::with_capacity(table.len());
    for (index, raw) in table.iter().enumerate() {
        let (offset, size) = raw.file_range();
        let what = format!("member {index} of a fat file");
        let member = file.slice(offset, Size(size), &what)?;
        let start = member.slice(0, member.size().min(Size(8)), "the magic")?;
        match identify(start.data()?) {
            FileKind::MachO => members.push(member),
            other => {
                let message = format!("{what} is not a Mach-O file, but {}", other.describe());
                return Err(Error::at(ErrorKind::NotBinary, member.base(), message));
            }
        }
    }
    Ok(members)
}
