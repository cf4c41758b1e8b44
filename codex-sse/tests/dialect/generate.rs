//! Random canonical responses, independent of the events that transport them.

use serde_json::{Value, json};

use super::rng::Rng;

/// The items of a response and how it ended.
#[derive(Clone, Debug)]
pub(crate) struct Response {
    pub(crate) items: Vec<Item>,
    pub(crate) ending: Ending,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    Completed,
    MaxOutputTokens,
    ContentFilter,
    Failed,
}

#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub(crate) kind: ItemKind,
    pub(crate) id: String,
    /// Empty for the kinds without one.
    pub(crate) call_id: String,
    /// The name of the tool, or empty.
    pub(crate) name: String,
    pub(crate) texts: Vec<Text>,
    pub(crate) encrypted_content: Option<String>,
    /// The response ended in the middle of this item.
    pub(crate) cut: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ItemKind {
    Message,
    Reasoning,
    FunctionCall,
    CustomToolCall,
    McpCall,
    CodeInterpreterCall,
    ShellCall,
    LocalShellCall,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Text {
    pub(crate) kind: TextKind,
    /// The index of the part among the parts that are counted together.
    pub(crate) part: usize,
    pub(crate) text: String,
    /// The URLs of the annotations.
    pub(crate) urls: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum TextKind {
    OutputText,
    Refusal,
    SummaryText,
    ReasoningText,
    Arguments,
    Input,
    McpArguments,
    Code,
    Command,
    /// A word of a local shell command, which no event streams.
    Word,
}

impl Response {
    pub(crate) fn random(rng: &mut Rng<'_>) -> Self {
        let count = 1 + rng.below(5);
        let mut earlier = Vec::new();
        let mut items: Vec<Item> = (0..count)
            .map(|index| Item::random(rng, index, &mut earlier))
            .collect();
        let ending = rng.pick(&[
            Ending::Completed,
            Ending::Completed,
            Ending::Completed,
            Ending::MaxOutputTokens,
            Ending::ContentFilter,
            Ending::Failed,
        ]);
        if ending != Ending::Completed && rng.below(2) == 0 {
            items[count - 1].cut_short(rng);
        }
        Self { items, ending }
    }
}

impl Item {
    /// `earlier` collects the texts, so that a later item can repeat one.
    fn random(rng: &mut Rng<'_>, index: usize, earlier: &mut Vec<String>) -> Self {
        use ItemKind::*;
        let kind = rng.pick(&[
            Message,
            Message,
            Message,
            Reasoning,
            Reasoning,
            FunctionCall,
            FunctionCall,
            FunctionCall,
            CustomToolCall,
            CustomToolCall,
            McpCall,
            CodeInterpreterCall,
            ShellCall,
            LocalShellCall,
        ]);
        let texts = match kind {
            Message => message_parts(rng, earlier),
            Reasoning => reasoning_parts(rng, earlier),
            FunctionCall => vec![Text::new(TextKind::Arguments, 0, arguments(rng, earlier))],
            McpCall => vec![Text::new(
                TextKind::McpArguments,
                0,
                arguments(rng, earlier),
            )],
            CustomToolCall => vec![Text::new(TextKind::Input, 0, text(rng, earlier))],
            CodeInterpreterCall => vec![Text::new(TextKind::Code, 0, text(rng, earlier))],
            ShellCall => (0..1 + rng.below(2))
                .map(|part| Text::new(TextKind::Command, part, text(rng, earlier)))
                .collect(),
            LocalShellCall => (0..1 + rng.below(2))
                .map(|part| Text::new(TextKind::Word, part, text(rng, earlier)))
                .collect(),
        };
        let name = match kind {
            FunctionCall | CustomToolCall | McpCall => rng.pick(&["read", "list", "f"]),
            _ => "",
        };
        let encrypted = kind == Reasoning && (texts.is_empty() || rng.below(2) == 0);
        let call_id = match kind {
            FunctionCall | CustomToolCall | ShellCall | LocalShellCall => format!("call_{index}"),
            _ => String::new(),
        };
        Self {
            kind,
            id: format!("{}_{index}", kind.id_prefix()),
            call_id,
            name: name.to_owned(),
            texts,
            encrypted_content: encrypted.then(|| format!("gAAAAA{index}==")),
            cut: false,
        }
    }

    /// Ends the last text early. Commands stay complete because no status marks a partial one.
    fn cut_short(&mut self, rng: &mut Rng<'_>) {
        let has_status = !matches!(self.kind, ItemKind::ShellCall | ItemKind::LocalShellCall);
        let Some(last) = self.texts.last_mut().filter(|_| has_status) else {
            return;
        };
        let count = last.text.chars().count();
        if count < 2 {
            return;
        }
        last.text = last.text.chars().take(1 + rng.below(count - 1)).collect();
        last.urls.clear();
        self.encrypted_content = None;
        self.cut = true;
    }

    pub(crate) fn is_call(&self) -> bool {
        !matches!(self.kind, ItemKind::Message | ItemKind::Reasoning)
    }

    /// Returns whether two items are equal except for their ids.
    pub(crate) fn is_twin_of(&self, other: &Self) -> bool {
        self.kind == other.kind
            && self.name == other.name
            && self.texts == other.texts
            && self.encrypted_content == other.encrypted_content
    }

    pub(crate) fn status(&self) -> &'static str {
        if self.cut { "incomplete" } else { "completed" }
    }

    /// The item of an `output_item.added` event that contains these texts.
    pub(crate) fn begun(&self, texts: &[Text]) -> Value {
        self.json(texts, "in_progress", None)
    }

    /// The complete item.
    pub(crate) fn whole(&self) -> Value {
        self.json(
            &self.texts,
            self.status(),
            self.encrypted_content.as_deref(),
        )
    }

    fn json(&self, texts: &[Text], status: &str, encrypted_content: Option<&str>) -> Value {
        let Self {
            id, call_id, name, ..
        } = self;
        let parts = |wanted: &[TextKind]| -> Value {
            let wanted = texts.iter().filter(|text| wanted.contains(&text.kind));
            wanted.map(Text::part_json).collect()
        };
        let first = texts.first().map_or("", |text| &text.text);
        let words: Vec<&str> = texts.iter().map(|text| &*text.text).collect();
        let tag = self.kind.tag();
        match self.kind {
            ItemKind::Message => json!({
                "type": tag, "id": id, "role": "assistant", "status": status,
                "content": parts(&[TextKind::OutputText, TextKind::Refusal]),
            }),
            ItemKind::Reasoning => {
                let content = parts(&[TextKind::ReasoningText]);
                let mut json =
                    json!({"type": tag, "id": id, "summary": parts(&[TextKind::SummaryText])});
                if content != json!([]) {
                    json["content"] = content;
                }
                if let Some(encrypted_content) = encrypted_content {
                    json["encrypted_content"] = encrypted_content.into();
                }
                json
            }
            ItemKind::FunctionCall => json!({
                "type": tag, "id": id, "call_id": call_id, "name": name, "arguments": first, "status": status,
            }),
            ItemKind::CustomToolCall => json!({
                "type": tag, "id": id, "call_id": call_id, "name": name, "input": first, "status": status,
            }),
            ItemKind::McpCall => json!({
                "type": tag, "id": id, "server_label": "demo", "name": name, "arguments": first, "status": status,
            }),
            ItemKind::CodeInterpreterCall => json!({
                "type": tag, "id": id, "container_id": "cntr_1", "code": first, "outputs": null, "status": status,
            }),
            ItemKind::ShellCall => json!({
                "type": tag, "id": id, "call_id": call_id, "status": status,
                "action": {"commands": words, "timeout_ms": null, "max_output_length": null},
            }),
            ItemKind::LocalShellCall => {
                // No event streams the words, so the added item contains all of them.
                let words: Vec<&str> = self.texts.iter().map(|text| &*text.text).collect();
                json!({
                    "type": tag, "id": id, "call_id": call_id, "status": status,
                    "action": {"type": "exec", "command": words, "env": {}},
                })
            }
        }
    }
}

impl ItemKind {
    pub(crate) fn tag(self) -> &'static str {
        match self {
            Self::Message => "message",
            Self::Reasoning => "reasoning",
            Self::FunctionCall => "function_call",
            Self::CustomToolCall => "custom_tool_call",
            Self::McpCall => "mcp_call",
            Self::CodeInterpreterCall => "code_interpreter_call",
            Self::ShellCall => "shell_call",
            Self::LocalShellCall => "local_shell_call",
        }
    }

    fn id_prefix(self) -> &'static str {
        match self {
            Self::Message => "msg",
            Self::Reasoning => "rs",
            Self::FunctionCall => "fc",
            Self::CustomToolCall => "ctc",
            Self::McpCall => "mcp",
            Self::CodeInterpreterCall => "ci",
            Self::ShellCall => "sh",
            Self::LocalShellCall => "lsh",
        }
    }
}

impl Text {
    fn new(kind: TextKind, part: usize, text: String) -> Self {
        Self {
            kind,
            part,
            text,
            urls: Vec::new(),
        }
    }

    /// The same part with another text.
    pub(crate) fn with_text(&self, text: &str) -> Self {
        Self::new(self.kind, self.part, text.to_owned())
    }

    pub(crate) fn part_json(&self) -> Value {
        let text = &self.text;
        match self.kind {
            TextKind::OutputText => {
                let annotations: Vec<Value> = self.urls.iter().map(|url| annotation(url)).collect();
                json!({"type": "output_text", "text": text, "annotations": annotations})
            }
            TextKind::Refusal => json!({"type": "refusal", "refusal": text}),
            TextKind::SummaryText => json!({"type": "summary_text", "text": text}),
            _ => json!({"type": "reasoning_text", "text": text}),
        }
    }
}

pub(crate) fn annotation(url: &str) -> Value {
    json!({"type": "url_citation", "url": url, "title": "", "start_index": 0, "end_index": 1})
}

fn message_parts(rng: &mut Rng<'_>, earlier: &mut Vec<String>) -> Vec<Text> {
    let mut parts = Vec::new();
    for part in 0..1 + rng.below(3) {
        let kind = rng.pick(&[
            TextKind::OutputText,
            TextKind::OutputText,
            TextKind::OutputText,
            TextKind::Refusal,
        ]);
        let mut text = Text::new(kind, part, text(rng, earlier));
        if kind == TextKind::OutputText && rng.one_in(4) {
            let urls = 0..1 + rng.below(2);
            text.urls = urls
                .map(|n| format!("https://example.org/{part}/{n}"))
                .collect();
        }
        parts.push(text);
    }
    parts
}

fn reasoning_parts(rng: &mut Rng<'_>, earlier: &mut Vec<String>) -> Vec<Text> {
    let (summaries, contents) = rng.pick(&[(0, 0), (1, 0), (2, 0), (0, 1), (0, 2), (1, 1), (2, 1)]);
    let mut parts = Vec::new();
    for part in 0..summaries {
        parts.push(Text::new(TextKind::SummaryText, part, text(rng, earlier)));
    }
    for part in 0..contents {
        parts.push(Text::new(TextKind::ReasoningText, part, text(rng, earlier)));
    }
    parts
}

/// The arguments of a function: an object, as JSON text.
fn arguments(rng: &mut Rng<'_>, earlier: &mut Vec<String>) -> String {
    if rng.one_in(5) {
        return "{}".to_owned();
    }
    let value = json!({"q": text(rng, earlier)});
    if rng.below(2) == 0 {
        value.to_string()
    } else {
        format!("{value:#}")
    }
}

/// A text of 1 to 40 characters. The alphabet is small, so that texts often share a prefix, and
/// contains characters that JSON escapes.
fn text(rng: &mut Rng<'_>, earlier: &mut Vec<String>) -> String {
    if let Some(last) = earlier.len().checked_sub(1)
        && rng.one_in(8)
    {
        return earlier[last - rng.below(last + 1)].clone();
    }
    let letters = [
        'a', 'h', ' ', 'e', '"', '\\', '\n', 'é', '😀', '🦀', '\u{2028}', '{',
    ];
    let text = match rng.below(4) {
        // The end of the text repeats its beginning.
        0 => {
            let unit: String = (0..1 + rng.below(4)).map(|_| rng.pick(&letters)).collect();
            unit.repeat(2 + rng.below(3))
        }
        1 => rng
            .pick(&["Hello", "Hello you", "haha", "Let me look.", "a"])
            .to_owned(),
        _ => (0..1 + rng.below(40)).map(|_| rng.pick(&letters)).collect(),
    };
    earlier.push(text.clone());
    text
}
