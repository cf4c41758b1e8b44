//! Calls that request a response, whole or as an event stream.

use std::sync::Arc;

use codex_types::lint::Finding;
use codex_types::profile::Channel;
use codex_types::{CreateResponse, Response, Streaming};

use crate::calls::call::Call;
use crate::calls::resume::{ResumableEvents, Resumption};
use crate::calls::stream::ResponseStream;
use crate::client::Client;
use crate::error::{Error, ErrorKind};
use crate::events::HttpEvents;
use crate::exchange::Exchange;
use crate::meta::ResponseMeta;
use crate::observe::Observer;
use crate::options::CallOptions;
use crate::request::Prepared;
use crate::shared::Shared;
use crate::wire::is_missing;

impl Client {
    /// Sends a request and waits for the whole response.
    ///
    /// The client streams the response and assembles it, so a connection that breaks late loses
    /// nothing: the error carries the part that arrived. [`Call::streaming`] requests a single
    /// document instead, for servers that do not stream, and for a background response that is
    /// returned while it is still `queued`.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`stream`](Self::stream) and [`ResponseStream::finish`], and
    /// [`Request`](crate::ErrorKind::Request) when [`Call::streaming`] turns streaming off for a
    /// backend that always streams.
    pub fn create<'a>(&'a self, request: &'a CreateResponse) -> Call<'a, Response> {
        Call::new(move |options| {
            Box::pin(async move { Ok(create(self, request, options).await?.response) })
        })
    }

    /// Sends a request, waits for the whole response, and returns it with its headers and the
    /// changes made to fit the request to the backend.
    ///
    /// ```
    /// # use codex_client::Client;
    /// use codex_client::types::CreateResponse;
    /// use codex_client::types::profile::Profile;
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// # use codex_client::transport::testing::{Answer, LoopbackServer, Script};
    /// # let server = LoopbackServer::start(Script::new().answer(Answer::sse()
    /// #     .event(r#"{"type":"response.completed","response":{"id":"resp_1","status":"completed","output":[]}}"#)))?;
    /// # let client = Client::builder().base_url(server.url("/v1")).profile(Profile::chatgpt()).build()?;
    /// let request = CreateResponse::new("some-model").input("Why is the sky blue?").user("user-7");
    /// let created = client.create_with_meta(&request).await?;
    /// assert_eq!(created.response.id, "resp_1");
    /// assert!(created.findings.iter().any(|finding| finding.pointer == "/user"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns the errors of [`create`](Self::create).
    pub fn create_with_meta<'a>(&'a self, request: &'a CreateResponse) -> Call<'a, Created> {
        Call::new(move |options| Box::pin(create(self, request, options)))
    }

    /// Sends a request and returns the events of the response as they arrive.
    ///
    /// Resolves when the headers of the response have arrived.
    ///
    /// The client first fits the request to the backend; [`ResponseStream::findings`] lists the
    /// changes. It resends the request as the retry policy allows, but only until the stream has
    /// yielded an event of the response; see [`CallOptions::hold_events`] to extend that period.
    ///
    /// Dropping the future, or later the stream, cancels the request and closes its connection or
    /// HTTP/2 stream.
    ///
    /// # Errors
    ///
    /// Returns [`Request`](crate::ErrorKind::Request) when the backend does not accept the request,
    /// [`Credentials`](crate::ErrorKind::Credentials) when there are none to send,
    /// [`Transport`](crate::ErrorKind::Transport) and [`Timeout`](crate::ErrorKind::Timeout) when
    /// no response arrived, [`Status`](crate::ErrorKind::Status) when the response is not a
    /// success, and [`Protocol`](crate::ErrorKind::Protocol) when a successful response is not an
    /// event stream.
    ///
    /// # Examples
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
        Call::new(move |options| Box::pin(stream(self, request, options, Streaming::Yes)))
    }
}

/// A response with its headers and the diagnostics of its request.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Created {
    /// The response.
    pub response: Response,
    /// The headers of the response; after several attempts, those of the last one.
    pub meta: ResponseMeta,
    /// The diagnostics of the request: changes made to fit it to the backend, and problems reported
    /// without a change.
    pub findings: Vec<Finding>,
}

async fn create(
    client: &Client,
    request: &CreateResponse,
    options: CallOptions,
) -> Result<Created, Error> {
    let streaming = options.streaming.unwrap_or(Streaming::Yes);
    let stream = stream(client, request, options, streaming).await?;
    let findings = stream.findings().to_vec();
    let meta = stream.meta().clone();
    let finished = stream.into_assembled().finish_with_meta(|_| {}).await;
    let (response, meta) = match finished {
        // The caller asked for a document, whatever the status of the response.
        Err(error) if error.kind() == ErrorKind::Pending && streaming == Streaming::No => {
            let meta = error.meta().cloned().unwrap_or(meta);
            (error.into_partial().unwrap_or_default(), meta)
        }
        finished => finished?,
    };
    Ok(Created {
        response,
        meta,
        findings,
    })
}

async fn stream(
    client: &Client,
    request: &CreateResponse,
    options: CallOptions,
    streaming: Streaming,
) -> Result<ResponseStream, Error> {
    let shared = client.shared();
    let prepared = Prepared::new(shared, request, &options, Channel::Http, streaming).await?;
    let prepared = Box::new(prepared);
    let observer = Observer::of_response(shared, &prepared.url()?, &options, &prepared);
    // Boxed, because `within` moves the future, and a moved future takes its space twice.
    let opened = Box::pin(post(shared, prepared, request, &options, &observer));
    match observer.within(opened).await {
        Ok((events, observer)) => Ok(ResponseStream::over(events, observer).hold(options.holds)),
        Err(error) => {
            observer.over(&error);
            Err(error)
        }
    }
}

/// Sends a request over HTTP and opens the event stream of its response. If the server turns out
/// not to have the Responses API, sends the request as a chat request.
pub(crate) async fn post(
    shared: &Arc<Shared>,
    prepared: Box<Prepared>,
    request: &CreateResponse,
    options: &CallOptions,
    observer: &Arc<Observer>,
) -> Result<(ResumableEvents, Arc<Observer>), Error> {
    let probes = shared.discovers(&prepared.target);
    match send(shared, &prepared, options, observer, probes).await {
        Err(error) if probes && is_missing(&error) => {}
        sent => return Ok((sent?, observer.clone())),
    }
    shared.found.set_chat();
    let streaming = prepared.streaming;
    // Boxed, so that the future of a request to any other server stays small.
    Box::pin(async {
        let prepared = Prepared::new(shared, request, options, Channel::Http, streaming).await?;
        let observer = observer.at(&prepared.url()?);
        let events = send(shared, &prepared, options, &observer, false).await?;
        Ok((events, observer))
    })
    .await
}

/// Sends a request written for one API.
pub(crate) async fn send(
    shared: &Arc<Shared>,
    prepared: &Prepared,
    options: &CallOptions,
    observer: &Arc<Observer>,
    probes: bool,
) -> Result<ResumableEvents, Error> {
    let resumption = Resumption::of(shared, prepared, observer, options)?;
    let exchange = Exchange::new(shared.clone(), observer.clone(), prepared.post()?)
        .never_twice(prepared.must_not_repeat())
        .probing(probes);
    let events =
        HttpEvents::open(Box::new(exchange), prepared.timeouts, prepared.wire.clone()).await?;
    let events = events
        .in_background(prepared.request.background == Some(true))
        .with_findings(prepared.findings.clone());
    Ok(ResumableEvents::new(events, resumption))
}
