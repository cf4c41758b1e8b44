//! A request to a path of the API that has no method here.

use bytes::Bytes;
use codex_transport::{Body, Timeouts};
use codex_types::profile::Channel;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response};

use crate::attempt;
use crate::calls::call::Call;
use crate::client::Client;
use crate::error::Error;
use crate::request::{self, JSON};

impl Client {
    /// Sends a request to any path below the base URL, such as `embeddings` or
    /// `files?purpose=batch`.
    ///
    /// The request carries the headers of the profile and the client's credentials. The client
    /// resends it after a 401 if the credential source has better credentials, and never otherwise.
    /// `accept` is `*/*` and `content-type` is JSON unless the options set them. The client does
    /// not check the status of the response and does not read its body. It removes credentials that
    /// the server repeats in a header.
    ///
    /// The client's timeouts apply, but the response may take as long to begin as with
    /// [`Timeouts::unary`], because it may not be streamed.
    ///
    /// # Errors
    ///
    /// Returns [`Request`](crate::ErrorKind::Request) if the path leads out of the base URL,
    /// [`Credentials`](crate::ErrorKind::Credentials) when there are none to send,
    /// [`Withheld`](crate::ErrorKind::Withheld) when they must not go to this server, and
    /// [`Transport`](crate::ErrorKind::Transport) or [`Timeout`](crate::ErrorKind::Timeout) when no
    /// response arrived.
    ///
    /// # Examples
    ///
    /// ```
    /// # use codex_client::Client;
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// # use codex_client::transport::testing::{Answer, LoopbackServer, Script};
    /// # let server = LoopbackServer::start(Script::new().answer(Answer::json(200, r#"{"object":"list","data":[]}"#)))?;
    /// # let client = Client::builder().base_url(server.url("/v1")).build()?;
    /// let body = r#"{"model":"some-embedding-model","input":"Why is the sky blue?"}"#;
    /// let response = client.request(http::Method::POST, "embeddings", body).await?;
    /// assert_eq!(response.status(), 200);
    /// # assert_eq!(server.requests()[0].path(), "/v1/embeddings");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn request<'a>(
        &'a self,
        method: Method,
        path: &str,
        body: impl Into<Bytes>,
    ) -> Call<'a, Response<Body>> {
        let path = path.trim_start_matches('/').to_owned();
        let mut request = Request::new(body.into());
        *request.method_mut() = method;
        Call::new(move |options| {
            Box::pin(async move {
                if leads_elsewhere(&path) {
                    return Err(Error::request(PATH));
                }
                let shared = self.shared();
                let target = shared.target().await?;
                *request.uri_mut() = target.url(&path)?;
                let identity = request::identity(shared, &target.profile, &options);
                let own = request::own_headers(shared, &options)?;
                let mut headers = request::headers(&target, &identity, Channel::Http, &own)?;
                headers
                    .entry(ACCEPT)
                    .or_insert(HeaderValue::from_static("*/*"));
                if !request.body().is_empty() {
                    headers.entry(CONTENT_TYPE).or_insert(JSON);
                }
                *request.headers_mut() = headers;
                let mut timeouts = shared.timeouts;
                timeouts.headers = timeouts.headers.max(Timeouts::unary().headers);
                let timeouts = options.timeouts_or(timeouts);
                request.extensions_mut().insert(timeouts);
                let (mut response, scrub) = attempt::send(shared, request, 0).await?;
                scrub.headers(response.headers_mut());
                Ok(response)
            })
        })
    }
}

/// Returns whether the path contains a segment that would be resolved against those before it (RFC
/// 3986 section 5.2.4).
fn leads_elsewhere(path: &str) -> bool {
    let path = path.split('?').next().unwrap_or_default();
    path.split('/').any(|segment| {
        let plain = segment.replace("%2e", ".").replace("%2E", ".");
        plain == "." || plain == ".."
    })
}

const PATH: &str = "path has a `.` or `..` segment";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_lead_elsewhere() {
        for path in [
            "../admin",
            "files/../../x",
            "files/%2e%2E/x",
            "./files",
            "a/..",
        ] {
            assert!(leads_elsewhere(path), "{path}");
        }
        for path in ["files", "files/a.b", "files/...", "files?after=../x"] {
            assert!(!leads_elsewhere(path), "{path}");
        }
    }
}
