use core::fmt;

use crate::text::check;

/// A chunk of the stream whose UTF-8 is checked once for all frames in it, for
/// [`Decoder::decode_chunk`](crate::Decoder::decode_chunk).
///
/// Checking 16 KiB at once costs less than half of checking its sixty deltas one by one. If the
/// chunk is not UTF-8, and in an event that a chunk boundary cut, frames are checked one by one as
/// usual. A chunk without a whole event is never checked.
///
/// ```
/// use codex_sse::{CheckedChunk, Decoder};
///
/// let mut decoder = Decoder::new();
/// let mut chunk = CheckedChunk::new("data: né\n\ndata: à l'".as_bytes());
/// let frame = decoder.decode_chunk(&mut chunk)?.unwrap();
/// assert_eq!(frame.data_str()?, "né");
/// assert_eq!(chunk.rest(), "data: à l'".as_bytes());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy)]
pub struct CheckedChunk<'a> {
    /// The leading part of the chunk that is UTF-8, once it has been checked.
    text: Option<&'a str>,
    whole: &'a [u8],
    rest: &'a [u8],
}

impl<'a> CheckedChunk<'a> {
    /// Creates a chunk that is checked when the first frame in it is found.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self {
            text: None,
            whole: bytes,
            rest: bytes,
        }
    }

    /// Returns the bytes that have not been consumed yet.
    pub const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(crate) fn rest_mut(&mut self) -> &mut &'a [u8] {
        &mut self.rest
    }

    /// Returns the number of bytes that have been consumed.
    pub(crate) const fn taken(&self) -> usize {
        self.whole.len() - self.rest.len()
    }

    /// Returns a range of the chunk as text, if it is in the part that is text.
    #[inline]
    pub(crate) fn text(&mut self, start: usize, end: usize) -> Option<&'a str> {
        let text = match self.text {
            Some(text) => text,
            None => self.check(),
        };
        text.get(start..end)
    }

    #[inline(never)]
    fn check(&mut self) -> &'a str {
        let text = match check(self.whole) {
            Ok(text) => text,
            // The bytes before the error are valid, so the second check succeeds.
            Err(error) => check(&self.whole[..error.valid_up_to()]).unwrap_or_default(),
        };
        self.text = Some(text);
        text
    }

    /// Returns a slice of the chunk as text, if it is in the part that is text.
    pub(crate) fn text_of(&mut self, part: &[u8]) -> Option<&'a str> {
        let start = part
            .as_ptr()
            .addr()
            .checked_sub(self.whole.as_ptr().addr())?;
        let text = self.text(start, start + part.len())?;
        debug_assert_eq!(
            text.as_bytes(),
            part,
            "lent data lies in the chunk or is empty"
        );
        Some(text)
    }
}

impl fmt::Debug for CheckedChunk<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CheckedChunk")
            .field("bytes", &self.whole.len())
            .field("taken", &self.taken())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::CheckedChunk;
    use crate::Decoder;

    #[test]
    fn debug_shows_the_progress() {
        let mut chunk = CheckedChunk::new(b"data: 1\n\ndata: 2\n\n");
        assert!(Decoder::new().decode_chunk(&mut chunk).unwrap().is_some());
        let shown = "CheckedChunk { bytes: 18, taken: 9, .. }";
        assert_eq!(alloc::format!("{chunk:?}"), shown);
    }
}
