// What one call has of its own. Kept as text until the call is made, so that building options cannot fail and a wrong one fails where it is used.

use core::fmt;
use core::time::Duration;
use std::sync::{Arc, OnceLock};

use codex_transport::Timeouts;
use codex_types::profile::{FitPolicy, Identity, RequestForm};
use codex_types::{RawJson, Streaming};

use crate::unsettled::Unsettled;

/// The routing token of a turn, which the first response that carries one decides.
pub(crate) type TurnState = Arc<OnceLock<String>>;

/// The options of one call, in addition to its request.
///
/// A [`Call`](crate::Call) has the same methods; a value of this type is for options that several calls share.
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
    /// What the service gives out for the turn that the call is part of.
    pub(crate) turn_state: Option<TurnState>,
    /// The newest items of a conversation, whose faults are repaired before it is sent.
    pub(crate) history: Option<Arc<Unsettled>>,
    pub(crate) holds: bool,
}

impl CallOptions {
    /// Nothing special.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a header, in the place of one of the same name that the client or its profile would send.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Sets a parameter of the body, whatever the request says about it and whether or not the profile knows it: the way to what a server
    /// offers and this version has no name for.
    pub fn parameter(mut self, name: impl Into<String>, value: RawJson) -> Self {
        self.parameters.push((name.into(), value));
        self
    }

    /// The client's name for the request (`x-client-request-id`), for finding it again in the logs of the server.
    pub fn request_id(mut self, request_id: impl Into<String>) -> Self {
        self.identity.request_id = Some(request_id.into());
        self
    }

    /// Which conversation the request belongs to, and whatever else the profile tells the server about who asks. A
    /// [`Session`](crate::Session) does this by itself.
    pub fn identity(mut self, identity: Identity) -> Self {
        self.identity = identity;
        self
    }

    /// How long each part of this exchange may take, in the place of the client's own.
    pub fn timeouts(mut self, timeouts: Timeouts) -> Self {
        self.timeouts = Some(timeouts);
        self
    }

    /// Limits each attempt as a whole, from sending the request to the end of the response ([`Timeouts::total`]). The other timeouts stay
    /// as they are.
    pub fn timeout(mut self, total: Duration) -> Self {
        self.timeout = Some(total);
        self
    }

    /// What is done about parts of this request that the backend does not take, in the place of the client's own policy.
    pub fn fit(mut self, policy: FitPolicy) -> Self {
        self.fit = Some(policy);
        self
    }

    /// Holds events of a raw stream back that show nothing (`response.created`, keep-alives, limits), until one shows something. While they
    /// are held back, a failure leads to another attempt. By default a raw stream yields them at once; sessions always hold them back.
    pub fn hold_events(mut self, holds: bool) -> Self {
        self.holds = holds;
        self
    }

    /// Chooses the form of the request, whatever the profile and the model table say; see [`RequestForm`].
    pub fn form(mut self, form: RequestForm) -> Self {
        self.form = Some(form);
        self
    }

    /// Whether [`create`](crate::Client::create) asks for a stream, as it does unless told otherwise. A response that is not streamed is
    /// returned as the server made it, also one that is only `queued`; its headers come with it, so the timeout for them is at least
    /// that of [`Timeouts::unary`]. Calls that return a stream always ask for one, and so does everything over a WebSocket.
    pub fn streaming(mut self, streaming: Streaming) -> Self {
        self.streaming = Some(streaming);
        self
    }

    /// Names the conversation, unless the caller has.
    #[cfg(feature = "ws")]
    pub(crate) fn in_conversation(mut self, id: &str) -> Self {
        if self.identity.session_id.is_none() && self.identity.thread_id.is_none() {
            self.identity.session_id = Some(id.to_owned());
            self.identity.thread_id = Some(id.to_owned());
        }
        self
    }

    /// The timeouts of a call whose own are otherwise these.
    pub(crate) fn timeouts_or(&self, default: Timeouts) -> Timeouts {
        let mut timeouts = self.timeouts.unwrap_or(default);
        timeouts.total = self.timeout.or(timeouts.total);
        timeouts
    }
}

impl fmt::Debug for CallOptions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Headers may hold secrets, parameters prompts.
        formatter
            .debug_struct("CallOptions")
            .field("headers", &self.headers.len())
            .field("parameters", &self.parameters.len())
            .field("timeouts", &self.timeouts)
            .finish_non_exhaustive()
    }
}
