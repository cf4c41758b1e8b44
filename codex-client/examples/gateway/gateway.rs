//! The state that all requests share.

use core::convert::Infallible;
use std::sync::Arc;

use tokio::sync::{mpsc, watch};

use crate::arguments::Limits;
use crate::guard::Guard;
use crate::journal::Journal;
use crate::policy::Policy;
use crate::services::Services;
use crate::state::Memory;

/// The state of the gateway. Every running task holds it, so that the gateway notices when the last
/// one has ended.
pub(crate) struct Gateway {
    pub(crate) services: Services,
    pub(crate) guard: Guard,
    pub(crate) policy: Policy,
    pub(crate) journal: Arc<Journal>,
    /// The responses of requests over HTTP, if the gateway keeps them.
    pub(crate) memory: Option<Memory>,
    pub(crate) open_metrics: bool,
    pub(crate) limits: Limits,
    /// Becomes true when the gateway is asked to stop.
    pub(crate) stopping: watch::Receiver<bool>,
    pub(crate) _running: mpsc::Sender<Infallible>,
}
