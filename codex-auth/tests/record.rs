//! The official client's `auth.json`, in every mode and every old form.

use core::time::Duration;

use codex_auth::{AuthMode, Record, Secret, TokenSet};
use proptest::prelude::*;

use crate::support::{id, start};

fn read(json: &str) -> Record {
    Record::from_json(json.as_bytes()).unwrap()
}

#[test]
fn what_is_written_is_what_the_official_client_writes() {
    let tokens = TokenSet::new(Secret::from("a.b.c"))
        .with_refresh_token(Secret::from("r"))
        .with_id_token(Secret::from("d.e.f"))
        .with_account_id("acct-1");
    let written = Record::of_tokens(tokens, start() + Duration::from_nanos(678_901_234)).to_json();
    assert_eq!(
        written.expose(),
        r#"{
  "auth_mode": "chatgpt",
  "OPENAI_API_KEY": null,
  "tokens": {
    "id_token": "d.e.f",
    "access_token": "a.b.c",
    "refresh_token": "r",
    "account_id": "acct-1"
  },
  "last_refresh": "2026-01-02T03:00:00.678901234Z"
}"#
    );
    assert_eq!(
        Record::of_api_key(Secret::from("sk-invented"))
            .to_json()
            .expose(),
        "{\n  \"auth_mode\": \"apikey\",\n  \"OPENAI_API_KEY\": \"sk-invented\"\n}"
    );
}

#[test]
fn every_mode_round_trips() {
    for name in [
        "apikey",
        "chatgpt",
        "chatgptAuthTokens",
        "headers",
        "agentIdentity",
        "personalAccessToken",
        "bedrockApiKey",
        "bedrockAccessKeys",
        "aNewerMode",
    ] {
        let json = format!(
            r#"{{"auth_mode":"{name}","OPENAI_API_KEY":"k","personal_access_token":"at-1","bedrock_api_key":{{"api_key":"b","x":1}},"agent_identity":{{"y":[]}}}}"#
        );
        let record = read(&json);
        assert_eq!(record.mode().as_str(), name);
        let again = read(record.to_json().expose());
        assert_eq!(again, record);
        let text = again.to_json();
        for kept in [
            r#""bedrock_api_key": {"api_key":"b","x":1}"#,
            r#""agent_identity": {"y":[]}"#,
            r#""personal_access_token": "at-1""#,
        ] {
            assert!(text.expose().contains(kept));
        }
    }
}

#[test]
fn without_a_mode_the_content_decides() {
    let tokens = r#""tokens":{"access_token":"a","id_token":"i","refresh_token":"r"}"#;
    for (json, mode) in [
        (
            format!(r#"{{"personal_access_token":"at-1","OPENAI_API_KEY":"k",{tokens}}}"#),
            AuthMode::PersonalAccessToken,
        ),
        (
            format!(r#"{{"bedrock_api_key":{{}},"OPENAI_API_KEY":"k",{tokens}}}"#),
            AuthMode::BedrockApiKey,
        ),
        (
            format!(r#"{{"OPENAI_API_KEY":"k",{tokens}}}"#),
            AuthMode::ApiKey,
        ),
        (
            format!(r#"{{"OPENAI_API_KEY":null,{tokens}}}"#),
            AuthMode::ChatGpt,
        ),
        (format!("{{{tokens}}}"), AuthMode::ChatGpt),
        ("{}".to_owned(), AuthMode::ChatGpt),
    ] {
        assert_eq!(read(&json).mode(), mode, "{json}");
    }
}

#[test]
fn old_and_broken_shapes_are_read() {
    assert!(
        read(r#"{"tokens":null,"last_refresh":null,"OPENAI_API_KEY":""}"#)
            .tokens()
            .is_none()
    );
    let bad_id =
        read(r#"{"tokens":{"id_token":"not a jwt","access_token":"a","refresh_token":""}}"#);
    let tokens = bad_id.tokens().unwrap();
    assert_eq!(
        (tokens.access_token().expose(), tokens.refresh_token()),
        ("a", None),
        "a bad ID token hides nothing"
    );

    let claims = r#"{"tokens":{"id_token":{"email":"me@example.com","https://api.openai.com/auth":{"chatgpt_account_id":"acct-7"}},"access_token":"a","refresh_token":"r"}}"#;
    let old = read(claims);
    assert_eq!(old.tokens().unwrap().account_id().unwrap().0, "acct-7");
    assert!(old.tokens().unwrap().id_token().is_none());
    assert!(
        old.to_json()
            .expose()
            .contains(r#""id_token": {"email":"me@example.com","#),
        "kept as it was"
    );

    // Members that cannot be interpreted are kept too.
    let strange = read(r#"{"tokens":7,"last_refresh":"yesterday"}"#);
    assert!(strange.tokens().is_none() && strange.last_refresh().is_none());
    assert!(
        strange.to_json().expose().contains(r#""tokens": 7"#)
            && strange
                .to_json()
                .expose()
                .contains(r#""last_refresh": "yesterday""#)
    );
    for zone in [
        "2026-01-02T03:00:00Z",
        "2026-01-02T03:00:00.000000000Z",
        "2026-01-02T03:00:00+00:00",
    ] {
        assert_eq!(
            read(&format!(r#"{{"last_refresh":"{zone}"}}"#)).last_refresh(),
            Some(start())
        );
    }
    for broken in ["", "{", "[]", "null", "\"x\"", "{\"a\":1}x", "\u{feff}{}"] {
        assert_eq!(
            Record::from_json(broken.as_bytes())
                .unwrap_err()
                .to_string(),
            "token store failed: content is not a JSON object"
        );
    }
    assert!(Record::from_json(&[b'{', 0xff, b'}']).is_err());
}

#[test]
fn notes_about_a_token_do_not_outlive_it() {
    let tokens = TokenSet::new(Secret::from("access-1"))
        .with_scope("a b")
        .with_expires_at(start());
    let written = Record::of_tokens(tokens, start()).to_json();
    let same = read(written.expose());
    assert!(same.tokens().unwrap().has_scope("b"));
    assert_eq!(same.tokens().unwrap().expires_at(), Some(start()));
    let replaced = read(&written.expose().replace("access-1", "access-2"));
    assert_eq!(
        (
            replaced.tokens().unwrap().scope(),
            replaced.tokens().unwrap().expires_at()
        ),
        (None, None)
    );
}

#[test]
fn nothing_of_it_is_shown() {
    let record = read(&format!(
        r#"{{"OPENAI_API_KEY":"canary-1","personal_access_token":"canary-2","unknown":"canary-3","tokens":{{"id_token":"{}","access_token":"canary-4","refresh_token":"canary-5","more":"canary-6"}}}}"#,
        id("acct-1")
    ));
    for shown in [format!("{record:?}"), format!("{record:#?}")] {
        assert!(
            !shown.contains("canary") && !shown.contains(&id("acct-1")),
            "{shown}"
        );
    }
}

proptest! {
    #[test]
    fn no_file_makes_it_panic(text in ".{0,300}") {
        let _ = Record::from_json(text.as_bytes());
    }

    #[test]
    fn what_was_read_is_written_and_read_again(
        key in prop::option::of("[ -~]{1,30}"),
        access in "[ -~ü]{1,30}",
        refresh in "[ -~]{0,30}",
        name in "[a-z]{1,10}x",
        value in prop::sample::select(vec!["1.50", "[1,2]", "\"a\\u0041\"", "{\"b\": 1e3}", "true", "123456789012345678901234567890"]),
    ) {
        prop_assume!(!access.trim().is_empty());
        let quoted = |text: &str| serde_json::to_string(text).unwrap();
        let json = format!(
            r#"{{"OPENAI_API_KEY":{},"tokens":{{"access_token":{},"refresh_token":{},"{name}":{value}}},"{name}":{value}}}"#,
            key.as_deref().map_or_else(|| "null".to_owned(), &quoted),
            quoted(&access),
            quoted(&refresh),
        );
        let record = read(&json);
        let written = record.to_json();
        prop_assert_eq!(written.expose().matches(&format!("\"{name}\": {value}")).count(), 2);
        let again = read(written.expose());
        prop_assert_eq!(again.to_json(), written);
        prop_assert_eq!(again, record);
    }
}
