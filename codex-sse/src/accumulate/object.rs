//! The end of a JSON object that arrives in fragments, at the cost of each fragment.

use codex_types::RawJson;

/// Whether a text that grows is a complete JSON object so far. Each byte is read once, and the
/// object is parsed once, when its last bracket has arrived.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Object {
    brackets: Brackets,
    /// The number of bytes that were read.
    read: usize,
    /// Whether the text up to its last bracket is an object, and the rest white space; `None`
    /// before the last bracket.
    is_complete: Option<bool>,
}

impl Object {
    /// Reads what was appended to the text, and returns whether it is a complete object.
    pub(super) fn is_complete(&mut self, text: &str) -> bool {
        let new = text.as_bytes().get(self.read..).unwrap_or_default();
        for (at, byte) in (self.read..).zip(new) {
            if let Some(is_complete) = &mut self.is_complete {
                *is_complete &= matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
                continue;
            }
            self.brackets.feed(*byte);
            let is_object = at > 0 || *byte == b'{';
            if !is_object || self.brackets.is_complete() {
                let object = text.get(..=at).filter(|_| is_object);
                let is_complete = object.is_some_and(|object| RawJson::parse(object).is_ok());
                self.is_complete = Some(is_complete);
            }
        }
        self.read = text.len();
        self.is_complete == Some(true)
    }
}

/// A counter of the brackets of JSON that arrives in fragments, which detects the end of an object
/// or list without parsing it repeatedly.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Brackets {
    depth: u32,
    has_begun: bool,
    is_in_string: bool,
    is_escaped: bool,
}

impl Brackets {
    pub(crate) fn feed(&mut self, byte: u8) {
        match byte {
            _ if self.is_escaped => self.is_escaped = false,
            b'\\' if self.is_in_string => self.is_escaped = true,
            b'"' => self.is_in_string = !self.is_in_string,
            _ if self.is_in_string => {}
            b'{' | b'[' => {
                self.depth = self.depth.saturating_add(1);
                self.has_begun = true;
            }
            b'}' | b']' => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
    }

    #[cfg(feature = "chat")]
    pub(crate) fn has_begun(self) -> bool {
        self.has_begun
    }

    pub(crate) fn is_complete(self) -> bool {
        self.has_begun && self.depth == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXTS: [&str; 12] = [
        r#"{"a":{"b":["}",1]},"c":"\"}"}  "#,
        "{}{}",
        "{} \n\t\r",
        "{}\u{a0}",
        "{]}",
        "{a}",
        r#"{"a":1}x "#,
        r#"[{"a":1}]"#,
        " {}",
        r#""{}""#,
        r#"{"é":"😀}"}"#,
        r#"{"a":"\ud83d"}"#,
    ];

    /// The object is complete after exactly those bytes after which the whole text parses.
    #[test]
    fn an_object_is_complete_when_its_text_parses() {
        for text in TEXTS {
            let mut object = Object::default();
            for (end, _) in text.char_indices().chain([(text.len(), ' ')]) {
                let text = &text[..end];
                let parses = text.starts_with('{') && RawJson::parse(text).is_ok();
                assert_eq!(object.is_complete(text), parses, "{text}");
                assert_eq!(Object::default().is_complete(text), parses, "{text}");
            }
        }
    }
}
