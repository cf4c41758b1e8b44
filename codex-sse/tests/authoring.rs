//! A response that is written as a stream is read back unchanged.
#![cfg(feature = "events")]

use codex_sse::{Accumulator, EventDecoder};
use codex_types::{
    Delta, DeltaKind, EventKind, LifecycleEvent, RawJson, Response, ResponseEvent, Status,
};

const OUTPUT: &str = r#"[
    {"type":"reasoning","id":"rs_1","summary":[{"type":"summary_text","text":"First"},{"type":"summary_text","text":""}],"content":[{"type":"reasoning_text","text":"Hm"}],"encrypted_content":"x"},
    {"type":"message","id":"msg_1","status":"completed","role":"assistant","content":[
        {"type":"output_text","text":"See here.","annotations":[{"type":"url_citation","start_index":0,"end_index":3,"url":"https://a.test","title":"A"}],"logprobs":[]},
        {"type":"refusal","refusal":"No."},
        {"type":"output_text","text":"","annotations":[]}]},
    {"type":"function_call","id":"fc_1","call_id":"call_1","name":"f","arguments":"{\"a\":1}","status":"completed"},
    {"type":"custom_tool_call","id":"ct_1","call_id":"call_2","name":"p","input":"x\r\ny"},
    {"type":"web_search_call","id":"ws_1","status":"completed","action":{"type":"search","query":"q"}},
    {"type":"dream_call","id":"d_1","mood":"good"}
]"#;

fn response(status: &str, more: &str) -> Response {
    let json = format!(
        r#"{{"id":"resp_1","object":"response","created_at":1,"status":"{status}","model":"m","output":{OUTPUT},"parallel_tool_calls":true,"tool_choice":"auto","tools":[]{more}}}"#
    );
    RawJson::parse(&json).unwrap().decode().unwrap()
}

#[test]
fn a_response_survives_being_streamed() {
    for (status, more) in [
        (
            "completed",
            r#","usage":{"input_tokens":1,"output_tokens":2,"total_tokens":3}"#,
        ),
        (
            "incomplete",
            r#","incomplete_details":{"reason":"max_output_tokens"}"#,
        ),
        (
            "failed",
            r#","error":{"code":"server_error","message":"oh"}"#,
        ),
    ] {
        let response = response(status, more);
        let mut decoder = EventDecoder::new();
        let mut accumulator = Accumulator::new();
        let mut numbers = Vec::new();
        for event in response.to_events() {
            let frame = event.encode_sse().unwrap();
            let mut input = frame.as_bytes();
            let read = decoder.decode(&mut input).unwrap().unwrap();
            assert_eq!(read, event);
            numbers.extend(read.sequence_number());
            accumulator.push(&read).unwrap();
        }
        assert!(numbers.iter().copied().eq(0..numbers.len() as u64));
        assert_eq!(accumulator.diagnostics(), []);
        assert_eq!(*accumulator.snapshot(), response, "{status}");
    }
}

/// The ChatGPT backend ends a response without its output, so the earlier events must contain
/// everything.
#[test]
fn the_events_alone_make_up_the_output() {
    let response = response("completed", "");
    let mut accumulator = Accumulator::new();
    for event in response.to_events() {
        if !event.is_terminal() {
            accumulator.push(&event).unwrap();
        }
    }
    assert_eq!(accumulator.snapshot().output, response.output);
}

#[test]
fn the_status_chooses_the_event() {
    for (status, kind) in [
        (Status::Completed, EventKind::Completed),
        (Status::Failed, EventKind::Failed),
        (Status::Incomplete, EventKind::Incomplete),
        (Status::Cancelled, EventKind::Incomplete),
        (Status::Queued, EventKind::Queued),
        (Status::InProgress, EventKind::InProgress),
    ] {
        let event = LifecycleEvent::new(Response::new("resp_1", status));
        assert_eq!(ResponseEvent::from(event).event_kind(), kind);
    }
}

#[test]
fn a_delta_in_the_event_of_another_kind_is_written_as_that_kind() {
    let delta = Delta::new(DeltaKind::FunctionCallArguments, "fc_1", 0, "Hi");
    let event = ResponseEvent::OutputTextDelta(delta);
    let json = event.to_json().unwrap();
    let read = ResponseEvent::from_json(&json).unwrap();
    assert_eq!(read.event_kind(), EventKind::OutputTextDelta);
    assert_eq!(read.delta().unwrap().content_index(), Some(0));
}

#[test]
fn a_frame_cannot_be_broken_by_what_it_carries() {
    let event = ResponseEvent::from_json("{\"type\":\"a\\nevent: b\",\r\n \"x\":1}").unwrap();
    let frame = event.encode_sse().unwrap();
    let mut decoder = EventDecoder::new();
    let mut input = frame.as_bytes();
    let read = decoder.decode(&mut input).unwrap().unwrap();
    assert_eq!(read.kind(), "a\nevent: b");
    assert!(decoder.decode(&mut input).unwrap().is_none());
}
