//! The prompt cache of a session: breakpoints, and how stable a prompt is, over both transports.
#![cfg(feature = "ws")]

use codex_client::{CacheBreakpoints, Client, Session};
use codex_transport::testing::{Answer, LoopbackServer, Script};
use codex_types::profile::Profile;
use codex_types::{CreateResponse, FunctionCallOutput, InputItem, Message};
use serde_json::{Value, json};

fn completed(number: usize, output: &Value, cached: u64) -> String {
    json!({"type": "response.completed", "response": {"id": format!("resp_{number}"), "status": "completed", "output": output,
        "usage": {"input_tokens": 100, "output_tokens": 10, "total_tokens": 110, "input_tokens_details": {"cached_tokens": cached}}}})
    .to_string()
}

fn said(number: usize) -> Value {
    json!([{"type": "message", "id": format!("msg_{number}"), "role": "assistant", "status": "completed",
        "content": [{"type": "output_text", "text": "yes", "annotations": []}]}])
}

fn over_http(answers: Vec<String>) -> LoopbackServer {
    let mut script = Script::new();
    for event in answers {
        script = script.answer(Answer::sse().event(event));
    }
    LoopbackServer::start(script).unwrap()
}

fn client(server: &LoopbackServer, mut profile: Profile) -> Client {
    // The tests read the bodies.
    profile.compression = None;
    let builder = Client::builder().base_url(server.url("/v1"));
    builder.profile(profile).build().unwrap()
}

fn bodies(server: &LoopbackServer) -> Vec<Value> {
    let bodies = server.requests().into_iter();
    bodies
        .map(|request| serde_json::from_slice(&request.body).unwrap())
        .collect()
}

/// The places of the breakpoints: the index of the item and of the part.
fn marks(body: &Value) -> Vec<(usize, usize)> {
    let mut marks = Vec::new();
    for (at, item) in body["input"].as_array().unwrap().iter().enumerate() {
        let parts = item.get("content").or_else(|| item.get("output"));
        for (part, value) in parts
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .enumerate()
        {
            if value["prompt_cache_breakpoint"]["mode"] == "explicit" {
                marks.push((at, part));
            }
        }
    }
    marks
}

fn settings(model: &str) -> CreateResponse {
    let start = [InputItem::from(Message::developer("Be brief."))];
    CreateResponse::new(model).input(start)
}

async fn three_turns(mut session: Session) {
    session.ask("One?").await.unwrap();
    session.ask("Two?").await.unwrap();
    session.ask("Three?").await.unwrap();
}

fn three_answers() -> Vec<String> {
    (1..=3)
        .map(|number| completed(number, &said(number), 0))
        .collect()
}

#[tokio::test]
async fn breakpoints_are_placed_where_the_model_takes_them_and_stay() {
    let server = over_http(three_answers());
    let session = client(&server, Profile::platform()).session(settings("gpt-6.2-sol"));
    three_turns(session.with_cache_breakpoints(CacheBreakpoints::Automatic)).await;
    let bodies = bodies(&server);
    assert_eq!(marks(&bodies[0]), [(0, 0), (1, 0)]);
    assert_eq!(marks(&bodies[1]), [(0, 0), (1, 0), (3, 0)]);
    assert_eq!(marks(&bodies[2]), [(0, 0), (1, 0), (3, 0), (5, 0)]);
    // Nothing that was sent changes.
    let (second, third) = (&bodies[1]["input"], &bodies[2]["input"]);
    for at in 0..4 {
        assert_eq!(second[at], third[at]);
    }
}

#[tokio::test]
async fn nothing_is_placed_unasked_or_where_it_is_not_taken() {
    for (profile, model, asked) in [
        (Profile::platform(), "gpt-6.2-sol", false),
        (Profile::platform(), "gpt-5.5", true),
        (Profile::platform(), "some-model", true),
        (Profile::chatgpt(), "gpt-5.5", true),
        (Profile::chatgpt(), "gpt-6.2-sol", true),
    ] {
        let server = over_http(three_answers());
        let mut session = client(&server, profile).session(settings(model));
        if asked {
            session = session.with_cache_breakpoints(CacheBreakpoints::Automatic);
        }
        three_turns(session).await;
        for body in bodies(&server) {
            assert!(!body.to_string().contains("breakpoint"), "{model}: {body}");
        }
    }
}

#[tokio::test]
async fn outputs_of_tools_are_marked_too() {
    let call = json!([{"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "f", "arguments": "{}", "status": "completed"}]);
    let server = over_http(vec![completed(1, &call, 0), completed(2, &said(2), 0)]);
    let session = client(&server, Profile::platform()).session(CreateResponse::new("gpt-6.2-sol"));
    let mut session = session.with_cache_breakpoints(CacheBreakpoints::Automatic);
    session.ask("One?").await.unwrap();
    let output = FunctionCallOutput::new("21 degrees").call_id("call_1");
    let turn = session.follow_up([InputItem::from(output)]).await.unwrap();
    turn.finish().await.unwrap();
    let bodies = bodies(&server);
    assert_eq!(marks(&bodies[1]), [(0, 0), (2, 0)]);
    assert_eq!(bodies[1]["input"][2]["output"][0]["text"], "21 degrees");
}

#[tokio::test]
async fn a_model_that_takes_none_gets_the_history_without_them() {
    let server = over_http(three_answers());
    let session = client(&server, Profile::platform()).session(settings("gpt-6.2-sol"));
    let mut session = session.with_cache_breakpoints(CacheBreakpoints::Automatic);
    session.ask("One?").await.unwrap();
    session.settings_mut().model = "gpt-5.5".into();
    session.ask("Two?").await.unwrap();
    session.settings_mut().model = "gpt-6.2-sol".into();
    session.ask("Three?").await.unwrap();
    let bodies = bodies(&server);
    assert_eq!(marks(&bodies[1]), []);
    assert_eq!(marks(&bodies[2]), [(0, 0), (1, 0), (5, 0)]);
}

/// The stability before, during and after a turn, and what the service reports.
async fn report(mut session: Session) -> Vec<(Option<f64>, Option<f64>)> {
    assert_eq!(session.prompt_stability(), None);
    let mut reports = Vec::new();
    for question in ["One?", "Two?", "Three?"] {
        if question == "Three?" {
            session.settings_mut().instructions = Some("It is 12:01.".into());
        }
        let turn = session.turn(question).await.unwrap();
        let during = turn.prompt_stability();
        let response = turn.finish().await.unwrap();
        assert_eq!(session.prompt_stability(), during);
        let ratio = response.usage.unwrap().cached_ratio();
        reports.push((during.map(|stability| stability.share()), ratio));
    }
    // A fork continues the same prompt.
    assert_eq!(session.fork().prompt_stability(), None);
    assert_eq!(session.usage().cached_ratio(), Some(0.3));
    reports
}

fn reported() -> Vec<String> {
    let cached = [0, 90, 0];
    let answer = |(at, cached): (usize, u64)| completed(at + 1, &said(at + 1), cached);
    cached.into_iter().enumerate().map(answer).collect()
}

const EXPECTED: [(Option<f64>, Option<f64>); 3] = [
    (None, Some(0.0)),
    (Some(1.0), Some(0.9)),
    (Some(0.0), Some(0.0)),
];

#[tokio::test]
async fn stability_and_cached_ratio_are_known_for_each_turn_over_http() {
    let server = over_http(reported());
    let client = client(&server, Profile::platform());
    let session = client.session(CreateResponse::new("some-model").instructions("It is 12:00."));
    assert_eq!(report(session).await, EXPECTED);
}

#[tokio::test]
async fn stability_and_cached_ratio_are_known_for_each_turn_over_a_socket() {
    let mut answer = Answer::websocket();
    for event in reported() {
        answer = answer.receive().event(event);
    }
    let server = LoopbackServer::start(Script::new().answer(answer)).unwrap();
    let client = client(&server, Profile::platform());
    let session = client.session(CreateResponse::new("some-model").instructions("It is 12:00."));
    let session = session.over_sockets(Default::default());
    assert_eq!(report(session).await, EXPECTED);
    // The second turn sent only what was new, and is still compared as a whole.
    let second: Value = serde_json::from_slice(&server.messages()[1].text).unwrap();
    assert_eq!(second["input"].as_array().unwrap().len(), 1);
}
