//! Requests a response that conforms to a JSON schema and parses it as a Rust value.
//!
//! `cargo run --example structured -- "A recipe for pancakes"`
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command-line program prints"
)]

#[path = "../support/mod.rs"]
mod support;

use std::process::ExitCode;

use codex_types::lint::close_schema;
use codex_types::{JsonSchemaFormat, RawJson, TextConfig};
use serde::Deserialize;
use support::terminal::inert;

#[derive(Debug, Deserialize)]
struct Recipe {
    title: String,
    minutes: u32,
    ingredients: Vec<Ingredient>,
}

#[derive(Debug, Deserialize)]
struct Ingredient {
    name: String,
    /// Optional properties become nullable ones in a strict schema.
    grams: Option<u32>,
}

/// A schema as written by hand; the additions for strict mode are made below.
const RECIPE: &str = r#"{
    "type": "object",
    "properties": {
        "title": {"type": "string"},
        "minutes": {"type": "integer"},
        "ingredients": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"name": {"type": "string"}, "grams": {"type": "integer"}},
                "required": ["name"]
            }
        }
    },
    "required": ["title", "minutes", "ingredients"]
}"#;

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("structured: {}", inert(&message, &[]));
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), String> {
    let question = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "A recipe for pancakes".to_owned());
    let backend = support::connect()?;
    let schema = RawJson::parse(RECIPE)
        .and_then(|schema| close_schema(&schema))
        .map_err(|error| error.to_string())?;
    for finding in &schema.remaining {
        eprintln!("the schema: {finding}");
    }
    let format = JsonSchemaFormat::new("recipe", schema.schema).strict(true);
    let request = backend
        .request
        .clone()
        .input(question)
        .text(TextConfig::from(format));
    let response = backend
        .client
        .create(&request)
        .await
        .map_err(|error| support::explain(&error))?;
    // A model may refuse, and then explains why in text.
    if let Some(refusal) = response.refusal() {
        return Err(format!("the model declines: {}", inert(&refusal, &[])));
    }
    let recipe: Recipe = RawJson::parse(&response.output_text())
        .and_then(|json| json.decode())
        .map_err(|error| format!("the response is not a recipe: {error}"))?;

    println!("{}, {} minutes", inert(&recipe.title, &[]), recipe.minutes);
    for ingredient in &recipe.ingredients {
        let name = inert(&ingredient.name, &[]);
        match ingredient.grams {
            Some(grams) => println!("  {grams:>4} g {name}"),
            None => println!("         {name}"),
        }
    }
    Ok(())
}
