//! The line loop: the general path for every line, whole or cut.

use super::limit::Progress;
use super::prediction::DATA;
use super::{Decoder, Lent, Position, find_line_end, is_line_end};
use crate::held::Part;
use crate::line::{self, Field};
use crate::{Error, ErrorKind};

impl Decoder {
    #[inline(never)]
    pub(super) fn decode_lines<'i>(
        &mut self,
        input: &mut &'i [u8],
    ) -> Result<Option<Lent<'i>>, Error> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        if self.lent {
            self.lent = false;
            self.held.clear_event();
        }
        let mut rest = *input;
        let mut lent = Lent::default();
        let begun = match self.position {
            Position::Header(length) => self.give_up_header(length),
            _ => Ok(()),
        };
        match begun.and_then(|()| self.take_lines(&mut rest, &mut lent)) {
            Ok(dispatched) => {
                *input = rest;
                self.lent = dispatched;
                if dispatched {
                    self.prediction
                        .learn(lent.event.unwrap_or(&self.held.event));
                }
                Ok(dispatched.then_some(lent))
            }
            Err(error) => {
                self.failed = Some(error.clone());
                self.position = Position::Failed;
                Err(error)
            }
        }
    }

    /// Consumes lines until an event is complete (true), or until the input is used up (false) and
    /// its part of the unfinished event is held.
    pub(super) fn take_lines<'i>(
        &mut self,
        rest: &mut &'i [u8],
        lent: &mut Lent<'i>,
    ) -> Result<bool, Error> {
        loop {
            if self.position != Position::Start {
                self.resume(rest, lent)?;
                if self.position != Position::Start {
                    self.keep(lent);
                    return Ok(false);
                }
            }
            match find_line_end(rest) {
                Some(0) => {
                    if self.end_event(rest, lent)? {
                        return Ok(true);
                    }
                }
                Some(length) => {
                    let line = &rest[..length];
                    self.take_line(line, lent)?;
                    *rest = &rest[length..];
                    self.take_line_end(rest);
                }
                None => {
                    self.keep(lent);
                    if !rest.is_empty() {
                        self.begin_line(rest)?;
                    }
                    return Ok(false);
                }
            }
        }
    }

    /// Continues where the last chunk stopped, until a line may begin or the input is used up.
    pub(super) fn resume<'i>(
        &mut self,
        rest: &mut &'i [u8],
        lent: &mut Lent<'i>,
    ) -> Result<(), Error> {
        while let Some(&byte) = rest.first() {
            match self.position {
                Position::Start | Position::Header(_) | Position::Failed => break,
                Position::Mark(length) => self.take_mark(rest, byte, length),
                Position::Return => {
                    self.position = Position::Start;
                    if byte == b'\n' {
                        self.swallow_line_feed(rest);
                    }
                }
                Position::Head => self.take_head(rest, byte, lent)?,
                Position::Inside(field) => self.take_value(rest, field, lent)?,
            }
        }
        Ok(())
    }

    /// Consumes one byte where a byte-order mark may be. A mark that does not continue is a line
    /// with an unknown field.
    pub(super) fn take_mark(&mut self, rest: &mut &[u8], byte: u8, length: u8) {
        if byte == MARK[usize::from(length)] {
            self.take(rest, 1);
            self.position = Position::Mark(length + 1);
            if usize::from(length) + 1 == MARK.len() {
                self.position = Position::Start;
                self.event_start = self.offset;
            }
        } else if length == 0 {
            self.position = Position::Start;
        } else {
            self.line_start = 0;
            self.without_data = Some(0);
            self.position = Position::Inside(Field::Skip);
        }
    }

    /// Consumes bytes of a line until they identify its field.
    pub(super) fn take_head<'i>(
        &mut self,
        rest: &mut &'i [u8],
        byte: u8,
        lent: &mut Lent<'i>,
    ) -> Result<(), Error> {
        if is_line_end(byte) {
            let (field, _) = line::parse(&self.held.line);
            let line = Progress {
                start: self.line_start,
                length: self.held.line.len(),
                ended: true,
                value: (field != Field::Skip).then_some((field, self.held.line.len())),
                without_data: line::known_without_data(&self.held.line, true),
            };
            self.check(&line)?;
            self.held.line.clear();
            self.apply(field, Value::Lent(&[]), line.length, lent);
            self.take_line_end(rest);
            return Ok(());
        }
        let held = self.held.line.len();
        let head = &rest[..rest.len().min(line::HEAD - held)];
        let head = &head[..find_line_end(head).unwrap_or(head.len())];
        self.held.append(Part::Line, head);
        self.take(rest, head.len());
        self.without_data = line::known_without_data(&self.held.line, false);
        let decided = line::parse_head(&self.held.line);
        if let Some((field, value_start)) = decided {
            self.held.line.clear();
            self.begin_value(field, value_start);
            self.hold_first(field, &head[value_start.saturating_sub(held)..]);
        }
        self.check(&self.progress(false))
    }

    /// Consumes the beginning of a line whose end is not in the chunk.
    pub(super) fn begin_line(&mut self, rest: &mut &[u8]) -> Result<(), Error> {
        let line = *rest;
        self.line_start = self.offset;
        self.take(rest, line.len());
        let is_short = line.len() + 2 + self.stored.max(self.skipped) <= self.least;
        if let Some(value) = line.strip_prefix(DATA.as_bytes()).filter(|_| is_short) {
            self.without_data = None;
            self.begin_value(Field::Data, DATA.len());
            self.hold_first(Field::Data, value);
            return Ok(());
        }
        let head = &line[..line.len().min(line::HEAD)];
        self.without_data = line::known_without_data(head, false);
        let Some((field, value_start)) = line::parse_head(head) else {
            self.position = Position::Head;
            self.held.append(Part::Line, line);
            return self.check(&self.progress(false));
        };
        self.begin_value(field, value_start);
        self.check(&self.progress(false))?;
        self.hold_first(field, &line[value_start..]);
        Ok(())
    }

    pub(super) fn begin_value(&mut self, field: Field, value_start: usize) {
        self.value_start = value_start;
        self.position = Position::Inside(field);
    }

    /// Holds the first bytes of a value, which a line feed joins to the data before it.
    fn hold_first(&mut self, field: Field, value: &[u8]) {
        if field == Field::Data && self.data_lines > 0 {
            self.held.append_line(value);
        } else {
            self.hold_value(field, value);
        }
    }

    pub(super) fn hold_value(&mut self, field: Field, value: &[u8]) {
        match field {
            Field::Data => self.held.append(Part::Data, value),
            Field::Event | Field::Id | Field::Retry => self.held.append(Part::Line, value),
            Field::Skip => {}
        }
    }

    /// Consumes bytes of a line whose field is known, and its end if it is in the chunk.
    pub(super) fn take_value<'i>(
        &mut self,
        rest: &mut &'i [u8],
        field: Field,
        lent: &mut Lent<'i>,
    ) -> Result<(), Error> {
        let end = find_line_end(rest);
        let piece = &rest[..end.unwrap_or(rest.len())];
        self.take(rest, piece.len());
        let line = self.progress(end.is_some());
        self.check(&line)?;
        self.hold_value(field, piece);
        if end.is_some() {
            self.apply(
                field,
                Value::Held {
                    length: line.length - self.value_start,
                },
                line.length,
                lent,
            );
            self.held.line.clear();
            self.take_line_end(rest);
        }
        Ok(())
    }

    /// Consumes a line that is whole in the chunk.
    #[inline]
    pub(super) fn take_line<'i>(
        &mut self,
        line: &'i [u8],
        lent: &mut Lent<'i>,
    ) -> Result<(), Error> {
        let (field, value) = line::parse(line);
        if line.len() + 2 + self.stored.max(self.skipped) > self.least {
            self.check_exactly(&Progress {
                start: self.offset,
                length: line.len(),
                ended: true,
                value: (field != Field::Skip).then_some((field, line.len() - value.len())),
                without_data: line::known_without_data(line, true),
            })?;
        }
        self.offset += line.len() as u64;
        if field == Field::Data {
            self.apply_data(value, lent);
        } else {
            self.apply(field, Value::Lent(value), line.len(), lent);
        }
        Ok(())
    }

    /// Applies a finished data line that is in the chunk.
    #[inline]
    fn apply_data<'i>(&mut self, value: &'i [u8], lent: &mut Lent<'i>) {
        if self.data_lines == 0 {
            lent.data = Some(value);
        } else {
            self.keep_data(lent);
            self.held.append_line(value);
        }
        self.count_data(value.len());
    }

    /// Counts a finished data line.
    #[inline]
    pub(super) fn count_data(&mut self, length: usize) {
        self.stored += length + usize::from(self.data_lines > 0);
        self.data_lines += 1;
    }

    /// Applies a finished line.
    #[inline]
    pub(super) fn apply<'i>(
        &mut self,
        field: Field,
        value: Value<'i>,
        line_length: usize,
        lent: &mut Lent<'i>,
    ) {
        let value_length = match value {
            Value::Lent(value) => value.len(),
            Value::Held { length } => length,
        };
        if field == Field::Data {
            match value {
                Value::Lent(value) => self.apply_data(value, lent),
                Value::Held { length } => self.count_data(length),
            }
            return;
        }
        self.skipped += line_length + 1;
        match field {
            Field::Event => {
                let before = lent.event.unwrap_or(&self.held.event).len();
                self.stored = self.stored - before + value_length;
                lent.event = match value {
                    Value::Lent(value) => Some(value),
                    Value::Held { .. } => {
                        self.held.line_becomes_event();
                        None
                    }
                };
            }
            Field::Id => {
                let bytes = match value {
                    Value::Lent(value) => value,
                    Value::Held { .. } => &self.held.line,
                };
                if bytes.contains(&0) {
                    return;
                }
                let before = lent
                    .next_id
                    .or_else(|| self.held.next_id())
                    .map_or(0, <[u8]>::len);
                self.stored = self.stored - before + value_length;
                lent.next_id = match value {
                    Value::Lent(value) => Some(value),
                    Value::Held { .. } => {
                        self.held.line_becomes_id();
                        None
                    }
                };
            }
            Field::Retry => {
                let digits = match value {
                    Value::Lent(value) => value,
                    Value::Held { .. } => &self.held.line,
                };
                self.retry = parse_milliseconds(digits).or(self.retry);
            }
            Field::Data | Field::Skip => {}
        }
    }

    /// Ends an event at a blank line. True if it dispatches an event, false if there is no data to
    /// dispatch.
    pub(super) fn end_event<'i>(
        &mut self,
        rest: &mut &'i [u8],
        lent: &mut Lent<'i>,
    ) -> Result<bool, Error> {
        let dispatched = self.data_lines > 0;
        if !dispatched && self.skipped == self.limits.skipped {
            let kind = ErrorKind::TooMuchSkipped;
            return Err(Error::limit_passed(kind, self.offset, self.limits.skipped));
        }
        if let Some(id) = lent.next_id.take() {
            self.held.replace_next_id(id);
        }
        self.held.commit_id();
        self.stored = self.held.id().map_or(0, <[u8]>::len);
        if dispatched {
            self.data_lines = 0;
            self.skipped = 0;
        } else {
            self.skipped += 1;
            self.held.clear_event();
            *lent = Lent::default();
        }
        self.take_line_end(rest);
        self.event_start = self.offset;
        Ok(dispatched)
    }

    /// Consumes the line ending at the start of `rest`.
    #[inline]
    pub(super) fn take_line_end(&mut self, rest: &mut &[u8]) {
        let byte = rest[0];
        self.take(rest, 1);
        self.position = Position::Start;
        if byte == b'\r' {
            match rest.first() {
                Some(b'\n') => self.take(rest, 1),
                Some(_) => {}
                None => self.position = Position::Return,
            }
        }
    }

    /// Consumes the line feed that belongs to a carriage return at the end of the previous chunk.
    pub(super) fn swallow_line_feed(&mut self, rest: &mut &[u8]) {
        let after_event = self.event_start == self.offset;
        self.take(rest, 1);
        if after_event {
            self.event_start = self.offset;
        }
    }

    #[inline]
    pub(super) fn take(&mut self, rest: &mut &[u8], length: usize) {
        *rest = &rest[length..];
        self.offset += length as u64;
    }

    /// Copies the unfinished event's part of a chunk that ends.
    pub(super) fn keep(&mut self, lent: &mut Lent<'_>) {
        self.keep_data(lent);
        if let Some(event) = lent.event.take() {
            self.held.replace_event(event);
        }
        if let Some(id) = lent.next_id.take() {
            self.held.replace_next_id(id);
        }
    }

    pub(super) fn keep_data(&mut self, lent: &mut Lent<'_>) {
        if let Some(data) = lent.data.take() {
            self.held.append(Part::Data, data);
        }
    }
}

/// The location of a finished line's value: in the chunk or, cut by its start, in `Held`.
#[derive(Clone, Copy)]
pub(super) enum Value<'i> {
    Lent(&'i [u8]),
    Held { length: usize },
}

/// Parses the value of a `retry` field, which must consist of digits only.
fn parse_milliseconds(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u64, |number, digit| {
        let digit = char::from(*digit).to_digit(10)?;
        Some(number.saturating_mul(10).saturating_add(digit.into()))
    })
}

const MARK: &[u8] = "\u{feff}".as_bytes();
