//! The elements of a chat stream, and their destinations: a list, or server-sent events as bytes.

use alloc::borrow::ToOwned as _;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use codex_types::chat::ChatChunk;
use codex_types::chat::translate::chat_error_body;
use codex_types::{ApiError, RawJson};

use crate::Frame;

/// An element of a chat stream.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ChatStreamEvent {
    /// A chunk of the completion.
    Chunk(Box<ChatChunk>),
    /// An error, which ends the stream.
    Error(Box<ApiError>),
    /// The end of a stream that completed.
    Done,
}

impl ChatStreamEvent {
    /// Returns the text after `data:` when the stream is sent as server-sent events.
    ///
    /// ```
    /// use codex_sse::chat::ChatStreamEvent;
    ///
    /// assert_eq!(ChatStreamEvent::Done.to_data(), "[DONE]");
    /// ```
    pub fn to_data(&self) -> String {
        match self {
            Self::Chunk(chunk) => RawJson::encode(chunk).unwrap_or_default().as_str().into(),
            Self::Error(error) => chat_error_body(error).as_str().into(),
            Self::Done => "[DONE]".into(),
        }
    }
}

pub(super) enum Output<'a> {
    List(&'a mut Vec<ChatStreamEvent>),
    Bytes(&'a mut Vec<u8>),
}

impl Output<'_> {
    pub(super) fn push(&mut self, event: ChatStreamEvent) {
        match self {
            Self::List(list) => list.push(event),
            Self::Bytes(out) => write_frame(&event.to_data(), out),
        }
    }
}

/// The bytes before and after the text in a chunk that contains nothing else. They are the same for
/// all texts of a stream, so they are serialized once.
#[derive(Clone, Debug)]
pub(super) struct TextChunk {
    before: String,
    after: String,
}

impl TextChunk {
    /// Creates it from a chunk whose content is the empty string.
    pub(super) fn of(empty: &ChatStreamEvent) -> Option<Self> {
        // Within a string of the chunk, the quotation marks would be escaped.
        let data = empty.to_data();
        let (before, after) = data.split_once(EMPTY_CONTENT)?;
        let is_one_line = !data.contains(['\r', '\n']);
        is_one_line.then(|| Self {
            before: ["data: ", before, CONTENT].concat(),
            after: after.to_owned() + "\n\n",
        })
    }

    pub(super) fn write(&self, text: &str, out: &mut Vec<u8>) {
        let text = RawJson::string(text);
        for part in [self.before.as_str(), text.as_str(), self.after.as_str()] {
            out.extend_from_slice(part.as_bytes());
        }
    }
}

/// Writes an event. JSON may contain a carriage return between its values, which would end the
/// line; it is replaced by a line feed, which is equivalent in JSON.
fn write_frame(data: &str, out: &mut Vec<u8>) {
    if Frame::new(data.as_bytes()).encode(out).is_err() {
        let data = data.replace('\r', "\n");
        // Data without carriage returns can always be written.
        let _ = Frame::new(data.as_bytes()).encode(out);
    }
}

const EMPTY_CONTENT: &str = r#""content":"""#;
const CONTENT: &str = r#""content":"#;
