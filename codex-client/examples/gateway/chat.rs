//! `POST /v1/chat/completions`: passed through to a service that has the endpoint, and otherwise
//! translated in both directions.

use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use codex_client::ErrorKind;
use codex_sse::chat::ToChatChunks;
use codex_types::Streaming;
use codex_types::chat::ChatRequest;
use codex_types::chat::translate::{to_chat_response, to_responses_request};
use http::{HeaderMap, Method, Response};
use serde::Deserialize;

use crate::body;
use crate::failure::Failure;
use crate::gateway::Gateway;
use crate::journal::Entry;
use crate::pass::{self, Passed};
use crate::payload::{self, Payload};
use crate::relay;
use crate::responses::head;
use crate::upstream::{Upstream, call_options};

#[derive(Deserialize)]
struct Named {
    #[serde(default)]
    model: String,
}

pub(crate) async fn complete(
    gateway: &Gateway,
    entry: &Arc<Entry>,
    headers: &HeaderMap,
    body: Bytes,
) -> Result<Response<Payload>, Failure> {
    let named: Named = body::parse(&body)?;
    entry.model(&named.model);
    let (upstream, body) = gateway.services.select_for(body);
    if !upstream.translates_chat() {
        let passed = pass::pass(upstream, headers, Method::POST, PATH, body.clone()).await?;
        match passed {
            Passed::NoEndpoint(_) if upstream.has_no_chat() => {}
            Passed::NoEndpoint(response) | Passed::Response(response) => {
                return Ok(pass::finish(entry, response));
            }
        }
    }
    translate(gateway, upstream, entry, headers, &body).await
}

async fn translate(
    gateway: &Gateway,
    upstream: &Upstream,
    entry: &Arc<Entry>,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Response<Payload>, Failure> {
    let policy = &gateway.policy;
    let chat: ChatRequest = body::parse(body)?;
    let translated = to_responses_request(&chat, &upstream.translation)
        .map_err(|error| Failure::unsupported(error.to_api_error(), policy, &upstream.profile))?;
    let mut options = upstream.telling(translated.answer_options());
    options.model.clone_from(&chat.model);
    options.created = now();
    options.id = format!("chatcmpl-{}", options.created);
    let stream = upstream
        .client
        .stream(&translated.request)
        .options(call_options(headers))
        .await
        .map_err(|error| {
            Failure::explained(&error, policy, &upstream.profile).named_as_sent(&translated)
        })?;
    let headers = head(&stream, &translated.findings);
    if translated.streaming == Streaming::Yes {
        let (dialect, keep_alive) = (ToChatChunks::new(options), gateway.limits.keep_alive);
        return relay::answer(stream, headers, dialect, keep_alive, entry, None).await;
    }
    let response = match stream.finish().await {
        Ok(response) => response,
        Err(error) => match (error.kind(), error.partial()) {
            // A response that was cut off at a limit is still a response; its finish reason states
            // the limit.
            (ErrorKind::Incomplete, Some(partial)) => partial.clone(),
            _ => return Err(Failure::of(&error)),
        },
    };
    relay::record(entry, &response);
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

const PATH: &str = "chat/completions";
