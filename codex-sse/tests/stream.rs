//! The streams of frames and events over a body that is cut, waits, fails or ends early.
#![cfg(all(feature = "events", feature = "stream"))]

use core::pin::Pin;
use core::task::{Context, Poll, Waker};
use std::collections::VecDeque;

use bytes::Bytes;
use codex_sse::{Decoder, ErrorKind, EventDecoder, Events, FrameBuf, Frames, Limits, StreamError};
use codex_types::ResponseEvent;
use futures_core::{FusedStream, Stream};

/// What a body returns, one item for each poll. A poll after the last one is a failure.
struct Body(VecDeque<Poll<Option<Result<Bytes, &'static str>>>>);

impl Body {
    fn of(polls: impl IntoIterator<Item = Poll<Option<Result<Bytes, &'static str>>>>) -> Self {
        Self(polls.into_iter().collect())
    }

    /// Returns a body of chunks of this size that waits before each, and ends.
    fn cut(text: &str, size: usize) -> Self {
        let chunks = text.as_bytes().chunks(size);
        let chunks = chunks.flat_map(|chunk| [Poll::Pending, ready(chunk)]);
        Self::of(chunks.chain([Poll::Ready(None)]))
    }
}

impl Stream for Body {
    type Item = Result<Bytes, &'static str>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.pop_front().expect("the body has ended")
    }
}

fn ready(chunk: &[u8]) -> Poll<Option<Result<Bytes, &'static str>>> {
    Poll::Ready(Some(Ok(Bytes::copy_from_slice(chunk))))
}

fn poll<S: Stream + Unpin>(stream: &mut S) -> Poll<Option<S::Item>> {
    Pin::new(stream).poll_next(&mut Context::from_waker(Waker::noop()))
}

/// Returns all items and the number of polls that waited, and checks that the stream then stays
/// ended.
fn all<S: FusedStream + Unpin>(mut stream: S) -> (Vec<S::Item>, usize) {
    let (mut items, mut waits) = (Vec::new(), 0);
    loop {
        match poll(&mut stream) {
            Poll::Ready(Some(item)) => items.push(item),
            Poll::Ready(None) => break,
            Poll::Pending => {
                assert!(!stream.is_terminated());
                waits += 1;
            }
        }
    }
    assert!(stream.is_terminated());
    assert!(matches!(poll(&mut stream), Poll::Ready(None)));
    (items, waits)
}

const STREAM: &str =
    "event: a\ndata: 1\n\ndata: 2\ndata: 3\n\nevent: a\ndata: 4\n\nid: 7\ndata: 5\n\n";

fn deltas(count: usize) -> String {
    let delta = |at: usize| {
        format!(
            "event: response.output_text.delta\ndata: {{\"type\":\"response.output_text.delta\",\
             \"item_id\":\"msg_1\",\"output_index\":0,\"content_index\":0,\"delta\":\"{at}\"}}\n\n"
        )
    };
    (0..count).map(delta).collect()
}

const COMPLETED: &str =
    "data: {\"type\":\"response.completed\",\"response\":{\"id\":\"resp_1\"}}\n\n";

#[test]
fn frames_do_not_depend_on_the_chunks() {
    let text = format!("{STREAM}{}", deltas(5));
    let parts = |frame: &FrameBuf| {
        let text = |part: &[u8]| String::from_utf8(part.to_vec()).unwrap();
        (
            frame.event().map(text),
            text(frame.data()),
            frame.id().map(text),
        )
    };
    let mut expected = Vec::new();
    let mut decoder = Decoder::new();
    let mut input = text.as_bytes();
    while let Some(frame) = decoder.decode(&mut input).unwrap() {
        expected.push(parts(&frame.to_owned()));
    }
    assert_eq!(expected.len(), 9);
    for size in 1..=text.len() {
        let (frames, waits) = all(Frames::new(Body::cut(&text, size)));
        let frames: Vec<_> = frames
            .iter()
            .map(|frame| parts(frame.as_ref().unwrap()))
            .collect();
        assert_eq!(frames, expected, "chunks of {size}");
        assert_eq!(waits, text.len().div_ceil(size));
    }
}

/// The parts of a frame within one chunk are slices of it; the event type too, also when it was
/// predicted.
#[test]
fn a_frame_within_a_chunk_shares_its_memory() {
    let mut chunk = Bytes::from(deltas(4));
    let memory = chunk.as_ptr_range();
    let mut decoder = Decoder::new();
    let mut count = 0;
    while let Some(frame) = decoder.decode_bytes(&mut chunk).unwrap() {
        assert_eq!(frame.event_str(), Ok(Some("response.output_text.delta")));
        let data = frame.data_str().unwrap();
        assert!(
            data.ends_with(&format!("\"delta\":\"{count}\"}}")),
            "{data}"
        );
        for part in [frame.event().unwrap(), frame.data()] {
            assert!(memory.contains(&part.as_ptr()), "{count}");
        }
        count += 1;
    }
    assert_eq!((count, chunk.len()), (4, 0));

    // Lines are joined in memory of their own, and an event that was cut too.
    for chunks in [&["data: 1\ndata: 2\n\n"][..], &["data: 1", "2\n\n"]] {
        let mut decoder = Decoder::new();
        for (at, chunk) in chunks.iter().enumerate() {
            let mut chunk = Bytes::from(*chunk);
            let memory = chunk.as_ptr_range();
            let frame = decoder.decode_bytes(&mut chunk).unwrap();
            assert_eq!(frame.is_some(), at + 1 == chunks.len());
            if let Some(frame) = frame {
                assert!(!memory.contains(&frame.data().as_ptr()));
            }
        }
    }
}

#[test]
fn the_error_of_a_body_is_the_last_item() {
    let body = || {
        Body::of([
            ready(b"data: 1\n\ndata: 2"),
            Poll::Ready(Some(Err("reset"))),
        ])
    };
    let (frames, _) = all(Frames::new(body()));
    assert_eq!(frames.len(), 2);
    assert_eq!(frames[0].as_ref().unwrap().data(), b"1");
    assert_eq!(frames[1], Err(StreamError::Body("reset")));

    let event = deltas(1);
    let body = Body::of([ready(event.as_bytes()), Poll::Ready(Some(Err("reset")))]);
    let (events, _) = all(Events::new(body));
    assert_eq!(events.len(), 2);
    assert_eq!(events[0].as_ref().unwrap().text_delta(), Some("0"));
    assert!(matches!(events[1], Err(StreamError::Body("reset"))));
}

#[test]
fn a_fatal_error_of_the_decoder_is_the_last_item() {
    let limits = Limits::new().max_frame(4);
    let body = || Body::of([ready(b"data: 1\n\ndata: 12345\n\ndata: 2\n\n")]);
    let (frames, _) = all(Frames::with_decoder(body(), Decoder::with_limits(limits)));
    let Err(StreamError::Decode(error)) = &frames[1] else {
        panic!("{frames:?}");
    };
    assert_eq!((frames.len(), error.kind()), (2, ErrorKind::FrameTooLong));

    let body = Body::of([ready(b"data: 12345\n\ndata: 2\n\n")]);
    let (events, _) = all(Events::with_decoder(
        body,
        EventDecoder::with_limits(limits),
    ));
    let [Err(StreamError::Decode(error))] = &events[..] else {
        panic!("{events:?}");
    };
    assert_eq!(error.kind(), ErrorKind::FrameTooLong);
}

#[test]
fn events_do_not_depend_on_the_chunks_and_end_with_the_response() {
    let text = format!("data: not JSON\n\n{}{COMPLETED}", deltas(2));
    for size in 1..=text.len() {
        let mut body = Body::cut(&text, size);
        // After the last event the body is not polled again.
        body.0.pop_back();
        let (events, _) = all(Events::new(body));
        assert_eq!(events.len(), 4, "chunks of {size}");
        assert!(matches!(&events[0], Err(StreamError::Decode(error)) if !error.is_fatal()));
        let shown: Vec<_> = events[1..3]
            .iter()
            .map(|event| event.as_ref().unwrap().text_delta())
            .collect();
        assert_eq!(shown, [Some("0"), Some("1")]);
        assert!(matches!(&events[3], Ok(ResponseEvent::Completed(_))));
    }
}

#[test]
fn a_body_that_ends_early_is_an_error() {
    let text = deltas(1);
    let (events, _) = all(Events::new(Body::cut(&text, text.len())));
    let [Ok(_), Err(StreamError::Decode(error))] = &events[..] else {
        panic!("{events:?}");
    };
    assert_eq!(error.kind(), ErrorKind::Truncated);
    assert_eq!(error.offset(), Some(text.len() as u64));
}

#[test]
fn the_decoder_of_a_stream_tells_its_progress() {
    let mut frames = Frames::new(Body::cut("id: 7\ndata: 1\n\n", 99));
    assert!(poll(&mut frames).is_pending());
    assert!(poll(&mut frames).is_ready());
    assert_eq!(frames.decoder().offset(), 15);
    assert_eq!(frames.into_decoder().last_event_id(), Some(&b"7"[..]));

    let mut events = Events::new(Body::cut(COMPLETED, 999));
    assert!(poll(&mut events).is_pending());
    assert!(poll(&mut events).is_ready());
    assert_eq!(events.decoder().frames().offset(), COMPLETED.len() as u64);
    assert!(events.decoder().is_terminated());
}

#[test]
fn the_errors_of_streams_have_texts_and_sources() {
    use std::error::Error as _;
    let body = StreamError::Body(std::fmt::Error);
    assert_eq!(body.to_string(), "the body of the event stream failed");
    assert!(
        body.source()
            .is_some_and(|source| source.is::<std::fmt::Error>())
    );
    let mut input = &b"data: 12345\n\n"[..];
    let error = Decoder::with_limits(Limits::new().max_frame(4))
        .decode(&mut input)
        .unwrap_err();
    let decode = StreamError::<std::fmt::Error>::Decode(error);
    assert_eq!(decode.to_string(), "the event stream could not be decoded");
    assert!(
        decode
            .source()
            .is_some_and(|source| source.is::<codex_sse::Error>())
    );
}
