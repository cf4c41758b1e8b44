//! The parameters that may be omitted from a request, the paths of the service that are passed
//! through, and the explanation of a rejected request. Tuning parameters may be omitted; a
//! parameter that changes the meaning of a request is always rejected by name.

use codex_types::chat::translate::{RequestOptions, TranslateError};
use codex_types::lint::FindingCode;
use codex_types::profile::{FitPolicy, OnFinding, Profile, Store};

use crate::arguments::Arguments;

/// The settings of the operator.
pub(crate) struct Policy {
    is_lenient: bool,
    strips_tools: bool,
    remembers: bool,
    /// Paths of the service that are passed through, without `/v1`.
    paths: Vec<String>,
    /// Paths below these that are not passed through.
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

    /// Returns the paths that are passed through to a service that has them.
    pub(crate) fn paths(&self) -> &[String] {
        &self.paths
    }

    /// Returns whether a path is one of the allowed ones, or below one.
    pub(crate) fn allows(&self, path: &str) -> bool {
        let is_below = |paths: &[String]| {
            paths.iter().any(|known| {
                path.strip_prefix(&**known)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            })
        };
        is_below(&self.paths) && !is_below(&self.denied)
    }

    /// Returns the policy for parts of a request that the backend does not accept.
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

    /// Returns the options for translating a chat request for this backend.
    pub(crate) fn translation(&self, profile: &Profile) -> RequestOptions {
        let mut options = RequestOptions::for_profile(profile);
        if self.is_lenient {
            let names = TUNING.iter().chain(CHAT_TUNING);
            options.ignored = names.map(|name| (*name).into()).collect();
        }
        options
    }

    /// Explains why a parameter is rejected, and what helps. `reason` comes from the linter.
    pub(crate) fn explain(&self, parameter: &str, profile: &Profile, reason: &str) -> String {
        let keeps_nothing = profile.store != Store::Free;
        let name = parameter.split(['.', '[']).next().unwrap_or_default();
        let plain: String = without_indexes(parameter);
        let why = match name {
            "previous_response_id" if keeps_nothing => {
                "this service does not store responses; send the whole conversation, use the WebSocket of the gateway, or start the gateway with --remember"
            }
            "conversation" if keeps_nothing => {
                "this service does not store conversations; send the whole conversation as input"
            }
            "background" => {
                "this service does not support background responses; omit the parameter"
            }
            "store" if keeps_nothing => {
                "this service does not store responses; send false, or start the gateway with --remember, which keeps them in memory"
            }
            "n" => {
                "the Responses API returns a single choice; send the request n times, or use an API key, with which chat requests are passed through"
            }
            name if is_tuning(name) || is_tuning(&plain) => {
                return format!(
                    "{parameter}: not supported by this service; omit it, or start the gateway with --lenient, which omits it"
                );
            }
            _ if reason.is_empty() => "no counterpart in the Responses API; omit it",
            _ => reason,
        };
        format!("{parameter}: {why}")
    }

    /// Explains why a request cannot be translated for a chat server, and what helps.
    pub(crate) fn explain_untranslated(&self, error: &TranslateError) -> String {
        let is_tool = error.parameter().starts_with("tools[");
        let help = if is_tool && !self.strips_tools {
            "omit it, or start the gateway with --strip-tools, which omits it"
        } else if error.value() == Some("item_reference") {
            "send the item itself, or start the gateway with --remember, which keeps the items of its responses"
        } else {
            "omit it"
        };
        format!("{error}; {help}")
    }
}

fn is_tuning(name: &str) -> bool {
    TUNING.contains(&name) || CHAT_TUNING.contains(&name)
}

/// Converts `messages[2].name` to `messages[].name`.
fn without_indexes(parameter: &str) -> String {
    parameter
        .chars()
        .filter(|character| !character.is_ascii_digit())
        .collect()
}

/// Parameters that tune generation, label the request, or identify the end user.
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

/// The tuning parameters of chat requests, including those that local servers add.
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

/// The endpoints that the platform offers to programs. Endpoints that administer the account are
/// not included.
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
