//! The fast paths before the line loop. Each consumes only input that has exactly the expected form
//! and is far from any limit, and leaves everything else to the loop.

use core::mem;

use super::prediction::{BLANK, DATA, EVENT, Prediction};
use super::{Decoder, Lent, Position, find_line_end};
use crate::Error;
use crate::held::Part;
use crate::line::Field;

impl Decoder {
    /// Decodes on the fast path: nothing is pending, and the input begins with an event of the
    /// predicted form.
    #[inline(always)]
    pub(super) fn decode_predicted<'i>(&mut self, input: &mut &'i [u8]) -> Predicted<'i> {
        match self.position {
            Position::Start if self.event_start == self.offset => {}
            Position::Inside(Field::Data) if input.is_empty() => return Predicted::Begun(&[]),
            Position::Inside(Field::Data) => return self.decode_data(input),
            Position::Header(length) => return self.go_on_with_header(input, length),
            _ => return Predicted::Missed,
        }
        let Some(after_header) = self.prediction.strip(input) else {
            if input.is_empty() {
                return Predicted::Begun(&[]);
            }
            return self.begin_header(input);
        };
        let Some(length) = find_line_end(after_header) else {
            return self.begin_predicted(input, after_header);
        };
        let Some(rest) = after_header[length..].strip_prefix(BLANK) else {
            return Predicted::Missed;
        };
        let taken = input.len() - rest.len();
        if taken + self.stored + self.skipped > self.least {
            return Predicted::Missed;
        }
        *input = rest;
        self.offset += taken as u64;
        self.event_start = self.offset;
        self.skipped = 0;
        Predicted::Event(&after_header[..length])
    }

    /// Decodes on the second fast path: a data line continues, to the end of the chunk, of the line
    /// or of the event.
    #[inline(never)]
    pub(super) fn decode_data<'i>(&mut self, input: &mut &'i [u8]) -> Predicted<'i> {
        let end = find_line_end(input);
        let piece = &input[..end.unwrap_or(input.len())];
        let line_length = (self.offset - self.line_start) as usize + piece.len();
        if line_length + 2 + self.stored.max(self.skipped) > self.least {
            return Predicted::Missed;
        }
        match end {
            None => {
                self.take(input, piece.len());
                Predicted::Begun(piece)
            }
            Some(length) if input[length..].starts_with(BLANK) => {
                self.held.append(Part::Data, piece);
                self.take(input, length + BLANK.len());
                self.held.commit_id();
                self.end_of_dispatched();
                Predicted::Held
            }
            Some(length) => {
                self.end_data_line(input, length);
                Predicted::Missed
            }
        }
    }

    /// Consumes the rest of a data line, which other lines of the event follow.
    #[inline(never)]
    fn end_data_line(&mut self, input: &mut &[u8], length: usize) {
        self.held.append(Part::Data, &input[..length]);
        self.take(input, length);
        let line_length = (self.offset - self.line_start) as usize;
        self.count_data(line_length - self.value_start);
        self.take_line_end(input);
    }

    /// Sets the state after an event that has been returned.
    #[inline]
    pub(super) fn end_of_dispatched(&mut self) {
        self.prediction.learn(&self.held.event);
        self.position = Position::Start;
        self.lent = true;
        self.data_lines = 0;
        self.skipped = 0;
        self.stored = self.held.id().map_or(0, <[u8]>::len);
        self.event_start = self.offset;
    }

    /// Begins an event whose predicted header has arrived and whose data continues in the next
    /// chunk.
    #[inline(never)]
    pub(super) fn begin_predicted<'i>(
        &mut self,
        input: &mut &'i [u8],
        data: &'i [u8],
    ) -> Predicted<'i> {
        if input.len() + 2 + self.stored.max(self.skipped) > self.least {
            return Predicted::Missed;
        }
        self.held.clear_event();
        self.lent = false;
        self.take(input, input.len() - data.len());
        self.end_header();
        self.take(input, data.len());
        Predicted::Begun(data)
    }

    /// Records that the input ends within the predicted header. Its bytes are not copied: their
    /// number suffices.
    #[inline(never)]
    fn begin_header<'i>(&mut self, input: &mut &'i [u8]) -> Predicted<'i> {
        let header = self.prediction.header.as_bytes();
        let room = self.least.saturating_sub(self.stored.max(self.skipped));
        if self.prediction.was_wrong || !header.starts_with(input) || header.len() + 2 > room {
            return Predicted::Missed;
        }
        self.held.clear_event();
        self.lent = false;
        // A header is shorter than 256 bytes.
        self.position = Position::Header(input.len() as u8);
        self.take(input, input.len());
        Predicted::Begun(&[])
    }

    /// Continues after that many bytes of the predicted header.
    #[inline(never)]
    fn go_on_with_header<'i>(&mut self, input: &mut &'i [u8], length: u8) -> Predicted<'i> {
        let header = &self.prediction.header.as_bytes()[usize::from(length)..];
        if let Some(data) = input.strip_prefix(header) {
            self.take(input, input.len() - data.len());
            self.end_header();
            if data.is_empty() {
                return Predicted::Begun(data);
            }
            return self.decode_data(input);
        }
        if !header.starts_with(input) {
            return Predicted::Missed;
        }
        self.position = Position::Header(length + input.len() as u8);
        self.take(input, input.len());
        Predicted::Begun(&[])
    }

    /// Records that the predicted header is complete and was consumed.
    fn end_header(&mut self) {
        self.prediction.was_wrong = false;
        let event = self.prediction.event();
        let event_line = match event.len() {
            0 => 0,
            length => EVENT.len() + length + 1,
        };
        self.held.replace_event(event.as_bytes());
        self.stored += event.len();
        self.skipped += event_line;
        self.line_start = self.offset - DATA.len() as u64;
        self.without_data = None;
        self.begin_value(Field::Data, DATA.len());
    }

    /// Passes the beginning of a header that continues differently than predicted to the loop.
    #[cold]
    pub(super) fn give_up_header(&mut self, length: u8) -> Result<(), Error> {
        let prediction = mem::take(&mut self.prediction);
        let mut begun = &prediction.header.as_bytes()[..usize::from(length)];
        self.offset -= u64::from(length);
        self.position = Position::Start;
        let mut lent = Lent::default();
        let given = self.take_lines(&mut begun, &mut lent);
        self.prediction = Prediction {
            was_wrong: true,
            ..prediction
        };
        given.map(|_| ())
    }
}

/// The result of the fast path.
pub(super) enum Predicted<'i> {
    /// An event with this data.
    Event(&'i [u8]),
    /// An event whose parts are held.
    Held,
    /// The input is used up, and the event continues. This data of it is not held yet.
    Begun(&'i [u8]),
    /// The loop over lines must decode the rest.
    Missed,
}
