//! The diagnostics of a check.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::lint::Edit;

/// A diagnostic: a part of a request that the service would refuse, or that the caller should
/// check.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// The code.
    pub code: FindingCode,
    /// The location: a JSON Pointer (RFC 6901) into the body of the request.
    pub pointer: String,
    /// The severity.
    pub severity: Severity,
    /// The message, for people: names of keys, tools and models, never their content.
    pub message: String,
    /// The fix; `None` if only the caller can decide.
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

    /// Creates the diagnostic of a server that turned out to have Chat Completions only, and that
    /// was sent the request as one.
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

    /// Adds a fix that changes how the request is written, not its meaning.
    pub(crate) fn fixed_by(mut self, edits: impl Into<Vec<Edit>>) -> Self {
        self.fix = Some(Fix {
            edits: edits.into(),
            changes_meaning: false,
        });
        self
    }

    /// Returns the same diagnostic of an item that follows this many other items of the input.
    pub(crate) fn after(mut self, items: usize) -> Self {
        if items > 0 {
            self.pointer = item_after(&self.pointer, items);
            for edit in self.fix.iter_mut().flat_map(|fix| &mut fix.edits) {
                let pointer = edit.pointer_mut();
                *pointer = item_after(pointer, items);
            }
        }
        self
    }

    /// Adds a fix that loses something that was requested.
    pub(crate) fn given_up_by(mut self, edits: impl Into<Vec<Edit>>) -> Self {
        self.fix = Some(Fix {
            edits: edits.into(),
            changes_meaning: true,
        });
        self
    }
}

/// Returns the pointer to an item of the input with this many items before it. Other pointers stay
/// as they are.
fn item_after(pointer: &str, items: usize) -> String {
    let shifted = pointer.strip_prefix("/input/").and_then(|place| {
        let (index, rest) = place.split_at(place.find('/').unwrap_or(place.len()));
        let index = index.parse::<usize>().ok()?.checked_add(items)?;
        Some(format!("/input/{index}{rest}"))
    });
    shifted.unwrap_or_else(|| pointer.into())
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

/// Writes an object with `code`, `pointer`, `severity`, `message` and, if there is a fix, `fix` and
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

/// The fix of a diagnostic.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fix {
    /// The changes to the body, to apply together with [`apply`](crate::lint::apply).
    pub edits: Vec<Edit>,
    /// Whether the fix loses something that was requested, such as a limit or an item.
    pub changes_meaning: bool,
}

/// The severity of a diagnostic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Severity {
    /// Information.
    Note,
    /// The service accepts it, but probably not as intended.
    Warning,
    /// The service refuses it.
    Error,
}

impl Severity {
    /// Returns the name of the severity, as `Display` writes it.
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
        /// The code of a diagnostic. The name is stable: programs may compare, store and search for
        /// it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum FindingCode {
            $($(#[$meta])* $variant,)*
        }

        impl FindingCode {
            /// All codes.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Returns the name of the code, as `Display` writes it.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }
        }
    };
}

codes! {
    /// The body is not a JSON object.
    NotAnObject = "not_an_object",
    /// The service does not accept this parameter.
    RejectedParameter = "rejected_parameter",
    /// This version does not know this parameter; it is sent unchanged.
    UnknownParameter = "unknown_parameter",
    /// A required parameter is missing.
    MissingParameter = "missing_parameter",
    /// The service requires another value.
    RequiredValue = "required_value",
    /// The value has the wrong type.
    WrongType = "wrong_type",
    /// The value is outside the allowed range.
    OutOfRange = "out_of_range",
    /// The service does not offer this value.
    UnsupportedValue = "unsupported_value",
    /// The service has another name for the value.
    RenamedValue = "renamed_value",
    /// `include` does not request a value that should be returned.
    MissingInclude = "missing_include",
    /// The instructions are where the service does not read them.
    InstructionsPlacement = "instructions_placement",
    /// The tools are where the service does not read them.
    ToolsPlacement = "tools_placement",
    /// Messages do not state the origin of their content.
    MissingProvenance = "missing_provenance",
    /// The service accepts a list of items only.
    InputForm = "input_form",
    /// The service does not accept messages of this role.
    RejectedRole = "rejected_role",
    /// The service does not accept this kind of tool.
    RejectedTool = "rejected_tool",
    /// The service does not accept this kind of item.
    RejectedItem = "rejected_item",
    /// The service does not accept this kind of content.
    RejectedContent = "rejected_content",
    /// A key that only the service writes is sent back.
    ReplayedField = "replayed_field",
    /// The input is empty.
    EmptyInput = "empty_input",
    /// A message is empty.
    EmptyMessage = "empty_message",
    /// The kind of a part does not match the role.
    MismatchedContent = "mismatched_content",
    /// A call has no output.
    UnansweredCall = "unanswered_call",
    /// An output has no call.
    OrphanOutput = "orphan_output",
    /// An output comes before its call.
    OutputBeforeCall = "output_before_call",
    /// Two calls have the same `call_id`.
    DuplicateCall = "duplicate_call",
    /// Two outputs belong to the same call.
    DuplicateOutput = "duplicate_output",
    /// The output of a call is of another kind.
    MismatchedOutput = "mismatched_output",
    /// A `call_id` is missing or empty.
    MissingCallId = "missing_call_id",
    /// Two items have the same id.
    DuplicateItemId = "duplicate_item_id",
    /// Reasoning is not followed by the items that it led to.
    DetachedReasoning = "detached_reasoning",
    /// An item is referenced that the service does not have.
    UnresolvableItem = "unresolvable_item",
    /// The arguments of a call are not JSON.
    MalformedArguments = "malformed_arguments",
    /// A name is invalid.
    InvalidName = "invalid_name",
    /// Two tools have the same name.
    DuplicateTool = "duplicate_tool",
    /// A tool is chosen that is not defined.
    UnknownTool = "unknown_tool",
    /// A schema is not a JSON object.
    InvalidSchema = "invalid_schema",
    /// An object of a strict schema is open.
    OpenObject = "open_object",
    /// A property of a strict schema is not required.
    OptionalProperty = "optional_property",
    /// A required key is not a property of the schema.
    UndeclaredProperty = "undeclared_property",
    /// A strict schema uses a keyword that strict schemas do not allow.
    UnsupportedKeyword = "unsupported_keyword",
    /// A strict schema is too large.
    SchemaTooLarge = "schema_too_large",
    /// The server has Chat Completions only, and the request was translated.
    ChatServer = "chat_server",
    /// The service refused an image, a file or encrypted reasoning, and the request was repeated
    /// without it.
    RefusedContent = "refused_content",
    /// The request is larger than the model's context window.
    TooLarge = "too_large",
    /// The beginning of the request changed, so the cached prefix is lost.
    CachePrefixChanged = "cache_prefix_changed",
}

impl fmt::Display for FindingCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
