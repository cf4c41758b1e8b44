use core::fmt;
use core::pin::Pin;
use core::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body::{Body as HttpBody, Frame, SizeHint};

use crate::error::{Error, ErrorKind, Phase, Sent};
use crate::http::body::{Body, ERROR_BODY_LIMIT};
use crate::http::transport::HttpTransport;
use crate::testing::answer::{Answer, Cut};
use crate::testing::memory_socket::MemorySocket;
use crate::testing::play::{Play, WasCut};
use crate::testing::record::{RecordedMessage, RecordedRequest};
use crate::testing::script::Script;
use crate::testing::script::Stage;
use crate::ws::connection::WsConnection;
use crate::ws::transport::{Upgrade, WsTransport};

/// A transport that plays a [`Script`] in memory, without a socket or a thread.
///
/// Pauses follow tokio's clock, so they take no time if it is paused; a script without pauses needs
/// no runtime. Clones share the script and its log.
///
/// ```
/// use codex_transport::HttpTransport;
/// use codex_transport::testing::{Answer, Script, ScriptedTransport};
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let transport = ScriptedTransport::new(Script::new().answer(Answer::json(200, "{}")));
/// let request = http::Request::post("https://example.test/v1/responses")
///     .body("{}".into())
///     .unwrap();
/// assert_eq!(transport.send(request).await.unwrap().status(), 200);
/// assert_eq!(transport.requests().len(), 1);
/// # })
/// ```
#[derive(Clone)]
pub struct ScriptedTransport(Stage);

impl ScriptedTransport {
    /// Creates a transport that plays this script.
    pub fn new(script: Script) -> Self {
        Self(Stage::new(script))
    }

    /// Returns all requests so far.
    pub fn requests(&self) -> Vec<RecordedRequest> {
        self.0.requests()
    }

    /// Returns all WebSocket messages so far.
    pub fn messages(&self) -> Vec<RecordedMessage> {
        self.0.messages()
    }

    /// Returns the number of answers that were cancelled before their last step.
    pub fn cancelled(&self) -> usize {
        self.0.cancelled()
    }
}

impl HttpTransport for ScriptedTransport {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Body>, Error> {
        let (head, body) = request.into_parts();
        let answer = self.0.take(RecordedRequest {
            method: head.method,
            uri: head.uri,
            version: head.version,
            headers: head.headers,
            body,
            connection: 0,
            at: Instant::now(),
        });
        if let Err(cut) = Play::before_head(&answer.before_head, None, self.0.clone()).await {
            return Err(
                Error::new(ErrorKind::ConnectionLost, Phase::Headers, Sent::Maybe).with_source(cut),
            );
        }
        if answer.status == StatusCode::SWITCHING_PROTOCOLS {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = answer.status;
            *response.headers_mut() = answer.headers.clone();
            response.extensions_mut().insert(Agreed(answer));
            return Ok(response);
        }
        let mut body = Body::wrap(InMemory(Play::new(&answer, None, self.0.clone())));
        if let Some(id) = crate::request_id(&answer.headers) {
            body = body.with_request_id(id);
        }
        let mut response = Response::new(body);
        *response.status_mut() = answer.status;
        *response.headers_mut() = answer.headers;
        Ok(response)
    }
}

impl WsTransport for ScriptedTransport {
    async fn connect(&self, request: Request<()>) -> Result<Upgrade, Error> {
        let response = self.send(request.map(|()| Bytes::new())).await;
        let (head, body) = match response {
            Ok(response) => response.into_parts(),
            Err(error) => return Err(error.seen_from(Phase::Handshake, Sent::No)),
        };
        match head.extensions.get::<Agreed>() {
            Some(Agreed(answer)) => {
                let socket = MemorySocket::new(answer, self.0.clone());
                Ok(Upgrade::Accepted(
                    WsConnection::new(socket),
                    Response::from_parts(head, ()),
                ))
            }
            None => Ok(Upgrade::Refused(Response::from_parts(
                head,
                body.collect_prefix(ERROR_BODY_LIMIT).await,
            ))),
        }
    }
}

/// The answer that accepted an upgrade, passed from one trait to the other.
#[derive(Clone)]
struct Agreed(Answer);

impl fmt::Debug for ScriptedTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScriptedTransport").finish_non_exhaustive()
    }
}

/// A body that reports the same errors that a cut would cause over a network.
struct InMemory(Play);

impl HttpBody for InMemory {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        Pin::new(&mut self.0).poll_frame(cx).map_err(|WasCut(cut)| {
            let kind = match cut {
                Cut::Reset => ErrorKind::ConnectionLost,
                Cut::Stream => ErrorKind::StreamReset,
                Cut::Close | Cut::Stall => ErrorKind::Truncated,
            };
            Error::new(kind, Phase::Body, Sent::Yes).with_source(WasCut(cut))
        })
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.size_hint()
    }
}
