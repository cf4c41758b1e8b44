//! A tool that runs in the page.

use codex_types::{FunctionTool, RawJson};
use serde::Deserialize;

/// The arguments, as the schema describes them.
#[derive(Deserialize)]
pub(crate) struct Place {
    city: String,
}

pub(crate) fn definition() -> FunctionTool {
    let schema = RawJson::parse(SCHEMA).unwrap_or_default();
    FunctionTool::new("current_weather", schema, true)
        .description("What the weather is like in a city now")
}

/// Returns the weather of an invented place, since a page cannot look out of the window.
pub(crate) async fn current(place: Place) -> Result<String, &'static str> {
    if place.city.is_empty() {
        return Err("the city is missing");
    }
    Ok(format!("-4 °C and snow in {}", place.city))
}

const SCHEMA: &str = r#"{
    "type": "object",
    "properties": {"city": {"type": "string", "description": "The city, such as Tromsø"}},
    "required": ["city"],
    "additionalProperties": false
}"#;
