//! `FetchTransport` and `WebTimer`.

use std::time::Duration;

use bytes::Bytes;
use codex_transport::{
    Error, ErrorKind, FetchTransport, HttpTransport as _, Phase, Sent, TimeoutKind, Timeouts,
    Timer as _, WebTimer,
};
use futures_util::future::{Either, select};
use http::Request;

use crate::{Checked, same};

fn get(url: String) -> Request<Bytes> {
    Request::get(url).body(Bytes::new()).unwrap()
}

/// Returns the kind of the error, where there must be one.
fn failed<T>(result: Result<T, Error>) -> Result<Error, String> {
    match result {
        Ok(_) => Err("no error".to_owned()),
        Err(error) => Ok(error),
    }
}

pub(crate) async fn exchange(server: &str) -> Checked {
    let request = Request::post(format!("{server}/exchange?a=1"))
        .header("authorization", "Bearer invented")
        .header("x-twice", "one")
        .header("x-twice", "two")
        .body(Bytes::from_static(b"question"));
    let response = FetchTransport::new().send(request.unwrap()).await;
    let response = response.map_err(|error| error.to_string())?;
    same("status", response.status().as_u16(), 418)?;
    same(
        "header",
        &response.headers()["x-request-id"],
        &"req_1".parse().unwrap(),
    )?;
    let mut body = response.into_body();
    // The server waits between the two: each arrives by itself.
    let first = body
        .chunk()
        .await
        .unwrap()
        .map_err(|error| error.to_string())?;
    same("first chunk", &*first, b"one ")?;
    let rest = body.collect(100).await.map_err(|error| error.to_string())?;
    same("the rest", &*rest, b"two")
}

/// The browser has decoded the body, so the transport must not do so again.
pub(crate) async fn coding(server: &str) -> Checked {
    let response = FetchTransport::new()
        .send(get(format!("{server}/coding")))
        .await;
    let response = response.map_err(|error| error.to_string())?;
    same("coding", response.headers().get("content-encoding"), None)?;
    same("length", response.headers().get("content-length"), None)?;
    let body = codex_transport::decode_content(response).into_body();
    let body = body
        .collect(1000)
        .await
        .map_err(|error| error.to_string())?;
    same("body", &*body, b"compressed")
}

/// Dropping a body, and dropping the future before the headers, both end the request.
pub(crate) async fn abort(server: &str) -> Checked {
    let response = FetchTransport::new()
        .send(get(format!("{server}/endless")))
        .await;
    let mut body = response.map_err(|error| error.to_string())?.into_body();
    body.chunk()
        .await
        .unwrap()
        .map_err(|error| error.to_string())?;
    drop(body);
    let transport = FetchTransport::new();
    let silence = Box::pin(transport.send(get(format!("{server}/silence"))));
    let pause = Box::pin(WebTimer.sleep(Duration::from_millis(200)));
    match select(silence, pause).await {
        Either::Left(_) => Err("a response from a silent server".to_owned()),
        Either::Right(_) => Ok(()),
    }
}

pub(crate) async fn timeouts(server: &str) -> Checked {
    let period = Duration::from_millis(100);
    let mut timeouts = Timeouts::none();
    timeouts.headers = Some(period);
    let transport = FetchTransport::new().timeouts(timeouts);
    let error = failed(transport.send(get(format!("{server}/silence"))).await)?;
    same(
        "kind",
        error.kind(),
        ErrorKind::Timeout(TimeoutKind::Headers),
    )?;
    same(
        "phase",
        (error.phase(), error.sent()),
        (Phase::Headers, Sent::Maybe),
    )?;
    same("period", error.timeout(), Some(period))?;

    // The timeouts of a request replace those of the transport.
    let mut timeouts = Timeouts::none();
    timeouts.byte_idle = Some(period);
    let mut request = get(format!("{server}/endless"));
    request.extensions_mut().insert(timeouts);
    let response = transport.send(request).await;
    let body = response.map_err(|error| error.to_string())?.into_body();
    let error = failed(body.collect(100).await)?;
    same(
        "kind",
        error.kind(),
        ErrorKind::Timeout(TimeoutKind::ByteIdle),
    )?;
    same("bytes", error.bytes_received(), 4)?;
    same("id", error.request_id(), Some("req_1"))
}

pub(crate) async fn failures(server: &str) -> Checked {
    let transport = FetchTransport::new();
    let error = failed(transport.send(get(format!("{server}/redirect"))).await)?;
    same(
        "redirect",
        (error.kind(), error.sent()),
        (ErrorKind::Protocol, Sent::Yes),
    )?;

    // Nothing listens on the port for discarding.
    let error = failed(transport.send(get("http://127.0.0.1:9/".to_owned())).await)?;
    same(
        "refused",
        (error.kind(), error.sent()),
        (ErrorKind::ConnectionLost, Sent::Maybe),
    )?;
    if std::error::Error::source(&error).is_none() {
        return Err("no source".to_owned());
    }

    // Rejected by the browser before anything is sent, and reported without the URL.
    let mut request = get(format!("{server}/coding?invented-canary"));
    *request.body_mut() = Bytes::from_static(b"a body");
    let error = failed(transport.send(request).await)?;
    same(
        "a body of GET",
        (error.kind(), error.sent()),
        (ErrorKind::InvalidRequest, Sent::No),
    )?;
    let error = failed(
        transport
            .send(get("http://user:canary@127.0.0.1/".to_owned()))
            .await,
    )?;
    same("credentials", error.kind(), ErrorKind::InvalidRequest)?;
    same("not quoted", format!("{error:?}").contains("canary"), false)?;

    let response = transport.send(get(format!("{server}/cut"))).await;
    let body = response.map_err(|error| error.to_string())?.into_body();
    let error = failed(body.collect(100).await)?;
    same(
        "cut",
        (error.kind(), error.phase()),
        (ErrorKind::ConnectionLost, Phase::Body),
    )
}

pub(crate) async fn timer() -> Checked {
    let started = WebTimer.now();
    for milliseconds in [0, 1, 30] {
        let period = Duration::from_millis(milliseconds);
        let before = WebTimer.now();
        WebTimer.sleep(period).await;
        if before.elapsed() < period {
            return Err(format!("{period:?} ended after {:?}", before.elapsed()));
        }
    }
    if started.elapsed() > Duration::from_secs(10) {
        return Err("sleeps are too long".to_owned());
    }
    // Longer than a host can wait in one step; it must not end at once.
    let longest = Box::pin(WebTimer.sleep(Duration::MAX));
    let short = Box::pin(WebTimer.sleep(Duration::from_millis(50)));
    match select(longest, short).await {
        Either::Left(_) => Err("the longest sleep ended".to_owned()),
        Either::Right(_) => Ok(()),
    }
}
