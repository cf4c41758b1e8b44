//! The relay over TCP: events pass one by one, and an end on either side is an end on the other.
#![cfg(test)]

use std::time::{Duration, Instant};

use bytes::Bytes;
use codex_client::Client;
use codex_client::transport::testing::{Answer, Cut, Gate, LoopbackServer, Script};
use codex_client::transport::{Body, HttpTransport as _, HyperTransport, RetryPolicy};
use codex_integrations_example::relay;
use http::{Request, Response};

const FIRST: &str = r#"{"type":"response.output_text.delta","item_id":"msg_1","output_index":0,"content_index":0,"delta":"Hel"}"#;
const SECOND: &str = r#"{"type":"response.output_text.delta","item_id":"msg_1","output_index":0,"content_index":0,"delta":"lo"}"#;
const LAST: &str =
    r#"{"type":"response.completed","response":{"id":"resp_1","status":"completed","output":[]}}"#;

async fn serve(service: &LoopbackServer) -> String {
    let client = Client::builder()
        .base_url(service.url("/v1"))
        .retry(RetryPolicy::none())
        .build()
        .unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        axum::serve(listener, relay::router(client, "some-model"))
            .await
            .unwrap();
    });
    url
}

async fn get(url: String) -> Response<Body> {
    let request = Request::get(url).body(Bytes::new()).unwrap();
    HyperTransport::new().unwrap().send(request).await.unwrap()
}

fn service(answer: Answer) -> LoopbackServer {
    LoopbackServer::start(Script::new().answer(answer)).unwrap()
}

#[tokio::test]
async fn each_event_reaches_the_browser_before_the_service_sends_the_next() {
    let gates = [Gate::new(), Gate::new()];
    let service = service(
        Answer::sse()
            .event(FIRST)
            .gate(&gates[0])
            .event(SECOND)
            .gate(&gates[1])
            .event(LAST),
    );
    let response = get(serve(&service).await + "/ask?question=What%20now%3F").await;
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut body = response.into_body();
    for (index, event) in [FIRST, SECOND, LAST].into_iter().enumerate() {
        let chunk = body.chunk().await.unwrap().unwrap();
        assert_eq!(chunk, format!("data: {event}\n\n"));
        if let Some(gate) = gates.get(index) {
            gate.open();
        }
    }
    assert!(body.chunk().await.is_none());
    let sent = &service.requests()[0].body;
    assert!(sent.windows(9).any(|text| text == b"What now?"));
}

#[tokio::test]
async fn a_browser_that_leaves_ends_the_request_upstream() {
    let service = service(Answer::sse().event(FIRST).stall());
    let mut body = get(serve(&service).await + "/ask?question=Hi")
        .await
        .into_body();
    body.chunk().await.unwrap().unwrap();
    assert_eq!(service.cancelled(), 0);
    drop(body);
    let start = Instant::now();
    while service.cancelled() == 0 {
        assert!(start.elapsed() < Duration::from_secs(5));
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn failures_are_reported_before_and_within_the_stream() {
    let refusing = service(Answer::json(
        401,
        r#"{"error":{"message":"no key","code":"invalid_api_key"}}"#,
    ));
    let response = get(serve(&refusing).await + "/ask?question=Hi").await;
    assert_eq!(response.status(), 502);
    let text = response.into_body().collect(1000).await.unwrap();
    assert!(
        text.starts_with(b"server responded with status 401"),
        "{text:?}"
    );

    let cut = service(Answer::sse().event(FIRST).cut(Cut::Close));
    let body = get(serve(&cut).await + "/ask?question=Hi")
        .await
        .into_body();
    let text = body.collect(1000).await.unwrap();
    let text = core::str::from_utf8(&text).unwrap();
    let (event, failure) = text.split_once("\n\n").unwrap();
    assert_eq!(event, format!("data: {FIRST}"));
    assert!(failure.starts_with("event: failure\ndata: "), "{failure}");
}

#[tokio::test]
async fn the_page_is_served() {
    let body = get(serve(&service(Answer::ok())).await + "/")
        .await
        .into_body();
    let page = body.collect(10_000).await.unwrap();
    assert!(page.starts_with(b"<!doctype html>"));
}
