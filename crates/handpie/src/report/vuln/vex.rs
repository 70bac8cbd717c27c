//! VEX documents, which are whole only when every program is in them. What could not be read has no
//! place in them; the driver says it beside.

use std::io::{self, Write};

use handpie_vuln::{Triage, VexDocument};

use super::{Renderer, Summary};
use crate::binaries::Unread;
use crate::today;

impl<D: VexDocument> Renderer<Triage<'_>, Summary> for Option<D> {
    fn binary(&mut self, _: &mut dyn Write, triage: &Triage<'_>) -> io::Result<()> {
        self.get_or_insert_default().add(triage);
        Ok(())
    }

    fn unread(&mut self, _: &mut dyn Write, _: &Unread) -> io::Result<()> {
        Ok(())
    }

    fn end(&mut self, out: &mut dyn Write, _: &Summary) -> io::Result<()> {
        let document = self.take().unwrap_or_default();
        writeln!(out, "{:#}", document.finish(&today::timestamp()))
    }
}
