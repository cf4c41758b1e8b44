//! The scripted backend itself, on which all other tests depend.
#![cfg(all(feature = "testing", feature = "ws"))]

use core::time::Duration;

use bytes::Bytes;
use codex_transport::testing::{
    Answer, ChunkShape, Cut, LineEnd, LoopbackServer, Script, ScriptedTransport, Turn,
};
use codex_transport::{
    Error, ErrorKind, HttpTransport, HyperTransport, SharedTransport, SharedWsTransport, Upgrade,
    WsTransport,
};
use http::Request;
use serde_json::Value;

fn post(url: &str) -> Request<Bytes> {
    Request::post(url).body(Bytes::from_static(b"{}")).unwrap()
}

async fn read(transport: &SharedTransport, url: &str) -> (u16, Vec<u8>, Option<ErrorKind>) {
    let response = match transport.send(post(url)).await {
        Ok(response) => response,
        Err(error) => return (0, Vec::new(), Some(error.kind())),
    };
    let status = response.status().as_u16();
    let mut body = response.into_body();
    let mut bytes = Vec::new();
    while let Some(chunk) = body.chunk().await {
        match chunk {
            Ok(chunk) => bytes.extend_from_slice(&chunk),
            Err(error) => return (status, bytes, Some(error.kind())),
        }
    }
    (status, bytes, None)
}

// The same script over the network and in memory: a test with one is valid for the other.
#[tokio::test]
async fn memory_and_network_agree() {
    let stream = "data: {}\n\n".repeat(20);
    let answers = [
        Answer::json(200, "{}"),
        Answer::status(503).header("retry-after", "1").body("busy"),
        Answer::sse().events(
            Turn::new("resp_1")
                .reasoning("so")
                .message("hello there")
                .events(),
        ),
        Answer::sse()
            .body(stream.clone())
            .shape(ChunkShape::Random { seed: 3, max: 17 }),
        Answer::sse().body(stream.clone()).cut(Cut::Close),
        Answer::sse().body(stream.clone()).cut(Cut::Reset),
        Answer::sse()
            .comment("alive")
            .pause(Duration::from_millis(5))
            .body("end"),
        Answer::hang_up(Cut::Reset),
        Answer::status(204),
    ];
    for answer in answers {
        let script = Script::new().answer(answer.clone());
        let server = LoopbackServer::start(script.clone()).unwrap();
        let network = read(
            &SharedTransport::new(HyperTransport::new().unwrap()),
            &server.url("/v1/responses"),
        )
        .await;
        let scripted = ScriptedTransport::new(script);
        let memory = read(
            &SharedTransport::new(scripted.clone()),
            "http://example.test/v1/responses",
        )
        .await;
        assert_eq!(network, memory, "{answer:?}");
        assert_eq!(server.requests()[0].body, scripted.requests()[0].body);
        assert_eq!(server.requests()[0].path(), scripted.requests()[0].path());
    }
}

async fn converse(
    transport: SharedWsTransport,
    url: &str,
) -> Vec<Result<Bytes, (ErrorKind, Option<u16>)>> {
    let upgrade = transport
        .connect(Request::get(url).body(()).unwrap())
        .await
        .unwrap();
    let mut socket = match upgrade {
        Upgrade::Accepted(socket, _) => socket,
        Upgrade::Refused(response) => return vec![Ok(response.into_body())],
    };
    let mut seen = Vec::new();
    for turn in 0..2 {
        if let Err(error) = socket.send(format!("{{\"turn\":{turn}}}")).await {
            // Whether the loss appears while writing or while reading depends on the network.
            assert!(error.is_retryable());
            break;
        }
        match socket.next().await {
            Some(result) => {
                seen.push(result.map_err(|error: Error| (error.kind(), error.close_code())))
            }
            None => break,
        }
    }
    seen
}

#[tokio::test]
async fn memory_and_network_agree_on_sockets() {
    for answer in [
        Answer::websocket()
            .receive()
            .event("{\"a\":1}")
            .receive()
            .event("{\"b\":2}"),
        Answer::websocket().receive().event("{}").close(1012),
        Answer::websocket().receive().close(1000),
        Answer::websocket().receive().cut(Cut::Close),
        Answer::websocket().receive().cut(Cut::Reset),
        Answer::websocket().receive().binary("x"),
        Answer::status(426).body("use HTTP"),
    ] {
        let script = Script::new().answer(answer.clone());
        let server = LoopbackServer::start(script.clone()).unwrap();
        let network = converse(
            SharedWsTransport::new(HyperTransport::new().unwrap()),
            &server.ws_url("/"),
        )
        .await;
        let memory = converse(
            SharedWsTransport::new(ScriptedTransport::new(script)),
            "wss://example.test/",
        )
        .await;
        assert_eq!(network, memory, "{answer:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn pauses_take_no_time_under_a_paused_clock() {
    let script = Script::new().answer(Answer::sse().pause(Duration::from_secs(3600)).body("late"));
    let transport = SharedTransport::new(ScriptedTransport::new(script));
    let started = tokio::time::Instant::now();
    assert_eq!(read(&transport, "http://example.test/").await.1, b"late");
    assert_eq!(started.elapsed(), Duration::from_secs(3600));
}

#[tokio::test]
async fn lines_end_as_they_are_told_to() {
    for (end, text) in [
        (LineEnd::Lf, "\n"),
        (LineEnd::Cr, "\r"),
        (LineEnd::CrLf, "\r\n"),
    ] {
        let answer = Answer::sse()
            .byte_order_mark()
            .comment("c")
            .event("{\"type\":\"a\"}")
            .line_end(end);
        let transport = SharedTransport::new(ScriptedTransport::new(Script::new().answer(answer)));
        let wanted = "\u{feff}: c\n\nevent: a\ndata: {\"type\":\"a\"}\n\n".replace('\n', text);
        assert_eq!(
            read(&transport, "http://example.test/").await.1,
            wanted.as_bytes()
        );
    }
}

#[tokio::test]
async fn a_script_that_is_over_says_so() {
    let script = Script::new()
        .route("POST", "/a", Answer::ok().body("a").times(2))
        .answer(Answer::ok().body("b"))
        .rule(|request| (request.path() == "/rule").then(|| Answer::ok().body("ruled")));
    let transport = SharedTransport::new(ScriptedTransport::new(script));
    let mut seen = Vec::new();
    for path in ["a", "a", "a", "rule", "b", "rule", "b"] {
        seen.push(
            read(&transport, &format!("http://example.test/{path}"))
                .await
                .0,
        );
    }
    assert_eq!(seen, [200, 200, 599, 200, 200, 200, 599]);
}

#[test]
fn a_turn_is_consistent() {
    let turn = Turn::new("resp_7")
        .reasoning("think first")
        .message("then say it")
        .function_call("f", "{\"x\": 1}")
        .custom_tool_call("g", "a b");
    let events: Vec<Value> = turn
        .events()
        .iter()
        .map(|text| serde_json::from_str(text).unwrap())
        .collect();
    for (index, event) in events.iter().enumerate() {
        assert_eq!(event["sequence_number"], index);
    }
    let concatenated = |kind: &str| -> String {
        events
            .iter()
            .filter(|event| event["type"] == format!("{kind}.delta"))
            .map(|event| event["delta"].as_str().unwrap())
            .collect()
    };
    let done = |kind: &str, field: &str| {
        let event = events
            .iter()
            .find(|event| event["type"] == format!("{kind}.done"))
            .unwrap();
        event[field].as_str().unwrap().to_owned()
    };
    for (kind, field, text) in [
        ("response.reasoning_summary_text", "text", "think first"),
        ("response.output_text", "text", "then say it"),
        (
            "response.function_call_arguments",
            "arguments",
            "{\"x\": 1}",
        ),
        ("response.custom_tool_call_input", "input", "a b"),
    ] {
        assert_eq!(concatenated(kind), text);
        assert_eq!(done(kind, field), text);
    }
    let items: Vec<_> = events
        .iter()
        .filter(|event| event["type"] == "response.output_item.done")
        .map(|event| &event["item"])
        .collect();
    let last = events.last().unwrap();
    assert_eq!(last["type"], "response.completed");
    assert_eq!(
        last["response"]["output"]
            .as_array()
            .unwrap()
            .iter()
            .collect::<Vec<_>>(),
        items
    );
    let last = |turn: Turn| serde_json::from_str::<Value>(turn.events().last().unwrap()).unwrap();
    assert_eq!(
        last(turn.clone().with_empty_output())["response"]["output"],
        serde_json::json!([])
    );
    assert_eq!(
        last(turn.clone().incomplete("max_output_tokens"))["response"]["incomplete_details"]["reason"],
        "max_output_tokens"
    );
    assert_eq!(
        last(turn.clone().failed("server_error", "no"))["response"]["error"]["code"],
        "server_error"
    );
    assert_eq!(
        last(turn.without_end())["type"],
        "response.output_item.done"
    );
}

#[tokio::test]
async fn scripts_can_be_files() {
    let text = include_str!("../../testdata/transport/script.json");
    let server = LoopbackServer::start(Script::from_json(text).unwrap()).unwrap();
    let transport = SharedTransport::new(HyperTransport::new().unwrap());
    let url = server.url("/v1/responses");
    assert_eq!(read(&transport, &url).await.0, 429);
    assert_eq!(read(&transport, &url).await.0, 429);
    let (status, bytes, error) = read(&transport, &url).await;
    assert_eq!((status, error), (200, None));
    assert!(
        String::from_utf8(bytes)
            .unwrap()
            .contains("event: response.completed\n")
    );
    assert_eq!(
        read(&transport, &url).await.2,
        Some(ErrorKind::ConnectionLost)
    );
    assert_eq!(read(&transport, &server.url("/oauth/token")).await.0, 200);
    for wrong in [
        "{",
        r#"{"answers": 1}"#,
        r#"{"answers": [{"status": 7}]}"#,
        r#"{"answers": [{"headers": {"a b": "c"}}]}"#,
        r#"{"answers": [{"steps": [{"dance": 1}]}]}"#,
        r#"{"answers": [{"steps": [{"cut": "gently"}]}]}"#,
        r#"{"routes": [{"answers": []}]}"#,
    ] {
        assert_eq!(
            Script::from_json(wrong).unwrap_err().kind(),
            ErrorKind::Configuration,
            "{wrong}"
        );
    }
}
