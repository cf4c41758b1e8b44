//! A gateway that runs until it is dropped, and a client for it.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use bytes::Bytes;
use codex_transport::testing::{Answer, LoopbackServer, Script};
use codex_transport::{Body, HttpTransport as _, HyperTransport};
use http::{Request, Response};
use serde_json::{Value, json};

use crate::support;

/// The token of the client, and the key of the service.
pub const TOKEN: &str = "a-token-for-the-tests";
pub const KEY: &str = "sk-invented";

pub struct Gateway {
    pub child: Child,
    pub url: String,
    _output: BufReader<ChildStdout>,
}

impl Gateway {
    /// Starts a gateway for this server, as a service that accepts everything and has no chat
    /// endpoint.
    pub fn before(server: &LoopbackServer, more: &[&str]) -> Self {
        let base_url = server.url("/v1");
        let mut arguments = vec!["--base-url", &base_url, "--api-key", KEY, "--no-check"];
        arguments.extend_from_slice(&["--chat", "translate"]);
        arguments.extend_from_slice(more);
        Self::start(&arguments)
    }

    pub fn start(arguments: &[&str]) -> Self {
        let mut command = command(&["--bearer", TOKEN]);
        command.args(arguments).stderr(Stdio::null());
        Self::spawn(&mut command)
    }

    pub fn spawn(command: &mut Command) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .spawn()
            .expect("the gateway runs");
        let mut output = BufReader::new(child.stdout.take().expect("its output"));
        let mut line = String::new();
        output.read_line(&mut line).expect("its first line");
        let url = line.split_whitespace().last().expect("a URL").to_owned();
        assert!(url.starts_with("http://127.0.0.1:"), "{line}");
        Self {
            child,
            url,
            _output: output,
        }
    }

    pub fn address(&self) -> &str {
        self.url.trim_start_matches("http://")
    }

    pub fn request(&self, method: &str, path: &str, body: impl Into<Bytes>) -> Request<Bytes> {
        Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.url))
            .header("authorization", format!("Bearer {TOKEN}"))
            .header("content-type", "application/json")
            .body(body.into())
            .expect("a request")
    }

    pub async fn get(&self, path: &str) -> Response<Body> {
        send(self.request("GET", path, "")).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Response<Body> {
        send(self.request("POST", path, body.to_string())).await
    }

    /// Interrupts the gateway, as Ctrl-C does.
    pub fn interrupt(&self) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-INT", &id]).status();
        assert!(sent.expect("kill").success());
    }

    /// Returns whether it exits successfully within this time.
    pub fn ends_within(&mut self, limit: Duration) -> bool {
        let deadline = Instant::now() + limit;
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait().expect("a child") {
                return status.success();
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        false
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn command(arguments: &[&str]) -> Command {
    let mut command = support::command("gateway");
    command.args(["--listen", "127.0.0.1:0"]).args(arguments);
    command
}

pub fn service(script: Script) -> LoopbackServer {
    LoopbackServer::start(script).expect("a loopback server")
}

pub async fn send(request: Request<Bytes>) -> Response<Body> {
    let transport = HyperTransport::new().expect("a transport");
    transport.send(request).await.expect("an answer")
}

pub async fn text(response: Response<Body>) -> String {
    let body = response.into_body().collect(64 << 20).await;
    String::from_utf8(body.expect("a whole body").to_vec()).expect("UTF-8")
}

pub async fn json_of(response: Response<Body>) -> Value {
    serde_json::from_str(&text(response).await).expect("JSON")
}

/// Returns the text after `data:`.
pub fn data(stream: &str) -> Vec<&str> {
    stream
        .lines()
        .filter_map(|line| line.strip_prefix("data: "))
        .collect()
}

pub fn header<'a, T>(response: &'a Response<T>, name: &str) -> Option<&'a str> {
    response.headers().get(name)?.to_str().ok()
}

/// Waits until the condition holds.
pub async fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !is_so() {
        assert!(Instant::now() < deadline, "never: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

pub fn created() -> String {
    json!({"type": "response.created", "sequence_number": 0, "response": {"id": "resp_1", "object": "response", "created_at": 1_767_225_600, "status": "in_progress", "model": "some-model", "output": []}}).to_string()
}

pub fn delta(number: u64, text: &str) -> String {
    json!({"type": "response.output_text.delta", "sequence_number": number, "item_id": "msg_1", "output_index": 0, "content_index": 0, "delta": text}).to_string()
}

pub fn ending(kind: &str, more: Value) -> String {
    let mut response = json!({"id": "resp_1", "object": "response", "created_at": 1_767_225_600, "status": kind, "model": "some-model", "output": [
        {"type": "message", "id": "msg_1", "status": "completed", "role": "assistant", "content": [{"type": "output_text", "text": "Because of the sun.", "annotations": []}]}
    ], "usage": {"input_tokens": 3, "input_tokens_details": {"cached_tokens": 1}, "output_tokens": 4, "output_tokens_details": {"reasoning_tokens": 2}, "total_tokens": 7}});
    for (key, value) in more.as_object().expect("an object") {
        response[key] = value.clone();
    }
    json!({"type": format!("response.{kind}"), "sequence_number": 9, "response": response})
        .to_string()
}

pub fn completed() -> String {
    ending("completed", json!({}))
}

/// Returns a short response.
pub fn answer() -> Answer {
    Answer::sse()
        .header("x-request-id", "req_1")
        .header("openai-model", "some-model-1")
        .header("set-cookie", "session=secret")
        .event(created())
        .event(delta(1, "Because of "))
        .event(delta(2, "the sun."))
        .event(completed())
}
