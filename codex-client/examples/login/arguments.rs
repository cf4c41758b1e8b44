//! Parses the command line.

use std::path::PathBuf;

#[derive(Debug, Default)]
pub(crate) struct Arguments {
    pub(crate) action: Action,
    pub(crate) open_browser: bool,
    pub(crate) store: Option<PathBuf>,
    pub(crate) auth_file: Option<PathBuf>,
    pub(crate) issuer: Option<String>,
    pub(crate) kind: Option<Kind>,
    pub(crate) app_name: Option<String>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    #[default]
    Browser,
    Device,
    Paste,
    Status,
    SignOut,
}

/// The two kinds of sign-in at OpenAI.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The sign-in of the Codex client, for the ChatGPT backend.
    ChatGpt,
    /// "Sign in with ChatGPT" for open-source apps, for the public API.
    SignInWithChatGpt,
}

pub(crate) const USAGE: &str = "\
usage: login [OPTIONS]

  (without an action)  sign in with a browser on this machine
  --device             sign in with a code, entered in a browser on any device
  --paste              sign in with a browser on another machine, and paste the final address
  --status             show who is signed in
  --logout             revoke the login and remove it

  --store FILE         the file of the login (default: a file of this program in the user's
                       configuration directory)
  --auth-file FILE     keep the login in the official client's auth.json, and change that file
  --profile NAME       chatgpt: as the Codex client does (default)
                       sign-in-with-chatgpt, or siwc: as a separate open-source app (default if one
                       is registered)
  --app-name NAME      the name under which the app registers at its first sign-in
  --issuer URL         another authority, for tests
  --no-browser         only print the address";

/// Parses the command line. Returns `Ok(None)` if it only requests the usage.
pub(crate) fn parse() -> Result<Option<Arguments>, String> {
    use lexopt::prelude::*;

    let mut arguments = Arguments {
        open_browser: true,
        ..Arguments::default()
    };
    let mut action = None;
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next().map_err(|error| error.to_string())? {
        match argument {
            Long("device" | "device-code") => choose(&mut action, Action::Device)?,
            Long("paste") => choose(&mut action, Action::Paste)?,
            Long("status") => choose(&mut action, Action::Status)?,
            Long("logout") => choose(&mut action, Action::SignOut)?,
            Long("store") => arguments.store = Some(path(&mut parser)?),
            Long("auth-file") => arguments.auth_file = Some(path(&mut parser)?),
            Long("profile") => arguments.kind = Some(kind(&text(&mut parser)?)?),
            Long("app-name") => arguments.app_name = Some(text(&mut parser)?),
            Long("issuer") => arguments.issuer = Some(text(&mut parser)?),
            Long("no-browser") => arguments.open_browser = false,
            Long("help") | Short('h') => return Ok(None),
            other => return Err(other.unexpected().to_string()),
        }
    }
    if arguments.store.is_some() && arguments.auth_file.is_some() {
        return Err("--store and --auth-file cannot be used together".to_owned());
    }
    arguments.action = action.unwrap_or_default();
    Ok(Some(arguments))
}

fn choose(chosen: &mut Option<Action>, action: Action) -> Result<(), String> {
    match chosen.replace(action) {
        Some(earlier) if earlier != action => {
            Err("--device, --paste, --status and --logout cannot be used together".to_owned())
        }
        _ => Ok(()),
    }
}

fn kind(text: &str) -> Result<Kind, String> {
    match text {
        "chatgpt" => Ok(Kind::ChatGpt),
        "sign-in-with-chatgpt" | "siwc" => Ok(Kind::SignInWithChatGpt),
        _ => Err("--profile must be chatgpt or sign-in-with-chatgpt".to_owned()),
    }
}

fn path(parser: &mut lexopt::Parser) -> Result<PathBuf, String> {
    let value = parser.value().map_err(|error| error.to_string())?;
    Ok(PathBuf::from(value))
}

fn text(parser: &mut lexopt::Parser) -> Result<String, String> {
    let value = parser.value().map_err(|error| error.to_string())?;
    value
        .into_string()
        .map_err(|_| "an argument is not valid UTF-8".to_owned())
}
