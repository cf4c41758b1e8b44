use alloc::boxed::Box;
use alloc::vec::Vec;
use core::ops::Range;
use core::time::Duration;
use core::{fmt, str};

use crate::Frame;
use crate::text::Text;

/// A [`Frame`] that owns its memory, or shares that of its chunk.
///
/// [`Frame::to_owned`] copies. With the feature `stream`, [`Decoder::decode_bytes`] slices the
/// chunk if the whole event is in it; such a frame keeps the whole chunk alive, so copy frames that
/// are kept for long.
///
/// ```
/// use codex_sse::{Decoder, FrameBuf};
///
/// let mut decoder = Decoder::new();
/// let frame: FrameBuf = decoder.decode(&mut &b"data: kept\n\n"[..])?.unwrap().to_owned();
/// drop(decoder);
/// assert_eq!(frame.as_frame().data_str()?, "kept");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[cfg_attr(
    not(feature = "stream"),
    doc = "",
    doc = "[`Decoder::decode_bytes`]: crate::Decoder"
)]
#[cfg_attr(
    feature = "stream",
    doc = "",
    doc = "[`Decoder::decode_bytes`]: crate::Decoder::decode_bytes"
)]
#[derive(Clone)]
pub struct FrameBuf {
    block: Block,
    event: Range<usize>,
    data: Range<usize>,
    id: Option<Box<[u8]>>,
    retry: Option<u64>,
}

/// The memory that holds the event type and the data.
#[derive(Clone)]
enum Block {
    Owned(Vec<u8>),
    #[cfg(feature = "stream")]
    Shared(bytes::Bytes),
}

impl Frame<'_> {
    /// Returns the frame with owned data, in one allocation.
    pub fn to_owned(&self) -> FrameBuf {
        let (event, data) = (self.event.as_bytes(), self.data.as_bytes());
        let split = event.len();
        let mut block = Vec::with_capacity(split + data.len());
        block.extend_from_slice(event);
        block.extend_from_slice(data);
        let end = block.len();
        FrameBuf {
            block: Block::Owned(block),
            event: 0..split,
            data: split..end,
            id: self.id.map(Box::from),
            retry: self.retry,
        }
    }
}

impl FrameBuf {
    /// Creates a frame whose type and data are these ranges of `chunk`.
    #[cfg(feature = "stream")]
    pub(crate) fn share(
        chunk: &bytes::Bytes,
        event: Range<usize>,
        data: Range<usize>,
        frame: &Frame<'_>,
    ) -> Self {
        Self {
            block: Block::Shared(chunk.clone()),
            event,
            data,
            id: frame.id.map(Box::from),
            retry: frame.retry,
        }
    }

    /// Returns the frame, borrowed.
    pub fn as_frame(&self) -> Frame<'_> {
        let block = self.block.as_slice();
        Frame {
            event: Text::Unchecked(&block[self.event.clone()]),
            data: Text::Unchecked(&block[self.data.clone()]),
            id: self.id.as_deref(),
            retry: self.retry,
        }
    }

    /// Returns the event type; see [`Frame::event`].
    pub fn event(&self) -> Option<&[u8]> {
        self.as_frame().event()
    }

    /// Returns the event type as text; see [`Frame::event_str`].
    ///
    /// # Errors
    ///
    /// Returns an error if the event type is not UTF-8.
    pub fn event_str(&self) -> Result<Option<&str>, str::Utf8Error> {
        self.as_frame().event_str()
    }

    /// Returns the data as text; see [`Frame::data_str`].
    ///
    /// # Errors
    ///
    /// Returns an error if the data is not UTF-8.
    pub fn data_str(&self) -> Result<&str, str::Utf8Error> {
        self.as_frame().data_str()
    }

    /// Returns the data; see [`Frame::data`].
    pub fn data(&self) -> &[u8] {
        &self.block.as_slice()[self.data.clone()]
    }

    /// Returns the current last event id; see [`Frame::id`].
    pub fn id(&self) -> Option<&[u8]> {
        self.id.as_deref()
    }

    /// Returns the current reconnection time; see [`Frame::retry`].
    pub fn retry(&self) -> Option<Duration> {
        self.as_frame().retry()
    }

    /// Returns the data, without copying if it is a slice of the chunk already.
    #[cfg(feature = "stream")]
    pub fn into_data(self) -> bytes::Bytes {
        let block = match self.block {
            Block::Owned(block) => bytes::Bytes::from(block),
            Block::Shared(block) => block,
        };
        block.slice(self.data)
    }
}

impl Block {
    fn as_slice(&self) -> &[u8] {
        match self {
            Self::Owned(block) => block,
            #[cfg(feature = "stream")]
            Self::Shared(block) => block,
        }
    }
}

impl PartialEq for FrameBuf {
    fn eq(&self, other: &Self) -> bool {
        self.as_frame() == other.as_frame()
    }
}

impl Eq for FrameBuf {}

impl PartialEq<Frame<'_>> for FrameBuf {
    fn eq(&self, other: &Frame<'_>) -> bool {
        self.as_frame() == *other
    }
}

impl From<Frame<'_>> for FrameBuf {
    fn from(frame: Frame<'_>) -> Self {
        frame.to_owned()
    }
}

impl fmt::Debug for FrameBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_frame().fmt(f)
    }
}
