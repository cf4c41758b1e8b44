// The service behind the gateway: whichever one there are credentials for, or else a server in this program.

use codex_client::{CallOptions, Client, SocketSession, SocketSettings, TransportChoice};
use codex_transport::testing::LoopbackServer;
use codex_transport::{RetryPolicy, Timeouts};
use codex_types::ReasoningSummary;
use codex_types::chat::translate::{AnswerOptions, ReasoningShown, RequestOptions};
use codex_types::profile::{FitPolicy, Identity, OnFinding, Profile};
use http::HeaderMap;

use crate::arguments::Arguments;
use crate::credentials;
use crate::embedded;

pub(crate) struct Upstream {
    pub(crate) client: Client,
    pub(crate) profile: Profile,
    /// Everything before `/responses`.
    pub(crate) base_url: String,
    /// How a chat request becomes one for this service.
    pub(crate) translation: RequestOptions,
    transport: TransportChoice,
    reasoning: bool,
    /// Runs until this is dropped.
    embedded: Option<LoopbackServer>,
}

impl Upstream {
    pub(crate) async fn connect(arguments: &Arguments) -> Result<Self, String> {
        let found = credentials::find(&arguments.named)?;
        let embedded = if found.is_none() && arguments.named.base_url.is_none() {
            Some(embedded::start(None)?)
        } else {
            None
        };
        let mut timeouts = Timeouts::default();
        if let Some(idle) = arguments.idle_timeout {
            timeouts = timeouts.with_idle(idle);
            timeouts.headers = timeouts.headers.map(|headers| headers.min(idle));
        }
        // Every SDK repeats requests by itself. Were they repeated here as well, the attempts would multiply.
        let mut builder = Client::builder()
            .originator(ORIGINATOR)
            .user_agent(AGENT)
            .timeouts(timeouts)
            .retry(RetryPolicy::none());
        let fit = if arguments.lenient {
            FitPolicy::always(OnFinding::Strip)
        } else {
            FitPolicy::new()
        };
        builder = builder.fit(fit);
        let mut base_url = arguments.named.base_url.clone();
        if let Some(server) = &embedded {
            base_url = Some(server.url("/v1"));
        }
        if let Some(base_url) = &base_url {
            builder = builder.base_url(base_url);
        }
        let mut profile = arguments.profile.clone();
        if let Some(found) = found {
            builder = builder.auth(found.source);
            profile = profile.or(found.profile);
        }
        if let Some(profile) = profile {
            builder = builder.profile(profile);
        }
        let client = builder.build().map_err(|error| error.to_string())?;
        let profile = client.profile().await.map_err(|error| error.to_string())?;
        agree(&profile, arguments)?;
        let mut translation = RequestOptions::for_profile(&profile);
        translation.lenient = arguments.lenient;
        translation.reasoning_summary = arguments.reasoning.then_some(ReasoningSummary::Auto);
        let base_url = base_url.or_else(|| Some(profile.base_url.as_deref()?.to_owned()));
        Ok(Self {
            client,
            profile,
            base_url: base_url.unwrap_or_default(),
            translation,
            transport: arguments.transport,
            reasoning: arguments.reasoning,
            embedded,
        })
    }

    /// Says whom the answers come from, and on what conditions.
    pub(crate) fn introduce(&self) {
        if let Some(server) = &self.embedded {
            let address = server.address();
            eprintln!("no credentials: answered by an embedded server at http://{address}");
        }
        match &*self.profile.name {
            SIGN_IN_WITH_CHATGPT => eprintln!(
                "this plan may be spent by its owner alone, in apps that the owner has connected"
            ),
            name if name.starts_with("chatgpt") => eprintln!(
                "this plan is for the one person who signed in; the service promises nothing to programs other than its own clients"
            ),
            _ => {}
        }
    }

    /// One conversation over one socket, or over HTTP where the service has none.
    pub(crate) fn socket_session(&self) -> SocketSession {
        let mut settings = SocketSettings::default();
        settings.transport = self.transport;
        SocketSession::new(&self.client, settings)
    }

    /// How the answer to a chat is told.
    pub(crate) fn telling(&self, options: AnswerOptions) -> AnswerOptions {
        options.reasoning(if self.reasoning {
            ReasoningShown::TextAndItems
        } else {
            ReasoningShown::No
        })
    }
}

/// What a client says in headers about its request rather than about itself: the conversation, and the name of the request.
pub(crate) fn call_options(headers: &HeaderMap) -> CallOptions {
    let text = |name: &str| headers.get(name)?.to_str().ok().map(str::to_owned);
    let mut identity = Identity::new();
    identity.session_id = text("session-id").or_else(|| text("session_id"));
    identity.thread_id = text("thread-id").or_else(|| text("thread_id"));
    identity.request_id = text("x-client-request-id");
    let mut options = CallOptions::new().identity(identity);
    for name in ["idempotency-key", "openai-beta"] {
        if let Some(value) = text(name) {
            options = options.header(name, value);
        }
    }
    options
}

/// The terms of "Sign in with ChatGPT" leave a gateway next to nothing; whoever wants that little has to say so.
fn agree(profile: &Profile, arguments: &Arguments) -> Result<(), String> {
    if profile.name != SIGN_IN_WITH_CHATGPT {
        return Ok(());
    }
    if !arguments.own_apps_only {
        return Err(REFUSAL.to_owned());
    }
    if arguments.other_machines || arguments.bearers.len() > 1 {
        return Err(
            "a \"Sign in with ChatGPT\" account serves one person on one machine: --allow-other-machines and a second --bearer do not go with it"
                .to_owned(),
        );
    }
    Ok(())
}

/// The gateway's own name: it does not pass for the program behind it, nor for another client.
pub(crate) const ORIGINATOR: &str = "codex-client-rs-gateway";
pub(crate) const AGENT: &str = concat!("codex-client-rs-gateway/", env!("CARGO_PKG_VERSION"));

const SIGN_IN_WITH_CHATGPT: &str = "sign-in-with-chatgpt";

const REFUSAL: &str = "the terms of \"Sign in with ChatGPT\" let a plan be spent only by its owner, in apps that the owner has connected, and rule out \
                       a general-purpose API for other tools; if this gateway serves nobody but yourself in your own connected apps, say so with \
                       --only-for-my-own-connected-apps";
