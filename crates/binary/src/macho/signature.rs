//! The code signature: what `LC_CODE_SIGNATURE` points at, a superblob of blobs. Apple's structures
//! stand in XNU's osfmk/kern/cs_blobs.h; all are big-endian in every file.
//!
//! Nothing is verified: no hash is computed and no certificate is read.

use object::Endianness;
use object::macho::{
    CS_ADHOC, CSMAGIC_BLOBWRAPPER, CSMAGIC_CODEDIRECTORY, CSMAGIC_EMBEDDED_SIGNATURE,
    CSSLOT_CODEDIRECTORY, CSSLOT_SIGNATURESLOT, CsBlobIndex, CsCodeDirectoryV0, CsFlags,
    CsGenericBlob, CsSuperBlob, LC_CODE_SIGNATURE, LinkeditDataCommand,
};

use super::MachO;
use crate::bytes::Bytes;
use crate::error::{Error, ErrorKind};
use crate::limits::MAX_SIGNATURE_BLOBS;
use crate::quantity::{Offset, Size};

/// A code signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeSignature {
    /// Where the superblob stands in the file.
    pub offset: Offset,
    /// The code directories: that of slot 0 first, then alternatives with other hashes, of which
    /// the kernel takes the strongest.
    pub directories: Vec<CodeDirectory>,
    /// The CMS message with the signer's certificates, if it holds something: where it stands.
    pub message: Option<Offset>,
}

/// A code directory: the hashes of all pages, and what the kernel shall enforce.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodeDirectory {
    /// Where it stands in the file.
    pub offset: Offset,
    /// `flags`.
    pub flags: CsFlags,
}

impl CodeSignature {
    /// Whether somebody signed it with a certificate; otherwise anybody could have made it, and it
    /// only says that the file is whole.
    pub fn has_certificate(&self) -> bool {
        let ad_hoc = |directory: &CodeDirectory| directory.flags.contains(CS_ADHOC);
        self.message.is_some() && !self.directories.iter().any(ad_hoc)
    }

    /// Whether all code directories have this flag, so that it holds whichever the kernel takes.
    pub fn has(&self, flag: CsFlags) -> bool {
        self.directories
            .iter()
            .all(|directory| directory.flags.contains(flag))
    }
}

/// The code signature; `None` for a file that is not signed.
pub(super) fn read(macho: &MachO<'_>) -> Result<Option<CodeSignature>, Error> {
    let Some(command) = macho.command(LC_CODE_SIGNATURE) else {
        return Ok(None);
    };
    let endian = macho.header.endian;
    let what = "`LC_CODE_SIGNATURE`";
    let raw = command
        .data
        .read::<LinkeditDataCommand<Endianness>>(0, what)?;
    let size = Size(raw.datasize.get(endian).into());
    let data = macho
        .file
        .slice(raw.dataoff.get(endian).into(), size, "the code signature")?;
    superblob(data)
        .map(Some)
        .map_err(|error| error.within("the code signature"))
}

fn superblob(data: Bytes<'_>) -> Result<CodeSignature, Error> {
    const INDEX: u64 = size_of::<CsSuperBlob>() as u64;
    let big = object::BigEndian;
    let raw = data.read::<CsSuperBlob>(0, "the superblob")?;
    expect(data, raw.magic.get(big), CSMAGIC_EMBEDDED_SIGNATURE)?;
    let count = raw.count.get(big);
    if count > MAX_SIGNATURE_BLOBS {
        let message = format!("{count} blobs; at most {MAX_SIGNATURE_BLOBS} are read");
        return Err(Error::at(ErrorKind::TooLarge, data.base(), message));
    }
    let index = data.read_table::<CsBlobIndex>(INDEX, count.into(), "the index of blobs")?;
    let mut signature = CodeSignature {
        offset: data.base(),
        directories: Vec::new(),
        message: None,
    };
    for entry in index {
        let start = u64::from(entry.offset.get(big));
        let rest = Size(data.size().0.saturating_sub(start));
        let slot = entry.slot.get(big);
        if slot == CSSLOT_CODEDIRECTORY || slot.is_alternate_codedirectory() {
            let blob = data.slice(start, rest, "a code directory")?;
            signature.directories.push(directory(blob)?);
        } else if slot == CSSLOT_SIGNATURESLOT {
            let blob = data.slice(start, rest, "the CMS message")?;
            let raw = blob.read::<CsGenericBlob>(0, "the CMS message")?;
            expect(blob, raw.magic.get(big), CSMAGIC_BLOBWRAPPER)?;
            // An ad hoc signature by codesign has a wrapper with nothing in it.
            let filled = raw.length.get(big) as usize > size_of::<CsGenericBlob>();
            signature.message = filled.then_some(blob.base());
        }
    }
    if signature.directories.is_empty() {
        let message = "the code signature has no code directory";
        return Err(Error::at(ErrorKind::Malformed, data.base(), message));
    }
    Ok(signature)
}

fn directory(blob: Bytes<'_>) -> Result<CodeDirectory, Error> {
    let raw = blob.read::<CsCodeDirectoryV0>(0, "a code directory")?;
    expect(
        blob,
        raw.magic.get(object::BigEndian),
        CSMAGIC_CODEDIRECTORY,
    )?;
    Ok(CodeDirectory {
        offset: blob.base(),
        flags: raw.flags.get(object::BigEndian),
    })
}

fn expect(blob: Bytes<'_>, found: u32, expected: u32) -> Result<(), Error> {
    if found == expected {
        return Ok(());
    }
    let message = format!("the magic of a blob is {found:#x}, expected {expected:#x}");
    Err(Error::at(ErrorKind::Malformed, blob.base(), message))
}
