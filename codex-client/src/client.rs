// The client is a handle on what its calls share: no state of a conversation lives here, so that one value serves a whole program. Its methods
// stand in the modules of what they do.

use core::fmt;
use std::sync::Arc;

use bytes::Bytes;
use codex_transport::Body;
use codex_types::profile::Profile;
use http::{Request, Uri};

use crate::attempt;
use crate::error::Error;
use crate::shared::Shared;

/// A client for one Responses API.
///
/// Cloning is cheap and shares everything, connections included. Created by [`Client::builder`].
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
}

impl Client {
    pub(crate) fn new(shared: Shared) -> Self {
        Self {
            shared: Arc::new(shared),
        }
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Sends any request with this client's credentials, and sends it again after a 401 as long as the credential source has better ones.
    ///
    /// For endpoints that have no method here. The status is not judged, and no other header is added.
    ///
    /// # Errors
    ///
    /// [`Credentials`](crate::ErrorKind::Credentials), [`Transport`](crate::ErrorKind::Transport) and
    /// [`Timeout`](crate::ErrorKind::Timeout).
    pub async fn execute(&self, request: Request<Bytes>) -> Result<http::Response<Body>, Error> {
        attempt::send(&self.shared, request, 0).await
    }

    /// Returns the profile of the backend: the one given to the builder, or the one that the credentials are for.
    ///
    /// For callers that make requests from something else, such as a Chat Completions request, and need to know what the backend takes.
    ///
    /// ```
    /// # use codex_client::Client;
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// let client = Client::builder().base_url("http://127.0.0.1:11434/v1").build()?;
    /// assert_eq!(client.profile().await?.name, "compatible"); // nothing is sent to the server
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Credentials`](crate::ErrorKind::Credentials) when the credentials decide and there are none.
    pub async fn profile(&self) -> Result<Profile, Error> {
        Ok((*self.shared.target().await?.profile).clone())
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let target = self.shared.endpoint.known();
        f.debug_struct("Client")
            .field("profile", &target.map(|target| &target.profile.name))
            .field("host", &target.and_then(|target| Uri::host(&target.base)))
            .field("timeouts", &self.shared.timeouts)
            .finish_non_exhaustive()
    }
}
