//! VEX documents, which are whole only when every program is in them. What could not be read has no
//! place in them; the driver says it beside.

use std::collections::HashSet;
use std::io::{self, Write};
use std::path::PathBuf;

use handpie_vuln::{Triage, VexDocument};

use super::{Renderer, Summary};
use crate::binaries::Unread;
use crate::today;

/// A document, and what is in it already.
#[derive(Default)]
pub(super) struct VexReport<D> {
    document: D,
    /// Programs, by the real path of the file and which of the binaries in it. A file that was named
    /// twice, or is reached through a link as well, is one component.
    known: HashSet<(PathBuf, Option<String>)>,
}

impl<D: VexDocument> Renderer<Triage<'_>, Summary> for VexReport<D> {
    fn binary(&mut self, _: &mut dyn Write, triage: &Triage<'_>) -> io::Result<()> {
        let path = PathBuf::from(&triage.origin.path);
        // What was kept of a program has only the name.
        let path = path.canonicalize().unwrap_or(path);
        if self.known.insert((path, triage.origin.member.clone())) {
            self.document.add(triage);
        }
        Ok(())
    }

    fn unread(&mut self, _: &mut dyn Write, _: &Unread) -> io::Result<()> {
        Ok(())
    }

    fn end(&mut self, out: &mut dyn Write, _: &Summary) -> io::Result<()> {
        let Self { document, .. } = std::mem::take(self);
        writeln!(out, "{:#}", document.finish(&today::timestamp()))
    }
}
