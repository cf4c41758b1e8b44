// One attempt: a request with credentials on it, and the two steps of the official ladder after a 401.

use bytes::Bytes;
use codex_auth::{CredentialSource as _, Lease, Verdict};
use codex_transport::{Body, HttpTransport as _};
use http::{Request, Response, StatusCode};

use crate::error::Error;
use crate::failure;
use crate::observe::Attempt;
use crate::shared::Shared;

/// How many times a request may still be sent again with better credentials.
pub(crate) struct Renewals {
    left: u32,
}

impl Renewals {
    pub(crate) fn new() -> Self {
        Self { left: 2 }
    }

    /// Reports a 401 to the credential source; returns whether it has better credentials.
    pub(crate) async fn after(&mut self, shared: &Shared, lease: Lease) -> Result<bool, Error> {
        if self.left == 0 {
            return Ok(false);
        }
        self.left -= 1;
        match shared.credentials.rejected(lease).await {
            Ok(verdict) => Ok(verdict == Verdict::Retry),
            // The reason why no better credential could be had is more useful than the 401.
            Err(error) => Err(failure::credentials(error)),
        }
    }
}

/// Sends a request that was sent `resends` times before. The status of the response is not judged, a 401 aside.
pub(crate) async fn send(
    shared: &Shared,
    request: Request<Bytes>,
    mut resends: u32,
) -> Result<Response<Body>, Error> {
    let (mut head, body) = request.into_parts();
    let mut renewals = Renewals::new();
    loop {
        let lease = shared
            .credentials
            .apply(&mut head)
            .await
            .map_err(failure::credentials)?;
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
            return Ok(response);
        }
        resends = resends.saturating_add(1);
    }
}
