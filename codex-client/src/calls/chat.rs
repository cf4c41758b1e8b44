//! Chat Completions, for programs that use that API themselves. A chat server receives the request
//! unchanged; a server of the Responses API receives its translation.

use core::fmt;
use std::collections::VecDeque;

use codex_sse::chat::{ChatStreamEvent, ToChatChunks};
use codex_types::chat::translate::{
    AnswerOptions, RequestOptions, TranslatedRequest, to_chat_response, to_responses_request,
};
use codex_types::chat::{ChatChunk, ChatRequest, ChatResponse, ChatStreamOptions};
use codex_types::lint::Finding;
use codex_types::profile::{Channel, StreamUsage, Unfit, Wire as ProfileWire};
use codex_types::{CreateResponse, RawJson, Streaming};
use http::Method;

use crate::calls::call::Call;
use crate::calls::create::send;
use crate::calls::stream::ResponseStream;
use crate::calls::unary::Unary;
use crate::client::Client;
use crate::error::{Error, ErrorKind};
use crate::meta::ResponseMeta;
use crate::observe::Observer;
use crate::options::CallOptions;
use crate::request::{Prepared, unwritable};
use crate::wire::{CHAT, ChatWire, Wire};

impl Client {
    /// Sends a chat request and returns the whole completion.
    ///
    /// A chat server receives the request unchanged, with the client's credentials, retries and
    /// timeouts. If the [profile](codex_types::profile::Profile::wire) names a server of the
    /// Responses API, the client translates the request and the response.
    ///
    /// ```
    /// # use codex_client::Client;
    /// use codex_client::types::chat::{ChatMessage, ChatRequest};
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// # use codex_client::transport::testing::{Answer, LoopbackServer, Script};
    /// # let server = LoopbackServer::start(Script::new().answer(Answer::json(200,
    /// #     r#"{"id":"c1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"Paris"},"finish_reason":"stop"}]}"#)))?;
    /// # let client = Client::builder().base_url(server.url("/v1")).build()?;
    /// let request = ChatRequest::new("some-model", [ChatMessage::user("The capital of France?")]);
    /// let completion = client.chat(&request).await?;
    /// assert_eq!(completion.choices[0].message.content, Some("Paris".into()));
    /// # assert_eq!(server.requests()[0].path(), "/v1/chat/completions");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns the errors of [`create`](Self::create), [`Request`](crate::ErrorKind::Request) for a
    /// chat request without a counterpart in the Responses API, and
    /// [`Failed`](crate::ErrorKind::Failed) when the server sends an error instead of a completion.
    /// Errors name parameters as the chat request does; a
    /// [policy](crate::CallOptions::fit) names them as the translated request does.
    pub fn chat<'a>(&'a self, request: &'a ChatRequest) -> Call<'a, ChatResponse> {
        Call::new(move |options| {
            Box::pin(async move {
                let target = self.shared().target().await?;
                if target.profile.wire == ProfileWire::Responses {
                    let translated = translated(self, request).await?;
                    let response = self.create(&translated.request).options(options).await;
                    let response = response.map_err(|error| as_sent(error, &translated))?;
                    return to_chat_response(&response, &AnswerOptions::new())
                        .map_err(|error| Error::new(ErrorKind::Failed).with_api(Some(*error)));
                }
                let call = Unary::new(self.shared(), &options, Method::POST, CHAT).await?;
                let mut request = request.clone();
                request.stream = None;
                request.stream_options = None;
                let completion: ChatResponse = call.with_body(&request)?.fetch().await?;
                match completion.error() {
                    Some(error) => Err(Error::new(ErrorKind::Failed).with_api(Some(error))),
                    None => Ok(completion),
                }
            })
        })
    }

    /// Sends a chat request and returns the chunks of the completion as they arrive.
    ///
    /// The chunks follow the API strictly, whatever the server sends: one choice, an id, an index
    /// and a name for each call, reasoning as `reasoning_content`, and a last chunk with the usage.
    /// As with [`stream`](Self::stream), the client resends a failed request only until a chunk has
    /// visible content.
    ///
    /// ```
    /// # use codex_client::Client;
    /// use codex_client::types::chat::{ChatMessage, ChatRequest};
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// # use codex_client::transport::testing::{Answer, LoopbackServer, Script};
    /// # let server = LoopbackServer::start(Script::new().answer(Answer::sse()
    /// #     .event(r#"{"id":"c1","choices":[{"index":0,"delta":{"content":"Paris"}}]}"#)
    /// #     .event(r#"{"id":"c1","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#)
    /// #     .event("[DONE]")))?;
    /// # let client = Client::builder().base_url(server.url("/v1")).build()?;
    /// let request = ChatRequest::new("some-model", [ChatMessage::user("The capital of France?")]);
    /// let mut stream = client.chat_stream(&request).await?;
    /// let mut text = String::new();
    /// while let Some(chunk) = stream.next().await {
    ///     for choice in &chunk?.choices {
    ///         text.push_str(choice.delta.content.as_deref().unwrap_or_default());
    ///     }
    /// }
    /// assert_eq!(text, "Paris");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns the errors of [`stream`](Self::stream), and [`Request`](crate::ErrorKind::Request)
    /// for more than one choice.
    pub fn chat_stream<'a>(&'a self, request: &'a ChatRequest) -> Call<'a, ChatStream> {
        Call::new(move |options| Box::pin(stream(self, request, options)))
    }
}

/// The chunks of one completion, as they arrive.
///
/// The stream ends after the last chunk. A completion that fails or is cut off ends in an error.
/// Dropping the stream cancels the request.
pub struct ChatStream {
    events: ResponseStream,
    chunks: ToChatChunks,
    ready: VecDeque<ChatStreamEvent>,
    findings: Vec<Finding>,
}

impl ChatStream {
    /// Returns the next chunk; `None` after the last one.
    ///
    /// # Cancel safety
    ///
    /// This method is cancel safe: if the future is dropped, no chunk is lost, and the next call
    /// continues from there.
    pub async fn next(&mut self) -> Option<Result<ChatChunk, Error>> {
        loop {
            match self.ready.pop_front() {
                Some(ChatStreamEvent::Chunk(chunk)) => return Some(Ok(*chunk)),
                Some(ChatStreamEvent::Error(error)) => {
                    let error = Error::new(ErrorKind::Failed).with_api(Some(*error));
                    return Some(Err(error
                        .with_meta(self.meta().clone())
                        .after_delivery(true)));
                }
                Some(_) => continue,
                None if self.chunks.is_over() => return None,
                None => {}
            }
            match self.events.next().await? {
                Ok(event) => self.ready.extend(self.chunks.feed(&event)),
                Err(error) => return Some(Err(error)),
            }
        }
    }

    /// Returns the status and headers of the response; after several attempts, those of the last
    /// one.
    #[must_use]
    pub fn meta(&self) -> &ResponseMeta {
        self.events.meta()
    }

    /// Returns the changes made in the translation for a server of the Responses API.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }
}

impl fmt::Debug for ChatStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChatStream")
            .field("meta", self.meta())
            .finish_non_exhaustive()
    }
}

async fn stream(
    client: &Client,
    request: &ChatRequest,
    options: CallOptions,
) -> Result<ChatStream, Error> {
    let shared = client.shared();
    let target = shared.target().await?;
    let include_usage = request
        .stream_options
        .as_ref()
        .is_none_or(|options| options.include_usage != Some(false));
    let answer = AnswerOptions::new()
        .include_usage(include_usage)
        .reasoning(codex_types::chat::translate::ReasoningShown::Text);
    let (events, findings) = if target.profile.wire == ProfileWire::Responses {
        let translated = translated(client, request).await?;
        let events = client.stream(&translated.request).options(options).await;
        let events = events.map_err(|error| as_sent(error, &translated))?;
        (events.hold(true), translated.findings)
    } else {
        let prepared = prepared(client, request, &options).await?;
        let observer = Observer::of_response(shared, &prepared.url()?, &options, &prepared);
        let sent = send(shared, &prepared, &options, &observer, false);
        match observer.within(sent).await {
            Ok(events) => {
                let events = ResponseStream::over(events, observer);
                (events.hold(true), Vec::new())
            }
            Err(error) => {
                observer.over(&error);
                return Err(error);
            }
        }
    };
    Ok(ChatStream {
        events,
        chunks: ToChatChunks::new(answer),
        ready: VecDeque::new(),
        findings,
    })
}

/// Prepares the request for a chat server: unchanged, but streamed.
async fn prepared(
    client: &Client,
    request: &ChatRequest,
    options: &CallOptions,
) -> Result<Prepared, Error> {
    if request.n.is_some_and(|choices| choices > 1) {
        return Err(Error::request(CHOICES));
    }
    let mut body = request.clone();
    body.stream = Some(true);
    let shared = client.shared();
    let profile = shared.target().await?.profile;
    if profile.chat.stream_usage == StreamUsage::OnRequest {
        body.stream_options
            .get_or_insert_with(|| ChatStreamOptions::new().include_usage(true));
    }
    let body = RawJson::encode(&body).map_err(unwritable)?;
    // Everything but the body is the same as in a request to the same model.
    let frame = CreateResponse::new(request.model.as_str());
    let mut own = options.clone();
    own.parameters.clear();
    let mut prepared = Prepared::new(shared, &frame, &own, Channel::Http, Streaming::Yes).await?;
    let wire = ChatWire::of_body(body, &prepared.target.profile);
    prepared.wire = Wire::Chat(Box::new(wire)).with_parameters(&options.parameters)?;
    Ok(prepared)
}

/// Translates the request for a server of the Responses API.
async fn translated(client: &Client, request: &ChatRequest) -> Result<TranslatedRequest, Error> {
    let profile = client.profile().await?;
    let mut request = request.clone();
    request.stream = None;
    request.stream_options = None;
    to_responses_request(&request, &RequestOptions::for_profile(&profile))
        .map_err(|error| Error::request(NO_COUNTERPART).with_source(error))
}

/// Names parameters as the chat request does, instead of as its translation does.
fn as_sent(error: Error, translated: &TranslatedRequest) -> Error {
    let sent = |parameter: &str| translated.sent_parameter(parameter).to_owned();
    error
        .map_param(sent)
        .map_source(|unfit: Unfit| translated.sent_locations(unfit))
}

const CHOICES: &str = "streamed chat completions have a single choice";
const NO_COUNTERPART: &str = "chat request uses a feature that the Responses API does not have";
