//! The state that all calls of a client share: settings, credentials and transports, and the
//! records of hosts, models and limits.

#[cfg(feature = "sockets")]
pub(crate) mod avoided;
pub(crate) mod failed;
pub(crate) mod found;
pub(crate) mod limits;
#[cfg(test)]
mod limits_tests;
pub(crate) mod models;

use std::sync::{PoisonError, RwLock};

use codex_auth::SharedCredentialSource;
use codex_sse::Limits;
use codex_transport::{RetryPolicy, SharedTimer, SharedTransport, Timeouts};
use codex_types::ModelCatalog;
use codex_types::model_name::ModelTable;
use codex_types::profile::{FitPolicy, Identity, Profile, RequestForm, Wire};
use http::HeaderMap;

use crate::error::Error;
use crate::target::{Endpoint, Target};

/// The state behind a [`Client`](crate::Client) and its clones.
pub(crate) struct Shared {
    pub(crate) endpoint: Endpoint,
    pub(crate) credentials: SharedCredentialSource,
    pub(crate) transport: SharedTransport,
    #[cfg(feature = "sockets")]
    pub(crate) websocket: Option<codex_transport::SharedWsTransport>,
    #[cfg(feature = "sockets")]
    pub(crate) avoided: avoided::AvoidedHosts,
    pub(crate) timer: SharedTimer,
    pub(crate) timeouts: Timeouts,
    pub(crate) limits: Limits,
    pub(crate) retry: RetryPolicy,
    /// Whether the client resends a request after its own timeout.
    pub(crate) resends_after_timeout: bool,
    pub(crate) fit: FitPolicy,
    pub(crate) identity: Identity,
    pub(crate) headers: HeaderMap,
    pub(crate) models: models::ModelCache,
    /// The known models; the backend's list updates the table.
    pub(crate) model_table: RwLock<ModelTable>,
    pub(crate) limits_known: limits::KnownLimits,
    pub(crate) last_failure: failed::LastFailure,
    /// The known facts about the API of the server.
    pub(crate) found: found::FoundWire,
}

impl Shared {
    /// Returns the backend that requests go to.
    pub(crate) async fn target(&self) -> Result<Target, Error> {
        self.endpoint.target(&self.credentials).await
    }

    /// Returns whether requests to this server use Chat Completions, as far as is known.
    pub(crate) fn speaks_chat(&self, target: &Target) -> bool {
        match target.profile.wire {
            Wire::ChatCompletions => true,
            Wire::Discover => cfg!(feature = "chat") && self.found.is_chat(),
            _ => false,
        }
    }

    /// Returns whether the server may still turn out to have only Chat Completions.
    pub(crate) fn discovers(&self, target: &Target) -> bool {
        cfg!(feature = "chat") && target.profile.wire == Wire::Discover && !self.found.is_chat()
    }

    /// Returns the form of requests for this model, if neither the call nor the policy chooses one.
    pub(crate) fn form_for(&self, profile: &Profile, model: &str) -> RequestForm {
        let table = self.model_table.read();
        profile.form_for(model, &table.unwrap_or_else(PoisonError::into_inner))
    }

    /// Returns whether this model takes breakpoints of the prompt cache; `None` if unknown.
    pub(crate) fn takes_breakpoints(&self, model: &str) -> Option<bool> {
        let table = self.model_table.read();
        let table = table.unwrap_or_else(PoisonError::into_inner);
        table.get(model)?.cache_breakpoints
    }

    /// Merges the backend's catalog of models.
    pub(crate) fn learn(&self, catalog: &ModelCatalog) {
        let table = self.model_table.write();
        table
            .unwrap_or_else(PoisonError::into_inner)
            .update(catalog);
    }
}

/// The name of this library, and its version.
pub(crate) const NAME: &str = "codex-client-rs";
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");
#[cfg(feature = "login")]
pub(crate) const AGENT: &str = concat!("codex-client-rs/", env!("CARGO_PKG_VERSION"));
