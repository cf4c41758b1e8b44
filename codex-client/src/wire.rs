//! The API that a request is written for, and the reader of its response.
//!
//! Everything else is the same for both APIs: a chat server receives the translation of a request,
//! and its chunks become the events of a response before any other code sees them.

#[cfg(feature = "chat")]
use std::sync::Arc;

use codex_sse::{EventDecoder, Limits};
use codex_types::lint::Finding;
use codex_types::profile::{FitPolicy, Profile};
use codex_types::{CreateResponse, RawJson, ResponseEvent, Streaming};
use http::StatusCode;

use crate::error::{Error, ErrorKind};
use crate::failure;

#[cfg(feature = "chat")]
use codex_sse::chat::{ChatEventDecoder, ToResponseEvents};
#[cfg(feature = "chat")]
use codex_types::chat::translate::{RequestOptions, ToolNames, to_chat_request};

/// The API of one request.
#[derive(Clone)]
pub(crate) enum Wire {
    Responses,
    #[cfg(feature = "chat")]
    Chat(Box<ChatWire>),
}

/// A request in the form of Chat Completions.
#[cfg(feature = "chat")]
#[derive(Clone)]
pub(crate) struct ChatWire {
    body: RawJson,
    /// The request without its input, for the response; `None` if the caller wrote a chat request.
    request: Option<Arc<CreateResponse>>,
    tools: ToolNames,
    has_think_tags: bool,
    keeps_reasoning: bool,
}

impl Wire {
    /// Returns the path of the API below the base URL.
    pub(crate) fn path(&self) -> &'static str {
        match self {
            Self::Responses => RESPONSES,
            #[cfg(feature = "chat")]
            Self::Chat(_) => CHAT,
        }
    }

    /// Replaces the body for a chat server.
    #[cfg_attr(
        not(feature = "chat"),
        expect(unused_variables, reason = "without the feature `chat` the body stays")
    )]
    pub(crate) fn map_body(
        self,
        change: impl FnOnce(RawJson) -> Result<RawJson, Error>,
    ) -> Result<Self, Error> {
        Ok(match self {
            Self::Responses => self,
            #[cfg(feature = "chat")]
            Self::Chat(mut chat) => {
                chat.body = change(chat.body)?;
                Self::Chat(chat)
            }
        })
    }

    /// Returns the body for a chat server; `None` if the request itself is the body.
    pub(crate) fn body(&self) -> Option<&RawJson> {
        match self {
            Self::Responses => None,
            #[cfg(feature = "chat")]
            Self::Chat(chat) => Some(&chat.body),
        }
    }

    /// Creates a reader for a new response.
    pub(crate) fn reader(&self, limits: Limits) -> Reader {
        match self {
            Self::Responses => Reader::Responses(EventDecoder::with_limits(limits)),
            #[cfg(feature = "chat")]
            Self::Chat(chat) => {
                let mut events = ToResponseEvents::new()
                    .with_tools(chat.tools.clone())
                    .with_think_tags(chat.has_think_tags)
                    .keeping_reasoning(chat.keeps_reasoning);
                if let Some(request) = &chat.request {
                    events = events.with_request(request.clone());
                }
                Reader::Chat(Box::new(ChatEventDecoder::new(events, limits)))
            }
        }
    }
}

/// Translates a request for the chat server of this profile.
#[cfg(feature = "chat")]
pub(crate) fn to_chat(
    request: &CreateResponse,
    profile: &Profile,
    policy: &FitPolicy,
    streaming: Streaming,
) -> Result<(Wire, Vec<Finding>), Error> {
    use codex_types::Include;
    use codex_types::profile::ReasoningReplay;

    let mut request = request.clone();
    match streaming {
        Streaming::Yes => request
            .extra
            .insert("stream", RawJson::encode(&true).map_err(unwritable)?),
        Streaming::No => drop(request.extra.remove("stream")),
    }
    let dialect = &profile.chat;
    let options = RequestOptions::for_dialect(dialect.clone()).allowed_by(policy);
    let translated = to_chat_request(&request, &options)
        .map_err(|error| Error::request(NO_COUNTERPART).with_source(error))?;
    let mut includes = request.include.iter().flatten();
    let keeps_reasoning = dialect.reasoning_replay != ReasoningReplay::Never
        || includes.any(|include| *include == Include::ReasoningEncryptedContent);
    request.input = None;
    let wire = ChatWire {
        body: RawJson::encode(&translated.request).map_err(unwritable)?,
        request: Some(Arc::new(request)),
        tools: translated.tools,
        has_think_tags: dialect.think_tags,
        keeps_reasoning,
    };
    Ok((Wire::Chat(Box::new(wire)), translated.findings))
}

/// Returns an error, because translation needs the feature `chat`.
#[cfg(not(feature = "chat"))]
pub(crate) fn to_chat(
    _: &CreateResponse,
    _: &Profile,
    _: &FitPolicy,
    _: Streaming,
) -> Result<(Wire, Vec<Finding>), Error> {
    Err(Error::request(WITHOUT_CHAT))
}

#[cfg(feature = "chat")]
impl ChatWire {
    /// Wraps a body that the caller wrote, whose calls are read unchanged.
    pub(crate) fn of_body(body: RawJson, profile: &Profile) -> Self {
        Self {
            body,
            request: None,
            tools: ToolNames::default(),
            has_think_tags: profile.chat.think_tags,
            keeps_reasoning: false,
        }
    }
}

/// Returns whether an error means that the server does not have the Responses API: the status fits,
/// and the error does not concern a model, a deployment or a response.
pub(crate) fn is_missing(error: &Error) -> bool {
    let is_status = matches!(
        error.status(),
        Some(StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_IMPLEMENTED)
    );
    if error.kind() != ErrorKind::Status || !is_status {
        return false;
    }
    let Some(api) = error.api() else { return true };
    let code = api.code.as_ref().map_or("", |code| code.as_str());
    let param = api.param.as_deref().unwrap_or_default();
    // The error may name the API or its path, and that does not count as a response.
    let text = format!("{code} {param} {}", api.message)
        .to_ascii_lowercase()
        .replace("responses", "");
    ["model", "deployment", "response"]
        .iter()
        .all(|word| !text.contains(word))
}

/// The reader of the body of a response.
#[cfg_attr(
    all(feature = "chat", target_pointer_width = "64"),
    expect(
        clippy::large_enum_variant,
        reason = "a response has one reader, and a box would cost an indirection per event"
    )
)]
pub(crate) enum Reader {
    Responses(EventDecoder),
    #[cfg(feature = "chat")]
    Chat(Box<ChatEventDecoder>),
}

impl Reader {
    /// Consumes bytes from the front of the input until there is an event.
    pub(crate) fn decode(&mut self, input: &mut &[u8]) -> Result<Option<ResponseEvent>, Error> {
        match self {
            Self::Responses(decoder) => decoder.decode(input),
            #[cfg(feature = "chat")]
            Self::Chat(decoder) => decoder.decode(input),
        }
        .map_err(failure::stream)
    }

    /// Ends the body; returns whether events may follow.
    pub(crate) fn finish(&mut self) -> Result<bool, Error> {
        match self {
            Self::Responses(decoder) => decoder.finish().map(|()| false),
            #[cfg(feature = "chat")]
            Self::Chat(decoder) => decoder.finish().map(|()| decoder.has_events()),
        }
        .map_err(failure::stream)
    }

    /// Returns whether the server has sent everything except the end of the body.
    pub(crate) fn is_done(&self) -> bool {
        match self {
            Self::Responses(_) => false,
            #[cfg(feature = "chat")]
            Self::Chat(decoder) => decoder.is_done(),
        }
    }

    /// Returns whether a document becomes all events of a response, and not one event that stands
    /// for them.
    pub(crate) fn splits_documents(&self) -> bool {
        match self {
            Self::Responses(_) => false,
            #[cfg(feature = "chat")]
            Self::Chat(_) => true,
        }
    }

    /// Decodes a document; [`decode`](Self::decode) then returns its events.
    pub(crate) fn decode_document(&mut self, _body: &[u8]) -> Result<(), Error> {
        match self {
            Self::Responses(_) => Ok(()),
            #[cfg(feature = "chat")]
            Self::Chat(decoder) => decoder.decode_document(_body).map_err(failure::stream),
        }
    }
}

#[cfg(feature = "chat")]
fn unwritable(error: codex_types::DecodeError) -> Error {
    Error::request("request cannot be serialized as JSON").with_source(error)
}

pub(crate) const RESPONSES: &str = "responses";
/// The path of conversations, which belong to the Responses API.
pub(crate) const CONVERSATIONS: &str = "conversations";
#[cfg(feature = "chat")]
pub(crate) const CHAT: &str = "chat/completions";
#[cfg(feature = "chat")]
const NO_COUNTERPART: &str = "request uses a feature that Chat Completions does not have";
#[cfg(not(feature = "chat"))]
const WITHOUT_CHAT: &str = "server supports only Chat Completions: enable the feature `chat`";

#[cfg(test)]
mod tests {
    use codex_types::ErrorEvent;
    use http::HeaderMap;

    use super::*;
    use crate::meta::ResponseMeta;

    fn missing(status: u16, body: &str) -> bool {
        let status = StatusCode::from_u16(status).unwrap();
        let api = (!body.is_empty()).then(|| ErrorEvent::from_body(body.as_bytes()).to_api_error());
        is_missing(
            &Error::new(ErrorKind::Status)
                .with_api(api)
                .with_meta(ResponseMeta::read(status, &HeaderMap::new())),
        )
    }

    #[test]
    fn a_server_without_the_api_is_told_from_one_without_the_model() {
        for (status, body) in [
            (404, ""),
            (404, "404 page not found"),
            (404, r#"{"detail":"Not Found"}"#),
            (404, "<html><body>Cannot POST /v1/responses</body></html>"),
            (405, r#"{"detail":"Method Not Allowed"}"#),
            (
                501,
                r#"{"error":{"message":"The Responses API is not implemented"}}"#,
            ),
            (
                404,
                r#"{"error":{"message":"Invalid URL (POST /v1/responses)","type":"invalid_request_error"}}"#,
            ),
        ] {
            assert!(missing(status, body), "{status} {body}");
        }
        for (status, body) in [
            (
                404,
                r#"{"error":{"message":"The model `x` does not exist","code":"model_not_found"}}"#,
            ),
            (
                404,
                r#"{"error":{"code":"DeploymentNotFound","message":"The API deployment for this resource does not exist."}}"#,
            ),
            (
                404,
                r#"{"error":{"message":"Response with id 'resp_1' not found.","param":"id"}}"#,
            ),
            (
                404,
                r#"{"error":{"message":"Previous response with id 'resp_1' not found.","param":"previous_response_id"}}"#,
            ),
            (400, ""),
            (500, ""),
        ] {
            assert!(!missing(status, body), "{status} {body}");
        }
    }
}
