// What the command line says. Everything that makes the gateway less safe is a flag that says what it does, and has no short form.

use core::net::SocketAddr;
use core::time::Duration;
use std::path::PathBuf;

use codex_auth::Secret;
use codex_client::TransportChoice;
use codex_types::profile::Profile;

use crate::credentials::Named;
use crate::flags::{profile, text, transport};

#[derive(Debug)]
pub(crate) struct Arguments {
    pub(crate) listen: SocketAddr,
    pub(crate) other_machines: bool,
    /// The tokens of the programs that may ask; each is a client with limits of its own.
    pub(crate) bearers: Vec<Secret>,
    pub(crate) own_apps_only: bool,
    pub(crate) named: Named,
    pub(crate) profile: Option<Profile>,
    pub(crate) transport: TransportChoice,
    pub(crate) idle_timeout: Option<Duration>,
    pub(crate) lenient: bool,
    pub(crate) reasoning: bool,
    pub(crate) limits: Limits,
}

/// How much there may be of anything.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Requests of one client at a time, a turn over a WebSocket being one; and as many open WebSockets.
    pub(crate) requests: usize,
    /// Bytes of a request or of a message over a WebSocket.
    pub(crate) body: usize,
    /// How long a client may take to send its request, and to take the next piece of its answer.
    pub(crate) patience: Duration,
    /// After how long a silence a client is told that its answer is still being made.
    pub(crate) keep_alive: Duration,
    /// How long running answers are given when the gateway is asked to stop.
    pub(crate) stop_within: Duration,
}

pub(crate) const USAGE: &str = "\
usage: gateway [OPTIONS]

  --listen ADDRESS:PORT    where to listen (default 127.0.0.1:8080; port 0 picks one); the first line on standard output
                           ends with the URL
  --bearer TOKEN           a token that clients have to send, at least 16 characters; may be given several times, once for each
                           client (default: the variable CODEX_GATEWAY_BEARER, else the key of --api-key, else one is made up
                           and printed)
  --allow-other-machines   listen on an address that other machines reach

  --base-url URL           a compatible server (default: the platform API)
  --api-key KEY            an API key (default: the variables CODEX_API_KEY, CODEX_ACCESS_TOKEN, OPENAI_API_KEY)
  --auth-file FILE         a login in an auth.json; its tokens are renewed, and put back because you name it
  --issuer URL             another authority for renewing them, for tests
  --profile NAME           how the backend is spoken to: platform, chatgpt, sign-in-with-chatgpt, compatible
                           (default: as the credentials or the server suggest)
  --transport NAME         how turns that come over a WebSocket go on: auto, http or websocket
  --idle-timeout SECONDS   give up on a server that is silent for so long (default 300)
  --only-for-my-own-connected-apps
                           says that a \"Sign in with ChatGPT\" account serves nobody but its one owner, in apps that this owner
                           has connected; without it the gateway does not start with such an account

  --lenient                leave out what the backend or the other API has no place for, instead of refusing the request
  --reasoning              ask for summaries of the reasoning in chats, and tell them as reasoning_content
  --requests NUMBER        requests, and open WebSockets, that a client may have at a time (default 256)
  --max-body BYTES         how large a request may be (default 33554432)
  --patience SECONDS       how long a client may take to send a request, or the next piece of its answer (default 60)
  --keep-alive SECONDS     after how long a silence a streamed answer gives a sign of life (default 15)
  --stop-within SECONDS    how long running answers are given after Ctrl-C or SIGTERM (default 30)

Without credentials and without --base-url an embedded server on 127.0.0.1 answers.";

/// Reads the command line; `Ok(None)` means that only the usage was asked for.
pub(crate) fn parse() -> Result<Option<Arguments>, String> {
    use lexopt::prelude::*;

    let mut arguments = Arguments::new();
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next().map_err(|error| error.to_string())? {
        match argument {
            Long("listen") => arguments.listen = address(&text(&mut parser)?)?,
            Long("bearer") => arguments.bearers.push(bearer(text(&mut parser)?)?),
            Long("allow-other-machines") => arguments.other_machines = true,
            Long("base-url") => arguments.named.base_url = Some(text(&mut parser)?),
            Long("api-key") => arguments.named.api_key = Some(Secret::from(text(&mut parser)?)),
            Long("auth-file") => {
                arguments.named.auth_file = Some(PathBuf::from(text(&mut parser)?))
            }
            Long("issuer") => arguments.named.issuer = Some(text(&mut parser)?),
            Long("profile") => arguments.profile = Some(profile(&text(&mut parser)?)?),
            Long("transport") => arguments.transport = transport(&text(&mut parser)?)?,
            Long("idle-timeout") => {
                arguments.idle_timeout = Some(seconds("--idle-timeout", &text(&mut parser)?)?);
            }
            Long("only-for-my-own-connected-apps") => arguments.own_apps_only = true,
            Long("lenient") => arguments.lenient = true,
            Long("reasoning") => arguments.reasoning = true,
            Long("requests") => {
                arguments.limits.requests = number("--requests", &text(&mut parser)?)?
            }
            Long("max-body") => arguments.limits.body = number("--max-body", &text(&mut parser)?)?,
            Long("patience") => {
                arguments.limits.patience = seconds("--patience", &text(&mut parser)?)?
            }
            Long("keep-alive") => {
                arguments.limits.keep_alive = seconds("--keep-alive", &text(&mut parser)?)?;
            }
            Long("stop-within") => {
                arguments.limits.stop_within = seconds("--stop-within", &text(&mut parser)?)?;
            }
            Long("help") | Short('h') => return Ok(None),
            other => return Err(other.unexpected().to_string()),
        }
    }
    arguments.checked().map(Some)
}

impl Arguments {
    fn new() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            other_machines: false,
            bearers: Vec::new(),
            own_apps_only: false,
            named: Named::default(),
            profile: None,
            transport: TransportChoice::Auto,
            idle_timeout: None,
            lenient: false,
            reasoning: false,
            limits: Limits {
                requests: 256,
                body: 32 * 1024 * 1024,
                patience: Duration::from_secs(60),
                keep_alive: Duration::from_secs(15),
                stop_within: Duration::from_secs(30),
            },
        }
    }

    fn checked(mut self) -> Result<Self, String> {
        if self.bearers.is_empty()
            && let Ok(token) = std::env::var("CODEX_GATEWAY_BEARER")
        {
            self.bearers.push(bearer(token)?);
        }
        // Whoever has the key needs no gateway to spend it, so it opens nothing, and a program that has it needs only the URL.
        if self.bearers.is_empty()
            && let Some(key) = &self.named.api_key
        {
            self.bearers.push(key.clone());
        }
        if self.named.api_key.is_some() && self.named.auth_file.is_some() {
            return Err("--api-key and --auth-file exclude each other".to_owned());
        }
        if !self.listen.ip().is_loopback() && !self.other_machines {
            return Err(format!(
                "other machines reach {}: --allow-other-machines says that they may",
                self.listen.ip()
            ));
        }
        Ok(self)
    }
}

fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse()
        .map_err(|_| "--listen takes an address and a port, such as 127.0.0.1:8080".to_owned())
}

/// A token that can stand in a header and is not guessed by trying.
fn bearer(token: String) -> Result<Secret, String> {
    let is_word = |byte: u8| byte.is_ascii_graphic();
    if token.len() >= 16 && token.bytes().all(is_word) {
        Ok(Secret::from(token))
    } else {
        Err("a bearer token has at least 16 characters, all of them visible ASCII".to_owned())
    }
}

fn number(flag: &str, text: &str) -> Result<usize, String> {
    text.parse()
        .ok()
        .filter(|number| *number > 0)
        .ok_or_else(|| format!("{flag} takes a positive number"))
}

fn seconds(flag: &str, text: &str) -> Result<Duration, String> {
    text.parse::<f64>()
        .ok()
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .filter(|duration| !duration.is_zero())
        .ok_or_else(|| format!("{flag} takes a positive number of seconds"))
}
