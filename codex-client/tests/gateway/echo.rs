//! A service that repeats its credential on every route and in every spelling. Nothing that the
//! gateway passes on, shows or logs contains it.

use std::io::Read as _;
use std::process::Stdio;
use std::thread::JoinHandle;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use codex_transport::testing::{Answer, LoopbackServer, Script};
use codex_transport::{HttpTransport as _, HyperTransport};
use serde_json::json;

use crate::process::{Gateway, TOKEN, command, completed, created, delta, service, text};
use crate::socket::{connect, say};

/// Contains every byte that an encoder may escape in a token.
const SECRET: &str = "sk-canary/7f3a+9b.Zq~0==";

/// The spellings within JSON strings.
fn spellings() -> Vec<String> {
    vec![
        SECRET.to_owned(),
        SECRET.replace('/', "\\/"),
        SECRET.replace('+', "\\u002B"),
        SECRET.replace('=', "\\u003d"),
        SECRET
            .replace('/', "%2F")
            .replace('+', "%2B")
            .replace('=', "%3D"),
        STANDARD.encode(SECRET),
        URL_SAFE_NO_PAD.encode(format!("Bearer {SECRET}")),
        STANDARD.encode(format!("user:{SECRET}\n")),
    ]
}

/// Fails if the text contains any spelling. The ends of a text in base64 depend on its neighbors.
fn assert_clean(what: &str, shown: &str) {
    for spelling in spellings() {
        let trace = if spelling.contains("canary") {
            "canary"
        } else {
            &spelling[spelling.len() - 22..spelling.len() - 8]
        };
        assert!(!shown.contains(trace), "{what} has {trace}: {shown}");
    }
}

fn gateway(server: &LoopbackServer, more: &[&str]) -> Gateway {
    let base_url = server.url("/v1");
    let mut arguments = vec!["--bearer", TOKEN, "--base-url", &base_url];
    arguments.extend_from_slice(&["--api-key", SECRET, "--no-check", "--chat", "translate"]);
    arguments.extend_from_slice(more);
    Gateway::spawn(command(&arguments).stderr(Stdio::piped()))
}

/// Collects the log of the gateway, so that it never waits for its reader.
fn log_of(gateway: &mut Gateway) -> JoinHandle<String> {
    let mut errors = gateway.child.stderr.take().expect("its errors");
    std::thread::spawn(move || {
        let mut text = String::new();
        errors.read_to_string(&mut text).expect("its errors");
        text
    })
}

/// Stops the gateway and returns what it has logged.
fn logged(mut gateway: Gateway, log: JoinHandle<String>) -> String {
    gateway.interrupt();
    assert!(gateway.ends_within(Duration::from_secs(10)));
    log.join().expect("no panic")
}

fn with_headers(answer: Answer, echo: &str) -> Answer {
    answer
        .header("x-request-id", &format!("req-{echo}"))
        .header("openai-model", echo)
        .header("x-echo", &format!("Bearer {echo}"))
}

/// Every response contains the echo, and one is cut at each byte of it.
fn answers(echo: &str) -> Vec<Answer> {
    let error = format!(
        r#"{{"error":{{"message":"bad {echo}","type":"{echo}","code":"{echo}","param":"{echo}"}}}}"#
    );
    // The text of an event is JSON, so the echo is inserted without escaping.
    let event = delta(1, "ECHO").replace("ECHO", echo);
    let failed = format!(
        r#"{{"type":"response.failed","response":{{"id":"resp_1","status":"failed","error":{{"code":"{echo}","message":"bad {echo}"}},"output":[]}}}}"#
    );
    let at = event.find(echo).expect("the echo");
    let cut = (0..=echo.len()).fold(Answer::sse().event(created()), |answer, byte| {
        let (start, end) = event.split_at(at + byte);
        answer
            .body(format!("data: {start}"))
            .body(format!("{end}\n\n"))
    });
    let ended = |event: &str| Answer::sse().event(created()).event(event);
    vec![
        cut.event(completed()),
        ended(&failed),
        ended(&format!(
            r#"{{"type":"error","code":"{echo}","message":"bad {echo}","param":"{echo}"}}"#
        )),
        ended(&format!(
            r#"{{"type":"response.incomplete","response":{{"id":"resp_1","status":"incomplete","incomplete_details":{{"reason":"{echo}"}},"output":[]}}}}"#
        )),
        Answer::json(400, error.clone()),
        Answer::json(429, error.clone()),
        Answer::json(500, error),
        Answer::json(502, format!("<html>{echo}</html>")).header("content-type", "text/html"),
        Answer::json(
            200,
            format!(
                r#"{{"object":"list","data":[{{"id":"{echo}","object":"model","created":1,"owned_by":"{echo}"}}]}}"#
            ),
        ),
    ]
}

const ROUTES: [(&str, &str); 7] = [
    ("POST", "/v1/responses"),
    ("POST", "/v1/chat/completions"),
    ("POST", "/v1/embeddings"),
    ("GET", "/v1/models"),
    ("GET", "/v1/models/some-model"),
    ("GET", "/v1/files"),
    ("POST", "/v1/files"),
];

/// A request with a body that the route accepts.
fn request(gateway: &Gateway, method: &str, path: &str) -> http::Request<bytes::Bytes> {
    let user = json!([{"role": "user", "content": "Why?"}]);
    let body = match path {
        _ if method == "GET" => return gateway.request(method, path, ""),
        "/v1/responses" => json!({"model": "m", "input": "Why?", "stream": true}),
        "/v1/chat/completions" => json!({"model": "m", "messages": user, "stream": true}),
        _ => json!({}),
    };
    gateway.request(method, path, body.to_string())
}

#[tokio::test]
async fn no_route_passes_an_echo_on() {
    for log in ["json", "text"] {
        let mut answers_of_routes = Vec::new();
        let mut requests = Vec::new();
        for echo in spellings() {
            for (method, path) in ROUTES {
                for answer in answers(&echo) {
                    answers_of_routes.push(with_headers(answer, &echo));
                    requests.push((method, path));
                }
            }
        }
        let script = answers_of_routes
            .into_iter()
            .fold(Script::new(), Script::answer);
        let server = service(script);
        let mut gateway = gateway(&server, &["--log", log]);
        let log = log_of(&mut gateway);
        let transport = HyperTransport::new().expect("a transport");
        for (method, path) in requests {
            let sent = transport.send(request(&gateway, method, path)).await;
            let response = sent.expect("a response");
            let what = format!("{path}, {}", response.status());
            assert_clean(&what, &format!("{:?}", response.headers()));
            assert_clean(&what, &text(response).await);
        }
        for path in ["/metrics", "/status"] {
            assert_clean(path, &text(gateway.get(path).await).await);
        }
        assert_clean("the log", &logged(gateway, log));
    }
}

#[tokio::test]
async fn no_socket_passes_an_echo_on() {
    let mut script = Script::new();
    for echo in spellings() {
        let event = delta(1, "ECHO").replace("ECHO", &echo);
        let failed = format!(
            r#"{{"type":"error","status":400,"error":{{"code":"{echo}","type":"{echo}","message":"bad {echo}","param":"{echo}"}},"headers":{{"x-echo":"{echo}"}}}}"#
        );
        for end in [completed(), failed] {
            let turn = Answer::websocket().receive();
            let turn = turn.event(created()).event(event.clone()).event(end);
            script = script.answer(with_headers(turn, &echo));
        }
    }
    let server = service(script);
    let more = ["--upstream-sockets", "--transport", "websocket"];
    let mut gateway = gateway(&server, &more);
    let log = log_of(&mut gateway);
    for _ in 0..2 * spellings().len() {
        let mut socket = connect(&gateway).await;
        let ask = json!({"type": "response.create", "model": "m", "input": "Why?"});
        say(&mut socket, ask).await;
        for _ in 0..3 {
            let message = socket.next().await.expect("a message").expect("no error");
            let message = String::from_utf8(message.to_vec()).expect("UTF-8");
            assert_clean("a message", &message);
        }
        socket.close(1000).await.expect("closed");
    }
    assert_clean("the log", &logged(gateway, log));
}
