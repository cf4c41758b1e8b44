//! The client: a handle on the state that its calls share. It holds no state of a conversation, so
//! one value serves a whole program. Most of its methods are defined in `calls`.

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
/// Cloning is cheap: all clones share one state, connections included. [`Client::builder`] creates
/// a client.
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

    /// Sends any request with this client's credentials, and resends it after a 401 while the
    /// credential source has better ones.
    ///
    /// Use it for endpoints that have no method here. The client does not check the status and adds
    /// no other header.
    ///
    /// # Errors
    ///
    /// Returns [`Credentials`](crate::ErrorKind::Credentials) when there are none to send, and
    /// [`Transport`](crate::ErrorKind::Transport) or [`Timeout`](crate::ErrorKind::Timeout) when no
    /// response arrived.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future, or later the body, cancels the request. The server may process it
    /// nevertheless.
    pub async fn execute(&self, request: Request<Bytes>) -> Result<http::Response<Body>, Error> {
        let (response, _) = attempt::send(&self.shared, request, 0).await?;
        Ok(response)
    }

    /// Returns the profile of the backend: the one given to the builder, or the one that matches
    /// the credentials.
    ///
    /// Use it to build requests from another format, such as a Chat Completions request, for what
    /// this backend accepts.
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
    /// Returns [`Credentials`](crate::ErrorKind::Credentials) when the credentials select the
    /// profile and there are none.
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
