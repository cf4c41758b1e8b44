//! The fast reader of deltas returns the same as the general one; chunking does not affect the
//! assembled response; and the shown parts of a text add up to that text (laws L1, L6 and L7).

#![no_main]

use codex_sse::{Accumulator, Decoder, ErrorKind, EventDecoder, Update, Updates};
use codex_types::{EventRef, Response, ResponseEvent};
use libfuzzer_sys::fuzz_target;

fn fold<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> (Vec<Option<ResponseEvent>>, Response) {
    let mut decoder = EventDecoder::new();
    let mut accumulator = Accumulator::new();
    let mut events = Vec::new();
    for mut chunk in chunks {
        loop {
            match decoder.decode_ref(&mut chunk) {
                Ok(Some(event)) => {
                    accumulator.push_ref(&event).unwrap();
                    events.push(Some(event.into_owned()));
                }
                Ok(None) => break,
                Err(error) => {
                    assert!(!error.is_fatal());
                    events.push(None);
                }
            }
        }
    }
    (events, accumulator.into_partial())
}

fuzz_target!(|input: (u8, &[u8])| {
    let (size, stream) = input;
    let (events, response) = fold([stream]);
    let cut = fold(stream.chunks(usize::from(size).max(1)));
    assert_eq!(cut.0, events);
    assert_eq!(cut.1, response);

    let mut updates = Updates::new();
    for event in events.iter().flatten() {
        if let Err(error) = updates.feed(event) {
            assert_eq!(error.kind(), ErrorKind::Contradiction);
        }
        while let Some(update) = updates.poll() {
            if let Update::Text {
                delta, snapshot, ..
            } = update
            {
                assert!(snapshot.ends_with(delta));
            }
        }
    }
    assert_eq!(updates.into_accumulator().into_partial(), response);

    // A space after the brace disables the fast path.
    let mut decoder = Decoder::new();
    let mut rest = stream;
    while let Some(frame) = decoder.decode(&mut rest).unwrap() {
        let Some(object) = frame
            .data_str()
            .ok()
            .and_then(|json| json.strip_prefix('{'))
        else {
            continue;
        };
        let fast =
            EventRef::from_json(frame.data_str().unwrap_or_default()).map(EventRef::into_owned);
        let general = ResponseEvent::from_json(&format!("{{ {object}"));
        match (fast, general) {
            (Ok(ResponseEvent::Unknown(fast)), Ok(ResponseEvent::Unknown(general))) => {
                assert_eq!(fast.kind(), general.kind());
            }
            (fast, general) => assert_eq!(fast.ok(), general.ok()),
        }
    }
});
