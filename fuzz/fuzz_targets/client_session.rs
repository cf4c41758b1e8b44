//! Any JSON instead of a saved conversation: restoring it fails, or the conversation saves to the
//! same JSON.

#![no_main]

use std::sync::LazyLock;

use codex_client::types::RawJson;
use codex_client::{Client, ErrorKind, Session};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

static CLIENT: LazyLock<Client> = LazyLock::new(|| {
    Client::builder()
        .base_url("http://127.0.0.1:1/v1")
        .build()
        .expect("a client")
});

/// The members of a saved conversation.
const MEMBERS: [&str; 7] = [
    "version",
    "session_id",
    "thread_id",
    "window",
    "installation_id",
    "settings",
    "history",
];

fuzz_target!(|text: &str| {
    let Ok(value) = serde_json::from_str::<Value>(text) else {
        return;
    };
    // Writing it once removes repeated keys.
    let json: RawJson = value.to_string().parse().expect("JSON");
    let session = match Session::from_json(&CLIENT, &json) {
        Ok(session) => session,
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Request);
            let _ = format!("{error} {error:?}");
            return;
        }
    };
    let saved = session.to_json().expect("what was restored can be saved");
    let again: Value = serde_json::from_str(saved.as_str()).expect("JSON");
    for name in MEMBERS {
        let mut before = value.get(name).cloned();
        // A conversation keeps its items in the history, and sends no other input.
        if let Some(Value::Object(settings)) = &mut before {
            settings.remove("input");
        }
        assert_eq!(again.get(name), before.as_ref(), "{name}");
    }
    let restored = Session::from_json(&CLIENT, &saved).expect("what was saved can be restored");
    let twice = restored.to_json().expect("it can be saved again");
    assert_eq!(twice.to_string(), saved.to_string());
});
