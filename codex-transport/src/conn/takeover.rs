//! One HTTP/1.1 exchange that may take over the connection: a proxy's tunnel (CONNECT), or a
//! WebSocket upgrade.

use core::future::{Future as _, poll_fn};
use core::pin::pin;
use core::task::Poll;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;

use crate::conn::stream::Stream;
use crate::conn::{hyper_error, limits};
use crate::error::{Error, Phase, Sent};

/// The outcome of the request.
#[cfg_attr(
    not(feature = "ws"),
    expect(dead_code, reason = "a tunnel needs no more than the status")
)]
pub(crate) enum Takeover {
    /// The server agreed. Contains the stream and the bytes that arrived after the response
    /// headers.
    Accepted(Response<()>, Stream, Bytes),
    /// The server sent another response, whose body needs the connection.
    Refused(Response<Incoming>, RefusedConnection),
}

/// A connection that must be polled while the body of a refusal is read.
#[cfg_attr(
    not(feature = "ws"),
    expect(dead_code, reason = "a tunnel does not read the body of a refusal")
)]
pub(crate) struct RefusedConnection(Box<Option<http1::Connection<TokioIo<Stream>, String>>>);

impl RefusedConnection {
    /// Polls `reading` and the connection until the former is ready. The body reports how the
    /// connection ended.
    #[cfg(feature = "ws")]
    pub(crate) async fn run_while<T>(mut self, reading: impl Future<Output = T>) -> T {
        let mut reading = pin!(reading);
        poll_fn(|cx| {
            self.0
                .take_if(|connection| core::pin::Pin::new(connection).poll(cx).is_ready());
            reading.as_mut().poll(cx)
        })
        .await
    }
}

/// Sends the request, and takes over the stream if the server agrees (2xx to CONNECT, 101 to an
/// upgrade).
pub(crate) async fn take_over(stream: Stream, request: Request<()>) -> Result<Takeover, Error> {
    let failed = |error| hyper_error::at(error, Phase::Handshake, Sent::Maybe);
    let is_connect = request.method() == Method::CONNECT;
    let (mut sender, mut connection) = limits::http1_builder()
        .handshake(TokioIo::new(stream))
        .await
        .map_err(failed)?;
    let response = {
        let mut response = pin!(sender.send_request(request.map(|()| String::new())));
        poll_fn(|cx| {
            // The connection is polled first, since it makes the response arrive.
            let ended = connection.poll_without_shutdown(cx);
            match (response.as_mut().poll(cx), ended) {
                (Poll::Ready(result), _) => Poll::Ready(result.map_err(failed)),
                (Poll::Pending, Poll::Ready(Err(error))) => Poll::Ready(Err(failed(error))),
                (Poll::Pending, _) => Poll::Pending,
            }
        })
        .await?
    };
    limits::check(response.headers())?;
    let agreed = if is_connect {
        response.status().is_success()
    } else {
        response.status() == StatusCode::SWITCHING_PROTOCOLS
    };
    if !agreed {
        return Ok(Takeover::Refused(
            response,
            RefusedConnection(Box::new(Some(connection))),
        ));
    }
    // Without a sender and a body, the connection ends and returns the stream.
    let response = response.map(drop);
    drop(sender);
    poll_fn(|cx| connection.poll_without_shutdown(cx))
        .await
        .map_err(failed)?;
    let parts = connection.into_parts();
    let stream = parts.io.into_inner();
    Ok(Takeover::Accepted(response, stream, parts.read_buf))
}
