// The last failure, kept for whoever asks later: a support question usually comes when the error itself is long gone.

use core::fmt;
use core::time::Duration;
use std::sync::Mutex;
use std::time::SystemTime;

use http::{StatusCode, Uri};

use crate::error::{Error, ErrorKind, Side};
use crate::lock::lock;
use crate::meta::ResponseMeta;
use crate::reason::Reason;

/// An exchange that failed, for diagnosis; see [`Client::last_failure`](crate::Client::last_failure).
///
/// It has no credential, no cookie, no query of a URL and nothing of a request or an answer in it, so it may be logged. `Display` is one
/// line.
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
            at: SystemTime::now(),
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

    /// When it failed, by the system's clock.
    #[must_use]
    pub fn at(&self) -> SystemTime {
        self.at
    }

    /// Where it went, without the query: `wss` and `ws` are WebSockets.
    #[must_use]
    pub fn target(&self) -> &str {
        &self.target
    }

    /// How long it had taken by then, earlier attempts included.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.elapsed
    }

    /// What went wrong.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Whose fault it was.
    #[must_use]
    pub fn side(&self) -> Side {
        self.side
    }

    /// The status, where there was an answer other than success.
    #[must_use]
    pub fn status(&self) -> Option<StatusCode> {
        self.status
    }

    /// The server's code for the error, where it is a plain word.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        self.code.as_deref()
    }

    /// The server's name for the request: what its operators ask for.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.request_id.as_deref()
    }

    /// How long the server asked to be left alone.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// What the refusal means, where it was one.
    #[must_use]
    pub fn reason(&self) -> Option<&Reason> {
        self.reason.as_ref()
    }

    /// The head of the answer, where there was one, cookies aside.
    #[must_use]
    pub fn meta(&self) -> Option<&ResponseMeta> {
        self.meta.as_ref()
    }

    /// What happened, from the outermost error to the innermost.
    pub fn causes(&self) -> impl Iterator<Item = &str> {
        self.causes.iter().map(String::as_str)
    }
}

impl fmt::Display for FailedExchange {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.elapsed.as_secs_f64();
        write!(formatter, "{} after {seconds:.3} s", self.target)?;
        self.causes
            .iter()
            .try_for_each(|cause| write!(formatter, ": {cause}"))
    }
}

/// Where a client keeps it.
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

/// A URL without what may be secret: user and password, and the query.
fn plain(target: &Uri) -> String {
    let scheme = target.scheme_str().unwrap_or_default();
    let host = target.host().unwrap_or_default();
    let path = target.path();
    match target.port() {
        Some(port) => format!("{scheme}://{host}:{port}{path}"),
        None => format!("{scheme}://{host}{path}"),
    }
}

/// The errors of this workspace have nothing of a payload in their texts; of those below it, only the outermost of each chain is ours to
/// vouch for, and what lies below a transport error is the operating system's.
fn causes(error: &Error) -> Vec<String> {
    let mut causes = vec![error.to_string()];
    let mut source = core::error::Error::source(error);
    while let Some(cause) = source.filter(|_| causes.len() < MAX_CAUSES) {
        causes.push(cause.to_string());
        source = cause.source();
    }
    causes
}

/// A chain that is longer has lost its meaning.
const MAX_CAUSES: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_told_without_its_secrets() {
        let told = |url: &str| plain(&url.parse().unwrap());
        assert_eq!(
            told("https://user:canary@api.test/v1/responses?key=canary"),
            "https://api.test/v1/responses"
        );
        assert_eq!(
            told("wss://[::1]:8443/v1/responses"),
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
                "https://api.test/v1/responses after 1.250 s: the exchange with the server failed: {below}"
            )
        );
    }
}
