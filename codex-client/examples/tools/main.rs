//! Lets a model call functions of this program.
//!
//! `cargo run --example tools -- "What is the weather in Tromsø?"`
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command-line program prints"
)]

#[path = "../support/mod.rs"]
mod support;

use std::process::ExitCode;

use codex_client::{Approval, Progress, ToolCall, Tools};
use codex_types::{FunctionTool, RawJson, ResponseEvent};
use serde::Deserialize;
use support::terminal::inert;

/// The control characters allowed in running text.
const TEXT: &[char] = &['\n', '\t'];

/// The arguments of `current_weather`, as its schema below describes them.
#[derive(Deserialize)]
struct Place {
    city: String,
    unit: Unit,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Unit {
    Celsius,
    Fahrenheit,
}

const PLACE: &str = r#"{
    "type": "object",
    "properties": {
        "city": {"type": "string", "description": "The city, such as Tromsø"},
        "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]}
    },
    "required": ["city", "unit"],
    "additionalProperties": false
}"#;

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("tools: {message}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), String> {
    let question = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "What is the weather in Tromsø?".to_owned());
    let backend = support::connect()?;
    let schema = RawJson::parse(PLACE).map_err(|error| error.to_string())?;
    let tools = Tools::new()
        .function(
            FunctionTool::new("current_weather", schema, true)
                .description("What the weather is like in a city now"),
            current_weather,
        )
        // Called before every tool call. A program whose tools change something would prompt its
        // user here.
        .approve(async |call: ToolCall| {
            eprintln!(
                "the model calls {}({})",
                inert(&call.name, &[]),
                inert(&call.arguments, &[])
            );
            Approval::Allow
        });
    let mut session = backend.client.session(backend.request.clone());
    let response = session
        .run_with(&tools, question, show)
        .await
        .map_err(|error| support::explain(&error))?;
    println!("{}", inert(&response.output_text(), TEXT));
    Ok(())
}

async fn current_weather(place: Place) -> Result<String, &'static str> {
    if place.city.is_empty() {
        return Err("the city is missing");
    }
    let celsius = -4;
    Ok(match place.unit {
        Unit::Celsius => format!("{celsius} °C and snow in {}", place.city),
        Unit::Fahrenheit => format!("{} °F and snow in {}", celsius * 9 / 5 + 32, place.city),
    })
}

fn show(progress: Progress<'_>) {
    match progress {
        Progress::Event(ResponseEvent::ReasoningSummaryTextDelta(delta)) => {
            eprint!("{}", inert(delta.delta(), TEXT))
        }
        Progress::Event(ResponseEvent::ReasoningSummaryTextDone(_)) => eprintln!(),
        _ => {}
    }
}
