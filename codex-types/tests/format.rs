//! The format of an answer from a Rust type, and an answer of that format read into it.
#![cfg(feature = "schemars")]
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a test states what it expects by failing loudly"
)]

use codex_types::lint::Linter;
use codex_types::profile::Profile;
use codex_types::{CreateResponse, JsonSchemaFormat, RawJson, TextConfig};
use serde_json::Value;

#[derive(Debug, PartialEq, serde::Deserialize, schemars::JsonSchema)]
struct Weather {
    place: String,
    degrees: f64,
    rain: Option<bool>,
    days: Vec<Day>,
}

#[derive(Debug, PartialEq, serde::Deserialize, schemars::JsonSchema)]
struct Day {
    name: String,
}

#[test]
fn the_format_of_a_type_asks_for_what_can_be_read_into_it() {
    let format = JsonSchemaFormat::of::<Weather>().expect("a format");
    let request = CreateResponse::new("gpt-5.5")
        .input("How is it?")
        .text(TextConfig::from(format));
    let findings = Linter::new(Profile::platform())
        .lint(&request)
        .expect("a request");
    assert!(findings.is_empty(), "{findings:?}");

    let json = RawJson::encode(&request).expect("JSON");
    let json: Value = serde_json::from_str(json.as_str()).expect("JSON");
    let format = &json["text"]["format"];
    assert_eq!(
        (&format["type"], &format["strict"]),
        (&"json_schema".into(), &true.into())
    );
    let mut required: Vec<&str> = format["schema"]["required"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(Value::as_str)
        .collect();
    required.sort_unstable();
    assert_eq!(required, ["days", "degrees", "place", "rain"]);
    assert_eq!(format["schema"]["additionalProperties"], false);

    let answer = r#"{"place":"Oslo","degrees":-3.5,"rain":null,"days":[{"name":"Monday"}]}"#;
    let weather: Weather = RawJson::parse(answer)
        .and_then(|json| json.decode())
        .expect("the type");
    let day = Day {
        name: "Monday".into(),
    };
    assert_eq!(
        weather,
        Weather {
            place: "Oslo".into(),
            degrees: -3.5,
            rain: None,
            days: vec![day]
        }
    );
}
