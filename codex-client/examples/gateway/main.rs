//! Lets every program on this machine that uses an OpenAI API share this machine's credentials.
//!
//! `cargo run --example gateway -- --listen 127.0.0.1:0`
//!
//! A server on this machine with `/v1/responses` (streamed, whole, and over a WebSocket),
//! `/v1/chat/completions` and `/v1/models`. An SDK in any language needs two settings, the URL and
//! the bearer token that the gateway prints; nothing else changes:
//!
//! ```sh
//! export OPENAI_BASE_URL=http://127.0.0.1:40817/v1 OPENAI_API_KEY=the-token-it-prints
//! ```
//!
//! # What the service's terms allow
//!
//! You are the customer for every request through this gateway, and you are responsible for its
//! credentials. As we read the terms:
//!
//! | credentials | what a gateway may do with them |
//! |---|---|
//! | an API key of the platform | serve the programs of the account's owner. A key must not be passed to other people; this gateway keeps it secret, but anyone with the gateway's token can spend from it |
//! | a ChatGPT login (`codex login`, the example `login`) | no permission is stated. A plan is for the one person who signed in; it may not be shared, resold or pooled, and accounts may not be rotated to evade limits. The terms do not state whether programs other than the official clients may use its tokens |
//! | an account of "Sign in with ChatGPT" | its terms rule out the usual purpose of a gateway: only the app that the user connected may spend the plan, for that user's own activity, and not through a general-purpose API for other tools. One person's own connected apps on their own machine may be within the terms; use by other people is not |
//!
//! With a "Sign in with ChatGPT" account, the gateway therefore starts only with
//! `--only-for-my-own-connected-apps`, and even then it listens on this machine only, with one
//! token. It never falls back from one account to another.
//!
//! # What is passed on, and what is not
//!
//! Requests and events are passed on completely, including unknown fields. A request that the
//! backend would reject gets a response with status 400 and the name of the parameter. With
//! `--lenient`, tuning parameters that the backend does not accept are omitted instead, and the
//! header `x-gateway-changed` lists them; parameters that change the meaning of a request are still
//! rejected. Errors of the service keep their status, code, request id and `retry-after`. The
//! gateway never sends a request twice, because every SDK retries by itself. When a client
//! disconnects, the gateway cancels its request at the service; it waits for a client that reads
//! slowly, and closes the connection of one that does not read at all.
//!
//! # Where to look
//!
//! `routes` selects the handler of a request, `guard` controls access, and `policy` lists what may
//! be omitted or passed through. `relay` writes events, `pass` forwards everything else, `state`
//! keeps conversations, and `journal` and `page` show what happens. `server` accepts connections,
//! and `workers` are the threads that serve them.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command-line program prints"
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
mod held;
mod id;
mod journal;
mod models;
mod page;
mod pass;
mod payload;
mod policy;
mod relay;
mod renamed;
mod responses;
mod routes;
mod scrub;
mod server;
mod services;
mod socket;
mod state;
mod stream;
mod trace;
mod upstream;
mod woken;
mod workers;

use std::process::ExitCode;

use arguments::{Arguments, Unstarted};
use guard::Guard;
use mimalloc::MiMalloc;
use policy::Policy;
use server::Server;
use services::Services;
use workers::Workers;

/// A stream allocates for every event. The allocator of the GNU C library took an eighth of the
/// processor time of a short stream.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// This thread accepts connections; [`workers`] serve them.
#[tokio::main(flavor = "current_thread")]
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
    trace::start()?;
    let policy = Policy::new(&arguments);
    let services = Services::connect(&arguments, &policy).await?;
    let guard = Guard::new(&arguments)?;
    let server = Server::bind(arguments.listen).await?;
    let workers = Workers::start().map_err(|error| format!("cannot start a thread: {error}"))?;
    let stopped = stopped()?;
    // A program that starts the gateway reads its address from this line, so it must be the first
    // line and end with the URL.
    println!("listening on {}", server.url());
    for service in services.all() {
        service.introduce();
    }
    guard.introduce();
    if arguments.remember > 0 {
        eprintln!("keeping up to {} responses in memory", arguments.remember);
    }
    server
        .run(services, guard, policy, &arguments, &workers, stopped)
        .await;
    Ok(())
}

/// Returns a function that resolves when the program is asked to stop, and again when it is asked a
/// second time.
#[cfg(unix)]
fn stopped() -> Result<impl AsyncFnMut(), String> {
    use tokio::signal::unix::{SignalKind, signal};

    let listen =
        |kind| signal(kind).map_err(|error| format!("cannot install signal handlers: {error}"));
    let mut interrupts = listen(SignalKind::interrupt())?;
    let mut terminates = listen(SignalKind::terminate())?;
    Ok(async move || {
        tokio::select! {
            _ = interrupts.recv() => {}
            _ = terminates.recv() => {}
        }
    })
}

/// Windows stops programs by events of their console: a key, its window, the end of the session.
#[cfg(windows)]
fn stopped() -> Result<impl AsyncFnMut(), String> {
    use tokio::signal::windows;

    let failed = |error| format!("cannot install console handlers: {error}");
    let mut interrupts = windows::ctrl_c().map_err(failed)?;
    let mut breaks = windows::ctrl_break().map_err(failed)?;
    let mut closes = windows::ctrl_close().map_err(failed)?;
    let mut shutdowns = windows::ctrl_shutdown().map_err(failed)?;
    Ok(async move || {
        tokio::select! {
            _ = interrupts.recv() => {}
            _ = breaks.recv() => {}
            _ = closes.recv() => {}
            _ = shutdowns.recv() => {}
        }
    })
}

#[cfg(not(any(unix, windows)))]
fn stopped() -> Result<impl AsyncFnMut(), String> {
    Ok(async || {
        // Without signals the program cannot be asked to stop.
        if tokio::signal::ctrl_c().await.is_err() {
            core::future::pending::<()>().await;
        }
    })
}
