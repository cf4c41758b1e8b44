//! A chat server that refuses what a server of the dialect refuses, and responds from a script: a
//! user message with tools gets two calls at once, tool outputs get a text, and so does everything
//! else.

use std::sync::{Arc, Mutex};

use codex_client::transport::testing::{Answer, Cut, LoopbackServer, RecordedRequest, Script};
use codex_client::types::profile::{
    ChatDialect, JsonFormat, OutputLimit, ReasoningReplay, StreamUsage,
};
use serde_json::{Value, json};

/// A description of the refusals.
pub type Refused = Arc<Mutex<Vec<String>>>;

/// The fault of the next request.
pub type Faults = Arc<Mutex<Vec<Fault>>>;

#[derive(Clone, Copy)]
pub enum Fault {
    /// The server responds with this status.
    Status(u16),
    /// The stream breaks off after its first chunk.
    Cut,
    /// The server sends an error instead of a chunk.
    ErrorChunk,
}

/// Starts the server.
pub fn start(dialect: ChatDialect) -> (LoopbackServer, Refused, Faults) {
    let (refused, faults) = (Refused::default(), Faults::default());
    let (noted, waiting) = (refused.clone(), faults.clone());
    let script = Script::new().rule(move |request| {
        if request.path() != "/v1/chat/completions" {
            return Some(Answer::json(404, r#"{"detail":"Not Found"}"#));
        }
        let body: Value = serde_json::from_slice(&request.body).expect("JSON");
        if let Err(why) = check(&body, &dialect) {
            let error = json!({"error": {"message": why, "type": "invalid_request_error"}});
            noted.lock().expect("a lock").push(why);
            return Some(Answer::json(400, error.to_string()));
        }
        let fault = waiting.lock().expect("a lock").pop();
        Some(answer(&body, &dialect, fault))
    });
    let server = LoopbackServer::start(script).expect("a loopback server");
    (server, refused, faults)
}

/// Returns the bodies of the requests to the chat endpoint.
pub fn bodies(server: &LoopbackServer) -> Vec<Value> {
    let to_chat = |request: &RecordedRequest| request.path() == "/v1/chat/completions";
    let requests = server.requests();
    let requests = requests.iter().filter(|request| to_chat(request));
    requests
        .map(|request| serde_json::from_slice(&request.body).expect("JSON"))
        .collect()
}

fn refuse(why: impl Into<String>) -> Result<(), String> {
    Err(why.into())
}

fn check(body: &Value, dialect: &ChatDialect) -> Result<(), String> {
    for name in body.as_object().expect("an object").keys() {
        if !KNOWN.contains(&name.as_str()) {
            return refuse(format!("unknown parameter {name}"));
        }
        if dialect.parameters.refused.iter().any(|it| it == name) {
            return refuse(format!("unsupported parameter {name}"));
        }
    }
    let other = match dialect.output_limit {
        OutputLimit::MaxTokens => "max_completion_tokens",
        _ => "max_tokens",
    };
    let is_given = |name: &str| !body[name].is_null();
    if is_given(other) {
        return refuse(format!("unknown parameter {other}"));
    }
    if is_given("parallel_tool_calls") && !dialect.parallel_tool_calls {
        return refuse("unknown parameter parallel_tool_calls");
    }
    if is_given("reasoning_effort") && dialect.effort.as_str() != "reasoning_effort" {
        return refuse("unknown parameter reasoning_effort");
    }
    let asks = body["stream_options"]["include_usage"] == true;
    let needs = body["stream"] == true && dialect.stream_usage == StreamUsage::OnRequest;
    if asks != needs {
        return refuse("stream_options.include_usage is missing, or not known");
    }
    match body["response_format"]["type"].as_str() {
        Some("json_schema") if dialect.json_format != JsonFormat::JsonSchema => {
            return refuse("response_format json_schema is not supported");
        }
        Some("json_object") if dialect.json_format == JsonFormat::Instructions => {
            return refuse("response_format is not supported");
        }
        _ => {}
    }
    tools(body, dialect)?;
    messages(body, dialect)?;
    reasoning(body, dialect)
}

fn tools(body: &Value, dialect: &ChatDialect) -> Result<(), String> {
    let tools = body["tools"].as_array().cloned().unwrap_or_default();
    let mut names = Vec::new();
    for tool in &tools {
        let kind = tool["type"].as_str().unwrap_or_default();
        if kind != "function" && !dialect.custom_tools {
            return refuse(format!("unknown type of tool {kind}"));
        }
        let name = tool[kind]["name"].as_str().unwrap_or_default();
        let is_plain = |it: char| it.is_ascii_alphanumeric() || "_-".contains(it);
        if name.is_empty() || name.len() > dialect.max_name_length || !name.chars().all(is_plain) {
            return refuse(format!("invalid name of a function {name}"));
        }
        if names.contains(&name) {
            return refuse(format!("two functions have the name {name}"));
        }
        if !tool["function"]["strict"].is_null() && !dialect.strict_tools {
            return refuse("strict is not supported");
        }
        names.push(name);
    }
    let choice = &body["tool_choice"];
    let word = choice.as_str();
    let is_known = match word {
        Some("auto" | "none") | None => true,
        Some(word) => dialect.tool_choice.required.as_deref() == Some(word),
    };
    if !is_known || (choice.is_object() && !dialect.tool_choice.by_name) {
        return refuse(format!("tool_choice {choice} is not supported"));
    }
    Ok(())
}

fn messages(body: &Value, dialect: &ChatDialect) -> Result<(), String> {
    let mut open: Vec<String> = Vec::new();
    for (at, message) in body["messages"]
        .as_array()
        .into_iter()
        .flatten()
        .enumerate()
    {
        let role = message["role"].as_str().unwrap_or_default();
        if role != "tool" && !open.is_empty() {
            return refuse(format!(
                "calls {open:?} have no outputs before messages[{at}]"
            ));
        }
        match role {
            "developer" if !dialect.developer_role => {
                return refuse(format!("messages[{at}].role developer is not known"));
            }
            "system" if dialect.single_system_message && at > 0 => {
                return refuse("the system message must be at the beginning");
            }
            "tool" => {
                let id = message["tool_call_id"].as_str().unwrap_or_default();
                let Some(found) = open.iter().position(|call| call == id) else {
                    return refuse(format!("messages[{at}] is the output of no call"));
                };
                open.remove(found);
                if message["content"].is_array()
                    && !dialect.images_in_tool_outputs
                    && message["content"].to_string().contains("image_url")
                {
                    return refuse(format!("messages[{at}] has an image"));
                }
            }
            "assistant" => {
                let calls = message["tool_calls"]
                    .as_array()
                    .cloned()
                    .unwrap_or_default();
                if calls.is_empty() && message["content"].as_str().unwrap_or_default().is_empty() {
                    return refuse(format!("messages[{at}] is empty"));
                }
                for call in &calls {
                    let id = call["id"].as_str().unwrap_or_default();
                    if id.is_empty() || !dialect.call_ids.takes(id) {
                        return refuse(format!("the id of a call {id} is not valid"));
                    }
                    open.push(id.to_owned());
                }
            }
            "system" | "user" | "developer" => {}
            role => return refuse(format!("messages[{at}].role {role} is not known")),
        }
    }
    if open.is_empty() {
        return Ok(());
    }
    refuse(format!("calls {open:?} have no outputs"))
}

/// Every message that this server wrote must be sent back with its reasoning or without it, as the
/// dialect requires.
fn reasoning(body: &Value, dialect: &ChatDialect) -> Result<(), String> {
    let messages = body["messages"].as_array().expect("messages");
    let turn = messages
        .iter()
        .rposition(|message| message["role"] == "user");
    for (at, message) in messages.iter().enumerate() {
        if message["role"] != "assistant" {
            continue;
        }
        let given = thought(message, dialect);
        let is_due = match dialect.reasoning_replay {
            ReasoningReplay::Never => false,
            ReasoningReplay::ToolRounds => Some(at) > turn,
            _ => true,
        };
        let expected = is_due.then(|| THOUGHT.to_owned());
        if given != expected {
            return refuse(format!(
                "messages[{at}] has the reasoning {given:?}, not {expected:?}"
            ));
        }
    }
    Ok(())
}

fn thought(message: &Value, dialect: &ChatDialect) -> Option<String> {
    if dialect.reasoning_key == "<think>" {
        let rest = message["content"].as_str()?.strip_prefix("<think>")?;
        return Some(rest.split_once("</think>")?.0.to_owned());
    }
    let other = ["reasoning_content", "reasoning"];
    let other = other.iter().find(|key| **key != dialect.reasoning_key);
    assert!(
        message[other.expect("another key")].is_null(),
        "the wrong key"
    );
    message[&*dialect.reasoning_key].as_str().map(str::to_owned)
}

fn answer(body: &Value, dialect: &ChatDialect, fault: Option<Fault>) -> Answer {
    if let Some(Fault::Status(status)) = fault {
        return Answer::json(status, r#"{"error":{"message":"overloaded"}}"#);
    }
    let messages = body["messages"].as_array().expect("messages");
    let last = messages.last().expect("a message");
    let offered: Vec<&Value> = body["tools"].as_array().into_iter().flatten().collect();
    let calls = last["role"] == "user" && !offered.is_empty() && body["tool_choice"] != "none";
    let says = if calls { None } else { Some("All is well.") };
    let calls: Vec<Value> = offered
        .iter()
        .filter(|_| calls)
        .enumerate()
        .map(|(at, tool)| call(at, tool, messages.len(), dialect))
        .collect();
    if body["stream"] != true {
        let mut message = json!({"role": "assistant", "content": says});
        think(&mut message, dialect);
        if !calls.is_empty() {
            message["tool_calls"] = json!(calls);
        }
        let choice = json!({"index": 0, "message": message, "finish_reason": reason(&calls)});
        let whole = json!({"id": "c1", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice], "usage": usage()});
        return Answer::json(200, whole.to_string());
    }
    stream(says, &calls, dialect, fault)
}

fn stream(
    says: Option<&str>,
    calls: &[Value],
    dialect: &ChatDialect,
    fault: Option<Fault>,
) -> Answer {
    let chunk = |delta: Value, reason: Value| {
        json!({"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m",
            "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]})
        .to_string()
    };
    let mut answer = Answer::sse().event(chunk(
        json!({"role": "assistant", "content": ""}),
        Value::Null,
    ));
    match fault {
        Some(Fault::Cut) => return answer.cut(Cut::Close),
        Some(Fault::ErrorChunk) => {
            let error = json!({"error": {"message": "overloaded", "code": "server_is_overloaded"}});
            return answer.event(error.to_string()).event("[DONE]");
        }
        _ => {}
    }
    let halves = THOUGHT.split_at(3);
    let deltas: Vec<Value> = match &*dialect.reasoning_key {
        "<think>" => ["<thi", "nk>", halves.0, halves.1, "</th", "ink>\n\n"]
            .iter()
            .map(|text| json!({"content": text}))
            .collect(),
        key => [halves.0, halves.1]
            .iter()
            .map(|text| json!({key: text}))
            .collect(),
    };
    for delta in deltas {
        answer = answer.event(chunk(delta, Value::Null));
    }
    if let Some(text) = says {
        let halves = text.split_at(4);
        for text in [halves.0, halves.1] {
            answer = answer.event(chunk(json!({"content": text}), Value::Null));
        }
    }
    for (at, call) in calls.iter().enumerate() {
        let arguments = call["function"]["arguments"].as_str().expect("text");
        let halves = arguments.split_at(arguments.len() / 2);
        let mut first = call.clone();
        first["index"] = json!(at);
        first["function"]["arguments"] = json!(halves.0);
        let rest = json!({"index": at, "function": {"arguments": halves.1}});
        for call in [first, rest] {
            answer = answer.event(chunk(json!({"tool_calls": [call]}), Value::Null));
        }
    }
    answer = answer.event(chunk(json!({}), json!(reason(calls))));
    let last = json!({"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [], "usage": usage()});
    answer.event(last.to_string()).event("[DONE]")
}

fn think(message: &mut Value, dialect: &ChatDialect) {
    if dialect.reasoning_key == "<think>" {
        let said = message["content"].as_str().unwrap_or_default().to_owned();
        message["content"] = json!(format!("<think>{THOUGHT}</think>\n\n{said}"));
    } else {
        message[&*dialect.reasoning_key] = json!(THOUGHT);
    }
}

fn call(at: usize, tool: &Value, round: usize, dialect: &ChatDialect) -> Value {
    let function = &tool["function"];
    let arguments = if function["parameters"]["properties"]["input"].is_object() {
        json!({"input": FREE_TEXT}).to_string()
    } else {
        json!({"city": "Oslo"}).to_string()
    };
    let id = dialect
        .call_ids
        .fit(&format!("call_{round}_{at}_{}", "x".repeat(64)));
    json!({"id": id, "type": "function", "function": {"name": function["name"], "arguments": arguments}})
}

fn reason(calls: &[Value]) -> &'static str {
    if calls.is_empty() {
        "stop"
    } else {
        "tool_calls"
    }
}

fn usage() -> Value {
    json!({"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15})
}

/// The reasoning of the model, the same in every response.
pub const THOUGHT: &str = "Let me see <\n";
/// The input of the custom tool.
pub const FREE_TEXT: &str = "*** \"Begin\"\n+ä 😀";

const KNOWN: &[&str] = &[
    "model",
    "messages",
    "stream",
    "stream_options",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "reasoning_effort",
    "reasoning",
    "response_format",
    "max_tokens",
    "max_completion_tokens",
    "temperature",
    "top_p",
    "store",
    "metadata",
    "user",
    "safety_identifier",
    "prompt_cache_key",
    "service_tier",
    "verbosity",
];
