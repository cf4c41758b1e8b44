//! The single error type of the client. It is one pointer wide, so that `Result` stays small in
//! every stream item. It carries the data received before the failure, because that is the only
//! copy once the connection is gone.

use core::fmt;
use core::time::Duration;

use codex_transport::RetryStatuses;
pub use codex_types::Side;
use codex_types::{ApiError, Boxed, ErrorCategory, Response};
use http::StatusCode;

use crate::meta::ResponseMeta;
use crate::reason::Reason;

/// An error between a request and its final response.
///
/// [`kind`](Self::kind) classifies the error, [`side`](Self::side) names the side at fault,
/// [`is_retryable`](Self::is_retryable) returns whether resending the request makes sense, and
/// [`partial`](Self::partial) returns the data received so far. `Display` and `Debug` show the
/// message of the server, its code, type and parameter, and nothing of a prompt, of a response or
/// of a credential. If the server quotes the request in its message, so does the error: logs that
/// must not contain a prompt should record [`kind`](Self::kind) and the code of [`api`](Self::api),
/// as the spans of this crate do.
///
/// ```
/// use codex_client::{Client, ErrorKind, Side};
///
/// let error = Client::builder().base_url("not a url").build().unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::Request);
/// assert_eq!(error.side(), Side::Local);
/// assert_eq!(error.to_string(), "invalid base URL: expected an absolute http or https URL");
/// ```
pub struct Error {
    inner: Box<Inner>,
}

struct Inner {
    kind: ErrorKind,
    detail: Option<&'static str>,
    request_id: Option<String>,
    delivered: bool,
    source: Option<Box<dyn core::error::Error + Send + Sync>>,
    received: Option<Box<dyn AnyReceived>>,
}

/// The data that the server sent before the failure.
#[derive(Default)]
struct Received {
    api: Option<ApiError>,
    /// The message of `api`, cleaned for display.
    message: Option<Box<str>>,
    meta: Option<ResponseMeta>,
    partial: Option<Boxed<Response>>,
}

/// [`Received`], as a trait object. Nearly all code here may drop an error, and would be compiled
/// with the code that drops a response and headers if it had their types.
trait AnyReceived: Send + Sync {
    fn get(&self) -> &Received;

    fn get_mut(&mut self) -> &mut Received;

    fn into_partial(self: Box<Self>) -> Option<Response>;
}

impl AnyReceived for Received {
    fn get(&self) -> &Received {
        self
    }

    fn get_mut(&mut self) -> &mut Received {
        self
    }

    fn into_partial(self: Box<Self>) -> Option<Response> {
        self.partial.map(Boxed::into_inner)
    }
}

impl Error {
    /// Returns the kind of the error.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.inner.kind
    }

    /// Returns the side that caused the error.
    #[must_use]
    pub fn side(&self) -> Side {
        match self.inner.kind {
            ErrorKind::Request
            | ErrorKind::NotOffered
            | ErrorKind::Credentials
            | ErrorKind::Withheld
            | ErrorKind::Rounds => Side::Local,
            ErrorKind::Status => match self.status() {
                Some(status) if status.is_client_error() => Side::Local,
                _ => Side::Remote,
            },
            ErrorKind::Failed
            | ErrorKind::Incomplete
            | ErrorKind::Pending
            | ErrorKind::Protocol
            | ErrorKind::Payload => Side::Remote,
            ErrorKind::Transport | ErrorKind::Truncated | ErrorKind::Timeout => Side::Network,
        }
    }

    /// Returns whether the same request may succeed when it is resent, and no part of a response
    /// was delivered yet.
    ///
    /// Once the caller has received an event, this is false: resending the request would repeat
    /// content, and only the caller can decide whether that is harmless.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        if self.inner.delivered {
            return false;
        }
        match self.inner.kind {
            ErrorKind::Transport | ErrorKind::Truncated | ErrorKind::Timeout => self
                .transport()
                .is_none_or(codex_transport::Error::is_retryable),
            ErrorKind::Credentials => self
                .credentials()
                .is_some_and(codex_auth::Error::is_retryable),
            ErrorKind::Status | ErrorKind::Failed => {
                self.reason().is_none_or(|reason| reason.is_retryable())
                    && self.status().is_none_or(is_retryable_status)
            }
            _ => false,
        }
    }

    /// Returns whether the stream that yielded this error has ended.
    ///
    /// The stream continues only after an event that could not be decoded
    /// ([`Payload`](ErrorKind::Payload)), and after a text that contradicts its deltas
    /// ([`Protocol`](ErrorKind::Protocol), only from
    /// [`next_update`](crate::ResponseStream::next_update)).
    #[must_use]
    pub fn is_fatal(&self) -> bool {
        let source = self.inner.source.as_deref();
        let decoding = source.and_then(|source| source.downcast_ref::<codex_sse::Error>());
        self.inner.kind != ErrorKind::Payload && decoding.is_none_or(codex_sse::Error::is_fatal)
    }

    /// Returns the HTTP status of the response, if it is not a success.
    #[must_use]
    pub fn status(&self) -> Option<StatusCode> {
        let status = self.meta()?.status();
        // 101 is the success of a WebSocket upgrade.
        (!status.is_success() && !status.is_informational()).then_some(status)
    }

    /// Returns the message of the server's error, if it sent one: on one line, without control
    /// characters, at most 500 characters long, and without the credentials of the request.
    #[must_use]
    pub fn message(&self) -> Option<&str> {
        self.received()?.message.as_deref()
    }

    /// Returns a view of the error without the server's message, for records that must not contain
    /// anything of a conversation.
    pub(crate) fn names(&self) -> impl fmt::Display + '_ {
        Names(self)
    }

    /// Returns whether the server no longer has the response that the request continues.
    pub(crate) fn has_lost_state(&self) -> bool {
        self.api().is_some_and(|api| {
            api.category() == ErrorCategory::StateLost || api.blames_previous_response()
        })
    }

    /// Returns the error object that the server sent, if it sent one.
    ///
    /// Its message is text from the server and may quote the request.
    #[must_use]
    pub fn api(&self) -> Option<&ApiError> {
        self.received()?.api.as_ref()
    }

    /// Returns the reason why the server refused the request, which also names a remedy; `None` if
    /// the server did not refuse it.
    ///
    /// ```
    /// # use codex_client::Client;
    /// use codex_client::Reason;
    /// use codex_client::types::CreateResponse;
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// # use codex_client::transport::testing::{Answer, LoopbackServer, Script};
    /// # let server = LoopbackServer::start(Script::new().answer(Answer::json(429,
    /// #     r#"{"error":{"type":"usage_limit_reached","message":"","plan_type":"plus","resets_in_seconds":5400}}"#)))?;
    /// # let client = Client::builder().base_url(server.url("/v1")).build()?;
    /// let error = client.create(&CreateResponse::new("some-model").input("Hello")).await.unwrap_err();
    /// let reason = error.reason().ok_or("the server refused")?;
    /// assert!(matches!(reason, Reason::UsageLimit { .. }));
    /// assert_eq!(reason.to_string(), "usage limit of the plan plus reached, resets in 1 h 30 min");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn reason(&self) -> Option<Reason> {
        match self.inner.kind {
            ErrorKind::Status | ErrorKind::Failed => Some(Reason::of(self.api(), self.meta())),
            _ => None,
        }
    }

    /// Returns the status and headers (except cookies) of the failed response, with the values read
    /// from them; `None` if no response arrived.
    #[must_use]
    pub fn meta(&self) -> Option<&ResponseMeta> {
        self.received()?.meta.as_ref()
    }

    /// Returns the server's id for the request, if it sent one; its operators need it to find the
    /// request.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        let reported = self.inner.request_id.as_deref();
        reported.or_else(|| self.meta()?.request_id())
    }

    /// Returns the delay before a retry, if the server requested one: in `retry-after-ms` or
    /// `retry-after`, in the body, or in the text of its message. For credentials that are not
    /// available now, returns the delay before they may be.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        let head = self.meta().and_then(ResponseMeta::retry_after);
        head.or_else(|| self.api()?.retry_after())
            .or_else(|| self.credentials()?.retry_after())
    }

    /// Returns the bytes of an event that could not be decoded ([`Payload`](ErrorKind::Payload)),
    /// as the server sent them; `None` for other errors.
    #[must_use]
    pub fn payload(&self) -> Option<&[u8]> {
        let source = self.inner.source.as_deref()?;
        source.downcast_ref::<codex_sse::Error>()?.payload()
    }

    /// Returns the part of the response that was received before the error, if any.
    #[must_use]
    pub fn partial(&self) -> Option<&Response> {
        self.received()?.partial.as_deref()
    }

    /// Consumes the error and returns the part of the response that was received before it, if any.
    #[must_use]
    pub fn into_partial(self) -> Option<Response> {
        self.inner.received?.into_partial()
    }
}

/// Crate-internal constructors: the kind first, then the known details.
impl Error {
    pub(crate) fn new(kind: ErrorKind) -> Self {
        Self {
            inner: Box::new(Inner {
                kind,
                detail: None,
                request_id: None,
                delivered: false,
                source: None,
                received: None,
            }),
        }
    }

    pub(crate) fn request(detail: &'static str) -> Self {
        Self::new(ErrorKind::Request).with_detail(detail)
    }

    pub(crate) fn protocol(detail: &'static str) -> Self {
        Self::new(ErrorKind::Protocol).with_detail(detail)
    }

    pub(crate) fn with_detail(mut self, detail: &'static str) -> Self {
        self.inner.detail = Some(detail);
        self
    }

    pub(crate) fn with_source(
        mut self,
        source: impl Into<Box<dyn core::error::Error + Send + Sync>>,
    ) -> Self {
        self.inner.source = Some(source.into());
        self
    }

    pub(crate) fn with_api(mut self, api: Option<ApiError>) -> Self {
        let message = api.as_ref().map(ApiError::shown_message);
        let received = self.received_mut();
        received.message = message.filter(|it| !it.is_empty()).map(Into::into);
        received.api = api;
        self
    }

    /// Replaces the parameter that the server named.
    #[cfg(feature = "chat")]
    pub(crate) fn map_param(mut self, other: impl FnOnce(&str) -> String) -> Self {
        let received = self.inner.received.as_mut().map(|it| it.get_mut());
        let api = received.and_then(|received| received.api.as_mut());
        if let Some(param) = api.and_then(|api| api.param.as_mut()) {
            *param = other(param);
        }
        self
    }

    /// Replaces the source, if it has this type.
    #[cfg(feature = "chat")]
    pub(crate) fn map_source<E: core::error::Error + Send + Sync + 'static>(
        mut self,
        other: impl FnOnce(E) -> E,
    ) -> Self {
        let source = self.inner.source.take();
        self.inner.source = source.map(|source| match source.downcast() {
            Ok(source) => Box::new(other(*source)) as _,
            Err(source) => source,
        });
        self
    }

    pub(crate) fn with_request_id(mut self, request_id: Option<&str>) -> Self {
        self.inner.request_id = request_id.map(str::to_owned);
        self
    }

    pub(crate) fn with_meta(mut self, meta: ResponseMeta) -> Self {
        self.received_mut().meta = Some(meta);
        self
    }

    /// Returns the transport error that caused this one, if any.
    pub(crate) fn transport(&self) -> Option<&codex_transport::Error> {
        self.inner.source.as_deref()?.downcast_ref()
    }

    fn credentials(&self) -> Option<&codex_auth::Error> {
        self.inner.source.as_deref()?.downcast_ref()
    }

    pub(crate) fn with_partial(mut self, partial: Response) -> Self {
        self.received_mut().partial = Some(partial.into());
        self
    }

    fn received(&self) -> Option<&Received> {
        self.inner.received.as_deref().map(AnyReceived::get)
    }

    fn received_mut(&mut self) -> &mut Received {
        let received = &mut self.inner.received;
        received
            .get_or_insert_with(|| Box::<Received>::default())
            .get_mut()
    }

    pub(crate) fn after_delivery(mut self, delivered: bool) -> Self {
        self.inner.delivered = delivered;
        self
    }
}

/// A view of an error without any text from the server: its kind, status, code and the id of the
/// request.
struct Names<'a>(&'a Error);

impl fmt::Display for Names<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(error) = self;
        let inner = &*error.inner;
        match (inner.kind, inner.detail) {
            (_, Some(detail)) => f.write_str(detail)?,
            (ErrorKind::Status, None) => {
                f.write_str("server responded with status ")?;
                let status = error.status().unwrap_or_default();
                write!(f, "{}", status.as_str())?;
            }
            (kind, None) => f.write_str(kind.sentence())?,
        }
        if let Some(code) = error.code() {
            write!(f, " ({code})")?;
        }
        if let Some(request_id) = error.request_id() {
            write!(f, ", request {request_id}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Names(self))?;
        if let Some(message) = self.message() {
            write!(f, ": {message}")?;
        }
        let api = self.api();
        let (kind, param) = (
            api.and_then(ApiError::shown_kind),
            api.and_then(ApiError::shown_param),
        );
        match (kind, param) {
            (Some(kind), Some(param)) => write!(f, " (type {kind}, param {param})"),
            (Some(kind), None) => write!(f, " (type {kind})"),
            (None, Some(param)) => write!(f, " (param {param})"),
            (None, None) => Ok(()),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.kind())
            .field("side", &self.side())
            .field("detail", &self.inner.detail)
            .field("status", &self.status())
            .field("message", &self.message())
            .field("code", &self.code())
            .field("type", &self.api().and_then(ApiError::shown_kind))
            .field("param", &self.api().and_then(ApiError::shown_param))
            .field("request_id", &self.request_id())
            .field("retry_after", &self.retry_after())
            .field("has_partial", &self.partial().is_some())
            .field("source", &self.inner.source)
            .finish()
    }
}

impl core::error::Error for Error {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        let source = self.inner.source.as_deref()?;
        Some(source)
    }
}

/// The kind of an [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The request or the client cannot be built: for example, the base URL or a header is invalid.
    Request,
    /// The server does not support the call: it only has Chat Completions.
    NotOffered,
    /// The credential source returned no credentials; its error is the source.
    Credentials,
    /// The credentials must not be sent to this target, because of its host or because it is plain
    /// HTTP. [`Audience::with_host`](codex_auth::Audience::with_host) and
    /// [`Audience::with_plaintext_host`](codex_auth::Audience::with_plaintext_host) allow it.
    Withheld,
    /// The network or the peer failed below the protocol; the transport's error is the source.
    Transport,
    /// A timeout expired; the transport's error names it.
    Timeout,
    /// The status of the response is not a success; see [`Error::status`] and [`Error::api`].
    Status,
    /// The server violated the protocol or exceeded a limit. The stream has ended, unless the error
    /// is not [fatal](Error::is_fatal).
    Protocol,
    /// One event could not be decoded; the stream continues.
    Payload,
    /// The stream ended without a terminal event.
    Truncated,
    /// The response failed (`response.failed`, `error`); see [`Error::api`].
    Failed,
    /// The response ended before it was complete (`response.incomplete`); see
    /// [`Response::incomplete_details`] of the [partial response](Error::partial).
    Incomplete,
    /// The server sent the response as a document while it was still `queued` or `in_progress`. The
    /// [partial response](Error::partial) has its id and status:
    /// [`Client::retrieve`](crate::Client::retrieve) fetches it again, and
    /// [`Client::resume`](crate::Client::resume) streams it to its end.
    Pending,
    /// The model called tools in more rounds than the tool loop allows.
    Rounds,
}

impl ErrorKind {
    /// Returns the value of the attribute `error.type`.
    #[cfg(feature = "tracing")]
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::NotOffered => "not_offered",
            Self::Credentials => "credentials",
            Self::Withheld => "withheld",
            Self::Transport => "transport",
            Self::Timeout => "timeout",
            Self::Status => "status",
            Self::Protocol => "protocol",
            Self::Payload => "payload",
            Self::Truncated => "truncated",
            Self::Failed => "failed",
            Self::Incomplete => "incomplete",
            Self::Pending => "pending",
            Self::Rounds => "rounds",
        }
    }

    const fn sentence(self) -> &'static str {
        match self {
            Self::Request => "request cannot be built",
            Self::NotOffered => "server supports only Chat Completions and does not offer this",
            Self::Credentials => "no credentials for the request",
            Self::Withheld => {
                "credentials were withheld from this host; allow it with Audience::with_host, or without TLS with Audience::with_plaintext_host"
            }
            Self::Transport => "communication with the server failed",
            Self::Timeout => "timed out waiting for the server",
            Self::Status => "server responded with an error status",
            Self::Protocol => "server violated the protocol",
            Self::Payload => "event could not be decoded",
            Self::Truncated => "response ended before a terminal event",
            Self::Failed => "response failed",
            Self::Incomplete => "response is incomplete",
            Self::Pending => {
                "response is still in progress; fetch it with Client::retrieve or stream it with Client::resume"
            }
            Self::Rounds => "tool loop exceeded its maximum number of rounds",
        }
    }
}

impl Error {
    /// Returns the code of the server's error, if it is safe in a line of a log.
    pub(crate) fn code(&self) -> Option<&str> {
        self.api()?.shown_code()
    }
}

fn is_retryable_status(status: StatusCode) -> bool {
    RetryStatuses::default().permit(status.as_u16(), false)
}
