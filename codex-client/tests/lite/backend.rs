//! A simulated backend over real connections: it refuses what `rules.rs` refuses, and responds to
//! the rest.

use std::sync::{Arc, Mutex};

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::accept_hdr_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};

use crate::lite::rules::{self, Headers};

/// A request that arrived, in the order of arrival.
#[derive(Clone, Debug)]
pub struct Arrived {
    /// `POST`, `GET`, or `message` over a WebSocket.
    pub kind: &'static str,
    pub target: String,
    pub headers: Headers,
    pub body: Value,
}

pub struct Backend {
    address: String,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    arrived: Mutex<Vec<Arrived>>,
}

impl Backend {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let state = Arc::new(State::default());
        let shared = state.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, shared.clone()));
            }
        });
        Self { address, state }
    }

    pub fn url(&self) -> String {
        format!("http://{}/backend-api/codex", self.address)
    }

    pub fn arrived(&self) -> Vec<Arrived> {
        self.state.arrived.lock().expect("no panic").clone()
    }
}

impl State {
    /// Records a request and returns its number.
    fn note(&self, arrived: Arrived) -> usize {
        let mut all = self.arrived.lock().expect("no panic");
        all.push(arrived);
        all.len()
    }
}

async fn serve(stream: TcpStream, state: Arc<State>) {
    let mut head = [0; 4096];
    loop {
        let length = stream.peek(&mut head).await.unwrap_or(0);
        let head = String::from_utf8_lossy(&head[..length]).to_lowercase();
        if length == 0 || head.contains("upgrade: websocket") {
            return serve_socket(stream, &state).await;
        }
        if head.contains("\r\n\r\n") || length == 4096 {
            return serve_http(stream, &state).await;
        }
        tokio::time::sleep(core::time::Duration::from_millis(1)).await;
    }
}

async fn serve_http(mut stream: TcpStream, state: &State) {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
        if stream.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
            return;
        }
    };
    let head = String::from_utf8(bytes[..end].to_vec()).expect("ASCII");
    let mut lines = head.lines();
    let mut first = lines.next().expect("a request line").split(' ');
    let (method, target) = (
        first.next().expect("a method"),
        first.next().expect("a target"),
    );
    let headers: Headers = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()))
        .collect();
    let length =
        rules::header(&headers, "content-length").map_or(0, |it| it.parse().expect("a length"));
    while bytes.len() < end + length {
        if stream.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
            return;
        }
    }
    let body = match rules::header(&headers, "content-encoding") {
        Some("zstd") => zstd::decode_all(&bytes[end..]).expect("zstd"),
        _ => bytes[end..].to_vec(),
    };
    let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
    let number = state.note(Arrived {
        kind: if method == "POST" { "POST" } else { "GET" },
        target: target.to_owned(),
        headers: headers.clone(),
        body: body.clone(),
    });
    let is_announced = rules::is_announced_by_header(&headers);
    let judged = if method == "GET" {
        let models = json!({"models": [{"slug": "gpt-8-new", "use_responses_lite": true, "visibility": "list"}]});
        Ok(("application/json", models.to_string()))
    } else if target.ends_with("/compact") {
        let output = json!({"output": [{"type": "compaction", "id": "cmp_1", "encrypted_content": "shorter"}]});
        rules::judge_headers(&headers)
            .and_then(|()| rules::judge_compaction(&body, is_announced))
            .map(|()| ("application/json", output.to_string()))
    } else {
        rules::judge_headers(&headers)
            .and_then(|()| rules::judge_body(&body, is_announced, None))
            .map(|whole| {
                let (_, events) = events(&whole, number);
                let frames = events.iter().map(|event| format!("data: {event}\n\n"));
                ("text/event-stream", frames.collect())
            })
    };
    let (status, (kind, text)) = match judged {
        Ok(body) => (200, body),
        Err(detail) => (
            400,
            ("application/json", json!({ "detail": detail }).to_string()),
        ),
    };
    let response = format!(
        "HTTP/1.1 {status} -\r\ncontent-type: {kind}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{text}",
        text.len()
    );
    let _ = stream.write_all(response.as_bytes()).await;
}

async fn serve_socket(stream: TcpStream, state: &State) {
    let mut headers = Headers::new();
    #[expect(clippy::result_large_err, reason = "tungstenite defines this type")]
    let check = |request: &Request, response: Response| -> Result<Response, ErrorResponse> {
        let names = request.headers().iter();
        headers = names
            .map(|(name, value)| {
                (
                    name.as_str().to_owned(),
                    value.to_str().expect("ASCII").to_owned(),
                )
            })
            .collect();
        let beta =
            rules::header(&headers, "openai-beta") == Some("responses_websockets=2026-02-06");
        let judged = rules::judge_headers(&headers);
        let judged = judged.and_then(|()| {
            beta.then_some(())
                .ok_or_else(|| "Missing beta header".to_owned())
        });
        match judged {
            Ok(()) => Ok(response),
            Err(detail) => {
                let mut refusal = ErrorResponse::new(Some(json!({ "detail": detail }).to_string()));
                *refusal.status_mut() = http::StatusCode::BAD_REQUEST;
                Err(refusal)
            }
        }
    };
    let Ok(mut socket) = accept_hdr_async(stream, check).await else {
        return;
    };
    let mut before = None;
    while let Some(Ok(message)) = socket.next().await {
        let Message::Text(text) = message else {
            continue;
        };
        let body: Value = serde_json::from_str(&text).expect("JSON");
        let number = state.note(Arrived {
            kind: "message",
            target: String::new(),
            headers: headers.clone(),
            body: body.clone(),
        });
        let is_announced = rules::is_announced_by_metadata(&body);
        let judged = rules::judge_body(&body, is_announced, before.as_ref());
        let events = match judged {
            Ok(whole) if body["generate"] == false => {
                let response =
                    json!({"id": format!("resp_{number}"), "status": "completed", "output": []});
                before = Some((format!("resp_{number}"), whole));
                vec![json!({"type": "response.completed", "response": response})]
            }
            Ok(mut whole) => {
                let (output, events) = events(&whole, number);
                whole.push(output);
                before = Some((format!("resp_{number}"), whole));
                events
            }
            Err(detail) => {
                before = None;
                let error = json!({"type": "invalid_request_error", "message": detail});
                vec![json!({"type": "error", "status": 400, "error": error})]
            }
        };
        for event in events {
            if socket.send(Message::text(event.to_string())).await.is_err() {
                return;
            }
        }
    }
}

/// Returns the output and its events; the last one repeats nothing, like that of the real backend.
fn events(whole: &[Value], number: usize) -> (Value, Vec<Value>) {
    let output = rules::output(whole, number);
    let id = format!("resp_{number}");
    let events = vec![
        json!({"type": "response.created", "response": {"id": id, "status": "in_progress", "output": []}}),
        json!({"type": "response.output_item.done", "output_index": 0, "item": output}),
        json!({"type": "response.completed", "response": {"id": id, "status": "completed", "output": []}}),
    ];
    (output, events)
}
