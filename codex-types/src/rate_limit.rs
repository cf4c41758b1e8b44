//! Rate limits of an account, from every source.

use alloc::borrow::Cow;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::time::Duration;

use crate::error::{ErrorEvent, PlanType, duration};
use crate::event::{RateLimitWindowBody, RateLimitsEvent};
use crate::wire::open::open_enum;
use crate::{Map, RawJson};

/// The rate limits of an account, and how much of them is used.
///
/// The ChatGPT backend has named limits with two windows each, which it reports in headers
/// (`x-codex-primary-used-percent` and others), in the same headers inside WebSocket messages, in
/// the event `codex.rate_limits` and in error bodies. The platform API has budgets of requests and
/// tokens (`x-ratelimit-remaining-requests` and others). This type covers all of them.
///
/// ```
/// use codex_types::RateLimits;
///
/// let limits = RateLimits::from_headers([
///     ("x-codex-primary-used-percent", "42.5"),
///     ("x-codex-primary-window-minutes", "300"),
///     ("x-codex-primary-reset-at", "1767225600"),
/// ]);
/// let window = limits.active().and_then(|limit| limit.primary.as_ref()).unwrap();
/// assert_eq!(window.used_percent, 42.5);
/// assert_eq!(window.window_minutes, Some(300));
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct RateLimits {
    /// The limits: the default one, `codex`, first if it has data, then the others by id.
    pub limits: Vec<RateLimit>,
    /// The id of the active limit, or of the limit that was reached.
    pub active_limit: Option<String>,
    /// Purchased credits.
    pub credits: Option<Credits>,
    /// The plan of the account.
    pub plan_type: Option<PlanType>,
    /// The limit that was reached.
    pub reached: Option<RateLimitReached>,
    /// The time at which the exhausted limit resets, as a Unix timestamp in seconds; from an error
    /// body.
    pub resets_at: Option<u64>,
    /// The number of seconds until the exhausted limit resets; from an error body.
    pub resets_in_seconds: Option<u64>,
    /// A promotional notice.
    pub promo_message: Option<String>,
    /// The request budget of the platform API.
    pub requests: Option<RateBudget>,
    /// The token budget of the platform API.
    pub tokens: Option<RateBudget>,
}

/// A limit with its windows.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct RateLimit {
    /// The id of the limit, such as `codex`: lower case, with `_`.
    pub id: String,
    /// The display name.
    pub name: Option<String>,
    /// The shorter window, usually five hours.
    pub primary: Option<RateLimitWindow>,
    /// The longer window, usually a week.
    pub secondary: Option<RateLimitWindow>,
}

/// One window of a limit.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct RateLimitWindow {
    /// The used portion, in percent.
    pub used_percent: f64,
    /// The length of the window in minutes.
    pub window_minutes: Option<u64>,
    /// The time at which the window resets, as a Unix timestamp in seconds.
    pub resets_at: Option<u64>,
    /// The number of seconds until then.
    pub resets_in_seconds: Option<u64>,
}

/// The purchased credits of an account.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Credits {
    /// Whether the account has credits.
    pub has_credits: bool,
    /// Whether credits are unlimited.
    pub unlimited: bool,
    /// The balance, as the service words it.
    pub balance: Option<String>,
}

/// A budget of the platform API.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RateBudget {
    /// The total.
    pub limit: Option<u64>,
    /// The remaining amount.
    pub remaining: Option<u64>,
    /// The time until the budget is full again.
    pub reset: Option<Duration>,
}

open_enum! {
    /// The limit that was reached.
    pub enum RateLimitReached {
        /// The limit of the plan.
        RateLimit = "rate_limit_reached",
        /// The workspace has no credits; the request was the owner's.
        OwnerCreditsDepleted = "workspace_owner_credits_depleted",
        /// The workspace has no credits; the request was a member's.
        MemberCreditsDepleted = "workspace_member_credits_depleted",
        /// The usage limit of the workspace is reached; the request was the owner's.
        OwnerUsageLimit = "workspace_owner_usage_limit_reached",
        /// The usage limit of the workspace is reached; the request was a member's.
        MemberUsageLimit = "workspace_member_usage_limit_reached",
    }
}

impl RateLimits {
    /// Reads the headers of an HTTP response, as pairs of name and value, ignoring case.
    pub fn from_headers<'a>(headers: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let headers = headers
            .into_iter()
            .map(|(name, value)| (name.to_ascii_lowercase(), Cow::Borrowed(value)))
            .collect();
        Headers(headers).read()
    }

    /// Reads headers from a message, where values may be strings, numbers or booleans.
    pub fn from_header_map(headers: &Map<RawJson>) -> Self {
        let headers = headers
            .iter()
            .filter_map(|(name, value)| Some((name.to_ascii_lowercase(), plain(value)?)))
            .collect();
        Headers(headers).read()
    }

    /// Reads the event `codex.rate_limits`.
    pub fn from_event(event: &RateLimitsEvent) -> Self {
        let id = event
            .metered_limit_name
            .as_deref()
            .or(event.limit_name.as_deref())
            .map_or_else(|| DEFAULT_LIMIT.to_string(), normal_id);
        let windows = event.rate_limits.as_ref();
        Self {
            limits: alloc::vec![RateLimit {
                id: id.clone(),
                name: event.limit_name.clone(),
                primary: windows.and_then(|w| window_of(w.primary.as_ref()?)),
                secondary: windows.and_then(|w| window_of(w.secondary.as_ref()?)),
            }],
            active_limit: Some(id),
            credits: event.credits.as_ref().and_then(|credits| {
                Some(Credits {
                    has_credits: credits.has_credits?,
                    unlimited: credits.unlimited?,
                    balance: credits
                        .balance
                        .clone()
                        .filter(|text| !text.trim().is_empty()),
                })
            }),
            plan_type: event.plan_type.clone(),
            reached: windows
                .and_then(|windows| windows.limit_reached)
                .unwrap_or_default()
                .then_some(RateLimitReached::RateLimit),
            ..Self::default()
        }
    }

    /// Reads an error: its headers and its body.
    pub fn from_error(event: &ErrorEvent) -> Self {
        let error = event.to_api_error();
        let mut limits = error
            .headers
            .as_ref()
            .map(Self::from_header_map)
            .unwrap_or_default();
        limits.plan_type = error.plan_type.or(limits.plan_type);
        limits.resets_at = error.resets_at.and_then(|at| at.to_whole());
        limits.resets_in_seconds = error
            .resets_in_seconds
            .and_then(|seconds| seconds.to_whole());
        limits
    }

    /// Returns the limit with this id, if present, ignoring case and treating `-` and `_` as equal.
    pub fn limit(&self, id: &str) -> Option<&RateLimit> {
        let id = normal_id(id);
        self.limits.iter().find(|limit| limit.id == id)
    }

    /// Returns the active limit: the one that the service names, else the default one, else the
    /// first; `None` if there are no limits.
    ///
    /// The service sometimes names a limit without data.
    pub fn active(&self) -> Option<&RateLimit> {
        let named = self.active_limit.as_deref().and_then(|id| self.limit(id));
        named
            .or_else(|| self.limit(DEFAULT_LIMIT))
            .or_else(|| self.limits.first())
    }

    /// Returns whether there is no data.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Merges newer limits into these, and keeps data that the newer ones lack.
    pub fn update(&mut self, newer: Self) {
        for limit in newer.limits {
            match self.limits.iter_mut().find(|old| old.id == limit.id) {
                Some(old) => {
                    replace(&mut old.name, limit.name);
                    replace(&mut old.primary, limit.primary);
                    replace(&mut old.secondary, limit.secondary);
                }
                None => self.limits.push(limit),
            }
        }
        self.limits.sort_by(order);
        replace(&mut self.active_limit, newer.active_limit);
        replace(&mut self.credits, newer.credits);
        replace(&mut self.plan_type, newer.plan_type);
        replace(&mut self.promo_message, newer.promo_message);
        replace(&mut self.requests, newer.requests);
        replace(&mut self.tokens, newer.tokens);
        // The limit that was reached belongs to one response.
        self.reached = newer.reached;
        self.resets_at = newer.resets_at;
        self.resets_in_seconds = newer.resets_in_seconds;
    }
}

/// Headers with their names in lower case.
struct Headers<'a>(Vec<(String, Cow<'a, str>)>);

impl Headers<'_> {
    fn read(&self) -> RateLimits {
        let mut limits: Vec<_> = self
            .limit_names()
            .into_iter()
            .map(|name| self.limit(name))
            .filter(|limit| limit.primary.is_some() || limit.secondary.is_some())
            .collect();
        limits.sort_by(order);
        limits.dedup_by(|second, first| second.id == first.id);
        RateLimits {
            limits,
            active_limit: self.text("x-codex-active-limit").map(normal_id),
            credits: self.credits(),
            plan_type: self.text("x-codex-plan-type").map(PlanType::from),
            reached: self
                .text("x-codex-rate-limit-reached-type")
                .map(RateLimitReached::from),
            promo_message: self.text("x-codex-promo-message").map(String::from),
            requests: self.budget("requests"),
            tokens: self.budget("tokens"),
            ..RateLimits::default()
        }
    }

    /// Returns the names of the limits that have windows.
    fn limit_names(&self) -> Vec<&str> {
        self.0
            .iter()
            .filter_map(|(name, _)| {
                let name = name.strip_prefix("x-")?;
                name.strip_suffix("-primary-used-percent")
                    .or_else(|| name.strip_suffix("-secondary-used-percent"))
            })
            .take(MAX_LIMITS)
            .collect()
    }

    fn limit(&self, name: &str) -> RateLimit {
        RateLimit {
            id: normal_id(name),
            name: self
                .text(&alloc::format!("x-{name}-limit-name"))
                .map(String::from),
            primary: self.window(name, "primary"),
            secondary: self.window(name, "secondary"),
        }
    }

    fn window(&self, limit: &str, window: &str) -> Option<RateLimitWindow> {
        let number = |what: &str| {
            let text = self.text(&alloc::format!("x-{limit}-{window}-{what}"))?;
            text.parse::<f64>().ok().filter(|number| number.is_finite())
        };
        let whole = |what: &str| {
            number(what)
                .filter(|number| *number >= 0.0)
                .map(|number| number as u64)
        };
        RateLimitWindow {
            used_percent: number("used-percent")?,
            window_minutes: whole("window-minutes"),
            resets_at: whole("reset-at"),
            resets_in_seconds: whole("reset-after-seconds"),
        }
        .unless_void()
    }

    fn credits(&self) -> Option<Credits> {
        let boolean = |name| match self.text(name)? {
            "1" => Some(true),
            "0" => Some(false),
            word if word.eq_ignore_ascii_case("true") => Some(true),
            word if word.eq_ignore_ascii_case("false") => Some(false),
            _ => None,
        };
        Some(Credits {
            has_credits: boolean("x-codex-credits-has-credits")?,
            unlimited: boolean("x-codex-credits-unlimited")?,
            balance: self.text("x-codex-credits-balance").map(String::from),
        })
    }

    fn budget(&self, of: &str) -> Option<RateBudget> {
        let text = |what: &str| self.text(&alloc::format!("x-ratelimit-{what}-{of}"));
        let budget = RateBudget {
            limit: text("limit").and_then(|text| text.parse().ok()),
            remaining: text("remaining").and_then(|text| text.parse().ok()),
            reset: text("reset").and_then(duration),
        };
        (budget != RateBudget::default()).then_some(budget)
    }

    /// Returns the value of a header, unless it is blank.
    fn text(&self, name: &str) -> Option<&str> {
        let (_, value) = self.0.iter().find(|(key, _)| key == name)?;
        Some(value.trim()).filter(|value| !value.is_empty())
    }
}

impl RateLimitWindow {
    /// Returns the window, unless it has no usage and no other data and so counts as absent.
    fn unless_void(self) -> Option<Self> {
        let is_void = self.used_percent == 0.0
            && self.window_minutes.unwrap_or_default() == 0
            && self.resets_at.is_none()
            && self.resets_in_seconds.is_none();
        (!is_void).then_some(self)
    }
}

fn window_of(body: &RateLimitWindowBody) -> Option<RateLimitWindow> {
    let whole = |number: Option<crate::Number>| number.and_then(|number| number.to_whole());
    RateLimitWindow {
        used_percent: body.used_percent?.as_f64(),
        window_minutes: whole(body.window_minutes),
        resets_at: whole(body.reset_at),
        resets_in_seconds: whole(body.reset_after_seconds),
    }
    .unless_void()
}

/// Returns strings without quotes, numbers and booleans as text, and the first element of a list.
fn plain(value: &RawJson) -> Option<Cow<'_, str>> {
    let json = value.as_str();
    match json.as_bytes().first()? {
        b'"' => value.decode::<String>().ok().map(Cow::Owned),
        b'[' => match value.decode::<Vec<String>>() {
            Ok(list) => list.into_iter().next().map(Cow::Owned),
            Err(_) => None,
        },
        b'{' | b'n' => None,
        _ => Some(Cow::Borrowed(json)),
    }
}

fn normal_id(name: &str) -> String {
    name.trim().to_ascii_lowercase().replace('-', "_")
}

fn order(one: &RateLimit, other: &RateLimit) -> core::cmp::Ordering {
    let key = |limit: &RateLimit| limit.id != DEFAULT_LIMIT;
    key(one)
        .cmp(&key(other))
        .then_with(|| one.id.cmp(&other.id))
}

fn replace<T>(old: &mut Option<T>, new: Option<T>) {
    if new.is_some() {
        *old = new;
    }
}

const DEFAULT_LIMIT: &str = "codex";

/// The maximum number of headers with windows that are read. Each is searched for among all
/// headers, of which a message can have any number; the service has a handful of limits.
const MAX_LIMITS: usize = 64;
