//! Offers the credentials this machine has to every program on it that speaks to an OpenAI API.
//!
//! `cargo run --example gateway -- --listen 127.0.0.1:0`
//!
//! A server on this machine with `/v1/responses` (streamed, whole, and over a WebSocket), `/v1/chat/completions` and `/v1/models`. An SDK in
//! any language is pointed at it with two settings, the URL and the bearer token that the gateway prints; nothing else changes:
//!
//! ```sh
//! export OPENAI_BASE_URL=http://127.0.0.1:40817/v1 OPENAI_API_KEY=the-token-it-prints
//! ```
//!
//! # What the service's terms allow
//!
//! You are the customer of whatever is asked through this gateway, and its credentials are yours to answer for. As we read the terms:
//!
//! | credentials | what a gateway may do with them |
//! |---|---|
//! | an API key of the platform | serve the programs of whoever holds the account. A key is not to be handed to other people; this gateway keeps it, but whoever has its token spends it |
//! | a ChatGPT login (`codex login`, the example `login`) | nothing is promised. A plan is for the one person who signed in; it may not be shared, resold or pooled, and accounts may not be rotated around limits. That its tokens may be used from programs other than the official clients is stated nowhere |
//! | an account of "Sign in with ChatGPT" | its terms rule out what a gateway is usually for: a plan may be spent only by the app that the user connected, for that user's own activity, and not by a general-purpose API for other tools. One person may find that their own connected apps on their own machine are within that; for anybody else it is not allowed |
//!
//! So with a "Sign in with ChatGPT" account the gateway does not start unless it is told `--only-for-my-own-connected-apps`, and even then it
//! listens on this machine only, with one token. It never falls back from one account to another.
//!
//! # What is passed on, and what is not
//!
//! Requests and events are passed on whole, with everything that has no name here. A request that the backend would refuse is answered with
//! status 400 and the name of the parameter. With `--lenient`, tuning that the backend does not take is left out instead, and the header
//! `x-gateway-changed` lists it; what changes the meaning of a request is refused all the same. Errors of the service keep their status, code,
//! request id and `retry-after`; nothing is sent twice, because every SDK repeats requests by itself. A client that leaves cancels its request
//! at the service; the gateway waits for one that reads slowly, and closes the connection of one that does not read at all.
//!
//! # Where to look
//!
//! `routes` decides what serves a request, `guard` who may send one, `policy` what may be left out and passed through. `relay` writes events,
//! `pass` forwards everything else, `state` keeps conversations, and `journal` and `page` show what happens.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for the terminal"
)]

#[path = "../support/answers.rs"]
mod answers;
mod arguments;
mod body;
mod chat;
mod connection;
#[path = "../support/credentials.rs"]
mod credentials;
#[path = "../support/embedded.rs"]
mod embedded;
mod failure;
#[path = "../support/flags.rs"]
mod flags;
mod gateway;
mod guard;
mod journal;
mod lane;
mod models;
mod page;
mod pass;
mod payload;
mod policy;
mod relay;
mod responses;
mod routes;
mod scrub;
mod server;
mod socket;
mod state;
mod upstream;

use std::process::ExitCode;

use arguments::{Arguments, Unstarted};
use guard::Guard;
use policy::Policy;
use server::Server;
use upstream::Upstream;

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = match arguments::parse() {
        Ok(arguments) => arguments,
        Err(Unstarted::Shows(text)) => {
            println!("{text}");
            return ExitCode::SUCCESS;
        }
        Err(Unstarted::Wrong(message)) => return fail(&message),
    };
    match run(arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => fail(&message),
    }
}

fn fail(message: &str) -> ExitCode {
    eprintln!("gateway: {message}");
    ExitCode::FAILURE
}

async fn run(arguments: Arguments) -> Result<(), String> {
    let policy = Policy::new(&arguments);
    let upstream = Upstream::connect(&arguments, &policy).await?;
    let guard = Guard::new(&arguments)?;
    let server = Server::bind(arguments.listen).await?;
    let stopped = stopped()?;
    // A program that starts the gateway reads its address from this line, so it comes first and ends with the URL.
    println!("listening on {}", server.url());
    upstream.introduce();
    guard.introduce();
    if arguments.remember > 0 {
        eprintln!("up to {} responses are kept in memory", arguments.remember);
    }
    server
        .run(upstream, guard, policy, &arguments, stopped)
        .await;
    Ok(())
}

/// Resolves when the program is asked to stop, and once more when it is asked again.
#[cfg(unix)]
fn stopped() -> Result<impl AsyncFnMut(), String> {
    use tokio::signal::unix::{SignalKind, signal};

    let listen = |kind| signal(kind).map_err(|error| format!("no signals: {error}"));
    let mut interrupts = listen(SignalKind::interrupt())?;
    let mut terminates = listen(SignalKind::terminate())?;
    Ok(async move || {
        tokio::select! {
            _ = interrupts.recv() => {}
            _ = terminates.recv() => {}
        }
    })
}

#[cfg(not(unix))]
fn stopped() -> Result<impl AsyncFnMut(), String> {
    Ok(async || {
        // Without signals there is no way to ask it.
        if tokio::signal::ctrl_c().await.is_err() {
            core::future::pending::<()>().await;
        }
    })
}
