//! The data that a decoder keeps between two chunks. All of it is under one budget, so that a
//! decoder's memory is bounded by its limits in whatever order a server makes the parts grow:
//! before one buffer grows past the remaining budget, the others release their spare capacity.
//! Stored data has already been checked against the limits; the budget only governs spare capacity.

use alloc::vec::Vec;
use core::mem;

/// The parts of the unfinished event, and the last event id.
#[derive(Clone, Debug, Default)]
pub(crate) struct Held {
    budget: usize,
    /// The data lines so far, joined by line feeds, without data that was lent as a part.
    pub(crate) data: Vec<u8>,
    /// Data lent as a part.
    part: Vec<u8>,
    /// The event type.
    pub(crate) event: Vec<u8>,
    /// The id that becomes current when the unfinished event ends.
    next_id: Id,
    /// The current last event id.
    id: Id,
    /// The beginning of an unfinished line other than data.
    pub(crate) line: Vec<u8>,
}

/// An id, separate from its memory so that the memory can be reused.
#[derive(Clone, Debug, Default)]
struct Id {
    given: bool,
    bytes: Vec<u8>,
}

impl Id {
    fn as_slice(&self) -> Option<&[u8]> {
        self.given.then_some(&self.bytes)
    }
}

/// One of the buffers.
#[derive(Clone, Copy)]
pub(crate) enum Part {
    Data,
    Event,
    NextId,
    Line,
}

impl Held {
    pub(crate) fn new(budget: usize) -> Self {
        Self {
            budget,
            ..Self::default()
        }
    }

    pub(crate) fn append(&mut self, part: Part, bytes: &[u8]) {
        let buffer = self.buffer(part);
        if buffer.capacity() - buffer.len() < bytes.len() {
            self.grow(part, bytes.len());
        }
        self.buffer(part).extend_from_slice(bytes);
    }

    /// Appends a data line after others.
    #[inline]
    pub(crate) fn append_line(&mut self, line: &[u8]) {
        if self.data.capacity() - self.data.len() <= line.len() {
            self.grow(Part::Data, line.len() + 1);
        }
        self.data.push(b'\n');
        self.data.extend_from_slice(line);
    }

    /// Lends the data, and stops holding it.
    pub(crate) fn lend_data(&mut self) -> &[u8] {
        self.part.clear();
        mem::swap(&mut self.part, &mut self.data);
        &self.part
    }

    pub(crate) fn replace_event(&mut self, event: &[u8]) {
        self.event.clear();
        self.append(Part::Event, event);
    }

    pub(crate) fn replace_next_id(&mut self, id: &[u8]) {
        self.next_id.bytes.clear();
        self.append(Part::NextId, id);
        self.next_id.given = true;
    }

    /// Turns the unfinished line's value into the event type.
    pub(crate) fn line_becomes_event(&mut self) {
        mem::swap(&mut self.event, &mut self.line);
        self.line.clear();
    }

    /// Turns the unfinished line's value into the next id.
    pub(crate) fn line_becomes_id(&mut self) {
        self.next_id.given = true;
        mem::swap(&mut self.next_id.bytes, &mut self.line);
        self.line.clear();
    }

    pub(crate) fn next_id(&self) -> Option<&[u8]> {
        self.next_id.as_slice()
    }

    pub(crate) fn id(&self) -> Option<&[u8]> {
        self.id.as_slice()
    }

    /// Makes the id of the event that ends here current.
    pub(crate) fn commit_id(&mut self) {
        if self.next_id.given {
            mem::swap(&mut self.id, &mut self.next_id);
            self.next_id.given = false;
        }
    }

    pub(crate) fn clear_event(&mut self) {
        self.data.clear();
        self.event.clear();
        self.next_id.given = false;
    }

    fn buffer(&mut self, part: Part) -> &mut Vec<u8> {
        match part {
            Part::Data => &mut self.data,
            Part::Event => &mut self.event,
            Part::NextId => &mut self.next_id.bytes,
            Part::Line => &mut self.line,
        }
    }

    #[cold]
    fn grow(&mut self, part: Part, extra: usize) {
        let buffer = self.buffer(part);
        let (length, capacity) = (buffer.len(), buffer.capacity());
        let needed = length + extra;
        let mut left = self.budget.saturating_sub(self.capacity() - capacity);
        if needed.max(capacity * 2) > left {
            self.release_spare();
            left = self
                .budget
                .saturating_sub(self.capacity() - self.buffer(part).capacity());
        }
        let wanted = (capacity * 2).max(SMALLEST).min(left).max(needed);
        self.buffer(part).reserve_exact(wanted - length);
    }

    fn capacity(&self) -> usize {
        [
            &self.data,
            &self.part,
            &self.event,
            &self.next_id.bytes,
            &self.id.bytes,
            &self.line,
        ]
        .map(Vec::capacity)
        .iter()
        .sum()
    }

    fn release_spare(&mut self) {
        if !self.next_id.given {
            self.next_id.bytes.clear();
        }
        self.part.clear();
        for buffer in [
            &mut self.data,
            &mut self.part,
            &mut self.event,
            &mut self.next_id.bytes,
            &mut self.id.bytes,
            &mut self.line,
        ] {
            buffer.shrink_to_fit();
        }
    }
}

/// An ordinary delta fits, so that a short stream allocates once.
const SMALLEST: usize = 128;
