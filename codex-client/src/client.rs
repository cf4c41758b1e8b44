// The client is a handle on settings: no state of a conversation lives here, so that one value serves a whole program.

use core::fmt;
use std::sync::Arc;

use bytes::Bytes;
use codex_auth::{BoxCredentialSource, CredentialSource as _, Verdict};
use codex_sse::Limits;
use codex_transport::{Body, BoxTimer, BoxTransport, HttpTransport as _, RetryPolicy, Timeouts};
use codex_types::profile::{Channel, Compression, FitPolicy, Identity, Profile};
use codex_types::{CreateResponse, Response};
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri};

use crate::ClientBuilder;
use crate::attempt::Attempts;
use crate::calls::ModelCache;
use crate::error::{Error, ErrorKind};
use crate::failure;
use crate::observe::{Attempt, KnownLimits, LastFailure, Observer};
use crate::options::CallOptions;
use crate::stream::ResponseStream;
use crate::target::{Aim, Target};
use crate::turn::Turn;

/// Sends requests to one Responses API.
///
/// Cloning is cheap and shares everything, connections included. Made by [`Client::builder`].
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) aim: Aim,
    pub(crate) credentials: BoxCredentialSource,
    pub(crate) transport: BoxTransport,
    #[cfg(feature = "ws")]
    pub(crate) websocket: Option<codex_transport::BoxWsTransport>,
    #[cfg(feature = "ws")]
    pub(crate) avoided: crate::socket::AvoidedHosts,
    pub(crate) timer: BoxTimer,
    pub(crate) timeouts: Timeouts,
    pub(crate) limits: Limits,
    pub(crate) retry: RetryPolicy,
    pub(crate) fit: FitPolicy,
    pub(crate) identity: Identity,
    pub(crate) headers: HeaderMap,
    pub(crate) models: ModelCache,
    pub(crate) limits_known: KnownLimits,
    pub(crate) last_failure: LastFailure,
}

impl Client {
    /// Starts a client for whichever backend its credentials are for.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::new()
    }

    pub(crate) fn from_inner(inner: Inner) -> Self {
        Self {
            inner: Arc::new(inner),
        }
    }

    /// Asks for a response and waits for all of it.
    ///
    /// The response is streamed underneath and assembled here, so a connection that dies late loses nothing: the error has what came.
    ///
    /// # Errors
    ///
    /// As for [`stream`](Self::stream) and [`ResponseStream::finish`].
    pub async fn create(&self, request: &CreateResponse) -> Result<Response, Error> {
        self.stream(request).await?.finish().await
    }

    /// As [`create`](Self::create), with options of this call.
    ///
    /// # Errors
    ///
    /// As for [`create`](Self::create).
    pub async fn create_with(
        &self,
        request: &CreateResponse,
        options: &CallOptions,
    ) -> Result<Response, Error> {
        self.stream_with(request, options).await?.finish().await
    }

    /// Asks for a response and hands out its events as they arrive. Resolves when the head of the answer is there.
    ///
    /// The request is made to fit the backend first; what was changed is in [`ResponseStream::findings`]. It is sent again as the retry
    /// policy says, and only while no event has been handed out.
    ///
    /// Dropping the future, or later the stream, cancels the request and frees the connection.
    ///
    /// # Errors
    ///
    /// [`Request`](ErrorKind::Request) when the backend does not take the request, [`Credentials`](ErrorKind::Credentials) when there are
    /// none to send, [`Transport`](ErrorKind::Transport) and [`Timeout`](ErrorKind::Timeout) when no answer came,
    /// [`Status`](ErrorKind::Status) when the answer is not a success, and [`Protocol`](ErrorKind::Protocol) when a success is not an event
    /// stream.
    pub async fn stream(&self, request: &CreateResponse) -> Result<ResponseStream, Error> {
        self.stream_with(request, &CallOptions::new()).await
    }

    /// As [`stream`](Self::stream), with options of this call.
    ///
    /// ```
    /// # use codex_client::Client;
    /// use codex_client::CallOptions;
    /// use codex_client::types::CreateResponse;
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// # use codex_client::transport::testing::{Answer, LoopbackServer, Script};
    /// # let server = LoopbackServer::start(Script::new().answer(Answer::sse()
    /// #     .event(r#"{"type":"response.completed","response":{"id":"resp_1","status":"completed","output":[]}}"#)))?;
    /// # let client = Client::builder().base_url(server.url("/v1")).build()?;
    /// let request = CreateResponse::new("some-model").input("Why is the sky blue?");
    /// let options = CallOptions::new().header("x-client-request-id", "question-7");
    /// let stream = client.stream_with(&request, &options).await?;
    /// assert!(stream.findings().is_empty()); // nothing had to be changed for this server
    /// # assert_eq!(server.requests()[0].header("x-client-request-id"), Some("question-7"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As for [`stream`](Self::stream).
    pub async fn stream_with(
        &self,
        request: &CreateResponse,
        options: &CallOptions,
    ) -> Result<ResponseStream, Error> {
        let turn = self.turn(request, options, Channel::Http).await?;
        let request = self.post(&turn)?;
        let observer = Observer::of_turn(self, request.uri(), options, &turn);
        let attempts = Attempts::new(observer.clone(), request);
        match observer.within(attempts.open()).await {
            Ok(opened) => Ok(ResponseStream::new(
                opened,
                turn.findings,
                turn.timeouts,
                Some(observer),
            )),
            Err(error) => {
                observer.over(&error);
                Err(error)
            }
        }
    }

    /// The same as a part of an operation that somebody else watches.
    #[cfg(feature = "ws")]
    pub(crate) async fn stream_within(
        &self,
        request: &CreateResponse,
        options: &CallOptions,
        observer: &Observer,
    ) -> Result<ResponseStream, Error> {
        let turn = self.turn(request, options, Channel::Http).await?;
        let request = self.post(&turn)?;
        let attempts = Attempts::new(observer.at(request.uri()), request);
        let opened = attempts.open().await?;
        Ok(ResponseStream::new(
            opened,
            turn.findings,
            turn.timeouts,
            None,
        ))
    }

    /// Sends any request with this client's credentials, and repeats it after a 401 as long as the credential source has better ones.
    ///
    /// The way to endpoints that have no method here. The status is not judged, and no other header is added.
    ///
    /// # Errors
    ///
    /// [`Credentials`](ErrorKind::Credentials), [`Transport`](ErrorKind::Transport) and [`Timeout`](ErrorKind::Timeout).
    pub async fn execute(&self, request: Request<Bytes>) -> Result<http::Response<Body>, Error> {
        self.send(request, 0).await
    }

    /// As [`execute`](Self::execute), of a request that was sent so often before.
    pub(crate) async fn send(
        &self,
        request: Request<Bytes>,
        mut resends: u32,
    ) -> Result<http::Response<Body>, Error> {
        let (mut head, body) = request.into_parts();
        // A source may never grant more than this many second chances; the official ladder has two steps.
        let mut chances = 2;
        loop {
            let lease = self
                .inner
                .credentials
                .apply(&mut head)
                .await
                .map_err(|error| Error::new(ErrorKind::Credentials).with_source(error))?;
            let request = Request::from_parts(head.clone(), body.clone());
            let attempt = Attempt::over_http(&head.method, &head.uri, resends);
            let answer = match attempt.within(self.inner.transport.send(request)).await {
                Ok(answer) => answer,
                Err(error) => {
                    let error = failure::transport(error);
                    attempt.failed(&error);
                    return Err(error);
                }
            };
            attempt.answered(answer.status());
            self.inner
                .credentials
                .observe(lease, &head.uri, answer.status(), answer.headers());
            if answer.status() != StatusCode::UNAUTHORIZED || chances == 0 {
                return Ok(answer);
            }
            chances -= 1;
            resends = resends.saturating_add(1);
            match self.inner.credentials.rejected(lease).await {
                Ok(Verdict::Retry) => {}
                // Why no better credential could be had tells more than the 401 does.
                Err(error) => return Err(Error::new(ErrorKind::Credentials).with_source(error)),
                Ok(_) => return Ok(answer),
            }
        }
    }

    /// How the backend is spoken to: as the builder was told, or as the credentials turn out to want it.
    ///
    /// For whoever makes requests from something else, such as a Chat Completions request, and has to know what the backend takes.
    ///
    /// ```
    /// # use codex_client::Client;
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// let client = Client::builder().base_url("http://127.0.0.1:11434/v1").build()?;
    /// assert_eq!(client.profile().await?.name, "compatible"); // nothing is asked of the server
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Credentials`](ErrorKind::Credentials) when the credentials decide and there are none.
    pub async fn profile(&self) -> Result<Profile, Error> {
        Ok((*self.target().await?.profile).clone())
    }

    pub(crate) fn inner(&self) -> &Inner {
        &self.inner
    }

    /// The backend this client speaks to.
    pub(crate) async fn target(&self) -> Result<Target, Error> {
        self.inner.aim.target(&self.inner.credentials).await
    }

    /// A turn as a request over HTTP.
    pub(crate) fn post(&self, turn: &Turn) -> Result<Request<Bytes>, Error> {
        let mut request = Request::new(turn.body()?);
        *request.method_mut() = Method::POST;
        *request.uri_mut() = failure::join(&turn.target.base, "responses")?;
        *request.headers_mut() = turn.headers(Channel::Http)?;
        let headers = request.headers_mut();
        headers.insert(ACCEPT, HeaderValue::from_static("text/event-stream"));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        request.extensions_mut().insert(turn.timeouts);
        compressed(request, turn.target.profile.compression)
    }
}

/// Once for all attempts. A body that the user has coded by a header of his own stays as it is.
#[cfg(feature = "zstd")]
fn compressed(
    request: Request<Bytes>,
    compression: Option<Compression>,
) -> Result<Request<Bytes>, Error> {
    match compression {
        Some(Compression::Zstd { level })
            if !request
                .headers()
                .contains_key(http::header::CONTENT_ENCODING) =>
        {
            codex_transport::compress_zstd_at(request, level).map_err(failure::transport)
        }
        _ => Ok(request),
    }
}

/// Backends that want compressed bodies take others as well.
#[cfg(not(feature = "zstd"))]
fn compressed(request: Request<Bytes>, _: Option<Compression>) -> Result<Request<Bytes>, Error> {
    Ok(request)
}

impl fmt::Debug for Client {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let target = self.inner.aim.known();
        formatter
            .debug_struct("Client")
            .field("profile", &target.map(|target| &target.profile.name))
            .field("host", &target.and_then(|target| Uri::host(&target.base)))
            .field("timeouts", &self.inner.timeouts)
            .finish_non_exhaustive()
    }
}
