//! Responses of the service.

mod details;
mod lists;
mod usage;
mod whole;

pub use details::{
    CacheHit, CacheMiss, CacheMissReason, CacheUnavailable, ComparisonNotFound, IncompleteDetails,
    IncompleteReason, InputTransformation, ModerationError, ModerationOutcome, ModerationReport,
    ModerationResult, PromptCacheDiagnostics, Status, TransformationReason,
};
pub use lists::{Compaction, InputTokens, ItemList};
pub use usage::{
    CacheWriteTokensDetails, CachedImageTokensDetails, ImageTokensDetails, ImageUsage,
    InputTokensDetails, OutputTokensDetails, ToolUsage, Usage, WebSearchUsage,
};
pub use whole::Response;
