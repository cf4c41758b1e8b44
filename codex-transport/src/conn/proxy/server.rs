use core::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::{HeaderValue, Uri};
use percent_encoding::percent_decode_str;

/// A proxy, parsed from its URL.
#[derive(Clone)]
pub(crate) struct ProxyServer {
    pub(crate) scheme: &'static str,
    // The host, including the brackets of an IPv6 address.
    host: String,
    port: u16,
    /// The name and password.
    pub(crate) login: Option<(String, String)>,
}

impl ProxyServer {
    /// Parses a URL, whose scheme, port, credentials and path are optional. The error does not
    /// repeat any part of the URL.
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        let text = text.trim();
        let (scheme, rest) = text.split_once("://").unwrap_or(("http", text));
        let scheme = SCHEMES
            .iter()
            .find(|(name, _)| scheme.eq_ignore_ascii_case(name))
            .map(|(_, scheme)| *scheme)
            .ok_or("unsupported scheme")?;
        // A password may contain an `@`; a host cannot.
        let (login, rest) = match rest.rsplit_once('@') {
            Some((login, rest)) => (Some(credentials(login)?), rest),
            None => (None, rest),
        };
        if login.is_some() && scheme.starts_with("socks4") {
            return Err("credentials are not supported for SOCKS4");
        }
        let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
            _ => (authority, None),
        };
        let port = match port {
            None | Some("") if scheme == "https" => 443,
            None | Some("") => 1080,
            Some(port) => port
                .parse()
                .ok()
                .filter(|port| *port != 0)
                .ok_or("invalid port")?,
        };
        let server = Self {
            scheme,
            host: host.to_owned(),
            port,
            login,
        };
        let valid = server.uri().is_ok_and(|uri| uri.host() == Some(host));
        if host.is_empty() || !valid {
            return Err("invalid host");
        }
        Ok(server)
    }

    pub(crate) fn uri(&self) -> Result<Uri, http::Error> {
        Uri::builder()
            .scheme(self.scheme)
            .authority(format!("{}:{}", self.host, self.port))
            .path_and_query("/")
            .build()
    }

    /// Returns the value of `proxy-authorization` (RFC 7617).
    pub(crate) fn basic(&self) -> Option<HeaderValue> {
        let (name, password) = self.login.as_ref()?;
        let encoded = BASE64_STANDARD.encode(format!("{name}:{password}"));
        let mut value = HeaderValue::try_from(format!("Basic {encoded}")).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

fn credentials(text: &str) -> Result<(String, String), &'static str> {
    let (name, password) = text.split_once(':').unwrap_or((text, ""));
    let decoded = |part| {
        let decoded = percent_decode_str(part).decode_utf8();
        decoded.map_err(|_| "credentials are not UTF-8")
    };
    let (name, password) = (decoded(name)?, decoded(password)?);
    if name.chars().chain(password.chars()).any(char::is_control) {
        return Err("control characters in the credentials");
    }
    Ok((name.into_owned(), password.into_owned()))
}

impl fmt::Display for ProxyServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}:{}", self.scheme, self.host, self.port)
    }
}

impl fmt::Debug for ProxyServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProxyServer")
            .field("address", &format_args!("{self}"))
            .field("login", &self.login.is_some())
            .finish()
    }
}

// The scheme of a URL, and the protocol that it selects.
const SCHEMES: &[(&str, &str)] = &[
    ("http", "http"),
    ("https", "https"),
    ("socks", "socks4"),
    ("socks4", "socks4"),
    ("socks4a", "socks4a"),
    ("socks5", "socks5"),
    ("socks5h", "socks5h"),
];
