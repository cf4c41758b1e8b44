//! Objects that the service keeps under an id: their paths, and the wait for a background response.

use core::time::Duration;
use std::sync::Arc;

use codex_transport::Timer as _;
use codex_types::{Response, Status};
use http::Method;

use crate::calls::call::Call;
use crate::calls::unary::{Unary, decode};
use crate::client::Client;
use crate::error::{Error, ErrorKind};
use crate::failure;
use crate::meta::ResponseMeta;
use crate::options::CallOptions;
use crate::shared::Shared;

impl Client {
    /// Waits until a background response has ended, and returns it whole.
    ///
    /// The client fetches the response every two seconds, or at the pace that the service requests
    /// (`retry-after`). [`Call::timeout`] limits the whole wait, which has no limit otherwise.
    /// [`resume`](Self::resume) streams the events instead.
    ///
    /// ```
    /// # use codex_client::Client;
    /// use codex_client::types::{CreateResponse, Streaming};
    /// use std::time::Duration;
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// # use codex_client::transport::testing::{Answer, LoopbackServer, Script};
    /// # let stored = |status: &str| Answer::json(200, format!(r#"{{"id":"resp_1","object":"response","status":"{status}","output":[]}}"#)).header("retry-after-ms", "1");
    /// # let server = LoopbackServer::start(Script::new().answer(stored("queued")).answer(stored("in_progress")).answer(stored("completed")))?;
    /// # let client = Client::builder().base_url(server.url("/v1")).build()?;
    /// let request = CreateResponse::new("some-model").input("Think.").background(true);
    /// let queued = client.create(&request).streaming(Streaming::No).await?;
    /// // Later, or in another process:
    /// let response = client.wait(&queued.id).timeout(Duration::from_secs(3600)).await?;
    /// assert!(response.status.as_str() == "completed");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns the errors of [`retrieve`](Self::retrieve). Returns
    /// [`Failed`](crate::ErrorKind::Failed) when the response failed or was cancelled,
    /// [`Incomplete`](crate::ErrorKind::Incomplete) when it ended early, and
    /// [`Timeout`](crate::ErrorKind::Timeout) when it has not ended in time. [`Error::partial`] is
    /// the response as it was fetched last.
    pub fn wait<'a>(&'a self, response_id: &'a str) -> Call<'a, Response> {
        Call::new(move |options| {
            Box::pin(async move {
                let total = options.timeout;
                let ended = until_ended(self.shared(), response_id, &options, total);
                let (response, meta) = ended.await?;
                failure::judge(response, &meta)
            })
        })
    }
}

/// Fetches a response until it has ended, for at most `total`.
pub(super) async fn until_ended(
    shared: &Arc<Shared>,
    response_id: &str,
    options: &CallOptions,
    total: Option<Duration>,
) -> Result<(Response, ResponseMeta), Error> {
    let started = shared.timer.now();
    let remaining = || {
        let elapsed = shared.timer.now().saturating_duration_since(started);
        total.map(|total| total.saturating_sub(elapsed))
    };
    let mut last = None;
    loop {
        let mut options = options.clone();
        options.timeout = remaining();
        let fetched = fetch(shared, response_id, &options).await;
        let (response, meta) = fetched.map_err(|error| match last.take() {
            Some(last) => error.with_partial(last),
            None => error,
        })?;
        if !matches!(response.status, Status::InProgress | Status::Queued) {
            return Ok((response, meta));
        }
        let requested = meta.retry_after();
        let delay = requested.unwrap_or(POLL_INTERVAL);
        if let Some(remaining) = remaining()
            && (remaining.is_zero() || requested.is_some_and(|delay| delay > remaining))
        {
            let error = Error::new(ErrorKind::Timeout).with_meta(meta);
            return Err(error.with_partial(response));
        }
        let delay = remaining().map_or(delay, |remaining| delay.min(remaining));
        shared.timer.sleep(delay).await;
        last = Some(response);
    }
}

/// Fetches a stored response, with its headers.
pub(super) async fn fetch(
    shared: &Arc<Shared>,
    response_id: &str,
    options: &CallOptions,
) -> Result<(Response, ResponseMeta), Error> {
    let path = path(response_id, "")?;
    let call = Unary::new(shared, options, Method::GET, &path).await?;
    let (meta, body) = call.send().await?;
    Ok((decode(meta.clone(), body).await?, meta))
}

/// Returns the path of a stored response, followed by `rest`.
pub(super) fn path(response_id: &str, rest: &str) -> Result<String, Error> {
    Ok(format!("responses/{}{rest}", checked(response_id)?))
}

/// Checks that an id is a single path segment: a slash, a dot-segment or a question mark would turn
/// it into another request.
pub(super) fn checked(id: &str) -> Result<&str, Error> {
    let is_plain =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b':');
    let is_id = !id.is_empty() && id.bytes().all(is_plain) && !id.bytes().all(|byte| byte == b'.');
    if is_id {
        Ok(id)
    } else {
        Err(Error::request(ID))
    }
}

/// A background response takes minutes, so there is no hurry.
const POLL_INTERVAL: Duration = Duration::from_secs(2);
const ID: &str = "invalid character in an id";
