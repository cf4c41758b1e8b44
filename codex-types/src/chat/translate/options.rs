//! The options of a translation.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

use crate::ReasoningSummary;
use crate::lint::FindingCode;
use crate::model_name::ModelTable;
use crate::profile::{ChatDialect, FitPolicy, Instructions, OnFinding, Profile};

/// The options for translating a request.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct RequestOptions {
    /// The treatment of system messages.
    pub system: SystemMessages,
    /// Whether [`to_chat_request`](crate::chat::translate::to_chat_request) writes the role
    /// `developer` as `system`, for servers without `developer`.
    pub developer_as_system: bool,
    /// Whether audio clips are passed on, for which the API documents no input item.
    pub audio: bool,
    /// The reasoning summary to request; by default none.
    pub reasoning_summary: Option<ReasoningSummary>,
    /// Whether to request encrypted reasoning when nothing is stored, for models that are known to
    /// reason. A model that is not known counts as one if the request sets an effort or its
    /// messages have reasoning.
    pub encrypted_reasoning: bool,
    /// The model table.
    pub models: ModelTable,
    /// Parameters to omit, with a diagnostic, instead of refusing them: by name without indexes,
    /// such as `stop` or `messages[].audio`.
    pub ignored: Vec<Cow<'static, str>>,
    /// Whether to omit, with a diagnostic, everything that has no counterpart.
    pub lenient: bool,
    /// The dialect of the server for which
    /// [`to_chat_request`](crate::chat::translate::to_chat_request) creates a request.
    pub dialect: ChatDialect,
}

impl RequestOptions {
    /// Creates options that turn leading system messages into instructions and refuse everything
    /// without a counterpart.
    pub fn new() -> Self {
        Self {
            system: SystemMessages::Instructions,
            developer_as_system: false,
            audio: false,
            reasoning_summary: None,
            encrypted_reasoning: true,
            models: ModelTable::new(),
            ignored: Vec::new(),
            lenient: false,
            dialect: ChatDialect::new("openai"),
        }
    }

    /// Creates options for a server with this dialect.
    pub fn for_dialect(dialect: ChatDialect) -> Self {
        Self {
            dialect,
            ..Self::new()
        }
    }

    /// Creates options for the instructions that this backend expects.
    pub fn for_profile(profile: &Profile) -> Self {
        let system = match profile.instructions {
            Instructions::DeveloperMessage => SystemMessages::Developer,
            _ if profile.system_as_developer => SystemMessages::InstructionsThenDeveloper,
            _ => SystemMessages::Instructions,
        };
        Self {
            system,
            audio: profile.content.audio,
            ..Self::new()
        }
    }

    /// Sets [`developer_as_system`](field@Self::developer_as_system).
    #[must_use]
    pub fn developer_as_system(mut self, developer_as_system: bool) -> Self {
        self.developer_as_system = developer_as_system;
        self
    }

    /// Omits this parameter, with a diagnostic, instead of refusing it.
    #[must_use]
    pub fn ignoring(mut self, parameter: impl Into<Cow<'static, str>>) -> Self {
        self.ignored.push(parameter.into());
        self
    }

    /// Omits, with a diagnostic, everything that has no counterpart.
    #[must_use]
    pub fn lenient(mut self) -> Self {
        self.lenient = true;
        self
    }

    /// Omits, with a diagnostic, everything that this policy allows to remove although it changes
    /// the request: everything, all tools of a refused kind
    /// ([`RejectedTool`](FindingCode::RejectedTool)), or the value at a location, such as
    /// `/temperature`.
    ///
    /// ```
    /// use codex_types::chat::translate::{RequestOptions, to_chat_request};
    /// use codex_types::lint::FindingCode;
    /// use codex_types::profile::{FitPolicy, OnFinding};
    /// use codex_types::{CodeInterpreterTool, CreateResponse};
    ///
    /// let tools = [CodeInterpreterTool::new("cntr_1".to_owned()).into()];
    /// let request = CreateResponse::new("local").input("Hi").tools(tools);
    /// let policy = FitPolicy::new().on(FindingCode::RejectedTool, OnFinding::Strip);
    /// let options = RequestOptions::new().allowed_by(&policy);
    /// assert_eq!(to_chat_request(&request, &options)?.findings.len(), 1);
    /// # Ok::<(), codex_types::chat::translate::TranslateError>(())
    /// ```
    #[must_use]
    pub fn allowed_by(mut self, policy: &FitPolicy) -> Self {
        self.lenient |= policy.lossy == OnFinding::Strip;
        let is_stripped = |action: &OnFinding| *action == OnFinding::Strip;
        for (code, action) in &policy.by_code {
            if *code == FindingCode::RejectedTool && is_stripped(action) {
                self.ignored.push("tools[]".into());
            }
        }
        for (pointer, action) in &policy.by_pointer {
            if is_stripped(action) {
                self.ignored.push(parameter_of(pointer).into());
            }
        }
        self
    }

    pub(crate) fn ignores(&self, parameter: &str) -> bool {
        self.lenient || {
            let name = without_indexes(parameter);
            self.ignored
                .iter()
                .any(|ignored| *ignored == name || *ignored == parameter)
        }
    }
}

impl Default for RequestOptions {
    fn default() -> Self {
        Self::new()
    }
}

/// The treatment of system messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SystemMessages {
    /// The leading ones become `instructions`, joined by a blank line; others stay.
    Instructions,
    /// The leading ones become `instructions`, others developer messages.
    InstructionsThenDeveloper,
    /// All become developer messages, at their positions.
    Developer,
    /// All stay system messages.
    Keep,
}

/// The options for translating a response.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AnswerOptions {
    /// Whether a last chunk reports the usage: `stream_options.include_usage`.
    pub include_usage: bool,
    /// The treatment of commentary messages.
    pub commentary: Commentary,
    /// Whether reasoning is included.
    pub reasoning: ReasoningShown,
    /// The id of a completion whose response has none.
    pub id: String,
    /// The model of a completion whose response has none.
    pub model: String,
    /// The time of creation of a completion whose response has none, as a Unix timestamp in
    /// seconds.
    pub created: u64,
}

impl AnswerOptions {
    /// Creates options with the behavior of the chat API.
    pub fn new() -> Self {
        Self {
            include_usage: false,
            commentary: Commentary::Keep,
            reasoning: ReasoningShown::No,
            id: String::new(),
            model: String::new(),
            created: 0,
        }
    }

    /// Sets [`include_usage`](field@Self::include_usage).
    #[must_use]
    pub fn include_usage(mut self, include_usage: bool) -> Self {
        self.include_usage = include_usage;
        self
    }

    /// Sets [`commentary`](field@Self::commentary).
    #[must_use]
    pub fn commentary(mut self, commentary: Commentary) -> Self {
        self.commentary = commentary;
        self
    }

    /// Sets [`reasoning`](field@Self::reasoning).
    #[must_use]
    pub fn reasoning(mut self, reasoning: ReasoningShown) -> Self {
        self.reasoning = reasoning;
        self
    }
}

impl Default for AnswerOptions {
    fn default() -> Self {
        Self::new()
    }
}

/// The treatment of messages in which the model comments on its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Commentary {
    /// Includes commentary in the text, like every message.
    Keep,
    /// Omits commentary: the text is that of final and of unmarked messages.
    Omit,
}

/// The form in which a completion includes the model's reasoning, for which the chat API has no
/// field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ReasoningShown {
    /// Omits reasoning.
    No,
    /// Includes the text in `reasoning_content`, the key that many servers and clients use.
    Text,
    /// Includes the text, and the whole items as `reasoning_items`. A client that sends the message
    /// back unchanged returns the reasoning to the model, including encrypted content.
    TextAndItems,
}

/// Removes the indexes from a parameter: `messages[2].audio` becomes `messages[].audio`.
fn without_indexes(parameter: &str) -> String {
    let mut inside = false;
    parameter
        .chars()
        .filter(|character| {
            let is_kept = !inside || *character == ']';
            inside = match character {
                '[' => true,
                ']' => false,
                _ => inside,
            };
            is_kept
        })
        .collect()
}

/// Converts the JSON Pointer `/tools/2/name` to `tools[2].name`.
pub(super) fn parameter_of(pointer: &str) -> String {
    let mut parameter = String::new();
    for step in pointer.split('/').skip(1) {
        if !step.is_empty() && step.bytes().all(|byte| byte.is_ascii_digit()) {
            parameter.push('[');
            parameter.push_str(step);
            parameter.push(']');
        } else {
            if !parameter.is_empty() {
                parameter.push('.');
            }
            parameter.push_str(&step.replace("~1", "/").replace("~0", "~"));
        }
    }
    parameter
}
