//! Errors that the service sends.

use alloc::string::String;
use core::fmt;
use core::time::Duration;

use crate::error::{ErrorCategory, ErrorCode, Side, delay};
use crate::wire::object::object;
use crate::{Map, Number, RawJson};

object! {
    /// An error of the service: the value of `error` in a body, an event or a response.
    ///
    /// Only `message` is always present.
    pub struct ApiError {
        plain {
            /// The message, for people.
            message: String,
        }
        optional {
            /// The error code.
            code: ErrorCode,
            /// The kind of error, which is coarser than its code.
            kind as "type": ErrorCode,
            /// The parameter at fault.
            param: String,
            /// The plan of the account (ChatGPT backend).
            plan_type: PlanType,
            /// The time at which the exhausted limit resets, as a Unix timestamp in seconds.
            resets_at: Number,
            /// The number of seconds until then.
            resets_in_seconds: Number,
            /// The length of the limit's window in minutes.
            limit_window_minutes: Number,
            /// Response headers, sent in-band by the ChatGPT backend.
            headers: Map<RawJson>,
            /// The action that the model was prevented from taking.
            misalignment: Misalignment,
        }
    }
}

impl ApiError {
    /// Creates an error with a code and a message.
    pub fn new(code: impl Into<ErrorCode>, message: impl Into<String>) -> Self {
        Self {
            code: Some(code.into()),
            message: message.into(),
            ..Self::default()
        }
    }

    /// Returns whether the error has neither a message nor a code nor a type.
    pub(crate) fn is_empty(&self) -> bool {
        self.message.is_empty() && self.code.is_none() && self.kind.is_none()
    }
}

impl ApiError {
    /// Returns the category: by the code, else by the type.
    pub fn category(&self) -> ErrorCategory {
        self.category_with_status(None)
    }

    /// Returns the category: by the code, else by the type, else by the HTTP status.
    pub fn category_with_status(&self, status: Option<u16>) -> ErrorCategory {
        let named = [&self.code, &self.kind]
            .into_iter()
            .flatten()
            .map(ErrorCode::category)
            .find(|category| *category != ErrorCategory::Unknown);
        match (named, status) {
            (Some(category), _) => category,
            (None, Some(status)) => ErrorCategory::of_status(status),
            (None, None) => ErrorCategory::Unknown,
        }
    }

    /// Returns whether the error is about `previous_response_id`, however it is worded: the server
    /// does not have the response that the request continues.
    ///
    /// ```
    /// use codex_types::ApiError;
    ///
    /// let mut error = ApiError::default();
    /// error.message = "Previous response with id 'resp_1' not found.".into();
    /// assert!(error.blames_previous_response());
    /// ```
    pub fn blames_previous_response(&self) -> bool {
        let blames = |text: &str| {
            let words = text.split(|it: char| !it.is_ascii_alphanumeric());
            let mut words = words.filter(|word| !word.is_empty());
            words.any(|word| word.eq_ignore_ascii_case("previous"))
                && words
                    .next()
                    .is_some_and(|word| word.eq_ignore_ascii_case("response"))
        };
        let code = self.code.as_ref().map(ErrorCode::as_str);
        let places = [code, self.param.as_deref(), Some(&self.message)];
        places.into_iter().flatten().any(blames)
    }

    /// Returns the side that caused the error.
    pub fn side(&self) -> Side {
        self.category().side()
    }

    /// Returns whether the same request may succeed soon.
    pub fn is_retryable(&self) -> bool {
        self.category().is_retryable()
    }

    /// Returns the wait before a retry, if the service requests one: from the headers
    /// `retry-after-ms` and `retry-after`, from `resets_in_seconds`, or from the text of the
    /// message.
    ///
    /// ```
    /// use std::time::Duration;
    /// use codex_types::{ApiError, ErrorCode};
    ///
    /// let error = ApiError::new(ErrorCode::RateLimitExceeded, "Please try again in 1.5s.");
    /// assert_eq!(error.retry_after(), Some(Duration::from_millis(1500)));
    /// ```
    pub fn retry_after(&self) -> Option<Duration> {
        let header = |name| {
            self.headers
                .as_ref()
                .and_then(|headers| header_number(headers, name))
        };
        let seconds = header("retry-after-ms")
            .map(|millis| millis / 1000.0)
            .or_else(|| header("retry-after"))
            .or_else(|| self.resets_in_seconds.map(|seconds| seconds.as_f64()));
        match seconds {
            Some(seconds) => Duration::try_from_secs_f64(seconds).ok(),
            None => delay::in_message(&self.message),
        }
    }
}

impl ApiError {
    /// Returns the message in the form in which it can be shown: on one line, without control
    /// characters, and at most 500 characters long. Empty if there is none.
    ///
    /// ```
    /// use codex_types::ApiError;
    ///
    /// let error = ApiError::new("server_error", "try\n\u{1b}[31m later");
    /// assert_eq!(error.shown_message(), "try [31m later");
    /// ```
    pub fn shown_message(&self) -> String {
        shown(&self.message, SHOWN_MESSAGE)
    }

    /// Returns the [code](field@Self::code) if it is a name that is safe to log.
    pub fn shown_code(&self) -> Option<&str> {
        self.code
            .as_ref()
            .map(ErrorCode::as_str)
            .filter(|name| is_name(name))
    }

    /// Returns the [type](field@Self::kind) if it is a name that is safe to log.
    pub fn shown_kind(&self) -> Option<&str> {
        self.kind
            .as_ref()
            .map(ErrorCode::as_str)
            .filter(|name| is_name(name))
    }

    /// Returns the [parameter](field@Self::param) if it is a name that is safe to log.
    pub fn shown_param(&self) -> Option<&str> {
        self.param.as_deref().filter(|name| is_name(name))
    }
}

impl fmt::Display for ApiError {
    /// Writes the code and the message, in the form of [`shown_message`](Self::shown_message), and
    /// the type and the parameter.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.shown_code(), self.shown_message()) {
            (Some(code), message) if message.is_empty() => f.write_str(code)?,
            (Some(code), message) => write!(f, "{code}: {message}")?,
            (None, message) if message.is_empty() => f.write_str("the service gave no reason")?,
            (None, message) => f.write_str(&message)?,
        }
        match (self.shown_kind(), self.shown_param()) {
            (Some(kind), Some(param)) => write!(f, " (type {kind}, param {param})"),
            (Some(kind), None) => write!(f, " (type {kind})"),
            (None, Some(param)) => write!(f, " (param {param})"),
            (None, None) => Ok(()),
        }
    }
}

/// In characters.
const SHOWN_MESSAGE: usize = 500;

/// Writes a server's text on one line: unprintable characters become spaces, and runs of spaces
/// become one.
pub(crate) fn shown(text: &str, limit: usize) -> String {
    let mut shown = String::new();
    let mut length = 0;
    for word in text.split(|it: char| it.is_whitespace() || is_invisible(it)) {
        if word.is_empty() {
            continue;
        }
        let separator = if shown.is_empty() { "" } else { " " };
        for character in separator.chars().chain(word.chars()) {
            if length == limit {
                shown.push_str("...");
                return shown;
            }
            shown.push(character);
            length += 1;
        }
    }
    shown
}

/// Returns whether a character is a control character, or a format character that reorders or hides
/// text.
fn is_invisible(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// Names consist of letters, digits and the characters of a path into a body, such as
/// `input[0].content`.
fn is_name(name: &str) -> bool {
    let is_mark = |byte| matches!(byte, b'_' | b'-' | b'.' | b'[' | b']' | b'/' | b':' | b'$');
    (1..=64).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || is_mark(byte))
}

impl core::error::Error for ApiError {}

/// Reads a header as a number, whether it was sent as a number or as text.
fn header_number(headers: &Map<RawJson>, name: &str) -> Option<f64> {
    headers
        .get_ignore_case(name)?
        .as_str()
        .trim_matches(['"', ' '])
        .parse()
        .ok()
}

object! {
    /// The action that a model was prevented from taking.
    pub struct Misalignment {
        required {}
        optional {
            /// The kind of action.
            error_type: MisalignmentKind,
            /// A detailed explanation.
            detailed_explanation: String,
            /// The target of the review.
            review_target: String,
            /// The steering message for the model.
            steer: MisalignmentSteer,
        }
    }
}

object! {
    /// The steering message for a model that was prevented from an action.
    pub struct MisalignmentSteer {
        required {
            /// The text.
            message: String,
        }
    }
}

crate::wire::open::open_enum! {
    /// The kind of action that a model was prevented from taking.
    pub enum MisalignmentKind {
        /// A potentially unintended data transfer.
        DataTransfer = "potentially_unintended_data_transfer",
        /// A potentially unintended data access.
        DataAccess = "potentially_unintended_data_access",
        /// A potentially unintended destructive activity.
        DestructiveActivity = "potentially_unintended_destructive_activity",
        /// Another action.
        Other = "other",
    }
}

crate::wire::open::open_enum! {
    /// The plan of a ChatGPT account.
    pub enum PlanType {
        /// Free.
        Free = "free",
        /// Go.
        Go = "go",
        /// Plus.
        Plus = "plus",
        /// Pro.
        Pro = "pro",
        /// Pro Lite.
        ProLite = "prolite",
        /// Team.
        Team = "team",
        /// Business Pro Lite, self-service.
        SelfServeBusinessProLite = "self_serve_business_prolite",
        /// Business, usage-based, self-service.
        SelfServeBusinessUsageBased = "self_serve_business_usage_based",
        /// Business.
        Business = "business",
        /// Enterprise, 2026 edition.
        Enterprise26 = "ent26",
        /// Enterprise, automation.
        EnterpriseAutomation = "enterprise_cbp_automation",
        /// Enterprise, usage-based.
        EnterpriseUsageBased = "enterprise_cbp_usage_based",
        /// Enterprise.
        Enterprise = "enterprise",
        /// Enterprise, under another name.
        Hc = "hc",
        /// Education.
        Edu = "edu",
        /// Education, under another name.
        Education = "education",
        /// Education Plus.
        EduPlus = "edu_plus",
        /// Education Pro.
        EduPro = "edu_pro",
    }
}
