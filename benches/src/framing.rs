//! The decoders side by side. Each hands every event, its type and its text, to a sink.

use core::hint::black_box;

use bytes::Bytes;
use codex_sse::{Chunk, Decoder, Frame, Frames};
use eventsource_client::{Client as _, SSE};

use crate::{
    chunks::{Chunks, drain},
    offline::Offline,
    workload::Workload,
};

/// Takes what a decoder found.
pub trait Sink {
    /// One event. `""` and `message` both stand for no type.
    fn event(&mut self, event: &str, data: &str);
}

/// Counts, and keeps the compiler from leaving the work out.
#[derive(Debug, Default)]
pub struct Count(pub usize);

impl Sink for Count {
    #[inline]
    fn event(&mut self, event: &str, data: &str) {
        black_box((event, data));
        self.0 += 1;
    }
}

/// Compares with what the workload holds.
#[derive(Debug)]
pub struct Check<'a> {
    workload: &'a Workload,
    next: usize,
    wrong: bool,
}

impl<'a> Check<'a> {
    /// Nothing seen yet.
    pub fn new(workload: &'a Workload) -> Self {
        Self {
            workload,
            next: 0,
            wrong: false,
        }
    }

    /// Whether all events came, in order, and nothing else.
    pub fn passed(&self) -> bool {
        !self.wrong && self.next == self.workload.events.len()
    }
}

impl Sink for Check<'_> {
    fn event(&mut self, event: &str, data: &str) {
        let right = self
            .workload
            .events
            .get(self.next)
            .is_some_and(|expected| expected.0 == event && expected.1 == data);
        self.wrong |= !right;
        self.next += 1;
    }
}

/// A way to take a stream apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "named after the crates")]
pub enum Framing {
    CodexSse,
    CodexSseChunk,
    CodexSseOwned,
    SseStream,
    Sseer,
    EventsourceStream,
    EventsourceStream2,
    EventsourceClient,
    /// Not a decoder: finds the line ends.
    LineEndScan,
    /// Not a decoder: copies the bytes.
    Copy,
}

impl Framing {
    /// All of them, ours first.
    pub const ALL: [Self; 10] = [
        Self::CodexSse,
        Self::CodexSseChunk,
        Self::CodexSseOwned,
        Self::SseStream,
        Self::Sseer,
        Self::EventsourceStream,
        Self::EventsourceStream2,
        Self::EventsourceClient,
        Self::LineEndScan,
        Self::Copy,
    ];

    /// The name in the tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::CodexSse => "codex-sse, lent frames",
            Self::CodexSseChunk => "codex-sse, lent frames, chunk checked at once",
            Self::CodexSseOwned => "codex-sse, owned frames",
            Self::SseStream => "sse-stream 0.3.0",
            Self::Sseer => "sseer 0.3.1",
            Self::EventsourceStream => "eventsource-stream 0.2.3",
            Self::EventsourceStream2 => "eventsource-stream2 0.4.0",
            Self::EventsourceClient => "eventsource-client 0.18.0",
            Self::LineEndScan => "bound: memchr2 scan",
            Self::Copy => "bound: memcpy",
        }
    }

    /// Whether it decodes at all.
    pub const fn is_decoder(self) -> bool {
        !matches!(self, Self::LineEndScan | Self::Copy)
    }

    /// Takes the body apart, in chunks of that size.
    pub fn run(self, body: &Bytes, chunk: usize, sink: &mut impl Sink) {
        let chunks = Chunks::new(body, chunk);
        match self {
            Self::CodexSse => lent(chunks, sink),
            Self::CodexSseChunk => lent_chunk(chunks, sink),
            Self::CodexSseOwned => drain(Frames::new(chunks), |frame| {
                let frame = frame.expect("no limit is passed");
                let frame = frame.as_frame();
                sink.event(text(frame.event().unwrap_or_default()), text(frame.data()));
            }),
            Self::SseStream => drain(sse_stream::SseByteStream::new(chunks), |event| {
                let event = event.expect("valid");
                if let Some(data) = &event.data {
                    sink.event(event.event.as_deref().unwrap_or_default(), data);
                }
            }),
            Self::Sseer => drain(sseer::EventStream::new(chunks), |event| {
                let event = event.expect("valid");
                sink.event(&event.event, &event.data);
            }),
            Self::EventsourceStream => {
                drain(eventsource_stream::EventStream::new(chunks), |event| {
                    let event = event.expect("valid");
                    sink.event(&event.event, &event.data);
                })
            }
            Self::EventsourceStream2 => {
                drain(eventsource_stream2::EventStream::new(chunks), |event| {
                    let event = event.expect("valid");
                    sink.event(&event.event, &event.data);
                })
            }
            Self::EventsourceClient => drain(Offline::new(chunks).client().stream(), |event| {
                // The end of the body comes as an error.
                if let Ok(SSE::Event(event)) = event {
                    sink.event(&event.event_type, &event.data);
                }
            }),
            Self::LineEndScan => {
                for chunk in chunks {
                    black_box(
                        memchr::memchr2_iter(b'\n', b'\r', &chunk)
                            .map(black_box)
                            .count(),
                    );
                }
            }
            Self::Copy => {
                let mut buffer = Vec::with_capacity(chunk.min(body.len()));
                for chunk in chunks {
                    buffer.clear();
                    buffer.extend_from_slice(&chunk);
                    black_box(&buffer);
                }
            }
        }
    }
}

fn lent(chunks: Chunks, sink: &mut impl Sink) {
    let mut decoder = Decoder::new();
    for chunk in chunks {
        let mut input = &chunk[..];
        while let Some(frame) = decoder.decode(&mut input).expect("no limit is passed") {
            frame_to(&frame, sink);
        }
    }
}

fn lent_chunk(chunks: Chunks, sink: &mut impl Sink) {
    let mut decoder = Decoder::new();
    for chunk in chunks {
        let mut chunk = Chunk::new(&chunk);
        while let Some(frame) = decoder
            .decode_chunk(&mut chunk)
            .expect("no limit is passed")
        {
            frame_to(&frame, sink);
        }
    }
}

#[inline]
fn frame_to(frame: &Frame<'_>, sink: &mut impl Sink) {
    let event = frame.event_str().expect("valid").unwrap_or_default();
    sink.event(event, frame.data_str().expect("valid"));
}

#[inline]
fn text(bytes: &[u8]) -> &str {
    str::from_utf8(bytes).expect("valid")
}
