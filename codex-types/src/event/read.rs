//! Reading events, and accessors that all events share.

use alloc::borrow::Cow;
use alloc::string::String;

use serde::Deserializer;
use serde::de::MapAccess;

use crate::error::{ApiError, ErrorEvent, forms};
use crate::event::common::Common;
use crate::event::delta_fast;
use crate::event::{Delta, DeltaKind, EventKind, ResponseEvent};
use crate::json::reader::{parse, parse_seed};
use crate::json::scan::leading_kind;
use crate::response::Response;
use crate::wire::known::Prelude;
use crate::wire::source::with_fields;
use crate::wire::text::to_json;
use crate::{DecodeError, Map, RawJson, Unknown};

impl ResponseEvent {
    /// Reads one event: the data of an SSE frame, or a WebSocket text message.
    ///
    /// The `type` in the payload decides; it is read first, and then that one struct. An object
    /// without a `type`, or a list of such objects, is an error event if it reports an error, else
    /// unknown. `[DONE]`, which
    /// ends some streams, is not an event.
    ///
    /// # Errors
    ///
    /// Returns an error if `json` is not a JSON object or nests deeper than 128 levels. No other
    /// valid object is an error.
    pub fn from_json(json: &str) -> Result<Self, DecodeError> {
        Self::from_json_hinted(None, json)
    }

    /// Reads one event whose kind may come from outside of the payload, such as the `event` field
    /// of SSE.
    ///
    /// The payload takes precedence: `hint` counts only if the payload has no `type` at all. With
    /// the hint `error`, a payload that is not a JSON object becomes the message of an
    /// [`ErrorEvent`](crate::ErrorEvent): plain text unchanged, a JSON string without its quotes.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`from_json`](Self::from_json), except for the payloads just
    /// described.
    ///
    /// # Examples
    ///
    /// ```
    /// use codex_types::{EventKind, ResponseEvent};
    ///
    /// let json = r#"{"message":"too much"}"#;
    /// let event = ResponseEvent::from_json_hinted(Some("error"), json)?;
    /// assert_eq!(event.event_kind(), EventKind::Error);
    /// assert_eq!(ResponseEvent::from_json(json)?.kind(), "");
    /// # Ok::<(), codex_types::DecodeError>(())
    /// ```
    pub fn from_json_hinted(hint: Option<&str>, json: &str) -> Result<Self, DecodeError> {
        Self::read_hinted(hint, json).or_else(|error| {
            let is_error = matches!(hint, Some("error" | "response.error"));
            match ErrorEvent::from_text(json, is_error) {
                Some(event) => Ok(Self::Error(event.into())),
                None => Err(error),
            }
        })
    }

    fn read_hinted(hint: Option<&str>, json: &str) -> Result<Self, DecodeError> {
        if let Some(kind) = leading_kind(json) {
            if let Some(kind) = DeltaKind::of(kind) {
                if let Some(delta) = delta_fast::read(kind, json) {
                    return Ok(Self::of_delta(delta.into_owned()));
                }
            } else if Self::known_kind(kind).is_none() {
                return Self::unknown(json);
            }
        }
        Self::from_json_in_full(hint, json)
    }

    /// Returns the kind of the event; for an unknown event, the kind that it names.
    pub fn event_kind(&self) -> EventKind {
        self.kind().into()
    }

    /// Returns the sequence number of the event within its response, if it has one. Sequence
    /// numbers count from 0 without gaps.
    pub fn sequence_number(&self) -> Option<u64> {
        self.common().sequence_number
    }

    /// Returns the output index of the item that the event is about, if the event has one.
    pub fn output_index(&self) -> Option<u32> {
        self.common().output_index
    }

    /// Returns the id of the item that the event is about, if the event has one.
    pub fn item_id(&self) -> Option<&str> {
        self.common().item_id.filter(|id| !id.is_empty())
    }

    /// Returns the id of the event's stream, on a WebSocket that multiplexes streams; else `None`.
    pub fn stream_id(&self) -> Option<&str> {
        self.common().stream_id
    }

    /// Returns the whole response, if the event contains it.
    pub fn response(&self) -> Option<&Response> {
        self.payload().response()
    }

    /// Returns the delta, if the event contains one.
    pub fn delta(&self) -> Option<&Delta> {
        self.payload().delta()
    }

    /// Returns the new text of a message, which is the text shown to people; `None` for other
    /// events.
    pub fn text_delta(&self) -> Option<&str> {
        match self {
            Self::OutputTextDelta(delta) => Some(delta.delta()),
            _ => None,
        }
    }

    /// Returns the key for the text of this event, if its value is neither text nor null.
    ///
    /// The value is in [`extra`](Self::extra), and the text is empty. `arguments` may also be an
    /// object or a list, which some servers send instead of the JSON as text.
    pub fn foreign_text(&self) -> Option<&'static str> {
        let key = self.payload().text_key()?;
        let value = self.extra()?.get(key)?;
        let is_structure = value.as_str().starts_with(['{', '[']);
        let is_accepted = value.is_null() || (is_structure && key == "arguments");
        (!is_accepted).then_some(key)
    }

    /// Returns the error, if the event reports one: an error event, or a response that failed.
    pub fn error(&self) -> Option<Cow<'_, ApiError>> {
        match self {
            Self::Error(event) => Some(Cow::Owned(event.to_api_error())),
            Self::SteerFailed(event) => Some(Cow::Borrowed(&event.error)),
            Self::Failed(event) | Self::Cancelled(event) => event.error(),
            _ => self.response()?.error.as_deref().map(Cow::Borrowed),
        }
    }

    /// Returns whether the event ends the stream: completed, failed, incomplete, cancelled, done or
    /// an error.
    pub fn is_terminal(&self) -> bool {
        matches!(
            self,
            Self::Completed(_)
                | Self::Failed(_)
                | Self::Incomplete(_)
                | Self::Cancelled(_)
                | Self::Done(_)
                | Self::Error(_)
        )
    }

    /// Returns the event as JSON on one line.
    ///
    /// # Errors
    ///
    /// Currently returns no error. The error type exists so that a later failure to write is not a
    /// panic.
    pub fn to_json(&self) -> Result<String, DecodeError> {
        Ok(to_json(self))
    }

    /// Returns the event of a delta.
    pub fn of_delta(delta: Delta) -> Self {
        match delta.kind() {
            DeltaKind::OutputText => Self::OutputTextDelta(delta),
            DeltaKind::Refusal => Self::RefusalDelta(delta),
            DeltaKind::FunctionCallArguments => Self::FunctionCallArgumentsDelta(delta),
            DeltaKind::CustomToolCallInput => Self::CustomToolCallInputDelta(delta),
            DeltaKind::ReasoningSummaryText => Self::ReasoningSummaryTextDelta(delta),
            DeltaKind::ReasoningText => Self::ReasoningTextDelta(delta),
            DeltaKind::McpCallArguments => Self::McpCallArgumentsDelta(delta),
            DeltaKind::CodeInterpreterCallCode => Self::CodeInterpreterCallCodeDelta(delta),
            DeltaKind::Audio => Self::AudioDelta(delta),
            DeltaKind::AudioTranscript => Self::AudioTranscriptDelta(delta),
        }
    }

    /// Keeps an event of an unknown kind, byte for byte.
    fn unknown(json: &str) -> Result<Self, DecodeError> {
        match RawJson::parse(json) {
            Ok(raw) => Ok(Self::Unknown(Unknown::new(raw))),
            Err(error) => Err(error.with_event_kind(leading_kind(json))),
        }
    }

    /// Reads an event without fast paths.
    pub(crate) fn from_json_in_full(hint: Option<&str>, json: &str) -> Result<Self, DecodeError> {
        let event =
            parse::<Self>(json).map_err(|error| error.with_event_kind(leading_kind(json)))?;
        match event {
            Self::Unknown(unknown) if !unknown.raw().as_str().starts_with('{') => {
                Err(DecodeError::mismatch(0))
            }
            Self::Unknown(unknown) if unknown.kind().is_empty() => Ok(Self::untyped(hint, unknown)),
            // Rebuilt from its keys, it could differ in white space from what was sent.
            Self::Unknown(_) => Self::unknown(json),
            known => Ok(known),
        }
    }

    /// Determines the kind of an event without `type`.
    fn untyped(hint: Option<&str>, unknown: Unknown) -> Self {
        let json = unknown.raw().as_str();
        let kind = match hint.filter(|hint| Self::known_kind(hint).is_some()) {
            Some(hint) => Some(hint),
            None => is_error(unknown.raw()).then_some("error"),
        };
        let event = kind.and_then(|kind| Self::read_as(kind, json).ok());
        event.unwrap_or(Self::Unknown(unknown))
    }

    fn read_as(kind: &str, json: &str) -> Result<Self, DecodeError> {
        #[derive(Clone, Copy)]
        struct AsKind<'k>(&'k str);

        impl<'de> serde::de::DeserializeSeed<'de> for AsKind<'_> {
            type Value = ResponseEvent;

            fn deserialize<D: Deserializer<'de>>(
                self,
                deserializer: D,
            ) -> Result<ResponseEvent, D::Error> {
                deserializer.deserialize_map(self)
            }
        }

        impl<'de> serde::de::Visitor<'de> for AsKind<'_> {
            type Value = ResponseEvent;

            fn expecting(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<ResponseEvent, A::Error> {
                with_fields(map, |fields| {
                    let mut event = ResponseEvent::default();
                    event.read_rest(Prelude::default(), Some(self.0), fields)?;
                    Ok(event)
                })
            }
        }

        parse_seed(json, AsKind(kind))
    }

    fn common(&self) -> Common<'_> {
        self.payload().common()
    }
}

/// Returns whether an object without a `type` is an error.
fn is_error(json: &RawJson) -> bool {
    let keys: Map<RawJson> = json.decode().unwrap_or_default();
    forms::is_reported(|key| keys.get(key), false)
}
