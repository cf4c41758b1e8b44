//! A credential that reaches the wrong host is compromised, so every source checks the target
//! before it changes a request. The check is made for each request and not once for a base URL,
//! because redirects and requests of the caller have other targets.

use core::net::IpAddr;

use http::Uri;
use http::request::Parts;

use crate::error::{Error, ErrorKind};

/// The hosts to which a credential may be sent.
///
/// Only `https` and `wss` count as secure; `http` and `ws` are accepted for loopback hosts
/// (`localhost`, 127.0.0.0/8, `[::1]`) and for hosts added with
/// [`with_plaintext_host`](Self::with_plaintext_host) (RFC 6750 section 5.3). Hosts are compared as
/// a whole and without case: a name does not include its subdomains. Any port is accepted.
///
/// ```
/// use codex_auth::Audience;
///
/// let chatgpt = Audience::hosts(["chatgpt.com"]);
/// assert!(chatgpt.permits(&"https://chatgpt.com/backend-api/codex/responses".parse()?));
/// assert!(!chatgpt.permits(&"http://chatgpt.com/backend-api/codex/responses".parse()?));
/// assert!(!chatgpt.permits(&"https://chatgpt.com.evil.example/".parse()?));
/// assert!(!chatgpt.permits(&"http://127.0.0.1:8080/".parse()?));
/// assert!(chatgpt.with_host("127.0.0.1").permits(&"http://127.0.0.1:8080/".parse()?));
/// # Ok::<(), http::uri::InvalidUri>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audience {
    hosts: Option<Vec<Box<str>>>,
    plaintext: Vec<Box<str>>,
}

impl Audience {
    /// Permits every host over TLS, and loopback.
    ///
    /// ```
    /// use codex_auth::Audience;
    ///
    /// assert!(Audience::any_https().permits(&"wss://api.openai.com/v1/responses".parse()?));
    /// assert!(Audience::any_https().permits(&"http://[::1]:8080/".parse()?));
    /// assert!(!Audience::any_https().permits(&"http://api.openai.com/v1/responses".parse()?));
    /// # Ok::<(), http::uri::InvalidUri>(())
    /// ```
    #[must_use]
    pub fn any_https() -> Self {
        Self {
            hosts: None,
            plaintext: Vec::new(),
        }
    }

    /// Permits only these hosts; loopback hosts must be listed too. An IPv6 address is written in
    /// brackets, as in a URI.
    #[must_use]
    pub fn hosts<H: AsRef<str>>(hosts: impl IntoIterator<Item = H>) -> Self {
        Self {
            hosts: Some(
                hosts
                    .into_iter()
                    .map(|host| folded(host.as_ref()))
                    .collect(),
            ),
            plaintext: Vec::new(),
        }
    }

    /// Adds a host. This changes nothing if every host is already permitted.
    #[must_use]
    pub fn with_host(mut self, host: impl AsRef<str>) -> Self {
        if let Some(hosts) = &mut self.hosts {
            hosts.push(folded(host.as_ref()));
        }
        self
    }

    /// Adds a host, even without TLS: the network in between can read the credential.
    ///
    /// ```
    /// use codex_auth::Audience;
    ///
    /// let lan = Audience::any_https().with_plaintext_host("models.lan");
    /// assert!(lan.permits(&"http://models.lan/v1/responses".parse()?));
    /// assert!(!lan.permits(&"http://other.lan/v1/responses".parse()?));
    /// # Ok::<(), http::uri::InvalidUri>(())
    /// ```
    #[must_use]
    pub fn with_plaintext_host(mut self, host: impl AsRef<str>) -> Self {
        self.plaintext.push(folded(host.as_ref()));
        self.with_host(host)
    }

    /// Returns whether a request to this target may carry the credential.
    #[must_use]
    pub fn permits(&self, target: &Uri) -> bool {
        let (Some(scheme), Some(host)) = (target.scheme_str(), target.host()) else {
            return false;
        };
        let host = folded(host);
        let safe = match scheme {
            "https" | "wss" => true,
            "http" | "ws" => is_loopback(&host) || self.plaintext.contains(&host),
            _ => false,
        };
        // User information in a target is a classic trick to disguise one host as another.
        let plain_authority = target
            .authority()
            .is_some_and(|authority| !authority.as_str().contains('@'));
        safe && plain_authority
            && self
                .hosts
                .as_ref()
                .is_none_or(|hosts| hosts.contains(&host))
    }

    pub(crate) fn check(&self, request: &Parts) -> Result<(), Error> {
        if self.permits(&request.uri) {
            Ok(())
        } else {
            Err(Error::new(ErrorKind::ForbiddenTarget))
        }
    }
}

pub(crate) fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || bare
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

fn folded(host: &str) -> Box<str> {
    host.to_ascii_lowercase().into_boxed_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn permits(audience: &Audience, target: &str) -> bool {
        audience.permits(&target.parse().unwrap())
    }

    #[test]
    fn hosts_are_exact_and_without_case() {
        let audience = Audience::hosts(["ChatGPT.com"]);
        assert!(permits(&audience, "https://chatgpt.COM:8443/x"));
        for target in [
            "https://sub.chatgpt.com/",
            "https://chatgpt.com.evil.example/",
            "https://notchatgpt.com/",
            "https://chatgpt.com@evil.example/",
        ] {
            assert!(!permits(&audience, target), "{target}");
        }
    }

    #[test]
    fn a_target_without_scheme_or_host_gets_nothing() {
        for target in ["/v1/responses", "api.openai.com:443", "*"] {
            assert!(!permits(&Audience::any_https(), target), "{target}");
        }
    }

    #[test]
    fn only_loopback_does_without_tls() {
        for target in [
            "http://localhost:1/",
            "ws://127.0.0.1/",
            "http://127.9.9.9/",
            "http://[::1]/",
        ] {
            assert!(permits(&Audience::any_https(), target), "{target}");
        }
        for target in [
            "http://example.com/",
            "ws://10.0.0.1/",
            "http://localhost.evil.example/",
            "ftp://localhost/",
            "http://[::2]/",
        ] {
            assert!(!permits(&Audience::any_https(), target), "{target}");
        }
    }
}
