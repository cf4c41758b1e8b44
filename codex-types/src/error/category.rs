//! Categories of errors, and what to do about them.

use crate::error::{ErrorCode, Side};

/// The category of an error of the service.
///
/// | category | at fault | retry | codes |
/// |---|---|---|---|
/// | `Authentication` | local | no: use other credentials | `invalid_api_key`, `authentication_error`, `token_expired`, `invalid_token`, `subscription_sharing_invalid_user`; status 401 |
/// | `Permission` | local | no | `permission_error`, `usage_not_included`, all others of `subscription_sharing_*` and `chatpass_*`; status 403 |
/// | `InvalidRequest` | local | no | `invalid_request_error`, `invalid_prompt`, `model_not_found`, `not_found_error`, `request_too_large`, `subscription_sharing_unsupported_capability`, all others about images and steering; other statuses 4xx |
/// | `ContextWindow` | local | no: a shorter conversation | `context_length_exceeded` |
/// | `Policy` | local | no | `cyber_policy`, `bio_policy`, `misalignment_policy_violation`, `image_content_policy_violation` |
/// | `Quota` | local | no: the account needs credit | `insufficient_quota`, `credit_balance_exhausted`, `billing_hard_limit_reached`, `billing_error`, the spend and usage limits of organizations and projects; status 402 |
/// | `UsageLimit` | local | not before it resets | `usage_limit_reached`, `subscription_sharing_usage_limit_exceeded`, `subscription_sharing_workplace_individual_usage_limit_exceeded` |
/// | `RateLimit` | local | yes, after the requested wait | `rate_limit_exceeded`, `slow_down`, `too_many_pending_steers`, `rate_limit_error`, `throttling_error`; status 429 |
/// | `Overloaded` | remote | yes, later | `server_is_overloaded`, `overloaded_error`, `flex_unavailable`, `subscription_sharing_usage_unavailable`, `subscription_sharing_user_unavailable`; status 503 |
/// | `Server` | remote | yes | `server_error`, `api_error`, `timeout_error`, `vector_store_timeout`, `successor_creation_failed`; statuses 408, 409, 425 and other 5xx |
/// | `StateLost` | remote | yes, with the whole input on a new connection | `previous_response_not_found`, `websocket_connection_limit_reached` |
/// | `Unknown` | remote | yes | any other code |
///
/// A code that is a number between 400 and 599 counts as that status: some compatible servers send
/// them in the middle of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorCategory {
    /// The credentials are invalid.
    Authentication,
    /// The credentials or the plan are insufficient.
    Permission,
    /// The request cannot be served in this form.
    InvalidRequest,
    /// The conversation is too long for the model's context window.
    ContextWindow,
    /// A policy forbids the request.
    Policy,
    /// The account has no credit left.
    Quota,
    /// The usage limit of the plan is reached, until it resets.
    UsageLimit,
    /// Too many requests or tokens in a short time.
    RateLimit,
    /// The service is overloaded.
    Overloaded,
    /// The service failed.
    Server,
    /// The service no longer has the state that the request builds on.
    StateLost,
    /// The service gave no reason that this version knows.
    Unknown,
}

impl ErrorCategory {
    /// Returns the category of an HTTP status, for responses without an error object.
    pub fn of_status(status: u16) -> Self {
        match status {
            401 => Self::Authentication,
            402 => Self::Quota,
            403 => Self::Permission,
            408 | 409 | 425 => Self::Server,
            429 => Self::RateLimit,
            400..=499 => Self::InvalidRequest,
            503 => Self::Overloaded,
            500..=599 => Self::Server,
            _ => Self::Unknown,
        }
    }

    /// Returns the side that causes errors of this category.
    pub fn side(self) -> Side {
        match self {
            Self::Authentication
            | Self::Permission
            | Self::InvalidRequest
            | Self::ContextWindow
            | Self::Policy
            | Self::Quota
            | Self::UsageLimit
            | Self::RateLimit => Side::Local,
            Self::Overloaded | Self::Server | Self::StateLost | Self::Unknown => Side::Remote,
        }
    }

    /// Returns whether the same request may succeed soon.
    pub fn is_retryable(self) -> bool {
        matches!(
            self,
            Self::RateLimit | Self::Overloaded | Self::Server | Self::StateLost | Self::Unknown
        )
    }
}

impl ErrorCode {
    /// Returns the category of the code.
    ///
    /// ```
    /// use codex_types::{ErrorCategory, ErrorCode};
    ///
    /// let category = ErrorCode::from("usage_limit_reached").category();
    /// assert_eq!(category, ErrorCategory::UsageLimit);
    /// assert!(!category.is_retryable());
    /// ```
    pub fn category(&self) -> ErrorCategory {
        use ErrorCategory as C;
        match self {
            Self::InvalidApiKey
            | Self::AuthenticationError
            | Self::TokenExpired
            | Self::InvalidToken
            | Self::SubscriptionSharingInvalidUser => C::Authentication,
            Self::PermissionError
            | Self::UsageNotIncluded
            | Self::SubscriptionSharingUserNotEligible
            | Self::SubscriptionSharingClientNotEnabled
            | Self::SubscriptionSharingRouteNotSupported
            | Self::ChatpassScopeNotAuthorized
            | Self::ChatpassInvalidAuthorizationContext => C::Permission,
            Self::ContextLengthExceeded => C::ContextWindow,
            Self::CyberPolicy
            | Self::BioPolicy
            | Self::MisalignmentPolicyViolation
            | Self::ImageContentPolicyViolation => C::Policy,
            Self::InsufficientQuota
            | Self::CreditBalanceExhausted
            | Self::OrganizationSpendLimitExceeded
            | Self::ProjectSpendLimitExceeded
            | Self::OrganizationUsageLimitExceeded => C::Quota,
            Self::UsageLimitReached
            | Self::SubscriptionSharingUsageLimitExceeded
            | Self::SubscriptionSharingWorkplaceIndividualUsageLimitExceeded => C::UsageLimit,
            Self::RateLimitExceeded | Self::SlowDown | Self::TooManyPendingSteers => C::RateLimit,
            Self::ServerIsOverloaded
            | Self::FlexUnavailable
            | Self::SubscriptionSharingUsageUnavailable
            | Self::SubscriptionSharingUserUnavailable => C::Overloaded,
            Self::ServerError | Self::VectorStoreTimeout | Self::SuccessorCreationFailed => {
                C::Server
            }
            Self::PreviousResponseNotFound | Self::WebsocketConnectionLimitReached => C::StateLost,
            Self::InvalidPrompt
            | Self::DataResidencyMismatch
            | Self::InvalidImage
            | Self::InvalidImageFormat
            | Self::InvalidBase64Image
            | Self::InvalidImageUrl
            | Self::ImageTooLarge
            | Self::ImageTooSmall
            | Self::ImageParseError
            | Self::InvalidImageMode
            | Self::ImageFileTooLarge
            | Self::UnsupportedImageMediaType
            | Self::EmptyImageFile
            | Self::FailedToDownloadImage
            | Self::ImageFileNotFound
            | Self::InvalidRequestError
            | Self::ModelNotFound
            | Self::SubscriptionSharingUnsupportedCapability
            | Self::InvalidEncryptedContent
            | Self::ResponseNotFound
            | Self::InvalidInput
            | Self::SteeringNotSupported
            | Self::ResponseAlreadyCompleted
            | Self::ResponseNotActive => C::InvalidRequest,
            Self::Unlisted(code) => of_unlisted(code.as_str()),
        }
    }
}

/// A refusal to an application that uses another person's plan is permanent, whatever its name. The
/// older names of these codes have a `v2_` that the newer ones have lost.
fn of_unlisted(code: &str) -> ErrorCategory {
    if let Some(successor) = code.strip_prefix("subscription_sharing_v2_") {
        return ErrorCode::from(alloc::format!("subscription_sharing_{successor}")).category();
    }
    // Compatible servers use types of other vendors, and statuses as codes.
    match code {
        "billing_hard_limit_reached" | "billing_error" => return ErrorCategory::Quota,
        "rate_limit_error" | "throttling_error" => return ErrorCategory::RateLimit,
        "overloaded_error" => return ErrorCategory::Overloaded,
        "api_error" | "timeout_error" => return ErrorCategory::Server,
        "not_found_error" | "request_too_large" => return ErrorCategory::InvalidRequest,
        _ => {}
    }
    if let Ok(status @ 400..=599) = code.parse() {
        return ErrorCategory::of_status(status);
    }
    if code.starts_with("subscription_sharing_") || code.starts_with("chatpass_") {
        return ErrorCategory::Permission;
    }
    ErrorCategory::Unknown
}
