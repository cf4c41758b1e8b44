//! Redirects that the transport follows: only those that keep the method, and only within the
//! origin.

#[cfg(feature = "hyper")]
use http::header::LOCATION;
#[cfg(feature = "hyper")]
use http::{Response, StatusCode, Uri};

/// A request extension that disables redirects: every redirect is returned, even within the same
/// origin.
///
/// Use it for requests that must be sent once and to one address only, such as those that carry a
/// refresh token in their body.
///
/// ```
/// use codex_transport::NoRedirects;
///
/// let request = http::Request::post("https://auth.openai.com/oauth/token")
///     .extension(NoRedirects)
///     .body(())
///     .unwrap();
/// assert!(request.extensions().get::<NoRedirects>().is_some());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a unit struct, named where it is used"
)]
pub struct NoRedirects;

/// Returns the URL of a redirect that may be followed: one that keeps method and body (RFC 9110
/// sections 15.4.8 and 15.4.9) and stays within the origin, since credentials travel with the
/// request.
#[cfg(feature = "hyper")]
pub(crate) fn target<B>(from: &Uri, response: &Response<B>) -> Option<Uri> {
    if !matches!(
        response.status(),
        StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT
    ) {
        return None;
    }
    let location = response.headers().get(LOCATION)?.to_str().ok()?;
    if location.starts_with('/') && !location.starts_with("//") {
        let mut parts = from.clone().into_parts();
        parts.path_and_query = Some(location.parse().ok()?);
        return Uri::from_parts(parts).ok();
    }
    let target: Uri = location.parse().ok()?;
    let origin = |uri: &Uri| {
        Some((
            uri.scheme()?.clone(),
            uri.host()?.to_ascii_lowercase(),
            uri.port_u16().or_else(|| default_port(uri)),
        ))
    };
    (origin(&target)? == origin(from)?).then_some(target)
}

#[cfg(feature = "hyper")]
pub(crate) fn default_port(uri: &Uri) -> Option<u16> {
    match uri.scheme_str() {
        Some("http") => Some(80),
        Some("https") => Some(443),
        _ => None,
    }
}

/// The minimum that browsers historically support; a longer chain is a loop.
#[cfg(feature = "hyper")]
pub(crate) const MAX_REDIRECTS: usize = 5;
