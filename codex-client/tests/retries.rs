//! Which requests are resent and which are not: the same over HTTP, whether a response is created
//! or streamed.

use std::time::{Duration, Instant};

use codex_client::{Client, ErrorKind, Tools};
use codex_transport::testing::{Answer, Cut, LoopbackServer, Script};
use codex_transport::{RetryPolicy, Timeouts};
use codex_types::CreateResponse;

use crate::kit::{self, fast};

const COMPLETED: &str = r#"{"type":"response.completed","response":{"id":"resp_1","status":"completed","output":[{"type":"message","id":"msg_1","role":"assistant","content":[{"type":"output_text","text":"Hello.","annotations":[]}]}]}}"#;
const CREATED: &str =
    r#"{"type":"response.created","response":{"id":"resp_0","status":"in_progress","output":[]}}"#;
const IN_PROGRESS: &str = r#"{"type":"response.in_progress","response":{"id":"resp_0","status":"in_progress","output":[]}}"#;
const OVERLOADED: &str = r#"{"type":"response.failed","response":{"id":"resp_0","status":"failed","error":{"code":"server_is_overloaded","message":"busy"},"output":[]}}"#;
const DELTA: &str = r#"{"type":"response.output_text.delta","item_id":"msg_0","output_index":0,"content_index":0,"delta":"Hel"}"#;

fn start(script: Script) -> (LoopbackServer, Client) {
    start_with(script, fast(), Timeouts::default())
}

fn start_with(script: Script, policy: RetryPolicy, timeouts: Timeouts) -> (LoopbackServer, Client) {
    kit::start(script, |client| client.retry(policy).timeouts(timeouts))
}

fn request() -> CreateResponse {
    CreateResponse::new("some-model").input("Hello")
}

fn done() -> Answer {
    Answer::sse().event(COMPLETED)
}

fn overloaded() -> Answer {
    Answer::sse()
        .event(CREATED)
        .event(IN_PROGRESS)
        .event(OVERLOADED)
}

#[tokio::test]
async fn an_overload_after_created_is_retried() {
    let script = || Script::new().answer(overloaded()).answer(done());
    let (server, client) = start(script());
    let response = client.create(&request()).await.expect("a response");
    assert_eq!(response.output_text(), "Hello.");
    assert_eq!(server.requests().len(), 2);

    let (server, client) = start(script());
    let mut stream = client.stream(&request()).await.expect("a stream");
    while let Some(update) = stream.next_update().await {
        update.expect("an update");
    }
    assert_eq!(stream.snapshot().id, "resp_1");
    assert_eq!(server.requests().len(), 2);

    let (server, client) = start(script());
    let mut session = client.session(CreateResponse::new("some-model"));
    let tools = Tools::new();
    session.run(&tools, "Hello").await.expect("a response");
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn a_raw_stream_passes_events_on_at_once_unless_it_holds_them() {
    let (server, client) = start(Script::new().answer(overloaded()).answer(done()));
    let mut stream = client.stream(&request()).await.expect("a stream");
    let mut kinds = Vec::new();
    while let Some(event) = stream.next().await {
        kinds.push(event.expect("an event").kind().to_owned());
    }
    assert_eq!(
        kinds,
        [
            "response.created",
            "response.in_progress",
            "response.failed"
        ]
    );
    assert_eq!(server.requests().len(), 1);

    let (server, client) = start(Script::new().answer(overloaded()).answer(done()));
    let mut stream = client
        .stream(&request())
        .hold_events(true)
        .await
        .expect("a stream");
    let event = stream.next().await.expect("an item").expect("an event");
    assert_eq!(event.kind(), "response.completed");
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn a_keep_alive_does_not_end_the_attempts() {
    for keepalive in [
        r#"{"type":"keepalive","sequence_number":0}"#,
        r#"{"type":"codex.rate_limits","rate_limits":{}}"#,
    ] {
        let cut = Answer::sse().event(keepalive).cut(Cut::Reset);
        let (server, client) = start(Script::new().answer(cut.clone()).answer(done()));
        client.create(&request()).await.expect("a response");
        assert_eq!(server.requests().len(), 2);
        // A raw stream is retried too.
        let (server, client) = start(Script::new().answer(cut).answer(done()));
        let mut stream = client.stream(&request()).await.expect("a stream");
        let mut last = String::new();
        while let Some(event) = stream.next().await {
            last = event.expect("an event").kind().to_owned();
        }
        assert_eq!(last, "response.completed");
        assert_eq!(server.requests().len(), 2);
    }
}

#[tokio::test]
async fn what_was_seen_is_never_repeated() {
    let cut = Answer::sse().event(CREATED).event(DELTA).cut(Cut::Reset);
    let (server, client) = start(Script::new().answer(cut).answer(done()));
    let error = client.create(&request()).await.expect_err("a cut");
    assert_eq!(error.partial().expect("a partial").output_text(), "Hel");
    assert!(!error.is_retryable());
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn our_own_timeout_is_not_followed_by_a_copy() {
    let mut timeouts = Timeouts::default();
    timeouts.headers = Some(Duration::from_millis(100));
    let script = || Script::new().answer(Answer::silence().forever());
    let (server, client) = start_with(script(), fast(), timeouts);
    let error = client.create(&request()).await.expect_err("silence");
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert_eq!(server.requests().len(), 1);

    let (server, client) = kit::start(script(), |client| {
        client
            .retry(fast())
            .timeouts(timeouts)
            .resend_after_timeout(true)
    });
    client.create(&request()).await.expect_err("silence");
    assert_eq!(server.requests().len(), 4);
}

#[tokio::test]
async fn the_wait_in_a_message_is_kept_or_ends_the_attempts() {
    let busy = |wait: &str| {
        let body = format!(
            r#"{{"error":{{"code":"rate_limit_exceeded","message":"Please try again in {wait}."}}}}"#
        );
        Answer::json(429, body)
    };
    let (server, client) = start(Script::new().answer(busy("1s")).answer(done()));
    let started = Instant::now();
    client.create(&request()).await.expect("a response");
    assert!(started.elapsed() >= Duration::from_secs(1));
    assert_eq!(server.requests().len(), 2);

    let (server, client) = start(Script::new().answer(busy("120s")).answer(done()));
    let error = client.create(&request()).await.expect_err("too long");
    assert_eq!(error.retry_after(), Some(Duration::from_secs(120)));
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn a_conversation_is_never_told_the_same_twice() {
    for failure in [
        Answer::json(503, "{}"),
        Answer::hang_up(Cut::Reset),
        overloaded(),
    ] {
        let (server, client) = start(Script::new().answer(failure).answer(done()));
        let request = request().conversation("conv_1");
        client.create(&request).await.expect_err("a failure");
        assert_eq!(server.requests().len(), 1);
    }
}

#[tokio::test]
async fn a_background_response_that_exists_is_not_made_again() {
    let cut = Answer::sse().event(CREATED).cut(Cut::Reset);
    let (server, client) = start(Script::new().answer(cut).answer(done()));
    let error = client
        .create(&request().background(true))
        .await
        .expect_err("a cut");
    assert_eq!(error.partial().expect("a partial").id, "resp_0");
    let requests = server.requests();
    let methods: Vec<&str> = requests.iter().map(|it| it.method.as_str()).collect();
    assert_eq!(methods, ["POST", "GET"], "it is only fetched again");
}

#[tokio::test]
async fn json_in_place_of_events_is_understood() {
    let error = r#"{"error":{"code":"invalid_prompt","message":"no"}}"#;
    let (server, client) = start(Script::new().answer(Answer::json(200, error)));
    let failed = client.create(&request()).await.expect_err("an error");
    assert_eq!(failed.kind(), ErrorKind::Failed);
    assert_eq!(failed.message(), Some("no"));
    assert_eq!(server.requests().len(), 1);

    let whole = r#"{"id":"resp_1","status":"completed","output":[{"type":"message","id":"msg_1","role":"assistant","status":"completed","content":[{"type":"output_text","text":"Hello.","annotations":[]}]}]}"#;
    let (_server, client) = start(Script::new().answer(Answer::json(200, whole).times(2)));
    let response = client.create(&request()).await.expect("a response");
    assert_eq!(response.output_text(), "Hello.");
    let mut stream = client.stream(&request()).await.expect("a stream");
    let first = stream.next().await.expect("an item").expect("an event");
    assert_eq!(first.kind(), "response.created");

    let busy = r#"{"error":{"code":"server_is_overloaded","message":"busy"}}"#;
    let script = Script::new().answer(Answer::json(200, busy)).answer(done());
    let (server, client) = start(script);
    client.create(&request()).await.expect("a response");
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn a_stalled_connection_does_not_hold_an_error_back() {
    let stalled = Answer::status(400)
        .header("content-type", "application/json")
        .body(r#"{"error":{"message":"a \"quoted\" } brace","param":"input"}}"#)
        .stall();
    let (_server, client) = start(Script::new().answer(stalled));
    let request = request();
    let asked = client.create(&request);
    let error = tokio::time::timeout(Duration::from_secs(5), asked.into_future())
        .await
        .expect("in time")
        .expect_err("a refusal");
    assert_eq!(error.message(), Some(r#"a "quoted" } brace"#));
}

#[tokio::test]
async fn an_error_says_what_is_wrong() {
    let body = r#"{"error":{"message":"Unknown parameter: 'foo'.","type":"invalid_request_error","param":"foo","code":"unknown_parameter"}}"#;
    let (_server, client) = start(Script::new().answer(Answer::json(400, body)));
    let error = client.create(&request()).await.expect_err("a refusal");
    let shown = error.to_string();
    assert!(
        shown.contains("400 (unknown_parameter): Unknown parameter: 'foo'. (type invalid_request_error, param foo)"),
        "{shown}"
    );
    let debug = format!("{error:?}");
    assert!(debug.contains("Unknown parameter"), "{debug}");
}

#[tokio::test]
async fn a_page_with_braces_is_read_to_its_end() {
    let page = Answer::status(400)
        .header("content-type", "text/html")
        .body("<html><style>a{b:c}</style>")
        .pause(Duration::from_millis(20))
        .body("<title>Blocked by the proxy</title></html>");
    let (_server, client) = kit::start(Script::new().answer(page), |client| client);
    let error = client.create(&request()).await.expect_err("a refusal");
    assert_eq!(error.message(), Some("Blocked by the proxy"));
}

#[tokio::test]
async fn the_credential_of_the_request_is_shown_nowhere() {
    let echo = |text: &str| {
        format!(r#"{{"error":{{"message":"bad key {text}","code":"{text}","param":"{text}"}}}}"#)
    };
    let secret = "sk-canary-7f3a9b";
    let failed = format!(
        r#"{{"type":"response.failed","response":{{"id":"resp_0","status":"failed","error":{{"code":"invalid_prompt","message":"key {secret}"}},"output":[]}}}}"#
    );
    let script = Script::new()
        .answer(Answer::json(400, echo(secret)).header("x-echo", &format!("Bearer {secret}")))
        .answer(Answer::sse().event(failed));
    let server = LoopbackServer::start(script).expect("a loopback server");
    let key = codex_client::auth::ApiKey::new(codex_client::auth::Secret::from(secret));
    let client = Client::builder()
        .base_url(server.url("/v1"))
        .auth(key.expect("a key"))
        .build()
        .expect("a client");
    for _ in 0..2 {
        let error = client.create(&request()).await.expect_err("a refusal");
        let all = format!("{error} {error:?} {:?} {:?}", error.api(), error.meta());
        assert!(!all.contains("canary"), "{all}");
        assert!(error.message().expect("a message").contains("[redacted]"));
        assert!(server.requests()[0].header("authorization").is_some());
        let last = client.last_failure().expect("a failure");
        assert!(!format!("{last} {last:?}").contains("canary"));
    }
}

#[tokio::test]
async fn a_document_that_cannot_be_read_is_one_error() {
    let answer = Answer::json(200, r#"{"object":"list"} {"obj"#);
    let server = LoopbackServer::start(Script::new().answer(answer)).expect("a loopback server");
    let mut profile = codex_types::profile::Profile::compatible();
    profile.wire = codex_types::profile::Wire::ChatCompletions;
    let client = Client::builder()
        .base_url(server.url("/v1"))
        .profile(profile)
        .retry(RetryPolicy::none())
        .build()
        .expect("a client");
    let mut stream = client.stream(&request()).await.expect("a stream");
    assert!(stream.next().await.expect("an item").is_err());
    assert!(stream.next().await.is_none());
}
