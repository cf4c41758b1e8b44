//! What came out goes back in whole.

use codex_types::{InputItem, OutputItem, RawJson};

fn replayed(json: &str) -> String {
    let item: OutputItem = RawJson::parse(json).unwrap().decode().unwrap();
    RawJson::encode(&InputItem::from(item))
        .unwrap()
        .as_str()
        .to_owned()
}

#[test]
fn a_message_with_parts_keeps_its_id_status_phase_and_unknown_keys() {
    let json = r#"{"type":"message","role":"assistant","content":[{"type":"output_text","text":"hi","annotations":[]}],"id":"msg_1","status":"completed","phase":"commentary","novel":1}"#;
    let back: serde_json::Value = serde_json::from_str(&replayed(json)).unwrap();
    assert_eq!(
        back,
        serde_json::from_str::<serde_json::Value>(json).unwrap()
    );
}

#[test]
fn a_message_whose_content_is_plain_text_keeps_it() {
    let json = r#"{"type":"message","role":"user","content":"as it was said"}"#;
    let back: serde_json::Value = serde_json::from_str(&replayed(json)).unwrap();
    assert_eq!(back["content"], "as it was said");
    assert_eq!(back["role"], "user");
}
