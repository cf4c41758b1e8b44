//! A frame that can be encoded decodes to the same frame (law L3).

#![no_main]

use codex_sse::{Decoder, Frame, Tail};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (&[u8], Option<&[u8]>, &[u8])| {
    let (event, id, data) = input;
    let mut frame = Frame::new(data).with_event(event);
    if let Some(id) = id {
        frame = frame.with_id(id);
    }
    let mut bytes = Vec::new();
    if frame.encode(&mut bytes).is_err() {
        assert!(bytes.is_empty());
        return;
    }
    let mut decoder = Decoder::new();
    let mut rest = &bytes[..];
    assert_eq!(decoder.decode(&mut rest), Ok(Some(frame)));
    assert_eq!(decoder.decode(&mut rest), Ok(None));
    assert_eq!(decoder.finish(), Tail::Clean);
});
