//! Parses the command line. The first plain word is the question; further words are joined, so that
//! quotes may be omitted.

use core::time::Duration;
use std::io::IsTerminal as _;
use std::path::PathBuf;

use codex_auth::Secret;
use codex_client::TransportChoice;
use codex_types::profile::Profile;

use crate::credentials::Named;
use crate::flags::{profile, text, transport};

#[derive(Debug, Default)]
pub(crate) struct Arguments {
    pub(crate) question: Option<String>,
    pub(crate) named: Named,
    pub(crate) profile: Option<Profile>,
    pub(crate) model: Option<String>,
    pub(crate) request: Option<PathBuf>,
    pub(crate) json: bool,
    pub(crate) raw: bool,
    pub(crate) idle_timeout: Option<Duration>,
    pub(crate) transport: TransportChoice,
}

pub(crate) const USAGE: &str = "\
usage: ask [OPTIONS] QUESTION

  --base-url URL           a compatible server (default: the platform API)
  --api-key KEY            an API key (default: the variables CODEX_API_KEY, CODEX_ACCESS_TOKEN,
                           OPENAI_API_KEY)
  --auth-file FILE         a login in an auth.json; its tokens are renewed and written back to the
                           file
  --issuer URL             another authority for the renewal, for tests
  --profile NAME           the kind of backend: platform, chatgpt, sign-in-with-chatgpt, compatible
                           (default: chosen by the credentials or the server)
  --model NAME             the model
  --request FILE           a whole request as JSON instead of a question
  --json                   print one line of JSON per event instead of text
  --raw                    print the text as the server sent it, control characters included; for a
                           pipe or a file
  --idle-timeout SECONDS   the maximum silence of the server (default 300)
  --transport NAME         auto (a WebSocket if the backend supports them), http or websocket

Without credentials and without --base-url, an embedded server on 127.0.0.1 responds.";

/// Parses the command line. Returns `Ok(None)` if it only requests the usage.
pub(crate) fn parse() -> Result<Option<Arguments>, String> {
    use lexopt::prelude::*;

    let mut arguments = Arguments::default();
    let mut words = Vec::new();
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next().map_err(|error| error.to_string())? {
        match argument {
            Long("base-url") => arguments.named.base_url = Some(text(&mut parser)?),
            Long("api-key") => arguments.named.api_key = Some(Secret::from(text(&mut parser)?)),
            Long("auth-file") => {
                arguments.named.auth_file = Some(PathBuf::from(text(&mut parser)?))
            }
            Long("issuer") => arguments.named.issuer = Some(text(&mut parser)?),
            Long("profile") => arguments.profile = Some(profile(&text(&mut parser)?)?),
            Long("model") => arguments.model = Some(text(&mut parser)?),
            Long("request") => arguments.request = Some(PathBuf::from(text(&mut parser)?)),
            Long("json") => arguments.json = true,
            Long("raw") => arguments.raw = true,
            Long("idle-timeout") => arguments.idle_timeout = Some(seconds(&text(&mut parser)?)?),
            Long("transport") => arguments.transport = transport(&text(&mut parser)?)?,
            Long("help") | Short('h') => return Ok(None),
            Value(word) => words.push(word.string().map_err(|error| error.to_string())?),
            other => return Err(other.unexpected().to_string()),
        }
    }
    if !words.is_empty() {
        arguments.question = Some(words.join(" "));
    }
    if arguments.named.api_key.is_some() && arguments.named.auth_file.is_some() {
        return Err("--api-key and --auth-file cannot be used together".to_owned());
    }
    if arguments.raw && std::io::stdout().is_terminal() {
        return Err("--raw requires standard output to be a pipe or a file: a terminal would interpret control characters".to_owned());
    }
    match (&arguments.question, &arguments.request) {
        (None, None) => Err("missing QUESTION; see --help".to_owned()),
        (Some(_), Some(_)) => Err("QUESTION and --request cannot be used together".to_owned()),
        _ => Ok(Some(arguments)),
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    text.parse::<f64>()
        .ok()
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .filter(|duration| !duration.is_zero())
        .ok_or_else(|| "--idle-timeout takes a positive number of seconds".to_owned())
}
