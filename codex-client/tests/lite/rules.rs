//! The known or reported requirements of the backend, stated independently: this file uses none of
//! the tested crates.

use serde_json::{Value, json};

/// The models that require Responses Lite.
const LITE_MODELS: &[&str] = &["gpt-6.2-sol", "gpt-8-new"];

const LITE_HEADER: &str = "x-openai-internal-codex-responses-lite";
const LITE_KEY: &str = "ws_request_header_x_openai_internal_codex_responses_lite";
const NOT_SUPPORTED: &str = "The model is not supported when using Codex with a ChatGPT account.";

/// The headers of a request, with names in lower case.
pub type Headers = Vec<(String, String)>;

pub fn header<'a>(headers: &'a Headers, name: &str) -> Option<&'a str> {
    let found = headers.iter().find(|(known, _)| known == name);
    found.map(|(_, value)| value.as_str())
}

/// Every request, and the upgrade, states the identity and the version of the client.
pub fn judge_headers(headers: &Headers) -> Result<(), String> {
    for name in [
        "authorization",
        "chatgpt-account-id",
        "originator",
        "session-id",
        "thread-id",
        "x-client-request-id",
    ] {
        header(headers, name).ok_or_else(|| format!("Missing header: {name}"))?;
    }
    judge_version(headers)
}

/// Both versions must be those of a client that knows the models.
pub fn judge_version(headers: &Headers) -> Result<(), String> {
    let agent = header(headers, "user-agent").unwrap_or_default();
    let in_agent = agent.split(' ').next().and_then(|it| it.rsplit_once('/'));
    for version in [
        header(headers, "version"),
        in_agent.map(|(_, version)| version),
    ] {
        if version.is_none_or(|version| numbers(version) < [0, 171, 0]) {
            return Err("The model requires a newer version of Codex.".to_owned());
        }
    }
    Ok(())
}

fn numbers(version: &str) -> [u32; 3] {
    let mut numbers = [0; 3];
    for (number, text) in numbers.iter_mut().zip(version.split('.')) {
        *number = text.parse().unwrap_or(0);
    }
    numbers
}

/// Checks a request and returns its whole conversation. `before` is the state of the connection,
/// with the id of the response.
pub fn judge_body(
    body: &Value,
    is_announced: bool,
    before: Option<&(String, Vec<Value>)>,
) -> Result<Vec<Value>, String> {
    let is_lite_model = LITE_MODELS.contains(&body["model"].as_str().unwrap_or_default());
    if is_lite_model != is_announced {
        return Err(NOT_SUPPORTED.to_owned());
    }
    if body["store"] != false {
        return Err("Store must be set to false".to_owned());
    }
    if body["stream"] != true {
        return Err("Stream must be set to true".to_owned());
    }
    let input = body["input"].as_array().ok_or("Input must be a list")?;
    let mut whole = match (&body["previous_response_id"], before) {
        (Value::Null, _) => Vec::new(),
        (Value::String(id), Some((known, whole))) if id == known => whole.clone(),
        _ => return Err("Previous response not found".to_owned()),
    };
    let is_warm_up = body["generate"] == false;
    whole.extend(input.iter().cloned());
    if is_announced {
        judge_lite(body, &whole, is_warm_up)?;
    }
    judge_pairs(&whole)?;
    Ok(whole)
}

/// Checks a request to the compaction endpoint.
pub fn judge_compaction(body: &Value, is_announced: bool) -> Result<(), String> {
    let is_lite_model = LITE_MODELS.contains(&body["model"].as_str().unwrap_or_default());
    if is_lite_model != is_announced {
        return Err(NOT_SUPPORTED.to_owned());
    }
    if ["store", "stream", "include"]
        .iter()
        .any(|key| body.get(*key).is_some())
    {
        return Err("Unsupported parameter".to_owned());
    }
    judge_lite(body, list(body, "input"), false)
}

pub fn is_announced_by_header(headers: &Headers) -> bool {
    header(headers, LITE_HEADER) == Some("true")
}

pub fn is_announced_by_metadata(body: &Value) -> bool {
    body["client_metadata"][LITE_KEY] == "true"
}

fn judge_lite(body: &Value, whole: &[Value], is_warm_up: bool) -> Result<(), String> {
    for key in ["tools", "instructions"] {
        if body.get(key).is_some() {
            return Err(format!("Responses Lite does not support {key}"));
        }
    }
    if body["parallel_tool_calls"] != false {
        return Err("Responses Lite requires parallel_tool_calls to be false".to_owned());
    }
    if body["reasoning"]["context"] != "all_turns" {
        return Err("Responses Lite requires reasoning.context all_turns".to_owned());
    }
    if is_warm_up {
        return whole
            .is_empty()
            .then_some(())
            .ok_or_else(|| "A warm-up has input".to_owned());
    }
    let first = whole.first().unwrap_or(&Value::Null);
    if first["type"] != "additional_tools" || first["role"] != "developer" {
        return Err("Responses Lite starts with additional_tools".to_owned());
    }
    for tool in whole.iter().flat_map(|item| list(item, "tools")) {
        if tool["type"] != "namespace" {
            return Err(format!(
                "Unsupported tool in Responses Lite: {}",
                tool["type"]
            ));
        }
        for inner in list(tool, "tools") {
            if inner["type"] != "function" && inner["type"] != "custom" {
                return Err(format!(
                    "Unsupported tool in Responses Lite: {}",
                    inner["type"]
                ));
            }
        }
    }
    for item in whole {
        let is_ours = item["type"] == "message" && item["role"] != "assistant";
        let noted = &item["internal_chat_message_metadata_passthrough"];
        if is_ours && list(noted, "content_item_metadata").len() != list(item, "content").len() {
            return Err("A message does not say where its content comes from".to_owned());
        }
    }
    Ok(())
}

/// Checks that each call has one output, and each output one call before it.
fn judge_pairs(whole: &[Value]) -> Result<(), String> {
    let mut open: Vec<&Value> = Vec::new();
    for item in whole {
        match item["type"].as_str() {
            Some("function_call") => open.push(&item["call_id"]),
            Some("function_call_output") => {
                let at = open.iter().position(|id| **id == item["call_id"]);
                open.remove(at.ok_or("No tool call found for output")?);
            }
            _ => {}
        }
    }
    open.is_empty()
        .then_some(())
        .ok_or_else(|| "No tool output found for call".to_owned())
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().map_or(&[], Vec::as_slice)
}

/// Returns what the model adds to a conversation: a call of a declared function for a question, a
/// text for its output, or a compaction.
pub fn output(whole: &[Value], number: usize) -> Value {
    let last = whole.last().unwrap_or(&Value::Null);
    let tools = whole.iter().flat_map(|item| list(item, "tools"));
    let mut declared =
        tools.flat_map(|space| list(space, "tools").iter().map(move |it| (space, it)));
    match (last["type"].as_str(), declared.next()) {
        (Some("compaction_trigger"), _) => {
            json!({"type": "compaction", "id": format!("cmp_{number}"), "encrypted_content": "shorter"})
        }
        (Some("message"), Some((space, tool))) => json!({
            "type": "function_call", "id": format!("fc_{number}"), "call_id": format!("call_{number}"), "status": "completed",
            "namespace": space["name"], "name": tool["name"], "arguments": format!("{{\"a\":{number}}}"),
        }),
        _ => json!({
            "type": "message", "id": format!("msg_{number}"), "role": "assistant", "status": "completed", "phase": "final_answer",
            "content": [{"type": "output_text", "text": format!("Done with {}.", last["output"]), "annotations": []}],
        }),
    }
}
