//! Proxy settings, interpreted as curl interprets them.

mod no_proxy;
pub(crate) mod server;

use core::fmt;

use http::Uri;

use crate::conn::proxy::no_proxy::NoProxy;
use crate::conn::proxy::server::ProxyServer;
use crate::error::Error;

/// Proxy settings by URL scheme.
///
/// The default reads the environment as curl does:
///
/// | variable | for |
/// |---|---|
/// | `https_proxy`, `HTTPS_PROXY` | `https` and `wss` |
/// | `http_proxy` | `http` and `ws` |
/// | `HTTP_PROXY` | `http` and `ws`, unlike in curl; ignored if `REQUEST_METHOD` is set, since in a CGI program it is a header of the client (CVE-2016-5385) |
/// | `all_proxy`, `ALL_PROXY` | every scheme without a more specific variable |
/// | `no_proxy`, `NO_PROXY` | hosts that are reached directly |
///
/// Lower case takes precedence, and an empty variable counts as unset.
///
/// A proxy is a URL. Its scheme is `http` (the default), `https`, `socks4` (also written `socks`),
/// `socks4a`, `socks5` or `socks5h`; with `socks4a` and `socks5h`, the proxy resolves the host
/// name. The default port is 443 for `https` and 1080 otherwise. A name and password in the URL are
/// sent to the proxy; in them, `%` and two hexadecimal digits represent a byte, and `@`, `:` and
/// spaces need no escaping. An invalid value is an error of
/// [`HyperTransportBuilder::build`](crate::HyperTransportBuilder::build) that names the variable
/// but not the value: a request is never sent directly instead.
///
/// `NO_PROXY` is `*` for all hosts, or a list separated by commas or spaces. A domain (with or
/// without a leading dot) matches itself and its subdomains, an address matches itself, and a
/// network (`10.0.0.0/8`, `fd00::/8`) matches its addresses; brackets around IPv6 addresses are
/// ignored. Names are not resolved, and an entry with a port matches nothing.
///
/// Every connection is tunneled, with CONNECT or SOCKS, also for `http` and `ws`: HTTP and
/// WebSocket behave alike, and the proxy never sees a request. A client certificate of
/// [`Tls`](crate::Tls) is not presented to a proxy.
///
/// ```
/// use codex_transport::Proxy;
///
/// let proxy = Proxy::new("http://user:secret@proxy.example:3128")
///     .unwrap()
///     .with_no_proxy("localhost, 10.0.0.0/8");
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
    Routes(Box<Routes>),
}

/// The proxy for each scheme.
#[derive(Clone, Debug, Default)]
pub(crate) struct Routes {
    http: Option<Result<ProxyServer, Unusable>>,
    https: Option<Result<ProxyServer, Unusable>>,
    direct: NoProxy,
}

/// The name of a variable with an invalid value. The value is not kept, since it may contain a
/// password.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unusable {
    variable: &'static str,
    reason: &'static str,
}

impl Proxy {
    /// Creates settings that read the environment when the transport is built. This is the default.
    pub fn from_environment() -> Self {
        Self(Source::Environment)
    }

    /// Creates settings that use no proxy, whatever the environment contains.
    pub fn none() -> Self {
        Self(Source::Routes(Box::default()))
    }

    /// Creates settings that use this proxy for every URL.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) if this is not a valid
    /// proxy URL. The error does not repeat the URL, which may contain a password.
    pub fn new(url: impl Into<String>) -> Result<Self, Error> {
        let server = ProxyServer::parse(&url.into()).map_err(Error::configuration)?;
        Ok(Self(Source::Routes(Box::new(Routes {
            http: Some(Ok(server.clone())),
            https: Some(Ok(server)),
            direct: NoProxy::default(),
        }))))
    }

    /// Creates settings from the proxy variables that this function returns, by the same rules as
    /// from the environment.
    ///
    /// ```
    /// use codex_transport::Proxy;
    ///
    /// let proxy = Proxy::from_variables(|name| {
    ///     (name == "https_proxy").then(|| "http://proxy.example:3128".into())
    /// });
    /// assert!(proxy.applies_to(&"wss://api.openai.com/v1".parse().unwrap()));
    /// assert!(!proxy.applies_to(&"http://api.openai.com/v1".parse().unwrap()));
    /// ```
    pub fn from_variables(lookup: impl Fn(&str) -> Option<String>) -> Self {
        Self(Source::Routes(Box::new(Routes::read(lookup))))
    }

    /// Connects directly to these hosts, in the syntax of `NO_PROXY`. This has no effect on
    /// [`from_environment`](Self::from_environment), where the variable decides.
    #[must_use]
    pub fn with_no_proxy(mut self, hosts: impl Into<String>) -> Self {
        if let Source::Routes(routes) = &mut self.0 {
            routes.direct = NoProxy::new(&hosts.into());
        }
        self
    }

    /// Returns whether a request to this URL would use a proxy. Also returns true if the proxy's
    /// URL is invalid.
    pub fn applies_to(&self, url: &Uri) -> bool {
        !matches!(self.routes().to(url), Ok(None))
    }

    /// Returns the proxy for a request to this URL, without its credentials:
    /// `socks5h://127.0.0.1:1080`.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) if the variable that
    /// applies has an invalid value.
    ///
    /// # Examples
    ///
    /// ```
    /// use codex_transport::Proxy;
    ///
    /// let proxy = Proxy::from_variables(|name| {
    ///     (name == "ALL_PROXY").then(|| "user:secret@proxy.example".into())
    /// });
    /// let found = proxy.address_for(&"https://api.openai.com/v1".parse().unwrap()).unwrap();
    /// assert_eq!(found.unwrap(), "http://proxy.example:1080");
    /// ```
    pub fn address_for(&self, url: &Uri) -> Result<Option<String>, Error> {
        match self.routes().to(url) {
            Ok(found) => Ok(found.map(ToString::to_string)),
            Err(unusable) => Err(Error::configuration(unusable)),
        }
    }

    pub(crate) fn routes(&self) -> Routes {
        match &self.0 {
            Source::Environment => Routes::read(|name| {
                std::env::var_os(name).map(|value| value.to_string_lossy().into_owned())
            }),
            Source::Routes(routes) => (**routes).clone(),
        }
    }
}

impl Routes {
    fn read(lookup: impl Fn(&str) -> Option<String>) -> Self {
        let value = |name: &'static str| {
            let value = lookup(name).filter(|value| !value.is_empty())?;
            Some((name, value))
        };
        let server = |(variable, value): (&'static str, String)| {
            ProxyServer::parse(&value).map_err(|reason| Unusable { variable, reason })
        };
        let is_cgi = lookup("REQUEST_METHOD").is_some();
        let all = || value("all_proxy").or_else(|| value("ALL_PROXY"));
        let http = value("http_proxy")
            .or_else(|| value("HTTP_PROXY").filter(|_| !is_cgi))
            .or_else(all);
        let https = value("https_proxy")
            .or_else(|| value("HTTPS_PROXY"))
            .or_else(all);
        let direct = value("no_proxy").or_else(|| value("NO_PROXY"));
        Self {
            http: http.map(server),
            https: https.map(server),
            direct: direct.map_or_else(NoProxy::default, |(_, hosts)| NoProxy::new(&hosts)),
        }
    }

    /// Rejects invalid values before any request is sent.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let unusable = [&self.http, &self.https]
            .into_iter()
            .find_map(|server| server.as_ref()?.as_ref().err());
        unusable.map_or(Ok(()), |unusable| Err(Error::configuration(*unusable)))
    }

    /// Returns the proxy for this URL.
    pub(crate) fn to(&self, url: &Uri) -> Result<Option<&ProxyServer>, Unusable> {
        let server = match url.scheme_str() {
            Some("http" | "ws") => &self.http,
            Some("https" | "wss") => &self.https,
            _ => &None,
        };
        match (server, url.host()) {
            (Some(server), Some(host)) if !self.direct.contains(host) => {
                server.as_ref().map(Some).map_err(|unusable| *unusable)
            }
            _ => Ok(None),
        }
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Source::Environment => f.write_str("Proxy(environment)"),
            Source::Routes(routes) => f.debug_tuple("Proxy").field(routes).finish(),
        }
    }
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "invalid proxy in {}: {}", self.variable, self.reason)
    }
}

impl core::error::Error for Unusable {}
