//! The memory of a decoder (L4) and its allocations, as the allocator counts them. This is one
//! test, because the counts are those of the process.
#![cfg(test)]

use std::alloc::System;

use codex_sse::{Decoder, Error, Limits};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Returns the maximum number of bytes held while the stream is fed in chunks of this size, and the
/// number of allocations.
fn held(stream: &[u8], chunk: usize, limits: Limits) -> (usize, usize) {
    held_by(stream, chunk, limits, |decoder, chunk| {
        Ok(decoder.decode(chunk)?.is_some())
    })
}

/// Returns the same numbers when the data is read in parts.
fn held_for_parts(stream: &[u8], chunk: usize, limits: Limits) -> (usize, usize) {
    held_by(stream, chunk, limits, |decoder, chunk| {
        Ok(decoder.decode_part(chunk)?.is_some())
    })
}

fn held_by(
    stream: &[u8],
    chunk: usize,
    limits: Limits,
    decode: impl Fn(&mut Decoder, &mut &[u8]) -> Result<bool, Error>,
) -> (usize, usize) {
    let region = Region::new(ALLOCATOR);
    let mut decoder = Decoder::with_limits(limits);
    let mut most = 0;
    'stream: for mut chunk in stream.chunks(chunk) {
        loop {
            let event = decode(&mut decoder, &mut chunk);
            let change = region.change();
            most = most.max(
                change
                    .bytes_allocated
                    .saturating_sub(change.bytes_deallocated),
            );
            match event {
                Ok(true) => {}
                Ok(false) => break,
                Err(_) => break 'stream,
            }
        }
    }
    let change = region.change();
    (most, change.allocations + change.reallocations)
}

#[test]
#[cfg_attr(miri, ignore = "mebibytes byte by byte are too many steps for Miri")]
fn memory_stays_within_the_limits_plus_one_kibibyte() {
    let limit = 10_000;
    let limits = Limits::new()
        .max_line(limit)
        .max_frame(limit)
        .max_skipped(limit);
    let long = "x".repeat(9_000);
    let half = "y".repeat(4_900);
    let floods = [
        format!("data: {long}\n\n").repeat(3),
        format!("data: {long}\n\nid: {long}\n\nevent: {long}\n\n"),
        format!("id: {half}\ndata: {half}\n\nid: {half}\n\ndata: {half}\n\n"),
        format!("event: {half}\ndata: {half}\n\nevent: {half}\nevent: {half}\n\n"),
        "data: 12345678\n".repeat(2_000),
        "data\n".repeat(20_000),
        format!("data: {long}{long}"),
        format!(": {long}\n").repeat(10),
        "id: 1\n".repeat(10_000),
        format!("data: {long}\n:{half}\n\nevent: {long}\ndata: 1\n\n"),
    ];
    for stream in &floods {
        for chunk in [1, 7, 64, 1400, 10_000, 16 * 1024, stream.len()] {
            for held in [held, held_for_parts] {
                let (most, _) = held(stream.as_bytes(), chunk, limits);
                assert!(
                    most <= limit + 1024,
                    "{most} bytes are held in chunks of {chunk}: {}",
                    &stream[..20]
                );
            }
        }
    }

    // Of an event that is read in parts, at most one chunk is held at its beginning and one at its
    // end.
    let image = format!("event: image\ndata: {}\n\n", "x".repeat(1 << 20)).repeat(3);
    let (most, _) = held_for_parts(image.as_bytes(), 1400, Limits::new());
    assert!(most <= 3 * 1400 + 1024, "{most} bytes are held for parts");

    // A delta that is whole in its chunk allocates nothing; one that is cut allocates only for the
    // first.
    let deltas =
        "event: response.output_text.delta\ndata: {\"delta\":\"one of two hundred deltas\"}\n\n"
            .repeat(200);
    let (_, allocations) = held(deltas.as_bytes(), deltas.len(), Limits::new());
    assert!(
        allocations <= 2,
        "{allocations} allocations for events that lie whole in the chunk"
    );
    let (_, allocations) = held(deltas.as_bytes(), 64, Limits::new());
    assert!(
        allocations <= 8,
        "{allocations} allocations for events that are cut"
    );

    #[cfg(feature = "events")]
    typed_deltas();
}

/// A borrowed delta allocates nothing, an owned one allocates once.
#[cfg(feature = "events")]
fn typed_deltas() {
    use codex_sse::EventDecoder;

    let count = 1000;
    let delta = r#"{"type":"response.output_text.delta","sequence_number":4,"item_id":"msg_1","output_index":0,"content_index":0,"delta":" word","logprobs":[],"obfuscation":"abc"}"#;
    let stream = format!("event: response.output_text.delta\ndata: {delta}\n\n").repeat(count);

    let region = Region::new(ALLOCATOR);
    let mut decoder = EventDecoder::new();
    let mut input = stream.as_bytes();
    let mut seen = 0;
    while decoder.decode_ref(&mut input).unwrap().is_some() {
        seen += 1;
    }
    let borrowed = region.change();
    assert_eq!(seen, count);
    assert!(
        borrowed.allocations + borrowed.reallocations <= 4,
        "{borrowed:?}"
    );

    let region = Region::new(ALLOCATOR);
    let mut decoder = EventDecoder::new();
    let mut input = stream.as_bytes();
    while decoder.decode(&mut input).unwrap().is_some() {}
    let owned = region.change();
    assert!(
        owned.allocations + owned.reallocations <= count + 4,
        "{owned:?}"
    );
}
