use codex_transport::testing::{Answer, Cut, Script};
use serde_json::{Value, json};

use crate::process::*;

const APIS: [&str; 2] = ["/v1/responses", "/v1/chat/completions"];

fn request(path: &str, stream: bool) -> Value {
    match path {
        "/v1/responses" => json!({"model": "some-model", "input": "Why?", "stream": stream}),
        _ => {
            json!({"model": "some-model", "messages": [{"role": "user", "content": "Why?"}], "stream": stream})
        }
    }
}

#[tokio::test]
async fn refusals_of_the_service_keep_status_code_and_headers() {
    let refusal = |kind: &str, code: &str| json!({"error": {"message": "invented", "type": kind, "param": null, "code": code, "resets_in_seconds": 5400}});
    for (status, kind, code) in [
        (401, "invalid_request_error", "invalid_api_key"),
        (404, "invalid_request_error", "model_not_found"),
        (429, "tokens", "rate_limit_exceeded"),
        (500, "server_error", "server_error"),
        (503, "server_error", "server_is_overloaded"),
    ] {
        let answer = Answer::json(status, refusal(kind, code).to_string())
            .header("retry-after", "7")
            .header("x-request-id", "req_3")
            .header("x-should-retry", "false")
            .forever();
        let server = service(Script::new().answer(answer));
        let gateway = Gateway::before(&server, &[]);
        for path in APIS {
            for stream in [false, true] {
                let response = gateway.post(path, &request(path, stream)).await;
                assert_eq!(response.status(), status);
                assert_eq!(header(&response, "retry-after"), Some("7"));
                assert_eq!(header(&response, "x-request-id"), Some("req_3"));
                assert_eq!(header(&response, "x-should-retry"), Some("false"));
                assert_eq!(header(&response, "content-type"), Some("application/json"));
                let mut expected = refusal(kind, code);
                if status == 401 {
                    expected["error"]["message"] = json!(
                        "the service rejected the credentials of the gateway, not those of its client: invented"
                    );
                }
                assert_eq!(json_of(response).await, expected);
            }
        }
        // Clients retry by themselves.
        assert_eq!(server.requests().len(), 4, "status {status}");
    }
}

#[tokio::test]
async fn a_service_that_breaks_off_before_the_first_event_is_a_bad_gateway() {
    for (answer, code) in [
        (Answer::hang_up(Cut::Reset), "upstream_unreachable"),
        (Answer::sse().cut(Cut::Reset), "upstream_unreachable"),
        (Answer::sse(), "upstream_truncated"),
        (Answer::json(200, "{}"), "upstream_protocol"),
    ] {
        let server = service(Script::new().answer(answer.forever()));
        let gateway = Gateway::before(&server, &[]);
        for path in APIS {
            for stream in [false, true] {
                let response = gateway.post(path, &request(path, stream)).await;
                assert_eq!(response.status(), 502, "{code}");
                let error = json_of(response).await["error"].clone();
                assert_eq!(error["code"], code, "{error}");
                assert_eq!(error["type"], "server_error");
                assert!(
                    error["message"]
                        .as_str()
                        .is_some_and(|text| !text.is_empty())
                );
            }
        }
    }
}

#[tokio::test]
async fn a_service_that_breaks_off_later_is_an_error_in_the_stream() {
    for cut in [Cut::Reset, Cut::Close] {
        let half = || {
            Answer::sse()
                .event(created())
                .event(delta(1, "half"))
                .cut(cut)
        };
        let server = service(Script::new().answer(half().forever()));
        let gateway = Gateway::before(&server, &[]);
        let response = gateway.post(APIS[0], &request(APIS[0], true)).await;
        assert_eq!(response.status(), 200);
        let stream = text(response).await;
        let events: Vec<Value> = data(&stream)
            .iter()
            .map(|data| serde_json::from_str(data).expect("JSON"))
            .collect();
        let error = events.last().expect("an event");
        assert_eq!(error["type"], "error", "{stream}");
        assert_eq!(error["sequence_number"], 2);
        assert!(
            error["code"]
                .as_str()
                .is_some_and(|code| code.starts_with("upstream_")),
            "{error}"
        );
        assert_eq!(error.get("param"), Some(&Value::Null));

        let stream = text(gateway.post(APIS[1], &request(APIS[1], true)).await).await;
        let data = data(&stream);
        let error: Value = serde_json::from_str(data.last().expect("a chunk")).expect("JSON");
        assert!(error["error"]["message"].is_string(), "{stream}");
        assert!(!stream.contains("finish_reason\":\"stop"), "{stream}");
        assert!(!stream.contains("[DONE]"), "{stream}");

        // A client that asked for a document gets none of it.
        for path in APIS {
            let response = gateway.post(path, &request(path, false)).await;
            assert_eq!(response.status(), 502);
        }
    }
}

#[tokio::test]
async fn failures_as_events_are_those_of_each_api() {
    let failed = ending(
        "failed",
        json!({"output": [], "error": {"code": "rate_limit_exceeded", "message": "invented"}}),
    );
    let error = json!({"type": "error", "code": "context_length_exceeded", "message": "too long", "param": "input", "sequence_number": 1});
    let server = service(
        Script::new()
            .answer(Answer::sse().event(created()).event(&failed).times(2))
            .answer(
                Answer::sse()
                    .event(created())
                    .event(error.to_string())
                    .times(2),
            ),
    );
    let gateway = Gateway::before(&server, &[]);
    let stream = text(gateway.post(APIS[0], &request(APIS[0], true)).await).await;
    assert_eq!(
        serde_json::from_str::<Value>(data(&stream)[1]).expect("JSON"),
        serde_json::from_str::<Value>(&failed).expect("JSON")
    );
    let response = gateway.post(APIS[1], &request(APIS[1], false)).await;
    assert_eq!(response.status(), 429);
    assert_eq!(json_of(response).await["error"]["message"], "invented");

    for path in APIS {
        let response = gateway.post(path, &request(path, false)).await;
        assert_eq!(response.status(), 400, "{path}");
        let error = json_of(response).await["error"].clone();
        assert_eq!(error["code"], "context_length_exceeded", "{error}");
        assert_eq!(error["message"], "too long");
        assert_eq!(error["param"], "input");
    }
}

#[tokio::test]
async fn silence_of_the_service_ends() {
    let server = service(
        Script::new()
            .answer(Answer::silence())
            .answer(Answer::sse().event(created()).stall()),
    );
    let gateway = Gateway::before(&server, &["--idle-timeout", "0.3"]);
    let response = gateway.post(APIS[0], &request(APIS[0], true)).await;
    assert_eq!(response.status(), 504);
    assert_eq!(json_of(response).await["error"]["code"], "upstream_timeout");
    let stream = text(gateway.post(APIS[0], &request(APIS[0], true)).await).await;
    let error: Value = serde_json::from_str(data(&stream)[1]).expect("JSON");
    assert_eq!(error["code"], "upstream_timeout");
}

#[tokio::test]
async fn what_the_backend_does_not_take_is_refused_before_it_is_sent() {
    let server = service(Script::new().answer(answer()));
    let unfit =
        json!({"model": "some-model", "input": "Why?", "max_output_tokens": 100, "stream": true});
    let gateway = Gateway::before(&server, &["--profile", "chatgpt"]);
    let response = gateway.post(APIS[0], &unfit).await;
    assert_eq!(response.status(), 400);
    let error = json_of(response).await["error"].clone();
    assert_eq!(error["param"], "max_output_tokens", "{error}");
    assert_eq!(error["type"], "invalid_request_error");
    assert!(server.requests().is_empty());

    let gateway = Gateway::before(&server, &["--profile", "chatgpt", "--lenient"]);
    let response = gateway.post(APIS[0], &unfit).await;
    assert_eq!(response.status(), 200);
    assert!(
        header(&response, "x-gateway-changed")
            .is_some_and(|changed| changed.contains("/max_output_tokens"))
    );
}

#[tokio::test]
async fn a_body_that_cannot_be_read_says_where() {
    let gateway = Gateway::start(&[]);
    for path in APIS {
        for body in ["", "{", "[]", r#"{"stream":"yes"}"#] {
            let response = send(gateway.request("POST", path, body)).await;
            if path == APIS[1] && body.contains("stream") {
                // The chat API has its own form for this.
                assert_eq!(response.status(), 400, "{body}");
                continue;
            }
            assert_eq!(response.status(), 400, "{path} {body}");
            let error = json_of(response).await["error"].clone();
            assert_eq!(error["type"], "invalid_request_error", "{error}");
        }
    }
}
