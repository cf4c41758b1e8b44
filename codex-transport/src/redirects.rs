/// A request extension: hand back every redirect of this request, also one within the same origin.
///
/// For requests that must reach one address only and be sent once, such as those that carry a refresh token in their body.
///
/// ```
/// use codex_transport::NoRedirects;
///
/// let request = http::Request::post("https://auth.openai.com/oauth/token").extension(NoRedirects).body(()).unwrap();
/// assert!(request.extensions().get::<NoRedirects>().is_some());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a unit struct, named where it is used"
)]
pub struct NoRedirects;

/// Whether a redirect keeps method and body (RFC 9110 sections 15.4.8 and 15.4.9).
#[cfg(feature = "hyper")]
pub(crate) fn keeps_method(status: http::StatusCode) -> bool {
    matches!(
        status,
        http::StatusCode::TEMPORARY_REDIRECT | http::StatusCode::PERMANENT_REDIRECT
    )
}
