//! The fast reader of a chunk that only adds text.
//!
//! It reads what servers nearly always send: one choice with one fragment of text or of a call's
//! arguments, next to keys that have no meaning once the completion has begun. At the first
//! deviation it gives up, and the chunk is read as a [`ChatChunk`](crate::chat::ChatChunk). It must
//! therefore never succeed where such a chunk means anything else; a property test compares the
//! two.

use alloc::borrow::Cow;

use crate::chat::{ChatFunctionDelta, ChatToolCallDelta};
use crate::wire::cursor::Cursor;

/// The text of a chunk that adds text to its only choice and contains nothing else, read without
/// an allocation.
///
/// ```
/// use codex_types::chat::ChatTextRef;
///
/// let text = ChatTextRef::from_json(
///     r#"{"id":"c1","choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":null}]}"#,
/// );
/// let text = text.ok_or("not only text")?;
/// assert_eq!((text.key(), text.as_str()), ("content", "Hi"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChatTextRef<'a> {
    key: &'static str,
    text: Cow<'a, str>,
    /// The index of the call that the text belongs to.
    call: Option<u32>,
}

impl<'a> ChatTextRef<'a> {
    /// Reads the data of a chunk. Returns `None` if the chunk contains anything but text, or has an
    /// unusual form; [`ChatChunk::from_json`](crate::chat::ChatChunk::from_json) reads every form.
    ///
    /// Keys that are the same in every chunk, such as the id and the model, are not returned.
    pub fn from_json(json: &'a str) -> Option<Self> {
        let mut cursor = Cursor::new(json, 0);
        let mut found = None;
        cursor.object(|cursor, key| match key {
            "choices" if found.is_none() => {
                cursor.literal(b"[")?;
                cursor.space();
                found = Some(choice(cursor)?);
                cursor.space();
                cursor.literal(b"]")
            }
            "choices" => None,
            "object" => cursor.literal(b"\"chat.completion.chunk\""),
            "created" if cursor.peek(0) != Some(b'n') => cursor.number().map(drop),
            "id" | "model" | "obfuscation" | "p" | "provider" | "service_tier"
            | "system_fingerprint" => text_or_null(cursor),
            _ => cursor.literal(b"null"),
        })?;
        cursor.is_at_end().then_some(found?)
    }

    /// Returns the key of the text in the delta: `content`, `reasoning_content`, `reasoning`, or
    /// `arguments` for the only call of the delta.
    pub fn key(&self) -> &'static str {
        self.key
    }

    /// Returns the text, which is not empty.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns whether the text is reasoning.
    pub fn is_reasoning(&self) -> bool {
        self.key.starts_with("reasoning")
    }

    /// Returns the part of a call whose arguments the text continues; `None` if the text does not
    /// belong to a call.
    pub fn to_call(&self) -> Option<ChatToolCallDelta> {
        let function = ChatFunctionDelta::new().arguments(self.as_str());
        Some(ChatToolCallDelta::new(self.call?).function(function))
    }
}

fn choice<'a>(cursor: &mut Cursor<'a>) -> Option<ChatTextRef<'a>> {
    let mut found = None;
    cursor.object(|cursor, key| match key {
        "delta" if found.is_none() => {
            found = Some(delta(cursor)?);
            Some(())
        }
        "delta" => None,
        "index" => cursor.literal(b"0"),
        _ => cursor.literal(b"null"),
    })?;
    found
}

fn delta<'a>(cursor: &mut Cursor<'a>) -> Option<ChatTextRef<'a>> {
    let mut found: Option<ChatTextRef<'a>> = None;
    cursor.object(|cursor, name| {
        let key = match name {
            "content" => "content",
            "reasoning_content" => "reasoning_content",
            "reasoning" => "reasoning",
            "role" => return text_or_null(cursor),
            "tool_calls" if found.as_ref().is_some_and(|found| found.call.is_some()) => {
                return None;
            }
            "tool_calls" if found.is_none() && cursor.peek(0) == Some(b'[') => {
                found = calls(cursor)?;
                return Some(());
            }
            _ => return cursor.literal(b"null"),
        };
        // Of several values of one key, the last counts.
        if found.as_ref().is_some_and(|found| found.key == key) {
            return None;
        }
        if cursor.peek(0) == Some(b'n') {
            return cursor.literal(b"null");
        }
        let text = cursor.text()?;
        if !text.is_empty() {
            if found.is_some() {
                return None;
            }
            found = Some(ChatTextRef {
                key,
                text,
                call: None,
            });
        }
        Some(())
    })?;
    found
}

/// Reads a list without calls, or with one that only adds arguments.
fn calls<'a>(cursor: &mut Cursor<'a>) -> Option<Option<ChatTextRef<'a>>> {
    cursor.literal(b"[")?;
    cursor.space();
    if cursor.literal(b"]").is_some() {
        return Some(None);
    }
    let (mut index, mut text) = (None, None);
    cursor.object(|cursor, key| match key {
        "index" if index.is_none() => {
            index = Some(cursor.number()?.try_into().ok()?);
            Some(())
        }
        "function" if text.is_none() => cursor.object(|cursor, key| match key {
            "arguments" if text.is_none() => {
                text = Some(cursor.text()?);
                Some(())
            }
            "arguments" => None,
            _ => cursor.literal(b"null"),
        }),
        "index" | "function" => None,
        "type" => cursor.literal(b"\"function\""),
        _ => cursor.literal(b"null"),
    })?;
    cursor.space();
    cursor.literal(b"]")?;
    Some(Some(ChatTextRef {
        key: "arguments",
        text: text.filter(|text| !text.is_empty())?,
        call: Some(index?),
    }))
}

fn text_or_null(cursor: &mut Cursor<'_>) -> Option<()> {
    match cursor.peek(0)? {
        b'n' => cursor.literal(b"null"),
        _ => cursor.plain_text().map(drop),
    }
}
