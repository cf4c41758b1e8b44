//! Holds a conversation in the terminal, with a history, live reasoning, and the token usage of
//! each response.
//!
//! `cargo run --example conversation -- [FILE]`
//!
//! Each line is a question. `/fork` continues in a copy of the conversation, `/back` returns to the
//! previous one, and `/save FILE` saves it; with FILE on the command line, a saved conversation
//! continues. Responses go to standard output, everything else to standard error.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command-line program prints"
)]

#[path = "../support/mod.rs"]
mod support;

use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::process::ExitCode;

use codex_client::Session;
use codex_types::{RawJson, ReasoningSummary, Response, ResponseEvent};
use support::Backend;
use support::terminal::inert;

/// The control characters allowed in running text.
const TEXT: &[char] = &['\n', '\t'];

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("conversation: {message}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), String> {
    let backend = support::connect()?;
    let mut session = match std::env::args().nth(1) {
        Some(file) => restore(&backend, &file)?,
        None => start(&backend),
    };
    let mut left = Vec::new();
    loop {
        if std::io::stdin().is_terminal() {
            eprint!("{}> ", ">".repeat(left.len()));
        }
        let mut line = String::new();
        if std::io::stdin()
            .lock()
            .read_line(&mut line)
            .map_err(|error| format!("standard input: {error}"))?
            == 0
        {
            return Ok(());
        }
        let line = line.trim();
        match line.split_once(' ').unwrap_or((line, "")) {
            ("", _) => {}
            ("/quit", _) => return Ok(()),
            ("/fork", _) => {
                let fork = session.fork();
                left.push(core::mem::replace(&mut session, fork));
            }
            ("/back", _) => match left.pop() {
                Some(before) => session = before,
                None => eprintln!("no earlier conversation"),
            },
            ("/save", file) => match save(&session, file) {
                Ok(()) => eprintln!("saved"),
                Err(message) => eprintln!("{message}"),
            },
            (command, _) if command.starts_with('/') => {
                eprintln!("unknown command {command}; expected {COMMANDS}");
            }
            // A failed turn leaves the history unchanged, so the conversation continues without it.
            _ => match answer(&mut session, line).await {
                Ok(response) => show_usage(&response),
                Err(message) => eprintln!("\n{message}"),
            },
        }
    }
}

fn start(backend: &Backend) -> Session {
    let mut settings = backend.request.clone();
    let reasoning = settings.reasoning.take().unwrap_or_default();
    backend
        .client
        .session(settings.reasoning(reasoning.summary(ReasoningSummary::Auto)))
}

fn restore(backend: &Backend, file: &str) -> Result<Session, String> {
    let text = std::fs::read_to_string(file).map_err(|error| format!("{file}: {error}"))?;
    let json = RawJson::parse(&text).map_err(|error| format!("{file}: {error}"))?;
    let session =
        Session::from_json(&backend.client, &json).map_err(|error| format!("{file}: {error}"))?;
    eprintln!("{} items", session.history().count());
    Ok(session)
}

fn save(session: &Session, file: &str) -> Result<(), String> {
    let json = session.to_json().map_err(|error| error.to_string())?;
    std::fs::write(file, json.as_str()).map_err(|error| format!("{file}: {error}"))
}

async fn answer(session: &mut Session, question: &str) -> Result<Response, String> {
    let mut turn = session
        .turn(question)
        .await
        .map_err(|error| support::explain(&error))?;
    while let Some(item) = turn.next().await {
        match item.map_err(|error| support::explain(&error))? {
            ResponseEvent::OutputTextDelta(delta) | ResponseEvent::RefusalDelta(delta) => {
                print!("{}", inert(delta.delta(), TEXT));
                std::io::stdout()
                    .flush()
                    .map_err(|error| format!("standard output: {error}"))?;
            }
            ResponseEvent::ReasoningSummaryTextDelta(delta) => {
                eprint!("{}", inert(delta.delta(), TEXT))
            }
            ResponseEvent::ReasoningSummaryTextDone(_) => eprintln!(),
            ResponseEvent::OutputTextDone(_) | ResponseEvent::RefusalDone(_) => println!(),
            _ => {}
        }
    }
    turn.finish()
        .await
        .map_err(|error| support::explain(&error))
}

fn show_usage(response: &Response) {
    if let Some(usage) = &response.usage {
        eprintln!(
            "[{} tokens in, {} of them cached, {} out]",
            usage.input_tokens,
            usage.cached_tokens(),
            usage.output_tokens
        );
    }
}

const COMMANDS: &str = "/fork, /back, /save FILE and /quit";
