//! Signs in, shows the signed-in account, or signs out.
//!
//! `cargo run --example login`
//!
//! The address to open, the code to enter and the result go to standard output; remarks and errors
//! go to standard error. Tokens are never shown. The exit status is 0 if an account is signed in
//! afterwards (with `--logout`: if none is).
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command-line program prints"
)]

mod arguments;
mod location;
mod pasted;
mod status;
#[path = "../support/terminal.rs"]
mod terminal;

use core::time::Duration;
use std::io::IsTerminal as _;
use std::process::ExitCode;

use codex_auth::{Error, ErrorKind, FileStore, Prompt, Revoked, TokenStore as _};
use codex_client::login::{Login, Notice, RedirectListener, Redirects};
use codex_transport::{HyperTransport, TokioTimer};

use arguments::{Action, Arguments, USAGE};
use terminal::inert;

// Ctrl-C needs no handler: the end of the process frees everything, and the store survives being
// killed at any moment.
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
    match run(&arguments).await {
        Ok(code) => code,
        Err(message) => fail(&message),
    }
}

async fn run(arguments: &Arguments) -> Result<ExitCode, String> {
    let store = location::store(arguments)?;
    if arguments.action == Action::Status {
        return status::show(&store);
    }
    let profile = location::profile(arguments, &store)?;
    let transport = HyperTransport::new().map_err(|error| chain(&error))?;
    let login = Login::new(profile, store, transport, TokioTimer);
    match arguments.action {
        Action::Status | Action::SignOut => return sign_out(login).await,
        Action::Device => device(&login).await?,
        Action::Browser => browser(&login, arguments.open_browser).await?,
        Action::Paste => paste(&login).await?,
    }
    let stored = login.store().load().map_err(|error| explain(&error))?;
    match stored {
        Some(stored) => println!("{}", status::who(stored.record())),
        None => println!("signed in"),
    }
    println!("stored in {}", login.store().path().display());
    Ok(ExitCode::SUCCESS)
}

async fn device(login: &Login<FileStore>) -> Result<(), String> {
    let show = |prompt: &Prompt| {
        println!(
            "Open this address in a browser on any device:\n\n  {}\n",
            inert(prompt.url(), &[])
        );
        if let Some(code) = prompt.user_code() {
            println!(
                "and enter this code, within {}:\n\n  {}\n",
                minutes(prompt.time_limit()),
                inert(code, &[])
            );
        }
        println!(
            "Enter only a code that this program has just shown you; any other code would sign in another person."
        );
    };
    let signed_in = login.with_device_code(show).await;
    remark(signed_in.map_err(|error| explain(&error))?.replaced());
    Ok(())
}

async fn browser(login: &Login<FileStore>, open_browser: bool) -> Result<(), String> {
    let listener = RedirectListener::bind(&login.profile().redirect)
        .map_err(|error| format!("{}; --device and --paste need no port", chain(&error)))?;
    let port = listener.port();
    // A program whose input is not a terminal must not consume input meant for another program.
    let terminal = std::io::stdin().is_terminal();
    let redirects = if terminal {
        Redirects::listening(listener).or_pasted(pasted::lines())
    } else {
        Redirects::listening(listener)
    };
    let attempt = login
        .browser_sign_in(port)
        .map_err(|error| explain(&error))?;
    let notice = |notice: Notice<'_>| match notice {
        Notice::Show(prompt) => {
            println!(
                "Open this address in a browser on this machine:\n\n  {}\n",
                inert(prompt.url(), &[])
            );
            if terminal {
                println!("If the browser cannot return here, paste its final address.");
            }
            if open_browser && open::that_detached(prompt.url()).is_err() {
                eprintln!("login: could not open a browser; open the address yourself");
            }
        }
        other => refused(&other),
    };
    let signed_in = login.in_browser(attempt, redirects, notice).await;
    remark(signed_in.map_err(|error| explain(&error))?.replaced());
    Ok(())
}

async fn paste(login: &Login<FileStore>) -> Result<(), String> {
    // Nothing listens on that port; the code stays in the browser's address bar.
    let port = login.profile().redirect.ports.first().copied();
    let attempt = login
        .browser_sign_in(port.unwrap_or(UNUSED_PORT))
        .map_err(|error| explain(&error))?;
    let notice = |notice: Notice<'_>| match notice {
        Notice::Show(prompt) => {
            println!(
                "Open this address in a browser on any machine:\n\n  {}\n",
                inert(prompt.url(), &[])
            );
            println!(
                "The browser ends at a page that it cannot show. Paste the address of that page here:"
            );
        }
        other => refused(&other),
    };
    let redirects = Redirects::pasted(pasted::lines());
    let signed_in = login.in_browser(attempt, redirects, notice).await;
    remark(signed_in.map_err(|error| explain(&error))?.replaced());
    Ok(())
}

async fn sign_out(login: Login<FileStore>) -> Result<ExitCode, String> {
    let login = discovered(login).await;
    let outcome = login.sign_out().await.map_err(|error| explain(&error))?;
    if outcome.removed() {
        println!("signed out");
    } else {
        println!("not signed in");
    }
    remark(outcome.revoked());
    Ok(ExitCode::SUCCESS)
}

/// Discovers the revocation endpoint if the profile has none. If discovery fails, signing out
/// continues without revocation.
async fn discovered(login: Login<FileStore>) -> Login<FileStore> {
    let signed_in =
        || matches!(login.store().load(), Ok(Some(stored)) if stored.record().tokens().is_some());
    if login.profile().revoke_endpoint.is_some() || !signed_in() {
        return login;
    }
    match login.clone().discover().await {
        Ok(discovered) => discovered,
        Err(error) => {
            eprintln!("login: {}", explain(&error));
            login
        }
    }
}

fn refused(notice: &Notice<'_>) {
    match notice {
        Notice::PasteRefused(error) => eprintln!("login: {}; try again", explain(error)),
        _ => {
            eprintln!("login: refused a redirect from another sign-in; still waiting for this one")
        }
    }
}

fn remark(revoked: &Revoked) {
    if let Revoked::NotConfirmed(error) = revoked {
        eprintln!(
            "login: the old tokens may still be valid: {}",
            explain(error)
        );
    }
}

fn minutes(duration: Duration) -> String {
    format!("{} minutes", duration.as_secs().div_ceil(60))
}

/// Formats an error as what happened, the cause, the authority's own message, and what helps.
fn explain(error: &Error) -> String {
    let mut line = chain(error);
    if let Some(description) = error.description() {
        line.push_str(": ");
        line.push_str(description);
    } else if let Some(code) = error.code() {
        line.push_str(": ");
        line.push_str(code);
    }
    let help = match error.kind() {
        ErrorKind::DeviceLoginDisabled => {
            "; it can be turned on in the security settings of the account or by the workspace's administrator, or sign in with a browser"
        }
        ErrorKind::TimedOut | ErrorKind::CodeRefused => "; start again",
        _ => "",
    };
    // The line may be printed alone.
    inert(&line, &[]).into_owned() + help
}

fn chain(error: &dyn core::error::Error) -> String {
    let mut line = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        line.push_str(": ");
        line.push_str(&cause.to_string());
        source = cause.source();
    }
    line
}

fn fail(message: &str) -> ExitCode {
    eprintln!("login: {}", inert(message, &[]));
    ExitCode::FAILURE
}

/// A port for an address in which any port is allowed; no server listens there.
const UNUSED_PORT: u16 = 1455;
