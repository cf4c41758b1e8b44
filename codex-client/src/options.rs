//! The options of one call. They are kept as text until the call is sent, so that setting options
//! cannot fail and an invalid one fails in the call.

use core::fmt;
use core::time::Duration;
use std::sync::{Arc, Mutex, OnceLock};

use codex_transport::Timeouts;
use codex_types::profile::{FitPolicy, Identity, RequestForm};
use codex_types::{CreateResponse, RawJson, Streaming};

use crate::unsettled::Unsettled;

/// The routing token of a turn. The first response that carries one sets it.
pub(crate) type TurnState = Arc<OnceLock<String>>;

/// The request of a turn as it was sent last. Cloning the value copies the settings and shares the
/// items.
pub(crate) type SentRequest = Arc<Mutex<Option<CreateResponse>>>;

/// The options of one call, in addition to its request.
///
/// A [`Call`](crate::Call) has the same methods; use a value of this type for options that several
/// calls share.
///
/// ```
/// use codex_client::CallOptions;
/// use codex_client::types::RawJson;
///
/// let options = CallOptions::new()
///     .header("x-trace", "7")
///     .request_id("question-7")
///     .parameter("new_parameter", RawJson::parse("true")?);
/// # let _ = options;
/// # Ok::<(), codex_client::types::DecodeError>(())
/// ```
#[derive(Clone, Default)]
#[must_use]
pub struct CallOptions {
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) parameters: Vec<(String, RawJson)>,
    pub(crate) identity: Identity,
    pub(crate) timeouts: Option<Timeouts>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) fit: Option<FitPolicy>,
    pub(crate) form: Option<RequestForm>,
    pub(crate) streaming: Option<Streaming>,
    /// The routing token of the turn that the call belongs to.
    pub(crate) turn_state: Option<TurnState>,
    /// The newest items of a conversation, which are repaired before the request is sent.
    pub(crate) history: Option<Arc<Unsettled>>,
    /// The record of the request as it is sent.
    pub(crate) sent: Option<SentRequest>,
    pub(crate) holds: bool,
}

impl CallOptions {
    /// Creates empty options.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a header. It replaces one of the same name that the client or its profile would send.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Sets a parameter of the body.
    ///
    /// It overrides the request and is sent whether or not the profile knows it, so it gives access
    /// to features of the server that this version does not name.
    pub fn parameter(mut self, name: impl Into<String>, value: RawJson) -> Self {
        self.parameters.push((name.into(), value));
        self
    }

    /// Sets the client's id for the request (`x-client-request-id`), which helps to find it in the
    /// server's logs.
    pub fn request_id(mut self, request_id: impl Into<String>) -> Self {
        self.identity.request_id = Some(request_id.into());
        self
    }

    /// Sets the identity of the request: the conversation it belongs to, and what else the profile
    /// reports about the sender.
    ///
    /// A [`Session`](crate::Session) sets it by itself.
    pub fn identity(mut self, identity: Identity) -> Self {
        self.identity = identity;
        self
    }

    /// Limits how long each part of this exchange may take, instead of the client's own timeouts.
    pub fn timeouts(mut self, timeouts: Timeouts) -> Self {
        self.timeouts = Some(timeouts);
        self
    }

    /// Limits each attempt as a whole, from sending the request to the end of the response
    /// ([`Timeouts::total`]).
    ///
    /// The other timeouts stay as they are.
    pub fn timeout(mut self, total: Duration) -> Self {
        self.timeout = Some(total);
        self
    }

    /// Sets the policy for parts of this request that the backend does not accept, instead of the
    /// client's own policy.
    pub fn fit(mut self, policy: FitPolicy) -> Self {
        self.fit = Some(policy);
        self
    }

    /// Sets whether a raw stream holds back events without visible content (`response.created`,
    /// keep-alives, limits) until one with visible content arrives.
    ///
    /// A failure before that leads to another attempt. By default a raw stream yields such events
    /// at once; sessions always hold them back.
    pub fn hold_events(mut self, holds: bool) -> Self {
        self.holds = holds;
        self
    }

    /// Sets the form of the request, overriding the profile and the model table; see
    /// [`RequestForm`].
    pub fn form(mut self, form: RequestForm) -> Self {
        self.form = Some(form);
        self
    }

    /// Sets whether [`create`](crate::Client::create) requests a stream, which is the default.
    ///
    /// A response that is not streamed is returned as the server made it, even if it is only
    /// `queued`. Its headers arrive with the body, so their timeout is at least that of
    /// [`Timeouts::unary`]. Calls that return a stream always request one, and so does everything
    /// over a WebSocket.
    pub fn streaming(mut self, streaming: Streaming) -> Self {
        self.streaming = Some(streaming);
        self
    }

    /// Sets the id of the conversation, unless the caller has set one.
    #[cfg(feature = "sockets")]
    pub(crate) fn in_conversation(mut self, id: &str) -> Self {
        if self.identity.session_id.is_none() && self.identity.thread_id.is_none() {
            self.identity.session_id = Some(id.to_owned());
            self.identity.thread_id = Some(id.to_owned());
        }
        self
    }

    /// Returns the timeouts of the call, based on `default`.
    pub(crate) fn timeouts_or(&self, default: Timeouts) -> Timeouts {
        let mut timeouts = self.timeouts.unwrap_or(default);
        timeouts.total = self.timeout.or(timeouts.total);
        timeouts
    }
}

impl fmt::Debug for CallOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Leave out the values: headers may hold secrets, and parameters prompts.
        f.debug_struct("CallOptions")
            .field("headers", &self.headers.len())
            .field("parameters", &self.parameters.len())
            .field("timeouts", &self.timeouts)
            .finish_non_exhaustive()
    }
}
