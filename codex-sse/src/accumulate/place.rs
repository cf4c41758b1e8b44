//! The location of a text, and what an event does to it.

use super::class::TextKind;

/// The location of a text: its item and part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) key: u32,
    pub(crate) kind: TextKind,
    pub(crate) position: usize,
}

/// The effect of an event on a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PartUse {
    /// The event announces the part.
    Opens,
    /// The event appends to the part.
    Grows,
    /// The event contains the complete part, or information about it.
    Ends,
}
