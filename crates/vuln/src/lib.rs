//! Which known vulnerabilities are in a binary: what it holds ([`Inventory`]), matched with what is
//! known ([`Database`]), in three tiers ([`Tier`]); what others say about it ([`Vex`]); and whether it
//! counts ([`Triage`]).
//!
//! All that is asked of the code is which functions are in it, and that stands in the table of their
//! names. So a program that was stripped, linked as a PIE or has lost its section headers gets the
//! answer that it would have got before.
//!
//! Nothing here opens a connection, asks the clock or prints. Files are read where advisories come
//! from ([`source`]), and nowhere else.

#![warn(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation
)]

pub mod limits;
mod semver;
mod version_doubt;
mod unclear_version;
mod range;
mod osv;
mod symbol;
mod ecosystem;
mod database;
pub mod source;
mod record;
mod code;
mod caveat;
mod inventory;
mod candidates;
mod matches;
mod locations;
mod crate_functions;
mod whereabouts;
mod purl;
mod upgrades;
mod versions;
mod vex;
mod triage;
pub mod govulncheck;

pub use caveat::Caveat;
pub use code::{Function, Inlined, LinkedFunction, Location};
pub use database::{
    Advisory, Builder, Database, DatabaseError, MAGIC, RecordError, START, Source, Texts,
};
pub use ecosystem::Ecosystem;
pub use inventory::{Inventory, NoInventory, Unmatched};
pub use matches::{AffectedModule, Basis, Match, Tier, matches};
pub use record::{Crate, Facts, Module, ProgramFacts, Record, Symbols};
pub use triage::{Origin, Question, Triage, Verdict};
pub use unclear_version::UnclearVersion;
pub use upgrades::Upgrade;
pub use version_doubt::VersionDoubt;
pub use versions::{Versions, VersionsError};
pub use vex::{
    CycloneDx, OpenVex, Opinion, Statement, Status, Subject, Vex, VexDocument, VexError,
};
