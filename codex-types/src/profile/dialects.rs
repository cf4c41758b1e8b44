//! The known chat servers. The comment of each row names the documentation that it was read from.

use alloc::vec;
use alloc::vec::Vec;

use crate::profile::{
    CallIds, ChatDialect, EffortParameter, JsonFormat, OutputLimit, Parameters, ReasoningReplay,
    StreamUsage, Text, ToolChoiceForms, Wire,
};

impl ChatDialect {
    /// The names of the known servers.
    pub const NAMES: &'static [&'static str] = &[
        "generic",
        "cerebras",
        "dashscope",
        "deepseek",
        "fireworks",
        "gemini",
        "groq",
        "litellm",
        "llama.cpp",
        "lmstudio",
        "minimax",
        "mistral",
        "moonshot",
        "ollama",
        "openrouter",
        "sglang",
        "together",
        "vllm",
        "xai",
        "zhipu",
    ];

    /// Returns the dialect with this name; `None` unless it is one of [`NAMES`](Self::NAMES).
    ///
    /// ```
    /// use codex_types::profile::ChatDialect;
    ///
    /// for name in ChatDialect::NAMES {
    ///     let dialect = ChatDialect::by_name(name).unwrap();
    ///     assert!(dialect.to_string().starts_with(name), "{dialect}");
    /// }
    /// ```
    pub fn by_name(name: &str) -> Option<Self> {
        Some(match name {
            "generic" => Self::generic(),
            "cerebras" => cerebras(),
            "dashscope" | "qwen" => dashscope(),
            "deepseek" => deepseek(),
            "fireworks" => fireworks(),
            "gemini" => gemini(),
            "groq" => groq(),
            "litellm" => litellm(),
            "llama.cpp" => llama_cpp(),
            "lmstudio" => lmstudio(),
            "minimax" => minimax(),
            "mistral" => mistral(),
            "moonshot" | "kimi" => moonshot(),
            "ollama" => ollama(),
            "openrouter" => openrouter(),
            "sglang" => sglang(),
            "together" => together(),
            "vllm" => vllm(),
            "xai" => xai(),
            "zhipu" | "glm" | "zai" => zhipu(),
            _ => return None,
        })
    }

    /// Returns the dialect of the service at this host; `None` for unknown hosts.
    pub fn of_host(host: &str) -> Option<Self> {
        let rows = Self::NAMES.iter().filter_map(|name| Self::by_name(name));
        rows.into_iter().find(|row| row.is_at(host))
    }

    /// Creates the dialect of an unknown server: only parameters that all servers accept are sent,
    /// and reasoning is sent back within a turn.
    pub fn generic() -> Self {
        Self {
            developer_role: false,
            single_system_message: true,
            output_limit: OutputLimit::MaxTokens,
            reasoning_replay: ReasoningReplay::ToolRounds,
            think_tags: true,
            tool_choice: ToolChoiceForms::new(),
            custom_tools: false,
            parameters: refusing(PREFERENCES),
            ..Self::new("generic")
        }
    }
}

/// Parameters that most servers refuse or ignore; the response does not depend on them.
const NEUTRAL: &[&str] = &[
    "store",
    "metadata",
    "user",
    "safety_identifier",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "moderation",
];

/// Preferences of OpenAI's service that clients send by default for its models. A server without
/// them has one verbosity and one tier.
const PREFERENCES: &[&str] = &["verbosity", "service_tier"];

/// Refuses the parameters that change nothing, which are omitted, web search, and these parameters.
/// Preferences among them are omitted too.
fn refusing(names: &[&'static str]) -> Parameters {
    let refused = NEUTRAL
        .iter()
        .chain(&["web_search_options"])
        .chain(names)
        .copied();
    let preferences = PREFERENCES.iter().filter(|name| names.contains(name));
    Parameters::any()
        .refusing(refused)
        .droppable(NEUTRAL.iter().chain(preferences).copied())
}

/// Creates a row of the table.
fn row(name: &'static str, host: &'static str, base_url: &'static str) -> ChatDialect {
    ChatDialect {
        as_of: Some("2026-11-28".into()),
        base_url: Some(base_url.into()),
        hosts: vec![host.into()],
        think_tags: false,
        reasoning_replay: ReasoningReplay::Never,
        single_system_message: false,
        ..ChatDialect {
            name: name.into(),
            ..ChatDialect::generic()
        }
    }
}

/// Creates a row for a program that its user runs on any host.
fn program(name: &'static str, base_url: &'static str) -> ChatDialect {
    ChatDialect {
        hosts: Vec::new(),
        single_system_message: true,
        call_ids: CallIds::up_to(usize::MAX),
        ..row(name, "", base_url)
    }
}

fn texts(texts: &[&'static str]) -> Vec<Text> {
    texts.iter().copied().map(Text::from).collect()
}

/// <https://inference-docs.cerebras.ai/resources/openai>: `developer` is not offered; the server
/// rejects penalties, `logit_bias`, `parallel_tool_calls` and `service_tier` with status 400.
/// <https://inference-docs.cerebras.ai/capabilities/reasoning>: `reasoning`, kept within a turn.
fn cerebras() -> ChatDialect {
    ChatDialect {
        wire: Wire::ChatCompletions,
        output_limit: OutputLimit::MaxCompletionTokens,
        reasoning_key: "reasoning".into(),
        reasoning_replay: ReasoningReplay::ToolRounds,
        parallel_tool_calls: false,
        parameters: refusing(&["service_tier", "verbosity"]),
        ..row("cerebras", "api.cerebras.ai", "https://api.cerebras.ai/v1")
    }
}

/// <https://www.alibabacloud.com/help/en/model-studio/deep-thinking>: `reasoning_content`, which is
/// not part of the history.
/// <https://www.alibabacloud.com/help/en/model-studio/qwen-function-calling>: `tool_choice` is
/// `auto`, `none` or a function. Structured output is `json_object` for most models.
fn dashscope() -> ChatDialect {
    ChatDialect {
        hosts: texts(&[
            "dashscope.aliyuncs.com",
            "dashscope-intl.aliyuncs.com",
            "dashscope-us.aliyuncs.com",
        ]),
        effort: EffortParameter::None,
        tool_choice: ToolChoiceForms {
            required: None,
            ..ToolChoiceForms::new()
        },
        strict_tools: false,
        json_format: JsonFormat::JsonObject,
        parameters: refusing(&["verbosity", "service_tier"]),
        ..row(
            "dashscope",
            "dashscope.aliyuncs.com",
            "https://dashscope-intl.aliyuncs.com/compatible-mode/v1",
        )
    }
}

/// <https://api-docs.deepseek.com/guides/thinking_mode>: every later request must contain the
/// reasoning of turns that called tools, else status 400; other reasoning is ignored.
/// <https://api-docs.deepseek.com/api/create-chat-completion>: `json_object` and `strict` (beta).
fn deepseek() -> ChatDialect {
    ChatDialect {
        reasoning_replay: ReasoningReplay::Always,
        reasoning_required: true,
        strict_tools: false,
        json_format: JsonFormat::JsonObject,
        parallel_tool_calls: false,
        parameters: refusing(&["verbosity", "service_tier"]),
        finish_reasons: texts(&[
            "stop",
            "length",
            "content_filter",
            "tool_calls",
            "insufficient_system_resource",
        ]),
        ..row(
            "deepseek",
            "api.deepseek.com",
            "https://api.deepseek.com/v1",
        )
    }
}

/// <https://docs.fireworks.ai/tools-sdks/openai-compatibility>: the last chunk always reports the
/// usage. <https://docs.fireworks.ai/guides/reasoning>: `reasoning_content`, sent back in a turn
/// with tools.
fn fireworks() -> ChatDialect {
    ChatDialect {
        reasoning_replay: ReasoningReplay::ToolRounds,
        strict_tools: false,
        stream_usage: StreamUsage::Always,
        parameters: refusing(&["verbosity"]),
        ..row(
            "fireworks",
            "api.fireworks.ai",
            "https://api.fireworks.ai/inference/v1",
        )
    }
}

/// <https://ai.google.dev/gemini-api/docs/openai>; calls carry the signatures of reasoning under
/// `extra_content`, and they must be sent back:
/// <https://ai.google.dev/gemini-api/docs/thought-signatures>.
fn gemini() -> ChatDialect {
    ChatDialect {
        wire: Wire::ChatCompletions,
        output_limit: OutputLimit::MaxCompletionTokens,
        strict_tools: false,
        parallel_tool_calls: false,
        call_ids: CallIds::up_to(usize::MAX),
        parameters: refusing(&["verbosity", "service_tier"]),
        ..row(
            "gemini",
            "generativelanguage.googleapis.com",
            "https://generativelanguage.googleapis.com/v1beta/openai",
        )
    }
}

/// <https://console.groq.com/docs/openai>: the server rejects `logprobs`, `logit_bias`,
/// `top_logprobs` and names of messages with status 400. <https://console.groq.com/docs/reasoning>:
/// `reasoning` in messages.
fn groq() -> ChatDialect {
    ChatDialect {
        output_limit: OutputLimit::MaxCompletionTokens,
        reasoning_key: "reasoning".into(),
        reasoning_replay: ReasoningReplay::ToolRounds,
        strict_tools: false,
        parameters: refusing(&["logprobs", "top_logprobs", "logit_bias", "verbosity"]),
        ..row("groq", "api.groq.com", "https://api.groq.com/openai/v1")
    }
}

/// <https://docs.litellm.ai/docs/reasoning_content>: `reasoning_content` and signed
/// `thinking_blocks`, which must be sent back with the calls that they led to.
fn litellm() -> ChatDialect {
    ChatDialect {
        single_system_message: false,
        developer_role: true,
        reasoning_replay: ReasoningReplay::ToolRounds,
        images_in_tool_outputs: true,
        parameters: Parameters::any(),
        ..program("litellm", "http://127.0.0.1:4000/v1")
    }
}

/// <https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md>: `reasoning_content`
/// in both directions; templates accept one system message.
fn llama_cpp() -> ChatDialect {
    ChatDialect {
        effort: EffortParameter::None,
        reasoning_replay: ReasoningReplay::ToolRounds,
        think_tags: true,
        tool_choice: ToolChoiceForms {
            by_name: false,
            ..ToolChoiceForms::new()
        },
        ..program("llama.cpp", "http://127.0.0.1:8080/v1")
    }
}

/// <https://lmstudio.ai/docs/developer/openai-compat/tools>: `tool_choice` is a string only.
fn lmstudio() -> ChatDialect {
    ChatDialect {
        think_tags: true,
        tool_choice: ToolChoiceForms {
            by_name: false,
            ..ToolChoiceForms::new()
        },
        parallel_tool_calls: false,
        ..program("lmstudio", "http://127.0.0.1:1234/v1")
    }
}

/// <https://platform.minimax.io/docs/guides/text-m2-function-call>: the text of the assistant
/// begins with `<think>`, and messages must be sent back complete.
fn minimax() -> ChatDialect {
    ChatDialect {
        hosts: texts(&["api.minimax.io", "api.minimaxi.com"]),
        wire: Wire::ChatCompletions,
        output_limit: OutputLimit::MaxCompletionTokens,
        single_system_message: true,
        effort: EffortParameter::None,
        reasoning_key: THINK_TAGS.into(),
        reasoning_replay: ReasoningReplay::Always,
        think_tags: true,
        tool_choice: ToolChoiceForms::auto_only(),
        strict_tools: false,
        json_format: JsonFormat::Instructions,
        parallel_tool_calls: false,
        parameters: refusing(&["verbosity", "service_tier"]),
        ..row("minimax", "api.minimax.io", "https://api.minimax.io/v1")
    }
}

/// <https://docs.mistral.ai/api/endpoint/chat>: `any` instead of `required`; the server rejects
/// unknown parameters with status 422. <https://docs.mistral.ai/capabilities/function_calling>:
/// call ids have nine letters and digits; see also
/// <https://github.com/anomalyco/opencode/issues/1680>.
fn mistral() -> ChatDialect {
    ChatDialect {
        wire: Wire::ChatCompletions,
        effort: EffortParameter::None,
        tool_choice: ToolChoiceForms {
            required: Some("any".into()),
            ..ToolChoiceForms::new()
        },
        images_in_tool_outputs: true,
        stream_usage: StreamUsage::Always,
        call_ids: CallIds::Alphanumeric(9),
        parameters: refusing(&[
            "logprobs",
            "top_logprobs",
            "logit_bias",
            "verbosity",
            "service_tier",
        ]),
        finish_reasons: texts(&["stop", "length", "model_length", "error", "tool_calls"]),
        ..row("mistral", "api.mistral.ai", "https://api.mistral.ai/v1")
    }
}

/// <https://platform.moonshot.ai/docs/guide/use-kimi-k2-thinking-model>: all `reasoning_content` of
/// the history must be sent back. <https://platform.moonshot.ai/docs/api/chat>: neither `required`
/// nor a named function.
fn moonshot() -> ChatDialect {
    ChatDialect {
        hosts: texts(&["api.moonshot.ai", "api.moonshot.cn", "api.kimi.com"]),
        wire: Wire::ChatCompletions,
        effort: EffortParameter::None,
        reasoning_replay: ReasoningReplay::Always,
        reasoning_required: true,
        tool_choice: ToolChoiceForms::auto_only(),
        strict_tools: false,
        json_format: JsonFormat::JsonObject,
        parallel_tool_calls: false,
        parameters: refusing(&["verbosity", "service_tier"]),
        ..row("moonshot", "api.moonshot.ai", "https://api.moonshot.ai/v1")
    }
}

/// <https://docs.ollama.com/api/openai-compatibility>: `tool_choice` is not offered; `reasoning` is
/// sent in both directions.
fn ollama() -> ChatDialect {
    ChatDialect {
        hosts: texts(&["ollama.com"]),
        reasoning_key: "reasoning".into(),
        reasoning_replay: ReasoningReplay::ToolRounds,
        tool_choice: ToolChoiceForms::auto_only(),
        strict_tools: false,
        parallel_tool_calls: false,
        parameters: refusing(&["logprobs", "top_logprobs", "logit_bias"]),
        ..program("ollama", "http://127.0.0.1:11434/v1")
    }
}

/// <https://openrouter.ai/docs/use-cases/reasoning-tokens>: `reasoning.effort`; `reasoning_details`
/// must be sent back verbatim.
fn openrouter() -> ChatDialect {
    ChatDialect {
        effort: EffortParameter::Reasoning,
        reasoning_key: "reasoning".into(),
        reasoning_replay: ReasoningReplay::Always,
        parameters: refusing(&[]),
        call_ids: CallIds::up_to(64),
        finish_reasons: texts(&["tool_calls", "stop", "length", "content_filter", "error"]),
        ..row(
            "openrouter",
            "openrouter.ai",
            "https://openrouter.ai/api/v1",
        )
    }
}

/// <https://docs.sglang.ai/advanced_features/separate_reasoning.html>
fn sglang() -> ChatDialect {
    ChatDialect {
        think_tags: true,
        reasoning_replay: ReasoningReplay::ToolRounds,
        finish_reasons: texts(&[
            "stop",
            "length",
            "tool_calls",
            "content_filter",
            "function_call",
            "abort",
        ]),
        ..program("sglang", "http://127.0.0.1:30000/v1")
    }
}

/// <https://docs.together.ai/docs/openai-api-compatibility>,
/// <https://docs.together.ai/docs/kimi-k2-thinking-quickstart>: `reasoning` next to `content`.
fn together() -> ChatDialect {
    ChatDialect {
        hosts: texts(&["api.together.xyz", "api.together.ai"]),
        wire: Wire::ChatCompletions,
        reasoning_key: "reasoning".into(),
        reasoning_replay: ReasoningReplay::ToolRounds,
        think_tags: true,
        strict_tools: false,
        parallel_tool_calls: false,
        parameters: refusing(&["verbosity", "service_tier"]),
        finish_reasons: texts(&["stop", "eos", "length", "tool_calls", "function_call"]),
        ..row(
            "together",
            "api.together.xyz",
            "https://api.together.xyz/v1",
        )
    }
}

/// <https://docs.vllm.ai/en/latest/features/reasoning_outputs/>: `reasoning`, also in messages of
/// the history; <https://docs.vllm.ai/en/latest/features/tool_calling/>.
fn vllm() -> ChatDialect {
    ChatDialect {
        output_limit: OutputLimit::MaxCompletionTokens,
        reasoning_key: "reasoning".into(),
        reasoning_replay: ReasoningReplay::ToolRounds,
        think_tags: true,
        finish_reasons: texts(&["stop", "length", "tool_calls", "content_filter", "abort"]),
        ..program("vllm", "http://127.0.0.1:8000/v1")
    }
}

/// <https://docs.x.ai/docs/guides/reasoning>: `reasoning_content`; reasoning models refuse
/// penalties and `stop`. <https://docs.x.ai/docs/guides/function-calling>: parallel calls by
/// default.
fn xai() -> ChatDialect {
    ChatDialect {
        output_limit: OutputLimit::MaxCompletionTokens,
        images_in_tool_outputs: true,
        parameters: refusing(&["verbosity", "service_tier"]),
        ..row("xai", "api.x.ai", "https://api.x.ai/v1")
    }
}

/// <https://docs.z.ai/guides/capabilities/thinking-mode>: `reasoning_content` must be sent back
/// while tools are called. <https://docs.z.ai/api-reference/llm/chat-completion>: `tool_choice` is
/// `auto`, `response_format` is text or `json_object`, and the last chunk always reports the usage.
fn zhipu() -> ChatDialect {
    ChatDialect {
        hosts: texts(&["api.z.ai", "open.bigmodel.cn"]),
        wire: Wire::ChatCompletions,
        effort: EffortParameter::None,
        reasoning_replay: ReasoningReplay::ToolRounds,
        tool_choice: ToolChoiceForms::auto_only(),
        strict_tools: false,
        json_format: JsonFormat::JsonObject,
        parallel_tool_calls: false,
        stream_usage: StreamUsage::Always,
        parameters: refusing(&["logprobs", "top_logprobs", "verbosity", "service_tier"]),
        finish_reasons: texts(&["stop", "tool_calls", "length", "sensitive", "network_error"]),
        ..row("zhipu", "api.z.ai", "https://api.z.ai/api/paas/v4")
    }
}

/// The key for reasoning that is part of the text, between `<think>` and `</think>`.
pub(crate) const THINK_TAGS: &str = "<think>";
