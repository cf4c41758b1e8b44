//! The number of bytes that a conversation of ten turns sends over a WebSocket, compared with
//! sending all of it every time, and the proof that the cached prefix never changes. Sizes are
//! stated with each workload; nothing is timed.
#![cfg(feature = "ws")]

use codex_client::{SocketSession, SocketSettings, TransportChoice};
use codex_transport::testing::{Answer, LoopbackServer, Script};
use codex_types::profile::{Identity, Profile};
use codex_types::{
    CreateResponse, Effort, FunctionCallOutput, FunctionTool, InputItem, Map, Message, RawJson,
    Reasoning, Tool,
};
use serde_json::{Value, json};

use crate::kit;

const TURNS: usize = 10;

/// The parts of a conversation, in bytes of text.
struct Workload {
    name: &'static str,
    instructions: usize,
    tools: usize,
    /// The beginning of the conversation before the question: project notes, earlier turns.
    context: usize,
    /// The encrypted reasoning of a response.
    reasoning: usize,
    /// The input before the next response: the output of a tool, or a question.
    new: usize,
    /// The required saving over a full replay, in percent.
    at_least: f64,
}

/// Parameters, above all tools, are sent with every request, so the saving depends on the portion
/// of a request that is conversation.
const WORKLOADS: [Workload; 4] = [
    Workload {
        name: "agent in its first task",
        instructions: 12_000,
        tools: 6,
        context: 4_000,
        reasoning: 3_000,
        new: 4_000,
        at_least: 85.0,
    },
    Workload {
        name: "agent late in a session",
        instructions: 12_000,
        tools: 6,
        context: 120_000,
        reasoning: 3_000,
        new: 4_000,
        at_least: 85.0,
    },
    Workload {
        name: "agent that reads long files",
        instructions: 12_000,
        tools: 6,
        context: 4_000,
        reasoning: 3_000,
        new: 16_000,
        at_least: 80.0,
    },
    Workload {
        name: "small talk without tools",
        instructions: 200,
        tools: 0,
        context: 0,
        reasoning: 400,
        new: 100,
        at_least: 85.0,
    },
];

#[tokio::test]
async fn ten_turns_cost_a_small_part_of_full_replay() {
    for workload in &WORKLOADS {
        let (sent, new, replayed) = converse(workload).await;
        let less = |bytes: u64| 100.0 * (1.0 - bytes as f64 / replayed as f64);
        let (saved, possible) = (less(sent), less(new));
        let overhead = (sent - new) / TURNS as u64;
        eprintln!(
            "{}: {sent} bytes sent, {replayed} for full replay, {saved:.1} % less; of {possible:.1} % if each new item and nothing else were sent, once; {overhead} bytes per turn in addition to the items",
            workload.name
        );
        // The difference to the optimum is the parameters, above all tools, and the ids of the
        // conversation.
        assert!(
            possible - saved <= 6.0,
            "{}: {saved:.1} of {possible:.1} %",
            workload.name
        );
        assert!(
            saved >= workload.at_least,
            "{}: {saved:.1} %",
            workload.name
        );
    }
}

/// The bytes sent over the socket, how many of them were new items, and the bytes of the same turns
/// sent whole over HTTP.
async fn converse(workload: &Workload) -> (u64, u64, u64) {
    let over_socket = (0..TURNS).fold(Answer::websocket(), |answer, number| {
        answer.receive().event(answer_to(workload, number))
    });
    let over_http = (0..TURNS).map(|number| Answer::sse().event(answer_to(workload, number)));
    let script = Script::new().route("GET", "/v1/responses", over_socket);
    let script = over_http.fold(script, |script, answer| {
        script.route("POST", "/v1/responses", answer)
    });
    let (server, client) = kit::start(script, |client| client.profile(profile()));

    for transport in [TransportChoice::WebSocket, TransportChoice::Http] {
        let mut settings = SocketSettings::default();
        settings.transport = transport;
        let mut session = SocketSession::new(&client, settings);
        let mut history: Vec<InputItem> = vec![
            Message::user(text(workload.context)).into(),
            Message::user(text(workload.new)).into(),
        ];
        for number in 0..TURNS {
            let response = session
                .create(&request(workload, &history))
                .identity(Identity::new().session_id("session-1"))
                .await
                .expect("a response");
            history.extend(response.to_input());
            history.push(if workload.tools == 0 {
                Message::user(text(workload.new)).into()
            } else {
                FunctionCallOutput::new(text(workload.new))
                    .call_id(format!("call_{number}"))
                    .into()
            });
        }
        if transport == TransportChoice::WebSocket {
            assert_eq!(
                (session.stats().replays, session.stats().continuations),
                (1, TURNS as u64 - 1)
            );
        }
    }
    let sent = server
        .messages()
        .iter()
        .map(|message| message.text.len() as u64)
        .sum();
    let new = server
        .messages()
        .iter()
        .map(|message| {
            let message: Map<RawJson> = core::str::from_utf8(&message.text)
                .ok()
                .and_then(|text| RawJson::parse(text).ok()?.decode().ok())
                .expect("an object");
            message.get("input").expect("input").as_str().len() as u64
        })
        .sum();
    let posts: Vec<_> = server
        .requests()
        .into_iter()
        .filter(|request| request.method == http::Method::POST)
        .collect();
    let replayed = posts.iter().map(|request| request.body.len() as u64).sum();
    let whole: Vec<Value> = posts
        .iter()
        .map(|request| serde_json::from_slice(&request.body).expect("JSON"))
        .collect();
    check_prefixes(
        &posts
            .iter()
            .map(|request| request.body.to_vec())
            .collect::<Vec<_>>(),
    );
    check_same_conversation(&server, &whole);
    (sent, new, replayed)
}

/// Every request begins with the previous one, byte for byte up to the end of its input, so the
/// cached prefix stays valid.
fn check_prefixes(bodies: &[Vec<u8>]) {
    for pair in bodies.windows(2) {
        let shared = pair[0]
            .iter()
            .zip(&pair[1])
            .take_while(|(a, b)| a == b)
            .count();
        let body = core::str::from_utf8(&pair[0]).expect("JSON is UTF-8");
        let keys: Map<RawJson> = RawJson::parse(body)
            .and_then(|body| body.decode())
            .expect("an object");
        let input = keys.get("input").expect("input").as_str();
        // Without the bracket, after which the next request continues.
        let end = body.find(input).expect("the input is in the body") + input.len() - 1;
        assert!(
            shared >= end,
            "the requests differ at {shared}, before the end of the input at {end}"
        );
    }
}

/// After each message, the server has what it would have received whole over HTTP.
fn check_same_conversation(server: &LoopbackServer, whole: &[Value]) {
    let mut known: Vec<Value> = Vec::new();
    for (number, message) in server.messages().iter().enumerate() {
        let message: Value = serde_json::from_slice(&message.text).expect("JSON");
        known.extend(message["input"].as_array().expect("items").iter().cloned());
        assert_eq!(json!(known), whole[number]["input"], "turn {number}");
        for field in [
            "model",
            "tools",
            "reasoning",
            "store",
            "include",
            "prompt_cache_key",
        ] {
            assert_eq!(message[field], whole[number][field], "{field}");
        }
        if let Some(next) = whole.get(number + 1) {
            let outputs = next["input"]
                .as_array()
                .expect("items")
                .iter()
                .skip(known.len());
            known.extend(outputs.take(2).cloned().collect::<Vec<_>>());
        }
    }
}

/// The profile of the ChatGPT backend, without compression, so that bodies can be compared.
fn profile() -> Profile {
    let mut profile = Profile::chatgpt();
    profile.compression = None;
    profile
}

fn request(workload: &Workload, history: &[InputItem]) -> CreateResponse {
    let parameters = json!({"type": "object", "properties": {"path": {"type": "string", "description": "A path below the project's folder."}}, "required": ["path"]});
    let tool = |number: usize| -> Tool {
        let schema = RawJson::parse(&parameters.to_string()).expect("JSON");
        FunctionTool::new(format!("tool_{number}"), schema, false)
            .description("Does something with a file of the project.")
            .into()
    };
    CreateResponse::new("some-model")
        .instructions(text(workload.instructions))
        .tools((0..workload.tools).map(tool).collect::<Vec<_>>())
        .reasoning(Reasoning::new().effort(Effort::Medium))
        // Each of the two sessions has its own id, which would otherwise be the key.
        .prompt_cache_key("c")
        .input(history.to_vec())
}

fn answer_to(workload: &Workload, number: usize) -> String {
    let reasoning = json!({"type": "reasoning", "id": format!("rs_{number}"), "summary": [], "encrypted_content": "q".repeat(workload.reasoning)});
    let said = if workload.tools == 0 {
        json!({"type": "message", "id": format!("msg_{number}"), "role": "assistant", "status": "completed",
            "content": [{"type": "output_text", "text": text(300), "annotations": []}]})
    } else {
        json!({"type": "function_call", "id": format!("fc_{number}"), "call_id": format!("call_{number}"), "status": "completed",
            "name": "tool_0", "arguments": format!("{{\"path\":\"src/part_{number}.rs\"}}")})
    };
    json!({"type": "response.completed", "response": {"id": format!("resp_{number}"), "status": "completed", "output": [reasoning, said]}}).to_string()
}

fn text(bytes: usize) -> String {
    "All of this is invented. "
        .chars()
        .cycle()
        .take(bytes)
        .collect()
}
