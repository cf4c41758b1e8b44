//! What can be chosen about a translation.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

use crate::ReasoningSummary;
use crate::lint::FindingCode;
use crate::model_name::ModelTable;
use crate::profile::{ChatDialect, FitPolicy, Instructions, OnFinding, Profile};

/// What can be chosen about the translation of a request.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct RequestOptions {
    /// What becomes of messages of the system.
    pub system: SystemMessages,
    /// Whether [`to_chat_request`](crate::chat::translate::to_chat_request) writes the role
    /// `developer` as `system`, for servers that do not know `developer`.
    pub developer_as_system: bool,
    /// Whether sound clips are passed on; the documentation of the API has no place for them.
    pub audio: bool,
    /// What to ask for in the way of summaries of reasoning; without it none are sent.
    pub reasoning_summary: Option<ReasoningSummary>,
    /// Whether to ask for reasoning to be sent in encrypted form when nothing is stored, for models
    /// that are not known to do without reasoning.
    pub encrypted_reasoning: bool,
    /// What is known about models.
    pub models: ModelTable,
    /// Parameters to leave out, with a finding, instead of refusing them: by name, with indexes
    /// left away, such as `stop` or `messages[].audio`.
    pub ignored: Vec<Cow<'static, str>>,
    /// Whether to leave out, with a finding, everything that has no counterpart.
    pub lenient: bool,
    /// What the server takes that [`to_chat_request`](crate::chat::translate::to_chat_request) makes a
    /// request for.
    pub dialect: ChatDialect,
}

impl RequestOptions {
    /// Leading messages of the system become instructions, and everything without a counterpart is
    /// refused.
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

    /// For a server of this dialect.
    pub fn for_dialect(dialect: ChatDialect) -> Self {
        Self {
            dialect,
            ..Self::new()
        }
    }

    /// As this backend wants its instructions.
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

    /// Leaves out this parameter, with a finding, instead of refusing it.
    #[must_use]
    pub fn ignoring(mut self, parameter: impl Into<Cow<'static, str>>) -> Self {
        self.ignored.push(parameter.into());
        self
    }

    /// Leaves out, with a finding, everything that has no counterpart.
    #[must_use]
    pub fn lenient(mut self) -> Self {
        self.lenient = true;
        self
    }

    /// Leaves out, with a finding, what this policy allows to be taken out although it changes what is
    /// asked for: everything, all tools of a kind that is refused
    /// ([`RejectedTool`](FindingCode::RejectedTool)), or what stands in a place, such as `/temperature`.
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

/// What becomes of messages of the system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SystemMessages {
    /// Those at the beginning become `instructions`, joined by a blank line; others stay.
    Instructions,
    /// Those at the beginning become `instructions`, others messages of the developer.
    InstructionsThenDeveloper,
    /// All become messages of the developer, in their places.
    Developer,
    /// All stay what they are.
    Keep,
}

/// What can be chosen about the translation of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AnswerOptions {
    /// Whether a last chunk tells what the completion cost; `stream_options.include_usage`.
    pub include_usage: bool,
    /// What becomes of messages in which the model comments on its work.
    pub commentary: Commentary,
    /// Whether what the model thought is told.
    pub reasoning: ReasoningShown,
    /// What a completion is called whose response has no id.
    pub id: String,
    /// The model of a completion whose response does not tell.
    pub model: String,
    /// When a completion was made whose response does not tell, in seconds since 1970.
    pub created: u64,
}

impl AnswerOptions {
    /// What the chat API itself would show.
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

/// What becomes of messages in which the model comments on its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Commentary {
    /// They are part of the text, like every message.
    Keep,
    /// They are left out: the text is that of final and of unmarked messages.
    Omit,
}

/// Whether a completion tells what the model thought. The chat API has no place for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ReasoningShown {
    /// It does not.
    No,
    /// In words, as `reasoning_content`: the key many servers and clients agree on.
    Text,
    /// In words, and whole as `reasoning_items`. A client that sends the message back unchanged
    /// then gives the model its reasoning back, encrypted content included.
    TextAndItems,
}

/// `messages[2].audio` without what is between the brackets.
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

/// The JSON Pointer `/tools/2/name` as `tools[2].name`.
fn parameter_of(pointer: &str) -> String {
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
