//! Every cap of this crate in one place: on what is read, and on what is made of it.

/// The list of crates that cargo-auditable leaves in a program, packed or not, in bytes; large
/// programs have 50 KiB.
pub(crate) const MAX_CRATE_LIST: usize = 8 << 20;

/// An advisory, in bytes of JSON; the largest has 40 KiB.
pub(crate) const MAX_ADVISORY: usize = 4 << 20;

/// Items of any list in an advisory. The longest, of symbols, has some hundred.
pub(crate) const MAX_ITEMS: usize = 1 << 14;

/// Modules, ranges, packages and symbols of one advisory together. The largest of Go's has 272.
pub(crate) const MAX_ROWS: usize = 1 << 15;

/// All advisories that a database keeps, in bytes of JSON. Go's have 6 MB.
pub(crate) const MAX_ADVISORIES_SIZE: usize = 128 << 20;

/// What is read for a database, in bytes of JSON: advisories about all ecosystems, of which those about
/// Go and crates.io are kept. Those of GitHub have 1 GB.
pub(crate) const MAX_JSON_SIZE: u64 = 3 << 30;

/// All that is made of advisories but their texts, in bytes of a database. That of Go has 1 MB.
pub(crate) const MAX_TABLES_SIZE: usize = 64 << 20;

/// A stream of advisories in a database when it is unpacked, in bytes.
pub(crate) const MAX_ADVISORY_TEXTS: usize = 8 << 20;

/// Modules or crates of a program that are held against a database. The largest programs list two
/// thousand; a list that was forged to be long could have a hundred times as many.
pub(crate) const MAX_MODULES: usize = 1 << 14;

/// Versions in which a program may hold one module or crate. Go takes one, and where Cargo needs
/// several there are a handful. Every advisory about the module is looked at for each.
pub(crate) const MAX_VERSIONS: usize = 64;

/// The longest text of which the beginning is taken for a version, in bytes.
pub(crate) const MAX_VERSION: usize = 256;

/// The names of Rust functions that are looked through, demangled, in bytes. A mangled name can stand for
/// one a million times its size. A large program has some megabytes of all crates together.
pub(crate) const MAX_DEMANGLED: usize = 32 << 20;

/// Parts of an import path, between slashes, of which the module is looked for. Real ones have ten.
pub(crate) const MAX_PATH_PARTS: usize = 64;

/// The largest file that is taken for a database, in bytes. Go's ZIP has 3 MB, that of all crates 20.
pub const MAX_DATABASE_SIZE: u64 = 512 << 20;

/// The largest VEX document that is read, in bytes. A statement takes half a kilobyte; vendors publish
/// some thousand in one document.
pub const MAX_VEX_SIZE: u64 = 64 << 20;

/// The largest list of versions of modules that is read, in bytes. The go.sum of a large program has
/// 300 KiB.
pub const MAX_VERSIONS_SIZE: u64 = 16 << 20;

/// The largest file of recorded inventories that is read, in bytes. A large program takes half a
/// megabyte.
pub const MAX_FACTS_SIZE: u64 = 256 << 20;

/// The largest output of `govulncheck -mode=extract` that is read, in bytes. That of a program of 80 MB
/// has 5 MB.
pub const MAX_EXTRACT_SIZE: u64 = 256 << 20;
