//! With limits, the same error is returned at the same offset, however the bytes are chunked.

#![no_main]

#[path = "../../codex-sse/tests/reference.rs"]
#[allow(dead_code, reason = "the other target and the tests use the rest")]
mod reference;

use libfuzzer_sys::fuzz_target;
use reference::{Bounds, assert_agrees};

fuzz_target!(|input: ([u8; 3], Vec<u8>, &[u8])| {
    let (bounds, cuts, stream) = input;
    let [line, frame, skipped] = bounds.map(usize::from);
    let cuts: Vec<usize> = cuts.into_iter().map(usize::from).collect();
    assert_agrees(
        stream,
        &cuts,
        Bounds {
            line,
            frame,
            skipped,
        },
    );
});
