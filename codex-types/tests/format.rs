//! The response format of a Rust type, and a response in that format parsed into the type.
#![cfg(feature = "schemars")]

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
fn the_format_of_a_type_matches_what_can_be_read_into_it() {
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

/// Sends a message.
#[derive(Debug, PartialEq, serde::Deserialize, schemars::JsonSchema)]
struct Send {
    /// The recipient.
    to: Recipient,
    #[serde(default)]
    urgent: bool,
    channel: Option<Channel>,
    tags: std::collections::HashSet<String>,
}

/// A person.
#[derive(Debug, PartialEq, serde::Deserialize, schemars::JsonSchema)]
struct Recipient {
    name: String,
}

#[derive(Debug, PartialEq, serde::Deserialize, schemars::JsonSchema)]
enum Channel {
    /// By mail.
    Mail { address: String },
    /// By telephone.
    Phone(String),
}

fn lint_tool(tool: codex_types::FunctionTool) -> Vec<codex_types::lint::Finding> {
    let request = CreateResponse::new("gpt-5.5")
        .input("Hi")
        .tools([codex_types::Tool::from(tool)]);
    Linter::new(Profile::platform())
        .lint(&request)
        .expect("a request")
}

#[test]
fn the_function_of_a_type_is_strict() {
    let tool = codex_types::FunctionTool::of::<Send>().expect("a function");
    assert_eq!((tool.name.as_str(), tool.strict), ("Send", true));
    assert_eq!(tool.description.as_deref(), Some("Sends a message."));
    let schema: Value = serde_json::from_str(tool.parameters.as_str()).expect("JSON");
    assert_eq!(
        schema["required"],
        serde_json::json!(["channel", "tags", "to", "urgent"])
    );
    assert_eq!(
        schema["properties"]["to"],
        serde_json::json!({"description": "The recipient.", "anyOf": [{"$ref": "#/$defs/Recipient"}]})
    );
    assert_eq!(
        schema["properties"]["urgent"]["type"],
        serde_json::json!(["boolean", "null"])
    );
    assert_eq!(lint_tool(tool), []);
}

#[test]
fn a_function_without_arguments_is_strict() {
    #[derive(schemars::JsonSchema)]
    struct Now {}
    let tool = codex_types::FunctionTool::of::<Now>().expect("a function");
    assert!(tool.strict);
    assert_eq!(lint_tool(tool), []);
}

#[test]
fn a_type_that_strict_schemas_cannot_express_keeps_its_meaning() {
    #[derive(schemars::JsonSchema)]
    #[expect(dead_code, reason = "only the schema is used")]
    struct Counts {
        by_name: std::collections::BTreeMap<String, u32>,
        range: (u32, u32),
    }
    let tool = codex_types::FunctionTool::of::<Counts>().expect("a function");
    assert!(!tool.strict);
    assert!(
        tool.parameters
            .as_str()
            .contains(r#""additionalProperties":{"#),
        "{}",
        tool.parameters
    );
    assert_eq!(lint_tool(tool), []);
}
