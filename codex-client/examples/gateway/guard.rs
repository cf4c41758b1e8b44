// Who may ask. Any program on this machine can open a connection, and so can any web page in its browser; so a request needs a token, and
// nothing that a browser sends is answered.
//
// What a page could do: send requests across origins (they carry `Origin`, or `Sec-Fetch-Site`), and make its own name resolve to this
// machine, so that the request is within one origin (DNS rebinding: the name is in `Host`).

use core::net::IpAddr;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use codex_auth::Secret;
use http::header::{AUTHORIZATION, HOST, ORIGIN, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, Request, StatusCode};
use ring::digest::{Digest, SHA256, digest};
use ring::rand::{SecureRandom as _, SystemRandom};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::arguments::Arguments;
use crate::failure::Failure;

pub(crate) struct Guard {
    callers: Vec<Caller>,
    /// The token that was made up, to be told once.
    made_up: Option<Secret>,
    other_machines: bool,
}

/// A program that may ask.
#[derive(Clone)]
pub(crate) struct Caller {
    /// Of the token. Digests are compared, so that how long it takes says nothing about the token.
    digest: Digest,
    requests: Arc<Semaphore>,
    /// Open WebSockets, whether or not a turn runs over them.
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
            .map(|token| Caller {
                digest: digest(&SHA256, token.expose().as_bytes()),
                requests: Arc::new(Semaphore::new(arguments.limits.requests)),
                sockets: Arc::new(Semaphore::new(arguments.limits.requests)),
            })
            .collect();
        Ok(Self {
            callers,
            made_up,
            other_machines: arguments.other_machines,
        })
    }

    /// Tells the token that was made up, to whoever started the gateway and to nobody else.
    pub(crate) fn introduce(&self) {
        if let Some(token) = &self.made_up {
            eprintln!("bearer token: {}", token.expose());
        }
    }

    /// Refuses what a browser sends, whatever it asks for.
    pub(crate) fn admit<B>(&self, request: &Request<B>) -> Result<(), Failure> {
        let headers = request.headers();
        let is_from_a_page = headers.contains_key(ORIGIN)
            || headers
                .get("sec-fetch-site")
                .is_some_and(|site| site != "none");
        if is_from_a_page {
            return Err(Failure::refusal(
                StatusCode::FORBIDDEN,
                "origin_not_allowed",
                "the gateway does not answer web pages",
            ));
        }
        if !self.is_our_host(request) {
            return Err(Failure::refusal(
                StatusCode::MISDIRECTED_REQUEST,
                "host_not_allowed",
                "the gateway is asked by its address, not by a name",
            ));
        }
        Ok(())
    }

    /// The client that sends this token.
    pub(crate) fn caller(&self, headers: &HeaderMap) -> Result<&Caller, Failure> {
        let sent = headers
            .get(AUTHORIZATION)
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
                "the gateway wants its own bearer token as the API key",
            )
            .with_header(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
        })
    }

    /// A name can be made to resolve to any address; an address, and `localhost`, cannot.
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
            Err(_) => host.eq_ignore_ascii_case("localhost"),
        }
    }
}

impl Caller {
    /// Room for one more request, as long as the value is kept.
    pub(crate) fn enter(&self) -> Result<OwnedSemaphorePermit, Failure> {
        place(&self.requests)
    }

    /// Room for one more WebSocket.
    pub(crate) fn connect(&self) -> Result<OwnedSemaphorePermit, Failure> {
        place(&self.sockets)
    }
}

fn place(places: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, Failure> {
    places.clone().try_acquire_owned().map_err(|_| {
        Failure::refusal(
            StatusCode::TOO_MANY_REQUESTS,
            "rate_limit_exceeded",
            "this client has as many requests or sockets as the gateway allows",
        )
        .with_header(RETRY_AFTER, HeaderValue::from_static("1"))
    })
}

/// RFC 9110 section 11.1: the name of the scheme is case-insensitive.
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
        .map_err(|_| "the operating system has no random numbers".to_owned())?;
    Ok(Secret::from(URL_SAFE_NO_PAD.encode(bytes)))
}
