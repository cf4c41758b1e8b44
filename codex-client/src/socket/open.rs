// Opening a socket, and the open socket with everything that is only true of this one connection.

use core::task::{Context, Poll, Waker};
use std::time::Instant;

use codex_auth::{CredentialSource as _, Lease};
use codex_transport::{Body, Timer as _, Upgrade, WsConnection, WsTransport as _};
use codex_types::profile::Channel;
use http::Request;

use crate::error::Error;
use crate::failure;
use crate::meta::ResponseMeta;

use super::chain::Chain;
use super::count::add;
use super::decide::{self, Next};
use super::plan::Plan;

/// An open socket.
pub(super) struct Open {
    pub(super) socket: WsConnection,
    pub(super) meta: ResponseMeta,
    /// The credential that opened it.
    pub(super) lease: Lease,
    pub(super) opened: Instant,
    /// What the server remembers here. It is true of no other connection.
    pub(super) chain: Option<Chain>,
    /// The response before, of which something may still come.
    pub(super) last_response: Option<String>,
}

/// Why there is no socket with a first event, and what to do next.
pub(super) struct StartFailure {
    pub(super) next: Next,
    pub(super) error: Error,
    /// The credential at fault, if it is one.
    pub(super) lease: Option<Lease>,
}

impl StartFailure {
    pub(super) fn new(next: Next, error: Error) -> Self {
        Self {
            next,
            error,
            lease: None,
        }
    }

    pub(super) fn stop(error: Error) -> Self {
        Self::new(Next::Stop, error)
    }
}

impl Open {
    /// Asks for an upgrade, once.
    pub(super) async fn connect(plan: &Plan) -> Result<Self, StartFailure> {
        let shared = &plan.shared;
        let Some(transport) = &shared.websocket else {
            return Err(StartFailure::stop(Error::request(NO_TRANSPORT)));
        };
        let (head, ()) = upgrade(plan).map_err(StartFailure::stop)?.into_parts();
        let mut signed = head.clone();
        let lease = shared
            .credentials
            .apply(&mut signed)
            .await
            .map_err(|error| StartFailure::stop(failure::credentials(error)))?;
        let answer = transport
            .connect(Request::from_parts(signed, ()))
            .await
            .map_err(|error| {
                StartFailure::new(
                    decide::after_failed_connect(error.kind()),
                    failure::transport(error),
                )
            })?;
        let (status, headers) = match &answer {
            Upgrade::Accepted(_, head) => (head.status(), head.headers()),
            Upgrade::Refused(answer) => (answer.status(), answer.headers()),
        };
        shared
            .credentials
            .observe(lease, &head.uri, status, headers);
        let meta = ResponseMeta::read(status, headers);
        plan.observer.head(&meta);
        match answer {
            Upgrade::Accepted(socket, _) => {
                add(&plan.counters.connections, 1);
                Ok(Self {
                    socket,
                    meta,
                    lease,
                    opened: shared.timer.now(),
                    chain: None,
                    last_response: None,
                })
            }
            Upgrade::Refused(answer) => {
                let error = failure::status(meta, Body::from(answer.into_body())).await;
                let api = error.api().cloned().unwrap_or_default();
                Err(StartFailure {
                    next: decide::after_refusal(status.as_u16(), &api),
                    error,
                    lease: Some(lease),
                })
            }
        }
    }

    /// Whether the socket can carry another turn: it is young enough, and nothing has happened to it. Takes in whatever still belonged to
    /// the turn before.
    pub(super) fn is_usable(&mut self, plan: &Plan) -> bool {
        if let Some(minutes) = plan.prepared.target.profile.websocket.lifetime_minutes {
            let life = core::time::Duration::from_secs(u64::from(minutes) * 60);
            let now = plan.shared.timer.now();
            let age = now.saturating_duration_since(self.opened);
            if age >= life.saturating_sub(plan.settings.renew_before) {
                return false;
            }
        }
        // Nobody waits for this look, so nobody needs to be woken. A server that never stops sending is not quiet either.
        let mut context = Context::from_waker(Waker::noop());
        for _ in 0..MAX_LEFT_OVER {
            match self.socket.poll_next(&mut context) {
                Poll::Pending => return true,
                Poll::Ready(Some(Ok(_))) => {}
                Poll::Ready(_) => return false,
            }
        }
        false
    }
}

/// The request for an upgrade, without credentials.
fn upgrade(plan: &Plan) -> Result<Request<()>, Error> {
    let mut request = Request::new(());
    request.uri_mut().clone_from(&plan.target);
    *request.headers_mut() = plan.prepared.headers(Channel::WebSocket)?;
    request.extensions_mut().insert(plan.prepared.timeouts);
    Ok(request)
}

/// More messages than these are not the end of a response but a fault.
const MAX_LEFT_OVER: usize = 64;
const NO_TRANSPORT: &str =
    "there is no transport for WebSockets: set one, or turn on the features `http` and `ws`";
