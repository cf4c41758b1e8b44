use codex_types::*;
#[test]
fn roundtrips() {
    for (t, json) in [
        (
            0,
            r#"{"type":"response.output_text.delta","sequence_number":1,"item_id":"m","output_index":0,"content_index":0,"delta":"a\nb","logprobs":[],"obfuscation":"xx"}"#,
        ),
        (
            0,
            r#"{"type":"response.output_text.delta","sequence_number":1,"item_id":null,"delta":{"a":1},"x":[1, 2]}"#,
        ),
        (
            0,
            r#"{"type":"response.created","sequence_number":1,"response":{"id":"r","object":"response","created_at":1.5,"status":"in_progress","output":[{"type":"message","id":"m","content":[{"type":"output_text","text":"hi","annotations":[],"logprobs":[]}],"role":"assistant","status":"x"},{"type":"zzz","q":[]},null,"t"],"usage":null,"future":{"a":[]}}}"#,
        ),
        (
            0,
            r#"{"sequence_number":3,"type":"response.created","response":{"id":"r"}}"#,
        ),
        (0, r#"{"type":"response.zzz","sequence_number":3 }"#),
        (0, r#"{"error":{"message":"m"},"status":400}"#),
        (0, r#"{"type":"response.reasoning.delta","delta":"x"}"#),
    ] {
        let _ = t;
        let event = ResponseEvent::from_json(json).unwrap();
        let a: serde_json::Value = serde_json::from_str(json).unwrap();
        let out = event.to_json().unwrap();
        let b: serde_json::Value = serde_json::from_str(&out).unwrap();
        assert_eq!(a, b, "{out}");
        assert_eq!(event, ResponseEvent::from_json(&out).unwrap());
    }
}
