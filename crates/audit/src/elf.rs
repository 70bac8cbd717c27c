//! The rules for ELF files, in the order of reports: what it is, what it needs, how its memory is
//! protected, what the compiler was asked for, what was left in it.

mod position;

use crate::rule::Rule;

pub(crate) const RULES: &[Rule] = &[position::PIE];
