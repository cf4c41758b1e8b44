//! The streams in `testdata`, cut at every position.

use std::fs;
use std::path::PathBuf;

use codex_sse::{Decoder, Error};
use serde_json::{Value, json};

use crate::reference::{UNBOUNDED, assert_agrees};

fn files(folder: &str) -> Vec<(String, Vec<u8>, String)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../testdata")
        .join(folder);
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "sse"));
    files.sort();
    let read = |path: PathBuf| {
        let expected = ["expected", "expected.json"]
            .map(|extension| fs::read_to_string(path.with_extension(extension)));
        let expected = expected.into_iter().find_map(Result::ok).unwrap();
        (
            path.file_stem().unwrap().to_string_lossy().into_owned(),
            fs::read(&path).unwrap(),
            expected,
        )
    };
    files.into_iter().map(read).collect()
}

fn frames(chunks: &[&[u8]]) -> Result<Vec<Value>, Error> {
    let mut decoder = Decoder::new();
    let mut frames = Vec::new();
    for chunk in chunks {
        let mut chunk = *chunk;
        while let Some(frame) = decoder.decode(&mut chunk)? {
            frames.push(json!({
                "event": frame.event().map_or_else(|| "message".into(), String::from_utf8_lossy),
                "data": frame.data_lossy(),
                "id": frame.id().map(String::from_utf8_lossy),
                "retry": frame.retry().map(|time| u64::try_from(time.as_millis()).unwrap()),
            }));
        }
    }
    Ok(frames)
}

#[test]
#[cfg_attr(
    miri,
    ignore = "too many cuts for Miri, and laws.rs walks the same code"
)]
fn hostile_framings_are_read_as_expected_wherever_they_are_cut() {
    let files = files("sse");
    assert!(files.len() >= 20, "the corpus is there");
    for (name, bytes, expected) in files {
        let expected: Vec<Value> = expected
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        for first in 0..=bytes.len() {
            for second in first..=bytes.len() {
                let chunks = [&bytes[..first], &bytes[first..second], &bytes[second..]];
                assert_eq!(
                    frames(&chunks).unwrap(),
                    expected,
                    "{name} cut at {first} and {second}"
                );
            }
            assert_agrees(&bytes, &[first], UNBOUNDED);
        }
    }
}

#[cfg(feature = "events")]
mod events {
    use codex_sse::{Accumulator, CheckedChunk, EventDecoder, Outcome};
    use codex_types::{EventRef, Response, ResponseEvent};

    use super::*;

    struct Folded {
        events: Vec<ResponseEvent>,
        outcome: Option<Outcome>,
        response: Response,
        whole: bool,
    }

    fn fold(chunks: &[&[u8]]) -> Folded {
        let mut decoder = EventDecoder::new();
        let mut accumulator = Accumulator::new();
        let mut events = Vec::new();
        for chunk in chunks {
            let mut chunk = *chunk;
            while let Some(event) = decoder.decode_ref(&mut chunk).unwrap() {
                accumulator.push_ref(&event).unwrap();
                events.push(event.into_owned());
            }
        }
        let whole = decoder.finish().is_ok();
        Folded {
            events,
            outcome: accumulator.outcome(),
            response: accumulator.into_partial(),
            whole,
        }
    }

    fn outcome_name(outcome: Option<Outcome>) -> &'static str {
        match outcome {
            Some(Outcome::Completed) => "completed",
            Some(Outcome::Incomplete) => "incomplete",
            Some(Outcome::Failed) => "failed",
            Some(Outcome::Error) => "error",
            Some(_) => "another",
            None => "truncated",
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "as above")]
    fn streams_fold_to_the_same_response_wherever_they_are_cut() {
        let files = files("streams");
        assert!(files.len() >= 12, "the corpus is there");
        for (name, bytes, expected) in files {
            let expected: Value = serde_json::from_str(&expected).unwrap();
            let folded = fold(&[&bytes]);
            assert_eq!(outcome_name(folded.outcome), expected["outcome"], "{name}");
            assert_eq!(folded.response.output_text(), expected["text"], "{name}");
            let calls: Vec<&str> = folded
                .response
                .function_calls()
                .map(|call| &*call.arguments)
                .collect();
            assert_eq!(json!(calls), expected["calls"], "{name}");
            assert_eq!(folded.whole, expected["outcome"] != "truncated", "{name}");
            let step = 1 + bytes.len() / 1500;
            for cut in (0..bytes.len()).step_by(step) {
                let cut = fold(&[&bytes[..cut], &[], &bytes[cut..]]);
                assert_eq!(cut.events, folded.events, "{name}");
                assert_eq!(cut.response, folded.response, "{name}");
            }
            let by_byte: Vec<&[u8]> = bytes.chunks(1).collect();
            assert_eq!(fold(&by_byte).events, folded.events, "{name}");
        }
    }

    /// Owned, borrowed, by checked chunks and as messages: all four return the same events.
    #[test]
    #[cfg_attr(miri, ignore = "as above")]
    fn all_ways_to_decode_give_the_same_events() {
        for (name, bytes, _) in files("streams") {
            let expected = fold(&[&bytes]).events;
            for size in [1, 7, 64, 1400, 16 * 1024] {
                let mut owned = EventDecoder::new();
                let mut checked = EventDecoder::new();
                let (mut events, mut more) = (Vec::new(), Vec::new());
                for chunk in bytes.chunks(size) {
                    let mut input = chunk;
                    while let Some(event) = owned.decode(&mut input).unwrap() {
                        events.push(event);
                    }
                    let mut chunk = CheckedChunk::new(chunk);
                    while let Some(event) = checked.decode_chunk(&mut chunk).unwrap() {
                        more.push(event.into_owned());
                    }
                }
                assert_eq!(events, expected, "{name} in chunks of {size}");
                assert_eq!(more, expected, "{name} in checked chunks of {size}");
            }
            let mut decoder = EventDecoder::new();
            let messages: Vec<ResponseEvent> = frames(&[&bytes])
                .unwrap()
                .iter()
                .filter_map(|frame| {
                    decoder
                        .decode_message(frame["data"].as_str().unwrap().as_bytes())
                        .unwrap()
                })
                .collect();
            assert_eq!(messages, expected, "{name} as messages");
        }
    }

    #[test]
    fn one_bad_payload_is_not_the_end() {
        let stream = b"data: {\"type\":\"response.created\",\"response\":{\"id\":\"resp_1\"}}\n\ndata: {\"type\":\n\ndata: \xFF\n\ndata: [DONE]\n\ndata: {\"type\":\"response.completed\",\"response\":{\"id\":\"resp_1\"}}\n\n";
        let mut decoder = EventDecoder::new();
        let mut input = &stream[..];
        let mut seen = Vec::new();
        loop {
            match decoder.decode_ref(&mut input) {
                Ok(None) => break,
                Ok(Some(EventRef::Event(event))) => seen.push(event.kind().to_owned()),
                Ok(Some(_)) => unreachable!("there is no delta"),
                Err(error) => {
                    assert!(!error.is_fatal());
                    assert!(
                        !format!("{error} {error:?}").contains("type"),
                        "the payload stays out of the texts"
                    );
                    seen.push(format!(
                        "{error}: {}",
                        error.payload().unwrap().escape_ascii()
                    ));
                }
            }
        }
        assert_eq!(
            seen,
            [
                "response.created",
                "an event cannot be decoded at offset 78: {\\\"type\\\":",
                "an event is not valid UTF-8 at offset 87: \\xff",
                "response.completed",
            ],
        );
        decoder.finish().unwrap();
    }

    #[test]
    fn a_stream_that_ends_early_is_truncated() {
        let mut decoder = EventDecoder::new();
        decoder
            .decode(&mut &b"data: {\"type\":\"response.created\",\"response\":{}}\n\n"[..])
            .unwrap();
        let error = decoder.finish().unwrap_err();
        assert_eq!(
            error.to_string(),
            "response stream ended before a terminal event at offset 49"
        );
        assert!(error.is_retryable() && error.is_fatal());
        assert_eq!(error.side(), codex_sse::Side::Network);
    }
}
