//! Sends a question and prints the response as it arrives.
//!
//! `cargo run --example ask -- "your question"`
//!
//! The text goes to standard output; reasoning, diagnostics and errors go to standard error. The
//! exit status is 0 only for a completed response.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command-line program prints"
)]

#[path = "../support/answers.rs"]
mod answers;
mod arguments;
#[path = "../support/credentials.rs"]
mod credentials;
#[path = "../support/embedded.rs"]
mod embedded;
#[path = "../support/flags.rs"]
mod flags;
mod show;
#[path = "../support/terminal.rs"]
mod terminal;

use std::process::ExitCode;

use codex_client::{Client, Error, SocketSession, SocketSettings, TurnEvent};
use codex_transport::Timeouts;
use codex_types::CreateResponse;

use arguments::{Arguments, USAGE};
use terminal::inert;

const MODEL: &str = "gpt-5.5";

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = match arguments::parse() {
        Ok(Some(arguments)) => arguments,
        Ok(None) => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Err(message) => return fail(&message),
    };
    match ask(arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => fail(&message),
    }
}

fn fail(message: &str) -> ExitCode {
    eprintln!("ask: {}", inert(message, &[]));
    ExitCode::FAILURE
}

async fn ask(arguments: Arguments) -> Result<(), String> {
    let request = request(&arguments)?;
    let credentials = credentials::find(&arguments.named)?;
    let mut builder = Client::builder();
    if let Some(idle) = arguments.idle_timeout {
        builder = builder.timeouts(Timeouts::default().with_idle(idle));
    }
    let server = if credentials.is_none() && arguments.named.base_url.is_none() {
        let server = embedded::start(Some(&request))?;
        eprintln!(
            "no credentials: using an embedded server at http://{}",
            server.address()
        );
        builder = builder.base_url(server.url("/v1"));
        Some(server)
    } else {
        None
    };
    if let Some(base_url) = &arguments.named.base_url {
        builder = builder.base_url(base_url);
    }
    let mut profile = arguments.profile.clone();
    if let Some(credentials) = credentials {
        builder = builder.auth(credentials.source);
        profile = profile.or(credentials.profile);
    }
    if let Some(profile) = profile {
        builder = builder.profile(profile);
    }
    let client = builder.build().map_err(|error| error.to_string())?;
    let mut settings = SocketSettings::default();
    settings.transport = arguments.transport;
    let mut session = SocketSession::new(&client, settings);
    let mut turn = session
        .stream(&request)
        .await
        .map_err(|error| explain(&error))?;
    let mut screen = show::Screen::new(arguments.json, arguments.raw);
    while let Some(item) = turn.next().await {
        match item {
            Ok(TurnEvent::Response(event)) => screen
                .event(&event)
                .map_err(|error| format!("standard output: {error}"))?,
            Ok(TurnEvent::Restart(_)) => {
                screen.remark("connection lost; the response starts again:")
            }
            Err(error) if error.is_fatal() => {
                screen.pause();
                return Err(explain(&error));
            }
            Err(error) => screen.remark(&inert(&explain(&error), &[])),
        }
    }
    screen.pause();
    let response = turn.finish().await.map_err(|error| explain(&error))?;
    screen.usage(&response);
    drop(server);
    Ok(())
}

fn request(arguments: &Arguments) -> Result<CreateResponse, String> {
    let mut request = match &arguments.request {
        Some(path) => {
            let text = std::fs::read_to_string(path)
                .map_err(|error| format!("{}: {error}", path.display()))?;
            serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))?
        }
        None => {
            let question = arguments.question.as_deref().unwrap_or_default();
            CreateResponse::new(MODEL).input(question)
        }
    };
    if let Some(model) = &arguments.model {
        request.model = model.clone();
    }
    Ok(request)
}

/// Formats an error as one line: what happened, the server's own message, what it means, and what
/// to do.
fn explain(error: &Error) -> String {
    let mut line = error.to_string();
    let mut source = core::error::Error::source(error);
    while let Some(cause) = source {
        line.push_str(": ");
        line.push_str(&cause.to_string());
        source = cause.source();
    }
    if let Some(reason) = error.reason() {
        line.push_str(&format!(": {reason}; {}", reason.remedy()));
    }
    line
}
