//! The last failure, kept for later diagnosis: users usually report a problem when the error itself
//! is long gone.

use core::fmt;
use core::time::Duration;
use std::sync::Mutex;
use std::time::SystemTime;

use http::{StatusCode, Uri};

use crate::clock::system_time;
use crate::error::{Error, ErrorKind, Side};
use crate::lock::lock;
use crate::meta::ResponseMeta;
use crate::reason::Reason;

/// An exchange that failed, for diagnosis; see
/// [`Client::last_failure`](crate::Client::last_failure).
///
/// It contains no credential, no cookie, no query of a URL and nothing of a request or a response,
/// so it may be logged. `Display` is one line.
#[derive(Clone, Debug)]
pub struct FailedExchange {
    at: SystemTime,
    target: String,
    elapsed: Duration,
    kind: ErrorKind,
    side: Side,
    status: Option<StatusCode>,
    code: Option<String>,
    request_id: Option<String>,
    retry_after: Option<Duration>,
    reason: Option<Reason>,
    meta: Option<ResponseMeta>,
    causes: Vec<String>,
}

impl FailedExchange {
    pub(crate) fn new(error: &Error, target: &Uri, elapsed: Duration) -> Self {
        Self {
            at: system_time(),
            target: plain(target),
            elapsed,
            kind: error.kind(),
            side: error.side(),
            status: error.status(),
            code: error.code().map(str::to_owned),
            request_id: error.request_id().map(str::to_owned),
            retry_after: error.retry_after(),
            reason: error.reason(),
            meta: error.meta().cloned(),
            causes: causes(error),
        }
    }

    /// Returns when the exchange failed, by the system's clock.
    #[must_use]
    pub fn at(&self) -> SystemTime {
        self.at
    }

    /// Returns the URL without its query: `wss` and `ws` are WebSockets.
    #[must_use]
    pub fn target(&self) -> &str {
        &self.target
    }

    /// Returns the time from the start of the exchange to its failure, including earlier attempts.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.elapsed
    }

    /// Returns the kind of the error.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Returns the side that caused the failure.
    #[must_use]
    pub fn side(&self) -> Side {
        self.side
    }

    /// Returns the HTTP status of the response, if it was not a success.
    #[must_use]
    pub fn status(&self) -> Option<StatusCode> {
        self.status
    }

    /// Returns the server's code for the error, if it is a plain word.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        self.code.as_deref()
    }

    /// Returns the server's id for the request, if it sent one; its operators need it to find the
    /// request.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.request_id.as_deref()
    }

    /// Returns the delay before a retry, if the server requested one.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// Returns the reason why the server refused the request, if it did.
    #[must_use]
    pub fn reason(&self) -> Option<&Reason> {
        self.reason.as_ref()
    }

    /// Returns the status and headers (except cookies) of the response, if there was one.
    #[must_use]
    pub fn meta(&self) -> Option<&ResponseMeta> {
        self.meta.as_ref()
    }

    /// Returns an iterator over the messages of the errors, from the outermost to the innermost.
    pub fn causes(&self) -> impl Iterator<Item = &str> {
        self.causes.iter().map(String::as_str)
    }
}

impl fmt::Display for FailedExchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.elapsed.as_secs_f64();
        write!(f, "{} after {seconds:.3} s", self.target)?;
        self.causes
            .iter()
            .try_for_each(|cause| write!(f, ": {cause}"))
    }
}

/// The last failure of a client.
#[derive(Default)]
pub(crate) struct LastFailure(Mutex<Option<FailedExchange>>);

impl LastFailure {
    pub(crate) fn keep(&self, failed: FailedExchange) {
        *lock(&self.0) = Some(failed);
    }

    pub(crate) fn read(&self) -> Option<FailedExchange> {
        lock(&self.0).clone()
    }
}

/// Returns a URL without the parts that may be secret: user, password and query.
fn plain(target: &Uri) -> String {
    let scheme = target.scheme_str().unwrap_or_default();
    let host = target.host().unwrap_or_default();
    let path = target.path();
    match target.port() {
        Some(port) => format!("{scheme}://{host}:{port}{path}"),
        None => format!("{scheme}://{host}{path}"),
    }
}

/// Returns the messages of an error chain. The errors of this workspace have no payload in their
/// texts, and the errors below a transport error come from the operating system.
fn causes(error: &Error) -> Vec<String> {
    let mut causes = vec![error.names().to_string()];
    let mut source = core::error::Error::source(error);
    while let Some(cause) = source.filter(|_| causes.len() < MAX_CAUSES) {
        causes.push(cause.to_string());
        source = cause.source();
    }
    causes
}

/// The maximum length of a chain that is worth keeping.
const MAX_CAUSES: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_shown_without_its_secrets() {
        let address = |url: &str| plain(&url.parse().unwrap());
        assert_eq!(
            address("https://user:canary@api.test/v1/responses?key=canary"),
            "https://api.test/v1/responses"
        );
        assert_eq!(
            address("wss://[::1]:8443/v1/responses"),
            "wss://[::1]:8443/v1/responses"
        );
    }

    #[test]
    fn the_whole_chain_is_one_line() {
        let source = codex_transport::Error::new(
            codex_transport::ErrorKind::Connect,
            codex_transport::Phase::Connect,
            codex_transport::Sent::No,
        );
        let below = source.to_string();
        let error = Error::new(ErrorKind::Transport).with_source(source);
        let target = Uri::from_static("https://api.test/v1/responses");
        let failed = FailedExchange::new(&error, &target, Duration::from_millis(1_250));
        assert_eq!(
            failed.to_string(),
            format!(
                "https://api.test/v1/responses after 1.250 s: communication with the server failed: {below}"
            )
        );
    }
}
