//! Framing and typed decoding together, and folding to a response, compared with combinations of
//! other crates.

use core::hint::black_box;

use async_openai::types::responses::ResponseStreamEvent;
use bytes::Bytes;
use codex_sse::chat::{ChatEventDecoder, ToResponseEvents};
use codex_sse::{Accumulator, CheckedChunk, EventDecoder, Limits};
use codex_types::EventRef;
use serde::Deserialize;

use crate::chunks::{Chunks, drain};

/// The usual way to type events: one internally tagged enum.
#[derive(Debug, Deserialize)]
#[serde(tag = "type")]
enum Tagged {
    #[serde(rename = "response.output_text.delta")]
    OutputTextDelta(TextDelta),
    #[serde(rename = "response.function_call_arguments.delta")]
    FunctionCallArgumentsDelta(TextDelta),
    #[serde(other)]
    Other,
}

#[derive(Debug, Deserialize)]
#[expect(
    dead_code,
    reason = "the benchmark measures the decoding of the fields"
)]
struct TextDelta {
    sequence_number: u64,
    item_id: String,
    output_index: u32,
    content_index: Option<u32>,
    delta: String,
}

/// A decoder from bytes to typed events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names describe the variants")]
pub enum Typed {
    CodexBorrowed,
    CodexChecked,
    CodexOwned,
    CodexFold,
    CodexFoldChecked,
    SseStreamTagged,
    EventsourceStreamTagged,
    EventsourceStreamValue,
    AsyncOpenai,
}

impl Typed {
    /// All of them, ours first.
    pub const ALL: [Self; 9] = [
        Self::CodexBorrowed,
        Self::CodexChecked,
        Self::CodexOwned,
        Self::CodexFold,
        Self::CodexFoldChecked,
        Self::SseStreamTagged,
        Self::EventsourceStreamTagged,
        Self::EventsourceStreamValue,
        Self::AsyncOpenai,
    ];

    /// The name in the tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::CodexBorrowed => "codex-sse, borrowed events",
            Self::CodexChecked => "codex-sse, borrowed events, chunk checked at once",
            Self::CodexOwned => "codex-sse, owned events",
            Self::CodexFold => "codex-sse, owned events folded to a response",
            Self::CodexFoldChecked => "codex-sse, borrowed events folded to a response",
            Self::SseStreamTagged => "sse-stream 0.3.0 + serde tagged enum",
            Self::EventsourceStreamTagged => "eventsource-stream 0.2.3 + serde tagged enum",
            Self::EventsourceStreamValue => "eventsource-stream 0.2.3 + serde_json::Value",
            Self::AsyncOpenai => "eventsource-stream 0.2.3 + async-openai 0.43.0 types",
        }
    }

    /// Decodes the body in chunks of this size. Returns the number of events and the length of all
    /// text deltas.
    pub fn run(self, body: &Bytes, chunk: usize) -> (usize, usize) {
        let chunks = Chunks::new(body, chunk);
        let mut seen = (0, 0);
        let mut take = |text: Option<&str>| {
            seen.0 += 1;
            seen.1 += black_box(text).map_or(0, str::len);
        };
        let text = |event: &EventRef<'_>| match event {
            EventRef::Delta(delta) => delta.delta().len(),
            EventRef::Event(event) => event.text_delta().map_or(0, str::len),
        };
        match self {
            Self::CodexBorrowed | Self::CodexFoldChecked | Self::CodexChecked => {
                let mut accumulator = Accumulator::new();
                let mut decoder = EventDecoder::new();
                for chunk in chunks {
                    let mut checked = CheckedChunk::new(if self == Self::CodexBorrowed {
                        &[]
                    } else {
                        &chunk
                    });
                    let mut input = &chunk[..];
                    loop {
                        let event = match self {
                            Self::CodexBorrowed => decoder.decode_ref(&mut input),
                            _ => decoder.decode_chunk(&mut checked),
                        };
                        let Some(event) = event.expect("valid") else {
                            break;
                        };
                        seen.0 += 1;
                        seen.1 += text(black_box(&event));
                        if self == Self::CodexFoldChecked {
                            accumulator.push_ref(&event).expect("within the limit");
                        }
                    }
                }
                black_box(accumulator);
            }
            Self::CodexOwned | Self::CodexFold => {
                let mut accumulator = Accumulator::new();
                let mut decoder = EventDecoder::new();
                for chunk in chunks {
                    let mut input = &chunk[..];
                    while let Some(event) = decoder.decode(&mut input).expect("valid") {
                        take(event.text_delta());
                        if self == Self::CodexFold {
                            accumulator.push(&event).expect("within the limit");
                        }
                    }
                }
                black_box(accumulator);
            }
            Self::SseStreamTagged => drain(sse_stream::SseByteStream::new(chunks), |event| {
                if let Some(data) = event.expect("valid").data {
                    take(tagged(&data).as_deref());
                }
            }),
            Self::EventsourceStreamTagged => {
                drain(eventsource_stream::EventStream::new(chunks), |event| {
                    take(tagged(&event.expect("valid").data).as_deref());
                })
            }
            Self::EventsourceStreamValue => {
                drain(eventsource_stream::EventStream::new(chunks), |event| {
                    let value: serde_json::Value =
                        serde_json::from_str(&event.expect("valid").data).expect("JSON");
                    take(value["delta"].as_str());
                })
            }
            Self::AsyncOpenai => drain(eventsource_stream::EventStream::new(chunks), |event| {
                let event = serde_json::from_str(&event.expect("valid").data).expect("an event");
                match &event {
                    ResponseStreamEvent::ResponseOutputTextDelta(event) => take(Some(&event.delta)),
                    _ => take(None),
                }
            }),
        }
        seen
    }
}

/// Decodes a body of Chat Completions chunks to events of the Responses API. Returns the same
/// numbers as [`Typed::run`].
///
/// # Panics
///
/// Panics if the body does not consist of such chunks.
pub fn chat(body: &Bytes, chunk: usize) -> (usize, usize) {
    let mut decoder = ChatEventDecoder::new(ToResponseEvents::new(), Limits::default());
    let mut seen = (0, 0);
    for chunk in Chunks::new(body, chunk) {
        let mut input = &chunk[..];
        while let Some(event) = decoder.decode(&mut input).expect("valid") {
            seen.0 += 1;
            seen.1 += black_box(event.text_delta()).map_or(0, str::len);
        }
    }
    seen
}

fn tagged(data: &str) -> Option<String> {
    match serde_json::from_str(data).expect("an event") {
        Tagged::OutputTextDelta(delta) | Tagged::FunctionCallArgumentsDelta(delta) => {
            Some(delta.delta)
        }
        Tagged::Other => None,
    }
}
