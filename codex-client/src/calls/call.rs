//! A call and its options. All calls take the same options, so the caller sets them in one place:
//! on the call itself, before awaiting it.

use core::fmt;
use core::future::{Future, IntoFuture};
use core::pin::Pin;
use core::time::Duration;

use codex_transport::Timeouts;
use codex_types::profile::{FitPolicy, Identity, RequestForm};
use codex_types::{RawJson, Streaming};

use crate::error::Error;
use crate::options::CallOptions;

/// The future of a [`Call`].
#[cfg(not(target_family = "wasm"))]
pub type CallFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send + 'a>>;

/// The future of a [`Call`]. In a browser a future stays on its thread, so it is not `Send`.
#[cfg(target_family = "wasm")]
pub type CallFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, Error>> + 'a>>;

/// A call that is sent when the caller awaits it. Until then, the caller can set its options.
///
/// ```
/// # use codex_client::Client;
/// use codex_client::types::CreateResponse;
/// use std::time::Duration;
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// # use codex_client::transport::testing::{Answer, LoopbackServer, Script};
/// # let server = LoopbackServer::start(Script::new().answer(Answer::sse()
/// #     .event(r#"{"type":"response.completed","response":{"id":"resp_1","status":"completed","output":[]}}"#)))?;
/// # let client = Client::builder().base_url(server.url("/v1")).build()?;
/// let request = CreateResponse::new("some-model").input("Why is the sky blue?");
/// let response = client
///     .create(&request)
///     .timeout(Duration::from_secs(600))
///     .header("x-trace", "7")
///     .request_id("question-7")
///     .await?;
/// assert_eq!(response.id, "resp_1");
/// # assert_eq!(server.requests()[0].header("x-trace"), Some("7"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "calls do nothing unless awaited"]
pub struct Call<'a, T> {
    options: CallOptions,
    begin: Box<dyn FnOnce(CallOptions) -> CallFuture<'a, T> + Send + 'a>,
}

impl<'a, T> Call<'a, T> {
    pub(crate) fn new(begin: impl FnOnce(CallOptions) -> CallFuture<'a, T> + Send + 'a) -> Self {
        Self {
            options: CallOptions::new(),
            begin: Box::new(begin),
        }
    }

    /// Replaces all options of the call.
    pub fn options(mut self, options: CallOptions) -> Self {
        self.options = options;
        self
    }

    /// Adds a header; see [`CallOptions::header`].
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.options = self.options.header(name, value);
        self
    }

    /// Sets a parameter of the body; see [`CallOptions::parameter`].
    pub fn parameter(mut self, name: impl Into<String>, value: RawJson) -> Self {
        self.options = self.options.parameter(name, value);
        self
    }

    /// Sets the client's id for the request; see [`CallOptions::request_id`].
    pub fn request_id(mut self, request_id: impl Into<String>) -> Self {
        self.options = self.options.request_id(request_id);
        self
    }

    /// Sets the identity of the sender; see [`CallOptions::identity`].
    pub fn identity(mut self, identity: Identity) -> Self {
        self.options = self.options.identity(identity);
        self
    }

    /// Limits each attempt as a whole; see [`CallOptions::timeout`].
    pub fn timeout(mut self, total: Duration) -> Self {
        self.options = self.options.timeout(total);
        self
    }

    /// Replaces the client's timeouts; see [`CallOptions::timeouts`].
    pub fn timeouts(mut self, timeouts: Timeouts) -> Self {
        self.options = self.options.timeouts(timeouts);
        self
    }

    /// Sets whether events without visible content are held back; see
    /// [`CallOptions::hold_events`].
    pub fn hold_events(mut self, holds: bool) -> Self {
        self.options = self.options.hold_events(holds);
        self
    }

    /// Replaces the client's policy for what the backend does not accept; see [`CallOptions::fit`].
    pub fn fit(mut self, policy: FitPolicy) -> Self {
        self.options = self.options.fit(policy);
        self
    }

    /// Chooses the form of the request; see [`CallOptions::form`].
    pub fn form(mut self, form: RequestForm) -> Self {
        self.options = self.options.form(form);
        self
    }

    /// Sets whether the response is streamed; see [`CallOptions::streaming`].
    pub fn streaming(mut self, streaming: Streaming) -> Self {
        self.options = self.options.streaming(streaming);
        self
    }
}

impl<'a, T> IntoFuture for Call<'a, T> {
    type Output = Result<T, Error>;
    type IntoFuture = CallFuture<'a, T>;

    fn into_future(self) -> Self::IntoFuture {
        (self.begin)(self.options)
    }
}

impl<T> fmt::Debug for Call<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}
