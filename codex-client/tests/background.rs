//! Background responses over HTTP whose connection breaks: the client continues after the last
//! event, and every event is seen once.

use codex_client::sse::Update;
use codex_client::{Client, ErrorKind};
use codex_transport::RetryPolicy;
use codex_transport::testing::{Answer, Cut, LoopbackServer, Script};
use codex_types::{CreateResponse, Status, Streaming};
use serde_json::{Value, json};

use crate::kit;

const PATH: &str = "/v1/responses";
const STORED: &str = "/v1/responses/resp_1";

fn whole(status: &str, output: Value) -> Value {
    kit::response("resp_1", status, output)
}

fn output() -> Value {
    json!([kit::message("msg_1", "one two three")])
}

/// All events of the response, by number.
fn events() -> Vec<Value> {
    let delta = |text: &str| json!({"type": "response.output_text.delta", "item_id": "msg_1", "output_index": 0, "content_index": 0, "delta": text});
    let mut events = vec![
        json!({"type": "response.created", "response": whole("queued", json!([]))}),
        json!({"type": "response.in_progress", "response": whole("in_progress", json!([]))}),
        delta("one "),
        delta("two "),
        delta("three"),
        json!({"type": "response.completed", "response": whole("completed", output())}),
    ];
    for (number, event) in events.iter_mut().enumerate() {
        event["sequence_number"] = json!(number);
    }
    events
}

fn stream(events: &[Value]) -> Answer {
    let add = |answer: Answer, event: &Value| answer.event(event.to_string());
    events.iter().fold(Answer::sse(), add)
}

fn start(script: Script, retry: RetryPolicy) -> (LoopbackServer, Client) {
    kit::start(script, |client| client.retry(retry))
}

/// The stream is cut after each of these counts of events; the next one continues there, or repeats
/// one.
fn cut_at(cuts: &[usize], repeats: bool) -> Script {
    let events = events();
    let mut script = Script::new();
    let mut from = 0;
    let mut path = PATH;
    let mut method = "POST";
    for cut in cuts.iter().copied().chain([events.len()]) {
        let part = stream(&events[from..cut]);
        let part = match cut == events.len() {
            true => part,
            false => part.cut(Cut::Close),
        };
        script = script.route(method, path, part);
        (method, path) = ("GET", STORED);
        from = if repeats { cut.saturating_sub(1) } else { cut };
    }
    script
}

fn request() -> CreateResponse {
    CreateResponse::new("some-model")
        .input("Count.")
        .background(true)
}

fn resumed_after(server: &LoopbackServer) -> Vec<String> {
    let requests = server.requests();
    let gets = requests.iter().filter(|it| it.method == http::Method::GET);
    gets.map(|it| it.uri.query().unwrap_or_default().to_owned())
        .collect()
}

#[tokio::test]
async fn a_cut_at_any_event_is_resumed_and_every_event_seen_once() {
    for repeats in [false, true] {
        for first in 1..events().len() {
            for second in first + 1..=events().len() {
                let cuts = match second == events().len() {
                    true => vec![first],
                    false => vec![first, second],
                };
                let (server, client) = start(cut_at(&cuts, repeats), kit::fast());
                let mut stream = client.stream(&request()).await.expect("a stream");
                let mut numbers = Vec::new();
                while let Some(event) = stream.next().await {
                    numbers.push(event.expect("no error").sequence_number());
                }
                let all: Vec<_> = (0..events().len() as u64).map(Some).collect();
                assert_eq!(numbers, all, "{cuts:?}");
                assert_eq!(
                    stream.finish().await.unwrap().output_text(),
                    "one two three"
                );
                let expected: Vec<_> = cuts
                    .iter()
                    .map(|cut| format!("stream=true&starting_after={}", cut - 1))
                    .collect();
                assert_eq!(resumed_after(&server), expected);
            }
        }
    }
}

#[tokio::test]
async fn whole_responses_updates_and_sessions_are_resumed() {
    for cut in [1, 2, 3, 5] {
        let (_server, client) = start(cut_at(&[cut], true), kit::fast());
        let response = client.create(&request()).await.expect("a response");
        assert_eq!(response.output_text(), "one two three", "{cut}");

        let (_server, client) = start(cut_at(&[cut], true), kit::fast());
        let mut stream = client.stream(&request()).await.expect("a stream");
        let (mut text, mut ends) = (String::new(), 0);
        while let Some(update) = stream.next_update().await {
            match update.expect("no error") {
                Update::Text { delta, .. } => text.push_str(delta),
                Update::Ended(_) => ends += 1,
                _ => {}
            }
        }
        assert_eq!((text.as_str(), ends), ("one two three", 1), "{cut}");

        let (_server, client) = start(cut_at(&[cut], false), kit::fast());
        let mut session = client.session(CreateResponse::new("some-model").background(true));
        let response = session.ask("Count.").await.expect("a response");
        assert_eq!(response.output_text(), "one two three", "{cut}");
        assert_eq!(session.history().count(), 2);

        // The stream of a stored response is resumed like that of a new one.
        let script = Script::new()
            .route("GET", STORED, stream_of(1..cut.max(2)).cut(Cut::Close))
            .route("GET", STORED, stream_of(cut.max(2)..6));
        let (_server, client) = start(script, kit::fast());
        let stream = client.resume("resp_1", Some(0)).await.expect("a stream");
        assert_eq!(
            stream.finish().await.unwrap().output_text(),
            "one two three"
        );
    }
}

fn stream_of(range: std::ops::Range<usize>) -> Answer {
    stream(&events()[range])
}

#[tokio::test]
async fn attempts_end_with_the_retry_policy_and_what_is_not_kept_is_not_resumed() {
    let broken = || stream_of(0..3).cut(Cut::Close);
    let script = Script::new().route("POST", PATH, broken());
    let (server, client) = start(script, RetryPolicy::none());
    let error = client.create(&request()).await.expect_err("it broke");
    assert_eq!(error.partial().unwrap().output_text(), "one ");
    assert!(
        !error.is_retryable(),
        "another request would create another"
    );
    assert!(resumed_after(&server).is_empty());

    let script = Script::new().route("POST", PATH, broken());
    let (server, client) = start(script, kit::fast());
    let request = request().store(false);
    client.create(&request).await.expect_err("it broke");
    assert!(resumed_after(&server).is_empty());

    // Each connection brings no new event, so the attempts are used up.
    let nothing = || Answer::sse().cut(Cut::Close);
    let script = (0..20).fold(Script::new().route("POST", PATH, broken()), |script, _| {
        script.route("GET", STORED, nothing())
    });
    let (server, client) = start(script, kit::fast());
    let request = self::request();
    client.create(&request).await.expect_err("it broke");
    assert!((1..20).contains(&resumed_after(&server).len()));
}

#[tokio::test]
async fn events_that_are_gone_are_made_from_the_whole_response() {
    let stored = || Answer::json(200, whole("completed", output()).to_string());
    let gone = Answer::json(404, r#"{"error":{"message":"invented"}}"#);
    // The server no longer has the events, or responds to every request with a document.
    for script in [
        Script::new()
            .route("GET", STORED, gone)
            .route("GET", STORED, stored()),
        Script::new().route("GET", STORED, stored()),
    ] {
        let script = script.route("POST", PATH, stream_of(0..4).cut(Cut::Close));
        let (_server, client) = start(script, kit::fast());
        let mut stream = client.stream(&request()).await.expect("a stream");
        let mut text = String::new();
        while let Some(update) = stream.next_update().await {
            if let Update::Text { delta, .. } = update.expect("no error") {
                text.push_str(delta);
            }
        }
        assert_eq!(text, "one two three");
        assert_eq!(
            stream.finish().await.unwrap().output_text(),
            "one two three"
        );
    }
}

#[tokio::test]
async fn a_document_that_is_still_queued_is_pending() {
    for status in ["queued", "in_progress"] {
        let answer = || Answer::json(200, whole(status, json!([])).to_string());
        let script = (0..4).fold(Script::new(), |script, _| script.answer(answer()));
        let (server, client) = start(script, kit::fast());
        let request = request();
        let mut session = client.session(CreateResponse::new("some-model").background(true));
        let stream = client.stream(&request).await.expect("a stream");
        for error in [
            client.create(&request).await.expect_err("not ended"),
            stream.finish().await.expect_err("not ended"),
            session.ask("Count.").await.expect_err("not ended"),
        ] {
            assert_eq!(error.kind(), ErrorKind::Pending);
            assert!(
                !error.is_retryable(),
                "another request would create another"
            );
            let response = error.partial().expect("the response");
            assert_eq!(
                (response.id.as_str(), response.status.as_str()),
                ("resp_1", status)
            );
            assert!(error.to_string().contains("Client::retrieve"), "{error}");
        }
        assert_eq!(session.history().count(), 0);
        // A caller that requested a document gets it unchanged.
        let response = client.create(&request).streaming(Streaming::No).await;
        assert_eq!(response.expect("a response").status, Status::from(status));
        assert_eq!(server.requests().len(), 4);
    }
}

#[cfg(feature = "ws")]
#[tokio::test]
async fn a_socket_session_with_a_pending_document_creates_no_second_response() {
    use codex_client::{Interruption, SocketSession, SocketSettings};

    let queued = || Answer::json(200, whole("queued", json!([])).to_string());
    let script = Script::new().answer(queued()).answer(queued());
    let (server, client) = start(script, kit::fast());
    let mut settings = SocketSettings::default();
    settings.interruption = Interruption::Restart;
    let mut session = SocketSession::new(&client, settings);
    let error = session.create(&request()).await.expect_err("not ended");
    assert_eq!(error.kind(), ErrorKind::Pending);
    let settings = SocketSettings::default();
    let session = client.session(CreateResponse::new("some-model").background(true));
    let mut session = session.over_sockets(settings);
    let error = session.ask("Count.").await.expect_err("not ended");
    assert_eq!(error.kind(), ErrorKind::Pending);
    assert_eq!(server.requests().len(), 2);
}
