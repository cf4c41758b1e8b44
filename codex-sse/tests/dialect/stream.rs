//! The events of a response as OpenAI's service sends them.

use serde_json::{Value, json};

use super::generate::{Ending, Item, ItemKind, Response, Text, TextKind, annotation};
use super::rng::Rng;

/// One event with its subject, before it is serialized.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) source: Source,
    /// The index of the item in the response.
    pub(crate) item: Option<usize>,
    /// The index of the text in the item.
    pub(crate) text: Option<usize>,
    /// The event repeats an earlier one.
    pub(crate) repeated: bool,
    pub(crate) json: Value,
    /// The line to send instead of `json`.
    pub(crate) raw: Option<&'static str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    Created,
    InProgress,
    Added,
    PartAdded,
    Delta,
    Annotation,
    TextDone,
    PartDone,
    Progress,
    ItemDone,
    Terminal,
    Heartbeat,
}

impl Event {
    pub(crate) fn new(source: Source, json: Value) -> Self {
        Self {
            source,
            item: None,
            text: None,
            repeated: false,
            json,
            raw: None,
        }
    }

    fn of(source: Source, index: usize, json: Value) -> Self {
        Self {
            item: Some(index),
            ..Self::new(source, json)
        }
    }

    pub(crate) fn has_item_id(&self) -> bool {
        self.json.get("item_id").is_some()
    }

    /// Serializes the event with the type first, and lone surrogates as escapes.
    pub(crate) fn line(&self) -> String {
        if let Some(raw) = self.raw {
            return raw.to_owned();
        }
        let Value::Object(keys) = &self.json else {
            return self.json.to_string();
        };
        let mut line = String::from("{");
        let first = keys.iter().filter(|(key, _)| *key == "type");
        for (key, value) in first.chain(keys.iter().filter(|(key, _)| *key != "type")) {
            if line.len() > 1 {
                line.push(',');
            }
            line.push_str(&format!("\"{key}\":{value}"));
        }
        line.push('}');
        if line.contains(is_half) {
            line = line.chars().map(escape_half).collect();
        }
        line
    }
}

/// A placeholder for a surrogate, which a Rust string cannot contain.
pub(crate) fn half(unit: u16) -> char {
    char::from_u32(HALVES + u32::from(unit)).unwrap_or_default()
}

fn is_half(letter: char) -> bool {
    u32::from(letter) >= HALVES
}

fn escape_half(letter: char) -> String {
    if is_half(letter) {
        format!("\\u{:04x}", u32::from(letter) - HALVES)
    } else {
        letter.into()
    }
}

/// The last plane, which no generated text uses.
const HALVES: u32 = 0x10_0000;

/// Returns all events, from `response.created` to the terminal one.
pub(crate) fn canonical(response: &Response, rng: &mut Rng<'_>) -> Vec<Event> {
    let begun = envelope(response, "in_progress", Vec::new());
    let mut events = vec![
        Event::new(
            Source::Created,
            json!({"type": "response.created", "response": begun}),
        ),
        Event::new(
            Source::InProgress,
            json!({"type": "response.in_progress", "response": begun}),
        ),
    ];
    let interleaved = rng.below(2) == 0;
    let mut run: Vec<std::vec::IntoIter<Event>> = Vec::new();
    for (index, item) in response.items.iter().enumerate() {
        if !(item.is_call() && interleaved) {
            events.extend(merge(core::mem::take(&mut run), rng));
        }
        let item_events = item_events(item, index, rng);
        if item.is_call() && interleaved {
            run.push(item_events.into_iter());
        } else {
            events.extend(item_events);
        }
    }
    events.extend(merge(run, rng));
    let (name, status) = match response.ending {
        Ending::Completed => ("response.completed", "completed"),
        Ending::MaxOutputTokens | Ending::ContentFilter => ("response.incomplete", "incomplete"),
        Ending::Failed => ("response.failed", "failed"),
    };
    let output = response.items.iter().map(Item::whole).collect();
    events.push(Event::new(
        Source::Terminal,
        json!({"type": name, "response": envelope(response, status, output)}),
    ));
    events
}

/// Merges the events of parallel calls. The calls begin in order.
fn merge(mut run: Vec<std::vec::IntoIter<Event>>, rng: &mut Rng<'_>) -> Vec<Event> {
    let mut events = Vec::new();
    let mut begun = 0;
    loop {
        let open: Vec<usize> = (0..run.len().min(begun + 1))
            .filter(|at| run[*at].len() > 0)
            .collect();
        if open.is_empty() {
            return events;
        }
        let chosen = rng.pick(&open);
        begun = begun.max(chosen + 1);
        events.extend(run[chosen].next());
    }
}

fn envelope(response: &Response, status: &str, output: Vec<Value>) -> Value {
    let (mut error, mut details, mut usage) = (Value::Null, Value::Null, Value::Null);
    if status != "in_progress" {
        usage = json!({
            "input_tokens": 11, "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": 5, "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 16,
        });
        match response.ending {
            Ending::Completed => {}
            Ending::MaxOutputTokens => details = json!({"reason": "max_output_tokens"}),
            Ending::ContentFilter => details = json!({"reason": "content_filter"}),
            Ending::Failed => error = json!({"code": "server_error", "message": "it broke"}),
        }
    }
    json!({
        "id": "resp_1", "object": "response", "created_at": 1_770_000_000, "model": "model-1", "status": status,
        "output": output, "error": error, "incomplete_details": details, "usage": usage,
    })
}

fn item_events(item: &Item, index: usize, rng: &mut Rng<'_>) -> Vec<Event> {
    let added = json!({"type": "response.output_item.added", "output_index": index, "item": item.begun(&[])});
    let mut events = vec![Event::of(Source::Added, index, added)];
    let tag = item.kind.tag();
    let is_hosted = matches!(item.kind, ItemKind::McpCall | ItemKind::CodeInterpreterCall);
    let progress = |name: &str| {
        let json = json!({"type": format!("response.{tag}.{name}"), "item_id": item.id, "output_index": index});
        Event::of(Source::Progress, index, json)
    };
    if is_hosted {
        events.push(progress("in_progress"));
    }
    for (at, text) in item.texts.iter().enumerate() {
        let is_cut = item.cut && at + 1 == item.texts.len();
        let mut text_events = text_events(item, index, text, is_cut, rng);
        text_events
            .iter_mut()
            .for_each(|event| event.text = Some(at));
        events.extend(text_events);
    }
    if is_hosted && !item.cut {
        if item.kind == ItemKind::CodeInterpreterCall {
            events.push(progress("interpreting"));
        }
        events.push(progress("completed"));
    }
    // The service may or may not close the item that the end of the response interrupts.
    if !item.cut || rng.below(2) == 0 {
        let done = json!({"type": "response.output_item.done", "output_index": index, "item": item.whole()});
        events.push(Event::of(Source::ItemDone, index, done));
    }
    events
}

fn text_events(
    item: &Item,
    index: usize,
    text: &Text,
    is_cut: bool,
    rng: &mut Rng<'_>,
) -> Vec<Event> {
    let Some(streamed) = text.kind.streamed() else {
        return Vec::new();
    };
    let event = |source, name: &str, key: &str, value: Value| {
        let mut json = json!({"type": name, "output_index": index, key: value});
        // The events of shell commands carry no item id.
        if text.kind != TextKind::Command {
            json["item_id"] = item.id.clone().into();
        }
        if let Some(key) = streamed.index_key {
            json[key] = text.part.into();
        }
        Event::of(source, index, json)
    };
    let name = streamed.name;
    let part_name = match text.kind {
        TextKind::OutputText | TextKind::Refusal | TextKind::ReasoningText => Some("content_part"),
        TextKind::SummaryText => Some("reasoning_summary_part"),
        _ => None,
    };
    let part = |source, end: &str, text: &Text| {
        let part_name = part_name?;
        Some(event(
            source,
            &format!("response.{part_name}.{end}"),
            "part",
            text.part_json(),
        ))
    };

    let mut events = Vec::new();
    events.extend(part(Source::PartAdded, "added", &text.with_text("")));
    if text.kind == TextKind::Command {
        events.push(event(
            Source::PartAdded,
            &format!("{name}.added"),
            "command",
            "".into(),
        ));
    }
    for update in segments(&text.text, rng) {
        events.push(event(
            Source::Delta,
            &format!("{name}.delta"),
            "delta",
            update.into(),
        ));
    }
    for (number, url) in text.urls.iter().enumerate() {
        let name = "response.output_text.annotation.added";
        let mut event = event(Source::Annotation, name, "annotation", annotation(url));
        event.json["annotation_index"] = number.into();
        events.push(event);
    }
    if !is_cut {
        events.push(event(
            Source::TextDone,
            &format!("{name}.done"),
            streamed.whole_key,
            text.text.as_str().into(),
        ));
        events.extend(part(Source::PartDone, "done", text));
    }
    events
}

/// Cuts a text into deltas of one character, of several, or into one delta.
fn segments(text: &str, rng: &mut Rng<'_>) -> Vec<String> {
    let longest = rng.pick(&[1, 3, 8, 40]);
    let mut segments = Vec::new();
    let mut letters = text.chars().peekable();
    while letters.peek().is_some() {
        let length = 1 + rng.below(longest);
        segments.push(letters.by_ref().take(length).collect());
    }
    segments
}

/// The names in the events of a text.
pub(crate) struct Streamed {
    pub(crate) name: &'static str,
    /// The key of the whole text.
    whole_key: &'static str,
    index_key: Option<&'static str>,
}

impl TextKind {
    pub(crate) fn streamed(self) -> Option<Streamed> {
        let (name, whole_key, index_key) = match self {
            Self::OutputText => ("response.output_text", "text", Some("content_index")),
            Self::Refusal => ("response.refusal", "refusal", Some("content_index")),
            Self::SummaryText => (
                "response.reasoning_summary_text",
                "text",
                Some("summary_index"),
            ),
            Self::ReasoningText => ("response.reasoning_text", "text", Some("content_index")),
            Self::Arguments => ("response.function_call_arguments", "arguments", None),
            Self::Input => ("response.custom_tool_call_input", "input", None),
            Self::McpArguments => ("response.mcp_call_arguments", "arguments", None),
            Self::Code => ("response.code_interpreter_call_code", "code", None),
            Self::Command => (
                "response.shell_call_command",
                "command",
                Some("command_index"),
            ),
            Self::Word => return None,
        };
        Some(Streamed {
            name,
            whole_key,
            index_key,
        })
    }
}
