//! A server that repeats the credential of the request everywhere, in every spelling. Nothing that
//! is shown or logged contains it.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use codex_client::auth::ApiKey;
use codex_client::{Client, Error, SocketSession, SocketSettings, TransportChoice};
use codex_transport::RetryPolicy;
use codex_transport::testing::{Answer, LoopbackServer, Script};
use codex_types::chat::{ChatMessage, ChatRequest};
use codex_types::profile::{Profile, Wire};
use codex_types::{CompactRequest, CreateResponse};
use serde_json::json;

use crate::kit;

/// Contains every byte that an encoder may escape in a token.
const KEY: &str = "sk-canary/7f3a+9b.Zq~0==";

/// The spellings within JSON strings: plain, escaped in several styles, percent-encoded, and in
/// base64.
fn spellings() -> Vec<String> {
    vec![
        KEY.to_owned(),
        KEY.replace('/', "\\/"),
        KEY.replace('+', "\\u002B"),
        KEY.replace('=', "\\u003d"),
        KEY.replace('/', "%2F")
            .replace('+', "%2B")
            .replace('=', "%3D"),
        KEY.replace('/', "%2f")
            .replace('+', "%2b")
            .replace('=', "%3d"),
        STANDARD.encode(KEY),
        URL_SAFE_NO_PAD.encode(format!("Bearer {KEY}")),
        STANDARD.encode(format!("user:{KEY}\n")),
    ]
}

/// Fails if the text contains any spelling. The ends of a text in base64 depend on its neighbors.
fn assert_clean(what: &str, shown: &str) {
    for spelling in spellings() {
        let trace = if spelling.contains("canary") {
            "canary"
        } else {
            &spelling[spelling.len() - 22..spelling.len() - 8]
        };
        assert!(!shown.contains(trace), "{what} shows {trace}: {shown}");
    }
}

fn shown(error: &Error) -> String {
    let mut all = format!(
        "{error} {error:?} {:?} {:?} {:?} {:?}",
        error.message(),
        error.api(),
        error.meta(),
        error.request_id()
    );
    let mut source = core::error::Error::source(error);
    while let Some(cause) = source {
        all.push_str(&format!(" {cause} {cause:?}"));
        source = cause.source();
    }
    all
}

fn start(script: Script, profile: Profile) -> (LoopbackServer, Client) {
    kit::start(script, |client| {
        client
            .profile(profile)
            .auth(ApiKey::new(KEY).expect("a key"))
            .retry(RetryPolicy::none())
    })
}

fn request() -> CreateResponse {
    CreateResponse::new("some-model").input("Hello")
}

/// Errors as servers and proxies send them.
fn bodies(echo: &str) -> Vec<String> {
    vec![
        format!(
            r#"{{"error":{{"message":"bad {echo}","type":"{echo}","code":"{echo}","param":"{echo}","of_tomorrow":"{echo}"}}}}"#
        ),
        format!(r#"{{"detail":"bad {echo}"}}"#),
        format!(
            r#"{{"detail":[{{"loc":["header","{echo}"],"msg":"bad {echo}","type":"{echo}"}}]}}"#
        ),
        format!(r#"{{"message":"bad {echo}"}}"#),
        format!("<html><title>bad {echo}</title><body>{echo}</body></html>"),
        format!("bad {echo}"),
    ]
}

/// Events that end a stream with an error.
fn events(echo: &str) -> Vec<String> {
    let error = format!(
        r#"{{"code":"{echo}","message":"bad {echo}","type":"{echo}","param":"{echo}","of_tomorrow":"{echo}"}}"#
    );
    vec![
        format!(
            r#"{{"type":"response.failed","response":{{"id":"resp_1","status":"failed","error":{error},"output":[]}}}}"#
        ),
        format!(
            r#"{{"type":"response.incomplete","response":{{"id":"resp_1","status":"incomplete","incomplete_details":{{"reason":"{echo}"}},"output":[]}}}}"#
        ),
        format!(
            r#"{{"type":"error","code":"{echo}","message":"bad {echo}","param":"{echo}","of_tomorrow":"{echo}"}}"#
        ),
        format!(
            r#"{{"type":"error","status":429,"error":{error},"headers":{{"x-echo":"{echo}"}}}}"#
        ),
        format!(r#"{{"error":{error}}}"#),
        format!(
            r#"{{"type":"response.failed","headers":{{"x-echo":"{echo}"}},"response":{{"id":"resp_1","status":"failed","headers":{{"x-echo":["{echo}"]}},"error":null,"output":[]}}}}"#
        ),
        format!(r#"{{"type":"response.metadata","headers":{{"x-echo":"{echo}"}}}}"#),
        format!(r#"{{"type":"{echo}"#),
    ]
}

fn with_headers(answer: Answer, echo: &str) -> Answer {
    answer
        .header("x-request-id", &format!("req_{echo}"))
        .header("x-echo", &format!("Bearer {echo}"))
        .header("openai-model", echo)
}

#[tokio::test]
async fn no_refusal_shows_the_credential() {
    for echo in spellings() {
        for body in bodies(&echo) {
            let answer = with_headers(Answer::json(400, body), &echo);
            let (_server, client) = start(
                Script::new().answer(answer.forever()),
                Profile::compatible(),
            );
            let mut errors = vec![
                client.create(&request()).await.expect_err("a refusal"),
                client
                    .stream(&request())
                    .await
                    .map(drop)
                    .expect_err("a refusal"),
                client.models().await.map(drop).expect_err("a refusal"),
                client
                    .retrieve("resp_1")
                    .await
                    .map(drop)
                    .expect_err("a refusal"),
            ];
            let compact = CompactRequest::new("some-model");
            errors.push(
                client
                    .compact(&compact)
                    .await
                    .map(drop)
                    .expect_err("a refusal"),
            );
            for error in &errors {
                assert_clean("an error", &shown(error));
            }
            let last = client.last_failure().expect("a failure");
            assert_clean("the last failure", &format!("{last} {last:?}"));
        }
    }
}

#[tokio::test]
async fn no_event_shows_the_credential() {
    for echo in spellings() {
        for event in events(&echo) {
            let (start_of, end) = event.split_at(event.len() / 2);
            let answers = [
                Answer::sse().event(event.clone()),
                Answer::sse()
                    .body(format!("data: {start_of}"))
                    .body(format!("{end}\n\n")),
                Answer::json(200, event.clone()),
            ];
            for answer in answers {
                let answer = with_headers(answer, &echo);
                let (_server, client) =
                    start(Script::new().answer(answer.times(2)), Profile::compatible());
                let error = client.create(&request()).await.expect_err("an error");
                assert_clean("an error", &shown(&error));
                if let Some(last) = client.last_failure() {
                    assert_clean("the last failure", &format!("{last} {last:?}"));
                }
                let mut stream = match client.stream(&request()).await {
                    Ok(stream) => stream,
                    Err(error) => {
                        assert_clean("an error", &shown(&error));
                        continue;
                    }
                };
                assert_clean("the headers", &format!("{:?}", stream.meta()));
                while let Some(item) = stream.next().await {
                    if let Err(error) = item {
                        assert_clean("an error", &shown(&error));
                    }
                }
                assert_clean("the headers", &format!("{:?}", stream.meta()));
            }
        }
    }
}

#[tokio::test]
async fn no_frame_of_a_socket_shows_the_credential() {
    let mut profile = Profile::compatible();
    profile.websocket.supported = true;
    for echo in spellings() {
        for event in events(&echo) {
            let answer = with_headers(
                Answer::websocket().receive().event(event).close(1000),
                &echo,
            );
            let (_server, client) = start(Script::new().answer(answer), profile.clone());
            let mut settings = SocketSettings::default();
            settings.transport = TransportChoice::WebSocket;
            let mut session = SocketSession::new(&client, settings);
            let error = match session.stream(&request()).await {
                Ok(turn) => turn.finish().await.map(drop).expect_err("an error"),
                Err(error) => error,
            };
            assert_clean("an error", &shown(&error));
        }
        let refusal = with_headers(Answer::json(401, bodies(&echo).remove(0)), &echo);
        let (_server, client) = start(Script::new().answer(refusal), profile.clone());
        let mut settings = SocketSettings::default();
        settings.transport = TransportChoice::WebSocket;
        let mut session = SocketSession::new(&client, settings);
        let error = session
            .stream(&request())
            .await
            .map(drop)
            .expect_err("a refusal");
        assert_clean("a refused upgrade", &shown(&error));
    }
}

#[tokio::test]
async fn no_chat_shows_the_credential() {
    let mut profile = Profile::compatible();
    profile.wire = Wire::ChatCompletions;
    let chat = ChatRequest::new("some-model", [ChatMessage::user("Hello")]);
    for echo in spellings() {
        let first =
            json!({"id": "c", "model": "m", "choices": [{"index": 0, "delta": {"content": "Hi"}}]});
        for error in bodies(&echo).into_iter().take(4) {
            let answer = Answer::sse().event(first.to_string()).event(error);
            let answer = with_headers(answer, &echo);
            let (_server, client) = start(Script::new().answer(answer.forever()), profile.clone());
            let error = client.create(&request()).await.expect_err("an error");
            assert_clean("an error", &shown(&error));
            let mut stream = client.chat_stream(&chat).await.expect("a stream");
            while let Some(item) = stream.next().await {
                if let Err(error) = item {
                    assert_clean("an error", &shown(&error));
                }
            }
        }
    }
}
