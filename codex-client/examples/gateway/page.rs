//! The status page for the operator's browser, its contents, and counters for a monitoring system.
//! The page itself contains nothing that needs a token; its script sends the token that the
//! operator enters.

use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderValue, Response};
use serde_json::{Value, json};

use crate::arguments::VERSION;
use crate::gateway::Gateway;
use crate::payload::{self, Payload};
use crate::upstream::Upstream;

/// Returns an asset of the page.
pub(crate) fn asset(path: &str) -> Option<Response<Payload>> {
    let (kind, text) = match path {
        "/" => ("text/html; charset=utf-8", include_str!("page/page.html")),
        "/page.js" => (
            "text/javascript; charset=utf-8",
            include_str!("page/page.js"),
        ),
        "/page.css" => ("text/css; charset=utf-8", include_str!("page/page.css")),
        _ => return None,
    };
    let mut response = Response::new(payload::whole(text));
    let headers = response.headers_mut();
    for (name, value) in [
        (CONTENT_TYPE, kind),
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (CACHE_CONTROL, "no-store"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    Some(response)
}

/// Returns the contents of the page.
pub(crate) fn status(gateway: &Gateway) -> Response<Payload> {
    let services = gateway.services.all();
    let first = gateway.services.first();
    let mut status = gateway.journal.to_json();
    status["version"] = json!(VERSION);
    let names = services.iter().map(Upstream::name);
    status["backend"] = json!(names.collect::<Vec<_>>().join(", "));
    status["chat"] = json!(if first.translates_chat() {
        "translated"
    } else {
        "passed through"
    });
    status["paths"] = if gateway.services.have_platform() {
        json!(gateway.policy.paths())
    } else {
        json!([])
    };
    let limits = first.client.rate_limits().current();
    status["plan"] = json!(limits.plan_type.as_ref().map(|plan| plan.as_str()));
    let windows = limits.limits.iter().flat_map(|limit| {
        let name = limit.name.as_deref().unwrap_or(&limit.id);
        [limit.primary, limit.secondary]
            .into_iter()
            .flatten()
            .map(move |window| json!({"name": name, "minutes": window.window_minutes, "used_percent": window.used_percent, "resets_at": window.resets_at}))
    });
    status["limits"] = Value::Array(windows.collect());
    let mut headers = HeaderMap::new();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    payload::json(headers, status.to_string())
}

/// Returns the counters.
pub(crate) fn metrics(gateway: &Gateway) -> Response<Payload> {
    let mut response = Response::new(payload::whole(gateway.journal.to_metrics()));
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

/// Allows only the page's own script and style, and connections to the gateway only.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
