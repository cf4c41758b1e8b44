//! The differences between chat servers, as a value.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::profile::{Parameters, Text, Wire};

/// The dialect of a server of the Chat Completions API: the parameters it accepts and the forms it
/// sends.
///
/// The known servers are [listed](Self::NAMES) by name; each row names the day on which it was read
/// from the server's documentation. Every field may be changed:
///
/// ```
/// use codex_types::profile::{ChatDialect, Profile};
///
/// let mut profile = Profile::by_name("mistral").unwrap();
/// profile.chat.parallel_tool_calls = false;
/// assert_eq!(ChatDialect::of_host("api.deepseek.com").unwrap().name, "deepseek");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChatDialect {
    /// The name of the server.
    pub name: Text,
    /// The day on which its documentation was read, as `YYYY-MM-DD`.
    pub as_of: Option<Text>,
    /// The URL of the service, up to the `/chat/completions` of its paths; `None` if only the user
    /// knows it.
    pub base_url: Option<Text>,
    /// The hosts of the service. One that begins with a dot matches all hosts below it.
    pub hosts: Vec<Text>,
    /// The API that a server of this name offers.
    pub wire: Wire,
    /// Whether the server accepts messages with the role `developer`; they are sent as `system`
    /// otherwise.
    pub developer_role: bool,
    /// Whether the server accepts only one message with the role `system`, and only as the first
    /// one. Leading system messages are then joined by a blank line, and later ones are sent with
    /// the role `user`.
    pub single_system_message: bool,
    /// The name of the limit on output tokens.
    pub output_limit: OutputLimit,
    /// The parameter for the reasoning effort.
    pub effort: EffortParameter,
    /// The key of a message that contains reasoning.
    pub reasoning_key: Text,
    /// The reasoning that is sent back.
    pub reasoning_replay: ReasoningReplay,
    /// Whether messages with calls must have the key of reasoning, even if it is empty.
    pub reasoning_required: bool,
    /// Whether text that begins with `<think>` is reasoning up to `</think>`.
    pub think_tags: bool,
    /// The accepted forms of `tool_choice`.
    pub tool_choice: ToolChoiceForms,
    /// Whether functions may have `strict`.
    pub strict_tools: bool,
    /// Whether the server accepts tools of type `custom`, whose input is free text.
    pub custom_tools: bool,
    /// The method by which JSON output is requested.
    pub json_format: JsonFormat,
    /// Whether the server accepts `parallel_tool_calls`.
    pub parallel_tool_calls: bool,
    /// Whether messages with the role `tool` may contain images.
    pub images_in_tool_outputs: bool,
    /// The condition under which a stream reports its usage.
    pub stream_usage: StreamUsage,
    /// The call ids that the server accepts.
    pub call_ids: CallIds,
    /// The maximum length of a function name in characters.
    pub max_name_length: usize,
    /// The parameters that the server refuses, and which of those may be omitted silently.
    pub parameters: Parameters,
    /// The finish reasons that the server documents.
    pub finish_reasons: Vec<Text>,
}

impl ChatDialect {
    /// Creates the dialect of the API as `api.openai.com` documents it:
    /// <https://platform.openai.com/docs/api-reference/chat/create>.
    pub fn new(name: impl Into<Text>) -> Self {
        Self {
            name: name.into(),
            as_of: None,
            base_url: None,
            hosts: Vec::new(),
            wire: Wire::Discover,
            developer_role: true,
            single_system_message: false,
            output_limit: OutputLimit::MaxCompletionTokens,
            effort: EffortParameter::ReasoningEffort,
            reasoning_key: "reasoning_content".into(),
            reasoning_replay: ReasoningReplay::Never,
            reasoning_required: false,
            think_tags: false,
            tool_choice: ToolChoiceForms {
                allowed_tools: true,
                ..ToolChoiceForms::new()
            },
            strict_tools: true,
            custom_tools: true,
            json_format: JsonFormat::JsonSchema,
            parallel_tool_calls: true,
            images_in_tool_outputs: false,
            stream_usage: StreamUsage::OnRequest,
            call_ids: CallIds::up_to(40),
            max_name_length: 64,
            parameters: Parameters::any(),
            finish_reasons: ["stop", "length", "tool_calls", "content_filter"]
                .map(Text::from)
                .into(),
        }
    }

    /// Returns whether this host belongs to the service.
    pub fn is_at(&self, host: &str) -> bool {
        self.hosts
            .iter()
            .any(|known| match known.strip_prefix('.') {
                Some(domain) => host
                    .strip_suffix(domain)
                    .is_some_and(|sub| sub.ends_with('.')),
                None => host == *known,
            })
    }
}

/// Writes the dialect as a list of facts, one per line.
impl fmt::Display for ChatDialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.name)?;
        if let Some(day) = &self.as_of {
            write!(f, " ({day})")?;
        }
        let yes = |is_so| if is_so { "yes" } else { "no" };
        let none = |text: &str| String::from(if text.is_empty() { "-" } else { text });
        let list = |texts: &[Text]| none(&texts.join(" "));
        let facts = [
            ("hosts", list(&self.hosts)),
            ("wire", self.wire.as_str().into()),
            ("developer role", yes(self.developer_role).into()),
            (
                "single system message",
                yes(self.single_system_message).into(),
            ),
            ("output limit", self.output_limit.as_str().into()),
            ("effort", self.effort.as_str().into()),
            ("reasoning key", none(&self.reasoning_key)),
            ("reasoning sent back", self.reasoning_replay.as_str().into()),
            ("reasoning required", yes(self.reasoning_required).into()),
            ("think tags", yes(self.think_tags).into()),
            (
                "tool choice required",
                none(self.tool_choice.required.as_deref().unwrap_or_default()),
            ),
            ("tool choice by name", yes(self.tool_choice.by_name).into()),
            ("strict tools", yes(self.strict_tools).into()),
            ("custom tools", yes(self.custom_tools).into()),
            ("json", self.json_format.as_str().into()),
            ("parallel tool calls", yes(self.parallel_tool_calls).into()),
            (
                "images in tool outputs",
                yes(self.images_in_tool_outputs).into(),
            ),
            ("usage in streams", self.stream_usage.as_str().into()),
            ("call ids", alloc::format!("{}", self.call_ids)),
            (
                "max name length",
                alloc::format!("{}", self.max_name_length),
            ),
            ("refused parameters", list(&self.parameters.refused)),
            ("finish reasons", list(&self.finish_reasons)),
        ];
        for (name, value) in facts {
            write!(f, "\n  {name}: {value}")?;
        }
        Ok(())
    }
}

/// Declares an enumeration whose values have names.
macro_rules! named {
    (
        $(#[$meta:meta])*
        pub enum $name:ident { $($(#[$doc:meta])* $variant:ident = $text:literal,)* }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$doc])* $variant,)*
        }

        impl $name {
            /// Returns the name of the value, as `Display` of [`ChatDialect`] writes it.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)*
                }
            }
        }
    };
}

named! {
    /// The name of a chat server's limit on output tokens.
    pub enum OutputLimit {
        /// `max_completion_tokens`.
        MaxCompletionTokens = "max_completion_tokens",
        /// `max_tokens`.
        MaxTokens = "max_tokens",
    }
}

named! {
    /// The parameter by which the reasoning effort is sent to a chat server.
    pub enum EffortParameter {
        /// By `reasoning_effort`.
        ReasoningEffort = "reasoning_effort",
        /// By `reasoning.effort`.
        Reasoning = "reasoning.effort",
        /// The effort is omitted, with a diagnostic.
        None = "none",
    }
}

named! {
    /// The reasoning that is sent back to a chat server.
    pub enum ReasoningReplay {
        /// None: the server refuses or ignores it.
        Never = "never",
        /// The reasoning of the current turn: everything after the last user message.
        ToolRounds = "tool rounds",
        /// All of it.
        Always = "always",
    }
}

named! {
    /// The method by which JSON output is requested from a chat server.
    pub enum JsonFormat {
        /// A JSON schema.
        JsonSchema = "json_schema",
        /// Any JSON object; the schema becomes part of the instructions.
        JsonObject = "json_object",
        /// The instructions only.
        Instructions = "instructions",
    }
}

named! {
    /// The condition under which the stream of a chat server reports its usage.
    pub enum StreamUsage {
        /// By `stream_options.include_usage`.
        OnRequest = "on request",
        /// The server always reports it; `stream_options` is not sent.
        Always = "always",
    }
}

/// The accepted forms of `tool_choice` in addition to `auto` and `none`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ToolChoiceForms {
    /// The value that forces a tool call; `None` if there is none.
    pub required: Option<Text>,
    /// Whether it may name a function.
    pub by_name: bool,
    /// Whether it may list functions. Otherwise only the listed functions are offered.
    pub allowed_tools: bool,
}

impl ToolChoiceForms {
    /// Creates forms that include `required` and functions by name.
    pub fn new() -> Self {
        Self {
            required: Some("required".into()),
            by_name: true,
            allowed_tools: false,
        }
    }

    /// Creates forms that are `auto` and `none` only.
    pub fn auto_only() -> Self {
        Self {
            required: None,
            by_name: false,
            allowed_tools: false,
        }
    }
}

impl Default for ToolChoiceForms {
    fn default() -> Self {
        Self::new()
    }
}

/// The call ids that a chat server accepts. Other ids are replaced by derived ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CallIds {
    /// Any text of at most this many characters.
    UpTo(usize),
    /// Exactly this many ASCII letters and digits.
    Alphanumeric(usize),
}

impl CallIds {
    /// Creates a rule that accepts any text of at most this many characters.
    pub fn up_to(length: usize) -> Self {
        Self::UpTo(length)
    }

    /// Returns whether the server accepts this id.
    pub fn takes(self, id: &str) -> bool {
        match self {
            Self::UpTo(length) => id.chars().count() <= length,
            Self::Alphanumeric(length) => {
                id.len() == length && id.bytes().all(|byte| byte.is_ascii_alphanumeric())
            }
        }
    }

    /// Returns the id if the server accepts it, otherwise an id derived from it: the same id for
    /// the same input.
    ///
    /// ```
    /// use codex_types::profile::ChatDialect;
    ///
    /// let ids = ChatDialect::by_name("mistral").unwrap().call_ids;
    /// assert_eq!(ids.fit("D681PevKs"), "D681PevKs");
    /// let made = ids.fit("call_1");
    /// assert!(ids.takes(&made));
    /// assert_eq!(ids.fit("call_1"), made);
    /// ```
    pub fn fit(self, id: &str) -> Text {
        if self.takes(id) {
            return Text::Owned(id.into());
        }
        let length = match self {
            Self::UpTo(length) => length.min(22),
            Self::Alphanumeric(length) => length,
        };
        let mut state = fnv(id);
        let digit = |_| {
            let digit = DIGITS[(state % 62) as usize];
            state = (state / 62) ^ state.wrapping_mul(FNV_PRIME).rotate_left(31);
            char::from(digit)
        };
        Text::Owned((0..length).map(digit).collect())
    }
}

impl fmt::Display for CallIds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UpTo(usize::MAX) => f.write_str("any"),
            Self::UpTo(length) => write!(f, "at most {length} characters"),
            Self::Alphanumeric(length) => write!(f, "{length} letters and digits"),
        }
    }
}

/// Returns a hash of a text: FNV-1a, 64 bits.
pub(crate) fn fnv(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(FNV_PRIME)
    })
}

const FNV_PRIME: u64 = 0x100_0000_01b3;
const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeSet;
    use alloc::format;

    use super::*;

    #[test]
    fn ids_that_are_made_fit_and_differ() {
        for ids in [CallIds::Alphanumeric(9), CallIds::up_to(40)] {
            let count = if cfg!(miri) { 50 } else { 5000 };
            let made: BTreeSet<Text> = (0..count)
                .map(|number| ids.fit(&format!("call_{number:060}")))
                .collect();
            assert_eq!(made.len(), count);
            assert!(made.iter().all(|id| ids.takes(id)));
        }
    }

    #[test]
    fn a_host_stands_for_itself_or_for_those_below_it() {
        let mut dialect = ChatDialect::new("some");
        dialect.hosts = ["api.some.test".into(), ".below.test".into()].into();
        assert!(dialect.is_at("api.some.test") && dialect.is_at("a.below.test"));
        assert!(!dialect.is_at("xapi.some.test") && !dialect.is_at("xbelow.test"));
        assert!(!dialect.is_at("below.test"));
    }
}
