//! Messages.

use alloc::string::String;
use alloc::vec::Vec;

use crate::part::{InputPart, OutputPart, OutputText};
use crate::wire::either::either;
use crate::wire::field::Get;
use crate::wire::object::object;
use crate::wire::open::open_enum;

object! {
    /// A message of the model: API object `ResponseOutputMessage`.
    pub struct OutputMessage tag "message" {
        required {
            /// The parts of the content.
            content: Vec<OutputPart>,
            /// The status.
            status: ItemStatus,
        }
        plain {
            /// Always `assistant`.
            role: Role,
        }
        optional {
            /// The item's id.
            id: String,
            /// Whether the message is commentary or the final answer. Must be kept on replay.
            phase: Phase,
        }
    }
}

impl OutputMessage {
    /// Creates a completed assistant message with one text part.
    pub fn text(id: impl Into<String>, text: impl Into<String>) -> Self {
        let mut message = Self::new(
            [OutputPart::Text(OutputText::new(text))],
            ItemStatus::Completed,
        )
        .id(id);
        message.role = Role::Assistant;
        message
    }

    /// Returns all text, with the parts joined by nothing.
    pub fn output_text(&self) -> String {
        self.content
            .iter()
            .filter_map(OutputPart::as_text)
            .collect()
    }

    /// Returns the refusal, with the parts joined; `None` if there is none.
    pub fn refusal(&self) -> Option<String> {
        let mut refusals = self
            .content
            .iter()
            .filter_map(OutputPart::as_refusal)
            .peekable();
        refusals.peek()?;
        Some(refusals.collect())
    }
}

object! {
    /// A message of a conversation, of any role.
    ///
    /// It covers the three forms that the API accepts as input: `EasyInputMessage` with plain text
    /// or parts, `Message` with parts, and `ResponseOutputMessage` sent back. An input without
    /// `type` is written without it.
    ///
    /// ```
    /// use codex_types::{Message, RawJson};
    ///
    /// let message = Message::user("Good morning");
    /// assert_eq!(
    ///     RawJson::encode(&message)?.as_str(),
    ///     r#"{"type":"message","role":"user","content":"Good morning"}"#,
    /// );
    /// # Ok::<(), codex_types::DecodeError>(())
    /// ```
    pub struct Message tag "message" {
        required {
            /// The role of the author.
            role: Role,
            /// The content.
            content: MessageContent,
        }
        optional {
            /// The item's id.
            id: String,
            /// The status.
            status: ItemStatus,
            /// Assistant messages: commentary or final answer.
            phase: Phase,
        }
    }
}

impl Message {
    /// Creates a message of the user.
    pub fn user(content: impl Into<MessageContent>) -> Self {
        Self::new(Role::User, content)
    }

    /// Creates a message of the assistant.
    pub fn assistant(content: impl Into<MessageContent>) -> Self {
        Self::new(Role::Assistant, content)
    }

    /// Creates a developer message, which takes precedence over the user's messages.
    pub fn developer(content: impl Into<MessageContent>) -> Self {
        Self::new(Role::Developer, content)
    }

    /// Creates a system message; `developer` is the newer role.
    pub fn system(content: impl Into<MessageContent>) -> Self {
        Self::new(Role::System, content)
    }
}

either! {
    /// The content of a message.
    pub enum MessageContent {
        /// Plain text.
        text Text(String),
        /// Parts.
        other Parts(Vec<InputPart>),
    }
}

impl MessageContent {
    /// Returns all text, with the parts joined by nothing.
    pub fn to_text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Parts(parts) => parts.iter().filter_map(InputPart::as_text).collect(),
            Self::Unknown(_) => String::new(),
        }
    }
}

impl<const N: usize> From<[InputPart; N]> for MessageContent {
    fn from(parts: [InputPart; N]) -> Self {
        Self::Parts(parts.into())
    }
}

open_enum! {
    /// The role of an author.
    pub enum Role {
        /// The person.
        User = "user",
        /// The model.
        Assistant = "assistant",
        /// The application. Deprecated in favor of `developer`.
        System = "system",
        /// The application.
        Developer = "developer",
        /// A tool.
        Tool = "tool",
        /// A critic model.
        Critic = "critic",
        /// A discriminator model.
        Discriminator = "discriminator",
        /// A role that the service does not know.
        Unknown = "unknown",
    }
}

open_enum! {
    /// The part that an assistant message plays in a turn.
    pub enum Phase {
        /// A comment on the work, before the answer.
        Commentary = "commentary",
        /// The final answer.
        FinalAnswer = "final_answer",
        /// A part of the answer.
        PartialAnswer = "partial_answer",
    }
}

open_enum! {
    /// The status of an item. The possible values depend on the kind of the item.
    pub enum ItemStatus {
        /// In progress.
        InProgress = "in_progress",
        /// Completed.
        Completed = "completed",
        /// Ended early.
        Incomplete = "incomplete",
        /// Failed.
        Failed = "failed",
        /// A search is running.
        Searching = "searching",
        /// An image is being generated.
        Generating = "generating",
        /// Code is running.
        Interpreting = "interpreting",
        /// An MCP tool is running.
        Calling = "calling",
    }
}

impl<'a> Get<'a, &'a Self> for ItemStatus {
    fn get(&'a self) -> Option<&'a Self> {
        Some(self)
    }
}
