//! The usage of the account's limits. The endpoint is next to the one for responses, and counts in
//! seconds what headers count in minutes.

use codex_types::{
    Map, PlanType, RateLimit, RateLimitWindow, RateLimitWindowBody, RateLimits, RawJson,
};
use http::{Method, Uri};

use crate::calls::call::Call;
use crate::calls::unary::Unary;
use crate::client::Client;
use crate::error::Error;
use crate::target;

impl Client {
    /// Fetches the usage of the account's limits.
    ///
    /// Only the ChatGPT backend has this endpoint; for the platform API see
    /// [`ResponseMeta::rate_limits`](crate::ResponseMeta::rate_limits).
    ///
    /// # Errors
    ///
    /// Returns the errors of [`retrieve`](Self::retrieve), and
    /// [`Request`](crate::ErrorKind::Request) if the base URL is not that of a ChatGPT backend.
    pub fn usage(&self) -> Call<'_, RateLimits> {
        Call::new(move |options| {
            Box::pin(async move {
                let shared = self.shared();
                let target = shared.target().await?;
                let uri = usage_url(&target.base)?;
                let call = Unary::to(shared, &options, &target, Method::GET, uri)?;
                let limits = limits(&call.fetch().await?);
                shared.limits_known.update(limits.clone());
                Ok(limits)
            })
        })
    }
}

/// Returns the URL of the usage endpoint: `/backend-api/wham/usage` for `/backend-api/codex`, and
/// `/api/codex/usage` for a server that offers the same API elsewhere.
fn usage_url(base: &Uri) -> Result<Uri, Error> {
    let folder = base
        .path()
        .trim_end_matches('/')
        .strip_suffix("/codex")
        .ok_or_else(|| Error::request(NONE))?;
    let path = if folder.ends_with("/backend-api") {
        "wham/usage"
    } else {
        "codex/usage"
    };
    let mut parts = base.clone().into_parts();
    parts.path_and_query = Some(
        folder
            .parse()
            .unwrap_or_else(|_| http::uri::PathAndQuery::from_static("/")),
    );
    let folder = Uri::from_parts(parts).map_err(|_| Error::request(NONE))?;
    target::join(&folder, path)
}

fn limits(report: &Map<RawJson>) -> RateLimits {
    let mut limits = RateLimits::default();
    limits.plan_type = text(report, "plan_type").map(PlanType::from);
    limits.limits.extend(
        report
            .get("rate_limit")
            .and_then(|json| limit("codex", None, json)),
    );
    let further = report
        .get("additional_rate_limits")
        .and_then(|json| json.decode::<Vec<Map<RawJson>>>().ok());
    limits
        .limits
        .extend(further.iter().flatten().filter_map(|entry| {
            let id = text(entry, "metered_feature").or_else(|| text(entry, "limit_name"))?;
            limit(&id, text(entry, "limit_name"), entry.get("rate_limit")?)
        }));
    limits
}

fn limit(id: &str, name: Option<String>, json: &RawJson) -> Option<RateLimit> {
    let windows: Map<RawJson> = json.decode().ok()?;
    let mut limit = RateLimit::default();
    limit.id = id.to_ascii_lowercase().replace('-', "_");
    limit.name = name;
    limit.primary = windows.get("primary_window").and_then(window);
    limit.secondary = windows.get("secondary_window").and_then(window);
    Some(limit)
}

fn window(json: &RawJson) -> Option<RateLimitWindow> {
    let body: RateLimitWindowBody = json.decode().ok()?;
    let mut window = RateLimitWindow::default();
    window.used_percent = body.used_percent?.as_f64();
    let seconds = body
        .extra
        .get("limit_window_seconds")
        .and_then(|json| json.decode::<f64>().ok());
    window.window_minutes = seconds.map(|seconds| (seconds / 60.0) as u64);
    window.resets_at = body.reset_at.and_then(|at| at.to_whole());
    window.resets_in_seconds = body
        .reset_after_seconds
        .and_then(|seconds| seconds.to_whole());
    Some(window)
}

fn text(map: &Map<RawJson>, key: &str) -> Option<String> {
    map.get(key)?.decode().ok()
}

const NONE: &str = "backend does not report usage of its limits";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_endpoint_lies_beside_that_for_responses() {
        let at = |base: &str| usage_url(&base.parse().unwrap()).map(|uri| uri.to_string());
        assert_eq!(
            at("https://chatgpt.com/backend-api/codex").unwrap(),
            "https://chatgpt.com/backend-api/wham/usage"
        );
        assert_eq!(
            at("http://127.0.0.1:1/backend-api/codex/").unwrap(),
            "http://127.0.0.1:1/backend-api/wham/usage"
        );
        assert_eq!(
            at("https://example.com/api/codex").unwrap(),
            "https://example.com/api/codex/usage"
        );
        assert_eq!(
            at("https://api.openai.com/v1").unwrap_err().to_string(),
            NONE
        );
    }
}
