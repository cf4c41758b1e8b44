//! Code that the examples `tools`, `conversation` and `structured` share: a backend, and an error
//! as one line.

mod answers;
mod embedded;
pub(crate) mod terminal;

use codex_client::{Client, Error, Preferences};
use codex_transport::testing::LoopbackServer;
use codex_types::CreateResponse;

const MODEL: &str = "gpt-5.5";

/// A backend: the one that the environment has credentials for, or else a server in this program.
pub(crate) struct Backend {
    pub(crate) client: Client,
    /// An empty request for its model.
    pub(crate) request: CreateResponse,
    /// The embedded server; it stops when dropped.
    _server: Option<LoopbackServer>,
}

/// Connects to the backend. The variable `CODEX_MODEL` selects another model than the default, such
/// as `gpt-5.5:high`.
pub(crate) fn connect() -> Result<Backend, String> {
    let model = std::env::var("CODEX_MODEL").unwrap_or_else(|_| MODEL.to_owned());
    let request = Preferences::from_env().request(&model);
    if has_credentials() {
        let client = Client::from_env().map_err(|error| explain(&error))?;
        return Ok(Backend {
            client,
            request,
            _server: None,
        });
    }
    let server = embedded::start(None)?;
    eprintln!(
        "no credentials: using an embedded server at http://{}",
        server.address()
    );
    let client = Client::builder()
        .base_url(server.url("/v1"))
        .build()
        .map_err(|error| explain(&error))?;
    Ok(Backend {
        client,
        request,
        _server: Some(server),
    })
}

fn has_credentials() -> bool {
    codex_auth::Environment::from_env().is_ok_and(|found| found.is_some())
}

/// Formats an error as what happened, the cause, and what to do about it.
pub(crate) fn explain(error: &Error) -> String {
    let mut line = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        line.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    if let Some(reason) = error.reason() {
        line.push_str(&format!(": {reason}; {}", reason.remedy()));
    }
    terminal::inert(&line, &[]).into_owned()
}
