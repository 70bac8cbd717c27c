//! A report on many files, written file by file: whoever knows a format says what is written when, and
//! one driver writes it.

use std::io::{self, Write};

use super::{Stream, unwritten};
use crate::binaries::{Unread, Visit};
use crate::failure::Failure;

/// A format: what is written when. `T` is what is said about a binary, `S` the summary. Files come in
/// the order of the command line and then of their names.
pub(super) trait Renderer<T, S> {
    fn begin(&mut self, _out: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }
    fn binary(&mut self, out: &mut dyn Write, binary: &T) -> io::Result<()>;
    fn unread(&mut self, out: &mut dyn Write, unread: &Unread) -> io::Result<()>;
    fn end(&mut self, out: &mut dyn Write, summary: &S) -> io::Result<()>;
}

/// A report on its way to standard output.
pub(super) struct Rendering<'a, T, S> {
    out: Stream,
    renderer: Box<dyn Renderer<T, S> + 'a>,
}

impl<'a, T, S> Rendering<'a, T, S> {
    pub(super) fn begin(
        out: Stream,
        renderer: Box<dyn Renderer<T, S> + 'a>,
    ) -> Result<Self, Failure> {
        let mut rendering = Self { out, renderer };
        let begun = rendering.renderer.begin(&mut rendering.out);
        begun.map_err(unwritten)?;
        Ok(rendering)
    }

    /// Writes what came of a file. What was passed over is only counted.
    pub(super) fn add(&mut self, visit: &Visit<T>) -> Result<(), Failure> {
        let written = match visit {
            Visit::Seen(binaries) => binaries
                .iter()
                .try_for_each(|binary| self.renderer.binary(&mut self.out, binary)),
            Visit::Unread(unread) => self.renderer.unread(&mut self.out, unread),
            Visit::PassedOver => Ok(()),
        };
        written.map_err(unwritten)
    }

    /// Sends on what was written so far.
    pub(super) fn flush(&mut self) -> Result<(), Failure> {
        self.out.flush().map_err(unwritten)
    }

    pub(super) fn end(&mut self, summary: &S) -> Result<(), Failure> {
        let ended = self.renderer.end(&mut self.out, summary);
        ended.map_err(unwritten)?;
        self.flush()
    }
}
