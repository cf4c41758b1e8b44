//! One attempt: a request with credentials, and the two steps of the official client after a 401.

use bytes::Bytes;
use codex_auth::{CredentialSource as _, Lease, Verdict};
use codex_transport::{Body, HttpTransport as _};
use http::{Request, Response, StatusCode};

use crate::error::Error;
use crate::failure;
use crate::observe::Attempt;
use crate::scrub::Scrub;
use crate::shared::Shared;

/// The number of times a request may still be resent with better credentials.
pub(crate) struct Renewals {
    left: u32,
}

impl Renewals {
    pub(crate) fn new() -> Self {
        Self { left: 2 }
    }

    /// Reports a 401 to the credential source and returns whether it has better credentials.
    pub(crate) async fn after(&mut self, shared: &Shared, lease: Lease) -> Result<bool, Error> {
        if self.left == 0 {
            return Ok(false);
        }
        self.left -= 1;
        match shared.credentials.rejected(lease).await {
            Ok(verdict) => Ok(verdict == Verdict::Retry),
            // The reason why there are no better credentials is more useful than the 401.
            Err(error) => Err(failure::credentials(error)),
        }
    }
}

/// Sends a request that has been resent `resends` times, and returns the response with the
/// credentials that were sent. Does not check the status of the response, except for a 401.
pub(crate) async fn send(
    shared: &Shared,
    request: Request<Bytes>,
    mut resends: u32,
) -> Result<(Response<Body>, Scrub), Error> {
    let (mut head, body) = request.into_parts();
    let mut renewals = Renewals::new();
    loop {
        let lease = shared
            .credentials
            .apply(&mut head)
            .await
            .map_err(failure::credentials)?;
        let scrub = Scrub::of(&head.headers);
        let request = Request::from_parts(head.clone(), body.clone());
        let attempt = Attempt::over_http(&head.method, &head.uri, resends);
        let response = match attempt.within(shared.transport.send(request)).await {
            Ok(response) => response,
            Err(error) => {
                let error = failure::transport(error);
                attempt.failed(&error);
                return Err(error);
            }
        };
        let (status, headers) = (response.status(), response.headers());
        attempt.answered(status);
        shared
            .credentials
            .observe(lease, &head.uri, status, headers);
        if status != StatusCode::UNAUTHORIZED || !renewals.after(shared, lease).await? {
            return Ok((response, scrub));
        }
        resends = resends.saturating_add(1);
    }
}
