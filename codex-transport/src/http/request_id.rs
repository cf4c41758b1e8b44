use http::HeaderMap;

/// Returns the server's request id, if the headers have one: `x-request-id`, else
/// `x-oai-request-id`, else `cf-ray` of the network in front of the server. Support teams need it.
///
/// ```
/// let mut headers = http::HeaderMap::new();
/// assert_eq!(codex_transport::request_id(&headers), None);
/// headers.insert("x-request-id", http::HeaderValue::from_static("req_1"));
/// assert_eq!(codex_transport::request_id(&headers), Some("req_1"));
/// ```
#[must_use]
pub fn request_id(headers: &HeaderMap) -> Option<&str> {
    ["x-request-id", "x-oai-request-id", "cf-ray"]
        .into_iter()
        .filter_map(|name| headers.get(name)?.to_str().ok())
        .map(str::trim)
        .find(|id| !id.is_empty())
}
