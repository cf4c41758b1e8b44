//! The profiles of the backends we know.

use alloc::vec;
use alloc::vec::Vec;

use crate::profile::{
    Channel, Choices, Compression, Content, Header, IdReplay, Instructions, Models, Parameters,
    Profile, Replay, Source, StatusReplay, Store, Streamed, WarmUp, WebSocket,
};
use crate::{Effort, Include, ServiceTier, Verbosity};

impl Profile {
    /// The public API at `api.openai.com` with an API key: all that is documented works.
    pub fn platform() -> Self {
        Self {
            base_url: Some("https://api.openai.com/v1".into()),
            parameters: Parameters::only(PLATFORM_PARAMETERS.iter().copied())
                .on_websocket(WEBSOCKET_PARAMETERS.iter().copied())
                .essential(ESSENTIAL.iter().copied()),
            replay: Replay {
                dropped_keys: vec![PASSTHROUGH.into(), "encrypted_function_args".into()],
                ..Replay::new()
            },
            headers: vec![
                Header::new("openai-organization", Source::Organization),
                Header::new("openai-project", Source::Project),
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

    /// The ChatGPT backend, spoken to as its newest client does that we know.
    pub fn chatgpt() -> Self {
        Self {
            name: "chatgpt".into(),
            ..Self::chatgpt_0_169()
        }
    }

    /// The ChatGPT backend, spoken to as version 0.169 of the official client does.
    ///
    /// Instructions are the first message of the developer; ids and status are sent back.
    pub fn chatgpt_0_169() -> Self {
        Self {
            base_url: Some("https://chatgpt.com/backend-api/codex".into()),
            parameters: Parameters::only(CHATGPT_PARAMETERS.iter().copied())
                .on_websocket(WEBSOCKET_PARAMETERS.iter().copied())
                .essential(ESSENTIAL.iter().copied()),
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
            },
            headers: chatgpt_headers(),
            client_metadata: vec![
                ("x-codex-installation-id".into(), Source::InstallationId),
                ("session_id".into(), Source::SessionId),
                ("thread_id".into(), Source::ThreadId),
                ("x-codex-window-id".into(), Source::WindowId),
                ("turn_id".into(), Source::TurnId),
                ("x-codex-turn-metadata".into(), Source::TurnMetadata),
            ],
            prompt_cache_key: Some(Source::SessionId),
            compression: Some(Compression::zstd(3)),
            websocket: WebSocket {
                supported: true,
                warm_up: WarmUp::DeveloperMessages,
                continues: true,
                writes_stream: true,
                lifetime_minutes: Some(60),
            },
            // A model says which tiers it has; the name `default` is never sent.
            service_tiers: Choices::any().renaming(ServiceTier::Fast, ServiceTier::Priority),
            efforts: Choices::any().renaming(Effort::Ultra, Effort::Max),
            verbosities: verbosities(),
            models: Models::Catalogue {
                client_version: Some("0.169.0".into()),
            },
            ..Self::new("chatgpt-0.169")
        }
    }

    /// The ChatGPT backend, spoken to as version 0.120 of the official client does.
    ///
    /// Instructions are a parameter that has to be there; ids are not sent back, and a status only on
    /// calls of custom tools.
    pub fn chatgpt_0_120() -> Self {
        let newer = Self::chatgpt_0_169();
        Self {
            name: "chatgpt-0.120".into(),
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
            models: Models::Catalogue {
                client_version: Some("0.120.0".into()),
            },
            ..newer
        }
    }

    /// The public API with a token of "Sign in with ChatGPT": nothing is kept, everything is streamed,
    /// files are given inline, and fifteen parameters are refused.
    pub fn sign_in_with_chatgpt() -> Self {
        Self {
            base_url: Some("https://api.openai.com/v1".into()),
            parameters: Parameters::only(SIGN_IN_PARAMETERS.iter().copied())
                .on_websocket(WEBSOCKET_PARAMETERS.iter().copied())
                .essential(ESSENTIAL.iter().copied()),
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
            },
            headers: vec![
                Header::new("user-agent", Source::UserAgent),
                Header::new("session-id", Source::SessionId),
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
            models: Models::Catalogue {
                client_version: None,
            },
            ..Self::new("sign-in-with-chatgpt")
        }
    }

    /// Some other server that offers the Responses API. Nothing is taken for granted: no sockets, no
    /// compression, nothing kept; and nothing is refused, because each server takes something else.
    pub fn compatible() -> Self {
        Self {
            store: Store::Unsupported,
            headers: vec![Header::new("user-agent", Source::UserAgent)],
            content: Content {
                file_ids: false,
                remote_urls: true,
                audio: true,
            },
            ..Self::new("compatible")
        }
    }
}

fn chatgpt_headers() -> Vec<Header> {
    vec![
        Header::new("version", Source::ClientVersion),
        Header::new("x-codex-beta-features", Source::BetaFeatures),
        // A socket is told the state of a turn in `client_metadata`.
        Header::new("x-codex-turn-state", Source::TurnState).only_over(Channel::Http),
        Header::new("x-codex-window-id", Source::WindowId),
        Header::new("x-codex-turn-metadata", Source::TurnMetadata),
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
        Header::new("x-client-request-id", Source::RequestId),
        Header::new("session_id", Source::SessionId),
        Header::new("chatgpt-account-id", Source::AccountId),
        Header::new("x-openai-fedramp", Source::Fedramp),
        Header::new("originator", Source::Originator),
        Header::new("user-agent", Source::UserAgent).only_over(Channel::Http),
        websocket_beta(),
    ]
}

fn websocket_beta() -> Header {
    let value = Source::Literal("responses_websockets=2026-02-06".into());
    Header::new("openai-beta", value).only_over(Channel::WebSocket)
}

fn verbosities() -> Choices<Verbosity> {
    Choices::only([Verbosity::Low, Verbosity::Medium, Verbosity::High])
}

/// What the official client notes on items for itself; other services refuse it.
const PASSTHROUGH: &str = "internal_chat_message_metadata_passthrough";

const PLATFORM_PARAMETERS: &[&str] = &[
    "access_programs",
    "background",
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

const WEBSOCKET_PARAMETERS: &[&str] = &["generate", "previous_response_id", "stream_id", "type"];

/// Without these the answer would be another one, cost something else, or lack its context.
const ESSENTIAL: &[&str] = &[
    "background",
    "conversation",
    "max_output_tokens",
    "previous_response_id",
    "prompt",
];
