//! The models an account may use, as the platform API and as the ChatGPT backend lists them.

use alloc::string::String;
use alloc::vec::Vec;

use crate::request::{Effort, ReasoningSummary, Verbosity};
use crate::wire::object::object;
use crate::wire::open::open_enum;
use crate::{Number, RawJson};

object! {
    /// The answer of the platform API to `GET /models`.
    pub struct ModelList {
        plain {
            /// Always `list`.
            object: String,
            /// The models.
            data: Vec<Model>,
        }
    }
}

object! {
    /// A model of the platform API.
    pub struct Model {
        plain {
            /// What it is called in requests.
            id: String,
            /// Always `model`.
            object: String,
            /// When it was made, in seconds since 1970.
            created: Number,
            /// Whose it is.
            owned_by: String,
        }
    }
}

object! {
    /// The answer of the ChatGPT backend to `GET /models?client_version=..`.
    pub struct ModelCatalog {
        plain {
            /// The models.
            models: Vec<ModelInfo>,
        }
    }
}

impl ModelCatalog {
    /// The models that are shown to people, the most recommended first.
    pub fn listed(&self) -> Vec<&ModelInfo> {
        let mut listed: Vec<_> = self
            .models
            .iter()
            .filter(|model| model.visibility == Some(ModelVisibility::List))
            .collect();
        listed.sort_by_key(|model| model.priority.unwrap_or(i64::MAX));
        listed
    }
}

object! {
    /// A model of the ChatGPT backend.
    ///
    /// The list changes almost weekly. Only `slug` is sure to be there; what has no field here is
    /// among the extra keys.
    pub struct ModelInfo {
        plain {
            /// What it is called in requests.
            slug: String,
        }
        optional {
            /// What it is called for people.
            display_name: String,
            /// What it is good for.
            description: String,
            /// How much it thinks unless told otherwise.
            default_reasoning_level: Effort,
            /// How much it can think.
            supported_reasoning_levels: Vec<ReasoningLevel>,
            /// How it runs commands.
            shell_type: String,
            /// Whether people are shown it.
            visibility: ModelVisibility,
            /// Whether it can be used with an API key.
            supported_in_api = bool,
            /// Its rank; lower comes first.
            priority = i64,
            /// Faster ways to use it.
            additional_speed_tiers: Vec<String>,
            /// The service tiers it can be used with.
            service_tiers: Vec<ModelServiceTier>,
            /// The service tier it is used with unless told otherwise.
            default_service_tier: String,
            /// A notice that it is there.
            availability_nux: RawJson,
            /// The model to use instead.
            upgrade: ModelUpgrade,
            /// Its instructions, in a newer form.
            model_messages: RawJson,
            /// Its instructions, in the older form.
            base_instructions: String,
            /// Whether to ask it for summaries of reasoning at all.
            supports_reasoning_summary_parameter = bool,
            /// How it tells what it thought unless told otherwise.
            default_reasoning_summary: ReasoningSummary,
            /// Whether it can be told at what length to answer.
            support_verbosity = bool,
            /// At what length it answers unless told otherwise.
            default_verbosity: Verbosity,
            /// How it changes files.
            apply_patch_tool_type: String,
            /// What it sees of web pages.
            web_search_tool_type: String,
            /// How outputs of tools are cut.
            truncation_policy: ModelTruncationPolicy,
            /// Whether it can call several tools at once.
            supports_parallel_tool_calls = bool,
            /// Whether it takes images in their original resolution.
            supports_image_detail_original = bool,
            /// How many tokens it can bear in mind.
            context_window = u64,
            /// How many it could.
            max_context_window = u64,
            /// At how many tokens to make the conversation shorter.
            auto_compact_token_limit = u64,
            /// Changes when compacted conversations of it can no longer be used.
            comp_hash: String,
            /// How much of the window to use, in percent.
            effective_context_window_percent = u64,
            /// Tools under trial.
            experimental_supported_tools: Vec<String>,
            /// What it takes: `text`, `image`, `audio`.
            input_modalities: Vec<String>,
            /// Whether it can search for tools.
            supports_search_tool = bool,
            /// Whether requests are written as [Responses Lite](crate::profile::RequestForm::Lite).
            use_responses_lite = bool,
            /// What it is made for.
            model_specialty: String,
            /// How it uses tools.
            tool_mode: String,
            /// How it works with others.
            multi_agent_version: String,
            /// The oldest client that can use it.
            minimal_client_version: RawJson,
        }
    }
}

object! {
    /// How much a model can think.
    pub struct ReasoningLevel {
        plain {
            /// How much.
            effort: Effort,
            /// What that is good for.
            description: String,
        }
    }
}

object! {
    /// A service tier a model can be used with.
    pub struct ModelServiceTier {
        plain {
            /// What it is called in requests.
            id: String,
            /// What it is called for people.
            name: String,
            /// What it is good for.
            description: String,
        }
    }
}

object! {
    /// A model to use instead.
    pub struct ModelUpgrade {
        plain {
            /// The model.
            model: String,
        }
        optional {
            /// What changes, for people.
            migration_markdown: String,
            /// When the present one goes.
            retirement_at: RawJson,
        }
    }
}

object! {
    /// How outputs of tools are cut.
    pub struct ModelTruncationPolicy {
        plain {
            /// What is counted: `bytes`, `tokens`.
            mode: String,
            /// How many there may be.
            limit: u64,
        }
    }
}

open_enum! {
    /// Whether people are shown a model.
    pub enum ModelVisibility {
        /// They are.
        List = "list",
        /// They are not.
        Hide = "hide",
        /// They cannot use it.
        None = "none",
    }
}
