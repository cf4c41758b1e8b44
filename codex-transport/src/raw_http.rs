//! One HTTP/1.1 exchange that may take the connection over: a proxy's tunnel (CONNECT) and a WebSocket's upgrade.

use core::future::{Future, poll_fn};
use core::pin::{Pin, pin};
use core::task::Poll;

use bytes::Bytes;
use http::{Request, Response};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::{Body, ERROR_BODY_LIMIT, Error, Phase, Sent, decode_content, hyper_error, limits};

/// What became of the request.
pub(crate) enum Exchange<S> {
    /// The server agreed. The stream is ours again, with the bytes that came behind the head.
    #[cfg_attr(
        not(feature = "ws"),
        expect(dead_code, reason = "a tunnel's head says nothing more")
    )]
    Taken(Response<()>, S, Bytes),
    /// The server answered something else, with at most [`ERROR_BODY_LIMIT`] bytes of its body.
    Refused(Response<Bytes>),
}

/// Sends the request, and takes the stream over if the server agrees (2xx to CONNECT, 101 to an upgrade).
pub(crate) async fn take_over<S>(stream: S, request: Request<()>) -> Result<Exchange<S>, Error>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let failed = |error| hyper_error::at(error, Phase::Handshake, Sent::Maybe);
    let connect = request.method() == http::Method::CONNECT;
    let (mut sender, mut connection) = http1::Builder::new()
        .max_buf_size(limits::HTTP1_BUFFER)
        .max_headers(limits::HEADER_FIELDS)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(failed)?;
    let response = {
        let mut response = pin!(sender.send_request(request.map(|()| String::new())));
        poll_fn(|cx| {
            // The connection first: it is what makes the response come.
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
    let (head, body) = response.into_parts();
    let agreed = if connect {
        head.status.is_success()
    } else {
        head.status == http::StatusCode::SWITCHING_PROTOCOLS
    };
    if agreed {
        // Nothing more is to be read or sent here, so the connection lets go of the stream.
        drop(body);
        drop(sender);
        poll_fn(|cx| connection.poll_without_shutdown(cx))
            .await
            .map_err(failed)?;
        let parts = connection.into_parts();
        return Ok(Exchange::Taken(
            Response::from_parts(head, ()),
            parts.io.into_inner(),
            parts.read_buf,
        ));
    }
    let response = decode_content(Response::from_parts(head, Body::incoming(body)));
    let (head, body) = response.into_parts();
    let mut reading = pin!(body.collect_prefix(ERROR_BODY_LIMIT));
    let mut ended = false;
    let bytes = poll_fn(|cx| {
        // How the connection ends is the body's to say.
        ended = ended || Pin::new(&mut connection).poll(cx).is_ready();
        reading.as_mut().poll(cx)
    })
    .await;
    Ok(Exchange::Refused(Response::from_parts(head, bytes)))
}
