//! What all calls of a client share: its settings, the credentials and the transport, and what is remembered of hosts, models and limits.

#[cfg(feature = "ws")]
pub(crate) mod avoided;
pub(crate) mod failed;
pub(crate) mod limits;
pub(crate) mod models;

use codex_auth::BoxCredentialSource;
use codex_sse::Limits;
use codex_transport::{BoxTimer, BoxTransport, RetryPolicy, Timeouts};
use codex_types::profile::{FitPolicy, Identity};
use http::HeaderMap;

use crate::error::Error;
use crate::target::{Endpoint, Target};

/// The state behind a [`Client`](crate::Client) and its clones.
pub(crate) struct Shared {
    pub(crate) endpoint: Endpoint,
    pub(crate) credentials: BoxCredentialSource,
    pub(crate) transport: BoxTransport,
    #[cfg(feature = "ws")]
    pub(crate) websocket: Option<codex_transport::BoxWsTransport>,
    #[cfg(feature = "ws")]
    pub(crate) avoided: avoided::AvoidedHosts,
    pub(crate) timer: BoxTimer,
    pub(crate) timeouts: Timeouts,
    pub(crate) limits: Limits,
    pub(crate) retry: RetryPolicy,
    pub(crate) fit: FitPolicy,
    pub(crate) identity: Identity,
    pub(crate) headers: HeaderMap,
    pub(crate) models: models::ModelCache,
    pub(crate) limits_known: limits::KnownLimits,
    pub(crate) last_failure: failed::LastFailure,
}

impl Shared {
    /// Returns the backend that requests go to.
    pub(crate) async fn target(&self) -> Result<Target, Error> {
        self.endpoint.target(&self.credentials).await
    }
}

/// The name and version of this library.
pub(crate) const AGENT: &str = concat!("codex-client-rs/", env!("CARGO_PKG_VERSION"));
