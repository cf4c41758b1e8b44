//! Errors in the forms in which servers send them, under every name that servers use.

use alloc::string::String;
use alloc::vec::Vec;

use crate::error::ApiError;
use crate::{Extra, Map, RawJson};

/// Reads a value that contains an error: text, an object, or a list of these. `None` if it is of
/// another type or empty.
pub(crate) fn read(raw: &RawJson) -> Option<ApiError> {
    read_nested(raw, MOST_NESTED)
}

fn read_nested(raw: &RawJson, depth: usize) -> Option<ApiError> {
    let depth = depth.checked_sub(1)?;
    let error = match raw.as_str().bytes().next()? {
        b'"' => ApiError {
            message: raw.decode().ok()?,
            ..ApiError::default()
        },
        b'{' => {
            let mut error: ApiError = raw.decode().ok()?;
            let extra = core::mem::take(&mut error.extra);
            complete(&mut error, &extra, None, depth);
            if let Some(steps) = extra.get("loc").and_then(steps) {
                error.message.insert_str(0, &steps);
            }
            error.extra = extra;
            error
        }
        b'[' => {
            let list: Vec<RawJson> = raw.decode().ok()?;
            let errors = list.iter().filter_map(|raw| read_nested(raw, depth));
            let errors: Vec<ApiError> = errors.take(MOST_LISTED).collect();
            let messages: Vec<&str> = errors.iter().map(|error| &*error.message).collect();
            let message = messages.join("; ");
            let first = errors.into_iter().next()?;
            ApiError { message, ..first }
        }
        _ => return None,
    };
    (!error.is_empty()).then_some(error)
}

/// Fills the empty fields of an error from keys under other names, and from the errors in it.
///
/// Frameworks repeat the body of the request in their errors, so only the keys that contain
/// messages are used.
pub(super) fn complete(
    error: &mut ApiError,
    extra: &Extra,
    detail: Option<&RawJson>,
    depth: usize,
) {
    let text = |keys: &[&str]| -> Option<String> {
        let mut texts = keys.iter().filter_map(|key| extra.get(key)?.decode().ok());
        texts.find(|text: &String| !text.is_empty())
    };
    let mut nested = detail
        .into_iter()
        .chain(NESTED.iter().filter_map(|key| extra.get(key)));
    if error.message.is_empty() {
        error.message = text(MESSAGES).unwrap_or_default();
    }
    if error.message.is_empty()
        && let Some(inner) = nested.find_map(|raw| read_nested(raw, depth))
    {
        error.message = inner.message;
        error.code = error.code.take().or(inner.code);
        error.kind = error.kind.take().or(inner.kind);
    }
    if error.message.is_empty()
        && let Some(other) = extra.get("message").filter(|raw| !raw.is_null())
    {
        error.message = other.to_compact().into_owned();
    }
    // OAuth has a name where the API has an object.
    let code = || text(&["error_code", "error"]).map(Into::into);
    error.code = error.code.take().or_else(code);
    let kind = || text(&["error_type"]).map(Into::into);
    error.kind = error.kind.take().or_else(kind);
}

/// Formats the location of a problem: `body.input: `.
fn steps(location: &RawJson) -> Option<String> {
    let steps: Vec<RawJson> = location.decode().ok()?;
    let mut all = String::new();
    for step in &steps {
        let separator = if all.is_empty() { "" } else { "." };
        let text: Option<String> = step.decode().ok();
        all.push_str(separator);
        all.push_str(text.as_deref().unwrap_or(step.as_str()));
    }
    (!all.is_empty()).then(|| all + ": ")
}

/// Returns whether the keys of an object without a `type` report an error.
pub(crate) fn is_reported<'a>(
    get: impl Fn(&str) -> Option<&'a RawJson>,
    has_content: bool,
) -> bool {
    let is_given = |key: &&str| get(key).is_some_and(is_given);
    let is_certain = || {
        ["error", "errors", "error_message", "error_msg"]
            .iter()
            .any(&is_given)
    };
    let is_message = || is_given(&"message") && ["code", "type", "status"].iter().any(&is_given);
    let has_failed = || {
        let base: Option<Map<RawJson>> = get("base_resp").and_then(|base| base.decode().ok());
        let base = base.as_ref().and_then(|base| base.get("status_code"));
        base.is_some_and(is_flag)
    };
    is_certain()
        || has_failed()
        || !has_content && (is_given(&"detail") || is_given(&"msg") || is_message())
}

/// Returns whether a value is neither false nor empty.
fn is_given(raw: &RawJson) -> bool {
    match raw.as_str() {
        "{}" | "[]" | "\"\"" => false,
        json => json.starts_with(['{', '[', '"']) || is_flag(raw),
    }
}

/// Returns whether a value is true, or a number other than 0.
pub(super) fn is_flag(raw: &RawJson) -> bool {
    let number: Option<f64> = raw.as_str().parse().ok();
    raw.as_str() == "true" || number.is_some_and(|number| number != 0.0)
}

/// Returns the error in a list that was sent instead of an object.
pub(crate) fn in_list(list: &RawJson) -> Option<ApiError> {
    let entries: Vec<Map<RawJson>> = list.decode().ok()?;
    let mut entries = entries.iter();
    let is_error = entries.any(|entry| is_reported(|key| entry.get(key), false));
    read(list).filter(|_| is_error)
}

/// The keys of a message, other than `message`.
const MESSAGES: &[&str] = &[
    "error_description",
    "error_message",
    "error_msg",
    "msg",
    "status_msg",
];

/// The keys of an error within an error.
const NESTED: &[&str] = &["error", "errors", "detail", "status_details", "base_resp"];

/// The number of errors of a list that are read.
const MOST_LISTED: usize = 5;

/// The depth to which errors within errors are read.
pub(super) const MOST_NESTED: usize = 8;
