//! A naive transcription of WHATWG HTML 9.2.6 ("Interpreting an event stream") over a whole buffer,
//! kept as the oracle of the decoder.
//!
//! It is deliberately slow and plain: one step of the standard after another, with a separate
//! buffer for every field. The limits, which the standard does not define, are transcribed from the
//! documentation of `Limits` in the same way, byte by byte.
#![allow(clippy::unwrap_used, reason = "a failed test panics")]

use core::iter;

use codex_sse::{Decoder, ErrorKind, FrameBuf, FramePart, Limits, Tail};

/// The expected output of a decoder for a stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) events: Vec<Event>,
    /// The kind and offset of the error that ended it.
    pub(crate) error: Option<(ErrorKind, u64)>,
    /// The bytes of the unfinished event, if one was discarded.
    pub(crate) discarded: Option<u64>,
}

/// A dispatched event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Event {
    /// The offset after the byte that dispatched it.
    pub(crate) end: u64,
    pub(crate) event: Option<Vec<u8>>,
    pub(crate) data: Vec<u8>,
    pub(crate) id: Option<Vec<u8>>,
    pub(crate) retry: Option<u64>,
}

/// The three limits, in bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) line: usize,
    pub(crate) frame: usize,
    pub(crate) skipped: usize,
}

pub(crate) const UNBOUNDED: Bounds = Bounds {
    line: usize::MAX,
    frame: usize::MAX,
    skipped: usize::MAX,
};

struct Line<'a> {
    start: usize,
    content: &'a [u8],
    /// The offset after the first byte of the line ending, and after the whole line ending.
    end: Option<(usize, usize)>,
}

pub(crate) fn interpret(stream: &[u8], bounds: Bounds) -> Outcome {
    let mut outcome = Outcome::default();
    const MARK: &[u8] = b"\xEF\xBB\xBF";
    if stream.len() < MARK.len() && MARK.starts_with(stream) {
        outcome.discarded = (!stream.is_empty()).then_some(stream.len() as u64);
        return outcome;
    }
    let begin = if stream.starts_with(MARK) {
        MARK.len()
    } else {
        0
    };

    let mut data_buffer = Vec::new();
    let mut data_lines = 0;
    let mut event_type_buffer = Vec::new();
    let mut id_buffer: Option<Vec<u8>> = None;
    let mut last_event_id: Option<Vec<u8>> = None;
    let mut reconnection_time = None;
    let mut skipped = 0;
    let mut block_start = begin;

    for line in lines(stream, begin) {
        let stored = data_buffer.len().saturating_sub(1)
            + event_type_buffer.len()
            + id_buffer.as_ref().map_or(0, Vec::len)
            + last_event_id.as_ref().map_or(0, Vec::len);
        if let Some(error) = violation(&line, bounds, stored, skipped, data_lines) {
            outcome.error = Some(error);
            let discarded = error.1 - block_start as u64;
            outcome.discarded = (discarded > 0).then_some(discarded);
            return outcome;
        }
        let Some((end, whole_end)) = line.end else {
            let unfinished = may_be_field(line.content)
                || data_lines > 0
                || !event_type_buffer.is_empty()
                || id_buffer.is_some();
            outcome.discarded = unfinished.then_some((stream.len() - block_start) as u64);
            return outcome;
        };
        if line.content.is_empty() {
            if let Some(id) = id_buffer.take() {
                last_event_id = Some(id);
            }
            skipped += 1;
            if data_lines > 0 {
                skipped = 0;
                data_buffer.pop();
                outcome.events.push(Event {
                    end: end as u64,
                    event: Some(event_type_buffer.clone()).filter(|event| !event.is_empty()),
                    data: data_buffer.clone(),
                    id: last_event_id.clone(),
                    retry: reconnection_time,
                });
            }
            data_buffer.clear();
            data_lines = 0;
            event_type_buffer.clear();
            block_start = whole_end;
            continue;
        }
        let (field, value) = match line.content.iter().position(|byte| *byte == b':') {
            Some(colon) => {
                let value = &line.content[colon + 1..];
                (
                    &line.content[..colon],
                    value.strip_prefix(b" ").unwrap_or(value),
                )
            }
            None => (line.content, &b""[..]),
        };
        if field == b"data" {
            data_buffer.extend_from_slice(value);
            data_buffer.push(b'\n');
            data_lines += 1;
        } else {
            skipped += line.content.len() + 1;
        }
        if field == b"event" {
            event_type_buffer = value.to_vec();
        }
        if field == b"id" && !value.contains(&0) {
            id_buffer = Some(value.to_vec());
        }
        if field == b"retry" && !value.is_empty() && value.iter().all(u8::is_ascii_digit) {
            let digits = str::from_utf8(value).unwrap();
            reconnection_time = Some(digits.parse().unwrap_or(u64::MAX));
        }
    }
    unreachable!("the last line has no end")
}

/// Returns all lines; the last one, often empty, has no line ending.
fn lines(stream: &[u8], begin: usize) -> Vec<Line<'_>> {
    let mut lines = Vec::new();
    let mut start = begin;
    loop {
        match stream[start..]
            .iter()
            .position(|byte| *byte == b'\r' || *byte == b'\n')
        {
            Some(length) => {
                let end = start + length + 1;
                let pair = stream[end - 1] == b'\r' && stream.get(end) == Some(&b'\n');
                let whole_end = end + usize::from(pair);
                lines.push(Line {
                    start,
                    content: &stream[start..end - 1],
                    end: Some((end, whole_end)),
                });
                start = whole_end;
            }
            None => {
                lines.push(Line {
                    start,
                    content: &stream[start..],
                    end: None,
                });
                return lines;
            }
        }
    }
}

const FIELDS: [&[u8]; 4] = [b"data", b"event", b"id", b"retry"];

/// Returns whether an unfinished line has, or may still get, a known field.
fn may_be_field(content: &[u8]) -> bool {
    !content.is_empty()
        && FIELDS.iter().any(|field| {
            field.starts_with(content) || content.starts_with(&[*field, &b":"[..]].concat())
        })
}

/// Returns the first byte of the line beyond the limit.
fn violation(
    line: &Line<'_>,
    bounds: Bounds,
    stored: usize,
    skipped: usize,
    data_lines: usize,
) -> Option<(ErrorKind, u64)> {
    for length in 1..=line.content.len() {
        let so_far = &line.content[..length];
        let offset = (line.start + length - 1) as u64;
        if length > bounds.line {
            return Some((ErrorKind::LineTooLong, offset));
        }
        if stored + value_length(so_far) > bounds.frame {
            return Some((ErrorKind::FrameTooLong, offset));
        }
        if !so_far
            .iter()
            .zip(b"data:")
            .all(|(byte, expected)| byte == expected)
            && skipped + length > bounds.skipped
        {
            return Some((ErrorKind::TooMuchSkipped, offset));
        }
    }
    let (end, _) = line.end?;
    let offset = end as u64 - 1;
    let content = line.content;
    if content == b"data" || content.starts_with(b"data:") {
        if stored + value_length(content) + usize::from(data_lines > 0) > bounds.frame {
            return Some((ErrorKind::FrameTooLong, offset));
        }
    } else if !(content.is_empty() && data_lines > 0)
        && skipped + content.len() + 1 > bounds.skipped
    {
        return Some((ErrorKind::TooMuchSkipped, offset));
    }
    None
}

fn value_length(content: &[u8]) -> usize {
    for field in FIELDS {
        if let Some(value) = content.strip_prefix([field, b":"].concat().as_slice()) {
            return value.strip_prefix(b" ").unwrap_or(value).len();
        }
    }
    0
}

/// The method by which events are read from the decoder.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Way {
    Frames,
    /// As parts, joined.
    #[allow(
        dead_code,
        reason = "not every test program that includes this file reads parts"
    )]
    Parts,
}

/// Returns the output of the decoder for the same stream, cut at the given lengths; the rest is one
/// last chunk.
#[allow(
    dead_code,
    reason = "not every test program that includes this file cuts streams"
)]
pub(crate) fn decode(
    stream: &[u8],
    cuts: impl IntoIterator<Item = usize>,
    bounds: Bounds,
    way: Way,
) -> Outcome {
    let limits = Limits::new()
        .max_line(bounds.line)
        .max_frame(bounds.frame)
        .max_skipped(bounds.skipped);
    let mut decoder = Decoder::with_limits(limits);
    let mut outcome = Outcome::default();
    let mut parts = Vec::new();
    let mut rest = stream;
    let mut cuts = cuts.into_iter();
    loop {
        let cut = cuts.next();
        let (mut chunk, after) = rest.split_at(cut.unwrap_or(rest.len()).min(rest.len()));
        rest = after;
        loop {
            let next = match way {
                Way::Frames => decoder
                    .decode(&mut chunk)
                    .map(|frame| frame.map(|frame| frame.to_owned())),
                Way::Parts => frame_of_parts(&mut decoder, &mut chunk, &mut parts),
            };
            match next {
                Ok(Some(frame)) => {
                    let mut data = core::mem::take(&mut parts);
                    data.extend_from_slice(frame.data());
                    outcome.events.push(Event {
                        end: (stream.len() - rest.len() - chunk.len()) as u64,
                        event: frame.event().map(<[u8]>::to_vec),
                        data,
                        id: frame.id().map(<[u8]>::to_vec),
                        retry: frame
                            .retry()
                            .map(|time| time.as_millis().try_into().unwrap()),
                    });
                }
                Ok(None) => {
                    assert!(
                        chunk.is_empty(),
                        "input is left although no frame was given"
                    );
                    break;
                }
                Err(error) => {
                    assert_eq!(
                        decoder.decode(&mut &b"data: x\n\n"[..]),
                        Err(error.clone()),
                        "the error is sticky"
                    );
                    outcome.error = Some((error.kind(), error.offset().unwrap()));
                    break;
                }
            }
        }
        if cut.is_none() || outcome.error.is_some() {
            break;
        }
    }
    outcome.discarded = match decoder.finish() {
        Tail::Discarded(bytes) => Some(bytes),
        _ => None,
    };
    outcome
}

/// Returns the last part of the next event, and appends the earlier ones to `parts`.
fn frame_of_parts(
    decoder: &mut Decoder,
    chunk: &mut &[u8],
    parts: &mut Vec<u8>,
) -> Result<Option<FrameBuf>, codex_sse::Error> {
    while let Some(part) = decoder.decode_part(chunk)? {
        match part {
            FramePart::Last(frame) => return Ok(Some(frame.to_owned())),
            FramePart::Data(data) => {
                assert!(!data.is_empty(), "an empty part");
                parts.extend_from_slice(data);
            }
        }
    }
    Ok(None)
}

/// Asserts that the decoder agrees with the transcription; byte by byte, also on the offset at
/// which each event is returned.
#[allow(
    dead_code,
    reason = "not every test program that includes this file compares"
)]
pub(crate) fn assert_agrees(stream: &[u8], cuts: &[usize], bounds: Bounds) {
    let expected = interpret(stream, bounds);
    let timeless = |outcome: Outcome| Outcome {
        events: outcome
            .events
            .into_iter()
            .map(|event| Event { end: 0, ..event })
            .collect(),
        ..outcome
    };
    let timeless_expected = timeless(expected.clone());
    for way in [Way::Frames, Way::Parts] {
        let by_byte = decode(stream, iter::repeat_n(1, stream.len()), bounds, way);
        assert_eq!(
            by_byte,
            expected,
            "{way:?}, byte by byte: {}",
            stream.escape_ascii()
        );
        for cuts in [&[][..], cuts] {
            let found = timeless(decode(stream, cuts.iter().copied(), bounds, way));
            assert_eq!(
                found,
                timeless_expected,
                "{way:?}, cut at {cuts:?}: {}",
                stream.escape_ascii()
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks the transcription itself against the results of the standard's own examples, derived
    /// by hand.
    #[test]
    fn examples_of_the_standard() {
        let data = |stream: &[u8]| -> Vec<(Option<String>, String)> {
            let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
            let events = interpret(stream, UNBOUNDED).events;
            events
                .into_iter()
                .map(|event| (event.event.map(text), text(event.data)))
                .collect()
        };
        let message = |data: &str| (None, data.to_owned());
        assert_eq!(
            data(b"data: YHOO\ndata: +2\ndata: 10\n\n"),
            [message("YHOO\n+2\n10")]
        );
        assert_eq!(
            data(b": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n"),
            [message("first event"), message("second event")],
        );
        assert_eq!(
            data(b"data\n\ndata\ndata\n\ndata:"),
            [message(""), message("\n")]
        );
        assert_eq!(
            data(b"data:test\n\ndata: test\n\n"),
            [message("test"), message("test")]
        );
        assert_eq!(
            data(b"event: add\ndata: 73857293\n\nevent: remove\ndata: 2153\n\n"),
            [
                (Some("add".into()), "73857293".into()),
                (Some("remove".into()), "2153".into())
            ],
        );
    }
}
