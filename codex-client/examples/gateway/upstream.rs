//! The service behind the gateway: the one that the credentials are for, or else a server in this
//! program.

use core::sync::atomic::{AtomicBool, Ordering};

use codex_client::{
    CallOptions, Client, ErrorKind, SocketSession, SocketSettings, TransportChoice,
};
use codex_transport::testing::LoopbackServer;
use codex_transport::{HyperTransport, RetryPolicy, Timeouts};
use codex_types::ReasoningSummary;
use codex_types::chat::translate::{AnswerOptions, ReasoningShown, RequestOptions};
use codex_types::profile::{Identity, Profile, RequestForm, Store};
use http::{HeaderMap, StatusCode, Uri};

use crate::arguments::{Arguments, ChatChoice, Service};
use crate::credentials::{self, chain};
use crate::embedded;
use crate::policy::Policy;
use crate::scrub::{Scrubbing, Secrets};

pub(crate) struct Upstream {
    pub(crate) number: usize,
    /// The beginning of the names of its models; empty for the first service.
    pub(crate) models: String,
    pub(crate) client: Client,
    pub(crate) profile: Profile,
    /// The base URL: everything before `/responses`.
    base_url: String,
    /// The options for translating a chat request for this service.
    pub(crate) translation: RequestOptions,
    /// The timeouts of responses that are passed through, if the operator limits them.
    pub(crate) timeouts: Option<Timeouts>,
    /// Whether chat requests are translated: by the operator's choice, or because the service
    /// turned out not to have the endpoint.
    translates_chat: AtomicBool,
    may_fall_back: bool,
    transport: TransportChoice,
    reasoning: bool,
    /// The embedded server; it stops when dropped.
    embedded: Option<LoopbackServer>,
}

impl Upstream {
    pub(crate) async fn connect(
        number: usize,
        service: &Service,
        arguments: &Arguments,
        policy: &Policy,
        secrets: &Secrets,
    ) -> Result<Self, String> {
        let named = &service.named;
        // The credentials of the environment are for the first service only.
        let is_named = named.api_key.is_some() || named.auth_file.is_some();
        let found = if service.is_first() || is_named {
            credentials::find(named)?
        } else {
            None
        };
        let embedded = if service.is_first() && found.is_none() && named.base_url.is_none() {
            Some(embedded::start(None)?)
        } else {
            None
        };
        let mut timeouts = Timeouts::default();
        if let Some(idle) = arguments.idle_timeout {
            timeouts = timeouts.with_idle(idle);
            timeouts.headers = timeouts.headers.map(|headers| headers.min(idle));
        }
        let transport = HyperTransport::builder().timeouts(timeouts).build();
        let transport = Scrubbing {
            transport: transport.map_err(|error| chain(&error))?,
            secrets: secrets.clone(),
        };
        // Every SDK retries by itself. Retrying here as well would multiply the attempts.
        let mut builder = Client::builder()
            .originator(ORIGINATOR)
            .user_agent(AGENT)
            .timeouts(timeouts)
            .retry(RetryPolicy::none())
            .fit(policy.fit())
            .websocket(transport.clone())
            .transport(transport);
        let mut base_url = named.base_url.clone();
        if let Some(server) = &embedded {
            base_url = Some(server.url("/v1"));
        }
        if let Some(base_url) = &base_url {
            builder = builder.base_url(base_url);
        }
        let mut profile = service.profile.clone();
        if let Some(found) = found {
            builder = builder.auth(found.source);
            profile = profile.or(found.profile);
        }
        if service.has_sockets && base_url.is_some() {
            let known = profile.get_or_insert_with(Profile::compatible);
            known.websocket.supported = true;
            known.websocket.continues = true;
        }
        if let Some(wire) = service.api
            && base_url.is_some()
        {
            profile.get_or_insert_with(Profile::compatible).wire = wire;
        }
        if let Some(profile) = profile {
            builder = builder.profile(profile);
        }
        let client = builder.build().map_err(|error| error.to_string())?;
        let profile = client.profile().await.map_err(|error| error.to_string())?;
        agree(&profile, arguments)?;
        let mut translation = policy.translation(&profile);
        translation.reasoning_summary = arguments.reasoning.then_some(ReasoningSummary::Auto);
        let has_chat = profile.store != Store::Never && embedded.is_none();
        let translates_chat = match service.chat {
            ChatChoice::Auto => !has_chat,
            ChatChoice::Translate => true,
            ChatChoice::Pass => false,
        };
        let base_url = base_url.or_else(|| profile.base_url.as_deref().map(str::to_owned));
        Ok(Self {
            number,
            models: service.models.clone(),
            client,
            base_url: base_url.unwrap_or_default(),
            profile,
            translation,
            timeouts: arguments.idle_timeout.map(|_| timeouts),
            translates_chat: AtomicBool::new(translates_chat),
            may_fall_back: service.chat == ChatChoice::Auto,
            transport: service.transport,
            reasoning: arguments.reasoning,
            embedded,
        })
    }

    /// Returns the name of the service, with its models.
    pub(crate) fn name(&self) -> String {
        let name = &self.profile.name;
        if self.models.is_empty() {
            name.to_string()
        } else {
            format!("{name} for {}*", self.models)
        }
    }

    /// Returns whether the service offers more than the Responses API.
    pub(crate) fn is_platform(&self) -> bool {
        self.profile.store != Store::Never
    }

    pub(crate) fn translates_chat(&self) -> bool {
        self.translates_chat.load(Ordering::Relaxed)
    }

    /// Records that the service does not have a chat endpoint. Returns whether chats are translated
    /// from now on.
    pub(crate) fn has_no_chat(&self) -> bool {
        if self.may_fall_back {
            self.translates_chat.store(true, Ordering::Relaxed);
        }
        self.may_fall_back
    }

    /// Checks the credentials and returns the result as text for the operator.
    pub(crate) async fn check(&self) -> String {
        let name = self.name();
        let address = address(&self.base_url);
        let tried = if self.is_platform() {
            self.client
                .models()
                .await
                .map(|models| format!("{} models", models.names().count()))
        } else {
            self.client.usage().await.map(|limits| {
                let plan = limits
                    .plan_type
                    .as_ref()
                    .map_or("unknown", |plan| plan.as_str());
                let windows = limits
                    .limits
                    .iter()
                    .flat_map(|limit| [limit.primary, limit.secondary]);
                let used = windows.flatten().filter_map(|window| {
                    Some(format!(
                        "{:.0} % of {} min used",
                        window.used_percent, window.window_minutes?
                    ))
                });
                let used: Vec<String> = used.collect();
                format!(
                    "plan {plan}, {}",
                    if used.is_empty() {
                        "no limits reported".to_owned()
                    } else {
                        used.join(", ")
                    }
                )
            })
        };
        match tried {
            Ok(found) => {
                format!("backend {name} at {address}: credentials accepted ({found})")
            }
            Err(error)
                if matches!(
                    error.status(),
                    Some(StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN)
                ) =>
            {
                format!(
                    "backend {name}: the service rejects the credentials of the gateway: {}",
                    chain(&error)
                )
            }
            Err(error) if error.kind() == ErrorKind::Credentials => {
                format!(
                    "backend {name}: the gateway has no usable credentials: {}",
                    chain(&error)
                )
            }
            Err(error) => format!(
                "backend {name}: the credentials could not be checked: {}",
                chain(&error)
            ),
        }
    }

    /// Prints the service in use and the terms that apply.
    pub(crate) fn introduce(&self) {
        if let Some(server) = &self.embedded {
            let address = server.address();
            eprintln!("no credentials: using an embedded server at http://{address}");
        }
        match &*self.profile.name {
            SIGN_IN_WITH_CHATGPT => {
                eprintln!("only its owner may use this plan, in apps that the owner has connected")
            }
            name if name.starts_with("chatgpt") => eprintln!(
                "this plan is for the person who signed in; the service guarantees nothing to programs other than its own clients"
            ),
            _ => {}
        }
    }

    /// Creates a session over one socket, or over HTTP if the service does not have WebSockets.
    pub(crate) fn socket_session(&self) -> SocketSession {
        let mut settings = SocketSettings::default();
        settings.transport = self.transport;
        SocketSession::new(&self.client, settings)
    }

    /// Sets whether a chat response contains reasoning, by the operator's choice.
    pub(crate) fn telling(&self, options: AnswerOptions) -> AnswerOptions {
        options.reasoning(if self.reasoning {
            ReasoningShown::TextAndItems
        } else {
            ReasoningShown::No
        })
    }
}

/// Returns a URL without its user and query, which may be secret.
fn address(url: &str) -> String {
    let Ok(url) = url.parse::<Uri>() else {
        return String::new();
    };
    let port = url
        .port()
        .map(|port| format!(":{port}"))
        .unwrap_or_default();
    let (scheme, host) = (
        url.scheme_str().unwrap_or_default(),
        url.host().unwrap_or_default(),
    );
    format!("{scheme}://{host}{port}{}", url.path())
}

/// Returns the options in a client's headers that belong to its request rather than to the client:
/// the conversation, the turn, the form of the body, and the id of the request. The profile decides
/// which of them the service receives.
pub(crate) fn call_options(headers: &HeaderMap) -> CallOptions {
    let text = |name: &str| headers.get(name)?.to_str().ok().map(str::to_owned);
    let mut identity = Identity::new();
    identity.session_id = text("session-id").or_else(|| text("session_id"));
    identity.thread_id = text("thread-id").or_else(|| text("thread_id"));
    identity.request_id = text("x-client-request-id");
    identity.organization = text("openai-organization");
    identity.project = text("openai-project");
    identity.client_version = text("version");
    identity.turn_state = text("x-codex-turn-state");
    identity.turn_metadata = text("x-codex-turn-metadata");
    identity.window_id = text("x-codex-window-id");
    identity.installation_id = text("x-codex-installation-id");
    identity.beta_features = text("x-codex-beta-features");
    let mut options = CallOptions::new().identity(identity);
    if text(LITE).is_some_and(|value| value.eq_ignore_ascii_case("true")) {
        options = options.form(RequestForm::Lite);
    }
    for name in ["idempotency-key", "openai-beta"] {
        if let Some(value) = text(name) {
            options = options.header(name, value);
        }
    }
    options
}

/// Checks that the operator has confirmed the terms of "Sign in with ChatGPT" with the flag, since
/// they leave a gateway very few permitted uses.
fn agree(profile: &Profile, arguments: &Arguments) -> Result<(), String> {
    if profile.name != SIGN_IN_WITH_CHATGPT {
        return Ok(());
    }
    if !arguments.own_apps_only {
        return Err(REFUSAL.to_owned());
    }
    if arguments.other_machines || arguments.bearers.len() > 1 {
        return Err(
            "a \"Sign in with ChatGPT\" account serves one person on one machine: --allow-other-machines and a second --bearer cannot be used with it"
                .to_owned(),
        );
    }
    Ok(())
}

/// The header that announces a Responses Lite body.
const LITE: &str = "x-openai-internal-codex-responses-lite";

/// The gateway's own name: it does not claim to be its client program or another client.
const ORIGINATOR: &str = "codex-client-rs-gateway";
const AGENT: &str = concat!("codex-client-rs-gateway/", env!("CARGO_PKG_VERSION"));

const SIGN_IN_WITH_CHATGPT: &str = "sign-in-with-chatgpt";

const REFUSAL: &str = "the terms of \"Sign in with ChatGPT\" make a plan usable only by its owner, in apps that the owner has connected, and rule \
                       out a general-purpose API for other tools; if this gateway serves only you, in your own connected apps, confirm this with \
                       --only-for-my-own-connected-apps";
