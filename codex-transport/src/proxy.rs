use core::fmt;

use http::{HeaderValue, Uri};
use hyper_util::client::proxy::matcher::Matcher;

use crate::{Error, ErrorKind, Phase, Sent};

/// Which proxy stands between us and which server, as plain data.
///
/// By default the environment decides, as it does for curl: `HTTPS_PROXY`, `HTTP_PROXY` and `ALL_PROXY` (also in lower case) name the
/// proxy for `https`/`wss`, for `http`/`ws` and for both; `NO_PROXY` lists hosts, domains, addresses and networks that are reached
/// directly. The schemes are `http` (the default), `https`, `socks4`, `socks4a`, `socks5` and `socks5h`; a name and password in the
/// URL authenticate us.
///
/// Every connection is tunnelled, with CONNECT or SOCKS, also for `http` and `ws`: one behaviour for HTTP and WebSocket, and the
/// proxy never sees a request.
///
/// ```
/// use codex_transport::Proxy;
///
/// let proxy = Proxy::new("http://user:secret@proxy.example:3128").unwrap().with_no_proxy("localhost, 10.0.0.0/8");
/// assert!(proxy.applies_to(&"https://api.openai.com/v1".parse().unwrap()));
/// assert!(!proxy.applies_to(&"http://10.1.2.3/".parse().unwrap()));
/// assert!(!format!("{proxy:?}").contains("secret"));
/// ```
#[derive(Clone, Default)]
pub struct Proxy(Source);

#[derive(Clone, Default)]
enum Source {
    #[default]
    Environment,
    Direct,
    Explicit(Variables),
}

#[derive(Clone, Default)]
struct Variables {
    all: String,
    http: String,
    https: String,
    no: String,
}

/// The proxy for one destination.
pub(crate) struct Hop {
    pub(crate) uri: Uri,
    pub(crate) basic: Option<HeaderValue>,
    pub(crate) login: Option<(String, String)>,
}

impl Proxy {
    /// What the environment says when the transport is built. The default.
    pub fn from_environment() -> Self {
        Self(Source::Environment)
    }

    /// No proxy, whatever the environment says.
    pub fn none() -> Self {
        Self(Source::Direct)
    }

    /// This proxy for everything.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`] when it is no URL of a proxy; the text is not repeated in the error, it may hold a password.
    pub fn new(url: impl Into<String>) -> Result<Self, Error> {
        let url = url.into();
        let scheme = url.split_once("://").map_or("http", |(scheme, _)| scheme);
        let known = ["http", "https", "socks4", "socks4a", "socks5", "socks5h"].contains(&scheme);
        let proxy = Self(Source::Explicit(Variables {
            all: url,
            ..Variables::default()
        }));
        if known && proxy.applies_to(&Uri::from_static("https://example.test")) {
            Ok(proxy)
        } else {
            Err(
                Error::new(ErrorKind::Configuration, Phase::Prepare, Sent::No)
                    .with_source("the text is no URL of a proxy"),
            )
        }
    }

    /// What these variables say, asked for by name: the environment's rules for any other source of settings.
    ///
    /// ```
    /// use codex_transport::Proxy;
    ///
    /// let proxy = Proxy::from_variables(|name| (name == "https_proxy").then(|| "http://proxy.example:3128".into()));
    /// assert!(proxy.applies_to(&"wss://api.openai.com/v1".parse().unwrap()));
    /// assert!(!proxy.applies_to(&"http://api.openai.com/v1".parse().unwrap()));
    /// ```
    pub fn from_variables(lookup: impl Fn(&str) -> Option<String>) -> Self {
        let read = |name: &str| {
            lookup(name)
                .or_else(|| lookup(&name.to_ascii_lowercase()))
                .unwrap_or_default()
        };
        let mut variables = Variables {
            all: read("ALL_PROXY"),
            http: read("HTTP_PROXY"),
            https: read("HTTPS_PROXY"),
            no: read("NO_PROXY"),
        };
        // In a CGI program `HTTP_PROXY` is the client's `Proxy` header (CVE-2016-5385, "httpoxy").
        if lookup("REQUEST_METHOD").is_some() {
            variables = Variables::default();
        }
        Self(Source::Explicit(variables))
    }

    /// Reaches these hosts directly, in the syntax of `NO_PROXY`. Without effect on [`from_environment`](Self::from_environment) and
    /// [`none`](Self::none), which have said it already.
    #[must_use]
    pub fn with_no_proxy(mut self, hosts: impl Into<String>) -> Self {
        if let Source::Explicit(variables) = &mut self.0 {
            variables.no = hosts.into();
        }
        self
    }

    /// Whether a request to this URL would go through a proxy.
    pub fn applies_to(&self, url: &Uri) -> bool {
        self.matcher()
            .is_some_and(|matcher| hop(&matcher, url).is_some())
    }

    pub(crate) fn matcher(&self) -> Option<Matcher> {
        match &self.0 {
            Source::Direct => None,
            Source::Environment => Some(Matcher::from_env()),
            Source::Explicit(Variables {
                all,
                http,
                https,
                no,
            }) => Some(
                Matcher::builder()
                    .all(all.clone())
                    .http(http.clone())
                    .https(https.clone())
                    .no(no.clone())
                    .build(),
            ),
        }
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Source::Direct => f.write_str("Proxy(none)"),
            Source::Environment => f.write_str("Proxy(environment)"),
            // The matcher's own output leaves the credentials out.
            Source::Explicit(_) => f.debug_tuple("Proxy").field(&self.matcher()).finish(),
        }
    }
}

/// The proxy for this URL. The matcher knows `http` and `https` only; sockets go the same way.
pub(crate) fn hop(matcher: &Matcher, url: &Uri) -> Option<Hop> {
    let found = match url.scheme_str() {
        Some("ws") => matcher.intercept(&with_scheme(url, "http")?),
        Some("wss") => matcher.intercept(&with_scheme(url, "https")?),
        _ => matcher.intercept(url),
    }?;
    let login = found
        .raw_auth()
        .map(|(user, password)| (user.to_owned(), password.to_owned()));
    Some(Hop {
        uri: found.uri().clone(),
        basic: found.basic_auth().cloned(),
        login,
    })
}

fn with_scheme(url: &Uri, scheme: &str) -> Option<Uri> {
    let mut parts = url.clone().into_parts();
    parts.scheme = Some(scheme.parse().ok()?);
    Uri::from_parts(parts).ok()
}
