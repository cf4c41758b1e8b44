//! Reading events and responses, and writing requests, compared with async-openai and
//! `serde_json::Value`.
//!
//! Each number is the time that one payload takes from text to a typed value, or back. All
//! libraries read the same text. `view` is codex-types with borrowed texts; `in full` is
//! codex-types on a payload with a space that disables the fast path for deltas, which shows what
//! the fast path saves.

use core::hint::black_box;

use async_openai::types::responses as peer;
use codex_types::{
    CreateResponse, EventRef, FunctionTool, Include, InputItem, Message, OutputMessage, RawJson,
    Reasoning, Response, ResponseEvent, Status, Streaming,
};
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};
use serde_json::Value;

/// The most frequent events of a stream, as the service sends them.
const EVENTS: &[(&str, &str)] = &[
    (
        "output_text",
        r#"{"type":"response.output_text.delta","sequence_number":412,"item_id":"msg_68c5b1f0a7d48193a2b4c6d8e0f20416","output_index":1,"content_index":0,"delta":" harbor","logprobs":[],"obfuscation":"Zk3QvT8"}"#,
    ),
    (
        "arguments_escaped",
        r#"{"type":"response.function_call_arguments.delta","sequence_number":37,"item_id":"fc_68c5b1f0a7d48193a2b4c6d8e0f20416","output_index":2,"delta":"\":\"src\\n","obfuscation":"Zk3QvT8aB"}"#,
    ),
    (
        "reasoning_summary",
        r#"{"type":"response.reasoning_summary_text.delta","sequence_number":9,"item_id":"rs_68c5b1f0a7d48193a2b4c6d8e0f20416","output_index":0,"summary_index":0,"delta":" weighing","obfuscation":"Zk3Qv"}"#,
    ),
    (
        "refusal",
        r#"{"type":"response.refusal.delta","sequence_number":5,"item_id":"msg_68c5b1f0a7d48193a2b4c6d8e0f20416","output_index":0,"content_index":0,"delta":"I cannot"}"#,
    ),
    (
        "text_done",
        r#"{"type":"response.output_text.done","sequence_number":413,"item_id":"msg_68c5b1f0a7d48193a2b4c6d8e0f20416","output_index":1,"content_index":0,"text":"The boats lie in the harbor.","logprobs":[]}"#,
    ),
    (
        "item_done",
        r#"{"type":"response.output_item.done","sequence_number":414,"output_index":1,"item":{"id":"msg_68c5b1f0a7d48193a2b4c6d8e0f20416","type":"message","status":"completed","content":[{"type":"output_text","annotations":[],"logprobs":[],"text":"The boats lie in the harbor."}],"role":"assistant"}}"#,
    ),
];

fn events(criterion: &mut Criterion) {
    for (name, json) in EVENTS {
        let mut group = criterion.benchmark_group(format!("event/{name}"));
        group.throughput(Throughput::Bytes(json.len() as u64));
        group.bench_function("codex-types", |bencher| {
            bencher.iter(|| ResponseEvent::from_json(black_box(json)));
        });
        group.bench_function("codex-types view", |bencher| {
            bencher.iter(|| EventRef::from_json(black_box(json)).map(drop));
        });
        let spaced = json.replacen('{', "{ ", 1);
        group.bench_function("codex-types in full", |bencher| {
            bencher.iter(|| ResponseEvent::from_json(black_box(&spaced)));
        });
        group.bench_function("async-openai", |bencher| {
            bencher.iter(|| serde_json::from_str::<peer::ResponseStreamEvent>(black_box(json)));
        });
        value(&mut group, json);
        group.finish();
    }
}

/// A response of one mebibyte: many messages, each with some text.
fn responses(criterion: &mut Criterion) {
    let mut response = Response::new("resp_1", Status::Completed);
    response.model = "gpt-5.5".into();
    response.created_at = 1_767_225_600.into();
    let paragraph = "The boats lie in the harbor, and \"nobody\" is about.\n".repeat(40);
    let mut size = 0;
    for number in 0.. {
        if size >= 1 << 20 {
            break;
        }
        let message = OutputMessage::text(format!("msg_{number}"), paragraph.as_str());
        response.output.push(message.into());
        size += paragraph.len() + 150;
    }
    let json = serde_json::to_string(&response).unwrap_or_default();

    let mut group = criterion.benchmark_group("response/1MiB");
    group.throughput(Throughput::Bytes(json.len() as u64));
    group.bench_function("codex-types", |bencher| {
        bencher.iter(|| serde_json::from_str::<Response>(black_box(&json)));
    });
    group.bench_function("async-openai", |bencher| {
        bencher.iter(|| serde_json::from_str::<peer::Response>(black_box(&json)));
    });
    value(&mut group, &json);
    group.finish();
}

/// A request as an agent sends it: some tools, and a conversation of two hundred items.
fn requests(criterion: &mut Criterion) {
    let schema = r#"{"type":"object","properties":{"path":{"type":"string"}},"required":["path"],"additionalProperties":false}"#;
    let schema = RawJson::parse(schema).unwrap_or_default();
    let tools: Vec<_> = (0..12)
        .map(|number| FunctionTool::new(format!("tool_{number}"), schema.clone(), true).into())
        .collect();
    let items: Vec<InputItem> = (0..200)
        .map(|number| Message::user(format!("Message {number}: what lies in the harbor?")).into())
        .collect();
    let request = CreateResponse::new("gpt-5.5")
        .instructions("Answer briefly.")
        .input(items)
        .tools(tools)
        .reasoning(Reasoning::new().effort("medium").summary("auto"))
        .include([Include::ReasoningEncryptedContent])
        .store(false);
    let json = request.to_json(Streaming::Yes).unwrap_or_default();
    let as_value: Value = serde_json::from_str(&json).unwrap_or_default();
    let as_peer = serde_json::from_str::<peer::CreateResponse>(&json).ok();

    let mut group = criterion.benchmark_group("request/write");
    group.throughput(Throughput::Bytes(json.len() as u64));
    group.bench_function("codex-types", |bencher| {
        bencher.iter(|| black_box(&request).to_json(Streaming::Yes));
    });
    if let Some(request) = as_peer {
        group.bench_function("async-openai", |bencher| {
            bencher.iter(|| serde_json::to_string(black_box(&request)));
        });
    }
    group.bench_function("serde_json::Value", |bencher| {
        bencher.iter(|| serde_json::to_string(black_box(&as_value)));
    });
    group.finish();
}

fn value(group: &mut BenchmarkGroup<'_, WallTime>, json: &str) {
    group.bench_function("serde_json::Value", |bencher| {
        bencher.iter(|| serde_json::from_str::<Value>(black_box(json)));
    });
}

criterion_group!(benches, events, responses, requests);
criterion_main!(benches);
