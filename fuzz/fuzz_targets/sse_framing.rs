//! However the same bytes are chunked, the frames are those of a direct transcription of the
//! standard (laws L1, L2 and L7).

#![no_main]

#[path = "../../codex-sse/tests/reference.rs"]
mod reference;

use libfuzzer_sys::fuzz_target;
use reference::{UNBOUNDED, assert_agrees};

fuzz_target!(|input: (Vec<u8>, &[u8])| {
    let (cuts, stream) = input;
    let cuts: Vec<usize> = cuts.into_iter().map(usize::from).collect();
    assert_agrees(stream, &cuts, UNBOUNDED);
});
