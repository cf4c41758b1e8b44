//! The smaller types of a response.

use alloc::string::String;
use alloc::vec::Vec;

use crate::wire::object::object;
use crate::wire::open::open_enum;
use crate::wire::tagged::tagged;
use crate::{Map, Number};

open_enum! {
    /// The status of a response.
    pub enum Status {
        /// Completed.
        Completed = "completed",
        /// Failed; see its `error`.
        Failed = "failed",
        /// In progress.
        InProgress = "in_progress",
        /// Cancelled.
        Cancelled = "cancelled",
        /// Queued.
        Queued = "queued",
        /// Ended early; see its `incomplete_details`.
        Incomplete = "incomplete",
    }
}

impl Status {
    /// Returns whether the response has ended.
    pub fn is_final(&self) -> bool {
        matches!(
            self,
            Self::Completed | Self::Failed | Self::Cancelled | Self::Incomplete
        )
    }
}

object! {
    /// The details of a response that ended early.
    pub struct IncompleteDetails {
        required {}
        optional {
            /// The reason.
            reason: IncompleteReason,
        }
    }
}

open_enum! {
    /// The reason why a response ended early.
    pub enum IncompleteReason {
        /// The limit on output tokens was reached.
        MaxOutputTokens = "max_output_tokens",
        /// The limit on messages was reached.
        MaxMessages = "max_messages",
        /// A content filter stopped the response.
        ContentFilter = "content_filter",
        /// The client steered the response, and another response continues it.
        Steered = "steered",
        /// The client interrupted the response (ChatGPT backend).
        Interrupted = "interrupted",
    }
}

object! {
    /// An item that the service removed from the input.
    pub struct InputTransformation tag "reasoning" {
        required {
            /// The item.
            id: String,
            /// The action: `removed`.
            action: String,
            /// The reason.
            reason: TransformationReason,
        }
    }
}

open_enum! {
    /// The reason why the service removed an item from the input.
    pub enum TransformationReason {
        /// The item belongs to another organization.
        OrganizationMismatch = "organization_mismatch",
        /// The item belongs to another user.
        EndUserMismatch = "end_user_mismatch",
        /// The item belongs to another model.
        ModelMismatch = "model_mismatch",
        /// The items before the item have changed.
        PrefixMismatch = "prefix_mismatch",
        /// The item belongs to an earlier turn.
        TurnBoundary = "turn_boundary",
    }
}

object! {
    /// The results of moderation.
    pub struct ModerationReport {
        plain {
            /// The outcome for the input.
            input: ModerationOutcome,
            /// The outcome for the output.
            output: ModerationOutcome,
        }
    }
}

tagged! {
    /// The outcome of moderation in one direction.
    pub enum ModerationOutcome {
        /// The result.
        "moderation_result" => Result(ModerationResult),
        /// Moderation failed.
        "error" => Error(ModerationError),
    }
}

object! {
    /// The results of moderation.
    pub struct ModerationResult tag "moderation_result" {
        required {
            /// Whether any content is flagged.
            flagged = bool,
            /// The moderation model.
            model: String,
        }
        plain {
            /// The flagged categories.
            categories: Map<bool>,
            /// The scores of the categories, from 0 to 1.
            category_scores: Map<Number>,
            /// The input types (text, image) to which each category applies.
            category_applied_input_types: Map<Vec<String>>,
        }
    }
}

object! {
    /// The error of a failed moderation.
    pub struct ModerationError tag "error" {
        required {
            /// The error code.
            code: String,
            /// The message.
            message: String,
        }
    }
}

tagged! {
    /// The use of the prompt cache, compared with another response.
    pub enum PromptCacheDiagnostics {
        /// The cache was used for less of the prompt than possible.
        "cache_miss" => CacheMiss(CacheMiss),
        /// The cache was used for as much of the prompt as possible.
        "cache_hit" => CacheHit(CacheHit),
        /// The other response does not exist.
        "comparison_response_not_found" => ComparisonNotFound(ComparisonNotFound),
        /// No diagnostics are available.
        "unavailable" => Unavailable(CacheUnavailable),
    }
}

object! {
    /// A prompt cache miss.
    pub struct CacheMiss tag "cache_miss" {
        required {
            /// The reason.
            reason: CacheMissReason,
            /// The number of tokens that missed the cache.
            cache_missed_tokens = u64,
        }
        optional {
            /// The number of tokens that could have been reused.
            comparison_reusable_tokens = u64,
        }
    }
}

open_enum! {
    /// The difference from the response that was compared with.
    pub enum CacheMissReason {
        /// The model.
        ModelChanged = "model_changed",
        /// The cache key.
        PromptCacheKeyChanged = "prompt_cache_key_changed",
        /// The tools.
        ToolsChanged = "tools_changed",
        /// The text format.
        TextFormatChanged = "text_format_changed",
        /// The reasoning effort.
        ReasoningEffortChanged = "reasoning_effort_changed",
        /// The verbosity.
        VerbosityChanged = "verbosity_changed",
        /// The conversation was compacted.
        ContextCompacted = "context_compacted",
        /// The input.
        InputChanged = "input_changed",
        /// The service tier that serves the request.
        ServiceTierChanged = "service_tier_changed",
    }
}

object! {
    /// A prompt cache hit.
    pub struct CacheHit tag "cache_hit" {
        required {}
    }
}

object! {
    /// The report that the response to compare with does not exist.
    pub struct ComparisonNotFound tag "comparison_response_not_found" {
        required {}
    }
}

object! {
    /// The report that cache diagnostics are unavailable.
    pub struct CacheUnavailable tag "unavailable" {
        required {}
    }
}
