//! Recording, scrubbing and replaying.
#![cfg(all(feature = "cassette", feature = "testing", feature = "ws"))]

use core::time::Duration;
use std::time::Instant;

use bytes::Bytes;
use codex_transport::cassette::{Cassette, Recorder, Replay, Scrubber};
use codex_transport::testing::{
    Answer, ChunkShape, Cut, LoopbackServer, Script, ScriptedTransport, Turn,
};
use codex_transport::{Error, ErrorKind, HttpTransport, HyperTransport, Upgrade, WsTransport};
use http::Request;

const CANARY: &str = "canary0123456789secret";

fn post(url: &str) -> Request<Bytes> {
    Request::post(url)
        .header("authorization", format!("Bearer {CANARY}"))
        .header("chatgpt-account-id", CANARY)
        .header("cookie", CANARY)
        .header("x-mine", format!("see {CANARY}"))
        .body(Bytes::from(format!(
            "{{\"refresh_token\":\"{CANARY}\",\"input\":\"hello\"}}"
        )))
        .unwrap()
}

async fn chunks(transport: &impl HttpTransport, url: &str) -> (Vec<Bytes>, Option<ErrorKind>) {
    let mut body = match transport.send(post(url)).await {
        Ok(response) => response.into_body(),
        Err(error) => return (Vec::new(), Some(error.kind())),
    };
    let mut all = Vec::new();
    while let Some(chunk) = body.chunk().await {
        match chunk {
            Ok(chunk) => all.push(chunk),
            Err(error) => return (all, Some(error.kind())),
        }
    }
    (all, None)
}

#[tokio::test]
async fn a_recording_is_replayed() {
    // Without reasoning, because its encrypted content is removed from the recording.
    let turn = Turn::new("resp_1")
        .message("Zürich ist schön")
        .function_call("f", "{}");
    let answers = [
        Answer::sse()
            .events(turn.events())
            .shape(ChunkShape::Random { seed: 4, max: 23 })
            .pace(Duration::from_millis(1)),
        Answer::status(429)
            .header("retry-after", "7")
            .body("{\"error\":{\"code\":\"rate_limit_exceeded\"}}"),
        Answer::sse().body("data: 1\n\n").cut(Cut::Close),
        Answer::sse().body("data: 1\n\n").cut(Cut::Reset),
        Answer::hang_up(Cut::Reset),
    ];
    let count = answers.len();
    let server =
        LoopbackServer::start(answers.into_iter().fold(Script::new(), Script::answer)).unwrap();
    let recorder =
        Recorder::new(HyperTransport::new().unwrap()).scrubber(Scrubber::default().secret(CANARY));
    let mut recorded = Vec::new();
    for _ in 0..count {
        recorded.push(
            chunks(
                &recorder,
                &server.url(&format!("/v1/responses?code={CANARY}&plain")),
            )
            .await,
        );
    }
    let text = recorder.to_json_lines();
    assert!(!text.contains(CANARY) && !text.contains("canary"), "{text}");
    assert!(text.contains("code=********&plain") && text.contains("hello"));
    let cassette = Cassette::from_json_lines(&text).unwrap();
    assert_eq!(cassette.len(), count);
    // The same chunks, in memory and over a network.
    let memory = ScriptedTransport::new(cassette.script(&Replay::default()));
    for (pieces, kind) in &recorded {
        let (found, failed) = chunks(&memory, "http://example.test/").await;
        assert_eq!(failed, *kind);
        for (index, piece) in pieces.iter().enumerate() {
            assert_eq!(
                found.get(index),
                Some(piece),
                "piece {index} of {}",
                pieces.len()
            );
        }
        assert_eq!(found.len(), pieces.len());
    }
    let server = LoopbackServer::start(cassette.script(&Replay::default())).unwrap();
    let network = HyperTransport::new().unwrap();
    for (wanted, kind) in &recorded {
        let (pieces, found) = chunks(&network, &server.url("/")).await;
        assert_eq!((pieces.concat(), found), (wanted.concat(), *kind));
    }
    // With the recorded timing.
    let start = Instant::now();
    chunks(
        &ScriptedTransport::new(cassette.script(&Replay::default().with_timing())),
        "http://example.test/",
    )
    .await;
    assert!(
        start.elapsed() >= Duration::from_millis(10),
        "{:?}",
        start.elapsed()
    );
    // With a fault at any byte.
    let whole = recorded[0].0.concat();
    for offset in [0, 1, 100, whole.len() - 1] {
        let replay = Replay::default().with_fault(0, offset, Cut::Reset);
        let (pieces, error) = chunks(
            &ScriptedTransport::new(cassette.script(&replay)),
            "http://example.test/",
        )
        .await;
        assert_eq!(
            (pieces.concat().as_slice(), error),
            (&whole[..offset], Some(ErrorKind::ConnectionLost))
        );
    }
}

async fn converse(transport: &impl WsTransport, url: &str) -> Vec<Result<Bytes, Option<u16>>> {
    let Upgrade::Accepted(mut socket, _) = transport
        .connect(Request::get(url).body(()).unwrap())
        .await
        .unwrap()
    else {
        panic!("refused")
    };
    let mut seen = Vec::new();
    socket
        .send(format!("{{\"authorization\":\"{CANARY}\"}}"))
        .await
        .unwrap();
    while let Some(result) = socket.next().await {
        seen.push(result.map_err(|error: Error| error.close_code()));
    }
    seen
}

#[tokio::test]
async fn sockets_are_recorded_as_well() {
    let answer = Answer::websocket()
        .receive()
        .event("{\"type\":\"response.created\"}")
        .event("{\"a\":\"ä\"}")
        .close(1012);
    let server = LoopbackServer::start(Script::new().answer(answer)).unwrap();
    let recorder = Recorder::new(HyperTransport::new().unwrap());
    let wanted = converse(&recorder, &server.ws_url("/")).await;
    assert_eq!(wanted.len(), 3);
    let text = recorder.to_json_lines();
    assert!(!text.contains("canary"));
    let cassette = Cassette::from_json_lines(&text).unwrap();
    assert_eq!(
        converse(
            &ScriptedTransport::new(cassette.script(&Replay::default())),
            "ws://example.test/"
        )
        .await,
        wanted
    );
    let server = LoopbackServer::start(cassette.script(&Replay::default())).unwrap();
    assert_eq!(
        converse(&HyperTransport::new().unwrap(), &server.ws_url("/")).await,
        wanted
    );
}

#[test]
fn secrets_are_found_where_they_hide() {
    let jwt = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJpbnZlbnRlZCJ9.c2ln";
    for (text, hidden) in [
        (format!("{{\"access_token\" :\n \"{CANARY}\"}}"), CANARY),
        (
            format!("{{\"outer\":\"{{\\\"id_token\\\":\\\"{CANARY}\\\",\\\"n\\\":1}}\"}}"),
            CANARY,
        ),
        (
            format!("{{\"a\":\"{{\\\\\\\"password\\\\\\\": \\\\\\\"{CANARY}\\\\\\\"}}\"}}"),
            CANARY,
        ),
        (format!("{{\"refresh_token\":\"{CANARY}"), CANARY),
        (format!("{{\"refresh_token\":\"a\\\"{CANARY}\"}}"), CANARY),
        (
            format!("grant_type=authorization_code&code={CANARY}&client_id=app"),
            CANARY,
        ),
        (format!("client_secret={CANARY}"), CANARY),
        (
            format!("data: {{\"echo\":\"Authorization: Bearer {CANARY}\"}}"),
            CANARY,
        ),
        (
            "key sk-proj-invented0123456789 end".to_owned(),
            "invented0123456789",
        ),
        (format!("token {jwt} end"), jwt),
    ] {
        let mut bytes = text.clone().into_bytes();
        Scrubber::default().scrub(&mut bytes);
        assert_eq!(bytes.len(), text.len());
        let scrubbed = String::from_utf8(bytes).unwrap();
        assert!(!scrubbed.contains(hidden), "{scrubbed}");
    }
    for harmless in [
        "{\"code\":\"server_error\",\"message\":\"ask-me\"}",
        "{\"email_count\":1}",
        "task-based eyJ short",
        "{\"n\":1}",
    ] {
        let mut bytes = harmless.as_bytes().to_vec();
        Scrubber::default().scrub(&mut bytes);
        assert_eq!(bytes, harmless.as_bytes());
    }
}

#[test]
fn what_is_no_cassette_is_refused_with_its_line() {
    for (text, line) in [
        ("", None),
        ("{\"cassette\":2}", Some(1)),
        ("{\"cassette\":1}\n{", Some(2)),
        ("{\"cassette\":1}\n{\"at_ms\":1}", Some(2)),
        (
            "{\"cassette\":1}\n{\"at_ms\":0,\"exchange\":0,\"response\":{\"status\":7,\"headers\":[]}}",
            Some(2),
        ),
        (
            "{\"cassette\":1}\n{\"at_ms\":0,\"exchange\":0,\"response\":{\"status\":200,\"headers\":[[\"a b\",\"\"]]}}",
            Some(2),
        ),
        (
            "{\"cassette\":1}\n\n{\"at_ms\":0,\"exchange\":0,\"received\":{\"hex\":\"0\"}}",
            Some(3),
        ),
        (
            "{\"cassette\":1}\n{\"at_ms\":0,\"exchange\":0,\"news\":1}",
            None,
        ),
    ] {
        match (Cassette::from_json_lines(text), line) {
            (Ok(_), None) => {}
            (Err(error), Some(line)) => {
                let source = core::error::Error::source(&error).unwrap().to_string();
                assert_eq!(source, format!("invalid cassette line {line}"));
            }
            (result, line) => panic!("{text}: {result:?} {line:?}"),
        }
    }
}

#[test]
fn members_are_found_however_they_are_spelled() {
    for name in [
        "accessToken",
        "AccessToken",
        "access-token",
        "ACCESS_TOKEN",
        "refreshToken",
        "idToken",
        "apiKey",
        "clientSecret",
        "chatgptAccountId",
        "encryptedContent",
    ] {
        for text in [
            format!("{{\"{name}\":\"{CANARY}\"}}"),
            format!("{{\"in\":\"{{\\\"{name}\\\":\\\"{CANARY}\\\"}}\"}}"),
            format!("x=1&{name}={CANARY}&y=2"),
        ] {
            let mut bytes = text.clone().into_bytes();
            Scrubber::default().scrub(&mut bytes);
            let scrubbed = String::from_utf8(bytes).unwrap();
            assert!(!scrubbed.contains(CANARY), "{scrubbed}");
            assert_eq!(scrubbed.len(), text.len());
        }
    }
    let harmless = r#"{"token_count":"12","max_output_tokens":"7","keys":"a","code":"rate_limit"}"#;
    let mut bytes = harmless.as_bytes().to_vec();
    Scrubber::default().scrub(&mut bytes);
    assert_eq!(bytes, harmless.as_bytes());
}

// The scrubber takes the credential from the request; the test does not name it.
#[tokio::test]
async fn what_a_server_echoes_of_the_credential_is_not_kept() {
    let partly = &CANARY[..15];
    let answer = Answer::status(401)
        .header("x-request-id", &format!("req_{CANARY}"))
        .header("x-debug", &format!("got {CANARY}"))
        .body(format!(
            "{{\"error\":{{\"message\":\"Incorrect API key provided: {CANARY} ({partly}...)\"}}}}"
        ));
    let cut = Answer::sse()
        .header("x-oai-request-id", CANARY)
        .body("data: {}\n\n")
        .cut(Cut::Reset);
    let server = LoopbackServer::start(Script::new().answer(answer).answer(cut)).unwrap();
    let recorder = Recorder::new(HyperTransport::new().unwrap());
    let mut errors = Vec::new();
    for _ in 0..2 {
        let request = Request::post(server.url("/v1/responses"))
            .header("authorization", format!("Bearer {CANARY}"))
            .body(Bytes::from_static(b"{}"))
            .unwrap();
        let mut body = recorder.send(request).await.unwrap().into_body();
        while let Some(chunk) = body.chunk().await {
            errors.extend(chunk.err());
        }
    }
    let error = errors.pop().unwrap();
    assert!(error.request_id().unwrap().contains('*'));
    assert!(!format!("{error:?} {error}").contains(partly));
    let cassette = recorder.to_json_lines();
    assert!(cassette.contains("Incorrect API key provided: ****"));
    assert!(!cassette.contains(partly), "{cassette}");
}

#[tokio::test]
async fn an_echo_is_removed_in_every_spelling() {
    let key = "canary/7f3a+9b.Zq~0==";
    // The key in base64, alone and after other bytes.
    let encoded = [
        "Y2FuYXJ5LzdmM2ErOWIuWnF+MD09",
        "dXNlcjpjYW5hcnkvN2YzYSs5Yi5acX4wPT0",
        "QmVhcmVyIGNhbmFyeS83ZjNhKzliLlpxfjA9PQ",
    ];
    let mut echoes = vec![
        key.to_owned(),
        key.replace('/', "\\/"),
        key.replace('+', "\\u002B"),
        key.replace('=', "\\u003d"),
        key.replace('/', "%2F")
            .replace('+', "%2B")
            .replace('=', "%3D"),
    ];
    echoes.extend(encoded.map(str::to_owned));
    for echo in &echoes {
        let body = format!("{{\"error\":\"bad {echo}\"}}");
        let (start, end) = body.split_at(body.len() / 2);
        let answer = Answer::ok()
            .header("x-echo", echo)
            .body(start.to_owned())
            .body(end.to_owned());
        let server = LoopbackServer::start(Script::new().answer(answer)).unwrap();
        let recorder = Recorder::new(HyperTransport::new().unwrap());
        let request = Request::get(server.url("/v1/models"))
            .header("authorization", format!("Bearer {key}"))
            .body(Bytes::new())
            .unwrap();
        let response = recorder.send(request).await.unwrap();
        response.into_body().collect(1 << 20).await.unwrap();
        let text = recorder.to_json_lines();
        assert!(text.contains("bad "), "{text}");
        assert!(!text.contains("canary"), "{text}");
        if !echo.contains("canary") {
            let middle = &echo[echo.len() - 22..echo.len() - 8];
            assert!(!text.contains(middle), "{middle}: {text}");
        }
    }
}
