//! Every input over a hostile alphabet, cut in every way, against the transcription of the
//! standard.
//!
//! The symbol `d` is tested twice: as the letter, and as the word `data`, without which no event
//! would be dispatched.

use crate::reference::{Outcome, UNBOUNDED, Way, decode, interpret};

const ALPHABET: [u8; 9] = [b'\r', b'\n', b':', b' ', b'd', 0xEF, 0xBB, 0xBF, 0xFF];

/// Calls `check` with every input of exactly `length` symbols, as letters and with `d` for `data`;
/// `ends` are the ends of the symbols.
fn inputs(length: usize, mut check: impl FnMut(&[u8], &[usize])) {
    let mut digits = vec![0; length];
    let (mut bytes, mut ends) = (Vec::new(), Vec::new());
    loop {
        for word in [&b"d"[..], b"data"] {
            if word.len() > 1 && !digits.contains(&4) {
                continue;
            }
            bytes.clear();
            ends.clear();
            for digit in &digits {
                match ALPHABET[*digit] {
                    b'd' => bytes.extend_from_slice(word),
                    byte => bytes.push(byte),
                }
                ends.push(bytes.len());
            }
            check(&bytes, &ends);
        }
        let Some(position) = digits.iter().position(|digit| *digit + 1 < ALPHABET.len()) else {
            return;
        };
        digits[position] += 1;
        digits[..position].fill(0);
    }
}

fn timeless(mut outcome: Outcome) -> Outcome {
    for event in &mut outcome.events {
        event.end = 0;
    }
    outcome
}

/// Returns all ways to cut between symbols; the last one cuts after every symbol.
fn all_cuts(length: usize, way: Way) {
    inputs(length, |bytes, ends| {
        let expected = timeless(interpret(bytes, UNBOUNDED));
        for cuts in 0..1_u32 << (length - 1) {
            let mut last = 0;
            let cut_ends = ends
                .iter()
                .enumerate()
                .filter(|(index, _)| cuts >> index & 1 == 1);
            let chunks = cut_ends.map(|(_, end)| end - core::mem::replace(&mut last, *end));
            let found = timeless(decode(bytes, chunks, UNBOUNDED, way));
            assert_eq!(found, expected, "cut by {cuts:b}: {}", bytes.escape_ascii());
        }
    });
}

fn whole_and_byte_by_byte(length: usize) {
    inputs(length, |bytes, _| {
        let expected = interpret(bytes, UNBOUNDED);
        let by_byte = decode(
            bytes,
            core::iter::repeat_n(1, bytes.len()),
            UNBOUNDED,
            Way::Frames,
        );
        assert_eq!(by_byte, expected, "byte by byte: {}", bytes.escape_ascii());
        assert_eq!(
            timeless(decode(bytes, [], UNBOUNDED, Way::Frames)),
            timeless(expected),
            "whole: {}",
            bytes.escape_ascii()
        );
    });
}

#[test]
fn up_to_six_symbols_in_every_way() {
    let longest = if cfg!(miri) { 2 } else { 6 };
    (1..=longest).for_each(|length| all_cuts(length, Way::Frames));
}

#[test]
fn up_to_five_symbols_in_every_way_as_parts() {
    let longest = if cfg!(miri) { 2 } else { 5 };
    (1..=longest).for_each(|length| all_cuts(length, Way::Parts));
}

#[test]
#[ignore = "some 900 million decodings: run the long form with `cargo test --release -p codex-sse --test all -- --ignored exhaustive`"]
fn seven_symbols_in_every_way() {
    all_cuts(7, Way::Frames);
    all_cuts(6, Way::Parts);
}

#[test]
#[ignore = "some 2 billion decodings"]
fn up_to_nine_symbols_whole_and_byte_by_byte() {
    (7..=9).for_each(whole_and_byte_by_byte);
}
