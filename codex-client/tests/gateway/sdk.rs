//! The requests of the official Python SDK (3.54.0), byte for byte except for the addresses, and
//! the parts of responses on which it relies.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use codex_transport::testing::{Answer, Script, Turn};
use serde_json::{Value, json};

use crate::process::*;

const HEADERS: &str = "Accept-Encoding: gzip, deflate\r\nConnection: keep-alive\r\n\
accept: application/json\r\ncontent-type: application/json\r\nuser-agent: OpenAI/Python 3.54.0\r\n\
x-stainless-lang: python\r\nx-stainless-package-version: 3.54.0\r\nx-stainless-os: Linux\r\n\
x-stainless-arch: x64\r\nx-stainless-runtime: CPython\r\nx-stainless-runtime-version: 3.11.7\r\n\
x-stainless-async: false\r\nx-stainless-retry-count: 0\r\nx-stainless-read-timeout: 600\r\n";

/// A connection as the SDK's HTTP client keeps it: several requests, one after another.
struct Sdk {
    stream: TcpStream,
    address: String,
}

impl Sdk {
    fn connect(gateway: &Gateway) -> Self {
        let address = gateway.address().to_owned();
        let stream = TcpStream::connect(&address).expect("a connection");
        let limit = Some(Duration::from_secs(20));
        stream.set_read_timeout(limit).expect("a timeout");
        Self { stream, address }
    }

    /// Returns the headers and the body of the response.
    fn post(&mut self, path: &str, body: &str) -> (String, String) {
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: {}\r\n{HEADERS}authorization: Bearer {TOKEN}\r\nContent-Length: {}\r\n\r\n",
            self.address,
            body.len()
        );
        // The SDK sends headers and body in two writes.
        self.stream.write_all(head.as_bytes()).expect("a head");
        self.stream.write_all(body.as_bytes()).expect("a body");
        let mut seen = Vec::new();
        while !seen.ends_with(b"\r\n\r\n") {
            seen.push(self.byte());
        }
        let head = String::from_utf8(seen).expect("UTF-8").to_ascii_lowercase();
        let body = if head.contains("transfer-encoding: chunked") {
            self.chunks()
        } else {
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "));
            self.bytes(length.expect("a length").parse().expect("a number"))
        };
        (head, String::from_utf8(body).expect("UTF-8"))
    }

    fn chunks(&mut self) -> Vec<u8> {
        let mut body = Vec::new();
        loop {
            let mut size = String::new();
            while !size.ends_with("\r\n") {
                size.push(char::from(self.byte()));
            }
            let size = usize::from_str_radix(size.trim(), 16).expect("a size");
            body.extend(self.bytes(size));
            assert_eq!(self.bytes(2), b"\r\n");
            if size == 0 {
                return body;
            }
        }
    }

    fn byte(&mut self) -> u8 {
        self.bytes(1)[0]
    }

    fn bytes(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        self.stream.read_exact(&mut bytes).expect("bytes");
        bytes
    }
}

#[test]
fn the_calls_of_the_sdk_are_answered_on_one_connection() {
    let call = || {
        let turn = Turn::new("resp_2").function_call("current_weather", r#"{"city":"Tromsø"}"#);
        Answer::sse().events(turn.events())
    };
    let server = service(
        Script::new()
            .answer(answer().times(4))
            .answer(call().times(2)),
    );
    let gateway = Gateway::before(&server, &[]);
    let mut sdk = Sdk::connect(&gateway);

    let (head, body) = sdk.post(
        "/v1/responses",
        r#"{"model":"gpt-5.5","stream":true,"input":"Why?"}"#,
    );
    assert!(head.starts_with("http/1.1 200 ok\r\n"), "{head}");
    assert!(
        head.contains("content-type: text/event-stream"),
        "the SDK goes by it: {head}"
    );
    assert_eq!(data(&body).len(), 4);
    assert!(body.ends_with("\n\n"));

    let (head, body) = sdk.post("/v1/responses", r#"{"input":"Why?","model":"gpt-5.5"}"#);
    assert!(
        head.contains("content-type: application/json") && head.contains("x-request-id: req_1")
    );
    let response: Value = serde_json::from_str(&body).expect("JSON");
    assert_eq!(response["object"], "response");
    assert!(response["output"].is_array());

    let (_, body) = sdk.post(
        "/v1/chat/completions",
        r#"{"model":"gpt-5.5","stream":true,"messages":[{"role":"user","content":"Why?"}],"stream_options":{"include_usage":true}}"#,
    );
    let data = data(&body);
    assert_eq!(data.last(), Some(&"[DONE]"));
    let usage: Value = serde_json::from_str(data[data.len() - 2]).expect("JSON");
    assert_eq!(usage["usage"]["total_tokens"], 7);

    let (_, body) = sdk.post(
        "/v1/chat/completions",
        r#"{"messages":[{"role":"user","content":"Why?"}],"model":"gpt-5.5"}"#,
    );
    let completion: Value = serde_json::from_str(&body).expect("JSON");
    for key in ["id", "object", "created", "model", "choices", "usage"] {
        assert!(!completion[key].is_null(), "{key}: {completion}");
    }

    let (_, body) = sdk.post(
        "/v1/responses",
        r#"{"input":"What is the weather in Tromsø?","model":"gpt-5.5","tools":[{"type":"function","name":"current_weather","description":"weather","strict":true,"parameters":{"type":"object","properties":{"city":{"type":"string"}},"required":["city"],"additionalProperties":false}}]}"#,
    );
    let response: Value = serde_json::from_str(&body).expect("JSON");
    assert_eq!(response["output"][0]["type"], "function_call");
    assert_eq!(response["output"][0]["arguments"], r#"{"city":"Tromsø"}"#);

    let (_, body) = sdk.post(
        "/v1/chat/completions",
        r#"{"messages":[{"role":"user","content":"What is the weather in Tromsø?"}],"model":"gpt-5.5","tools":[{"type":"function","function":{"name":"current_weather","description":"weather","parameters":{"type":"object","properties":{"city":{"type":"string"}},"required":["city"],"additionalProperties":false},"strict":true}}]}"#,
    );
    let completion: Value = serde_json::from_str(&body).expect("JSON");
    let call = &completion["choices"][0]["message"]["tool_calls"][0];
    assert_eq!(completion["choices"][0]["finish_reason"], "tool_calls");
    assert!(call["id"].is_string());
    assert_eq!(call["function"]["name"], "current_weather");

    // None of the SDK's headers about itself reaches the service.
    for request in server.requests() {
        assert_eq!(request.header("x-stainless-lang"), None);
        assert_eq!(request.header("authorization"), Some("Bearer sk-invented"));
    }
}

#[test]
fn the_sdks_handshake_opens_a_socket() {
    let server = service(Script::new().answer(answer()));
    let gateway = Gateway::before(&server, &[]);
    let mut sdk = Sdk::connect(&gateway);
    write!(
        sdk.stream,
        "GET /v1/responses HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: VpBBpjycJY8EB2Uuio5Wlw==\r\nSec-WebSocket-Version: 13\r\nAuthorization: Bearer {TOKEN}\r\n\
         Accept: application/json\r\nContent-Type: application/json\r\nUser-Agent: OpenAI/Python 3.54.0\r\n\r\n",
        sdk.address
    )
    .expect("a handshake");
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(sdk.byte());
    }
    let head = String::from_utf8(head).expect("UTF-8").to_ascii_lowercase();
    assert!(head.starts_with("http/1.1 101 "), "{head}");
    assert!(
        head.contains("sec-websocket-accept: tcbwmrv6cwczlux88e2qqu23iwq=\r\n"),
        "{head}"
    );

    let message =
        json!({"type": "response.create", "model": "gpt-5.5", "input": "Why?"}).to_string();
    // RFC 6455 section 5.2: a final text frame; masked with zeros it is the text itself.
    let length = u8::try_from(message.len()).expect("a short message");
    assert!(length < 126);
    let mut frame = vec![0x81, 0x80 | length, 0, 0, 0, 0];
    frame.extend(message.as_bytes());
    sdk.stream.write_all(&frame).expect("a frame");
    let kinds: Vec<Value> = (0..4)
        .map(|_| {
            let head = sdk.bytes(2);
            assert_eq!(head[0], 0x81);
            let length = match head[1] {
                126 => usize::from(u16::from_be_bytes([sdk.byte(), sdk.byte()])),
                length => usize::from(length),
            };
            let event: Value = serde_json::from_slice(&sdk.bytes(length)).expect("JSON");
            event["type"].clone()
        })
        .collect();
    assert_eq!(kinds[0], "response.created");
    assert_eq!(kinds[3], "response.completed");
}
