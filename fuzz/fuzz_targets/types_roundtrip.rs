#![no_main]
//! Any JSON, read as any type and written back, is the same JSON, and the written text is read as
//! the same value.
//!
//! The first byte chooses the type, the rest is the text. Of repeated keys the last counts, but of
//! repeated `type` keys the first; so `serde_json::Value` rewrites the text before it is read.

use codex_types::{
    ClientEvent, CreateResponse, ErrorEvent, InputItem, OutputItem, Response, ResponseEvent,
    StoredItem, Tool, ToolChoice,
};
use libfuzzer_sys::fuzz_target;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

fuzz_target!(|data: &[u8]| {
    let Some((choice, text)) = data.split_first() else {
        return;
    };
    let Ok(text) = core::str::from_utf8(text) else {
        return;
    };
    // An event is an error exactly when it is not a JSON object.
    let event = ResponseEvent::from_json(text);
    let Ok(value) = serde_json::from_str::<Value>(text) else {
        return;
    };
    assert_eq!(event.is_ok(), value.is_object());
    // Writing it once removes repeated keys.
    let text = value.to_string();
    match choice % 10 {
        0 => {
            if let Ok(event) = ResponseEvent::from_json(&text) {
                let written = event.to_json().expect("an event can be written");
                assert_eq!(serde_json::from_str::<Value>(&written).ok(), Some(value));
                assert_eq!(ResponseEvent::from_json(&written).ok(), Some(event));
            }
        }
        1 => passes::<OutputItem>(&text, &value),
        2 => passes::<InputItem>(&text, &value),
        3 => passes::<StoredItem>(&text, &value),
        4 => passes::<Response>(&text, &value),
        5 => passes::<CreateResponse>(&text, &value),
        6 => passes::<Tool>(&text, &value),
        7 => passes::<ToolChoice>(&text, &value),
        8 => passes::<ErrorEvent>(&text, &value),
        _ => passes::<ClientEvent>(&text, &value),
    }
});

fn passes<T: DeserializeOwned + Serialize + PartialEq>(text: &str, value: &Value) {
    // Only a struct rejects values, and only those that are not objects.
    let Ok(read) = serde_json::from_str::<T>(text) else {
        assert!(!value.is_object());
        return;
    };
    let written = serde_json::to_string(&read).expect("what was read can be written");
    assert_eq!(
        serde_json::from_str::<Value>(&written).ok().as_ref(),
        Some(value)
    );
    assert!(serde_json::from_str::<T>(&written).is_ok_and(|again| again == read));
}
