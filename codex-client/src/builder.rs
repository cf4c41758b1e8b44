//! The builder of a client. `build` checks every setting, so that an invalid one fails there and
//! not with the first request.

use core::fmt;
use std::sync::RwLock;

use codex_auth::{Anonymous, CredentialSource, SharedCredentialSource};
use codex_sse::Limits;
use codex_transport::{HttpTransport, RetryPolicy, SharedTimer, SharedTransport, Timeouts, Timer};
#[cfg(feature = "sockets")]
use codex_transport::{SharedWsTransport, WsTransport};
use codex_types::model_name::ModelTable;
use codex_types::profile::{FitPolicy, Identity, Profile};
use http::HeaderMap;

use crate::built_in;
use crate::client::Client;
use crate::error::Error;
use crate::request::header;
use crate::shared::{NAME, Shared};
use crate::target::Endpoint;

/// A builder for a [`Client`]. Every setting has a default; most programs set only credentials.
///
/// ```
/// use codex_auth::ApiKey;
/// use codex_client::Client;
///
/// let client = Client::builder()
///     .auth(ApiKey::new("sk-invented")?)
///     .build()?;
/// # let _ = client;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub struct ClientBuilder {
    base_url: Option<String>,
    profile: Option<Profile>,
    credentials: SharedCredentialSource,
    transport: Option<SharedTransport>,
    #[cfg(feature = "sockets")]
    websocket: Option<SharedWsTransport>,
    timer: Option<SharedTimer>,
    timeouts: Timeouts,
    limits: Limits,
    retry: RetryPolicy,
    resends_after_timeout: bool,
    fit: FitPolicy,
    identity: Identity,
    model_table: ModelTable,
    headers: Vec<(String, String)>,
}

impl Client {
    /// Creates a builder for a client of the backend that its credentials belong to.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::new()
    }
}

impl ClientBuilder {
    fn new() -> Self {
        Self {
            base_url: None,
            profile: None,
            credentials: SharedCredentialSource::new(Anonymous::new()),
            transport: None,
            #[cfg(feature = "sockets")]
            websocket: None,
            timer: None,
            timeouts: Timeouts::default(),
            limits: Limits::default(),
            retry: RetryPolicy::default(),
            resends_after_timeout: false,
            fit: FitPolicy::new(),
            identity: Identity::new().originator(NAME),
            model_table: ModelTable::new(),
            headers: Vec::new(),
        }
    }

    /// Sets the base URL of the API: everything before `/responses`, such as
    /// `https://api.openai.com/v1`.
    ///
    /// A trailing slash does not matter, and a query is kept. The default comes from the
    /// [profile](Self::profile).
    pub fn base_url(mut self, base_url: impl Into<String>) -> Self {
        self.base_url = Some(base_url.into());
        self
    }

    /// Sets the profile: the rules of the backend for requests and headers.
    ///
    /// By default the profile follows from the host of the [base URL](Self::base_url) or, without
    /// one, from the kind of credential: a credential that names a ChatGPT account, or must not go
    /// to any other host, selects the ChatGPT backend, and any other credential the platform API.
    /// An access token of "Sign in with ChatGPT" looks like the latter and needs [its
    /// profile](Profile::sign_in_with_chatgpt).
    ///
    /// ```
    /// use codex_client::Client;
    /// use codex_client::types::profile::Profile;
    ///
    /// let client = Client::builder().profile(Profile::sign_in_with_chatgpt()).build()?;
    /// # let _ = client;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn profile(mut self, profile: Profile) -> Self {
        self.profile = Some(profile);
        self
    }

    /// Sets the source of credentials. Without one, requests carry no credentials.
    pub fn auth(mut self, source: impl CredentialSource + 'static) -> Self {
        self.credentials = SharedCredentialSource::new(source);
        self
    }

    /// Sets the transport for HTTP requests, instead of the built-in one.
    pub fn transport(mut self, transport: impl HttpTransport + 'static) -> Self {
        self.transport = Some(SharedTransport::new(transport));
        self
    }

    /// Sets the transport that opens WebSockets, instead of the built-in one.
    ///
    /// If only [`transport`](Self::transport) is set, the client opens no WebSockets, because they
    /// would bypass that transport.
    #[cfg(feature = "sockets")]
    pub fn websocket(mut self, transport: impl WsTransport + 'static) -> Self {
        self.websocket = Some(SharedWsTransport::new(transport));
        self
    }

    /// Sets the source of delays and of the current time, instead of the tokio runtime.
    pub fn timer(mut self, timer: impl Timer + 'static) -> Self {
        self.timer = Some(SharedTimer::new(timer));
        self
    }

    /// Limits how long each part of an exchange may take; see [`Timeouts`] for the defaults and
    /// their reasons.
    pub fn timeouts(mut self, timeouts: Timeouts) -> Self {
        self.timeouts = timeouts;
        self
    }

    /// Limits the size of a line and of an event of the stream; see [`Limits`].
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets the policy for resending requests; see [`RetryPolicy`] for the default.
    ///
    /// The client never resends a request after the caller has received a part of its response.
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.retry = policy;
        self
    }

    /// Sets whether the client resends a request after one of its own [`timeouts`](Self::timeouts)
    /// has ended an attempt that was sent.
    ///
    /// By default the client does not: the server may still be working on the request, and bills
    /// each copy.
    pub fn resend_after_timeout(mut self, resend: bool) -> Self {
        self.resends_after_timeout = resend;
        self
    }

    /// Sets the policy for parts of a request that the backend does not accept.
    ///
    /// By default the client makes and reports changes that keep the meaning, and returns an error
    /// for changes that would lose something.
    pub fn fit(mut self, policy: FitPolicy) -> Self {
        self.fit = policy;
        self
    }

    /// Sets the name of the program (`originator`, for backends that expect it), instead of the
    /// name of this library.
    pub fn originator(mut self, name: impl Into<String>) -> Self {
        self.identity.originator = Some(name.into());
        self
    }

    /// Sets the name and version of the program (`user-agent`), instead of the name of this library
    /// and the version that the profile has for it; see [`Profile::user_agent`].
    pub fn user_agent(mut self, agent: impl Into<String>) -> Self {
        self.identity.user_agent = Some(agent.into());
        self
    }

    /// Sets the version that the client reports (header `version`, query `client_version`), instead
    /// of the one in the profile; see [`Profile::client_version`].
    ///
    /// [`Profile::client_version`]: field@Profile::client_version
    pub fn client_version(mut self, version: impl Into<String>) -> Self {
        self.identity.client_version = Some(version.into());
        self
    }

    /// Sets the table of known models, instead of the built-in one.
    ///
    /// The profile may choose the form of a request by it. [`Client::models`] updates the table
    /// when it fetches a catalog.
    pub fn model_table(mut self, table: ModelTable) -> Self {
        self.model_table = table;
        self
    }

    /// Adds a header to every request.
    ///
    /// It replaces a header of the same name that was set before or is sent by default.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Creates the client, without connecting.
    ///
    /// # Errors
    ///
    /// Returns [`Request`](crate::ErrorKind::Request) when the base URL or a header is invalid, or
    /// when there is neither a transport nor the feature `http` or `web`, and
    /// [`Transport`](crate::ErrorKind::Transport) when the built-in transport cannot be set up.
    pub fn build(self) -> Result<Client, Error> {
        let endpoint = Endpoint::new(self.base_url.as_deref(), self.profile)?;
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            let (name, value) = header(name, value)?;
            headers.insert(name, value);
        }
        let Identity {
            originator,
            user_agent,
            client_version,
            ..
        } = &self.identity;
        for text in [originator, user_agent, client_version]
            .into_iter()
            .flatten()
        {
            header("user-agent", text)?;
        }
        #[cfg(feature = "sockets")]
        let mut websocket = self.websocket;
        let transport = match self.transport {
            Some(transport) => transport,
            None => {
                let built_in = built_in::transports(self.timeouts)?;
                #[cfg(feature = "sockets")]
                {
                    websocket = websocket.or(built_in.websocket);
                }
                built_in.http
            }
        };
        Ok(Client::new(Shared {
            endpoint,
            credentials: self.credentials,
            transport,
            #[cfg(feature = "sockets")]
            websocket,
            #[cfg(feature = "sockets")]
            avoided: Default::default(),
            timer: match self.timer {
                Some(timer) => timer,
                None => built_in::timer()?,
            },
            timeouts: self.timeouts,
            limits: self.limits,
            retry: self.retry,
            resends_after_timeout: self.resends_after_timeout,
            fit: self.fit,
            identity: self.identity,
            headers,
            models: Default::default(),
            model_table: RwLock::new(self.model_table),
            limits_known: Default::default(),
            last_failure: Default::default(),
            found: Default::default(),
        }))
    }
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Leave out the base URL and the headers: they may hold secrets.
        f.debug_struct("ClientBuilder")
            .field("timeouts", &self.timeouts)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}
