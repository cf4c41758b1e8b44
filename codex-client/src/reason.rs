//! The reason for a refusal, in terms that help a user. The table of codes is in `codex_types`.
//! This module handles the few refusals that carry a plan, a time or a scope in addition to their
//! code.

use core::fmt;
use core::time::Duration;

use codex_types::{ApiError, ErrorCategory, ErrorCode, PlanType, RateLimits};

use crate::clock::since_epoch;
use crate::meta::ResponseMeta;
use crate::remedy::Remedy;

/// The reason why the server refused a request, and how to resolve it.
///
/// `Display` describes the problem in one sentence, without anything of a prompt;
/// [`remedy`](Self::remedy) returns what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// The usage limit of the plan is reached. Retrying before it resets cannot help.
    UsageLimit {
        /// The plan, if the server names it.
        plan: Option<PlanType>,
        /// The time at which the limit resets, as a Unix timestamp in seconds.
        resets_at: Option<u64>,
        /// The time until the limit resets, counted from the arrival of the response.
        resets_in: Option<Duration>,
    },
    /// The plan does not include the requested feature.
    PlanRequired {
        /// The plan, if the server names it.
        plan: Option<PlanType>,
    },
    /// The credentials lack a scope that the request needs.
    MissingScope {
        /// The missing scopes, separated by white space, if the server names them.
        scopes: Option<String>,
    },
    /// The request names no workspace (ChatGPT account), or one that the credentials do not cover.
    MissingWorkspace,
    /// The plan that a user shares with this program, or the program's portion of it, is used up.
    /// The server does not say when it resets.
    SharedUsageLimit {
        /// Whether the limit is the one that the workspace sets for each user.
        of_workspace: bool,
    },
    /// The plan cannot be shared: the user may not share it, or the program may not use shared
    /// plans.
    SharingNotAllowed {
        /// Whether it is the program that may not use shared plans.
        of_program: bool,
    },
    /// The user has not consented to the requested access.
    ConsentMissing,
    /// A shared plan does not cover the request.
    NotShared {
        /// The parameter at fault, if the server names it.
        param: Option<String>,
    },
    /// A proxy in front of the service refused the request, so the service did not receive it.
    Blocked,
    /// Any other reason, by its category.
    Other(ErrorCategory),
}

impl Reason {
    pub(crate) fn of(api: Option<&ApiError>, meta: Option<&ResponseMeta>) -> Self {
        let status = meta
            .map(|meta| meta.status().as_u16())
            .filter(|status| *status >= 400);
        let Some(api) = api else {
            return Self::Other(status.map_or(ErrorCategory::Unknown, ErrorCategory::of_status));
        };
        let category = api.category_with_status(status);
        let named = [&api.code, &api.kind].into_iter().flatten();
        if let Some(reason) = named.map(successor).find_map(|code| of_code(&code, api)) {
            return reason;
        }
        // Only something in front of the service responds with an HTML page.
        if meta.is_some_and(|meta| meta.is_of_type("text/html")) && status == Some(403) {
            return Self::Blocked;
        }
        match category {
            ErrorCategory::UsageLimit => Self::usage_limit(api, meta),
            ErrorCategory::Authentication | ErrorCategory::Permission => {
                refused(&api.message, category)
            }
            category => Self::Other(category),
        }
    }

    /// Reads the reset time of the limit from the body, or else from the windows in the headers.
    fn usage_limit(api: &ApiError, meta: Option<&ResponseMeta>) -> Self {
        let limits = meta.map(ResponseMeta::rate_limits).unwrap_or_default();
        let resets_at = api
            .resets_at
            .and_then(|at| at.to_whole())
            .or_else(|| end_of_window(&limits));
        let resets_in = api
            .resets_in_seconds
            .and_then(|seconds| Duration::try_from_secs_f64(seconds.as_f64()).ok());
        Self::UsageLimit {
            plan: api.plan_type.clone().or(limits.plan_type),
            resets_at,
            resets_in: resets_in
                .or_else(|| Duration::from_secs(resets_at?).checked_sub(since_epoch())),
        }
    }

    /// Returns the category of the refusal.
    #[must_use]
    pub fn category(&self) -> ErrorCategory {
        match self {
            Self::UsageLimit { .. } => ErrorCategory::UsageLimit,
            Self::SharedUsageLimit { .. } => ErrorCategory::UsageLimit,
            Self::PlanRequired { .. }
            | Self::MissingScope { .. }
            | Self::MissingWorkspace
            | Self::SharingNotAllowed { .. }
            | Self::ConsentMissing
            | Self::Blocked => ErrorCategory::Permission,
            Self::NotShared { .. } => ErrorCategory::InvalidRequest,
            Self::Other(category) => *category,
        }
    }

    /// Returns whether the same request may succeed soon.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        self.category().is_retryable()
    }

    /// Returns what can be done about the refusal.
    ///
    /// ```
    /// use codex_client::{Reason, Remedy};
    /// use codex_client::types::ErrorCategory;
    ///
    /// assert_eq!(Reason::MissingWorkspace.remedy(), Remedy::ChooseWorkspace);
    /// assert_eq!(Reason::Other(ErrorCategory::RateLimit).remedy(), Remedy::SlowDown);
    /// ```
    #[must_use]
    pub fn remedy(&self) -> Remedy {
        match self {
            Self::UsageLimit { .. } => Remedy::WaitForReset,
            Self::SharedUsageLimit { .. } => Remedy::ManageUsage,
            Self::PlanRequired { .. } => Remedy::ChangePlan,
            Self::MissingScope { .. } | Self::ConsentMissing => Remedy::GrantScopes,
            Self::MissingWorkspace => Remedy::ChooseWorkspace,
            Self::SharingNotAllowed { .. } => Remedy::AskForAccess,
            Self::NotShared { .. } => Remedy::ChangeRequest,
            Self::Blocked => Remedy::ChangeNetwork,
            Self::Other(category) => match category {
                ErrorCategory::Authentication => Remedy::SignInAgain,
                ErrorCategory::Permission => Remedy::AskForAccess,
                ErrorCategory::InvalidRequest => Remedy::ChangeRequest,
                ErrorCategory::ContextWindow => Remedy::ShortenConversation,
                ErrorCategory::Policy => Remedy::AskForSomethingElse,
                ErrorCategory::Quota => Remedy::AddCredit,
                ErrorCategory::UsageLimit => Remedy::WaitForReset,
                ErrorCategory::RateLimit => Remedy::SlowDown,
                ErrorCategory::StateLost => Remedy::SendEverything,
                _ => Remedy::TryLater,
            },
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UsageLimit {
                plan, resets_in, ..
            } => {
                f.write_str("usage limit")?;
                write_plan(f, " of the plan ", plan.as_ref())?;
                f.write_str(" reached")?;
                match resets_in {
                    Some(period) => {
                        f.write_str(", resets in ")?;
                        write_period(f, *period)
                    }
                    None => Ok(()),
                }
            }
            Self::PlanRequired { plan } => {
                f.write_str("plan")?;
                write_plan(f, " ", plan.as_ref())?;
                f.write_str(" does not include this feature")
            }
            Self::MissingScope {
                scopes: Some(scopes),
            } => write!(f, "credentials lack the scopes {scopes}"),
            Self::MissingScope { scopes: None } => f.write_str("credentials lack a required scope"),
            Self::MissingWorkspace => {
                f.write_str("workspace is missing or does not match the credentials")
            }
            Self::SharedUsageLimit {
                of_workspace: false,
            } => f.write_str("usage limit of the shared plan reached"),
            Self::SharedUsageLimit { of_workspace: true } => {
                f.write_str("usage limit set by the workspace reached")
            }
            Self::SharingNotAllowed { of_program: false } => {
                f.write_str("account is not allowed to share its plan with this program")
            }
            Self::SharingNotAllowed { of_program: true } => {
                f.write_str("program is not allowed to use shared plans")
            }
            Self::ConsentMissing => f.write_str("request is not covered by the user's consent"),
            Self::NotShared { param } => {
                f.write_str("request is not covered by a shared plan")?;
                match param {
                    Some(param) => write!(f, " ({param})"),
                    None => Ok(()),
                }
            }
            Self::Blocked => f.write_str("request was blocked by a proxy in front of the service"),
            Self::Other(category) => f.write_str(match category {
                ErrorCategory::Authentication => "credentials were rejected",
                ErrorCategory::Permission => "credentials do not permit this request",
                ErrorCategory::InvalidRequest => "invalid request",
                ErrorCategory::ContextWindow => {
                    "conversation exceeds the context window of the model"
                }
                ErrorCategory::Policy => "request was rejected by a policy of the service",
                ErrorCategory::Quota => "credit or spending limit exhausted",
                ErrorCategory::UsageLimit => "usage limit reached",
                ErrorCategory::RateLimit => "rate limit exceeded",
                ErrorCategory::Overloaded => "service is overloaded",
                ErrorCategory::Server => "internal service error",
                ErrorCategory::StateLost => {
                    "previous response or connection state is no longer available"
                }
                _ => "unknown reason",
            }),
        }
    }
}

/// Returns the reason for a code that carries more than its category.
fn of_code(code: &ErrorCode, api: &ApiError) -> Option<Reason> {
    Some(match code {
        ErrorCode::UsageNotIncluded => Reason::PlanRequired {
            plan: api.plan_type.clone(),
        },
        ErrorCode::SubscriptionSharingUsageLimitExceeded => Reason::SharedUsageLimit {
            of_workspace: false,
        },
        ErrorCode::SubscriptionSharingWorkplaceIndividualUsageLimitExceeded => {
            Reason::SharedUsageLimit { of_workspace: true }
        }
        ErrorCode::SubscriptionSharingUserNotEligible => {
            Reason::SharingNotAllowed { of_program: false }
        }
        ErrorCode::SubscriptionSharingClientNotEnabled => {
            Reason::SharingNotAllowed { of_program: true }
        }
        ErrorCode::ChatpassScopeNotAuthorized | ErrorCode::ChatpassInvalidAuthorizationContext => {
            Reason::ConsentMissing
        }
        ErrorCode::SubscriptionSharingRouteNotSupported
        | ErrorCode::SubscriptionSharingUnsupportedCapability => Reason::NotShared {
            param: api.param.clone().filter(|param| is_place(param)),
        },
        _ => return None,
    })
}

/// Maps a deprecated code to its newer name.
fn successor(code: &ErrorCode) -> ErrorCode {
    match code.as_str().strip_prefix("subscription_sharing_v2_") {
        Some(name) => ErrorCode::from(format!("subscription_sharing_{name}")),
        None => code.clone(),
    }
}

/// Returns whether the text is the name or the path of a parameter, and not free text.
fn is_place(param: &str) -> bool {
    let is_part = |byte: u8| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'[' | b']' | b'-' | b'/')
    };
    !param.is_empty() && param.len() <= 64 && param.bytes().all(is_part)
}

/// Refines the reason for refused credentials by the message, which is more specific than the code.
fn refused(message: &str, category: ErrorCategory) -> Reason {
    let message = message.to_ascii_lowercase();
    if let Some((_, named)) = message.split_once("missing scope") {
        let names = named.trim_start_matches('s').trim_start_matches(':');
        return Reason::MissingScope {
            scopes: scopes(names),
        };
    }
    if message.contains("workspace") || message.contains("chatgpt-account-id") {
        return Reason::MissingWorkspace;
    }
    Reason::Other(category)
}

/// Returns the scopes at the start of a text. No other text of the server may reach an error.
fn scopes(text: &str) -> Option<String> {
    let names: Vec<&str> = text
        .split([' ', ','])
        .map(|name| name.trim_end_matches('.'))
        .filter(|name| !name.is_empty())
        .take_while(|name| {
            name.contains('.') && name.len() <= 64 && name.bytes().all(is_scope_byte)
        })
        .take(8)
        .collect();
    (!names.is_empty()).then(|| names.join(" "))
}

fn is_scope_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b':' | b'-')
}

/// Returns when the exhausted window resets.
fn end_of_window(limits: &RateLimits) -> Option<u64> {
    let limit = limits.active()?;
    let windows = [&limit.primary, &limit.secondary].into_iter().flatten();
    windows
        .filter(|window| window.used_percent >= 100.0)
        .filter_map(|window| window.resets_at)
        .max()
}

/// Writes the name of a known plan. Any other name is text from the server and must not reach an
/// error's text.
fn write_plan(f: &mut fmt::Formatter<'_>, before: &str, plan: Option<&PlanType>) -> fmt::Result {
    match plan.filter(|plan| plan.is_listed()) {
        Some(plan) => write!(f, "{before}{plan}"),
        None => Ok(()),
    }
}

/// Writes a duration in its two largest units.
fn write_period(f: &mut fmt::Formatter<'_>, period: Duration) -> fmt::Result {
    let seconds = period.as_secs();
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => write!(f, "{} s", seconds.max(1)),
        (0, 0, minutes) => write!(f, "{minutes} min"),
        (0, hours, minutes) => write!(f, "{hours} h {minutes} min"),
        (days, hours, _) => write!(f, "{days} d {hours} h"),
    }
}

#[cfg(test)]
mod tests {
    use codex_types::ErrorEvent;
    use http::{HeaderMap, StatusCode};

    use super::*;

    fn reason(status: u16, headers: &[(&'static str, &'static str)], body: &str) -> Reason {
        let headers: HeaderMap = headers
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
            .collect();
        let meta = ResponseMeta::read(StatusCode::from_u16(status).unwrap(), &headers);
        Reason::of(
            Some(&ErrorEvent::from_body(body.as_bytes()).to_api_error()),
            Some(&meta),
        )
    }

    #[test]
    fn a_usage_limit_names_the_plan_and_the_time() {
        let parsed = reason(
            429,
            &[],
            r#"{"error":{"type":"usage_limit_reached","message":"m","plan_type":"plus","resets_at":4102444800,"resets_in_seconds":5400}}"#,
        );
        assert_eq!(
            parsed.to_string(),
            "usage limit of the plan plus reached, resets in 1 h 30 min"
        );
        assert_eq!(parsed.remedy(), Remedy::WaitForReset);
        assert_eq!(
            parsed.remedy().to_string(),
            "wait until the limit resets, or use an API key"
        );
        assert!(!parsed.is_retryable());
        let Reason::UsageLimit { resets_at, .. } = parsed else {
            panic!("a usage limit")
        };
        assert_eq!(resets_at, Some(4_102_444_800));
    }

    #[test]
    fn the_headers_say_when_a_limit_is_lifted_where_the_body_does_not() {
        let parsed = reason(
            429,
            &[
                ("x-codex-active-limit", "premium"),
                ("x-codex-primary-used-percent", "100"),
                ("x-codex-primary-reset-at", "4102444800"),
                ("x-codex-secondary-used-percent", "40"),
                ("x-codex-secondary-reset-at", "4202444800"),
            ],
            r#"{"error":{"type":"usage_limit_reached","message":"m"}}"#,
        );
        let Reason::UsageLimit {
            plan,
            resets_at,
            resets_in,
        } = parsed
        else {
            panic!("a usage limit")
        };
        assert_eq!((plan, resets_at), (None, Some(4_102_444_800)));
        assert!(resets_in.is_some_and(|period| period > Duration::from_secs(86_400)));
    }

    #[test]
    fn scopes_and_workspaces_are_read_from_the_message() {
        let parsed = reason(
            401,
            &[],
            r#"{"error":{"message":"You have insufficient permissions. Missing scopes: model.request, api.responses.write. Ask prompt-canary"}}"#,
        );
        assert_eq!(
            parsed,
            Reason::MissingScope {
                scopes: Some("model.request api.responses.write".into())
            }
        );
        assert_eq!(
            parsed.to_string(),
            "credentials lack the scopes model.request api.responses.write"
        );
        let parsed = reason(403, &[], r#"{"detail":"missing scope"}"#);
        assert_eq!(parsed.to_string(), "credentials lack a required scope");
        for body in [
            r#"{"detail":"Missing ChatGPT-Account-Id header"}"#,
            r#"{"error":{"code":"invalid_workspace_selected","message":"Workspace not found"}}"#,
        ] {
            assert_eq!(reason(403, &[], body), Reason::MissingWorkspace);
        }
        // In another kind of refusal, the same words may come from the prompt.
        assert_eq!(
            reason(400, &[], r#"{"detail":"workspace"}"#),
            Reason::Other(ErrorCategory::InvalidRequest)
        );
    }

    #[test]
    fn a_plan_that_does_not_include_it_says_so() {
        let parsed = reason(
            429,
            &[],
            r#"{"error":{"type":"usage_not_included","message":"m","plan_type":"free"}}"#,
        );
        assert_eq!(
            parsed.to_string(),
            "plan free does not include this feature"
        );
        let parsed = reason(
            429,
            &[],
            r#"{"error":{"type":"usage_not_included","message":"m","plan_type":"prompt canary"}}"#,
        );
        assert_eq!(parsed.to_string(), "plan does not include this feature");
    }

    #[test]
    fn refusals_of_shared_plans_say_what_to_do() {
        let cases = [
            (
                429,
                "subscription_sharing_usage_limit_exceeded",
                "usage limit of the shared plan reached",
                Remedy::ManageUsage,
            ),
            (
                429,
                "subscription_sharing_workplace_individual_usage_limit_exceeded",
                "usage limit set by the workspace reached",
                Remedy::ManageUsage,
            ),
            (
                403,
                "subscription_sharing_user_not_eligible",
                "account is not allowed to share its plan with this program",
                Remedy::AskForAccess,
            ),
            (
                403,
                "subscription_sharing_v2_client_not_enabled",
                "program is not allowed to use shared plans",
                Remedy::AskForAccess,
            ),
            (
                403,
                "chatpass_v2_scope_not_authorized",
                "request is not covered by the user's consent",
                Remedy::GrantScopes,
            ),
            (
                400,
                "subscription_sharing_unsupported_capability",
                "request is not covered by a shared plan (tools[0].type)",
                Remedy::ChangeRequest,
            ),
            (
                401,
                "subscription_sharing_invalid_user",
                "credentials were rejected",
                Remedy::SignInAgain,
            ),
        ];
        for (status, code, sentence, remedy) in cases {
            let body =
                format!(r#"{{"error":{{"code":"{code}","message":"m","param":"tools[0].type"}}}}"#);
            let parsed = reason(status, &[], &body);
            assert_eq!(
                (parsed.to_string().as_str(), parsed.remedy()),
                (sentence, remedy)
            );
            assert!(!parsed.is_retryable(), "{code}");
        }
        let parsed = reason(
            400,
            &[],
            r#"{"error":{"code":"subscription_sharing_unsupported_capability","param":"prompt canary"}}"#,
        );
        assert_eq!(parsed, Reason::NotShared { param: None });
        // Temporary failures are retried, and unknown ones are not.
        let parsed = |status, code: &str| {
            reason(status, &[], &format!(r#"{{"error":{{"code":"{code}"}}}}"#))
        };
        assert!(parsed(503, "subscription_sharing_usage_unavailable").is_retryable());
        assert!(!parsed(429, "subscription_sharing_something_new").is_retryable());
    }

    #[test]
    fn a_page_instead_of_an_answer_comes_from_the_way() {
        let page = "<html><title>Attention Required! | Cloudflare</title>blocked</html>";
        let parsed = reason(403, &[("content-type", "text/html; charset=UTF-8")], page);
        assert_eq!(parsed, Reason::Blocked);
        assert_eq!(parsed.remedy(), Remedy::ChangeNetwork);
        let parsed = reason(
            403,
            &[("content-type", "application/json")],
            r#"{"detail":"no"}"#,
        );
        assert_eq!(parsed, Reason::Other(ErrorCategory::Permission));
    }

    #[test]
    fn every_category_has_a_sentence_and_a_remedy() {
        let parsed = Reason::of(None, None);
        assert_eq!(parsed.to_string(), "unknown reason");
        for (status, sentence) in [
            (401, "credentials were rejected"),
            (429, "rate limit exceeded"),
            (503, "service is overloaded"),
        ] {
            let parsed = reason(status, &[], "<html>");
            assert_eq!(parsed.to_string(), sentence);
            assert!(!parsed.remedy().as_str().is_empty());
        }
    }

    #[test]
    fn periods_read_as_people_say_them() {
        let said = |seconds| {
            Reason::UsageLimit {
                plan: None,
                resets_at: None,
                resets_in: Some(Duration::from_secs(seconds)),
            }
            .to_string()
        };
        for (seconds, period) in [
            (0, "1 s"),
            (59, "59 s"),
            (60, "1 min"),
            (3_600, "1 h 0 min"),
            (200_000, "2 d 7 h"),
        ] {
            assert_eq!(
                said(seconds),
                format!("usage limit reached, resets in {period}")
            );
        }
    }
}
