// What of a request may be left out, which paths of the service are passed through, and how a refusal is explained. Tuning may be left out;
// what changes the meaning of a request is always refused by name.

use codex_types::chat::translate::{RequestOptions, TranslateError};
use codex_types::lint::FindingCode;
use codex_types::profile::{FitPolicy, OnFinding, Profile, Store};

use crate::arguments::Arguments;

/// What the operator allows.
pub(crate) struct Policy {
    is_lenient: bool,
    strips_tools: bool,
    remembers: bool,
    /// Paths of the service that are passed through, without `/v1`.
    paths: Vec<String>,
    /// Paths below these that are not.
    denied: Vec<String>,
}

impl Policy {
    pub(crate) fn new(arguments: &Arguments) -> Self {
        let standard = PATHS.iter().map(|path| (*path).to_owned());
        let paths = standard.chain(arguments.allowed_paths.iter().cloned());
        Self {
            is_lenient: arguments.lenient,
            strips_tools: arguments.strips_tools,
            remembers: arguments.remember > 0,
            paths: paths
                .filter(|path| !arguments.denied_paths.contains(path))
                .collect(),
            denied: arguments.denied_paths.clone(),
        }
    }

    /// The paths that are passed through to a service that has them.
    pub(crate) fn paths(&self) -> &[String] {
        &self.paths
    }

    /// Whether a path is one of the allowed ones, or below one.
    pub(crate) fn allows(&self, path: &str) -> bool {
        let is_below = |paths: &[String]| {
            paths.iter().any(|known| {
                path.strip_prefix(&**known)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            })
        };
        is_below(&self.paths) && !is_below(&self.denied)
    }

    /// What is done about parts of a request that the backend does not take.
    pub(crate) fn fit(&self) -> FitPolicy {
        let mut fit = FitPolicy::new();
        if self.remembers {
            fit = fit.at("/store", OnFinding::Strip);
        }
        if self.strips_tools {
            fit = fit.on(FindingCode::RejectedTool, OnFinding::Strip);
        }
        if self.is_lenient {
            for name in TUNING {
                fit = fit.at(format!("/{name}"), OnFinding::Strip);
            }
        }
        fit
    }

    /// How a chat request becomes one for this backend.
    pub(crate) fn translation(&self, profile: &Profile) -> RequestOptions {
        let mut options = RequestOptions::for_profile(profile);
        if self.is_lenient {
            let names = TUNING.iter().chain(CHAT_TUNING);
            options.ignored = names.map(|name| (*name).into()).collect();
        }
        options
    }

    /// Why a parameter is refused, and what helps. `reason` is what the linter reports.
    pub(crate) fn explain(&self, parameter: &str, profile: &Profile, reason: &str) -> String {
        let keeps_nothing = profile.store != Store::Free;
        let name = parameter.split(['.', '[']).next().unwrap_or_default();
        let plain: String = without_indexes(parameter);
        let why = match name {
            "previous_response_id" if keeps_nothing => {
                "this service keeps no responses; send the whole conversation, use the WebSocket of the gateway, or start the gateway with --remember"
            }
            "conversation" if keeps_nothing => {
                "this service keeps no conversations; send the whole conversation as input"
            }
            "background" => "this service makes no responses in the background; leave it out",
            "store" if keeps_nothing => {
                "this service keeps no responses; send false, or start the gateway with --remember, which keeps them in memory"
            }
            "n" => {
                "the Responses API makes one choice for a request; send the request n times, or use an API key, with which chats are passed through"
            }
            name if is_tuning(name) || is_tuning(&plain) => {
                return format!(
                    "{parameter}: this service does not take it; leave it out, or start the gateway with --lenient, which leaves it out"
                );
            }
            _ if reason.is_empty() => "it has no counterpart in the Responses API; leave it out",
            _ => reason,
        };
        format!("{parameter}: {why}")
    }

    /// Why a request has no translation for a chat server, and what helps.
    pub(crate) fn explain_untranslated(&self, error: &TranslateError) -> String {
        let is_tool = error.parameter().starts_with("tools[");
        if is_tool && !self.strips_tools {
            format!(
                "{error}; leave it out, or start the gateway with --strip-tools, which leaves it out"
            )
        } else {
            format!("{error}; leave it out")
        }
    }
}

fn is_tuning(name: &str) -> bool {
    TUNING.contains(&name) || CHAT_TUNING.contains(&name)
}

/// `messages[2].name` as `messages[].name`.
fn without_indexes(parameter: &str) -> String {
    parameter
        .chars()
        .filter(|character| !character.is_ascii_digit())
        .collect()
}

/// Parameters that tune how a response is made, label it, or name who asked.
const TUNING: &[&str] = &[
    "context_management",
    "max_output_tokens",
    "max_tool_calls",
    "metadata",
    "moderation",
    "parallel_tool_calls",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "reasoning/effort",
    "safety_identifier",
    "service_tier",
    "store",
    "stream_options",
    "temperature",
    "text/verbosity",
    "top_logprobs",
    "top_p",
    "truncation",
    "user",
];

/// The same of chat requests, and of what local servers add to them.
const CHAT_TUNING: &[&str] = &[
    "frequency_penalty",
    "logit_bias",
    "messages[].cache_control",
    "messages[].content[].cache_control",
    "min_p",
    "prediction",
    "presence_penalty",
    "repetition_penalty",
    "seed",
    "stop",
    "stream_options.include_usage",
    "tools[].cache_control",
    "top_k",
    "typical_p",
];

/// What the platform offers to the programs of an account. What administers the account is not among it.
const PATHS: &[&str] = &[
    "audio",
    "batches",
    "chat/completions",
    "completions",
    "conversations",
    "embeddings",
    "files",
    "images",
    "moderations",
    "responses",
    "uploads",
    "vector_stores",
];
