//! Messages.

use alloc::string::String;
use alloc::vec::Vec;

use crate::part::{InputPart, OutputPart, OutputText};
use crate::wire::either::either;
use crate::wire::object::object;
use crate::wire::open::open_enum;

object! {
    /// A message the model wrote: API object `ResponseOutputMessage`.
    pub struct OutputMessage tag "message" {
        required {
            /// What it says, part by part.
            content: Vec<OutputPart>,
            /// How far it has come.
            status: ItemStatus,
        }
        plain {
            /// Always the assistant.
            role: Role,
        }
        optional {
            /// Names the item.
            id: String,
            /// Whether this comments on the work or is the answer. Has to be kept on replay.
            phase: Phase,
        }
    }
}

impl OutputMessage {
    /// A finished message of the assistant with one part of text.
    pub fn text(id: impl Into<String>, text: impl Into<String>) -> Self {
        let mut message = Self::new(
            [OutputPart::Text(OutputText::new(text))],
            ItemStatus::Completed,
        )
        .id(id);
        message.role = Role::Assistant;
        message
    }

    /// All its text, parts joined with nothing between them.
    pub fn output_text(&self) -> String {
        self.content
            .iter()
            .filter_map(OutputPart::as_text)
            .collect()
    }

    /// What it says in declining, parts joined; `None` if it does not decline.
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
    /// A message of a conversation, from whichever side.
    ///
    /// It stands for the three forms the API takes as input: `EasyInputMessage` with plain text or
    /// parts, `Message` with parts, and `ResponseOutputMessage` sent back. `type` may be missing in
    /// what is read; it is then missing in what is written.
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
            /// Who speaks.
            role: Role,
            /// What is said.
            content: MessageContent,
        }
        optional {
            /// Names the item.
            id: String,
            /// How far it has come.
            status: ItemStatus,
            /// Of an assistant's message: comment or answer.
            phase: Phase,
        }
    }
}

impl Message {
    /// A message of the user.
    pub fn user(content: impl Into<MessageContent>) -> Self {
        Self::new(Role::User, content)
    }

    /// A message of the assistant.
    pub fn assistant(content: impl Into<MessageContent>) -> Self {
        Self::new(Role::Assistant, content)
    }

    /// A message of the developer, which the model heeds above the user's.
    pub fn developer(content: impl Into<MessageContent>) -> Self {
        Self::new(Role::Developer, content)
    }

    /// A message of the system, the older name of the developer.
    pub fn system(content: impl Into<MessageContent>) -> Self {
        Self::new(Role::System, content)
    }
}

either! {
    /// What a message says.
    pub enum MessageContent {
        /// Plain text.
        text Text(String),
        /// Parts.
        other Parts(Vec<InputPart>),
    }
}

impl MessageContent {
    /// All the text there is, parts joined with nothing between them.
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
    /// Who speaks.
    pub enum Role {
        /// The person.
        User = "user",
        /// The model.
        Assistant = "assistant",
        /// The application, by its older name.
        System = "system",
        /// The application.
        Developer = "developer",
        /// A tool.
        Tool = "tool",
        /// A model that assesses.
        Critic = "critic",
        /// A model that tells apart.
        Discriminator = "discriminator",
        /// Nobody known to the service.
        Unknown = "unknown",
    }
}

open_enum! {
    /// What part an assistant's message plays in a turn.
    pub enum Phase {
        /// It says what is being done, before the answer.
        Commentary = "commentary",
        /// It is the answer.
        FinalAnswer = "final_answer",
        /// It is a part of the answer.
        PartialAnswer = "partial_answer",
    }
}

open_enum! {
    /// How far an item has come. Which values occur depends on the kind of item.
    pub enum ItemStatus {
        /// Being made.
        InProgress = "in_progress",
        /// Done.
        Completed = "completed",
        /// Ended before it was done.
        Incomplete = "incomplete",
        /// Gone wrong.
        Failed = "failed",
        /// A search is running.
        Searching = "searching",
        /// An image is being made.
        Generating = "generating",
        /// Code is running.
        Interpreting = "interpreting",
        /// A remote tool is running.
        Calling = "calling",
    }
}
