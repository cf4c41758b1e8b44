//! Makes a catalog of models for a file: `models [--fetched-at DATE] [--client-version VERSION]`.
//!
//! Reads a response of the ChatGPT backend's models endpoint, or a file with one, from standard
//! input. Writes it without instructions and descriptions to standard output, a model a line. The
//! bundled catalog is regenerated like this:
//!
//! ```sh
//! cargo run -p codex-types --example models -- --fetched-at 2026-11-28 --client-version 0.171.0 \
//!     <response.json >codex-types/data/models.json
//! ```
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::std_instead_of_core,
    reason = "a program, whose output is its result"
)]

use std::error::Error;
use std::io::Read as _;
use std::process::ExitCode;

use codex_types::{ModelCatalog, RawJson};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("models: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let mut text = String::new();
    let mut arguments = std::env::args().skip(1);
    let (mut fetched_at, mut client_version) = (None, None);
    while let Some(name) = arguments.next() {
        let value = arguments
            .next()
            .ok_or_else(|| format!("{name} needs a value"))?;
        match name.as_str() {
            "--fetched-at" => fetched_at = Some(value),
            "--client-version" => client_version = Some(value),
            _ => return Err(format!("unknown option {name}").into()),
        }
    }
    std::io::stdin().read_to_string(&mut text)?;
    let mut catalog = ModelCatalog::from_json(&text)?.without_texts();
    if catalog.models.is_empty() {
        return Err("the input has no models".into());
    }
    catalog.fetched_at = fetched_at.or(catalog.fetched_at);
    catalog.client_version = client_version.or(catalog.client_version);
    println!("{}", lines(&catalog)?);
    Ok(())
}

/// A model a line, so that a change can be reviewed.
pub(crate) fn lines(catalog: &ModelCatalog) -> Result<String, Box<dyn Error>> {
    let mut head = ModelCatalog::default();
    head.fetched_at.clone_from(&catalog.fetched_at);
    head.client_version.clone_from(&catalog.client_version);
    let head = RawJson::encode(&head)?;
    let models: Result<Vec<_>, _> = catalog.models.iter().map(RawJson::encode).collect();
    let models: Vec<_> = models?
        .iter()
        .map(|model| model.as_str().to_owned())
        .collect();
    let head = head.as_str().trim_end_matches('}');
    let comma = if head == "{" { "" } else { "," };
    Ok(format!(
        "{head}{comma}\"models\":[\n{}\n]}}",
        models.join(",\n")
    ))
}
