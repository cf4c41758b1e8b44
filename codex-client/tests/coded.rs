//! Responses with a content coding: decoded, or rejected after one attempt.
#![cfg(feature = "gzip")]

use std::error::Error as _;

use codex_client::{Client, ErrorKind};
use codex_transport::testing::{Answer, LoopbackServer, Script};

use crate::kit::{self, question};

/// A gzip member that stores the data uncompressed (RFC 1951 section 3.2.4), as an encoder at level
/// 0 writes it.
fn gzip(data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len()).expect("one block");
    let mut crc = u32::MAX;
    for byte in data {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg());
        }
    }
    let mut member = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255, 1];
    member.extend(length.to_le_bytes());
    member.extend((!length).to_le_bytes());
    member.extend_from_slice(data);
    member.extend((!crc).to_le_bytes());
    member.extend(u32::from(length).to_le_bytes());
    member
}

fn start(answer: Answer) -> (LoopbackServer, Client) {
    let script = Script::new().answer(answer.forever());
    kit::start(script, |client| client.auth(kit::key()).retry(kit::fast()))
}

fn stream() -> String {
    let event = kit::says("resp_1", "because");
    format!("event: response.completed\ndata: {event}\n\n")
}

#[tokio::test]
async fn a_coded_stream_is_the_same_stream() {
    let answer = Answer::sse()
        .header("content-encoding", "gzip")
        .body(gzip(stream().as_bytes()));
    let (server, client) = start(answer);
    let response = client.create(&question()).await.expect("a response");
    assert_eq!(response.output_text(), "because");
    let requests = server.requests();
    assert_eq!(requests.len(), 1);
    let offered = requests[0].header("accept-encoding").expect("an offer");
    assert!(offered.contains("gzip"), "{offered}");
}

#[tokio::test]
async fn a_coding_that_cannot_be_decoded_is_refused_by_name_after_one_attempt() {
    let answer = Answer::sse()
        .header("content-encoding", "compress")
        .body("not text");
    let (server, client) = start(answer);
    let error = client.create(&question()).await.expect_err("no response");
    assert_eq!(error.kind(), ErrorKind::Transport);
    assert!(!error.is_retryable());
    let mut causes = Vec::new();
    let mut cause = error.source();
    while let Some(next) = cause {
        causes.push(next.to_string());
        cause = next.source();
    }
    assert!(
        causes
            .iter()
            .any(|cause| cause == "unsupported content coding `compress`"),
        "{causes:?}"
    );
    assert_eq!(server.requests().len(), 1, "each attempt is billed");
}

#[tokio::test]
async fn a_coded_error_says_what_it_says() {
    let body = r#"{"error":{"message":"no such model","code":"model_not_found"}}"#;
    let answer = Answer::status(404)
        .header("content-type", "application/json")
        .header("content-encoding", "gzip")
        .body(gzip(body.as_bytes()));
    let (_server, client) = start(answer);
    let error = client.create(&question()).await.expect_err("no response");
    let api = error.api().expect("the server's own words");
    assert_eq!(api.message, "no such model");
}
