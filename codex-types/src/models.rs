//! The models of an account, as listed by the platform API and by the ChatGPT backend.

use alloc::string::String;
use alloc::vec::Vec;

use crate::request::{Effort, ReasoningSummary, Verbosity};
use crate::wire::object::object;
use crate::wire::open::open_enum;
use crate::{DecodeError, Extra, Number, RawJson};

/// The form in which a backend lists its models.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Models {
    /// `GET models` returns a list under `data`.
    List,
    /// `GET models` returns a catalog under `models`, limited to what the client's version can use.
    /// The version is in `client_version`, unless the profile has none.
    Catalog,
}

object! {
    /// The response of the platform API to `GET /models`.
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
            /// The name in requests.
            id: String,
            /// Always `model`.
            object: String,
            /// The time of creation, as a Unix timestamp in seconds.
            created: Number,
            /// The owner of the model.
            owned_by: String,
        }
    }
}

object! {
    /// The response of the ChatGPT backend to `GET /models?client_version=..`.
    ///
    /// [`bundled`](Self::bundled) returns the one that this version was released with. The optional
    /// keys are those of a saved list, such as the file `models_cache.json` of the official client.
    pub struct ModelCatalog {
        plain {
            /// The models.
            models: Vec<ModelInfo>,
        }
        optional {
            /// The date, or date and time, at which the list was fetched (RFC 3339).
            fetched_at: String,
            /// The entity tag of the list.
            etag: String,
            /// The client version that the list is for.
            client_version: String,
        }
    }
}

impl ModelCatalog {
    /// Reads a list: the response of the endpoint, or a file with one.
    ///
    /// # Errors
    ///
    /// Fails when the text is not a JSON object.
    ///
    /// ```
    /// use codex_types::ModelCatalog;
    ///
    /// let catalog = ModelCatalog::from_json(r#"{"models":[{"slug":"some-model","context_window":100000}]}"#)?;
    /// assert_eq!(catalog.models[0].context_window, Some(100_000));
    /// # Ok::<(), codex_types::DecodeError>(())
    /// ```
    pub fn from_json(text: &str) -> Result<Self, DecodeError> {
        RawJson::parse(text)?.decode()
    }

    /// Returns the list without its texts: instructions, descriptions and notices, which are nearly
    /// all of its size. Keys that this version does not know are left out as well.
    ///
    /// Use it to keep a list in a file. The bundled one was made by it (example `models`).
    #[must_use]
    pub fn without_texts(&self) -> Self {
        let mut catalog = Self::default();
        catalog.fetched_at.clone_from(&self.fetched_at);
        catalog.client_version.clone_from(&self.client_version);
        catalog.models = self.models.iter().map(ModelInfo::without_texts).collect();
        catalog
    }

    /// Returns the models that are shown to users, most recommended first.
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
    /// The list changes almost weekly. Only `slug` is always present; keys without a field are
    /// among the extra keys.
    pub struct ModelInfo {
        plain {
            /// The name in requests.
            slug: String,
        }
        optional {
            /// The display name.
            display_name: String,
            /// The description.
            description: String,
            /// The default reasoning effort.
            default_reasoning_level: Effort,
            /// The supported reasoning efforts.
            supported_reasoning_levels: Vec<ReasoningLevel>,
            /// The kind of shell tool.
            shell_type: String,
            /// The visibility of the model.
            visibility: ModelVisibility,
            /// Whether the model is available with an API key.
            supported_in_api = bool,
            /// The rank; lower comes first.
            priority = i64,
            /// Additional speed tiers.
            additional_speed_tiers: Vec<String>,
            /// The supported service tiers.
            service_tiers: Vec<ModelServiceTier>,
            /// The default service tier.
            default_service_tier: String,
            /// An availability notice.
            availability_nux: RawJson,
            /// The model to upgrade to.
            upgrade: ModelUpgrade,
            /// The instructions, in the newer form.
            model_messages: RawJson,
            /// The instructions, in the older form.
            base_instructions: String,
            /// Whether the model supports requests for reasoning summaries.
            supports_reasoning_summary_parameter = bool,
            /// The default reasoning summary.
            default_reasoning_summary: ReasoningSummary,
            /// Whether the model supports verbosity.
            support_verbosity = bool,
            /// The default verbosity.
            default_verbosity: Verbosity,
            /// The kind of apply-patch tool.
            apply_patch_tool_type: String,
            /// The kind of web search tool.
            web_search_tool_type: String,
            /// The policy for truncating tool outputs.
            truncation_policy: ModelTruncationPolicy,
            /// Whether the model supports parallel tool calls.
            supports_parallel_tool_calls = bool,
            /// Whether the model accepts images in original resolution.
            supports_image_detail_original = bool,
            /// The context window in tokens.
            context_window = u64,
            /// The maximum context window in tokens.
            max_context_window = u64,
            /// The number of tokens at which to compact the conversation.
            auto_compact_token_limit = u64,
            /// A hash that changes when compacted conversations of the model become unusable.
            comp_hash: String,
            /// The usable portion of the context window, in percent.
            effective_context_window_percent = u64,
            /// Experimental tools.
            experimental_supported_tools: Vec<String>,
            /// The input modalities: `text`, `image`, `audio`.
            input_modalities: Vec<String>,
            /// Whether the model supports tool search.
            supports_search_tool = bool,
            /// Whether requests are written as [Responses Lite](crate::profile::RequestForm::Lite).
            use_responses_lite = bool,
            /// The specialty of the model.
            model_specialty: String,
            /// The tool mode.
            tool_mode: String,
            /// The version of the multi-agent protocol.
            multi_agent_version: String,
            /// The oldest client version that can use the model.
            minimal_client_version: RawJson,
            /// Whether the official client uses WebSockets for the model if it can choose.
            prefer_websockets = bool,
            /// Whether the effort can be changed during a response.
            supports_reasoning_effort_updates = bool,
            /// The plans that offer the model.
            available_in_plans: Vec<String>,
        }
    }
}

impl ModelInfo {
    fn without_texts(&self) -> Self {
        let efforts = self.supported_reasoning_levels.iter().flatten();
        let tiers = self.service_tiers.iter().flatten();
        Self {
            supported_reasoning_levels: self.supported_reasoning_levels.as_ref().map(|_| {
                efforts
                    .map(|level| ReasoningLevel {
                        effort: level.effort.clone(),
                        ..ReasoningLevel::default()
                    })
                    .collect()
            }),
            service_tiers: self.service_tiers.as_ref().map(|_| {
                tiers
                    .map(|tier| ModelServiceTier {
                        id: tier.id.clone(),
                        name: tier.name.clone(),
                        ..ModelServiceTier::default()
                    })
                    .collect()
            }),
            upgrade: self.upgrade.as_ref().map(|upgrade| ModelUpgrade {
                model: upgrade.model.clone(),
                ..ModelUpgrade::default()
            }),
            description: None,
            availability_nux: None,
            model_messages: None,
            base_instructions: None,
            extra: Extra::default(),
            ..self.clone()
        }
    }
}

object! {
    /// A supported reasoning effort.
    pub struct ReasoningLevel {
        plain {
            /// The effort.
            effort: Effort,
            /// The description of the effort.
            description: String,
        }
    }
}

object! {
    /// A supported service tier.
    pub struct ModelServiceTier {
        plain {
            /// The name in requests.
            id: String,
            /// The display name.
            name: String,
            /// The description.
            description: String,
        }
    }
}

object! {
    /// A model to upgrade to.
    pub struct ModelUpgrade {
        plain {
            /// The model.
            model: String,
        }
        optional {
            /// The changes, as Markdown.
            migration_markdown: String,
            /// The time at which the current model retires.
            retirement_at: RawJson,
        }
    }
}

object! {
    /// The policy for truncating tool outputs.
    pub struct ModelTruncationPolicy {
        plain {
            /// The unit: `bytes`, `tokens`.
            mode: String,
            /// The limit.
            limit: u64,
        }
    }
}

open_enum! {
    /// The visibility of a model.
    pub enum ModelVisibility {
        /// Users see it.
        List = "list",
        /// Users do not see it.
        Hide = "hide",
        /// Users cannot use it.
        None = "none",
    }
}
