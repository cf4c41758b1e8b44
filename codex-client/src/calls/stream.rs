//! The handle that most callers use: one response over HTTP.

use core::fmt;
use core::pin::Pin;
use core::task::{Context, Poll};
use std::sync::Arc;

use codex_sse::Update;
use codex_types::lint::Finding;
use codex_types::{Boxed, Discard, Response, ResponseEvent};
use futures_core::Stream;

use crate::assembled::{Assembled, Step};
use crate::calls::call::CallFuture;
use crate::calls::resume::ResumableEvents;
use crate::error::Error;
use crate::meta::ResponseMeta;
use crate::observe::Observer;

/// The events of one response, as they arrive.
///
/// `response.failed`, `response.incomplete` and `error` are events here and become an `Err` only in
/// [`finish`](Self::finish). The stream ends after a terminal event; a connection that ends before
/// one is an error, [`Truncated`](crate::ErrorKind::Truncated). An event that cannot be decoded is
/// an item of kind [`Payload`](crate::ErrorKind::Payload), and the stream continues.
///
/// Until the stream has yielded an event of the response, the client resends the request after a
/// failure as its retry policy allows; later it never does. [`next`](Self::next) yields
/// `response.created` at once, which ends the attempts. [`next_update`](Self::next_update) and
/// [`finish`](Self::finish) hold that event back until one with visible content arrives, so that
/// the client can retry a server that accepts a request and then reports an overload.
///
/// The stream assembles the response while it yields events: [`snapshot`](Self::snapshot) returns
/// the response so far. [`next_update`](Self::next_update) yields display updates instead of
/// events, and [`ResponseEvent::to_json`] returns an event as the server sent it, including fields
/// that have no name here.
///
/// Dropping the stream cancels the request.
pub struct ResponseStream {
    response: Boxed<Assembled<ResumableEvents>>,
}

/// Keeps the code that drops a stream out of the callers' programs.
impl Discard for Assembled<ResumableEvents> {
    #[inline(never)]
    fn discard(self: Box<Self>) {}
}

impl ResponseStream {
    pub(crate) fn over(events: ResumableEvents, observer: Arc<Observer>) -> Self {
        let http = events.http();
        let (meta, findings) = (http.meta().clone(), http.findings().clone());
        Self {
            response: Assembled::new(events, meta, findings, observer).into(),
        }
    }

    /// Sets whether [`next`](Self::next) holds back events without visible content.
    pub(crate) fn hold(mut self, holds: bool) -> Self {
        self.response.hold(holds);
        self
    }

    /// Waits for the first event with visible content, and returns the failure that it reports.
    /// Every event stays to be yielded.
    pub(crate) async fn peek(&mut self) -> Option<Error> {
        let (events, assembly) = self.response.source_mut();
        assembly.observer().clone().within(events.peek()).await
    }

    pub(crate) fn add_findings(&mut self, findings: Vec<Finding>) {
        self.response.add_findings(findings);
    }

    /// Returns the response and its source, for another handle to wrap.
    pub(crate) fn into_assembled(self) -> Box<Assembled<ResumableEvents>> {
        self.response.into_box()
    }

    /// Returns the next event; `None` after the last one.
    ///
    /// Yields the same items as the [`Stream`] implementation, without an extension trait.
    ///
    /// # Cancel safety
    ///
    /// This method is cancel safe: if the future is dropped, no event is lost, and the next call
    /// continues from there.
    pub async fn next(&mut self) -> Option<Result<ResponseEvent, Error>> {
        let item = self.response.next().await?;
        Some(item.map(Step::into_response))
    }

    /// Returns the next display update instead of raw events; `None` after the last one.
    ///
    /// Text updates carry the full text so far. A tool call is yielded only when it is complete and
    /// its arguments are JSON. Calls of [`next`](Self::next) and of this method may alternate; see
    /// [`update`](Self::update).
    ///
    /// # Errors
    ///
    /// Returns the errors of [`next`](Self::next), and [`Protocol`](crate::ErrorKind::Protocol)
    /// when the server sends a full text that contradicts its deltas. That error is not
    /// [fatal](Error::is_fatal): the stream continues, and [`snapshot`](Self::snapshot) has the
    /// latest text from the server. [`next`](Self::next) and [`finish`](Self::finish) do not report
    /// it.
    ///
    /// # Cancel safety
    ///
    /// This method is cancel safe: if the future is dropped, no update is lost, and the next call
    /// continues from there.
    ///
    /// # Examples
    ///
    /// ```
    /// # use codex_client::Client;
    /// use codex_client::sse::Update;
    /// use codex_client::types::CreateResponse;
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// # use codex_client::transport::testing::{Answer, LoopbackServer, Script};
    /// # let server = LoopbackServer::start(Script::new().answer(Answer::sse()
    /// #     .event(r#"{"type":"response.output_text.delta","item_id":"msg_1","output_index":0,"content_index":0,"delta":"Because "}"#)
    /// #     .event(r#"{"type":"response.output_text.delta","item_id":"msg_1","output_index":0,"content_index":0,"delta":"of the sun."}"#)
    /// #     .event(r#"{"type":"response.completed","response":{"id":"resp_1","status":"completed","output":[]}}"#)))?;
    /// # let client = Client::builder().base_url(server.url("/v1")).build()?;
    /// let mut stream = client
    ///     .stream(&CreateResponse::new("some-model").input("Why is the sky blue?"))
    ///     .await?;
    /// let mut shown = String::new();
    /// while let Some(update) = stream.next_update().await {
    ///     match update? {
    ///         Update::Text { delta, snapshot, .. } => {
    ///             shown.push_str(delta);
    ///             assert_eq!(shown, snapshot);
    ///         }
    ///         Update::ToolCall { item, .. } => println!("asks for {item:?}"),
    ///         _ => {}
    ///     }
    /// }
    /// assert_eq!(shown, "Because of the sun.");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn next_update(&mut self) -> Option<Result<Update<'_>, Error>> {
        let item = self.response.next_update().await?;
        Some(item.map(Step::into_response))
    }

    /// Returns the next update of the last event that was yielded, or `None` if all were returned.
    /// This is for callers that need both events and updates.
    ///
    /// The next event drops unread updates.
    pub fn update(&mut self) -> Option<Update<'_>> {
        self.response.update()
    }

    /// Returns the status and headers of the response; after several attempts, those of the last
    /// one.
    #[must_use]
    pub fn meta(&self) -> &ResponseMeta {
        self.response.meta()
    }

    /// Returns the diagnostics of the request: changes made to fit it to the backend, and problems
    /// reported without a change.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        self.response.findings()
    }

    /// Returns the response so far.
    #[must_use]
    pub fn snapshot(&self) -> &Response {
        self.response.snapshot()
    }

    /// Reads the stream to its end and returns the whole response, assembled from the events.
    ///
    /// # Errors
    ///
    /// Returns [`Failed`](crate::ErrorKind::Failed) or [`Incomplete`](crate::ErrorKind::Incomplete)
    /// when the response ended that way, or the error that ended the stream early. Each error
    /// carries the data received so far in [`Error::partial`]. Events that could not be decoded are
    /// not an error if the response completed anyway.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future cancels the request, and the part of the response received so far is
    /// lost.
    pub async fn finish(self) -> Result<Response, Error> {
        finish(self.response).await
    }
}

/// Finishes a response. A future of a named type would bring the code that drops it into the
/// caller's program.
fn finish(response: Boxed<Assembled<ResumableEvents>>) -> CallFuture<'static, Response> {
    Box::pin(response.into_box().finish(|_| {}))
}

impl Stream for ResponseStream {
    type Item = Result<ResponseEvent, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let item = self.response.poll_next(cx);
        item.map(|item| item.map(|item| item.map(Step::into_response)))
    }
}

impl fmt::Debug for ResponseStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseStream")
            .field("meta", &self.meta())
            .field("over", &self.response.source().http().has_ended())
            .finish_non_exhaustive()
    }
}
