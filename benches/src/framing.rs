//! The compared decoders. Each passes the type and the text of every event to a sink.

use core::hint::black_box;

use bytes::Bytes;
use codex_sse::{CheckedChunk, Decoder, Frame, FramePart, Frames};
use eventsource_client::{Client as _, SSE};

use crate::chunks::{Chunks, drain};
use crate::offline::Offline;
use crate::workload::Workload;

/// A receiver of the events that a decoder returns.
pub trait Sink {
    /// Receives one event. `""` and `message` both mean that the event has no type.
    fn event(&mut self, event: &str, data: &str);

    /// Receives the first data of the next event, before the event itself.
    fn part(&mut self, data: &[u8]);

    /// Receives one event whose text was not checked, with the data that no earlier part contained.
    fn last_part(&mut self, event: &str, data: &[u8]);
}

/// A sink that counts, and keeps the compiler from removing the work.
#[derive(Debug, Default)]
pub struct Count(pub usize);

impl Sink for Count {
    #[inline]
    fn event(&mut self, event: &str, data: &str) {
        black_box((event, data));
        self.0 += 1;
    }

    #[inline]
    fn part(&mut self, data: &[u8]) {
        black_box(data);
    }

    #[inline]
    fn last_part(&mut self, event: &str, data: &[u8]) {
        black_box((event, data));
        self.0 += 1;
    }
}

/// A sink that compares the events with those of the workload.
#[derive(Debug)]
pub struct Check<'a> {
    workload: &'a Workload,
    next: usize,
    parts: Vec<u8>,
    wrong: bool,
}

impl<'a> Check<'a> {
    /// Creates a sink that has received nothing yet.
    pub fn new(workload: &'a Workload) -> Self {
        Self {
            workload,
            next: 0,
            parts: Vec::new(),
            wrong: false,
        }
    }

    /// Returns whether all events arrived, in order, and no others.
    pub fn passed(&self) -> bool {
        !self.wrong && self.next == self.workload.events.len()
    }
}

impl Sink for Check<'_> {
    fn event(&mut self, event: &str, data: &str) {
        self.last_part(event, data.as_bytes());
    }

    fn part(&mut self, data: &[u8]) {
        self.parts.extend_from_slice(data);
    }

    fn last_part(&mut self, event: &str, data: &[u8]) {
        self.part(data);
        let right = self
            .workload
            .events
            .get(self.next)
            .is_some_and(|expected| expected.0 == event && expected.1.as_bytes() == self.parts);
        self.wrong |= !right;
        self.next += 1;
        self.parts.clear();
    }
}

/// A decoder of an event stream, or a lower bound for one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the variants have the names of the crates")]
pub enum Framing {
    CodexSse,
    CodexSseChunk,
    CodexSseOwned,
    CodexSseParts,
    CodexSsePartsText,
    SseStream,
    Sseer,
    EventsourceStream,
    EventsourceStream2,
    EventsourceClient,
    /// Not a decoder: finds the line endings.
    LineEndScan,
    /// Not a decoder: copies the bytes.
    Copy,
}

impl Framing {
    /// All of them, ours first.
    pub const ALL: [Self; 12] = [
        Self::CodexSse,
        Self::CodexSseChunk,
        Self::CodexSseOwned,
        Self::CodexSseParts,
        Self::CodexSsePartsText,
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
            Self::CodexSseParts => "codex-sse, lent parts, bytes",
            Self::CodexSsePartsText => "codex-sse, lent parts, checked as text",
            Self::SseStream => "sse-stream 0.3.0",
            Self::Sseer => "sseer 0.3.1",
            Self::EventsourceStream => "eventsource-stream 0.2.3",
            Self::EventsourceStream2 => "eventsource-stream2 0.4.0",
            Self::EventsourceClient => "eventsource-client 0.18.0",
            Self::LineEndScan => "bound: memchr2 scan",
            Self::Copy => "bound: memcpy",
        }
    }

    /// Returns whether this is a decoder, and not only a lower bound.
    pub const fn is_decoder(self) -> bool {
        !matches!(self, Self::LineEndScan | Self::Copy)
    }

    /// Decodes the body in chunks of this size.
    pub fn run(self, body: &Bytes, chunk: usize, sink: &mut impl Sink) {
        let chunks = Chunks::new(body, chunk);
        match self {
            Self::CodexSse => lent(chunks, sink),
            Self::CodexSseChunk => lent_chunk(chunks, sink),
            Self::CodexSseOwned => drain(Frames::new(chunks), |frame| {
                let frame = frame.expect("no limit is passed");
                frame_to(&frame.as_frame(), sink);
            }),
            Self::CodexSseParts => lent_parts(chunks, sink),
            Self::CodexSsePartsText => lent_parts_as_text(chunks, sink),
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
                // The crate reports the end of the body as an error.
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
        let mut chunk = CheckedChunk::new(&chunk);
        while let Some(frame) = decoder
            .decode_chunk(&mut chunk)
            .expect("no limit is passed")
        {
            frame_to(&frame, sink);
        }
    }
}

fn lent_parts(chunks: Chunks, sink: &mut impl Sink) {
    let mut decoder = Decoder::new();
    for chunk in chunks {
        let mut input = &chunk[..];
        while let Some(part) = decoder.decode_part(&mut input).expect("no limit is passed") {
            match part {
                FramePart::Data(data) => sink.part(data),
                FramePart::Last(frame) => sink.last_part(event_of(&frame), frame.data()),
            }
        }
    }
}

/// The work of a reader that needs text: a part may end within a character, which is then joined
/// separately.
fn lent_parts_as_text(chunks: Chunks, sink: &mut impl Sink) {
    let mut decoder = Decoder::new();
    let mut cut = Vec::new();
    for chunk in chunks {
        let mut input = &chunk[..];
        while let Some(part) = decoder.decode_part(&mut input).expect("no limit is passed") {
            match part {
                FramePart::Data(data) => text_part(&mut cut, data, sink),
                FramePart::Last(frame) if cut.is_empty() => frame_to(&frame, sink),
                FramePart::Last(frame) => {
                    text_part(&mut cut, frame.data(), sink);
                    sink.event(event_of(&frame), "");
                }
            }
        }
    }
}

fn text_part(cut: &mut Vec<u8>, mut part: &[u8], sink: &mut impl Sink) {
    while !cut.is_empty()
        && let [byte, rest @ ..] = part
    {
        cut.push(*byte);
        part = rest;
        if let Ok(character) = str::from_utf8(cut) {
            sink.part(character.as_bytes());
            cut.clear();
        }
    }
    let text = simdutf8::basic::from_utf8(part).unwrap_or_else(|_| {
        let end = match str::from_utf8(part) {
            Ok(text) => text.len(),
            Err(error) => error.valid_up_to(),
        };
        let (text, rest) = part.split_at(end);
        cut.extend_from_slice(rest);
        str::from_utf8(text).expect("checked")
    });
    sink.part(text.as_bytes());
}

#[inline]
fn frame_to(frame: &Frame<'_>, sink: &mut impl Sink) {
    sink.event(event_of(frame), frame.data_str().expect("valid"));
}

#[inline]
fn event_of<'a>(frame: &Frame<'a>) -> &'a str {
    frame.event_str().expect("valid").unwrap_or_default()
}
