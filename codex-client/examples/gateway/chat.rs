// `POST /v1/chat/completions`: translated on the way there and on the way back.

use core::time::Duration;
use std::time::SystemTime;

use codex_client::ErrorKind;
use codex_sse::chat::ToChatChunks;
use codex_types::Streaming;
use codex_types::chat::ChatRequest;
use codex_types::chat::translate::{to_chat_response, to_responses_request};
use http::{HeaderMap, Response};

use crate::body;
use crate::events;
use crate::failure::Failure;
use crate::payload::{self, Payload};
use crate::responses::head;
use crate::upstream::{Upstream, call_options};

pub(crate) async fn complete(
    upstream: &Upstream,
    headers: &HeaderMap,
    body: &[u8],
    keep_alive: Duration,
) -> Result<Response<Payload>, Failure> {
    let chat: ChatRequest = body::parse(body)?;
    let translated = to_responses_request(&chat, &upstream.translation)
        .map_err(|error| Failure::bad_request(error.to_api_error()))?;
    let mut options = upstream.telling(translated.answer_options());
    options.model = chat.model;
    options.created = now();
    options.id = format!("chatcmpl-{}", options.created);
    let stream = upstream
        .client
        .stream(&translated.request)
        .options(call_options(headers))
        .await
        .map_err(|error| Failure::of(&error))?;
    let headers = head(&stream, &translated.findings);
    if translated.streaming == Streaming::Yes {
        return events::answer(stream, headers, ToChatChunks::new(options), keep_alive).await;
    }
    let response = match stream.finish().await {
        Ok(response) => response,
        Err(error) => match (error.kind(), error.partial()) {
            // An answer that was cut short by a limit is one, and says so in its finish reason.
            (ErrorKind::Incomplete, Some(partial)) => partial.clone(),
            _ => return Err(Failure::of(&error)),
        },
    };
    match to_chat_response(&response, &options) {
        Ok(completion) => {
            let body = serde_json::to_vec(&completion).unwrap_or_default();
            Ok(payload::json(headers, body))
        }
        Err(error) => Err(Failure::of_response(*error, headers)),
    }
}

fn now() -> u64 {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}
