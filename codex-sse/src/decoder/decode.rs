//! Decoding one event.

use super::predict::Predicted;
use super::prediction::BLANK;
use super::{Decoder, Lent};
use crate::held::Part;
use crate::text::Text;
use crate::{CheckedChunk, Error, Frame};

impl Decoder {
    /// Consumes bytes from the front of `input` until an event is complete, and returns it.
    ///
    /// `Some`: `input` starts after the event; call again, because there may be more. `None`:
    /// `input` is used up. An empty input is allowed and means that nothing has arrived.
    ///
    /// # Errors
    ///
    /// Returns an error if a limit is exceeded. The error is sticky: every further call returns it
    /// again and consumes nothing.
    #[inline]
    pub fn decode<'s, 'i: 's>(
        &'s mut self,
        input: &mut &'i [u8],
    ) -> Result<Option<Frame<'s>>, Error> {
        match self.decode_predicted(input) {
            Predicted::Event(data) => Ok(Some(self.predicted_frame(Text::Unchecked(data)))),
            Predicted::Held => Ok(Some(self.frame(&Lent::default()))),
            Predicted::Begun(data) => {
                self.held.append(Part::Data, data);
                Ok(None)
            }
            Predicted::Missed => match self.decode_lines(input)? {
                Some(lent) => Ok(Some(self.frame(&lent))),
                None => Ok(None),
            },
        }
    }

    /// Consumes bytes like [`decode`](Self::decode), from a chunk whose UTF-8 is checked as a
    /// whole: [`Frame::data_str`] then costs next to nothing.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`decode`](Self::decode).
    #[inline]
    pub fn decode_chunk<'s, 'i: 's>(
        &'s mut self,
        chunk: &mut CheckedChunk<'i>,
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
            Predicted::Begun(data) => {
                self.held.append(Part::Data, data);
                Ok(None)
            }
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

    /// Decodes like [`decode`](Self::decode), but returns the values instead of a frame.
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
            Predicted::Begun(data) => {
                self.held.append(Part::Data, data);
                Ok(None)
            }
            Predicted::Missed => self.decode_lines(input),
        }
    }
}
