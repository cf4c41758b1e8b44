use codex_transport::testing::{Answer, Script, Turn};
use serde_json::{Value, json};

use crate::process::*;

fn chunks(stream: &str) -> Vec<Value> {
    let data = data(stream);
    assert_eq!(data.last(), Some(&"[DONE]"), "{stream}");
    data[..data.len() - 1]
        .iter()
        .map(|data| serde_json::from_str(data).expect("JSON"))
        .collect()
}

#[tokio::test]
async fn a_chat_is_translated_there_and_back() {
    let server = service(Script::new().answer(answer()));
    let gateway = Gateway::before(&server, &[]);
    let response = gateway
        .post("/v1/chat/completions", &json!({"model": "some-model", "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Why?"}]}))
        .await;
    assert_eq!(response.status(), 200);
    assert_eq!(header(&response, "x-request-id"), Some("req_1"));
    let completion = json_of(response).await;
    assert_eq!(completion["object"], "chat.completion");
    assert_eq!(
        completion["choices"][0]["message"]["content"],
        "Because of the sun."
    );
    assert_eq!(completion["choices"][0]["finish_reason"], "stop");
    assert_eq!(completion["usage"]["prompt_tokens"], 3);
    let body: Value = serde_json::from_slice(&server.requests()[0].body).expect("JSON");
    assert_eq!(body["instructions"], "Be brief.");
    assert_eq!(body["input"][0]["role"], "user");
    assert_eq!(body["store"], false);
    assert_eq!(body["stream"], true);
}

#[tokio::test]
async fn a_streamed_chat_ends_with_the_usage_if_requested() {
    let server = service(Script::new().answer(answer().times(2)));
    let gateway = Gateway::before(&server, &[]);
    let mut request = json!({"model": "some-model", "messages": [{"role": "user", "content": "Why?"}], "stream": true});
    let text_of = |chunks: &[Value]| -> String {
        chunks
            .iter()
            .filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str())
            .collect()
    };
    let response = gateway.post("/v1/chat/completions", &request).await;
    assert_eq!(
        header(&response, "content-type"),
        Some("text/event-stream; charset=utf-8")
    );
    let plain = chunks(&text(response).await);
    assert_eq!(text_of(&plain), "Because of the sun.");
    assert!(plain.iter().all(|chunk| chunk["usage"].is_null()));
    let last = plain.last().expect("a chunk");
    assert_eq!(last["choices"][0]["finish_reason"], "stop");

    request["stream_options"] = json!({"include_usage": true});
    let stream = text(gateway.post("/v1/chat/completions", &request).await).await;
    let with_usage = chunks(&stream);
    assert_eq!(text_of(&with_usage), "Because of the sun.");
    let last = with_usage.last().expect("a chunk");
    assert_eq!(last["choices"], json!([]));
    assert_eq!(last["usage"]["total_tokens"], 7);
    assert!(!stream.contains("event:"), "chats have no event names");
}

#[tokio::test]
async fn tool_calls_come_back_in_either_form() {
    let turn = || {
        let turn = Turn::new("resp_1")
            .function_call("weather", r#"{"city":"Oslo"}"#)
            .function_call("time", r#"{"zone":"CET"}"#);
        Answer::sse().events(turn.events())
    };
    let server = service(Script::new().answer(turn()).answer(turn()));
    let gateway = Gateway::before(&server, &[]);
    let tool = |name: &str| json!({"type": "function", "function": {"name": name, "parameters": {"type": "object", "properties": {}}}});
    let mut request = json!({"model": "some-model", "messages": [{"role": "user", "content": "Weather?"}], "tools": [tool("weather"), tool("time")]});
    let whole = json_of(gateway.post("/v1/chat/completions", &request).await).await;
    assert_eq!(whole["choices"][0]["finish_reason"], "tool_calls");
    let calls = &whole["choices"][0]["message"]["tool_calls"];
    assert_eq!(calls[0]["function"]["name"], "weather");
    assert_eq!(calls[1]["function"]["arguments"], r#"{"zone":"CET"}"#);

    request["stream"] = json!(true);
    let chunks = chunks(&text(gateway.post("/v1/chat/completions", &request).await).await);
    let mut arguments = [String::new(), String::new()];
    let mut names = Vec::new();
    for call in chunks
        .iter()
        .filter_map(|chunk| chunk["choices"][0]["delta"]["tool_calls"].as_array())
        .flatten()
    {
        let index = usize::try_from(call["index"].as_u64().expect("an index")).expect("small");
        arguments[index].push_str(call["function"]["arguments"].as_str().unwrap_or_default());
        names.extend(call["function"]["name"].as_str());
    }
    assert_eq!(names, ["weather", "time"]);
    assert_eq!(arguments, [r#"{"city":"Oslo"}"#, r#"{"zone":"CET"}"#]);

    let sent: Value = serde_json::from_slice(&server.requests()[0].body).expect("JSON");
    assert_eq!(sent["tools"][0]["name"], "weather", "tools are flat there");
}

#[tokio::test]
async fn what_has_no_counterpart_is_refused_by_name_or_left_out_on_demand() {
    let server = service(Script::new().answer(answer()));
    let request = json!({"model": "some-model", "messages": [{"role": "user", "content": "Why?"}], "seed": 7});
    let gateway = Gateway::before(&server, &[]);
    let response = gateway.post("/v1/chat/completions", &request).await;
    assert_eq!(response.status(), 400);
    let error = &json_of(response).await["error"];
    assert_eq!(error["param"], "seed");
    assert_eq!(error["code"], "unsupported_parameter");
    assert_eq!(error["type"], "invalid_request_error");
    assert!(server.requests().is_empty());

    let gateway = Gateway::before(&server, &["--lenient"]);
    let response = gateway.post("/v1/chat/completions", &request).await;
    assert_eq!(response.status(), 200);
    let changed = header(&response, "x-gateway-changed").expect("what was changed");
    assert!(changed.starts_with("/seed "), "{changed}");
}

#[tokio::test]
async fn a_refusal_names_the_parameter_that_the_client_sent() {
    let server = service(Script::new());
    let gateway = Gateway::before(&server, &["--profile", "chatgpt"]);
    for name in ["max_tokens", "max_completion_tokens"] {
        let mut request =
            json!({"model": "some-model", "messages": [{"role": "user", "content": "Why?"}]});
        request[name] = json!(100);
        let response = gateway.post("/v1/chat/completions", &request).await;
        assert_eq!(response.status(), 400);
        let error = json_of(response).await["error"].clone();
        assert_eq!(error["param"], name, "{error}");
        let message = error["message"].as_str().expect("a message");
        assert!(message.starts_with(&format!("{name}: ")), "{message}");
        assert!(!message.contains("max_output_tokens"), "{message}");
    }
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn reasoning_is_told_where_it_was_asked_for() {
    let turn = Turn::new("resp_1")
        .reasoning("First think.")
        .message("Because.");
    let server = service(Script::new().answer(Answer::sse().events(turn.events()).times(2)));
    let request = json!({"model": "some-model", "messages": [{"role": "user", "content": "Why?"}]});
    let told = async |more: &[&str]| {
        let gateway = Gateway::before(&server, more);
        let completion = json_of(gateway.post("/v1/chat/completions", &request).await).await;
        completion["choices"][0]["message"]["reasoning_content"].clone()
    };
    assert_eq!(told(&[]).await, Value::Null);
    assert_eq!(told(&["--reasoning"]).await, "First think.");
    let body: Value = serde_json::from_slice(&server.requests()[1].body).expect("JSON");
    assert_eq!(body["reasoning"]["summary"], "auto");
}

#[tokio::test]
async fn a_chat_cut_short_by_a_limit_says_so() {
    let event = ending(
        "incomplete",
        json!({"incomplete_details": {"reason": "max_output_tokens"}}),
    );
    let server = service(Script::new().answer(Answer::sse().event(created()).event(event)));
    let gateway = Gateway::before(&server, &[]);
    let request = json!({"model": "some-model", "messages": [{"role": "user", "content": "Why?"}]});
    let completion = json_of(gateway.post("/v1/chat/completions", &request).await).await;
    assert_eq!(completion["choices"][0]["finish_reason"], "length");
}
