//! Which error it is, and what to do about it.

use crate::wire::open::open_enum;

open_enum! {
    /// Which error the service reports, as `code` or as the coarser `type`.
    pub enum ErrorCode {
        /// Something went wrong in the service.
        ServerError = "server_error",
        /// Too many requests or tokens in too short a time.
        RateLimitExceeded = "rate_limit_exceeded",
        /// The prompt was refused.
        InvalidPrompt = "invalid_prompt",
        /// The data may not be processed there.
        DataResidencyMismatch = "data_residency_mismatch",
        /// The policy about biology was violated.
        BioPolicy = "bio_policy",
        /// The model was about to do what it should not.
        MisalignmentPolicyViolation = "misalignment_policy_violation",
        /// A vector store did not answer in time.
        VectorStoreTimeout = "vector_store_timeout",
        /// An image could not be used.
        InvalidImage = "invalid_image",
        /// The format of an image is not known.
        InvalidImageFormat = "invalid_image_format",
        /// An image is not proper base64.
        InvalidBase64Image = "invalid_base64_image",
        /// The URL of an image cannot be used.
        InvalidImageUrl = "invalid_image_url",
        /// An image has too many pixels.
        ImageTooLarge = "image_too_large",
        /// An image has too few pixels.
        ImageTooSmall = "image_too_small",
        /// An image could not be read.
        ImageParseError = "image_parse_error",
        /// An image violates the policy about content.
        ImageContentPolicyViolation = "image_content_policy_violation",
        /// The colour mode of an image is not known.
        InvalidImageMode = "invalid_image_mode",
        /// The file of an image has too many bytes.
        ImageFileTooLarge = "image_file_too_large",
        /// The media type of an image is not known.
        UnsupportedImageMediaType = "unsupported_image_media_type",
        /// The file of an image is empty.
        EmptyImageFile = "empty_image_file",
        /// An image could not be fetched.
        FailedToDownloadImage = "failed_to_download_image",
        /// The file of an image is not there.
        ImageFileNotFound = "image_file_not_found",
        /// The conversation is too long for the model.
        ContextLengthExceeded = "context_length_exceeded",
        /// There is no money left.
        InsufficientQuota = "insufficient_quota",
        /// There are no credits left.
        CreditBalanceExhausted = "credit_balance_exhausted",
        /// The organisation has spent what it may.
        OrganizationSpendLimitExceeded = "organization_spend_limit_exceeded",
        /// The project has spent what it may.
        ProjectSpendLimitExceeded = "project_spend_limit_exceeded",
        /// The organisation has used what it may.
        OrganizationUsageLimitExceeded = "organization_usage_limit_exceeded",
        /// The plan has used what it may, until a certain time.
        UsageLimitReached = "usage_limit_reached",
        /// The plan does not include this.
        UsageNotIncluded = "usage_not_included",
        /// The policy about security was violated.
        CyberPolicy = "cyber_policy",
        /// There is more to do than can be done.
        ServerIsOverloaded = "server_is_overloaded",
        /// Requests come too fast.
        SlowDown = "slow_down",
        /// There is no spare capacity at the cheaper price.
        FlexUnavailable = "flex_unavailable",
        /// The response to continue is not there.
        PreviousResponseNotFound = "previous_response_not_found",
        /// The connection has lived as long as it may.
        WebsocketConnectionLimitReached = "websocket_connection_limit_reached",
        /// The request cannot be served as it is.
        InvalidRequestError = "invalid_request_error",
        /// The key is not known.
        InvalidApiKey = "invalid_api_key",
        /// The credentials are not good.
        AuthenticationError = "authentication_error",
        /// The credentials do not suffice.
        PermissionError = "permission_error",
        /// The token has expired.
        TokenExpired = "token_expired",
        /// The access token is not good any more: plans shared with an application.
        InvalidToken = "invalid_token",
        /// The user is not known: plans shared with an application.
        SubscriptionSharingInvalidUser = "subscription_sharing_invalid_user",
        /// The user may not share the plan with this application.
        SubscriptionSharingUserNotEligible = "subscription_sharing_user_not_eligible",
        /// The application may not use shared plans.
        SubscriptionSharingClientNotEnabled = "subscription_sharing_client_not_enabled",
        /// Shared plans cannot be used for this route.
        SubscriptionSharingRouteNotSupported = "subscription_sharing_route_not_supported",
        /// Shared plans cannot be used for what `param` names.
        SubscriptionSharingUnsupportedCapability = "subscription_sharing_unsupported_capability",
        /// The plan, or the application's part of it, is used up. Nobody tells until when.
        SubscriptionSharingUsageLimitExceeded = "subscription_sharing_usage_limit_exceeded",
        /// What the workspace allows one user is used up.
        SubscriptionSharingWorkplaceIndividualUsageLimitExceeded = "subscription_sharing_workplace_individual_usage_limit_exceeded",
        /// How much of the plan is used cannot be found out just now.
        SubscriptionSharingUsageUnavailable = "subscription_sharing_usage_unavailable",
        /// The user cannot be looked up just now.
        SubscriptionSharingUserUnavailable = "subscription_sharing_user_unavailable",
        /// The user did not consent to this: plans shared with an application.
        ChatpassScopeNotAuthorized = "chatpass_v2_scope_not_authorized",
        /// The consent does not fit the request: plans shared with an application.
        ChatpassInvalidAuthorizationContext = "chatpass_v2_invalid_authorization_context",
        /// The model is not there.
        ModelNotFound = "model_not_found",
        /// Encrypted content could not be read.
        InvalidEncryptedContent = "invalid_encrypted_content",
        /// Steering: the response is not there.
        ResponseNotFound = "response_not_found",
        /// Steering: the input cannot be used.
        InvalidInput = "invalid_input",
        /// Steering: the response cannot be steered.
        SteeringNotSupported = "steering_not_supported",
        /// Steering: too much waits already.
        TooManyPendingSteers = "too_many_pending_steers",
        /// Steering: the response is done.
        ResponseAlreadyCompleted = "response_already_completed",
        /// Steering: the response is not being made.
        ResponseNotActive = "response_not_active",
        /// Steering: the response that should go on could not be begun.
        SuccessorCreationFailed = "successor_creation_failed",
    }
}
