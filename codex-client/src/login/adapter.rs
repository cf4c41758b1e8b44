//! Connects codex-auth to codex-transport: implementations of its traits for sending requests and
//! for the time.

use core::fmt;
use core::time::Duration;

use bytes::Bytes;
use codex_auth::{Moment, SendFailure, SendRequest};
use codex_transport::{
    ERROR_BODY_LIMIT, HttpTransport, Instant, NoRedirects, Sent, SharedTimer, SharedTransport,
    Timeouts,
};
use http::header::USER_AGENT;
use http::{HeaderValue, Request, Response};

use crate::clock::system_time;
use crate::shared::AGENT;

/// A sender of codex-auth requests over any transport: once, with a limit on the size of the
/// response, and within 30 seconds.
///
/// ```
/// use codex_auth::SendRequest;
/// use codex_client::login::TransportSender;
/// use codex_transport::testing::{Answer, Script, ScriptedTransport};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let transport = ScriptedTransport::new(Script::new().answer(Answer::json(200, "{}")));
/// let sender = TransportSender::new(transport);
/// let answer = sender
///     .send(http::Request::post("https://auth.example/oauth/token").body("".into())?)
///     .await?;
/// assert_eq!(answer.body(), "{}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct TransportSender {
    transport: SharedTransport,
    timeouts: Timeouts,
}

impl TransportSender {
    /// Creates a sender over this transport.
    ///
    /// The transport must not repeat requests that may have been sent, and must respect
    /// [`NoRedirects`]; the built-in one does both.
    pub fn new(transport: impl HttpTransport + 'static) -> Self {
        let mut timeouts = Timeouts::unary();
        timeouts.connect = Some(CONNECT);
        timeouts.headers = Some(TOTAL);
        timeouts.total = Some(TOTAL);
        Self {
            transport: SharedTransport::new(transport),
            timeouts,
        }
    }
}

impl SendRequest for TransportSender {
    async fn send(&self, mut request: Request<Bytes>) -> Result<Response<Bytes>, SendFailure> {
        request.extensions_mut().insert(self.timeouts);
        request.extensions_mut().insert(NoRedirects);
        request
            .headers_mut()
            .entry(USER_AGENT)
            .or_insert(HeaderValue::from_static(AGENT));
        let answer = self.transport.send(request).await.map_err(failure)?;
        let (head, body) = answer.into_parts();
        let body = if head.status.is_success() {
            body.collect(LARGEST_ANSWER).await.map_err(failure)?
        } else {
            // The status decides, and a part of its description is better than none.
            body.collect_prefix(ERROR_BODY_LIMIT).await
        };
        Ok(Response::from_parts(head, body))
    }
}

fn failure(error: codex_transport::Error) -> SendFailure {
    match error.sent() {
        Sent::No => SendFailure::not_sent(error),
        _ => SendFailure::maybe_sent(error),
    }
}

/// A codex-auth timer that uses the time of any codex-transport timer.
///
/// ```
/// use codex_auth::Timer;
/// use codex_client::login::TransportTimer;
/// use codex_transport::TokioTimer;
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(async {
/// let timer = TransportTimer::new(TokioTimer);
/// timer.sleep(std::time::Duration::from_secs(900)).await;
/// assert!(timer.now().steady().as_secs() >= 900);
/// # });
/// ```
#[derive(Clone)]
pub struct TransportTimer {
    timer: SharedTimer,
    start: Instant,
}

impl TransportTimer {
    /// Creates a clock from this timer, which counts from now. Clones count from the same moment.
    pub fn new(timer: impl codex_transport::Timer + 'static) -> Self {
        Self {
            start: timer.now(),
            timer: SharedTimer::new(timer),
        }
    }
}

impl codex_auth::Timer for TransportTimer {
    fn now(&self) -> Moment {
        let now = codex_transport::Timer::now(&self.timer);
        Moment::new(now.saturating_duration_since(self.start), system_time())
    }

    fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + Send {
        codex_transport::Timer::sleep(&self.timer, duration)
    }
}

impl fmt::Debug for TransportTimer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TransportTimer")
    }
}

/// The timeout of the official client.
const CONNECT: Duration = Duration::from_secs(10);
const TOTAL: Duration = Duration::from_secs(30);
/// The largest response that codex-auth reads, a key set.
const LARGEST_ANSWER: usize = 1 << 20;
