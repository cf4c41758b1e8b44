//! The text, side and properties of every error, and the size of the public types.

use core::error::Error as _;
use core::time::Duration;

use bytes::Bytes;
use codex_transport::{
    Body, Error, ErrorKind, HttpTransport as _, HyperTransport, IdleTimeouts, Phase, Sent,
    SharedTransport, SharedWsTransport, Side, TimeoutKind, WsConnection, WsTransport as _,
};
use http::{Request, StatusCode};

#[test]
fn every_kind_has_its_text_side_and_advice() {
    use ErrorKind as K;
    use Phase as P;
    for (kind, phase, text, side, retryable) in [
        (
            K::InvalidRequest,
            P::Prepare,
            "invalid request",
            Side::Local,
            false,
        ),
        (
            K::Configuration,
            P::Prepare,
            "invalid transport configuration",
            Side::Local,
            false,
        ),
        (
            K::Dns,
            P::Connect,
            "host name could not be resolved while connecting",
            Side::Network,
            true,
        ),
        (
            K::Connect,
            P::Connect,
            "could not reach the server while connecting",
            Side::Network,
            true,
        ),
        (
            K::Tls,
            P::Handshake,
            "TLS error during the handshake",
            Side::Remote,
            true,
        ),
        (
            K::Certificate,
            P::Handshake,
            "server certificate was rejected during the handshake",
            Side::Remote,
            false,
        ),
        (
            K::Proxy,
            P::Handshake,
            "proxy tunnel failed during the handshake",
            Side::Remote,
            true,
        ),
        (
            K::ConnectionLost,
            P::Send,
            "connection was lost while sending the request",
            Side::Network,
            true,
        ),
        (
            K::ConnectionLost,
            P::Headers,
            "connection was lost while waiting for the response",
            Side::Network,
            true,
        ),
        (
            K::StreamReset,
            P::Body,
            "stream was reset by the server while reading the body",
            Side::Remote,
            true,
        ),
        (
            K::Truncated,
            P::Body,
            "response ended before it was complete while reading the body",
            Side::Network,
            true,
        ),
        (
            K::Protocol,
            P::Body,
            "server violated the protocol while reading the body",
            Side::Remote,
            false,
        ),
        (
            K::TooLarge,
            P::Body,
            "response exceeds a size limit while reading the body",
            Side::Remote,
            false,
        ),
        (
            K::ContentCoding,
            P::Body,
            "unknown or corrupt content coding while reading the body",
            Side::Remote,
            false,
        ),
        (
            K::Closed,
            P::Body,
            "WebSocket was closed by the server while reading the body",
            Side::Remote,
            true,
        ),
        (
            K::Cancelled,
            P::Headers,
            "request was cancelled while waiting for the response",
            Side::Local,
            false,
        ),
        (
            K::Other,
            P::Close,
            "transport failed while closing",
            Side::Network,
            false,
        ),
        (
            K::Timeout(TimeoutKind::Connect),
            P::Connect,
            "connect timeout expired while connecting",
            Side::Network,
            true,
        ),
        (
            K::Timeout(TimeoutKind::Headers),
            P::Headers,
            "headers timeout expired while waiting for the response",
            Side::Network,
            true,
        ),
        (
            K::Timeout(TimeoutKind::FirstEvent),
            P::Body,
            "first event timeout expired while reading the body",
            Side::Network,
            true,
        ),
        (
            K::Timeout(TimeoutKind::ByteIdle),
            P::Body,
            "byte idle timeout expired while reading the body",
            Side::Network,
            true,
        ),
        (
            K::Timeout(TimeoutKind::EventIdle),
            P::Body,
            "event idle timeout expired while reading the body",
            Side::Network,
            true,
        ),
        (
            K::Timeout(TimeoutKind::Total),
            P::Body,
            "total timeout expired while reading the body",
            Side::Network,
            true,
        ),
        (
            K::Timeout(TimeoutKind::Pong),
            P::Body,
            "pong timeout expired while reading the body",
            Side::Network,
            true,
        ),
    ] {
        let error = Error::new(kind, phase, Sent::Maybe);
        assert_eq!(error.to_string(), text);
        assert_eq!(error.side(), side, "{kind:?}");
        assert_eq!(error.is_retryable(), retryable, "{kind:?}");
        assert_eq!(error.is_timeout(), matches!(kind, K::Timeout(_)));
        assert!(error.source().is_none());
    }
}

#[test]
fn details_are_kept_and_shown_without_payload() {
    let error = Error::new(ErrorKind::Closed, Phase::Body, Sent::Yes)
        .with_status(StatusCode::SWITCHING_PROTOCOLS)
        .with_close_code(1011)
        .with_request_id("req_1")
        .with_bytes_received(2048)
        .with_events_received(7)
        .with_source("the cause");
    assert_eq!(
        error.to_string(),
        "WebSocket was closed by the server with code 1011 while reading the body, after 2048 bytes and 7 events"
    );
    assert_eq!(error.source().unwrap().to_string(), "the cause");
    assert_eq!(
        (error.status(), error.close_code()),
        (Some(StatusCode::SWITCHING_PROTOCOLS), Some(1011))
    );
    assert_eq!(
        (
            error.request_id(),
            error.bytes_received(),
            error.events_received()
        ),
        (Some("req_1"), 2048, 7)
    );
    let error = Error::new(
        ErrorKind::Timeout(TimeoutKind::Total),
        Phase::Body,
        Sent::Yes,
    )
    .with_timeout(Duration::from_millis(1500));
    assert_eq!(
        error.to_string(),
        "total timeout expired (1.5s) while reading the body"
    );
    assert_eq!(error.timeout(), Some(Duration::from_millis(1500)));
    let error = Error::new(ErrorKind::Proxy, Phase::Handshake, Sent::No)
        .with_status(StatusCode::BAD_GATEWAY);
    assert_eq!(
        error.to_string(),
        "proxy tunnel failed with status 502 during the handshake"
    );
    assert!(error.is_retryable() && error.is_safe_to_resend());
    assert!(
        !Error::new(ErrorKind::Proxy, Phase::Handshake, Sent::No)
            .with_status(StatusCode::FORBIDDEN)
            .is_retryable()
    );
}

#[test]
fn sizes_and_auto_traits_stay() {
    assert_eq!(size_of::<Error>(), size_of::<usize>());
    assert_eq!(size_of::<Result<(), Error>>(), size_of::<usize>());
    assert_eq!(size_of::<ErrorKind>(), 1);
    // Each stream holds one of these, so its size should not grow unnoticed.
    assert!(size_of::<Body>() <= 288, "{}", size_of::<Body>());
    let transport = HyperTransport::new().unwrap();
    let request = Request::new(Bytes::new());
    assert_eq!(
        size_of_val(&transport.send(request)),
        2 * size_of::<usize>()
    );
    let request = Request::new(());
    assert_eq!(
        size_of_val(&transport.connect(request)),
        2 * size_of::<usize>()
    );
    fn shared<T: Send + Sync + 'static>() {}
    fn sent<T: Send + Unpin + 'static>() {}
    shared::<Error>();
    shared::<SharedTransport>();
    shared::<SharedWsTransport>();
    sent::<Body>();
    sent::<IdleTimeouts>();
    sent::<WsConnection>();
}
