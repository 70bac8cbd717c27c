//! The start-up stub of a linked program: its header, as `stubs/README.md` has it, and the code of
//! its CPU.

/// The code for 386.
#[path = "../stub/386.rs"]
mod i386;
#[path = "../stub/arm.rs"]
mod arm;
#[path = "../stub/riscv64.rs"]
mod riscv64;

pub(super) use arm::CODE as ARM;
pub(super) use i386::CODE as I386;
pub(super) use riscv64::CODE as RISCV64;

/// The first seven bytes, and the version of the layout in the eighth.
const MAGIC: [u8; 8] = *b"handpie\x01";

/// The size of the header, in bytes; the code follows, and the program starts there.
pub(super) const HEADER_SIZE: u64 = 0x38;

/// The stub starts at a multiple of this, in bytes.
pub(super) const ALIGN: u64 = 16;

/// What the stub does. All addresses are link-time addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Startup {
    /// Where the header is.
    pub(super) address: u64,
    /// The RELR table.
    pub(super) relr: u64,
    pub(super) relr_size: u64,
    /// The pages that become read-only, and their size, not rounded.
    pub(super) relro: u64,
    pub(super) relro_size: u64,
    /// `main`.
    pub(super) entry: u64,
}

impl Startup {
    /// The stub: header and code. Fields have eight bytes on every CPU.
    pub(super) fn with_code(&self, code: &[u8]) -> Vec<u8> {
        let mut stub = MAGIC.to_vec();
        for word in [
            self.address,
            self.relr,
            self.relr_size,
            self.relro,
            self.relro_size,
            self.entry,
        ] {
            stub.extend(word.to_le_bytes());
        }
        stub.extend(code);
        stub
    }
}
