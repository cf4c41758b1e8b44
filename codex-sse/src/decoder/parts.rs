//! Parts of events, as they arrive.

use core::fmt;

use super::predict::Predicted;
use super::{Decoder, Lent};
use crate::text::Text;
use crate::{Error, Frame};

/// A part of an event, from [`Decoder::decode_part`].
#[derive(Clone, Copy, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "skipping a part loses data, so a new kind of part must break the match"
)]
pub enum FramePart<'a> {
    /// Data of an event that continues.
    Data(&'a [u8]),
    /// The end of an event: its type and id, and the data that no earlier part contained; all data,
    /// if the event is whole in its chunk.
    Last(Frame<'a>),
}

impl Decoder {
    /// Decodes like [`decode`](Self::decode), but returns the data of an event as it arrives
    /// instead of holding it until the event is complete: an image of one mebibyte passes in parts
    /// as large as the chunks, and at most one chunk is buffered.
    ///
    /// The parts of an event, joined, are the data of its frame, whatever the chunks. A part may
    /// end within a character or an escape. A server may send the event's type after its data, so
    /// the type is known with the last part only, and the standard discards an event whose last
    /// part never arrives. [`Limits`](crate::Limits) count as they do for whole frames.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`decode`](Self::decode).
    ///
    /// # Examples
    ///
    /// ```
    /// use codex_sse::{Decoder, FramePart};
    ///
    /// let mut decoder = Decoder::new();
    /// let (mut data, mut events) = (Vec::new(), 0);
    /// for chunk in [&b"event: image\ndata: iVBORw0K"[..], b"GgoAAAAN", b"SUhEUg==\n\n"] {
    ///     let mut input = chunk;
    ///     while let Some(part) = decoder.decode_part(&mut input)? {
    ///         match part {
    ///             FramePart::Data(part) => data.extend_from_slice(part),
    ///             FramePart::Last(frame) => {
    ///                 assert_eq!(
    ///                     (frame.event(), frame.data()),
    ///                     (Some(&b"image"[..]), &b"SUhEUg=="[..])
    ///                 );
    ///                 data.extend_from_slice(frame.data());
    ///                 events += 1;
    ///             }
    ///         }
    ///     }
    /// }
    /// assert_eq!((data.as_slice(), events), (&b"iVBORw0KGgoAAAANSUhEUg=="[..], 1));
    /// # Ok::<(), codex_sse::Error>(())
    /// ```
    #[inline]
    pub fn decode_part<'s, 'i: 's>(
        &'s mut self,
        input: &mut &'i [u8],
    ) -> Result<Option<FramePart<'s>>, Error> {
        let frame = match self.decode_predicted(input) {
            Predicted::Event(data) => self.predicted_frame(Text::Unchecked(data)),
            Predicted::Held => self.frame(&Lent::default()),
            Predicted::Begun([]) => return Ok(None),
            Predicted::Begun(data) => return Ok(Some(FramePart::Data(data))),
            Predicted::Missed => match self.decode_lines(input)? {
                Some(lent) => self.frame(&lent),
                None if self.held.data.is_empty() => return Ok(None),
                None => return Ok(Some(FramePart::Data(self.held.lend_data()))),
            },
        };
        Ok(Some(FramePart::Last(frame)))
    }
}

impl fmt::Debug for FramePart<'_> {
    /// Shows lengths, like the frame's `Debug`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Data(data) => f.debug_struct("Data").field("bytes", &data.len()).finish(),
            Self::Last(frame) => f.debug_tuple("Last").field(frame).finish(),
        }
    }
}
