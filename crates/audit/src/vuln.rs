//! Which known vulnerabilities are in a binary: what it holds ([`Inventory`]), held against what is
//! known ([`Database`]), in three tiers ([`triage`]).
//!
//! All that is asked of the code is which functions are in it, and that stands in the table of their
//! names. So a program that was stripped, linked as a PIE or has lost its section headers gets the
//! answer that it would have got before.

mod semver;
mod range;
mod osv;
mod symbol;
mod database;
mod code;
mod record;
mod doubt;
mod ecosystem;
mod inventory;
mod matching;
mod triage;
mod places;
mod steps;

pub use code::{Function, Inlined, Place, Standing};
pub use database::{
    Advisory, Builder, Database, DatabaseError, MAGIC, RecordError, START, Source, Texts,
};
pub use doubt::Doubt;
pub use ecosystem::Ecosystem;
pub use inventory::{Inventory, NoInventory};
pub use places::locate;
pub use record::{Crate, Facts, Module, Record, Symbols};
pub use steps::{Step, steps};
pub use triage::{Basis, Hit, Row, Tier, Triage, triage};
