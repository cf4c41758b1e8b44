//! The interface of every sign-in: a state machine that takes inputs and returns the next step. It
//! holds no clock, no socket and no runtime, so that a test of fifteen minutes of waiting takes a
//! microsecond, and any HTTP client can drive it.

use core::fmt;
use core::time::Duration;

use bytes::Bytes;
use http::{Request, Response};

use crate::error::{Error, ErrorKind};
use crate::moment::{Moment, Timer};
use crate::oauth::registration::Registration;
use crate::oauth::send::{SendFailure, SendRequest};
use crate::secret::Secret;
use crate::token::set::TokenSet;

/// A sign-in in progress: [`BrowserFlow`](crate::BrowserFlow) or [`DeviceFlow`](crate::DeviceFlow).
/// [`drive`] runs it to completion.
///
/// [`poll`](Self::poll) returns the next step, and returns the same step until the flow receives
/// input. Each step has one reply:
///
/// | step | reply |
/// |---|---|
/// | [`Show`](Step::Show) | none: it is returned once; poll again |
/// | [`Send`](Step::Send) | [`handle_response`](Self::handle_response) or [`handle_failure`](Self::handle_failure) |
/// | [`Save`](Step::Save) | [`handle_saved`](Self::handle_saved) |
/// | [`Wait`](Step::Wait) | none: poll again after that time, or after another input |
/// | [`Done`](Step::Done) | none: the flow has ended |
pub trait SignInFlow {
    /// Returns the next step.
    ///
    /// # Errors
    ///
    /// Returns why the sign-in failed. The flow has then ended, and every later call returns this
    /// error.
    fn poll(&mut self, now: Moment) -> Result<Step, Error>;

    /// Passes in the response to the request of the last [`Step::Send`].
    fn handle_response(&mut self, now: Moment, response: Response<Bytes>);

    /// Reports that the request of the last [`Step::Send`] got no response.
    fn handle_failure(&mut self, now: Moment, failure: SendFailure);

    /// Reports that the registration of the last [`Step::Save`] is stored durably.
    fn handle_saved(&mut self) {}
}

/// The next step of a flow.
#[derive(Debug)]
#[non_exhaustive]
pub enum Step {
    /// Show this to the user: open the URL in the user's browser, and print it in any case.
    Show(Prompt),
    /// Send this once, without following redirects.
    Send(Request<Bytes>),
    /// Store this durably before continuing: the client id that was just issued.
    Save(Registration),
    /// Wait this long, unless another input arrives first.
    Wait(Duration),
    /// The user is signed in. Store the result.
    Done(SignIn),
}

/// The URL and, in a device login, the code that the user must see.
#[derive(Clone, PartialEq, Eq)]
pub struct Prompt {
    url: String,
    user_code: Option<Secret>,
    time_limit: Duration,
}

impl Prompt {
    pub(crate) fn new(url: String, user_code: Option<Secret>, time_limit: Duration) -> Self {
        Self {
            url,
            user_code,
            time_limit,
        }
    }

    /// Returns the URL that the user opens in a browser.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns the code that the user enters at the [URL](Self::url), in a device login.
    ///
    /// Warn the user to enter only a code that this program has just shown, since attackers phish
    /// for such codes (RFC 8628 section 5.4).
    #[must_use]
    pub fn user_code(&self) -> Option<&str> {
        self.user_code.as_ref().map(Secret::expose)
    }

    /// Returns the time limit for the user to complete the sign-in.
    #[must_use]
    pub fn time_limit(&self) -> Duration {
        self.time_limit
    }
}

impl fmt::Debug for Prompt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prompt")
            .field("time_limit", &self.time_limit)
            .finish_non_exhaustive()
    }
}

/// The result of a sign-in. [`Record::signed_in`](crate::Record::signed_in) prepares it for
/// storage.
#[derive(Debug, Clone)]
pub struct SignIn {
    pub(crate) tokens: TokenSet,
    pub(crate) registration: Option<Registration>,
    pub(crate) api_key: Option<Secret>,
}

impl SignIn {
    /// Returns the tokens that the authority issued.
    #[must_use]
    pub fn tokens(&self) -> &TokenSet {
        &self.tokens
    }

    /// Returns the client id issued to this installation, if the profile registers installations.
    #[must_use]
    pub fn registration(&self) -> Option<&Registration> {
        self.registration.as_ref()
    }

    /// Returns the API key, if one was requested and the account is eligible.
    #[must_use]
    pub fn api_key(&self) -> Option<&Secret> {
        self.api_key.as_ref()
    }
}

/// Runs a flow to completion: sends its requests, waits, and calls `show` and `save` for the steps
/// of the same names.
///
/// A [`BrowserFlow`](crate::BrowserFlow) must have received its redirect before, since this
/// function owns the flow until the end.
///
/// ```
/// use std::cell::Cell;
/// use bytes::Bytes;
/// use codex_auth::{DeviceFlow, Moment, OAuthProfile, ThreadTimer, drive};
///
/// # fn block_on<T>(future: impl Future<Output = T>) -> T {
/// #     let mut context = std::task::Context::from_waker(std::task::Waker::noop());
/// #     let mut future = std::pin::pin!(future);
/// #     loop { if let std::task::Poll::Ready(value) = future.as_mut().poll(&mut context) { return value } }
/// # }
/// // Any HTTP client works; this one returns fixed responses.
/// let http = async |request: http::Request<Bytes>| {
///     Ok(http::Response::new(Bytes::from_static(match request.uri().path() {
///         "/api/accounts/deviceauth/usercode" => br#"{"device_auth_id":"d","user_code":"ABCD-12345","interval":"5"}"#,
///         "/api/accounts/deviceauth/token" => br#"{"authorization_code":"c","code_challenge":"h","code_verifier":"v"}"#,
///         _ => br#"{"id_token":"e30.e30.c2ln","access_token":"invented","refresh_token":"invented"}"#,
///     })))
/// };
///
/// let flow = DeviceFlow::new(&OAuthProfile::codex())?;
/// let shown = Cell::new(None);
/// let signed_in = block_on(drive(
///     flow,
///     &http,
///     &ThreadTimer::new(),
///     |prompt| shown.set(prompt.user_code().map(str::to_owned)),
///     |_| Ok(()),
/// ))?;
/// assert_eq!(shown.take().as_deref(), Some("ABCD-12345"));
/// assert_eq!(signed_in.tokens().access_token().expose(), "invented");
/// # Ok::<(), codex_auth::Error>(())
/// ```
///
/// # Errors
///
/// Returns the error that ends the flow, or the error that `save` returns.
///
/// # Cancel safety
///
/// Dropping the future abandons the sign-in: codes and tokens that the authority has issued are
/// lost.
pub async fn drive(
    mut flow: impl SignInFlow,
    http: &impl SendRequest,
    timer: &impl Timer,
    mut show: impl FnMut(&Prompt),
    mut save: impl FnMut(&Registration) -> Result<(), Error>,
) -> Result<SignIn, Error> {
    loop {
        match flow.poll(timer.now())? {
            Step::Show(prompt) => show(&prompt),
            Step::Send(request) => match http.send(request).await {
                Ok(response) => flow.handle_response(timer.now(), response),
                Err(failure) => flow.handle_failure(timer.now(), failure),
            },
            Step::Save(registration) => {
                save(&registration)?;
                flow.handle_saved();
            }
            Step::Wait(duration) => timer.sleep(duration).await,
            Step::Done(sign_in) => return Ok(sign_in),
        }
    }
}

/// The time at which a flow expires.
pub(crate) struct Deadline(Duration);

impl Deadline {
    pub(crate) fn after(now: Moment, limit: Duration) -> Self {
        Self(now.steady().saturating_add(limit))
    }

    pub(crate) fn left(&self, now: Moment) -> Result<Duration, Error> {
        let left = self.0.saturating_sub(now.steady());
        if left.is_zero() {
            Err(Error::new(ErrorKind::TimedOut))
        } else {
            Ok(left)
        }
    }
}

/// Converts a network failure to the error of a flow.
pub(crate) fn lost(failure: SendFailure) -> Error {
    let kind = if failure.may_have_been_sent() {
        ErrorKind::OutcomeUnknown
    } else {
        ErrorKind::NotSent
    };
    Error::new(kind).with_source(failure.into_source())
}
