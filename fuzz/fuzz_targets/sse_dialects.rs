//! Any answer sent with any habits of a server is assembled as it is, shown once, and translated to chat once: the dialect law of codex-sse, with
//! the input's bytes as the random numbers.

#![no_main]

use libfuzzer_sys::fuzz_target;

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
#[allow(dead_code, reason = "seeds are for the test alone")]
mod rng;
#[path = "../../codex-sse/tests/dialect/sources.rs"]
mod sources;
#[path = "../../codex-sse/tests/dialect/stream.rs"]
mod stream;

fuzz_target!(|bytes: &[u8]| {
    let case = habit::Case::random(&mut rng::Rng::from_bytes(bytes));
    if ambiguity::ambiguous(&case).is_some() {
        return;
    }
    let differences = check::differences(&case);
    assert!(
        differences.is_empty(),
        "habits {:?}\n{}\n{differences:#?}",
        case.habits,
        case.lines().join("\n")
    );
});
