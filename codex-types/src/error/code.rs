//! Error codes.

use crate::wire::open::open_enum;

open_enum! {
    /// The error that the service reports, as `code` or as the coarser `type`.
    pub enum ErrorCode {
        /// The service failed.
        ServerError = "server_error",
        /// Too many requests or tokens in a short time.
        RateLimitExceeded = "rate_limit_exceeded",
        /// The prompt was refused.
        InvalidPrompt = "invalid_prompt",
        /// The data may not be processed in that region.
        DataResidencyMismatch = "data_residency_mismatch",
        /// The biology policy was violated.
        BioPolicy = "bio_policy",
        /// The model was about to take a harmful action.
        MisalignmentPolicyViolation = "misalignment_policy_violation",
        /// A vector store timed out.
        VectorStoreTimeout = "vector_store_timeout",
        /// An image could not be used.
        InvalidImage = "invalid_image",
        /// The format of an image is unsupported.
        InvalidImageFormat = "invalid_image_format",
        /// An image is not valid base64.
        InvalidBase64Image = "invalid_base64_image",
        /// The URL of an image is invalid.
        InvalidImageUrl = "invalid_image_url",
        /// An image has too many pixels.
        ImageTooLarge = "image_too_large",
        /// An image has too few pixels.
        ImageTooSmall = "image_too_small",
        /// An image could not be read.
        ImageParseError = "image_parse_error",
        /// An image violates the content policy.
        ImageContentPolicyViolation = "image_content_policy_violation",
        /// The color mode of an image is unsupported.
        InvalidImageMode = "invalid_image_mode",
        /// An image file is too large.
        ImageFileTooLarge = "image_file_too_large",
        /// The media type of an image is unsupported.
        UnsupportedImageMediaType = "unsupported_image_media_type",
        /// An image file is empty.
        EmptyImageFile = "empty_image_file",
        /// An image could not be downloaded.
        FailedToDownloadImage = "failed_to_download_image",
        /// An image file was not found.
        ImageFileNotFound = "image_file_not_found",
        /// The conversation is too long for the model's context window.
        ContextLengthExceeded = "context_length_exceeded",
        /// The account has no quota left.
        InsufficientQuota = "insufficient_quota",
        /// The account has no credits left.
        CreditBalanceExhausted = "credit_balance_exhausted",
        /// The spend limit of the organization is reached.
        OrganizationSpendLimitExceeded = "organization_spend_limit_exceeded",
        /// The spend limit of the project is reached.
        ProjectSpendLimitExceeded = "project_spend_limit_exceeded",
        /// The usage limit of the organization is reached.
        OrganizationUsageLimitExceeded = "organization_usage_limit_exceeded",
        /// The usage limit of the plan is reached, until it resets.
        UsageLimitReached = "usage_limit_reached",
        /// The plan does not include the request.
        UsageNotIncluded = "usage_not_included",
        /// The cybersecurity policy was violated.
        CyberPolicy = "cyber_policy",
        /// The service is overloaded.
        ServerIsOverloaded = "server_is_overloaded",
        /// Requests arrive too fast.
        SlowDown = "slow_down",
        /// No capacity is left at the flex price.
        FlexUnavailable = "flex_unavailable",
        /// The response to continue does not exist.
        PreviousResponseNotFound = "previous_response_not_found",
        /// The connection has reached its maximum age.
        WebsocketConnectionLimitReached = "websocket_connection_limit_reached",
        /// The request cannot be served in this form.
        InvalidRequestError = "invalid_request_error",
        /// The API key is invalid.
        InvalidApiKey = "invalid_api_key",
        /// The credentials are invalid.
        AuthenticationError = "authentication_error",
        /// The credentials are insufficient.
        PermissionError = "permission_error",
        /// The token has expired.
        TokenExpired = "token_expired",
        /// The access token is no longer valid (plans shared with an application).
        InvalidToken = "invalid_token",
        /// The user is unknown (plans shared with an application).
        SubscriptionSharingInvalidUser = "subscription_sharing_invalid_user",
        /// The user may not share the plan with this application.
        SubscriptionSharingUserNotEligible = "subscription_sharing_user_not_eligible",
        /// The application may not use shared plans.
        SubscriptionSharingClientNotEnabled = "subscription_sharing_client_not_enabled",
        /// Shared plans cannot be used for this route.
        SubscriptionSharingRouteNotSupported = "subscription_sharing_route_not_supported",
        /// Shared plans cannot be used for what `param` names.
        SubscriptionSharingUnsupportedCapability = "subscription_sharing_unsupported_capability",
        /// The usage limit of the plan, or of the application's portion of it, is reached. The
        /// server does not say when it resets.
        SubscriptionSharingUsageLimitExceeded = "subscription_sharing_usage_limit_exceeded",
        /// The workspace's limit for one user is reached.
        SubscriptionSharingWorkplaceIndividualUsageLimitExceeded = "subscription_sharing_workplace_individual_usage_limit_exceeded",
        /// The usage of the plan is temporarily unavailable.
        SubscriptionSharingUsageUnavailable = "subscription_sharing_usage_unavailable",
        /// The user is temporarily unavailable.
        SubscriptionSharingUserUnavailable = "subscription_sharing_user_unavailable",
        /// The user did not consent to this (plans shared with an application).
        ChatpassScopeNotAuthorized = "chatpass_v2_scope_not_authorized",
        /// The consent does not match the request (plans shared with an application).
        ChatpassInvalidAuthorizationContext = "chatpass_v2_invalid_authorization_context",
        /// The model does not exist.
        ModelNotFound = "model_not_found",
        /// Encrypted content could not be read.
        InvalidEncryptedContent = "invalid_encrypted_content",
        /// Steering: the response does not exist.
        ResponseNotFound = "response_not_found",
        /// Steering: the input is invalid.
        InvalidInput = "invalid_input",
        /// Steering: the response cannot be steered.
        SteeringNotSupported = "steering_not_supported",
        /// Steering: too many inputs are pending.
        TooManyPendingSteers = "too_many_pending_steers",
        /// Steering: the response has completed.
        ResponseAlreadyCompleted = "response_already_completed",
        /// Steering: the response is not active.
        ResponseNotActive = "response_not_active",
        /// Steering: the continuing response could not be created.
        SuccessorCreationFailed = "successor_creation_failed",
    }
}
