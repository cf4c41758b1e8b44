//! Messages, calls and outputs in the order that chat services require: a message with calls,
//! immediately followed by all their outputs, and then everything else.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::vec::Vec;

use crate::chat::reasoning::{ChatReasoning, write_text};
use crate::chat::translate::fields::Refusals;
use crate::chat::{ChatMessage, ChatRole, ChatToolCall};
use crate::lint::FindingCode;
use crate::profile::{ChatDialect, ReasoningReplay};
use crate::wire::known::set_null;

/// The translation of one item.
#[derive(Default)]
pub(super) enum Entry {
    Message(ChatMessage),
    Call(ChatToolCall),
    /// A tool message, and a user message with the parts that a tool message cannot contain.
    Output(ChatMessage, Option<Box<ChatMessage>>),
    /// The reasoning of the next message.
    Reasoning(ChatReasoning),
    #[default]
    Nothing,
}

impl Entry {
    /// Returns the id that pairs calls and outputs.
    fn call_id(&self) -> &str {
        match self {
            Self::Call(call) => call.id(),
            Self::Output(message, _) => message.tool_call_id.as_deref().unwrap_or_default(),
            Self::Message(_) | Self::Reasoning(_) | Self::Nothing => "",
        }
    }
}

/// A builder that arranges messages, calls and outputs in order.
pub(super) struct Order<'a> {
    dialect: &'a ChatDialect,
    /// Entries that are written become [`Entry::Nothing`].
    entries: Vec<Entry>,
    /// The outputs of each call, and the call of each output, by index.
    outputs: BTreeMap<usize, Vec<usize>>,
    call_of: BTreeMap<usize, usize>,
    /// The messages, each with the reasoning that led to it.
    messages: Vec<(ChatMessage, Option<ChatReasoning>)>,
    /// Reasoning that waits for its message.
    reasoning: Option<ChatReasoning>,
    /// Whether the last message is from the assistant, so that calls can be added to it.
    takes_calls: bool,
    /// The outputs that must follow the last message.
    due: Vec<usize>,
    /// The messages that were between the calls and those outputs.
    after: Vec<ChatMessage>,
}

impl<'a> Order<'a> {
    pub(super) fn new(entries: Vec<Entry>, dialect: &'a ChatDialect) -> Self {
        let (outputs, call_of) = pair(&entries);
        Self {
            dialect,
            messages: Vec::with_capacity(entries.len()),
            reasoning: None,
            entries,
            outputs,
            call_of,
            takes_calls: false,
            due: Vec::new(),
            after: Vec::new(),
        }
    }

    pub(super) fn note_unpaired(&self, refusals: &mut Refusals<'_>) {
        for (at, entry) in self.entries.iter().enumerate() {
            let (code, what) = match entry {
                Entry::Call(_) if !self.outputs.contains_key(&at) => {
                    (FindingCode::UnansweredCall, "has no output")
                }
                Entry::Output(..) if !self.call_of.contains_key(&at) => {
                    (FindingCode::OrphanOutput, "has no call")
                }
                _ => continue,
            };
            refusals.note(code, &format!("input[{at}]"), what);
        }
    }

    pub(super) fn into_messages(mut self) -> Vec<ChatMessage> {
        for at in 0..self.entries.len() {
            // The output of a call is written with the call.
            if self.call_of.contains_key(&at) {
                if self.due.contains(&at) {
                    self.flush();
                }
                continue;
            }
            match self.take(at) {
                Entry::Nothing => {}
                Entry::Message(message) => self.push(at, message),
                Entry::Output(message, rest) => {
                    self.push(at, message);
                    rest.into_iter().for_each(|rest| self.push(at, *rest));
                }
                Entry::Reasoning(reasoning) => match &mut self.reasoning {
                    Some(waiting) => waiting.join(reasoning),
                    None => self.reasoning = Some(reasoning),
                },
                Entry::Call(call) => self.call(at, call),
            }
        }
        self.flush();
        let dialect = self.dialect;
        let messages = self.messages.into_iter();
        messages
            .map(|(message, reasoning)| with_reasoning(message, reasoning, dialect))
            .collect()
    }

    fn take(&mut self, at: usize) -> Entry {
        let entry = self.entries.get_mut(at);
        entry.map(core::mem::take).unwrap_or_default()
    }

    fn push(&mut self, at: usize, message: ChatMessage) {
        if self.due.iter().all(|output| *output < at) {
            self.flush();
            self.write(message);
        } else {
            self.after.push(message);
        }
    }

    fn call(&mut self, at: usize, call: ChatToolCall) {
        if !self.takes_calls {
            let mut message = ChatMessage::new(ChatRole::Assistant);
            set_null(&mut message, "content");
            self.write(message);
        }
        if let Some((message, reasoning)) = self.messages.last_mut() {
            message.tool_calls.get_or_insert_with(Vec::new).push(call);
            match (reasoning, self.reasoning.take()) {
                (Some(reasoning), Some(more)) => reasoning.join(more),
                (reasoning @ None, more) => *reasoning = more,
                (Some(_), None) => {}
            }
        }
        self.due.extend(self.outputs.get(&at).into_iter().flatten());
    }

    /// Writes the outputs of the last message in their original order, and then the messages that
    /// were between.
    fn flush(&mut self) {
        let mut due = core::mem::take(&mut self.due);
        if due.is_empty() {
            return;
        }
        due.sort_unstable();
        self.takes_calls = false;
        let mut rests = Vec::new();
        for at in due {
            if let Entry::Output(message, rest) = self.take(at) {
                self.write(message);
                rests.extend(rest.map(|rest| *rest));
            }
        }
        let after = core::mem::take(&mut self.after);
        for message in rests.into_iter().chain(after) {
            self.write(message);
        }
    }

    /// Writes a message. An assistant message gets the pending reasoning.
    fn write(&mut self, message: ChatMessage) {
        self.takes_calls = message.role == ChatRole::Assistant;
        let reasoning = match message.role {
            ChatRole::Assistant => self.reasoning.take(),
            _ => None,
        };
        self.messages.push((message, reasoning));
    }
}

/// The outputs of each call, and the call of each output, by index.
type Pairs = (BTreeMap<usize, Vec<usize>>, BTreeMap<usize, usize>);

/// Pairs each output with the latest call of its id that has no output, else with the latest, else
/// with the next. Some servers use the same ids in every turn.
fn pair(entries: &[Entry]) -> Pairs {
    #[derive(Default)]
    struct Seen {
        open: Vec<usize>,
        last: Option<usize>,
        early: Vec<usize>,
    }
    let mut seen: BTreeMap<&str, Seen> = BTreeMap::new();
    let (mut outputs, mut call_of) = Pairs::default();
    let mut add = |call: usize, output: usize| {
        outputs.entry(call).or_default().push(output);
        call_of.insert(output, call);
    };
    for (at, entry) in entries.iter().enumerate() {
        let seen = match entry {
            Entry::Call(_) | Entry::Output(..) => seen.entry(entry.call_id()).or_default(),
            Entry::Message(_) | Entry::Reasoning(_) | Entry::Nothing => continue,
        };
        if matches!(entry, Entry::Call(_)) {
            seen.last = Some(at);
            if seen.early.is_empty() {
                seen.open.push(at);
            }
            seen.early.drain(..).for_each(|output| add(at, output));
        } else {
            match seen.open.pop().or(seen.last) {
                Some(call) => add(call, at),
                None => seen.early.push(at),
            }
        }
    }
    (outputs, call_of)
}

fn with_reasoning(
    mut message: ChatMessage,
    reasoning: Option<ChatReasoning>,
    dialect: &ChatDialect,
) -> ChatMessage {
    match reasoning {
        Some(reasoning) => reasoning.write(&mut message, dialect),
        None if dialect.reasoning_required
            && dialect.reasoning_replay != ReasoningReplay::Never
            && message.tool_calls.is_some() =>
        {
            write_text(&mut message, &dialect.reasoning_key, "");
        }
        None => {}
    }
    message
}
