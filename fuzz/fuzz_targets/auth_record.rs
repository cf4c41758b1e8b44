//! An `auth.json`: a record that was read can be written, and the written text is read as the same
//! record.

#![no_main]

use codex_auth::Record;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|file: &[u8]| {
    let Ok(record) = Record::from_json(file) else {
        return;
    };
    let written = record.to_json();
    let again =
        Record::from_json(written.expose().as_bytes()).expect("what was written can be read");
    assert_eq!(again, record);
    assert_eq!(again.to_json(), written);
});
