//! The wait that a server requests.

use core::time::Duration;
use std::time::SystemTime;

use http::HeaderMap;

/// Returns the wait before a retry, if the server requests one: `retry-after-ms` in milliseconds,
/// else `retry-after` in seconds (with or without a fraction) or as a date, which is compared with
/// `now`; a date in the past means no wait.
///
/// See RFC 9110 section 10.2.3.
///
/// ```
/// use codex_transport::retry_after;
/// use http::HeaderMap;
/// use std::time::{Duration, SystemTime};
///
/// let mut headers = HeaderMap::new();
/// headers.insert("retry-after", "Thu, 01 Jan 1970 00:02:00 GMT".parse().unwrap());
/// assert_eq!(retry_after(&headers, SystemTime::UNIX_EPOCH), Some(Duration::from_secs(120)));
/// headers.insert("retry-after-ms", "1500".parse().unwrap());
/// assert_eq!(retry_after(&headers, SystemTime::UNIX_EPOCH), Some(Duration::from_millis(1500)));
/// ```
pub fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    hint(headers, true, now)
}

pub(super) fn hint(headers: &HeaderMap, milliseconds: bool, now: SystemTime) -> Option<Duration> {
    let text = |name| headers.get(name)?.to_str().ok().map(str::trim);
    if let Some(period) = text("retry-after-ms")
        .filter(|_| milliseconds)
        .and_then(|text| seconds(text, 1000.0))
    {
        return Some(period);
    }
    let value = text("retry-after")?;
    if let Some(period) = seconds(value, 1.0) {
        return Some(period);
    }
    let date = httpdate::parse_http_date(value).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

fn seconds(text: &str, per_second: f64) -> Option<Duration> {
    // A float may have a sign, an exponent or a name such as `inf`, which the header does not
    // allow.
    if text.is_empty()
        || !text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'.')
    {
        return None;
    }
    // A wait longer than a duration can represent exceeds every limit.
    let value: f64 = text.parse().ok()?;
    Some(Duration::try_from_secs_f64(value / per_second).unwrap_or(Duration::MAX))
}
