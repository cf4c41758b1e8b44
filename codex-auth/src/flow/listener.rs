//! The loopback listener of a browser sign-in without its sockets: it takes the bytes of a
//! connection and returns a verdict and the response. Any web page can make a browser connect here,
//! so only one form of request is accepted, and no response contains data from the request.

use core::fmt::Write as _;

use crate::error::ErrorKind;
use crate::flow::browser::BrowserFlow;

/// A connection to the loopback listener, which is fed with the received bytes.
///
/// ```
/// use codex_auth::{Incoming, LoopbackConnection};
///
/// let mut connection = LoopbackConnection::new("http://localhost:1455/auth/callback");
/// assert_eq!(
///     connection.feed(b"GET /auth/callback?code=abc&state=s HTTP/1.1\r\n"),
///     Incoming::NeedMore
/// );
/// let Incoming::Redirect(target) = connection.feed(b"Host: localhost:1455\r\n\r\n") else {
///     panic!()
/// };
/// assert_eq!(target.as_str(), "/auth/callback?code=abc&state=s");
///
/// // A favicon, a probe, another site's name, another method: respond, close, and keep listening.
/// let mut other = LoopbackConnection::new("http://localhost:1455/auth/callback");
/// let Incoming::Other(page) =
///     other.feed(b"GET /favicon.ico HTTP/1.1\r\nHost: localhost:1455\r\n\r\n")
/// else {
///     panic!()
/// };
/// assert!(page.to_bytes().starts_with(b"HTTP/1.1 404 Not Found\r\n"));
/// ```
#[derive(Debug)]
pub struct LoopbackConnection {
    port: String,
    path: String,
    received: Vec<u8>,
    /// The received bytes of the request, up to the end of the headers.
    searched: usize,
}

/// The result of the bytes received so far.
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Incoming {
    /// The request headers are not complete. Read more, with a limit of a few seconds for each
    /// connection.
    NeedMore,
    /// A redirect. Pass it to [`BrowserFlow::handle_redirect`], or let [`Page::for_redirect`] do
    /// so, then respond and close.
    Redirect(RedirectTarget),
    /// Another request. Respond with this page, close, and keep listening.
    Other(Page),
}

/// The target of a redirect as the browser sent it. Contains the code.
#[derive(PartialEq, Eq)]
pub struct RedirectTarget(String);

impl RedirectTarget {
    /// Returns the path and the query.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl core::fmt::Debug for RedirectTarget {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("RedirectTarget(..)")
    }
}

impl LoopbackConnection {
    /// Creates a connection to the listener of this redirect URI ([`BrowserFlow::redirect_uri`]).
    #[must_use]
    pub fn new(redirect_uri: &str) -> Self {
        let uri: http::Uri = redirect_uri.parse().unwrap_or_default();
        Self {
            port: uri
                .port_u16()
                .map(|port| port.to_string())
                .unwrap_or_default(),
            path: uri.path().to_owned(),
            received: Vec::new(),
            searched: 0,
        }
    }

    /// Reads the next bytes of the request.
    ///
    /// At most 80 KiB are kept: 64 KiB of headers, since a browser sends the cookies of every
    /// program on `localhost`, and 16 KiB of request line.
    pub fn feed(&mut self, bytes: &[u8]) -> Incoming {
        let capacity = MAX_REQUEST.saturating_sub(self.received.len());
        self.received
            .extend_from_slice(&bytes[..bytes.len().min(capacity)]);
        // The end may be split anywhere, so the last three bytes are searched again; the others are
        // not, however small the chunks.
        let from = self.searched.saturating_sub(3);
        self.searched = self.received.len();
        match self.received[from..]
            .windows(4)
            .position(|end| end == b"\r\n\r\n")
        {
            Some(end) => self.judge(from + end),
            None if self.received.len() >= MAX_REQUEST => Incoming::Other(Page::TooLarge),
            None => Incoming::NeedMore,
        }
    }

    fn judge(&self, end: usize) -> Incoming {
        let Ok(head) = core::str::from_utf8(&self.received[..end]) else {
            return Incoming::Other(Page::BadRequest);
        };
        let mut lines = head.split("\r\n");
        let mut request = lines.next().unwrap_or_default().split(' ');
        let (Some(method), Some(target), Some(version), None) = (
            request.next(),
            request.next(),
            request.next(),
            request.next(),
        ) else {
            return Incoming::Other(Page::BadRequest);
        };
        let mut hosts = lines
            .filter_map(|line| line.split_once(':'))
            .filter(|(name, _)| name.eq_ignore_ascii_case("host"))
            .map(|(_, value)| value.trim());
        let host_is_ours = match (hosts.next(), hosts.next()) {
            (Some(host), None) => self.is_ours(host),
            _ => false,
        };
        if !matches!(version, "HTTP/1.1" | "HTTP/1.0") || !target.starts_with('/') {
            Incoming::Other(Page::BadRequest)
        } else if !host_is_ours {
            // Another name that resolves to this address indicates DNS rebinding.
            Incoming::Other(Page::WrongHost)
        } else if target.split('?').next() != Some(&self.path) {
            Incoming::Other(Page::NotFound)
        } else if method != "GET" {
            Incoming::Other(Page::WrongMethod)
        } else {
            Incoming::Redirect(RedirectTarget(target.to_owned()))
        }
    }

    fn is_ours(&self, host: &str) -> bool {
        ["localhost", "127.0.0.1", "[::1]"].iter().any(|name| {
            let rest = host
                .get(..name.len())
                .filter(|start| start.eq_ignore_ascii_case(name))
                .map(|_| &host[name.len()..]);
            rest.is_some_and(|rest| rest.strip_prefix(':') == Some(&self.port))
        })
    }
}

/// A response to a browser: fixed text without scripts, tokens or data from the request.
///
/// ```
/// use codex_auth::Page;
///
/// let bytes = Page::SignedIn.to_bytes();
/// let text = std::str::from_utf8(&bytes).unwrap();
/// assert!(text.starts_with("HTTP/1.1 200 OK\r\n"));
/// assert!(text.contains("connection: close\r\n") && text.contains("cache-control: no-store\r\n"));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Page {
    /// 200: the redirect was accepted; the program does the rest.
    SignedIn,
    /// 200: the user or the authority declined.
    Declined,
    /// 200: the workspace has no access to Codex.
    MissingEntitlement,
    /// 400: the redirect does not belong to this attempt, or is invalid.
    BadRequest,
    /// 403: the host name is not a loopback name of this machine.
    WrongHost,
    /// 404: any other path.
    NotFound,
    /// 405: any other method.
    WrongMethod,
    /// 431: the request line and headers exceed 80 KiB.
    TooLarge,
}

impl Page {
    /// Passes a redirect to the flow and returns the page for the browser.
    ///
    /// After [`Page::BadRequest`] the attempt continues unless the flow's
    /// [`poll`](crate::SignInFlow::poll) returns an error.
    pub fn for_redirect(
        flow: &mut BrowserFlow,
        now: crate::moment::Moment,
        target: &RedirectTarget,
    ) -> Self {
        match flow.handle_redirect(now, target.as_str()) {
            Ok(()) => Self::SignedIn,
            Err(error) => match error.kind() {
                ErrorKind::Denied => Self::Declined,
                ErrorKind::MissingEntitlement => Self::MissingEntitlement,
                _ => Self::BadRequest,
            },
        }
    }

    /// Returns the whole HTTP/1.1 response. Close the connection after it: a connection that the
    /// browser keeps open would receive the next sign-in's redirect.
    #[must_use]
    pub fn to_bytes(self) -> Vec<u8> {
        let (status, title, text) = match self {
            Self::SignedIn => (
                "200 OK",
                "Signed in",
                "You can close this page and return to the program.",
            ),
            Self::Declined => (
                "200 OK",
                "Not signed in",
                "The sign-in was declined. See the program for details.",
            ),
            Self::MissingEntitlement => (
                "200 OK",
                "Not signed in",
                "Codex is not enabled for this workspace. Its administrator can enable it.",
            ),
            Self::BadRequest => (
                "400 Bad Request",
                "Not accepted",
                "This address does not belong to the sign-in in progress.",
            ),
            Self::WrongHost => (
                "403 Forbidden",
                "Not accepted",
                "This address is not served under this host name.",
            ),
            Self::NotFound => ("404 Not Found", "Not found", "There is nothing here."),
            Self::WrongMethod => (
                "405 Method Not Allowed",
                "Not accepted",
                "Only GET requests are supported.",
            ),
            Self::TooLarge => (
                "431 Request Header Fields Too Large",
                "Not accepted",
                "The request is too large.",
            ),
        };
        let body = format!(
            "<!doctype html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>{title}</title></head>\n<body><h1>{title}</h1><p>{text}</p></body>\n</html>\n"
        );
        let mut answer = format!("HTTP/1.1 {status}\r\n");
        for (name, value) in HEADERS {
            // Writing to a `String` cannot fail.
            let _ = write!(answer, "{name}: {value}\r\n");
        }
        let _ = write!(answer, "content-length: {}\r\n\r\n{body}", body.len());
        answer.into_bytes()
    }
}

const HEADERS: [(&str, &str); 6] = [
    ("content-type", "text/html; charset=utf-8"),
    ("connection", "close"),
    ("cache-control", "no-store"),
    ("referrer-policy", "no-referrer"),
    (
        "content-security-policy",
        "default-src 'none'; frame-ancestors 'none'",
    ),
    ("x-content-type-options", "nosniff"),
];
/// The maximum size of the request line and the headers.
const MAX_REQUEST: usize = (16 + 64) * 1024;
