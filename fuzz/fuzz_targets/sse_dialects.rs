//! Whatever habits a server has, its stream assembles to the canonical response, and each text and
//! each call is delivered once: the law of `codex-sse/tests/dialect`. An input of eight bytes is a
//! seed of that test, in little-endian order; the bytes of any other input are the choices of the
//! generator.

#![no_main]
#![allow(
    dead_code,
    reason = "the test uses more of the generator than the target"
)]

#[path = "../../codex-sse/tests/dialect/addresses.rs"]
mod addresses;
#[path = "../../codex-sse/tests/dialect/ambiguity.rs"]
mod ambiguity;
#[path = "../../codex-sse/tests/dialect/check.rs"]
mod check;
#[path = "../../codex-sse/tests/dialect/check_chat.rs"]
mod check_chat;
#[path = "../../codex-sse/tests/dialect/check_display.rs"]
mod check_display;
#[path = "../../codex-sse/tests/dialect/final_output.rs"]
mod final_output;
#[path = "../../codex-sse/tests/dialect/generate.rs"]
mod generate;
#[path = "../../codex-sse/tests/dialect/habit.rs"]
mod habit;
#[path = "../../codex-sse/tests/dialect/library.rs"]
mod library;
#[path = "../../codex-sse/tests/dialect/reshape.rs"]
mod reshape;
#[path = "../../codex-sse/tests/dialect/rng.rs"]
mod rng;
#[path = "../../codex-sse/tests/dialect/sources.rs"]
mod sources;
#[path = "../../codex-sse/tests/dialect/stream.rs"]
mod stream;

use self::{ambiguity::ambiguous, check::differences, habit::Case, rng::Rng};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut rng = match <[u8; 8]>::try_from(bytes) {
        Ok(seed) => Rng::from_seed(u64::from_le_bytes(seed)),
        Err(_) => Rng::from_bytes(bytes),
    };
    let case = Case::random(&mut rng);
    if ambiguous(&case).is_some() {
        return;
    }
    let differences = differences(&case);
    assert!(
        differences.is_empty(),
        "habits {:?}\n{}\n{}",
        case.habits,
        case.lines().join("\n"),
        differences.join("\n")
    );
});
