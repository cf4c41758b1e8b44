//! The body of a chat server as the events of a response.
#![cfg(feature = "chat")]

use codex_sse::chat::{ChatEventDecoder, ToResponseEvents};
use codex_sse::{Accumulator, Error, ErrorKind, Limits};
use codex_types::{OutputItem, ResponseEvent, Status};

fn decoder() -> ChatEventDecoder {
    let events = ToResponseEvents::new()
        .with_think_tags(true)
        .keeping_reasoning(true);
    ChatEventDecoder::new(events, Limits::new())
}

fn drain(decoder: &mut ChatEventDecoder, mut input: &[u8]) -> Result<Vec<ResponseEvent>, Error> {
    let mut events = Vec::new();
    while let Some(event) = decoder.decode(&mut input)? {
        events.push(event);
    }
    Ok(events)
}

/// Returns the last event of a whole body in chunks of this size.
fn last(body: &str, size: usize) -> Result<ResponseEvent, Error> {
    let mut decoder = decoder();
    let mut events = Vec::new();
    for piece in body.as_bytes().chunks(size) {
        events.extend(drain(&mut decoder, piece)?);
    }
    decoder.finish()?;
    events.extend(drain(&mut decoder, b"")?);
    Ok(events.pop().unwrap())
}

const HEAD: &str =
    r#"{"id":"c1","object":"chat.completion.chunk","created":1,"model":"m","choices":["#;

fn delta(delta: &str) -> String {
    format!("data: {HEAD}{{\"index\":0,\"delta\":{delta}}}]}}\n\n")
}

fn body() -> String {
    let end =
        format!("data: {HEAD}{{\"index\":0,\"delta\":{{}},\"finish_reason\":\"stop\"}}]}}\n\n");
    let usage = r#""usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}"#;
    [
        ": comment\n\n",
        &delta(r#"{"content":"<think>ä"}"#),
        &delta(r#"{"content":"\nb</think>\n\nYes 😀"}"#),
        &end,
        &format!("data: {HEAD}],{usage}}}\n\n"),
        "data: [DONE]\n\n",
    ]
    .concat()
}

#[test]
fn a_cut_of_the_bytes_changes_nothing() {
    let whole = last(&body(), usize::MAX).unwrap();
    let response = whole.response().unwrap();
    assert_eq!(response.status, Status::Completed);
    assert_eq!(response.output_text(), "Yes 😀");
    assert_eq!(response.usage.as_ref().unwrap().total_tokens, 3);
    let OutputItem::Reasoning(item) = &response.output[0] else {
        unreachable!("reasoning comes first")
    };
    assert_eq!(
        item.encrypted_content.as_deref(),
        Some(r#"{"<think>":"ä\nb"}"#)
    );
    for size in 1..40 {
        let cut = last(&body(), size).unwrap();
        assert_eq!(cut.response().unwrap(), response, "{size}");
    }
}

#[test]
fn the_end_mark_ends_the_response_when_all_is_known() {
    let mut decoder = decoder();
    let events = drain(&mut decoder, body().as_bytes()).unwrap();
    assert!(events.last().unwrap().is_terminal());
    assert!(decoder.is_done());
}

#[test]
fn a_stream_that_breaks_off_is_truncated() {
    let error = last(&delta(r#"{"content":"Half"}"#), usize::MAX).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Truncated);
}

#[test]
fn errors_come_in_several_forms() {
    for body in [
        "data: {\"error\":{\"message\":\"overloaded\",\"code\":503}}\n\n",
        "event: error\ndata: overloaded\n\n",
        "event: error\ndata: {\"message\":\"overloaded\"}\n\n",
    ] {
        let event = last(body, usize::MAX).unwrap();
        let error = event.response().unwrap().error.as_ref().unwrap();
        assert_eq!(error.message, "overloaded", "{body}");
    }
    let mut decoder = decoder();
    let error = drain(&mut decoder, b"data: {\"id\":\n\n").unwrap_err();
    assert!(!error.is_fatal());
    assert_eq!(error.kind(), ErrorKind::InvalidEvent);
}

#[test]
fn a_completion_in_one_piece_is_read_alike() {
    let body = r#"{"id":"c1","object":"chat.completion","created":1,"model":"m","choices":[
        {"index":1,"message":{"role":"assistant","content":"<think>Hm</think>Yes"},"finish_reason":"length"}]}"#;
    let mut decoder = decoder();
    decoder.decode_document(body.as_bytes()).unwrap();
    let events = drain(&mut decoder, b"").unwrap();
    let response = events.last().unwrap().response().unwrap();
    assert_eq!(response.status, Status::Incomplete);
    assert_eq!(response.output_text(), "Yes");
    for body in [
        r#"{"error":{"message":"no slot"}}"#,
        r#"{"detail":"no slot"}"#,
    ] {
        let mut decoder = self::decoder();
        decoder.decode_document(body.as_bytes()).unwrap();
        let events = drain(&mut decoder, b"").unwrap();
        let error = events.last().unwrap().response().unwrap().error.clone();
        assert_eq!(error.unwrap().message, "no slot");
    }
}

/// Events wait exactly while they can be returned without more input.
#[test]
fn waiting_events_are_announced() {
    let mut decoder = decoder();
    assert!(!decoder.has_events());
    let body = body();
    let mut input = body.as_bytes();
    let mut waited = 0;
    while decoder.decode(&mut input).unwrap().is_some() {
        while decoder.has_events() {
            let before = input.len();
            assert!(decoder.decode(&mut input).unwrap().is_some());
            assert_eq!(input.len(), before);
            waited += 1;
        }
    }
    assert!(waited > 5 && !decoder.has_events(), "{waited}");
}

#[test]
fn the_limit_of_the_accumulator_holds() {
    let accumulator = Accumulator::with_limit(2000);
    let events = ToResponseEvents::with_accumulator(accumulator);
    let mut decoder = ChatEventDecoder::new(events, Limits::new());
    let text = format!(r#"{{"content":"{}"}}"#, "a".repeat(3000));
    let events = drain(&mut decoder, delta(&text).as_bytes()).unwrap();
    let error = events.last().unwrap().response().unwrap().error.clone();
    assert_eq!(error.unwrap().code.unwrap().as_str(), "response_too_large");
}
