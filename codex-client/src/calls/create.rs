// Requests for a response, and the event streams they come back as.

use std::sync::Arc;

use codex_types::profile::Channel;
use codex_types::{CreateResponse, Response};

use crate::assembled::Assembled;
use crate::calls::call::Call;
use crate::calls::stream::ResponseStream;
use crate::client::Client;
use crate::error::Error;
use crate::events::HttpEvents;
use crate::exchange::Exchange;
use crate::observe::Observer;
use crate::options::CallOptions;
use crate::request::{Findings, Prepared};
use crate::shared::Shared;

impl Client {
    /// Sends a request and waits for the whole response.
    ///
    /// The response is streamed underneath and assembled here, so a connection that breaks late loses nothing: the error has what arrived.
    ///
    /// # Errors
    ///
    /// Those of [`stream`](Self::stream) and [`ResponseStream::finish`].
    pub fn create<'a>(&'a self, request: &'a CreateResponse) -> Call<'a, Response> {
        Call::new(move |options| {
            Box::pin(async move { stream(self, request, options).await?.finish().await })
        })
    }

    /// Sends a request and returns the events of the response as they arrive. Resolves when the headers of the response have arrived.
    ///
    /// The request is made to fit the backend first; [`ResponseStream::findings`] lists what was changed. It is sent again as the retry
    /// policy allows, and only until the first event was yielded.
    ///
    /// Dropping the future, or later the stream, cancels the request and closes its connection or HTTP/2 stream.
    ///
    /// # Errors
    ///
    /// [`Request`](crate::ErrorKind::Request) when the backend does not take the request, [`Credentials`](crate::ErrorKind::Credentials) when there are
    /// none to send, [`Transport`](crate::ErrorKind::Transport) and [`Timeout`](crate::ErrorKind::Timeout) when no response came,
    /// [`Status`](crate::ErrorKind::Status) when the response is not a success, and [`Protocol`](crate::ErrorKind::Protocol) when a success is not an
    /// event stream.
    ///
    /// ```
    /// # use codex_client::Client;
    /// use codex_client::types::CreateResponse;
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// # use codex_client::transport::testing::{Answer, LoopbackServer, Script};
    /// # let server = LoopbackServer::start(Script::new().answer(Answer::sse()
    /// #     .event(r#"{"type":"response.completed","response":{"id":"resp_1","status":"completed","output":[]}}"#)))?;
    /// # let client = Client::builder().base_url(server.url("/v1")).build()?;
    /// let request = CreateResponse::new("some-model").input("Why is the sky blue?");
    /// let mut stream = client.stream(&request).request_id("question-7").await?;
    /// assert!(stream.findings().is_empty()); // nothing had to be changed for this server
    /// while let Some(event) = stream.next().await {
    ///     println!("{}", event?.to_json()?);
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn stream<'a>(&'a self, request: &'a CreateResponse) -> Call<'a, ResponseStream> {
        Call::new(move |options| Box::pin(stream(self, request, options)))
    }
}

async fn stream(
    client: &Client,
    request: &CreateResponse,
    options: CallOptions,
) -> Result<ResponseStream, Error> {
    let shared = client.shared();
    let prepared = Prepared::new(shared, request, &options, Channel::Http).await?;
    let target = prepared.target.url("responses")?;
    let observer = Observer::of_response(shared, &target, &options, &prepared);
    match observer.within(post(shared, &prepared, &observer)).await {
        Ok(events) => Ok(assembled(events, prepared.findings, observer)),
        Err(error) => {
            observer.over(&error);
            Err(error)
        }
    }
}

/// Sends a request over HTTP and opens the event stream of its response.
pub(crate) async fn post(
    shared: &Arc<Shared>,
    prepared: &Prepared,
    observer: &Arc<Observer>,
) -> Result<HttpEvents, Error> {
    let exchange = Exchange::new(shared.clone(), observer.clone(), prepared.post()?);
    HttpEvents::open(exchange, prepared.timeouts).await
}

pub(crate) fn assembled(
    events: HttpEvents,
    findings: Findings,
    observer: Arc<Observer>,
) -> ResponseStream {
    let meta = events.meta().clone();
    ResponseStream::new(Assembled::new(events, meta, findings, observer))
}
