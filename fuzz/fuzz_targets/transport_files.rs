//! Files that people exchange: a script or a cassette is parsed or rejected, a parsed cassette can
//! be replayed with a fault at any byte, and a chunk shape returns every byte.
#![no_main]

use bytes::Bytes;
use codex_transport::cassette::{Cassette, Replay};
use codex_transport::testing::{ChunkShape, Cut, Script};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (String, u64, u16, Vec<u8>)| {
    let (text, seed, length, bytes) = input;
    drop(Script::from_json(&text));
    let body = text.strip_prefix("{\"cassette\":1}\n").unwrap_or(&text);
    if let Ok(cassette) = Cassette::from_json_lines(&format!("{{\"cassette\":1}}\n{body}")) {
        drop(cassette.script(&Replay::default().with_timing()));
        for exchange in 0..cassette.len() as u64 {
            drop(cassette.script(&Replay::default().with_fault(
                exchange,
                length.into(),
                Cut::Reset,
            )));
        }
    }
    let bytes = Bytes::from(bytes);
    let length = usize::from(length);
    for shape in [
        ChunkShape::Whole,
        ChunkShape::Event,
        ChunkShape::Line,
        ChunkShape::Bytes(length),
        ChunkShape::Random { seed, max: length },
    ] {
        let pieces = shape.split(&bytes);
        assert!(pieces.iter().all(|piece| !piece.is_empty()));
        assert_eq!(pieces.concat(), bytes);
    }
});
