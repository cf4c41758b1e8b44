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

use alloc::string::String;
use core::{fmt, str, time::Duration};

use crate::{
    Chunk, Error, ErrorKind, Frame, Limits,
    held::{Held, Part},
    line::{self, Field},
    text::Text,
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
    /// The smallest of the limits: what stays below it needs only one comparison.
    least: usize,
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
            prediction: Prediction::default(),
            offset: 0,
            event_start: 0,
            line_start: 0,
            value_start: 0,
            without_data: None,
            stored: 0,
            skipped: 0,
            limits,
            least: limits.least(),
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
        match self.decode_predicted(input) {
            Predicted::Event(data) => Ok(Some(self.predicted_frame(Text::Unchecked(data)))),
            Predicted::Held => Ok(Some(self.frame(&Lent::default()))),
            Predicted::Begun => Ok(None),
            Predicted::Missed => match self.decode_lines(input)? {
                Some(lent) => Ok(Some(self.frame(&lent))),
                None => Ok(None),
            },
        }
    }

    /// Like [`decode`](Self::decode), for a chunk whose UTF-8 is checked as a whole: [`Frame::data_str`] then costs next to nothing.
    ///
    /// # Errors
    /// As [`decode`](Self::decode).
    #[inline]
    pub fn decode_chunk<'s, 'i: 's>(
        &'s mut self,
        chunk: &mut Chunk<'i>,
    ) -> Result<Option<Frame<'s>>, Error> {
        match self.decode_predicted(chunk.rest_mut()) {
            Predicted::Event(data) => {
                let end = chunk.taken() - BLANK.len();
                let text = chunk.text(end - data.len(), end);
                Ok(Some(self.predicted_frame(
                    text.map_or(Text::Unchecked(data), Text::Checked),
                )))
            }
            Predicted::Held => Ok(Some(self.frame(&Lent::default()))),
            Predicted::Begun => Ok(None),
            Predicted::Missed => match self.decode_lines(chunk.rest_mut())? {
                Some(lent) => {
                    let mut frame = self.frame(&lent);
                    if let Some(text) = lent.data.and_then(|data| chunk.text_of(data)) {
                        frame.data = Text::Checked(text);
                    }
                    Ok(Some(frame))
                }
                None => Ok(None),
            },
        }
    }

    /// Ends the stream, and says whether an unfinished event was lost.
    pub fn finish(self) -> Tail {
        let end = self
            .failed
            .as_ref()
            .map_or(self.offset, |error| error.offset().unwrap_or_default());
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
    /// Whether the event type is the predicted one.
    pub(crate) predicted: bool,
    pub(crate) event: Option<&'i [u8]>,
    pub(crate) data: Option<&'i [u8]>,
    next_id: Option<&'i [u8]>,
}

impl Decoder {
    /// The fast path: nothing is pending, and the input begins with an event of the predicted shape.
    #[inline(always)]
    fn decode_predicted<'i>(&mut self, input: &mut &'i [u8]) -> Predicted<'i> {
        match self.place {
            Place::Start if self.event_start == self.offset => {}
            Place::Inside(Field::Data) if !input.is_empty() => return self.decode_data(input),
            _ => return Predicted::Missed,
        }
        let Some(after_header) = self.prediction.strip(input) else {
            return Predicted::Missed;
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

    /// The second fast path: a data line goes on, to the end of the chunk or to that of the event.
    #[inline(never)]
    fn decode_data<'i>(&mut self, input: &mut &'i [u8]) -> Predicted<'i> {
        let end = find_line_end(input);
        let piece = &input[..end.unwrap_or(input.len())];
        let line_length = (self.offset - self.line_start) as usize + piece.len();
        if line_length + 2 + self.stored.max(self.skipped) > self.least {
            return Predicted::Missed;
        }
        match end {
            None => {
                self.held.append(Part::Data, piece);
                self.take(input, piece.len());
                Predicted::Begun
            }
            Some(length) if input[length..].starts_with(BLANK) => {
                self.held.append(Part::Data, piece);
                self.take(input, length + BLANK.len());
                self.held.commit_id();
                self.end_of_dispatched();
                Predicted::Held
            }
            Some(_) => Predicted::Missed,
        }
    }

    /// The state behind an event that has been handed out.
    #[inline]
    fn end_of_dispatched(&mut self) {
        self.prediction.learn(&self.held.event);
        self.place = Place::Start;
        self.lent = true;
        self.data_lines = 0;
        self.skipped = 0;
        self.stored = self.held.id().map_or(0, <[u8]>::len);
        self.event_start = self.offset;
    }

    /// The predicted header has come, and its data goes on in the next chunk.
    #[inline(never)]
    fn begin_predicted<'i>(&mut self, input: &mut &'i [u8], data: &'i [u8]) -> Predicted<'i> {
        if input.len() + 2 + self.stored.max(self.skipped) > self.least {
            return Predicted::Missed;
        }
        self.held.clear_event();
        self.lent = false;
        let event = self.prediction.event();
        let event_line = match event.len() {
            0 => 0,
            length => EVENT.len() + length + 1,
        };
        self.held.replace_event(event.as_bytes());
        self.stored += event.len();
        self.skipped += event_line;
        self.line_start = self.offset + event_line as u64;
        self.without_data = None;
        self.take(input, input.len());
        self.begin_value(Field::Data, DATA.len());
        self.hold_value(Field::Data, data);
        Predicted::Begun
    }

    #[inline]
    fn predicted_frame<'s>(&'s self, data: Text<'s>) -> Frame<'s> {
        let event = Text::Checked(self.prediction.event());
        Frame {
            event,
            data,
            id: self.held.id(),
            retry: self.retry,
        }
    }

    #[inline]
    pub(crate) fn frame<'s, 'i: 's>(&'s self, lent: &Lent<'i>) -> Frame<'s> {
        let data = Text::Unchecked(lent.data.unwrap_or(&self.held.data));
        if lent.predicted {
            return self.predicted_frame(data);
        }
        let event = Text::Unchecked(lent.event.unwrap_or(&self.held.event));
        Frame {
            event,
            data,
            id: self.held.id(),
            retry: self.retry,
        }
    }

    /// As [`decode`](Self::decode), without the step from values to a frame.
    #[cfg(any(feature = "stream", feature = "events"))]
    #[inline]
    pub(crate) fn decode_lent<'i>(
        &mut self,
        input: &mut &'i [u8],
    ) -> Result<Option<Lent<'i>>, Error> {
        match self.decode_predicted(input) {
            Predicted::Event(data) => Ok(Some(Lent {
                predicted: true,
                data: Some(data),
                ..Lent::default()
            })),
            Predicted::Held => Ok(Some(Lent::default())),
            Predicted::Begun => Ok(None),
            Predicted::Missed => self.decode_lines(input),
        }
    }

    #[cfg(feature = "events")]
    pub(crate) fn data<'s, 'i: 's>(&'s self, lent: &Lent<'i>) -> &'s [u8] {
        lent.data.unwrap_or(&self.held.data)
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
                    if !rest.is_empty() {
                        self.keep(lent);
                        self.begin_line(rest)?;
                    }
                    return Ok(false);
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
        let held = self.held.line.len();
        self.held.append(Part::Line, &[byte]);
        self.take(rest, 1);
        self.without_data = line::known_without_data(&self.held.line, false);
        let decided = line::parse_head(&self.held.line);
        if let Some((field, value_start)) = decided {
            self.held.line.clear();
            self.begin_value(field, value_start);
            let value = if held < value_start { &[][..] } else { &[byte] };
            self.hold_value(field, value);
        }
        self.check(&self.progress(false))
    }

    /// The beginning of a line whose end does not lie in the chunk.
    fn begin_line(&mut self, rest: &mut &[u8]) -> Result<(), Error> {
        let line = *rest;
        self.line_start = self.offset;
        self.take(rest, line.len());
        let head = &line[..line.len().min(line::HEAD)];
        self.without_data = line::known_without_data(head, false);
        let Some((field, value_start)) = line::parse_head(head) else {
            self.place = Place::Head;
            self.held.append(Part::Line, line);
            return self.check(&self.progress(false));
        };
        self.begin_value(field, value_start);
        self.check(&self.progress(false))?;
        self.hold_value(field, &line[value_start..]);
        Ok(())
    }

    fn begin_value(&mut self, field: Field, value_start: usize) {
        self.value_start = value_start;
        self.place = Place::Inside(field);
        if field == Field::Data && self.data_lines > 0 {
            self.held.append(Part::Data, b"\n");
        }
    }

    fn hold_value(&mut self, field: Field, value: &[u8]) {
        match field {
            Field::Data => self.held.append(Part::Data, value),
            Field::Event | Field::Id | Field::Retry => self.held.append(Part::Line, value),
            Field::Skip => {}
        }
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

    /// A line that lies whole in the chunk.
    #[inline]
    fn take_line<'i>(&mut self, line: &'i [u8], lent: &mut Lent<'i>) -> Result<(), Error> {
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

    #[inline]
    fn check(&self, line: &Progress) -> Result<(), Error> {
        if line.length + 2 + self.stored.max(self.skipped) <= self.least {
            return Ok(());
        }
        self.check_exactly(line)
    }

    /// Finds the first byte of a line, if any, with which a limit is passed.
    #[cold]
    fn check_exactly(&self, line: &Progress) -> Result<(), Error> {
        let Limits {
            line: longest,
            frame,
            skipped,
        } = self.limits;
        let at = |index: usize| line.start + index as u64;
        let mut first: Option<Error> = None;
        let mut passed = |kind, index, limit| {
            let offset = at(index);
            if first
                .as_ref()
                .is_none_or(|error| Some(offset) < error.offset())
            {
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

/// What came of the fast path.
enum Predicted<'i> {
    /// An event with these data.
    Event(&'i [u8]),
    /// An event whose parts are held.
    Held,
    /// The input is used up, and the event goes on.
    Begun,
    /// Nothing was taken.
    Missed,
}

/// What precedes the data of the next event if it has the type of the last one: `event: `, the type, a line feed, `data: `. Or just
/// `data: ` where the last one had no type.
#[derive(Clone, Default)]
pub(crate) struct Prediction {
    header: String,
    event_length: usize,
}

impl Prediction {
    /// What lies between the event type and the data.
    #[cfg(feature = "stream")]
    pub(crate) const BETWEEN: &str = "\ndata: ";

    #[inline]
    fn event(&self) -> &str {
        self.header
            .get(EVENT.len()..EVENT.len() + self.event_length)
            .unwrap_or_default()
    }

    /// What follows the header, if the input begins with it.
    #[inline]
    fn strip<'i>(&self, input: &'i [u8]) -> Option<&'i [u8]> {
        if self.header.is_empty() {
            return None;
        }
        input.strip_prefix(self.header.as_bytes())
    }

    fn learn(&mut self, event: &[u8]) {
        let known = !self.header.is_empty() && self.event().as_bytes() == event;
        if known || event.len() > LONGEST_PREDICTED_EVENT {
            return;
        }
        let Ok(event) = str::from_utf8(event) else {
            return;
        };
        self.event_length = event.len();
        self.header.clear();
        if !event.is_empty() {
            self.header.extend([EVENT, event, "\n"]);
        }
        self.header.push_str(DATA);
    }
}

#[inline]
fn find_line_end(bytes: &[u8]) -> Option<usize> {
    if bytes.first().is_some_and(|byte| is_line_end(*byte)) {
        return Some(0);
    }
    memchr::memchr2(b'\n', b'\r', bytes)
}

#[inline]
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

const MARK: &[u8] = "\u{feff}".as_bytes();
const EVENT: &str = "event: ";
const DATA: &str = "data: ";
const BLANK: &[u8] = b"\n\n";
const LONGEST_PREDICTED_EVENT: usize = 128;
