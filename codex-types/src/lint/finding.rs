//! What a check has to say.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::lint::Edit;

/// Something about a request that the service would refuse, or that the caller should know.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// What it is.
    pub code: FindingCode,
    /// Where it is: a JSON Pointer (RFC 6901) into the body of the request.
    pub pointer: String,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong, for people: names of keys, tools and models, never what was said in them.
    pub message: String,
    /// How to make it go away; none where only the caller can know.
    pub fix: Option<Fix>,
}

impl Finding {
    pub(crate) fn new(
        code: FindingCode,
        severity: Severity,
        pointer: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            code,
            pointer: pointer.into(),
            severity,
            message: message.into(),
            fix: None,
        }
    }

    pub(crate) fn error(
        code: FindingCode,
        pointer: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self::new(code, Severity::Error, pointer, message)
    }

    pub(crate) fn warning(
        code: FindingCode,
        pointer: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self::new(code, Severity::Warning, pointer, message)
    }

    /// A server turned out to have Chat Completions only, and was sent the request as one.
    pub fn chat_server() -> Self {
        let message = "the server does not have the Responses API: the request was translated";
        Self::note(FindingCode::ChatServer, "", message)
    }

    pub(crate) fn note(
        code: FindingCode,
        pointer: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self::new(code, Severity::Note, pointer, message)
    }

    /// The fix changes how the request is written, not what it asks for.
    pub(crate) fn fixed_by(mut self, edits: impl Into<Vec<Edit>>) -> Self {
        self.fix = Some(Fix {
            edits: edits.into(),
            changes_meaning: false,
        });
        self
    }

    /// The fix gives up something that was asked for.
    pub(crate) fn given_up_by(mut self, edits: impl Into<Vec<Edit>>) -> Self {
        self.fix = Some(Fix {
            edits: edits.into(),
            changes_meaning: true,
        });
        self
    }
}

/// `severity code pointer: message`, on one line.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            code,
            pointer,
            severity,
            message,
            ..
        } = self;
        write!(f, "{severity} {code} at {pointer:?}: {message}")
    }
}

/// An object with `code`, `pointer`, `severity`, `message` and, if there is a fix, `fix` and
/// `changes_meaning`.
impl Serialize for Finding {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("code", self.code.as_str())?;
        map.serialize_entry("pointer", &self.pointer)?;
        map.serialize_entry("severity", self.severity.as_str())?;
        map.serialize_entry("message", &self.message)?;
        if let Some(fix) = &self.fix {
            map.serialize_entry("fix", &fix.edits)?;
            map.serialize_entry("changes_meaning", &fix.changes_meaning)?;
        }
        map.end()
    }
}

/// How to make a finding go away.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fix {
    /// The changes to the body, to be made together with [`apply`](crate::lint::apply).
    pub edits: Vec<Edit>,
    /// Whether they give up something that was asked for, such as a limit or an item.
    pub changes_meaning: bool,
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Severity {
    /// Good to know.
    Note,
    /// The service takes it, but not as it was probably meant.
    Warning,
    /// The service refuses it.
    Error,
}

impl Severity {
    /// The name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

macro_rules! codes {
    ($($(#[$meta:meta])* $variant:ident = $name:literal,)*) => {
        /// What a finding is about. The name is stable: it may be compared, stored and searched for.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum FindingCode {
            $($(#[$meta])* $variant,)*
        }

        impl FindingCode {
            /// Every code there is.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The name.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }
        }
    };
}

codes! {
    /// The body is no JSON object.
    NotAnObject = "not_an_object",
    /// The service does not take this parameter.
    RejectedParameter = "rejected_parameter",
    /// This version does not know this parameter; it is sent as it is.
    UnknownParameter = "unknown_parameter",
    /// The service insists on a parameter that is missing.
    MissingParameter = "missing_parameter",
    /// The service insists on another value.
    RequiredValue = "required_value",
    /// The value has the wrong type.
    WrongType = "wrong_type",
    /// The value lies outside what the service allows.
    OutOfRange = "out_of_range",
    /// The service does not offer this value.
    UnsupportedValue = "unsupported_value",
    /// The service knows the value by another name.
    RenamedValue = "renamed_value",
    /// What should come back is not asked for.
    MissingInclude = "missing_include",
    /// The instructions stand in a place the service does not look at.
    InstructionsPlacement = "instructions_placement",
    /// The tools stand in a place the service does not look at.
    ToolsPlacement = "tools_placement",
    /// Messages do not say where their content comes from.
    MissingProvenance = "missing_provenance",
    /// The service takes a list of items only.
    InputForm = "input_form",
    /// The service does not take messages of this role.
    RejectedRole = "rejected_role",
    /// The service does not take this kind of tool.
    RejectedTool = "rejected_tool",
    /// The service does not take this kind of item.
    RejectedItem = "rejected_item",
    /// The service does not take this kind of content.
    RejectedContent = "rejected_content",
    /// A key that only the service writes is sent back.
    ReplayedField = "replayed_field",
    /// There is nothing to answer.
    EmptyInput = "empty_input",
    /// A message says nothing.
    EmptyMessage = "empty_message",
    /// A part is of a kind that does not go with the role.
    MismatchedContent = "mismatched_content",
    /// A call has no output.
    UnansweredCall = "unanswered_call",
    /// An output has no call.
    OrphanOutput = "orphan_output",
    /// An output stands before its call.
    OutputBeforeCall = "output_before_call",
    /// Two calls have the same `call_id`.
    DuplicateCall = "duplicate_call",
    /// Two outputs answer the same call.
    DuplicateOutput = "duplicate_output",
    /// A call is answered by an output of another kind.
    MismatchedOutput = "mismatched_output",
    /// A `call_id` is missing or empty.
    MissingCallId = "missing_call_id",
    /// Two items have the same id.
    DuplicateItemId = "duplicate_item_id",
    /// Reasoning is not followed by what it led to.
    DetachedReasoning = "detached_reasoning",
    /// An item is named that the service does not hold.
    UnresolvableItem = "unresolvable_item",
    /// The arguments of a call are no JSON.
    MalformedArguments = "malformed_arguments",
    /// A name is no name.
    InvalidName = "invalid_name",
    /// Two tools have the same name.
    DuplicateTool = "duplicate_tool",
    /// A tool is asked for that is not there.
    UnknownTool = "unknown_tool",
    /// A schema is no JSON object.
    InvalidSchema = "invalid_schema",
    /// An object of a strict schema is open.
    OpenObject = "open_object",
    /// A property of a strict schema is not required.
    OptionalProperty = "optional_property",
    /// A required key is no property of the schema.
    UndeclaredProperty = "undeclared_property",
    /// A strict schema uses what strict schemas cannot.
    UnsupportedKeyword = "unsupported_keyword",
    /// A strict schema is too large.
    SchemaTooLarge = "schema_too_large",
    /// The server has Chat Completions only, and the request was translated.
    ChatServer = "chat_server",
    /// The request is larger than the model can read.
    TooLarge = "too_large",
    /// The start of the request changed, so cached work is lost.
    CachePrefixChanged = "cache_prefix_changed",
}

impl fmt::Display for FindingCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
