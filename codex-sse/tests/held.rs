//! The memory of an event, a response and a chat stream, as the allocator counts it: at most
//! sixteen times their limit, whatever the server sends. This is one test, because the counts are
//! those of the process.
#![cfg(feature = "chat")]
#![cfg(test)]

use std::alloc::System;

use codex_sse::chat::{ToChatChunks, ToResponseEvents};
use codex_sse::{Accumulator, Error, ErrorKind, EventDecoder, Limits};
use codex_types::chat::translate::AnswerOptions;
use codex_types::{RawJson, ResponseEvent};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const LIMIT: usize = 1 << 18;
const MOST: usize = 16 * LIMIT;

/// Returns the number of bytes allocated since then and not freed.
fn held(region: &Region<'_, System>) -> usize {
    let change = region.change();
    change
        .bytes_allocated
        .saturating_sub(change.bytes_deallocated)
}

fn terminal(output: &str) -> String {
    format!(
        r#"{{"type":"response.completed","response":{{"id":"resp_1","status":"completed","output":{output}}}}}"#
    )
}

/// Returns payloads of about `count` small values.
fn payloads(count: usize) -> Vec<String> {
    let list = |value: &str| format!("[{}{value}]", format!("{value},").repeat(count));
    let message =
        |parts: String| format!(r#"[{{"type":"message","role":"assistant","content":{parts}}}]"#);
    let text = |key: &str, value: &str| {
        message(format!(
            r#"[{{"type":"output_text","text":"","annotations":[],"{key}":{}}}]"#,
            list(value)
        ))
    };
    vec![
        terminal(&list("0")),
        terminal(&list("{}")),
        terminal(&list(r#"{"type":"message","content":[]}"#)),
        terminal(&list(r#"{"type":"function_call"}"#)),
        terminal(&list(r#"{"type":"mcp_call"}"#)),
        terminal(&message(list("0"))),
        terminal(&message(list(r#"{"type":"output_text"}"#))),
        terminal(&text("annotations", "0")),
        terminal(&text("annotations", r#"{"type":"url_citation"}"#)),
        terminal(&text("logprobs", "{}")),
        terminal(&text("unknown", "0")),
        terminal("[]").replace(
            r#""output""#,
            &format!(r#""tools":{},"output""#, list("{}")),
        ),
        format!(
            r#"{{"type":"response.output_text.delta","output_index":0,"delta":"a","logprobs":{}}}"#,
            list("{}")
        ),
        format!(r#"{{"type":"unheard","list":{}}}"#, list("0")),
    ]
}

fn decode(payload: &str) -> Result<ResponseEvent, Error> {
    let mut decoder = EventDecoder::with_limits(Limits::new().max_frame(LIMIT).max_line(LIMIT));
    decoder
        .decode_message(payload.as_bytes())
        .map(Option::unwrap)
}

#[test]
#[cfg_attr(miri, ignore = "millions of values are too many steps for Miri")]
fn memory_stays_within_sixteen_times_the_limit() {
    for (shape, _) in payloads(1).iter().enumerate() {
        let (mut taken, mut refused, mut too_large) = (0, 0, 0);
        for count in [250, 2_000, 4_000, 7_500, 15_000, 50_000] {
            let payload = payloads(count).swap_remove(shape);
            let region = Region::new(ALLOCATOR);
            let event = decode(&payload);
            assert!(held(&region) <= MOST, "an event of shape {shape}");
            let event = match event {
                Ok(event) => event,
                Err(error) => {
                    refused += 1;
                    assert!(matches!(
                        error.kind(),
                        ErrorKind::TooManyValues | ErrorKind::FrameTooLong
                    ));
                    continue;
                }
            };
            taken += 1;
            too_large += usize::from(fold(&event, shape));
            to_chat(&event, shape);
        }
        assert!(
            taken > 0 && refused > 0,
            "shape {shape}: {taken} {refused} {too_large}"
        );
    }
    to_events();
    zeros();
}

/// Returns whether the response was too large, with everything before it kept.
fn fold(event: &ResponseEvent, shape: usize) -> bool {
    let region = Region::new(ALLOCATOR);
    let mut accumulator = Accumulator::with_limit(LIMIT);
    let delta = r#"{"type":"response.output_text.delta","output_index":0,"delta":"kept"}"#;
    accumulator
        .push(&ResponseEvent::from_json(delta).unwrap())
        .unwrap();
    let mut is_too_large = false;
    for _ in 0..32 {
        if let Err(error) = accumulator.push(event) {
            assert_eq!(error.kind(), ErrorKind::ResponseTooLarge);
            is_too_large = true;
            assert!(accumulator.snapshot().output_text().starts_with("kept"));
        }
        assert!(held(&region) <= MOST, "a response of shape {shape}");
    }
    is_too_large
}

fn to_chat(event: &ResponseEvent, shape: usize) {
    let region = Region::new(ALLOCATOR);
    let accumulator = Accumulator::with_limit(LIMIT);
    let mut chunks = ToChatChunks::with_accumulator(AnswerOptions::new(), accumulator);
    for _ in 0..32 {
        chunks.feed(event);
        assert!(held(&region) <= MOST, "a chat stream of shape {shape}");
    }
}

/// Returns chat chunks whose calls, names and texts never end.
fn to_events() {
    let call = |number: usize, id: &str| {
        format!(
            r#"{{"choices":[{{"index":0,"delta":{{"tool_calls":[{{"index":{number},"id":"{id}","function":{{"name":"f","arguments":"1"}}}}]}}}}]}}"#
        )
    };
    let long = "x".repeat(1000);
    let shapes: [&dyn Fn(usize) -> String; 4] = [
        &|number| call(number, &format!("call_{number}")),
        &|_| call(0, ""),
        &|number| call(number % 7, &format!("{long}{number}")),
        &|_| format!(r#"{{"choices":[{{"index":0,"delta":{{"content":"{long}"}}}}]}}"#),
    ];
    for shape in shapes {
        let region = Region::new(ALLOCATOR);
        let accumulator = Accumulator::with_limit(LIMIT / 8);
        let mut events = ToResponseEvents::with_accumulator(accumulator);
        let has_failed = (0..200_000).any(|number| {
            let raw = RawJson::parse(&shape(number)).unwrap();
            let out = events.feed(&raw.decode().unwrap()).unwrap();
            assert!(
                held(&region) <= MOST / 8,
                "chunk {number}: {}",
                shape(number)
            );
            matches!(out.last(), Some(ResponseEvent::Failed(_)))
        });
        assert!(has_failed);
        assert!(!events.snapshot().output.is_empty());
    }
}

/// Eight megabytes of `[0,0,…]`, which would take gigabytes.
fn zeros() {
    let payload = terminal(&format!("[{}0]", "0,".repeat(4 << 20)));
    let region = Region::new(ALLOCATOR);
    let mut decoder = EventDecoder::new();
    let error = decoder.decode_message(payload.as_bytes()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooManyValues);
    assert!(held(&region) < 1 << 20);
}
