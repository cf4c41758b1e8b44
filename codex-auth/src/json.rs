//! Reads and writes JSON without a tree of plain strings: members stay slices of the input until
//! they are read, so a secret goes from the buffer straight into a `Secret`, and unknown members
//! are kept as written.

use std::collections::BTreeMap;

use serde_json::value::RawValue;
use zeroize::Zeroizing;

use crate::secret::Secret;

/// A JSON object whose members are read one by one. Of duplicate members, the last counts.
pub(crate) struct Object<'a>(BTreeMap<String, &'a RawValue>);

impl<'a> Object<'a> {
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        serde_json::from_str(text).ok().map(Self)
    }

    pub(crate) fn parse_bytes(bytes: &'a [u8]) -> Option<Self> {
        core::str::from_utf8(bytes).ok().and_then(Self::parse)
    }

    /// Returns the member as written, unless it is missing or null.
    pub(crate) fn raw(&self, name: &str) -> Option<&'a str> {
        self.0
            .get(name)
            .map(|value| value.get())
            .filter(|text| *text != "null")
    }

    pub(crate) fn text(&self, name: &str) -> Option<String> {
        serde_json::from_str(self.raw(name)?).ok()
    }

    /// Returns a text that is a secret; a blank one counts as missing.
    pub(crate) fn secret(&self, name: &str) -> Option<Secret> {
        self.text(name)
            .map(Secret::from)
            .filter(|secret| !secret.is_blank())
    }

    pub(crate) fn boolean(&self, name: &str) -> Option<bool> {
        serde_json::from_str(self.raw(name)?).ok()
    }

    /// Returns a number of seconds: a number (a fraction is truncated), or digits in a string.
    pub(crate) fn seconds(&self, name: &str) -> Option<i64> {
        let raw = self.raw(name)?;
        let number = serde_json::from_str::<f64>(raw)
            .ok()
            .or_else(|| self.text(name)?.trim().parse().ok())?;
        // The cast saturates, which is acceptable for a number out of range.
        number.is_finite().then_some(number as i64)
    }

    pub(crate) fn object(&self, name: &str) -> Option<Self> {
        Self::parse(self.raw(name)?)
    }

    pub(crate) fn objects(&self, name: &str) -> Vec<Self> {
        let members = self
            .raw(name)
            .and_then(|text| serde_json::from_str::<Vec<&'a RawValue>>(text).ok());
        members
            .unwrap_or_default()
            .into_iter()
            .filter_map(|member| Self::parse(member.get()))
            .collect()
    }

    /// Returns a list of texts; a single text is a list of one.
    pub(crate) fn texts(&self, name: &str) -> Vec<String> {
        let list = || serde_json::from_str(self.raw(name)?).ok();
        self.text(name)
            .map(|text| vec![text])
            .or_else(list)
            .unwrap_or_default()
    }

    /// Returns all other members, as written.
    pub(crate) fn without(&self, names: &[&str]) -> Vec<(String, Secret)> {
        let left = self
            .0
            .iter()
            .filter(|(name, _)| !names.contains(&name.as_str()));
        left.map(|(name, value)| (name.clone(), Secret::from(value.get())))
            .collect()
    }
}

/// A writer of a JSON object in the official client's pretty format. The text is wiped when
/// dropped.
pub(crate) struct Writer {
    text: Zeroizing<String>,
    indent: usize,
    empty: bool,
}

impl Writer {
    pub(crate) fn new() -> Self {
        Self::nested(1)
    }

    pub(crate) fn nested(indent: usize) -> Self {
        // Capacity for a whole credential file, so that growing does not leave copies of secrets in
        // memory.
        let mut text = Zeroizing::new(String::with_capacity(16 * 1024));
        text.push('{');
        Self {
            text,
            indent,
            empty: true,
        }
    }

    pub(crate) fn text(&mut self, name: &str, value: &str) {
        self.raw(name, &quoted(value));
    }

    pub(crate) fn raw(&mut self, name: &str, json: &str) {
        if !self.empty {
            self.text.push(',');
        }
        self.empty = false;
        self.line(self.indent);
        self.text.push_str(&quoted(name));
        self.text.push_str(": ");
        self.text.push_str(json);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.empty
    }

    pub(crate) fn finish(mut self) -> Zeroizing<String> {
        if !self.empty {
            self.line(self.indent - 1);
        }
        self.text.push('}');
        self.text
    }

    fn line(&mut self, indent: usize) {
        self.text.push('\n');
        for _ in 0..indent {
            self.text.push_str("  ");
        }
    }
}

/// Returns an object of texts on one line, for requests. The text is wiped when dropped.
pub(crate) fn compact(members: &[(&str, &str)]) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(4 * 1024));
    text.push('{');
    for (index, (name, value)) in members.iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        text.push_str(&quoted(name));
        text.push(':');
        text.push_str(&quoted(value));
    }
    text.push('}');
    text
}

pub(crate) fn quoted(text: &str) -> Zeroizing<String> {
    // Serializing a text cannot fail; if it ever did, an empty text would keep the object
    // well-formed.
    Zeroizing::new(serde_json::to_string(text).unwrap_or_else(|_| "\"\"".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_read_leniently() {
        let object = Object::parse(
            r#"{"a":"x","b":null,"c":["p","q"],"d":12.9,"e":" 7 ","f":"","g":1e400,"a":"y","h":{"i":true}}"#,
        )
        .unwrap();
        assert_eq!(object.text("a").as_deref(), Some("y"));
        assert_eq!((object.raw("b"), object.text("missing")), (None, None));
        assert_eq!(
            (object.texts("c"), object.texts("a"), object.texts("d")),
            (vec!["p".into(), "q".into()], vec!["y".into()], vec![])
        );
        assert_eq!(
            (
                object.seconds("d"),
                object.seconds("e"),
                object.seconds("a")
            ),
            (Some(12), Some(7), None)
        );
        assert!(object.secret("f").is_none());
        assert_eq!(object.seconds("g"), None, "a number beyond every range");
        assert_eq!(object.object("h").unwrap().boolean("i"), Some(true));
        assert_eq!(
            object.without(&["a", "b", "c", "d", "e", "f", "g"]),
            [("h".to_owned(), Secret::from(r#"{"i":true}"#))]
        );
    }

    #[test]
    fn compact_objects_are_on_one_line() {
        assert_eq!(*compact(&[]), "{}");
        assert_eq!(
            *compact(&[("a", "1"), ("b\"", "\n")]),
            r#"{"a":"1","b\"":"\n"}"#
        );
    }

    #[test]
    fn writing_is_pretty_and_reads_back() {
        assert_eq!(*Writer::new().finish(), "{}");
        let mut inner = Writer::nested(2);
        inner.text("k\"", "v\n");
        let mut outer = Writer::new();
        outer.raw("n", "null");
        outer.raw("inner", &inner.finish());
        assert_eq!(
            *outer.finish(),
            "{\n  \"n\": null,\n  \"inner\": {\n    \"k\\\"\": \"v\\n\"\n  }\n}"
        );
    }
}
