//! Access control. Any program on this machine can open a connection, and so can any web page in
//! its browser. A request therefore needs a token, and requests of web pages are rejected, except
//! those of origins that the operator allows and of the gateway's own status page.
//!
//! A web page could send requests across origins (they carry `Origin` or `Sec-Fetch-Site`), or make
//! its own name resolve to this machine, so that the request stays within one origin (DNS
//! rebinding: the name is in `Host`).

use core::net::IpAddr;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use codex_auth::Secret;
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
    ACCESS_CONTROL_REQUEST_METHOD, AUTHORIZATION, HOST, ORIGIN, RETRY_AFTER, VARY,
    WWW_AUTHENTICATE,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode};
use ring::digest::{Digest, SHA256, digest};
use ring::rand::{SecureRandom as _, SystemRandom};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::arguments::Arguments;
use crate::failure::Failure;

pub(crate) struct Guard {
    callers: Vec<Caller>,
    /// The generated token, printed once at startup.
    made_up: Option<Secret>,
    other_machines: bool,
    hosts: Vec<String>,
    origins: Vec<String>,
}

/// A program that has a token.
#[derive(Clone)]
pub(crate) struct Caller {
    /// The position of its token, from 1.
    pub(crate) number: usize,
    /// The digest of its token. Digests are compared, so that the time of a comparison reveals
    /// nothing about the token.
    digest: Digest,
    requests: Arc<Semaphore>,
    /// Permits for open WebSockets, whether or not a turn runs over them.
    sockets: Arc<Semaphore>,
}

impl Guard {
    pub(crate) fn new(arguments: &Arguments) -> Result<Self, String> {
        let made_up = if arguments.bearers.is_empty() {
            Some(make_up()?)
        } else {
            None
        };
        let callers = arguments.bearers.iter().chain(&made_up);
        let callers = callers
            .enumerate()
            .map(|(position, token)| Caller {
                number: position + 1,
                digest: digest(&SHA256, token.expose().as_bytes()),
                requests: Arc::new(Semaphore::new(arguments.limits.requests)),
                sockets: Arc::new(Semaphore::new(arguments.limits.requests)),
            })
            .collect();
        Ok(Self {
            callers,
            made_up,
            other_machines: arguments.other_machines,
            hosts: arguments.hosts.clone(),
            origins: arguments.origins.clone(),
        })
    }

    /// Prints the generated token to the operator.
    pub(crate) fn introduce(&self) {
        if let Some(token) = &self.made_up {
            eprintln!("bearer token: {}", token.expose());
        }
    }

    /// Rejects requests for another host, and those of web pages that are not allowed. Returns the
    /// headers that let the page of an allowed origin read the response.
    pub(crate) fn admit<B>(&self, request: &Request<B>) -> Result<HeaderMap, Failure> {
        let headers = request.headers();
        if headers.get_all(HOST).iter().count() > 1 {
            return Err(Failure::refusal(
                StatusCode::BAD_REQUEST,
                "invalid_host",
                "the request has more than one Host header",
            ));
        }
        if !self.is_our_host(request) {
            return Err(Failure::refusal(
                StatusCode::MISDIRECTED_REQUEST,
                "host_not_allowed",
                "unknown host name; the gateway accepts its address, localhost and names given with --allow-host",
            ));
        }
        let mut origins = headers.get_all(ORIGIN).iter();
        if let Some(origin) = origins.next() {
            let is_allowed = self
                .origins
                .iter()
                .any(|allowed| origin == allowed.as_str());
            if is_allowed && origins.next().is_none() {
                return Ok(readable_by(origin));
            }
        } else {
            let site = headers.get("sec-fetch-site");
            let is_own = is_of_page(request) && site.is_some_and(|site| site == "same-origin");
            if is_own || site.is_none_or(|site| site == "none") {
                return Ok(HeaderMap::new());
            }
        }
        Err(Failure::refusal(
            StatusCode::FORBIDDEN,
            "origin_not_allowed",
            "requests from web pages are not allowed; allow their origin with --allow-origin",
        ))
    }

    /// Returns the client that has this token.
    pub(crate) fn caller(&self, headers: &HeaderMap) -> Result<&Caller, Failure> {
        let mut credentials = headers.get_all(AUTHORIZATION).iter();
        let credentials = credentials.next().filter(|_| credentials.next().is_none());
        let sent = credentials
            .and_then(|value| value.to_str().ok())
            .and_then(bearer)
            .map(|token| digest(&SHA256, token.as_bytes()));
        sent.and_then(|sent| {
            let known = self.callers.iter();
            known
                .into_iter()
                .find(|caller| caller.digest.as_ref() == sent.as_ref())
        })
        .ok_or_else(|| {
            Failure::refusal(
                StatusCode::UNAUTHORIZED,
                "invalid_api_key",
                "invalid token; the API key of a client must be the token given with --bearer, or the one that the gateway printed at startup",
            )
            .with_header(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
        })
    }

    /// Returns whether the request is for an address, `localhost` or an allowed name. Any other
    /// name can be made to resolve to this machine.
    fn is_our_host<B>(&self, request: &Request<B>) -> bool {
        let host = request
            .headers()
            .get(HOST)
            .and_then(|host| host.to_str().ok())
            .or_else(|| Some(request.uri().authority()?.as_str()));
        let Some(authority) = host.and_then(|host| host.parse::<http::uri::Authority>().ok())
        else {
            return false;
        };
        let host = authority.host();
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        match bare.parse::<IpAddr>() {
            Ok(address) => self.other_machines || address.is_loopback(),
            Err(_) => {
                let is = |name: &str| host.eq_ignore_ascii_case(name);
                is("localhost") || self.hosts.iter().any(|allowed| is(allowed))
            }
        }
    }
}

impl Caller {
    /// Takes a permit for one more request, which is held until the value is dropped.
    pub(crate) fn enter(&self) -> Result<OwnedSemaphorePermit, Failure> {
        permit(&self.requests)
    }

    /// Takes a permit for one more WebSocket.
    pub(crate) fn connect(&self) -> Result<OwnedSemaphorePermit, Failure> {
        permit(&self.sockets)
    }
}

fn permit(permits: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, Failure> {
    permits.clone().try_acquire_owned().map_err(|_| {
        Failure::refusal(
            StatusCode::TOO_MANY_REQUESTS,
            "rate_limit_exceeded",
            "too many concurrent requests or WebSockets of this client; the limit is set by --requests",
        )
        .with_header(RETRY_AFTER, HeaderValue::from_static("1"))
    })
}

/// Returns whether a request is for the status page or for its contents. A page of another origin
/// cannot send it as `same-origin`.
fn is_of_page<B>(request: &Request<B>) -> bool {
    request.method() == Method::GET && PAGE.contains(&request.uri().path())
}

/// Returns the headers that let the page of this origin read the response (Fetch standard, section
/// 3.3).
fn readable_by(origin: &HeaderValue) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    headers.insert(VARY, HeaderValue::from_static("origin"));
    headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    headers
}

/// Returns whether a request is a CORS preflight request.
pub(crate) fn is_preflight<B>(request: &Request<B>) -> bool {
    request.method() == Method::OPTIONS
        && request
            .headers()
            .contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

/// Returns the preflight headers for the page of an allowed origin, in addition to those that let
/// it read the response.
pub(crate) fn may_send(asked: &HeaderMap) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, METHODS);
    headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    if let Some(names) = asked.get(ACCESS_CONTROL_REQUEST_HEADERS) {
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, names.clone());
    }
    // Private Network Access: a page of the internet sends requests to this machine.
    if asked.contains_key("access-control-request-private-network") {
        let name = HeaderName::from_static("access-control-allow-private-network");
        headers.insert(name, HeaderValue::from_static("true"));
    }
    headers
}

const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, DELETE");
const EXPOSED: HeaderValue = HeaderValue::from_static(
    "openai-model, openai-organization, openai-processing-ms, openai-version, retry-after, retry-after-ms, x-gateway-changed, \
     x-ratelimit-limit-requests, x-ratelimit-limit-tokens, x-ratelimit-remaining-requests, x-ratelimit-remaining-tokens, \
     x-ratelimit-reset-requests, x-ratelimit-reset-tokens, x-request-id",
);
/// The paths of the status page, its assets and its contents.
pub(crate) const PAGE: [&str; 4] = ["/", "/page.js", "/page.css", "/status"];

/// Returns the bearer token. The name of the scheme is case-insensitive (RFC 9110 section 11.1).
fn bearer(credentials: &str) -> Option<&str> {
    let (scheme, token) = credentials.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then_some(token.trim())
}

fn make_up() -> Result<Secret, String> {
    let mut bytes = [0; 32];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| "operating system provided no random bytes".to_owned())?;
    Ok(Secret::from(URL_SAFE_NO_PAD.encode(bytes)))
}
