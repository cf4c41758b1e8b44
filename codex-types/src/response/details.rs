//! The smaller parts of a response.

use alloc::string::String;
use alloc::vec::Vec;

use crate::wire::object::object;
use crate::wire::open::open_enum;
use crate::wire::tagged::{from_variants, tagged};
use crate::{Map, Number};

open_enum! {
    /// How far a response has come.
    pub enum Status {
        /// It is done.
        Completed = "completed",
        /// It went wrong; see its `error`.
        Failed = "failed",
        /// It is being made.
        InProgress = "in_progress",
        /// It was stopped.
        Cancelled = "cancelled",
        /// It waits.
        Queued = "queued",
        /// It ended early; see its `incomplete_details`.
        Incomplete = "incomplete",
    }
}

impl Status {
    /// Whether nothing more will come.
    pub fn is_final(&self) -> bool {
        matches!(
            self,
            Self::Completed | Self::Failed | Self::Cancelled | Self::Incomplete
        )
    }
}

object! {
    /// Why a response ended early.
    pub struct IncompleteDetails {
        required {}
        optional {
            /// Why.
            reason: IncompleteReason,
        }
    }
}

open_enum! {
    /// Why a response ended early.
    pub enum IncompleteReason {
        /// It reached the number of tokens allowed.
        MaxOutputTokens = "max_output_tokens",
        /// It reached the number of messages allowed.
        MaxMessages = "max_messages",
        /// A filter stopped it.
        ContentFilter = "content_filter",
        /// The client steered it, and another response goes on.
        Steered = "steered",
        /// The client interrupted it: the ChatGPT backend.
        Interrupted = "interrupted",
    }
}

object! {
    /// Something the service took out of the input.
    pub struct InputTransformation tag "reasoning" {
        required {
            /// The item.
            id: String,
            /// What was done: `removed`.
            action: String,
            /// Why.
            reason: TransformationReason,
        }
    }
}

open_enum! {
    /// Why the service took something out of the input.
    pub enum TransformationReason {
        /// It belongs to another organisation.
        OrganizationMismatch = "organization_mismatch",
        /// It belongs to another user.
        EndUserMismatch = "end_user_mismatch",
        /// It belongs to another model.
        ModelMismatch = "model_mismatch",
        /// What precedes it has changed.
        PrefixMismatch = "prefix_mismatch",
        /// It belongs to an earlier turn.
        TurnBoundary = "turn_boundary",
    }
}

object! {
    /// What moderation found.
    pub struct ModerationReport {
        plain {
            /// In the input.
            input: ModerationOutcome,
            /// In the output.
            output: ModerationOutcome,
        }
    }
}

tagged! {
    /// What moderation found in one direction.
    pub enum ModerationOutcome {
        /// It found this.
        "moderation_result" => Result(ModerationResult),
        /// It could not look.
        "error" => Error(ModerationError),
    }
}

from_variants!(ModerationOutcome {
    Result(ModerationResult),
    Error(ModerationError),
});

object! {
    /// What moderation found.
    pub struct ModerationResult tag "moderation_result" {
        required {
            /// Whether anything is objectionable.
            flagged = bool,
            /// The model that looked.
            model: String,
        }
        plain {
            /// Which categories are met.
            categories: Map<bool>,
            /// How well, from 0 to 1.
            category_scores: Map<Number>,
            /// Whether by text or by images.
            category_applied_input_types: Map<Vec<String>>,
        }
    }
}

object! {
    /// Why moderation could not look.
    pub struct ModerationError tag "error" {
        required {
            /// Which error it is.
            code: String,
            /// What happened.
            message: String,
        }
    }
}

tagged! {
    /// How the cache was used, compared with another response.
    pub enum PromptCacheDiagnostics {
        /// Less than it could have been.
        "cache_miss" => CacheMiss(CacheMiss),
        /// As much as it could be.
        "cache_hit" => CacheHit(CacheHit),
        /// The other response is not there.
        "comparison_response_not_found" => ComparisonNotFound(ComparisonNotFound),
        /// It cannot be told.
        "unavailable" => Unavailable(CacheUnavailable),
    }
}

from_variants!(PromptCacheDiagnostics {
    CacheMiss(CacheMiss),
    CacheHit(CacheHit),
    ComparisonNotFound(ComparisonNotFound),
    Unavailable(CacheUnavailable),
});

object! {
    /// The cache was used less than it could have been.
    pub struct CacheMiss tag "cache_miss" {
        required {
            /// Why.
            reason: CacheMissReason,
            /// How many tokens were read anew.
            cache_missed_tokens = u64,
        }
        optional {
            /// How many could have come out of the cache.
            comparison_reusable_tokens = u64,
        }
    }
}

open_enum! {
    /// What differs from the response that was compared with.
    pub enum CacheMissReason {
        /// The model.
        ModelChanged = "model_changed",
        /// The key.
        PromptCacheKeyChanged = "prompt_cache_key_changed",
        /// The tools.
        ToolsChanged = "tools_changed",
        /// The form of the answer.
        TextFormatChanged = "text_format_changed",
        /// How much to think.
        ReasoningEffortChanged = "reasoning_effort_changed",
        /// The length of the answer.
        VerbosityChanged = "verbosity_changed",
        /// The conversation was made shorter.
        ContextCompacted = "context_compacted",
        /// The input.
        InputChanged = "input_changed",
        /// How soon it is served.
        ServiceTierChanged = "service_tier_changed",
    }
}

object! {
    /// The cache was used as much as it could be.
    pub struct CacheHit tag "cache_hit" {
        required {}
    }
}

object! {
    /// The response to compare with is not there.
    pub struct ComparisonNotFound tag "comparison_response_not_found" {
        required {}
    }
}

object! {
    /// How the cache was used cannot be told.
    pub struct CacheUnavailable tag "unavailable" {
        required {}
    }
}
