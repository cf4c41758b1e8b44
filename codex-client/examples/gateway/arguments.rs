//! Parses the command line. Everything that makes the gateway less safe has its own flag with a
//! descriptive name and no short form.

use core::net::SocketAddr;
use core::time::Duration;
use std::net::ToSocketAddrs as _;
use std::path::PathBuf;

use codex_auth::Secret;
use codex_client::TransportChoice;
use codex_types::profile::{Profile, Wire};

use crate::credentials::Named;
use crate::flags::{profile, text, transport};
use crate::renamed::Renamed;

#[derive(Debug)]
pub(crate) struct Arguments {
    pub(crate) listen: SocketAddr,
    pub(crate) other_machines: bool,
    /// Host names that requests may use, in addition to addresses.
    pub(crate) hosts: Vec<String>,
    /// Origins of web pages that may use the gateway.
    pub(crate) origins: Vec<String>,
    /// The tokens of the programs that may use the gateway; each is a client with its own limits.
    pub(crate) bearers: Vec<Secret>,
    pub(crate) own_apps_only: bool,
    /// The services: the first one, and those of `--for`.
    pub(crate) services: Vec<Service>,
    pub(crate) renamed: Vec<Renamed>,
    pub(crate) idle_timeout: Option<Duration>,
    pub(crate) allowed_paths: Vec<String>,
    pub(crate) denied_paths: Vec<String>,
    pub(crate) remember: usize,
    pub(crate) lenient: bool,
    /// Whether to remove tools that the service does not offer.
    pub(crate) strips_tools: bool,
    pub(crate) reasoning: bool,
    pub(crate) checks: bool,
    pub(crate) log: LogChoice,
    pub(crate) open_metrics: bool,
    pub(crate) limits: Limits,
}

/// A service behind the gateway.
#[derive(Debug)]
pub(crate) struct Service {
    /// The beginning of the names of its models. It is empty for the first service, which has the
    /// models that no other one has.
    pub(crate) models: String,
    pub(crate) named: Named,
    pub(crate) profile: Option<Profile>,
    /// The API that the service offers, if it differs from the profile.
    pub(crate) api: Option<Wire>,
    pub(crate) transport: TransportChoice,
    pub(crate) has_sockets: bool,
    pub(crate) chat: ChatChoice,
}

/// How chat requests are served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ChatChoice {
    /// Passes them through to a service that has the endpoint, and translates them otherwise.
    Auto,
    Translate,
    Pass,
}

/// The format of the request log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogChoice {
    Text,
    Json,
    Nothing,
}

/// The limits of the gateway.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Concurrent requests of one client, where a turn over a WebSocket counts as one; also the
    /// number of its open WebSockets.
    pub(crate) requests: usize,
    /// Concurrent connections of all clients.
    pub(crate) connections: usize,
    /// Bytes of a request or of a WebSocket message, after decompression.
    pub(crate) body: usize,
    /// The maximum time for a client to send its request, and to accept the next part of its
    /// response.
    pub(crate) client_timeout: Duration,
    /// The idle time after which a comment is written into a streamed response.
    pub(crate) keep_alive: Duration,
    /// The time for running responses to finish after the gateway has been asked to stop.
    pub(crate) stop_within: Duration,
}

pub(crate) const VERSION: &str = concat!("gateway ", env!("CARGO_PKG_VERSION"));

pub(crate) const USAGE: &str = "\
usage: gateway [OPTIONS]

  --listen [ADDRESS:]PORT  the address to listen on (default 127.0.0.1:8080; port 0 picks a free
                           port); the first line on standard output ends with the URL
  --bearer TOKEN           a token that clients must send, at least 16 characters; repeatable, once
                           for each client (default: the variable CODEX_GATEWAY_BEARER, else the key
                           of --api-key, else a generated token, which is printed)
  --allow-other-machines   listen on an address that other machines can reach
  --allow-host NAME        accept requests for this host name, such as that of a container or a
                           reverse proxy; repeatable
  --allow-origin ORIGIN    accept requests of web pages of this origin, such as https://app.example;
                           repeatable

  --base-url URL           a compatible server (default: the platform API)
  --api-key KEY            an API key (default: the variables CODEX_API_KEY, CODEX_ACCESS_TOKEN,
                           OPENAI_API_KEY)
  --api-key-env VARIABLE   the variable that contains the API key
  --auth-file FILE         a login in an auth.json; its tokens are renewed and written back to the
                           file
  --issuer URL             another authority for the renewal, for tests
  --profile NAME           the kind of backend: platform, chatgpt, sign-in-with-chatgpt, compatible,
                           or a chat server such as deepseek or ollama (default: chosen by the
                           credentials or the server)
  --upstream NAME          the API of a compatible server: responses, chat (Chat Completions), or
                           auto (default: auto, the Responses API unless the server does not have
                           it)
  --transport NAME         the transport for turns received over a WebSocket: auto, http or
                           websocket
  --upstream-sockets       the compatible server supports WebSockets
  --chat NAME              how chat requests are served: pass (to the service's own endpoint),
                           translate, or auto (default: auto, which passes with an API key or a
                           compatible server that has the endpoint, else translates)

  --for PREFIX             the options above, after this one, describe a further service, for the
                           models whose names begin with PREFIX; repeatable; it gets no credentials
                           of the environment
  --map-model FROM=TO      request the model TO when a client names FROM; with * at the end of both,
                           the rest of the name stays, as in deepseek/*=*; repeatable, applied in
                           this order

  --idle-timeout SECONDS   the maximum silence of the server (default 300)
  --no-check               do not check the credentials at startup
  --only-for-my-own-connected-apps
                           confirms that a \"Sign in with ChatGPT\" account serves only its owner,
                           in apps that this owner has connected; without it the gateway does not
                           start with such an account

  --allow-path PATH        pass this path through to the service, such as fine_tuning; repeatable
  --deny-path PATH         do not pass this path through, such as files; repeatable
  --remember NUMBER        the number of responses to keep in memory, for previous_response_id and
                           GET /v1/responses/{id} if the service does not store them (default 0)
  --lenient                omit parameters that the backend does not accept, such as temperature,
                           instead of rejecting the request
  --strip-tools            omit tools that the service does not offer, such as web_search on a chat
                           server, instead of rejecting the request
  --reasoning              request reasoning summaries in chats, and send them as reasoning_content

  --requests NUMBER        concurrent requests, and open WebSockets, of one client (default 256)
  --connections NUMBER     concurrent connections of all clients (default 4096)
  --max-body BYTES         the maximum size of a request (default 33554432)
  --client-timeout SECONDS the maximum time for a client to send a request, or to read the next part
                           of its response (default 60)
  --keep-alive SECONDS     the interval of comments in a streamed response that is silent (default
                           15)
  --stop-within SECONDS    the time for running responses to finish after Ctrl-C or SIGTERM (default
                           30)

  --log FORMAT             one line for each request on standard error: text (default) or json
  --quiet                  do not log requests
  --open-metrics           serve /metrics without a token
  --version                print the version

If the variable RUST_LOG is set, such as to codex_client=debug, the events and spans of the crates
that it names are printed on standard error too.

Without credentials and without --base-url, an embedded server on 127.0.0.1 responds.";

/// The reason why a command line does not start a gateway.
pub(crate) enum Unstarted {
    /// The command line only requests this text.
    Shows(&'static str),
    Wrong(String),
}

/// Parses the command line.
pub(crate) fn parse() -> Result<Arguments, Unstarted> {
    use lexopt::prelude::*;

    let mut arguments = Arguments::new();
    let mut parser = lexopt::Parser::from_env();
    let wrong = |error: lexopt::Error| Unstarted::Wrong(error.to_string());
    while let Some(argument) = parser.next().map_err(wrong)? {
        match argument {
            Long("help") | Short('h') => return Err(Unstarted::Shows(USAGE)),
            Long("version") | Short('V') => return Err(Unstarted::Shows(VERSION)),
            Long(name) => {
                let name = name.to_owned();
                let is_known = arguments
                    .set(&name, &mut parser)
                    .map_err(Unstarted::Wrong)?;
                if !is_known {
                    return Err(Unstarted::Wrong(format!("invalid option '--{name}'")));
                }
            }
            other => return Err(wrong(other.unexpected())),
        }
    }
    arguments.checked().map_err(Unstarted::Wrong)
}

impl Arguments {
    fn new() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            other_machines: false,
            hosts: Vec::new(),
            origins: Vec::new(),
            bearers: Vec::new(),
            own_apps_only: false,
            services: vec![Service::new(String::new())],
            renamed: Vec::new(),
            idle_timeout: None,
            allowed_paths: Vec::new(),
            denied_paths: Vec::new(),
            remember: 0,
            lenient: false,
            strips_tools: false,
            reasoning: false,
            checks: true,
            log: LogChoice::Text,
            open_metrics: false,
            limits: Limits {
                requests: 256,
                connections: 4096,
                body: 32 * 1024 * 1024,
                client_timeout: Duration::from_secs(60),
                keep_alive: Duration::from_secs(15),
                stop_within: Duration::from_secs(30),
            },
        }
    }

    /// Applies one flag. Returns `false` if the flag does not exist.
    fn set(&mut self, name: &str, parser: &mut lexopt::Parser) -> Result<bool, String> {
        let flag = &*format!("--{name}");
        let limits = &mut self.limits;
        match name {
            "listen" => self.listen = address(&text(parser)?)?,
            "bearer" => self.bearers.push(bearer(text(parser)?)?),
            "allow-other-machines" => self.other_machines = true,
            "allow-host" => self.hosts.push(host(&text(parser)?)?),
            "allow-origin" => self.origins.push(origin(&text(parser)?)?),
            "for" => match text(parser)? {
                models if models.is_empty() => {
                    return Err("--for takes the beginning of model names".to_owned());
                }
                models => self.services.push(Service::new(models)),
            },
            "map-model" => {
                let renamed = Renamed::parse(&text(parser)?);
                self.renamed.push(renamed.ok_or(MAP_MODEL)?);
            }
            "idle-timeout" => self.idle_timeout = Some(seconds(flag, &text(parser)?)?),
            "no-check" => self.checks = false,
            "only-for-my-own-connected-apps" => self.own_apps_only = true,
            "allow-path" => self.allowed_paths.push(path(flag, &text(parser)?)?),
            "deny-path" => self.denied_paths.push(path(flag, &text(parser)?)?),
            "remember" => self.remember = number(flag, &text(parser)?, 1_000_000)?,
            "lenient" => self.lenient = true,
            "strip-tools" => self.strips_tools = true,
            "reasoning" => self.reasoning = true,
            "requests" => limits.requests = number(flag, &text(parser)?, 1_000_000)?,
            "connections" => limits.connections = number(flag, &text(parser)?, 1_000_000)?,
            "max-body" => limits.body = number(flag, &text(parser)?, 1 << 30)?,
            "client-timeout" => limits.client_timeout = seconds(flag, &text(parser)?)?,
            "keep-alive" => limits.keep_alive = seconds(flag, &text(parser)?)?,
            "stop-within" => limits.stop_within = seconds(flag, &text(parser)?)?,
            "log" => {
                self.log = match &*text(parser)? {
                    "text" => LogChoice::Text,
                    "json" => LogChoice::Json,
                    _ => return Err("--log must be text or json".to_owned()),
                }
            }
            "quiet" => self.log = LogChoice::Nothing,
            "open-metrics" => self.open_metrics = true,
            _ => {
                let service = self.services.last_mut();
                return service.map_or(Ok(false), |service| service.set(name, parser));
            }
        }
        Ok(true)
    }

    fn checked(mut self) -> Result<Self, String> {
        if self.bearers.is_empty()
            && let Ok(token) = std::env::var("CODEX_GATEWAY_BEARER")
        {
            self.bearers.push(bearer(token)?);
        }
        // A client that has the key needs only the URL, and the token gives it no access beyond
        // that of the key.
        if self.bearers.is_empty()
            && let Some(key) = self
                .services
                .first()
                .and_then(|it| it.named.api_key.as_ref())
        {
            if !is_token(key.expose(), 8) {
                return Err("the --api-key value is too short to serve as the client token; set one with --bearer".to_owned());
            }
            self.bearers.push(key.clone());
        }
        for (index, service) in self.services.iter().enumerate() {
            service.check()?;
            let mut before = self.services.iter().take(index);
            if before.any(|other| other.models == service.models) {
                return Err(format!("--for {} is given twice", service.models));
            }
        }
        if !self.listen.ip().is_loopback() && !self.other_machines {
            return Err(format!(
                "{} is reachable from other machines; pass --allow-other-machines to allow this",
                self.listen.ip()
            ));
        }
        Ok(self)
    }
}

impl Service {
    fn new(models: String) -> Self {
        Self {
            models,
            named: Named::default(),
            profile: None,
            api: None,
            transport: TransportChoice::Auto,
            has_sockets: false,
            chat: ChatChoice::Auto,
        }
    }

    /// Applies one flag. Returns `false` if the flag does not exist.
    fn set(&mut self, name: &str, parser: &mut lexopt::Parser) -> Result<bool, String> {
        match name {
            "base-url" => self.named.base_url = Some(text(parser)?),
            "api-key" => self.named.api_key = Some(Secret::from(text(parser)?)),
            "api-key-env" => {
                let variable = text(parser)?;
                let key = std::env::var(&variable).ok().filter(|key| !key.is_empty());
                let key = key
                    .ok_or_else(|| format!("--api-key-env: the variable {variable} is not set"))?;
                self.named.api_key = Some(Secret::from(key));
            }
            "auth-file" => self.named.auth_file = Some(PathBuf::from(text(parser)?)),
            "issuer" => self.named.issuer = Some(text(parser)?),
            "profile" => self.profile = Some(profile(&text(parser)?)?),
            "transport" => self.transport = transport(&text(parser)?)?,
            "upstream-sockets" => self.has_sockets = true,
            "upstream" => {
                self.api = Some(match &*text(parser)? {
                    "auto" => Wire::Discover,
                    "responses" => Wire::Responses,
                    "chat" => Wire::ChatCompletions,
                    _ => return Err("--upstream must be auto, responses or chat".to_owned()),
                });
            }
            "chat" => {
                self.chat = match &*text(parser)? {
                    "auto" => ChatChoice::Auto,
                    "translate" => ChatChoice::Translate,
                    "pass" => ChatChoice::Pass,
                    _ => return Err("--chat must be auto, translate or pass".to_owned()),
                }
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn check(&self) -> Result<(), String> {
        let has_server = self.named.base_url.is_some()
            || self.named.auth_file.is_some()
            || self
                .profile
                .as_ref()
                .is_some_and(|it| it.base_url.is_some());
        if self.named.api_key.is_some() && self.named.auth_file.is_some() {
            return Err("--api-key and --auth-file cannot be used together".to_owned());
        }
        if !self.is_first() && !has_server {
            return Err(format!(
                "--for {} must be followed by --base-url, --auth-file or a --profile with a server",
                self.models
            ));
        }
        Ok(())
    }

    /// Returns whether this is the service that the command line begins with.
    pub(crate) fn is_first(&self) -> bool {
        self.models.is_empty()
    }
}

/// Parses an address and a port, a port alone, or `localhost` and a port.
fn address(text: &str) -> Result<SocketAddr, String> {
    if let Ok(port) = text.parse::<u16>() {
        return Ok(SocketAddr::from(([127, 0, 0, 1], port)));
    }
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    let is_localhost = text
        .rsplit_once(':')
        .is_some_and(|(name, _)| name.eq_ignore_ascii_case("localhost"));
    let found = is_localhost.then(|| text.to_socket_addrs().ok()).flatten();
    let mut found: Vec<SocketAddr> = found.into_iter().flatten().collect();
    found.sort_by_key(SocketAddr::is_ipv6);
    found.first().copied().ok_or_else(|| {
        "--listen takes an address and a port, such as 127.0.0.1:8080, or a port".to_owned()
    })
}

/// Checks that a token is valid in a header and too long to be guessed.
fn bearer(token: String) -> Result<Secret, String> {
    if is_token(&token, 16) {
        Ok(Secret::from(token))
    } else {
        Err(
            "a bearer token must have at least 16 characters, all of them visible ASCII and not all the same"
                .to_owned(),
        )
    }
}

fn is_token(token: &str, least: usize) -> bool {
    let is_varied = token
        .bytes()
        .any(|byte| !token.starts_with(char::from(byte)));
    token.len() >= least && token.bytes().all(|byte| byte.is_ascii_graphic()) && is_varied
}

/// Parses a host name without a port.
fn host(text: &str) -> Result<String, String> {
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    if !text.is_empty() && text.bytes().all(is_name) {
        Ok(text.to_ascii_lowercase())
    } else {
        Err("--allow-host takes a host name without a port, such as gateway.example".to_owned())
    }
}

/// Parses an origin as browsers write it (RFC 6454 section 6.2). Rejects `null` and `*`, which
/// match any page.
fn origin(text: &str) -> Result<String, String> {
    let is_origin = text.split_once("://").is_some_and(|(scheme, host)| {
        let is_scheme = |byte: u8| byte.is_ascii_lowercase() || matches!(byte, b'+' | b'-' | b'.');
        let is_host = |byte: u8| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-_:[]".contains(&byte)
        };
        !scheme.is_empty()
            && scheme.bytes().all(is_scheme)
            && !host.is_empty()
            && host.bytes().all(is_host)
    });
    if is_origin {
        Ok(text.to_owned())
    } else {
        Err("--allow-origin takes an origin in lower case without a path, such as https://app.example".to_owned())
    }
}

/// Parses a path below the base URL.
fn path(flag: &str, text: &str) -> Result<String, String> {
    let path = text.trim_matches('/');
    let path = path.strip_prefix("v1/").unwrap_or(path);
    let is_segment = |segment: &str| {
        let is_word = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        !segment.is_empty() && segment.bytes().all(is_word)
    };
    if path.split('/').all(is_segment) {
        Ok(path.to_owned())
    } else {
        Err(format!("{flag} takes a path below /v1, such as files"))
    }
}

fn number(flag: &str, text: &str, most: usize) -> Result<usize, String> {
    text.parse()
        .ok()
        .filter(|number| (1..=most).contains(number))
        .ok_or_else(|| format!("{flag} takes a positive number, at most {most}"))
}

fn seconds(flag: &str, text: &str) -> Result<Duration, String> {
    text.parse::<f64>()
        .ok()
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .filter(|duration| (SHORTEST..=LONGEST).contains(duration))
        .ok_or_else(|| format!("{flag} takes a positive number of seconds, at most a week"))
}

const MAP_MODEL: &str = "--map-model takes FROM=TO, such as gpt-5.5=deepseek-chat or deepseek/*=*";

const SHORTEST: Duration = Duration::from_millis(1);
const LONGEST: Duration = Duration::from_secs(7 * 24 * 60 * 60);
