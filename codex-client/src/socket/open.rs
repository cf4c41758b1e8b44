//! Opening a socket, and the open socket with the state that belongs to this one connection.

use core::task::{Context, Poll, Waker};

use codex_auth::{CredentialSource as _, Lease};
use codex_transport::{Body, Instant, Timer as _, Upgrade, WsConnection, WsTransport as _};
use codex_types::profile::Channel;
use http::Request;

use crate::error::Error;
use crate::failure;
use crate::meta::ResponseMeta;
use crate::scrub::Scrub;

use super::chain::Chain;
use super::count::add;
use super::decide::{self, Next};
use super::plan::Plan;

/// An open socket.
pub(super) struct Open {
    pub(super) socket: WsConnection,
    pub(super) meta: ResponseMeta,
    /// The credentials that opened the socket.
    pub(super) lease: Lease,
    /// Removes the credentials of the upgrade from the server's messages.
    pub(super) scrub: Scrub,
    pub(super) opened: Instant,
    /// The server's state on this connection. It is not valid on another one.
    pub(super) chain: Option<Chain>,
    /// The id of the previous response, of which late messages may still arrive.
    pub(super) last_response: Option<String>,
}

/// An error before the first event, and the decision on what to try next.
pub(super) struct StartFailure {
    pub(super) next: Next,
    pub(super) error: Error,
    /// The credentials at fault, if any.
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
    /// Sends one upgrade request.
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
        let scrub = Scrub::of(&signed.headers);
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
        let mut meta = ResponseMeta::read(status, headers);
        meta.scrub(&scrub);
        plan.observer.head(&meta);
        match answer {
            Upgrade::Accepted(socket, _) => {
                add(&plan.counters.connections, 1);
                Ok(Self {
                    socket,
                    meta,
                    scrub,
                    lease,
                    opened: shared.timer.now(),
                    chain: None,
                    last_response: None,
                })
            }
            Upgrade::Refused(answer) => {
                let error = failure::status(meta, Body::from(answer.into_body()), &scrub).await;
                let api = error.api().cloned().unwrap_or_default();
                Err(StartFailure {
                    next: decide::after_refusal(status.as_u16(), &api),
                    error,
                    lease: Some(lease),
                })
            }
        }
    }

    /// Returns whether the socket can carry another turn: it is young enough and still open. Reads
    /// and drops messages that belong to the previous turn.
    pub(super) fn is_usable(&mut self, plan: &Plan) -> bool {
        if let Some(minutes) = plan.prepared.target.profile.websocket.lifetime_minutes {
            let life = core::time::Duration::from_secs(u64::from(minutes) * 60);
            let now = plan.shared.timer.now();
            let age = now.saturating_duration_since(self.opened);
            if age >= life.saturating_sub(plan.settings.renew_before) {
                return false;
            }
        }
        // A no-op waker is enough, because no task waits for this poll. A server that never stops
        // sending makes the socket unusable as well.
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

/// Returns the upgrade request, without credentials.
fn upgrade(plan: &Plan) -> Result<Request<()>, Error> {
    let mut request = Request::new(());
    request.uri_mut().clone_from(&plan.target);
    *request.headers_mut() = plan.prepared.headers(Channel::WebSocket)?;
    request.extensions_mut().insert(plan.prepared.timeouts);
    Ok(request)
}

/// More late messages than this are a fault of the server, not the end of a response.
const MAX_LEFT_OVER: usize = 64;
const NO_TRANSPORT: &str =
    "no WebSocket transport: set one, or enable the features `http` and `ws`";
