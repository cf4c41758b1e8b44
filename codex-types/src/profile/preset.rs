//! The profiles of the known backends.

use alloc::vec;
use alloc::vec::Vec;

use crate::profile::lite::{self, PASSTHROUGH};
use crate::profile::{
    Channel, ChatDialect, Choices, Compression, Content, Header, IdReplay, Instructions, LiteUse,
    Models, Parameters, Profile, Replay, Source, StatusReplay, Store, Streamed, WarmUp, WebSocket,
    Wire,
};
use crate::{Effort, Include, ServiceTier, Verbosity};

impl Profile {
    /// Returns the profile of the public API at `api.openai.com` with an API key, as of 2026-11-28:
    /// everything documented is accepted, and so are the official client's notes on items.
    pub fn platform() -> Self {
        Self {
            as_of: Some("2026-11-28".into()),
            base_url: Some("https://api.openai.com/v1".into()),
            parameters: Parameters::known(PLATFORM_PARAMETERS.iter().copied())
                .on_websocket(WEBSOCKET_PARAMETERS.iter().copied()),
            content_provenance: true,
            headers: vec![
                Header::new("openai-organization", Source::Organization),
                Header::new("openai-project", Source::Project),
                responses_lite(),
                Header::new("x-client-request-id", Source::RequestId),
                Header::new("originator", Source::Originator),
                Header::new("user-agent", Source::UserAgent),
            ],
            websocket: WebSocket {
                supported: true,
                continues: true,
                lifetime_minutes: Some(60),
                ..WebSocket::new()
            },
            service_tiers: Choices::only([
                ServiceTier::Auto,
                ServiceTier::Default,
                ServiceTier::Flex,
                ServiceTier::Scale,
                ServiceTier::Priority,
                ServiceTier::Fast,
                ServiceTier::UltraFast,
            ]),
            efforts: Choices::any(),
            verbosities: verbosities(),
            ..Self::new("platform")
        }
    }

    /// Returns the profile of the ChatGPT backend, as the newest known version of its official
    /// client uses it.
    pub fn chatgpt() -> Self {
        Self {
            name: "chatgpt".into(),
            ..Self::chatgpt_0_171()
        }
    }

    /// Returns the profile of the ChatGPT backend, as version 0.171 of the official client uses it,
    /// as of 2026-11-28.
    ///
    /// Models whose entry has `use_responses_lite` get Responses Lite. For the others, and in every
    /// other respect, the requests are those of version 0.169: instructions are the first developer
    /// message, and ids and status are sent back.
    pub fn chatgpt_0_171() -> Self {
        Self {
            as_of: Some("2026-11-28".into()),
            base_url: Some("https://chatgpt.com/backend-api/codex".into()),
            parameters: Parameters::known(CHATGPT_PARAMETERS.iter().copied())
                .on_websocket(WEBSOCKET_PARAMETERS.iter().copied())
                .refusing(CHATGPT_REFUSED.iter().copied())
                .droppable(DROPPABLE.iter().copied()),
            instructions: Instructions::DeveloperMessage,
            system_as_developer: true,
            input_as_items: true,
            replay: Replay {
                ids: IdReplay::KeepPrefixed,
                ..Replay::new()
            },
            store: Store::Never,
            streamed: Streamed::Always,
            include: vec![Include::ReasoningEncryptedContent],
            refused_items: vec!["item_reference".into()],
            content: Content {
                file_ids: true,
                remote_urls: true,
                audio: true,
                cache_breakpoints: false,
            },
            headers: chatgpt_headers(),
            client_metadata: vec![
                ("x-codex-installation-id".into(), Source::InstallationId),
                ("session_id".into(), Source::SessionId),
                ("thread_id".into(), Source::ThreadId),
                ("x-codex-window-id".into(), Source::WindowId),
                ("turn_id".into(), Source::TurnId),
                ("root_turn_id".into(), Source::RootTurnId),
                ("x-codex-turn-metadata".into(), Source::TurnMetadata),
            ],
            prompt_cache_key: Some(Source::SessionId),
            compression: Some(Compression::zstd(3)),
            websocket: WebSocket {
                supported: true,
                warm_up: WarmUp::DeveloperMessages,
                continues: true,
                writes_stream: true,
                send_time: Some("x-codex-ws-stream-request-start-ms".into()),
                lifetime_minutes: Some(60),
            },
            // A model lists its tiers; the name `default` is never sent.
            service_tiers: Choices::any().renaming(ServiceTier::Fast, ServiceTier::Priority),
            efforts: Choices::any().renaming(Effort::Ultra, Effort::Max),
            verbosities: verbosities(),
            models: Models::Catalog,
            lite: LiteUse::ByModel,
            content_provenance: true,
            client_version: Some("0.171.0".into()),
            user_agent_version: Some("0.171.0".into()),
            ..Self::new("chatgpt-0.171")
        }
    }

    /// Returns the profile of the ChatGPT backend, as version 0.120 of the official client uses it,
    /// as of 2026-11-21.
    ///
    /// Instructions are a required parameter; ids are not sent back, and a status only on custom
    /// tool calls.
    pub fn chatgpt_0_120() -> Self {
        let newer = Self::chatgpt_0_171();
        Self {
            name: "chatgpt-0.120".into(),
            as_of: Some("2026-11-21".into()),
            instructions: Instructions::RequiredParameter,
            replay: Replay {
                ids: IdReplay::Drop,
                status: StatusReplay::KeepOnCustomCalls,
                dropped_keys: Vec::new(),
                dropped_part_keys: vec!["annotations".into(), "logprobs".into()],
            },
            headers: chatgpt_headers_0_120(),
            websocket: WebSocket {
                warm_up: WarmUp::EmptyInput,
                ..newer.websocket
            },
            lite: LiteUse::OnRequest,
            client_version: Some("0.120.0".into()),
            user_agent_version: Some("0.120.0".into()),
            ..newer
        }
    }

    /// Returns the profile of the public API with a token of "Sign in with ChatGPT", as of
    /// 2026-10-10: nothing is stored, everything is streamed, files are inline, and fifteen
    /// parameters are refused.
    pub fn sign_in_with_chatgpt() -> Self {
        Self {
            as_of: Some("2026-10-10".into()),
            base_url: Some("https://api.openai.com/v1".into()),
            parameters: Parameters::known(SIGN_IN_PARAMETERS.iter().copied())
                .on_websocket(WEBSOCKET_PARAMETERS.iter().copied())
                .refusing(SIGN_IN_REFUSED.iter().copied())
                .droppable(DROPPABLE.iter().copied()),
            system_as_developer: true,
            input_as_items: true,
            replay: Replay {
                dropped_keys: vec![PASSTHROUGH.into(), "encrypted_function_args".into()],
                ..Replay::new()
            },
            store: Store::Never,
            streamed: Streamed::Always,
            include: vec![Include::ReasoningEncryptedContent],
            refused_tools: [
                "image_generation",
                "file_search",
                "code_interpreter",
                "computer",
                "computer_use",
                "computer_use_preview",
                "mcp",
                "tool_search",
                "programmatic_tool_calling",
            ]
            .map(Into::into)
            .into(),
            refused_items: vec!["configuration_update".into(), "item_reference".into()],
            content: Content {
                file_ids: false,
                remote_urls: false,
                audio: false,
                cache_breakpoints: false,
            },
            headers: vec![
                Header::new("user-agent", Source::UserAgent),
                Header::new("session-id", Source::SessionId),
                responses_lite(),
                Header::new("x-client-request-id", Source::RequestId),
            ],
            prompt_cache_key: Some(Source::SessionId),
            websocket: WebSocket {
                supported: true,
                continues: true,
                lifetime_minutes: Some(60),
                ..WebSocket::new()
            },
            verbosities: verbosities(),
            models: Models::Catalog,
            ..Self::new("sign-in-with-chatgpt")
        }
    }

    /// Returns a profile for any other server with the Responses API. It expects no WebSockets, no
    /// compression and no storage, and refuses nothing, because each server accepts something else.
    /// If a server turns out to offer only Chat Completions, that API is used instead.
    pub fn compatible() -> Self {
        Self {
            wire: Wire::Discover,
            chat: ChatDialect::generic(),
            store: Store::Unsupported,
            headers: vec![
                responses_lite(),
                Header::new("user-agent", Source::UserAgent),
            ],
            content: Content {
                file_ids: true,
                remote_urls: true,
                audio: true,
                cache_breakpoints: true,
            },
            ..Self::new("compatible")
        }
    }

    /// Returns the profile of a server that offers Chat Completions in this dialect, and perhaps
    /// the Responses API.
    ///
    /// ```
    /// use codex_types::profile::{ChatDialect, Profile, Wire};
    ///
    /// let profile = Profile::chat_server(ChatDialect::by_name("mistral").unwrap());
    /// assert_eq!(profile, Profile::by_name("mistral").unwrap());
    /// assert_eq!(profile.wire, Wire::ChatCompletions);
    /// assert_eq!(profile.base_url.unwrap(), "https://api.mistral.ai/v1");
    /// ```
    pub fn chat_server(dialect: ChatDialect) -> Self {
        let compatible = Self::compatible();
        Self {
            name: dialect.name.clone(),
            as_of: dialect.as_of.clone(),
            base_url: dialect.base_url.clone(),
            wire: dialect.wire,
            chat: dialect,
            content: Content {
                file_ids: false,
                ..compatible.content
            },
            ..compatible
        }
    }

    /// Returns the profile of the server at this host, about which nothing else is known.
    ///
    /// ```
    /// use codex_types::profile::Profile;
    ///
    /// assert_eq!(Profile::of_host("chatgpt.com").name, "chatgpt");
    /// assert_eq!(Profile::of_host("api.groq.com").name, "groq");
    /// assert_eq!(Profile::of_host("127.0.0.1").name, "compatible");
    /// ```
    pub fn of_host(host: &str) -> Self {
        match host {
            "api.openai.com" => Self::platform(),
            "chatgpt.com" => Self::chatgpt(),
            host => ChatDialect::of_host(host).map_or_else(Self::compatible, Self::chat_server),
        }
    }
}

fn chatgpt_headers() -> Vec<Header> {
    vec![
        Header::new("version", Source::ClientVersion),
        Header::new("x-codex-beta-features", Source::BetaFeatures),
        // A WebSocket has the state of a turn in `client_metadata`.
        Header::new("x-codex-turn-state", Source::TurnState).only_over(Channel::Http),
        Header::new("x-codex-window-id", Source::WindowId),
        Header::new("x-codex-turn-metadata", Source::TurnMetadata),
        responses_lite(),
        Header::new("x-codex-routing-hint", Source::RoutingHint),
        Header::new("x-client-request-id", Source::RequestId),
        Header::new("session-id", Source::SessionId),
        Header::new("thread-id", Source::ThreadId),
        Header::new("chatgpt-account-id", Source::AccountId),
        Header::new("x-openai-fedramp", Source::Fedramp),
        Header::new("originator", Source::Originator),
        Header::new("user-agent", Source::UserAgent),
        websocket_beta(),
    ]
}

fn chatgpt_headers_0_120() -> Vec<Header> {
    vec![
        Header::new("version", Source::ClientVersion),
        Header::new("x-codex-turn-state", Source::TurnState).only_over(Channel::Http),
        Header::new("x-codex-window-id", Source::WindowId),
        Header::new("x-codex-turn-metadata", Source::TurnMetadata),
        responses_lite(),
        Header::new("x-client-request-id", Source::RequestId),
        Header::new("session_id", Source::SessionId),
        Header::new("chatgpt-account-id", Source::AccountId),
        Header::new("x-openai-fedramp", Source::Fedramp),
        Header::new("originator", Source::Originator),
        Header::new("user-agent", Source::UserAgent).only_over(Channel::Http),
        websocket_beta(),
    ]
}

/// Returns the header that announces Responses Lite over HTTP. Over a WebSocket an entry of
/// `client_metadata` announces it.
fn responses_lite() -> Header {
    Header::new(lite::HEADER, Source::ResponsesLite).only_over(Channel::Http)
}

fn websocket_beta() -> Header {
    let value = Source::Literal("responses_websockets=2026-02-06".into());
    Header::new("openai-beta", value).only_over(Channel::WebSocket)
}

fn verbosities() -> Choices<Verbosity> {
    Choices::only([Verbosity::Low, Verbosity::Medium, Verbosity::High])
}

const PLATFORM_PARAMETERS: &[&str] = &[
    "access_programs",
    "background",
    "background_options",
    "client_metadata",
    "context_management",
    "conversation",
    "image",
    "include",
    "input",
    "instructions",
    "max_output_tokens",
    "max_tool_calls",
    "metadata",
    "model",
    "moderation",
    "parallel_tool_calls",
    "previous_response_id",
    "prompt",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "reasoning",
    "safety_identifier",
    "service_tier",
    "store",
    "stream",
    "stream_options",
    "temperature",
    "text",
    "tool_choice",
    "tools",
    "top_logprobs",
    "top_p",
    "truncation",
    "user",
];

const CHATGPT_PARAMETERS: &[&str] = &[
    "access_programs",
    "client_metadata",
    "include",
    "input",
    "instructions",
    "model",
    "parallel_tool_calls",
    "prompt_cache_key",
    "reasoning",
    "service_tier",
    "store",
    "stream",
    "stream_options",
    "text",
    "tool_choice",
    "tools",
];

const SIGN_IN_PARAMETERS: &[&str] = &[
    "context_management",
    "include",
    "input",
    "instructions",
    "model",
    "parallel_tool_calls",
    "prompt_cache_key",
    "reasoning",
    "store",
    "stream",
    "stream_options",
    "text",
    "tool_choice",
    "tools",
];

/// Refused by name in reports about this backend, impossible without storage, or refused at the
/// public API for the same accounts and never sent by the official client.
const CHATGPT_REFUSED: &[&str] = &[
    "background",
    "background_options",
    "context_management",
    "conversation",
    "max_output_tokens",
    "max_tool_calls",
    "metadata",
    "moderation",
    "prompt",
    "prompt_cache_options",
    "prompt_cache_retention",
    "safety_identifier",
    "temperature",
    "top_logprobs",
    "top_p",
    "truncation",
    "user",
];

/// The fifteen parameters that the documentation refuses, the service tiers that it refuses
/// elsewhere, those that live requests were refused for, and one that only occurs with another.
const SIGN_IN_REFUSED: &[&str] = &[
    "background",
    "background_options",
    "conversation",
    "max_output_tokens",
    "max_tool_calls",
    "metadata",
    "moderation",
    "multi_agent",
    "prompt",
    "prompt_cache_breakpoint",
    "prompt_cache_options",
    "prompt_cache_retention",
    "safety_identifier",
    "service_tier",
    "temperature",
    "top_logprobs",
    "top_p",
    "truncation",
    "user",
];

const WEBSOCKET_PARAMETERS: &[&str] = &["generate", "previous_response_id", "stream_id", "type"];

/// Parameters that only name the caller or label the stored response.
const DROPPABLE: &[&str] = &["metadata", "safety_identifier", "user"];
