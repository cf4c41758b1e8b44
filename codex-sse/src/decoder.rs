//! Notes for maintainers.
//!
//! The decoder is fed slices of a byte stream, cut anywhere, and lends events. It has one loop over
//! lines. A line that is whole in the chunk is read in place, and the values of an event whose
//! lines are all in the chunk are lent from there (`Lent`); only what a chunk boundary cuts is
//! copied (`Held`). A cut line continues where it stopped, by `Position`, so no byte is scanned
//! twice:
//!
//! | position | entered when | left by |
//! |---|---|---|
//! | `Mark(n)` | n bytes of a byte-order mark arrived | the rest of the mark, or any other byte: they were content |
//! | `Start` | a line may begin | its first byte |
//! | `Header(n)` | n bytes of the predicted header arrived | the rest of the header: `Inside`; any other byte: as `Start` |
//! | `Return` | a carriage return ended a line | one line feed, which is skipped, then as `Start` |
//! | `Head` | a line began, and its field is unknown | the byte that decides it: `Inside`; or the line's end |
//! | `Inside(f)` | the field is known | the line's end |
//! | `Failed` | a limit was exceeded | nothing |
//!
//! A carriage return ends the line at once, and the line feed that may follow is skipped later, so
//! an event is returned with the last byte of its blank line, whatever the line ending.
//!
//! A prediction precedes the loop. Streams repeat the same event type hundreds of times, so the
//! decoder remembers the bytes up to the data of the last event that it lent. If the next event
//! begins with the same bytes, one comparison replaces the parsing of two fields. It can save work
//! but never change a result.
//!
//! Limits are defined byte by byte so that they do not depend on chunks: the offset of an error is
//! that of the byte that proves the violation. `Decoder::check` finds it for a whole line or a part
//! of one; a cheap test keeps it off the fast path.

mod decode;
mod limit;
mod lines;
pub(crate) mod parts;
mod predict;
mod prediction;

use core::fmt;
use core::time::Duration;

pub(crate) use self::prediction::Prediction;
use crate::held::Held;
use crate::line::Field;
use crate::text::Text;
use crate::{Error, Frame, Limits};

/// A decoder of server-sent events: turns a byte stream, chunk by chunk, into [`Frame`]s.
///
/// It implements the WHATWG HTML standard, section 9.2.6, exactly. It does no I/O, needs no
/// runtime, borrows from the chunk where possible, and copies only what a chunk boundary cuts.
///
/// **Chunking does not matter:** however the same bytes are divided, including empty chunks, the
/// frames, the errors and the [`Tail`] are the same, and a frame is returned with the last byte of
/// its blank line.
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
    position: Position,
    /// Whether a frame in `held` is lent; the next call drops it.
    lent: bool,
    /// The data lines of the unfinished event.
    data_lines: usize,
    held: Held,
    retry: Option<u64>,
    prediction: Prediction,
    /// The number of bytes consumed, and how many of them precede the unfinished event.
    offset: u64,
    event_start: u64,
    /// Of the unfinished line: the offset of its first byte, the start of the value once the field
    /// is known, and [`known_without_data`](crate::line::known_without_data).
    line_start: u64,
    value_start: usize,
    without_data: Option<usize>,
    /// The bytes that count against `Limits::max_frame` and `Limits::max_skipped`, without the
    /// unfinished line.
    stored: usize,
    skipped: usize,
    limits: Limits,
    /// The smallest of the limits: smaller sizes need only one comparison.
    least: usize,
    failed: Option<Error>,
}

/// The data that was left when a stream ended. The standard discards an event without its final
/// blank line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Tail {
    /// No data was lost.
    Clean,
    /// An unfinished event was lost: this many bytes since the last blank line.
    Discarded(u64),
}

impl Decoder {
    /// Creates a decoder with the default [`Limits`].
    pub fn new() -> Self {
        Self::with_limits(Limits::new())
    }

    /// Creates a decoder with custom limits.
    pub fn with_limits(limits: Limits) -> Self {
        Self {
            position: Position::Mark(0),
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

    /// Ends the stream, and returns whether an unfinished event was lost.
    pub fn finish(self) -> Tail {
        let end = self
            .failed
            .as_ref()
            .map_or(self.offset, |error| error.offset().unwrap_or_default());
        let line_began = match self.position {
            Position::Mark(length) => length > 0,
            Position::Start | Position::Return | Position::Inside(Field::Skip) => false,
            Position::Header(_) | Position::Head | Position::Inside(_) | Position::Failed => true,
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

    /// Returns the current last event id, if the stream has set one, for the header `Last-Event-ID`
    /// of a reconnection.
    pub fn last_event_id(&self) -> Option<&[u8]> {
        self.held.id()
    }

    /// Returns the current reconnection time, if the stream has set one, in whole milliseconds.
    pub fn retry(&self) -> Option<Duration> {
        self.retry.map(Duration::from_millis)
    }

    /// Returns the number of bytes consumed so far.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Returns the limits of the decoder.
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
            .field("position", &self.position)
            .field("offset", &self.offset)
            .field("failed", &self.failed)
            .finish_non_exhaustive()
    }
}

/// The position of the next byte within the syntax; see the notes at the top.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Position {
    Mark(u8),
    Start,
    Header(u8),
    Return,
    Head,
    Inside(Field),
    Failed,
}

/// The values of an event that are in the current chunk; the others are held.
#[derive(Clone, Copy, Default)]
pub(crate) struct Lent<'i> {
    /// Whether the event type is the predicted one.
    pub(crate) predicted: bool,
    pub(crate) event: Option<&'i [u8]>,
    pub(crate) data: Option<&'i [u8]>,
    next_id: Option<&'i [u8]>,
}

impl Decoder {
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

    #[cfg(feature = "events")]
    pub(crate) fn data<'s, 'i: 's>(&'s self, lent: &Lent<'i>) -> &'s [u8] {
        lent.data.unwrap_or(&self.held.data)
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
