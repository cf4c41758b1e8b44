//! A service that offers the Responses API over HTTP and, if requested, over WebSockets. It stores
//! nothing, keeps the responses of a socket until the socket closes, and drops a response whose
//! continuation failed.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;

/// The conversations of one connection, by the id of the response that they end with.
type Known = HashMap<String, Vec<Value>>;

/// Starts the service and returns its URL.
pub async fn start(has_sockets: bool) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, has_sockets));
        }
    });
    format!("http://{address}/v1")
}

async fn serve(mut stream: TcpStream, has_sockets: bool) {
    let mut seen = [0; 4096];
    let head = loop {
        let length = stream.peek(&mut seen).await.unwrap_or(0);
        let head = String::from_utf8_lossy(&seen[..length]).to_lowercase();
        if length == 0 || head.contains("\r\n\r\n") {
            break head;
        }
        tokio::time::sleep(core::time::Duration::from_millis(1)).await;
    };
    if head.contains("upgrade: websocket") && has_sockets {
        return serve_socket(stream).await;
    }
    while let Some((head, body)) = read(&mut stream).await {
        let answer = if head.contains("upgrade: websocket") {
            (426, "application/json", "{}".to_owned())
        } else if head.starts_with("post /v1/responses/compact ") {
            compact(&body)
        } else {
            match respond(&body, &mut Known::new()) {
                Ok(events) if body["stream"] == json!(true) => {
                    let frames = events.iter().map(|event| {
                        format!(
                            "event: {}\ndata: {event}\n\n",
                            event["type"].as_str().unwrap_or_default()
                        )
                    });
                    (200, "text/event-stream", frames.collect())
                }
                Ok(events) => {
                    let last = events.last().expect("a last event");
                    (200, "application/json", last["response"].to_string())
                }
                Err(error) => (400, "application/json", json!({"error": error}).to_string()),
            }
        };
        let (status, kind, text) = answer;
        let written = format!(
            "HTTP/1.1 {status} x\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n{text}",
            text.len()
        );
        if stream.write_all(written.as_bytes()).await.is_err() {
            return;
        }
    }
}

/// Reads a request: what stands before its body, in lower case, and its body.
async fn read(stream: &mut TcpStream) -> Option<(String, Value)> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(bytes[..end].to_vec())
        .ok()?
        .to_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length:"));
    let length: usize = length.map_or(0, |length| length.trim().parse().unwrap_or(0));
    while bytes.len() < end + length {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    let body = match head.contains("content-encoding: zstd") {
        true => zstd::decode_all(&bytes[end..]).ok()?,
        false => bytes[end..].to_vec(),
    };
    Some((head, serde_json::from_slice(&body).unwrap_or(Value::Null)))
}

async fn serve_socket(stream: TcpStream) {
    let Ok(mut socket) = tokio_tungstenite::accept_async(stream).await else {
        return;
    };
    let mut known = Known::new();
    while let Some(Ok(message)) = socket.next().await {
        let Ok(text) = message.to_text() else {
            continue;
        };
        let Ok(request) = serde_json::from_str::<Value>(text) else {
            continue;
        };
        let events = respond(&request, &mut known).unwrap_or_else(|error| {
            if let Some(previous) = request["previous_response_id"].as_str() {
                known.remove(previous);
            }
            vec![json!({"type": "error", "status": 400, "error": error})]
        });
        for event in events {
            if socket.send(Message::text(event.to_string())).await.is_err() {
                return;
            }
        }
    }
}

fn compact(body: &Value) -> (u16, &'static str, String) {
    if body["model"].as_str().is_none() {
        let error = json!({"message": "Missing required parameter: 'model'.", "type": "invalid_request_error", "param": "model", "code": "missing_required_parameter"});
        return (400, "application/json", json!({"error": error}).to_string());
    }
    let output = json!([
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "The code word is cobalt."}]},
        {"type": "compaction", "id": "cmp_1", "encrypted_content": "shorter"},
    ]);
    let usage = json!({"input_tokens": 9, "output_tokens": 3, "total_tokens": 12});
    let compacted = json!({"id": "resp_compact", "object": "response.compaction", "created_at": 1, "output": output, "usage": usage});
    (200, "application/json", compacted.to_string())
}

/// Returns the events of the response, or the error.
fn respond(request: &Value, known: &mut Known) -> Result<Vec<Value>, Value> {
    let mut conversation = match request["previous_response_id"].as_str() {
        None => Vec::new(),
        Some(id) => known.get(id).cloned().ok_or_else(|| {
            json!({"code": "previous_response_not_found", "type": "invalid_request_error", "param": "previous_response_id",
                "message": format!("Previous response with id '{id}' not found.")})
        })?,
    };
    match &request["input"] {
        Value::String(text) => {
            conversation.push(json!({"type": "message", "role": "user", "content": text}))
        }
        Value::Array(items) => conversation.extend(items.iter().cloned()),
        _ => {}
    }
    let outputs = conversation
        .iter()
        .filter(|item| item["type"] == "function_call_output");
    for output in outputs {
        let call_id = &output["call_id"];
        if !conversation
            .iter()
            .any(|item| item["type"] == "function_call" && item["call_id"] == *call_id)
        {
            let message =
                format!("No tool call found for function call output with call_id {call_id}.");
            return Err(
                json!({"code": null, "type": "invalid_request_error", "param": "input", "message": message}),
            );
        }
    }
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    let id = format!("resp_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
    let item = item(request, &conversation, &id);
    let events = events(request, &id, &item);
    conversation.push(item);
    known.insert(id, conversation);
    Ok(events)
}

/// Returns the only output item: a call if there are tools, else text that names the earlier items.
fn item(request: &Value, conversation: &[Value], id: &str) -> Value {
    if let Some(tool) = request["tools"].get(0) {
        return json!({"type": "function_call", "id": format!("fc_{id}"), "call_id": format!("call_{id}"), "name": tool["name"],
            "arguments": "{\"location\":\"San Francisco\"}", "status": "completed"});
    }
    let text = format!(
        "{} items: {}",
        conversation.len(),
        if json!(conversation).to_string().contains("cobalt") {
            "cobalt"
        } else {
            "nothing"
        }
    );
    json!({"type": "message", "id": format!("msg_{id}"), "role": "assistant", "status": "completed", "phase": "final_answer",
        "content": [{"type": "output_text", "text": text, "annotations": [], "logprobs": []}]})
}

fn events(request: &Value, id: &str, item: &Value) -> Vec<Value> {
    let mut events = vec![
        json!({"type": "response.created", "response": resource(request, id, "in_progress", &[])}),
        json!({"type": "response.in_progress", "response": resource(request, id, "in_progress", &[])}),
    ];
    let (of_item, mut begun) = (
        json!({"item_id": item["id"], "output_index": 0}),
        item.clone(),
    );
    begun["status"] = json!("in_progress");
    let with = |kind: &str, more: Value| {
        let mut event = of_item.clone();
        event["type"] = json!(kind);
        for (key, value) in more.as_object().expect("an object") {
            event[key] = value.clone();
        }
        event
    };
    if item["type"] == "function_call" {
        begun["arguments"] = json!("");
        events
            .push(json!({"type": "response.output_item.added", "output_index": 0, "item": begun}));
        events.push(with(
            "response.function_call_arguments.delta",
            json!({"delta": item["arguments"]}),
        ));
        events.push(with(
            "response.function_call_arguments.done",
            json!({"arguments": item["arguments"], "name": item["name"]}),
        ));
    } else {
        let part = &item["content"][0];
        let empty = json!({"type": "output_text", "text": "", "annotations": [], "logprobs": []});
        begun["content"] = json!([]);
        events
            .push(json!({"type": "response.output_item.added", "output_index": 0, "item": begun}));
        events.push(with(
            "response.content_part.added",
            json!({"content_index": 0, "part": empty}),
        ));
        events.push(with(
            "response.output_text.delta",
            json!({"content_index": 0, "delta": part["text"], "logprobs": []}),
        ));
        events.push(with(
            "response.output_text.done",
            json!({"content_index": 0, "text": part["text"], "logprobs": []}),
        ));
        events.push(with(
            "response.content_part.done",
            json!({"content_index": 0, "part": part}),
        ));
    }
    events.push(json!({"type": "response.output_item.done", "output_index": 0, "item": item}));
    events.push(json!({"type": "response.completed", "response": resource(request, id, "completed", core::slice::from_ref(item))}));
    for (number, event) in events.iter_mut().enumerate() {
        event["sequence_number"] = json!(number);
    }
    events
}

/// A response with every key that the specification requires.
fn resource(request: &Value, id: &str, status: &str, output: &[Value]) -> Value {
    let is_over = status == "completed";
    json!({
        "id": id, "object": "response", "created_at": 1_780_000_000, "completed_at": is_over.then_some(1_780_000_001), "status": status,
        "incomplete_details": null, "model": request["model"], "previous_response_id": request["previous_response_id"],
        "instructions": request["instructions"], "output": output, "error": null, "tools": [], "tool_choice": "auto",
        "truncation": "disabled", "parallel_tool_calls": true, "text": {"format": {"type": "text"}, "verbosity": "medium"}, "top_p": 1.0,
        "presence_penalty": 0.0, "frequency_penalty": 0.0, "top_logprobs": 0, "temperature": 1.0,
        "reasoning": {"effort": null, "summary": null},
        "usage": is_over.then(|| json!({"input_tokens": 5, "output_tokens": 4, "total_tokens": 9,
            "input_tokens_details": {"cached_tokens": 0}, "output_tokens_details": {"reasoning_tokens": 0}})),
        "max_output_tokens": null, "max_tool_calls": null, "store": false, "background": false, "service_tier": "default",
        "metadata": {}, "safety_identifier": null, "prompt_cache_key": null,
    })
}
