// Notes for maintainers.
//
// The decoder is fed with slices of a byte stream, cut anywhere, and lends events. It has one loop over lines. A line that lies whole in
// the chunk is looked at in place, and the values of an event whose lines all lie in the chunk are lent from there (`Lent`); only what a
// chunk boundary cuts is copied (`Held`). A cut line goes on where it stopped, by `Place`, so no byte is scanned twice:
//
//   place       entered when                          left by
//   Mark(n)     n bytes of a byte-order mark came     the rest of the mark, or any other byte: they were line content
//   Start       a line may begin                      its first byte
//   Return      a carriage return ended a line        swallowing one line feed, then as Start
//   Head        a line began, field not yet known     the byte that decides it: Inside; or the line's end
//   Inside(f)   the field is known                    the line's end
//   Failed      a limit was passed                    never
//
// A carriage return ends the line at once, and the line feed that may follow is swallowed later: so an event is handed out with the
// last byte of its blank line, whatever ended it.
//
// In front of the loop stands a prediction. Streams repeat the same event type hundreds of times, so the decoder remembers the bytes up
// to the data of the last event that it lent. If the next event begins with the very same bytes, one comparison replaces the parse of
// two fields. It can save work but never change a result.
//
// Limits are defined byte by byte so that they do not depend on chunks: an error's offset is that of the byte with which the violation
// is known. `Decoder::check` finds it for a whole line or a part of one; a cheap test in front keeps it off the fast path.

use core::{fmt, time::Duration};

use crate::{
    Error, ErrorKind, Frame, Limits,
    held::{Held, Part},
    line::{self, Field},
};

/// Decodes a byte stream of server-sent events, chunk by chunk, into [`Frame`]s.
///
/// It follows the WHATWG HTML standard, section 9.2.6, to the letter. It does no I/O, knows no runtime, lends what it can from the chunk
/// and copies only what a chunk boundary cuts.
///
/// The founding law: **chunking is invisible.** However the same bytes are cut, empty chunks included, the frames, the errors and the
/// [`Tail`] are the same, and a frame is handed out with the last byte of its blank line.
///
/// ```
/// use codex_sse::{Decoder, Tail};
///
/// let mut decoder = Decoder::new();
/// let mut seen = Vec::new();
/// for chunk in [&b"event: ping\nda"[..], b"ta: 1\n", b"\ndata: 2\n\ndata: unfin"] {
///     let mut input = chunk;
///     while let Some(frame) = decoder.decode(&mut input)? {
///         seen.push(frame.data_str()?.to_owned());
///     }
/// }
/// assert_eq!(seen, ["1", "2"]);
/// assert_eq!(decoder.finish(), Tail::Discarded(11));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Decoder {
    place: Place,
    /// Whether a frame that lies in `held` is lent, to be dropped with the next call.
    lent: bool,
    /// Data lines of the unfinished event.
    data_lines: usize,
    held: Held,
    retry: Option<u64>,
    prediction: Prediction,
    /// Bytes taken from the stream, and how many of them lie before the unfinished event.
    offset: u64,
    event_start: u64,
    /// Of the unfinished line: the offset of its first byte, where in it the value begins once the field is known, and
    /// [`line::known_without_data`].
    line_start: u64,
    value_start: usize,
    without_data: Option<usize>,
    /// What counts against `Limits::max_frame` and `Limits::max_skipped`, without the unfinished line.
    stored: usize,
    skipped: usize,
    limits: Limits,
    failed: Option<Error>,
}

/// What was left when a stream ended. The standard discards an event that no blank line has finished.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Tail {
    /// Nothing was lost.
    Clean,
    /// An event had begun and was not finished: that many bytes since the last blank line.
    Discarded(u64),
}

impl Decoder {
    /// A decoder with the default [`Limits`].
    pub fn new() -> Self {
        Self::with_limits(Limits::new())
    }

    /// A decoder with limits of one's own.
    pub fn with_limits(limits: Limits) -> Self {
        Self {
            place: Place::Mark(0),
            lent: false,
            data_lines: 0,
            held: Held::new(limits.frame),
            retry: None,
            prediction: Prediction::none(),
            offset: 0,
            event_start: 0,
            line_start: 0,
            value_start: 0,
            without_data: None,
            stored: 0,
            skipped: 0,
            limits,
            failed: None,
        }
    }

    /// Takes bytes from the front of `input` until an event is complete, and lends it.
    ///
    /// `Some`: `input` stands just behind the event; call again, there may be more. `None`: `input` is used up; an empty input is just
    /// "nothing yet".
    ///
    /// # Errors
    /// When a limit is passed. The error is sticky: every further call gives it again and takes nothing.
    #[inline]
    pub fn decode<'s, 'i: 's>(
        &'s mut self,
        input: &mut &'i [u8],
    ) -> Result<Option<Frame<'s>>, Error> {
        match self.decode_lent(input)? {
            Some(lent) => Ok(Some(self.frame(&lent))),
            None => Ok(None),
        }
    }

    /// Ends the stream, and says whether an unfinished event was lost.
    pub fn finish(self) -> Tail {
        let end = self.failed.as_ref().map_or(self.offset, Error::position);
        let line_began = match self.place {
            Place::Mark(length) => length > 0,
            Place::Start | Place::Return | Place::Inside(Field::Skip) => false,
            Place::Head | Place::Inside(_) | Place::Failed => true,
        };
        let event_began = !self.lent
            && (self.data_lines > 0
                || !self.held.event.is_empty()
                || self.held.next_id().is_some());
        match end - self.event_start {
            bytes @ 1.. if line_began || event_began => Tail::Discarded(bytes),
            _ => Tail::Clean,
        }
    }

    /// The last event id in force, for the header `Last-Event-ID` of a reconnection.
    pub fn last_event_id(&self) -> Option<&[u8]> {
        self.held.id()
    }

    /// The reconnection time in force, in whole milliseconds.
    pub fn retry(&self) -> Option<Duration> {
        self.retry.map(Duration::from_millis)
    }

    /// The bytes taken so far.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The limits that the decoder was made with.
    pub fn limits(&self) -> Limits {
        self.limits
    }
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Decoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decoder")
            .field("place", &self.place)
            .field("offset", &self.offset)
            .field("failed", &self.failed)
            .finish_non_exhaustive()
    }
}

/// Where the next byte falls; see the notes at the top.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Mark(u8),
    Start,
    Return,
    Head,
    Inside(Field),
    Failed,
}

/// The values of an event that lie in the current chunk; those that do not are held.
#[derive(Clone, Copy, Default)]
pub(crate) struct Lent<'i> {
    pub(crate) event: Option<&'i [u8]>,
    pub(crate) data: Option<&'i [u8]>,
    next_id: Option<&'i [u8]>,
}

impl Decoder {
    #[inline]
    pub(crate) fn decode_lent<'i>(
        &mut self,
        input: &mut &'i [u8],
    ) -> Result<Option<Lent<'i>>, Error> {
        match self.decode_predicted(input) {
            Some(lent) => Ok(Some(lent)),
            None => self.decode_lines(input),
        }
    }

    #[inline]
    pub(crate) fn frame<'s, 'i: 's>(&'s self, lent: &Lent<'i>) -> Frame<'s> {
        Frame {
            event: lent.event.unwrap_or(&self.held.event),
            data: lent.data.unwrap_or(&self.held.data),
            id: self.held.id(),
            retry: self.retry,
        }
    }

    /// The fast path: nothing is pending, and an event of the predicted shape lies whole in the input.
    #[inline]
    fn decode_predicted<'i>(&mut self, input: &mut &'i [u8]) -> Option<Lent<'i>> {
        if self.place != Place::Start || self.event_start != self.offset {
            return None;
        }
        let (event, after_header) = self.prediction.strip(input)?;
        let length = memchr::memchr2(b'\n', b'\r', after_header)?;
        let rest = after_header[length..].strip_prefix(b"\n\n")?;
        let taken = input.len() - rest.len();
        if taken + self.stored + self.skipped > self.limits.least() {
            return None;
        }
        *input = rest;
        self.offset += taken as u64;
        self.event_start = self.offset;
        self.skipped = 0;
        Some(Lent {
            event: Some(event),
            data: Some(&after_header[..length]),
            next_id: None,
        })
    }

    #[inline(never)]
    fn decode_lines<'i>(&mut self, input: &mut &'i [u8]) -> Result<Option<Lent<'i>>, Error> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        if self.lent {
            self.lent = false;
            self.held.clear_event();
        }
        let mut rest = *input;
        let mut lent = Lent::default();
        match self.take_lines(&mut rest, &mut lent) {
            Ok(dispatched) => {
                *input = rest;
                self.lent = dispatched;
                if dispatched {
                    self.prediction
                        .learn(lent.event.unwrap_or(&self.held.event));
                } else {
                    self.keep(&mut lent);
                }
                Ok(dispatched.then_some(lent))
            }
            Err(error) => {
                self.failed = Some(error.clone());
                self.place = Place::Failed;
                Err(error)
            }
        }
    }

    /// Takes lines until an event is complete (true) or the input is used up (false).
    fn take_lines<'i>(&mut self, rest: &mut &'i [u8], lent: &mut Lent<'i>) -> Result<bool, Error> {
        loop {
            if self.place != Place::Start {
                self.resume(rest, lent)?;
                if self.place != Place::Start {
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
                    if rest.is_empty() {
                        return Ok(false);
                    }
                    self.keep(lent);
                    self.line_start = self.offset;
                    self.place = Place::Head;
                }
            }
        }
    }

    /// Goes on where the last chunk stopped, until a line may begin or the input is used up.
    fn resume<'i>(&mut self, rest: &mut &'i [u8], lent: &mut Lent<'i>) -> Result<(), Error> {
        while let Some(&byte) = rest.first() {
            match self.place {
                Place::Start | Place::Failed => break,
                Place::Mark(length) => self.take_mark(rest, byte, length),
                Place::Return => {
                    self.place = Place::Start;
                    if byte == b'\n' {
                        self.swallow_line_feed(rest);
                    }
                }
                Place::Head => self.take_head(rest, byte, lent)?,
                Place::Inside(field) => self.take_value(rest, field, lent)?,
            }
        }
        Ok(())
    }

    /// One byte where a byte-order mark may stand. A beginning of the mark that goes on otherwise is a line of no known field.
    fn take_mark(&mut self, rest: &mut &[u8], byte: u8, length: u8) {
        if byte == MARK[usize::from(length)] {
            self.take(rest, 1);
            self.place = Place::Mark(length + 1);
            if usize::from(length) + 1 == MARK.len() {
                self.place = Place::Start;
                self.event_start = self.offset;
            }
        } else if length == 0 {
            self.place = Place::Start;
        } else {
            self.line_start = 0;
            self.without_data = Some(0);
            self.place = Place::Inside(Field::Skip);
        }
    }

    /// One byte of a line whose field is not known yet.
    fn take_head<'i>(
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
        self.held.append(Part::Line, &[byte]);
        self.take(rest, 1);
        self.without_data = line::known_without_data(&self.held.line, false);
        if let Some((field, value_start)) = line::parse_head(&self.held.line) {
            self.value_start = value_start;
            self.place = Place::Inside(field);
            match field {
                Field::Data => {
                    if self.data_lines > 0 {
                        self.held.append(Part::Data, b"\n");
                    }
                    if self.held.line.len() > value_start {
                        self.held.append(Part::Data, &[byte]);
                    }
                    self.held.line.clear();
                }
                Field::Skip => self.held.line.clear(),
                Field::Event | Field::Id | Field::Retry => {
                    drop(self.held.line.drain(..value_start))
                }
            }
        }
        self.check(&self.progress(false))
    }

    /// Bytes of a line whose field is known, and its end if it lies in the chunk.
    fn take_value<'i>(
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
        match field {
            Field::Data => self.held.append(Part::Data, piece),
            Field::Event | Field::Id | Field::Retry => self.held.append(Part::Line, piece),
            Field::Skip => {}
        }
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

    /// A line that lies whole in the chunk.
    #[inline]
    fn take_line<'i>(&mut self, line: &'i [u8], lent: &mut Lent<'i>) -> Result<(), Error> {
        let (field, value) = line::parse(line);
        if line.len() + 2 + self.stored.max(self.skipped) > self.limits.least() {
            self.check(&Progress {
                start: self.offset,
                length: line.len(),
                ended: true,
                value: (field != Field::Skip).then_some((field, line.len() - value.len())),
                without_data: line::known_without_data(line, true),
            })?;
        }
        self.offset += line.len() as u64;
        self.apply(field, Value::Lent(value), line.len(), lent);
        Ok(())
    }

    /// Does what a finished line says.
    #[inline]
    fn apply<'i>(
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
            self.stored += value_length + usize::from(self.data_lines > 0);
            if let Value::Lent(value) = value {
                if self.data_lines == 0 {
                    lent.data = Some(value);
                } else {
                    self.keep_data(lent);
                    self.held.append(Part::Data, b"\n");
                    self.held.append(Part::Data, value);
                }
            }
            self.data_lines += 1;
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

    /// A blank line. True when it dispatches an event, false when there is no data to dispatch.
    fn end_event<'i>(&mut self, rest: &mut &'i [u8], lent: &mut Lent<'i>) -> Result<bool, Error> {
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

    /// Takes the line end that `rest` begins with.
    #[inline]
    fn take_line_end(&mut self, rest: &mut &[u8]) {
        let byte = rest[0];
        self.take(rest, 1);
        self.place = Place::Start;
        if byte == b'\r' {
            match rest.first() {
                Some(b'\n') => self.take(rest, 1),
                Some(_) => {}
                None => self.place = Place::Return,
            }
        }
    }

    /// Takes the line feed that belongs to a carriage return at the end of the chunk before.
    fn swallow_line_feed(&mut self, rest: &mut &[u8]) {
        let after_event = self.event_start == self.offset;
        self.take(rest, 1);
        if after_event {
            self.event_start = self.offset;
        }
    }

    #[inline]
    fn take(&mut self, rest: &mut &[u8], length: usize) {
        *rest = &rest[length..];
        self.offset += length as u64;
    }

    /// Copies what the unfinished event has in a chunk that ends.
    fn keep(&mut self, lent: &mut Lent<'_>) {
        self.keep_data(lent);
        if let Some(event) = lent.event.take() {
            self.held.replace_event(event);
        }
        if let Some(id) = lent.next_id.take() {
            self.held.replace_next_id(id);
        }
    }

    fn keep_data(&mut self, lent: &mut Lent<'_>) {
        if let Some(data) = lent.data.take() {
            self.held.append(Part::Data, data);
        }
    }

    /// The unfinished line, of which all bytes up to `self.offset` count.
    fn progress(&self, ended: bool) -> Progress {
        Progress {
            start: self.line_start,
            length: (self.offset - self.line_start) as usize,
            ended,
            value: match self.place {
                Place::Inside(field) if field != Field::Skip => Some((field, self.value_start)),
                _ => None,
            },
            without_data: self.without_data,
        }
    }

    /// Finds the first byte of a line, if any, with which a limit is passed.
    fn check(&self, line: &Progress) -> Result<(), Error> {
        let Limits {
            line: longest,
            frame,
            skipped,
        } = self.limits;
        let at = |index: usize| line.start + index as u64;
        let mut first: Option<Error> = None;
        let mut passed = |kind, index, limit| {
            let offset = at(index);
            if first.as_ref().is_none_or(|error| offset < error.position()) {
                first = Some(Error::limit_passed(kind, offset, limit));
            }
        };
        if line.length > longest {
            passed(ErrorKind::LineTooLong, longest, longest);
        }
        if let Some((field, value_start)) = line.value {
            let full = (frame - self.stored).saturating_add(value_start);
            let joins = field == Field::Data && line.ended && self.data_lines > 0;
            if line.length + usize::from(joins) > full {
                passed(ErrorKind::FrameTooLong, full.min(line.length), frame);
            }
        }
        if let Some(known) = line.without_data {
            let room = skipped - self.skipped;
            if line.length + usize::from(line.ended) > room {
                passed(ErrorKind::TooMuchSkipped, known.max(room), skipped);
            }
        }
        first.map_or(Ok(()), Err)
    }
}

/// Where the value of a finished line lies: in the chunk, or, cut by its start, in `Held`.
#[derive(Clone, Copy)]
enum Value<'i> {
    Lent(&'i [u8]),
    Held { length: usize },
}

/// How far a line has come, for the limits.
struct Progress {
    /// The offset of its first byte.
    start: u64,
    length: usize,
    ended: bool,
    /// The field, unless it is skipped or not known yet, and where its value begins.
    value: Option<(Field, usize)>,
    /// See [`line::known_without_data`].
    without_data: Option<usize>,
}

/// What precedes the data of the next event if it has the type of the last one: `event: `, the type, a line feed, `data: `.
#[derive(Clone)]
struct Prediction {
    header: [u8; LONGEST_PREDICTION],
    length: usize,
}

impl Prediction {
    const fn none() -> Self {
        Self {
            header: [0; LONGEST_PREDICTION],
            length: 0,
        }
    }

    fn learn(&mut self, event: &[u8]) {
        let too_long = event.len() > LONGEST_PREDICTION - EVENT.len() - DATA.len();
        if too_long || (self.length > 0 && self.event() == event) {
            return;
        }
        let mut length = 0;
        let parts: &[&[u8]] = if event.is_empty() {
            &[&DATA[1..]]
        } else {
            &[EVENT, event, DATA]
        };
        for part in parts {
            self.header[length..length + part.len()].copy_from_slice(part);
            length += part.len();
        }
        self.length = length;
    }

    /// The event type and what follows the header, if the input begins with it.
    #[inline]
    fn strip<'i>(&self, input: &'i [u8]) -> Option<(&'i [u8], &'i [u8])> {
        if self.length == 0 {
            return None;
        }
        let rest = input.strip_prefix(&self.header[..self.length])?;
        Some((
            input
                .get(EVENT.len()..self.length.saturating_sub(DATA.len()))
                .unwrap_or_default(),
            rest,
        ))
    }

    fn event(&self) -> &[u8] {
        self.header
            .get(EVENT.len()..self.length.saturating_sub(DATA.len()))
            .unwrap_or_default()
    }
}

fn find_line_end(bytes: &[u8]) -> Option<usize> {
    memchr::memchr2(b'\n', b'\r', bytes)
}

fn is_line_end(byte: u8) -> bool {
    matches!(byte, b'\n' | b'\r')
}

/// The value of a `retry` field: digits only.
fn parse_milliseconds(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u64, |number, digit| {
        let digit = char::from(*digit).to_digit(10)?;
        Some(number.saturating_mul(10).saturating_add(digit.into()))
    })
}

const EVENT: &[u8] = b"event: ";
const DATA: &[u8] = b"\ndata: ";
const MARK: &[u8] = "\u{feff}".as_bytes();
const LONGEST_PREDICTION: usize = 96;
