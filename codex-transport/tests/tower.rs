//! Both directions of the tower bridge, and the conversion of foreign errors.
#![cfg(all(feature = "testing", feature = "tower"))]

use core::future::{Ready, ready};
use core::task::{Context, Poll};

use bytes::Bytes;
use codex_transport::testing::{Answer, LoopbackServer, Script};
use codex_transport::{
    Error, ErrorKind, HttpTransport, HyperTransport, Phase, Sent, SharedTransport, Side,
    TowerTransport,
};
use http::{Request, Response};
use tower_service::Service;

use crate::support;

#[derive(Clone)]
struct Fails {
    ready: bool,
    wrapped: bool,
}

#[derive(Debug)]
struct Wrapped(Error);

impl core::fmt::Display for Wrapped {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("a layer's opinion")
    }
}

impl core::error::Error for Wrapped {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        Some(&self.0)
    }
}

impl Service<Request<Bytes>> for Fails {
    type Response = Response<String>;
    type Error = Box<dyn core::error::Error + Send + Sync>;
    type Future = Ready<Result<Response<String>, Self::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(if self.ready {
            Ok(())
        } else {
            Err("not today".into())
        })
    }

    fn call(&mut self, _: Request<Bytes>) -> Self::Future {
        let error = Error::new(ErrorKind::Dns, Phase::Connect, Sent::No);
        ready(Err(if self.wrapped {
            Wrapped(error).into()
        } else {
            error.into()
        }))
    }
}

fn request(url: &str) -> Request<Bytes> {
    Request::get(url).body(Bytes::new()).unwrap()
}

#[tokio::test]
async fn errors_keep_their_meaning() {
    let error = TowerTransport::new(Fails {
        ready: false,
        wrapped: false,
    })
    .send(request("http://a.test/"))
    .await
    .unwrap_err();
    assert_eq!(
        (error.kind(), error.side(), error.sent()),
        (ErrorKind::Other, Side::Network, Sent::No)
    );
    for wrapped in [false, true] {
        let error = TowerTransport::new(Fails {
            ready: true,
            wrapped,
        })
        .send(request("http://a.test/"))
        .await
        .unwrap_err();
        support::failed(&error, ErrorKind::Dns, Phase::Connect, Sent::No);
    }
}

#[tokio::test]
async fn a_transport_is_a_service_and_back() {
    let server =
        LoopbackServer::start(Script::new().answer(Answer::ok().body("hello").times(3))).unwrap();
    let hyper = HyperTransport::new().unwrap();
    let response = hyper.clone().call(request(&server.url("/"))).await.unwrap();
    assert_eq!(response.into_body().collect(10).await.unwrap(), "hello");
    for transport in [
        SharedTransport::new(TowerTransport::new(hyper.clone())),
        SharedTransport::new(TowerTransport::new(SharedTransport::new(
            TowerTransport::new(hyper),
        ))),
    ] {
        let response = transport.send(request(&server.url("/"))).await.unwrap();
        assert_eq!(response.into_body().collect(10).await.unwrap(), "hello");
    }
}

#[tokio::test]
async fn a_service_may_take_another_body() {
    use http_body_util::{BodyExt, Full};
    use hyper_util::client::legacy::Client;
    use hyper_util::rt::TokioExecutor;

    let answer = Answer::ok().body("one").body("two");
    let server = LoopbackServer::start(Script::new().answer(answer)).unwrap();
    let client = Client::builder(TokioExecutor::new()).build_http();
    let transport = TowerTransport::<_, Full<Bytes>>::with_body(client);
    let request = Request::post(server.url("/"))
        .body(Bytes::from_static(b"{}"))
        .unwrap();
    let response = transport.clone().send(request).await.unwrap();
    assert_eq!(server.requests()[0].body, "{}");
    // The other direction: the body is one of `http-body`, for whatever takes those.
    let body = response.into_body();
    let all = BodyExt::collect(body).await.unwrap().to_bytes();
    assert_eq!(all, "onetwo");
    let error = transport.send(unreachable_request()).await.unwrap_err();
    support::failed(&error, ErrorKind::Other, Phase::Headers, Sent::Maybe);
}

fn unreachable_request() -> Request<Bytes> {
    request("http://127.0.0.1:1/")
}

/// A body that fails at once.
struct Failing(Option<Box<dyn core::error::Error + Send + Sync>>);

impl http_body::Body for Failing {
    type Data = Bytes;
    type Error = Box<dyn core::error::Error + Send + Sync>;

    fn poll_frame(
        mut self: core::pin::Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, Self::Error>>> {
        Poll::Ready(self.0.take().map(Err))
    }
}

#[tokio::test]
async fn errors_of_a_wrapped_body_keep_their_meaning() {
    let ours = Error::new(ErrorKind::Dns, Phase::Connect, Sent::No);
    for (error, expected) in [
        (
            Wrapped(ours).into(),
            (ErrorKind::Dns, Phase::Connect, Sent::No),
        ),
        ("broken".into(), (ErrorKind::Other, Phase::Body, Sent::Yes)),
    ] {
        let body = codex_transport::Body::wrap(Failing(Some(error)));
        let error = body.collect(10).await.unwrap_err();
        assert_eq!((error.kind(), error.phase(), error.sent()), expected);
    }
}
