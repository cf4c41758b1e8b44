//! Conversion of a chat server's reasoning from messages into reasoning items and back.
//!
//! A chat server that requires its reasoning back expects it verbatim, under its own key, with
//! signatures that no other server can read. The Responses API has a field for such data:
//! `encrypted_content`, which a client sends back without reading it. It contains the keys of the
//! message as one JSON object.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::chat::{ChatDelta, ChatMessage, ChatTextRef, ChatToolCall, ChatToolCallDelta};
use crate::json::text::push_string;
use crate::lint::tree::{Node, Value};
use crate::profile::ChatDialect;
use crate::profile::THINK_TAGS;
use crate::{Map, RawJson, ReasoningItem};

/// The reasoning of one message of a chat server, with everything that must be sent back.
///
/// ```
/// use codex_types::RawJson;
/// use codex_types::chat::{ChatDelta, ChatReasoning};
///
/// let mut reasoning = ChatReasoning::default();
/// for json in [r#"{"reasoning":"Hm"}"#, r#"{"reasoning":"."}"#] {
///     reasoning.feed(&RawJson::parse(json)?.decode::<ChatDelta>()?);
/// }
/// assert_eq!(reasoning.to_opaque().unwrap(), r#"{"reasoning":"Hm."}"#);
/// # Ok::<(), codex_types::DecodeError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ChatReasoning {
    /// The key and the reasoning text.
    text: Option<(Cow<'static, str>, String)>,
    /// Lists of entries, which may be signed or encrypted.
    details: Vec<(&'static str, Vec<Entry>)>,
    /// Data that was sent with calls and must be sent back with them, by call id.
    calls: Map<RawJson>,
}

/// An entry of a list of reasoning: its members.
type Entry = Vec<(String, RawJson)>;

impl ChatReasoning {
    /// Merges the reasoning of a message, or of the next delta of one.
    pub fn feed(&mut self, delta: &ChatDelta) {
        let text = |key| delta.extra.get(key).and_then(|raw| raw.decode().ok());
        let given = TEXT_KEYS.iter().find_map(|key| {
            let words: Option<String> = match *key {
                "reasoning_content" => delta.reasoning_content.clone(),
                key => text(key),
            };
            Some((*key, words.filter(|words| !words.is_empty())?))
        });
        if let Some((key, words)) = given {
            self.push(key, &words);
        }
        for key in LIST_KEYS {
            if let Some(raw) = delta.extra.get(key) {
                self.merge(key, raw);
            }
        }
    }

    /// Merges the text of the next delta; see [`feed`](Self::feed).
    pub fn feed_text(&mut self, text: &ChatTextRef<'_>) {
        if text.is_reasoning() {
            self.push(text.key(), text.as_str());
        }
    }

    /// Adds text that was between `<think>` and `</think>`.
    pub fn feed_tagged(&mut self, words: &str) {
        self.push(THINK_TAGS, words);
    }

    /// Records data that was sent with a call and must be sent back with it.
    pub fn feed_call(&mut self, call_id: &str, call: &ChatToolCallDelta) {
        if let Some(extra) = call.extra.get(CALL_KEY).filter(|extra| !extra.is_null()) {
            self.calls.insert(call_id, extra.clone());
        }
    }

    fn push(&mut self, key: &'static str, words: &str) {
        match &mut self.text {
            Some((_, text)) => text.push_str(words),
            None => self.text = Some((key.into(), words.into())),
        }
    }

    /// Merges a list of entries. An entry continues the last one of its type and index, unless that
    /// one was signed.
    fn merge(&mut self, key: &'static str, raw: &RawJson) {
        let Ok(node) = Node::read(raw) else { return };
        if node.items().is_empty() {
            return;
        }
        let found = self.details.iter().position(|(known, _)| *known == key);
        let at = found.unwrap_or_else(|| {
            self.details.push((key, Vec::new()));
            self.details.len() - 1
        });
        let entries = &mut self.details[at].1;
        for item in node.items().iter().filter(|item| item.is_object()) {
            match entries.last_mut().filter(|last| continues(last, item)) {
                Some(last) => extend(last, item),
                None => {
                    let members = item.members().iter();
                    let members =
                        members.map(|(name, value)| (name.clone().into_owned(), value.to_raw()));
                    entries.push(members.collect());
                }
            }
        }
    }

    /// Returns whether any of the reasoning is signed or encrypted, so that only
    /// `encrypted_content` can represent it.
    pub fn is_signed(&self) -> bool {
        let is_opaque = |(name, value): &(String, RawJson)| {
            ["signature", "data"].contains(&name.as_str())
                && !["null", "\"\""].contains(&value.as_str())
        };
        let mut entries = self.details.iter().flat_map(|(_, entries)| entries);
        !self.calls.is_empty() || entries.any(|entry| entry.iter().any(is_opaque))
    }

    /// Returns the value for `encrypted_content`; `None` if there is no reasoning.
    pub fn to_opaque(&self) -> Option<String> {
        let mut members = Vec::new();
        if let Some((key, text)) = &self.text {
            members.push((key.as_ref(), RawJson::string(text)));
        }
        for (key, entries) in &self.details {
            members.push((*key, list(entries)));
        }
        if !self.calls.is_empty() {
            let calls = RawJson::encode(&self.calls).unwrap_or_default();
            members.push((CALL_KEY, calls));
        }
        (!members.is_empty()).then(|| object(members.iter().map(|(key, raw)| (*key, raw))))
    }

    /// Returns the reasoning of an item; `None` if the item contains none that can be sent to a
    /// chat server.
    pub fn of_item(item: &ReasoningItem) -> Option<Self> {
        let opaque = item.encrypted_content.as_deref();
        let mut reasoning = opaque.and_then(Self::of_opaque).unwrap_or_default();
        if reasoning.text.is_none() {
            let parts = item.content.iter().flatten();
            let text: String = parts.filter_map(|part| part.as_text()).collect();
            reasoning.text = (!text.is_empty()).then(|| ("".into(), text));
        }
        let is_empty =
            reasoning.text.is_none() && reasoning.details.is_empty() && reasoning.calls.is_empty();
        (!is_empty).then_some(reasoning)
    }

    fn of_opaque(opaque: &str) -> Option<Self> {
        let raw = RawJson::parse(opaque).ok()?;
        let node = Node::read(&raw).ok().filter(Node::is_object)?;
        let mut reasoning = Self::default();
        for (name, value) in node.members() {
            let text_key = TEXT_KEYS
                .iter()
                .chain([&THINK_TAGS])
                .find(|key| *key == name);
            let list_key = LIST_KEYS.iter().find(|key| *key == name);
            match (&value.value, text_key, list_key) {
                (Value::Text(text), Some(key), _) => {
                    reasoning.text = Some(((*key).into(), text.clone().into_owned()));
                }
                (_, _, Some(key)) => reasoning.merge(key, &value.to_raw()),
                _ if name == CALL_KEY => {
                    reasoning.calls = value.to_raw().decode().unwrap_or_default();
                }
                _ => return None,
            }
        }
        Some(reasoning)
    }

    /// Writes the reasoning into an assistant message in the form that this server expects.
    pub(crate) fn write(&self, message: &mut ChatMessage, dialect: &ChatDialect) {
        for (key, entries) in &self.details {
            message.extra.insert(key, list(entries));
        }
        let is_told = self
            .details
            .iter()
            .any(|(key, _)| *key == "reasoning_details");
        let Some((key, text)) = self.text.as_ref().filter(|_| !is_told) else {
            return;
        };
        // An unknown server gets the key that it sent.
        let key: &str = match &**key {
            known if !known.is_empty() && dialect.hosts.is_empty() && dialect.as_of.is_none() => {
                known
            }
            _ => &dialect.reasoning_key,
        };
        write_text(message, key, text);
    }

    /// Appends the text of another message's reasoning.
    pub(crate) fn join(&mut self, other: Self) {
        match (&mut self.text, other.text) {
            (Some((_, text)), Some((_, more))) => text.push_str(&more),
            (None, Some(more)) => self.text = Some(more),
            _ => {}
        }
        self.details.extend(other.details);
        for (id, extra) in other.calls.iter() {
            self.calls.insert(id, extra.clone());
        }
    }

    /// Returns the data to send back with calls, by call id.
    pub(crate) fn call_extras(&self) -> impl Iterator<Item = (&str, &RawJson)> {
        self.calls.iter()
    }

    /// Restores the data that was sent with a call.
    pub(crate) fn write_call(call: &mut ChatToolCall, extra: &RawJson) {
        if let ChatToolCall::Function(call) = call {
            call.extra.insert(CALL_KEY, extra.clone());
        }
    }
}

/// Writes reasoning text into a message under this key.
pub(crate) fn write_text(message: &mut ChatMessage, key: &str, text: &str) {
    match key {
        "reasoning_content" => message.reasoning_content = Some(text.into()),
        THINK_TAGS => {
            let said = message.content.as_ref().map(|content| content.to_text());
            let said = said.unwrap_or_default();
            let gap = if said.is_empty() { "" } else { "\n\n" };
            message.content = Some(format!("<think>{text}</think>{gap}{said}").into());
        }
        key => message.extra.insert(key, RawJson::string(text)),
    }
}

/// Returns whether an entry continues the last one.
fn continues(last: &Entry, next: &Node<'_>) -> bool {
    let same = |key: &str| {
        let known = last.iter().find(|(name, _)| name == key);
        let new = next.given(key);
        match (known, new) {
            (Some((_, known)), Some(new)) => known.as_str() == new.text,
            (_, None) => true,
            (None, Some(_)) => false,
        }
    };
    let is_signed = last
        .iter()
        .any(|(name, value)| name == "signature" && !value.is_null() && value.as_str() != "\"\"");
    let kind = last.iter().find(|(name, _)| name == "type");
    let is_words = kind.is_some_and(|(_, kind)| {
        [
            "\"reasoning.text\"",
            "\"reasoning.summary\"",
            "\"thinking\"",
        ]
        .contains(&kind.as_str())
    });
    is_words && !is_signed && same("type") && same("index") && same("id")
}

/// Appends text and replaces the other members.
fn extend(last: &mut Entry, next: &Node<'_>) {
    for (name, value) in next.members() {
        let known = last.iter_mut().find(|(known, _)| known == name);
        match known {
            Some((_, known)) if WORD_KEYS.contains(&&**name) => {
                let mut words: String = known.decode().unwrap_or_default();
                words.push_str(value.as_text().unwrap_or_default());
                *known = RawJson::string(&words);
            }
            Some((_, known)) if !value.is_null() => *known = value.to_raw(),
            Some(_) => {}
            None => last.push((name.clone().into_owned(), value.to_raw())),
        }
    }
}

fn list(entries: &[Entry]) -> RawJson {
    let entries = entries.iter().map(|entry| {
        let members = entry.iter().map(|(name, value)| (name.as_str(), value));
        object(members)
    });
    let entries: Vec<String> = entries.collect();
    RawJson::trusted(format!("[{}]", entries.join(",")))
}

fn object<'a>(members: impl Iterator<Item = (&'a str, &'a RawJson)>) -> String {
    let mut json = String::from("{");
    for (name, value) in members {
        if json.len() > 1 {
            json.push(',');
        }
        push_string(&mut json, name);
        json.push(':');
        json.push_str(value.as_str());
    }
    json.push('}');
    json
}

/// The keys under which servers send reasoning text; servers that fill several of them repeat the
/// same text.
const TEXT_KEYS: &[&str] = &["reasoning_content", "reasoning", "thinking"];
/// The keys under which they send entries.
const LIST_KEYS: &[&str] = &["reasoning_details", "thinking_blocks"];
/// The members of an entry that contain text.
const WORD_KEYS: &[&str] = &["text", "thinking", "summary"];
/// The key of a call that contains its signature.
const CALL_KEY: &str = "extra_content";

#[cfg(test)]
mod tests {
    use super::*;

    fn fed(deltas: &[&str]) -> ChatReasoning {
        let mut reasoning = ChatReasoning::default();
        for json in deltas {
            reasoning.feed(&RawJson::parse(json).unwrap().decode().unwrap());
        }
        reasoning
    }

    fn there_and_back(reasoning: &ChatReasoning, dialect: &ChatDialect) -> String {
        let mut item = ReasoningItem::new([]);
        item.encrypted_content = reasoning.to_opaque();
        let mut message = ChatMessage::assistant("Yes");
        ChatReasoning::of_item(&item)
            .unwrap()
            .write(&mut message, dialect);
        RawJson::encode(&message).unwrap().as_str().into()
    }

    #[test]
    fn signed_entries_go_back_as_they_came() {
        let reasoning = fed(&[
            r#"{"reasoning":"A","reasoning_details":[{"type":"reasoning.text","text":"A","index":0,"format":"f"}]}"#,
            r#"{"reasoning":"B","reasoning_details":[{"type":"reasoning.text","text":"B","index":0}]}"#,
            r#"{"reasoning_details":[{"type":"reasoning.text","signature":"s=","index":0}]}"#,
            r#"{"reasoning_details":[{"type":"reasoning.encrypted","data":"x","index":0}]}"#,
        ]);
        let openrouter = ChatDialect::by_name("openrouter").unwrap();
        assert_eq!(
            there_and_back(&reasoning, &openrouter),
            concat!(
                r#"{"role":"assistant","content":"Yes","reasoning_details":[{"type":"reasoning.text","text":"AB","#,
                r#""index":0,"format":"f","signature":"s="},{"type":"reasoning.encrypted","data":"x","index":0}]}"#,
            )
        );
    }

    #[test]
    fn words_go_back_under_the_key_of_the_server() {
        let reasoning = fed(&[r#"{"reasoning":"A"}"#, r#"{"reasoning":"\n"}"#]);
        let written = |name: &str| there_and_back(&reasoning, &ChatDialect::by_name(name).unwrap());
        let content = r#"{"role":"assistant","content":"Yes","#;
        assert_eq!(
            written("deepseek"),
            format!(r#"{content}"reasoning_content":"A\n"}}"#)
        );
        assert_eq!(
            written("generic"),
            format!(r#"{content}"reasoning":"A\n"}}"#)
        );
        assert_eq!(
            written("minimax"),
            r#"{"role":"assistant","content":"<think>A\n</think>\n\nYes"}"#
        );
    }

    #[test]
    fn what_another_service_encrypted_is_not_sent() {
        let mut item = ReasoningItem::new([]);
        for foreign in ["gAAAAB", "{}", r#"{"reasoning":"A","other":1}"#] {
            item.encrypted_content = Some(foreign.into());
            assert_eq!(ChatReasoning::of_item(&item), None, "{foreign}");
        }
    }
}
