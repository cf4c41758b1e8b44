//! The laws of framing: chunking is invisible (L1), equal to a naive transcription of the standard
//! (L2), decoding inverts encoding (L3).

use core::time::Duration;

use codex_sse::{Decoder, Frame, Tail};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use crate::reference::{Bounds, UNBOUNDED, assert_agrees};

/// The fragments of hostile streams.
const PIECES: &[&[u8]] = &[
    b"data",
    b"data: ",
    b"data:",
    b"event",
    b"event: ",
    b"id",
    b"id: ",
    b"id:",
    b"retry: ",
    b"retry",
    b":",
    b" ",
    b"\r",
    b"\n",
    b"\r\n",
    b"\n\n",
    b"\r\r",
    b"\xEF\xBB\xBF",
    b"\xEF",
    b"\xEF\xBB",
    b"\xBF",
    b"\xFF",
    b"\xE2\x82",
    b"\xF0\x9F\xA6\x80",
    b"\0",
    b"x",
    b"12",
    b"99999999999999999999",
    b"{\"type\":\"response.output_text.delta\",\"delta\":\"Hi\"}",
    b"event: ping\ndata: ",
    b"event: response.output_text.delta\ndata: ",
    b"data: {}\n\n",
    b": keep-alive\n",
    b"dat",
    b"eventually",
    b"idx: ",
    b"data : ",
];

fn stream() -> impl Strategy<Value = Vec<u8>> {
    vec(select(PIECES), 0..40).prop_map(|pieces| pieces.concat())
}

fn bounds() -> impl Strategy<Value = Bounds> {
    let bound = prop_oneof![1 => 0..80_usize, 1 => Just(usize::MAX)];
    prop_oneof![
        Just(UNBOUNDED),
        [bound.clone(), bound.clone(), bound].prop_map(|[line, frame, skipped]| Bounds {
            line,
            frame,
            skipped
        }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 32 } else { 4096 }))]

    #[test]
    fn chunking_is_invisible_and_the_standard_is_kept(
        stream in stream(),
        cuts in vec(0..40_usize, 0..12),
        bounds in bounds(),
    ) {
        assert_agrees(&stream, &cuts, bounds);
    }

    #[test]
    fn arbitrary_bytes(stream in vec(any::<u8>(), 0..200), cuts in vec(0..40_usize, 0..12), bounds in bounds()) {
        assert_agrees(&stream, &cuts, bounds);
    }

    #[test]
    fn decoding_inverts_encoding(
        frames in vec(
            (
                vec(any::<u8>().prop_filter("no carriage return", |byte| *byte != b'\r'), 0..40),
                "[^\r\n]{0,20}",
                option::of("[^\r\n\0]{0,10}"),
                option::of(any::<u64>()),
            ),
            0..6,
        ),
        cut in 1..50_usize,
    ) {
        let mut bytes = Vec::new();
        let frames: Vec<_> = frames
            .iter()
            .map(|(data, event, id, retry)| {
                let mut frame = Frame::new(data).with_event(event.as_bytes());
                if let Some(id) = id {
                    frame = frame.with_id(id.as_bytes());
                }
                if let Some(milliseconds) = retry {
                    frame = frame.with_retry(Duration::from_millis(*milliseconds));
                }
                frame.encode(&mut bytes).unwrap();
                frame
            })
            .collect();
        let mut decoder = Decoder::new();
        let mut decoded = Vec::new();
        for mut chunk in bytes.chunks(cut) {
            while let Some(frame) = decoder.decode(&mut chunk).unwrap() {
                decoded.push(frame.to_owned());
            }
        }
        let (mut id, mut retry) = (None, None);
        for (decoded, frame) in decoded.iter().zip(&frames) {
            id = frame.id().or(id);
            retry = frame.retry().or(retry);
            prop_assert_eq!((decoded.event(), decoded.data()), (frame.event(), frame.data()));
            prop_assert_eq!((decoded.id(), decoded.retry()), (id, retry));
        }
        prop_assert_eq!(decoded.len(), frames.len());
        prop_assert_eq!(decoder.finish(), Tail::Clean);
    }
}
