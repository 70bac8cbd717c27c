//! What a conversion can do beyond making a program start without a loader.

/// What is asked of a conversion.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Who chooses the load address.
    pub aslr: Aslr,
    /// Whether code, read-only data and RELRO are sealed (`mseal`, Linux 6.10 and newer) when the
    /// program starts, so that nothing can make them writable again.
    pub seal: bool,
}

/// Who chooses the load address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Aslr {
    /// The kernel. It puts a static-PIE into the region of shared mappings.
    #[default]
    Kernel,
    /// The program: its mover draws an address from the whole lower half of user space.
    Full,
}

impl Options {
    /// Whether they ask for more than the plain stub does.
    pub(crate) fn ask_for_more(self) -> bool {
        self != Self::default()
    }
}
