//! Compressed bodies: streamed, bounded, and damage has a name.
#![cfg(all(feature = "testing", feature = "gzip", feature = "zstd"))]
#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use std::io::Write as _;

use bytes::Bytes;
use codex_transport::testing::{Answer, ChunkShape, Cut, Gate, LoopbackServer, Script};
use codex_transport::{Body, Error, ErrorKind, HttpTransport, HyperTransport, compress_zstd};
use http::Request;

fn gzip(data: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

fn zstd(data: &[u8]) -> Vec<u8> {
    zstd::bulk::compress(data, 3).unwrap()
}

async fn body(answer: Answer) -> (Body, http::HeaderMap, LoopbackServer) {
    let server = LoopbackServer::start(Script::new().answer(answer)).unwrap();
    let transport = HyperTransport::builder().decompress(true).build().unwrap();
    let request = Request::post(server.url("/"))
        .body(Bytes::from_static(b"{}"))
        .unwrap();
    let (head, body) = transport.send(request).await.unwrap().into_parts();
    (body, head.headers, server)
}

async fn drain(mut body: Body) -> (Vec<u8>, usize, Option<Error>) {
    let (mut all, mut longest) = (Vec::new(), 0);
    while let Some(chunk) = body.chunk().await {
        match chunk {
            Ok(chunk) => {
                longest = longest.max(chunk.len());
                all.extend_from_slice(&chunk);
            }
            Err(error) => return (all, longest, Some(error)),
        }
    }
    (all, longest, None)
}

#[tokio::test]
async fn a_coded_body_is_the_same_body() {
    let text =
        "data: {\"type\":\"response.output_text.delta\",\"delta\":\"word\"}\n\n".repeat(2000);
    for (coding, bytes) in [
        ("gzip", gzip(text.as_bytes())),
        ("zstd", zstd(text.as_bytes())),
        ("identity", text.clone().into_bytes()),
    ] {
        for shape in [
            ChunkShape::Whole,
            ChunkShape::Bytes(7),
            ChunkShape::Random { seed: 1, max: 300 },
        ] {
            let answer = Answer::sse()
                .header("content-encoding", coding)
                .body(bytes.clone())
                .shape(shape);
            let (body, headers, server) = body(answer).await;
            assert_eq!(
                headers.contains_key("content-encoding"),
                coding == "identity"
            );
            let (all, _, error) = drain(body).await;
            assert!(error.is_none(), "{coding} {shape:?} {error:?}");
            assert_eq!(all, text.as_bytes());
            assert_eq!(
                server.requests()[0].header("accept-encoding"),
                Some("zstd, gzip")
            );
        }
    }
}

#[tokio::test]
async fn what_has_arrived_is_handed_out() {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(b"data: first\n\n").unwrap();
    encoder.flush().unwrap();
    let first = core::mem::take(encoder.get_mut());
    encoder.write_all(b"data: second\n\n").unwrap();
    let second = encoder.finish().unwrap();
    let gate = Gate::new();
    let answer = Answer::sse()
        .header("content-encoding", "gzip")
        .body(first)
        .gate(&gate)
        .body(second);
    let (mut body, _, _server) = body(answer).await;
    let mut seen = Vec::new();
    while seen != b"data: first\n\n" {
        seen.extend_from_slice(&body.chunk().await.unwrap().unwrap());
    }
    gate.open();
    assert_eq!(drain(body).await.0, b"data: second\n\n");
}

#[tokio::test]
async fn a_bomb_comes_in_small_pieces() {
    let zeros = vec![0; 8 << 20];
    for (coding, bytes) in [("gzip", gzip(&zeros)), ("zstd", zstd(&zeros))] {
        assert!(bytes.len() < 20_000);
        let answer = Answer::ok().header("content-encoding", coding).body(bytes);
        let (body, _, _server) = body(answer).await;
        let (all, longest, error) = drain(body).await;
        assert!(error.is_none());
        assert_eq!(all.len(), zeros.len());
        assert!(longest <= 600_000, "{coding} {longest}");
    }
}

#[tokio::test]
async fn damage_and_truncation_have_names() {
    let text = "hello ".repeat(1000);
    for (coding, bytes) in [
        ("gzip", gzip(text.as_bytes())),
        ("zstd", zstd(text.as_bytes())),
    ] {
        let cut = bytes[..bytes.len() - 3].to_vec();
        let (body1, _, _server1) = body(
            Answer::ok()
                .header("content-encoding", coding)
                .body(cut.clone()),
        )
        .await;
        let (_, _, error) = drain(body1).await;
        assert_eq!(error.unwrap().kind(), ErrorKind::Truncated, "{coding}");
        let (body2, _, _server2) = body(
            Answer::ok()
                .header("content-encoding", coding)
                .body(cut)
                .cut(Cut::Reset),
        )
        .await;
        assert_eq!(
            drain(body2).await.2.unwrap().kind(),
            ErrorKind::ConnectionLost,
            "the network's own word goes first"
        );
        let (body3, _, _server3) = body(
            Answer::ok()
                .header("content-encoding", coding)
                .body("no such coding in here at all"),
        )
        .await;
        assert_eq!(
            drain(body3).await.2.unwrap().kind(),
            ErrorKind::ContentCoding
        );
    }
    let (body4, _, _server4) = body(Answer::ok().header("content-encoding", "br").body("?")).await;
    assert_eq!(
        drain(body4).await.2.unwrap().kind(),
        ErrorKind::ContentCoding
    );
}

#[tokio::test]
async fn requests_are_compressed_once() {
    let request = Request::post("http://example.test/")
        .body(Bytes::from("{\"input\":[]}".repeat(1000)))
        .unwrap();
    let compressed = compress_zstd(request.clone()).unwrap();
    assert_eq!(
        zstd::bulk::decompress(compressed.body(), 1 << 20).unwrap(),
        request.body().as_ref()
    );
    assert_eq!(
        compress_zstd(compressed).unwrap_err().kind(),
        ErrorKind::InvalidRequest
    );
}
