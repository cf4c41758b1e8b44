//! What the client has recorded about its calls. These methods send nothing.

use crate::client::Client;
use crate::shared::failed::FailedExchange;
use crate::shared::limits::RateLimitWatch;

impl Client {
    /// Returns the usage of the account's limits, as far as the server has reported it.
    ///
    /// Response headers, events over either transport, refusals and [`usage`](Self::usage) update
    /// it. It never sends a request itself.
    ///
    /// ```
    /// # use codex_client::Client;
    /// use codex_client::types::CreateResponse;
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// # use codex_client::transport::testing::{Answer, LoopbackServer, Script};
    /// # let server = LoopbackServer::start(Script::new().answer(Answer::sse()
    /// #     .event(r#"{"type":"response.completed","response":{"id":"resp_1","status":"completed","output":[]}}"#)
    /// #     .header("x-codex-primary-used-percent", "42.5")))?;
    /// # let client = Client::builder().base_url(server.url("/v1")).build()?;
    /// let mut limits = client.rate_limits();
    /// assert!(limits.current().is_empty()); // no request has been sent yet
    ///
    /// client.create(&CreateResponse::new("some-model").input("Hello")).await?;
    /// let known = limits.changed().await;
    /// let window = known.active().and_then(|limit| limit.primary).ok_or("the head has it")?;
    /// assert_eq!(window.used_percent, 42.5);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn rate_limits(&self) -> RateLimitWatch {
        self.shared().limits_known.watch()
    }

    /// Returns the last exchange that failed, even if a later attempt succeeded.
    ///
    /// It contains no secrets and nothing of a conversation.
    ///
    /// ```
    /// # use codex_client::Client;
    /// use codex_client::types::CreateResponse;
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// # use codex_client::transport::testing::{Answer, LoopbackServer, Script};
    /// # let server = LoopbackServer::start(Script::new().answer(Answer::json(403, r#"{"detail":"no"}"#).header("x-request-id", "req_1")))?;
    /// # let client = Client::builder().base_url(server.url("/v1")).build()?;
    /// assert!(client.last_failure().is_none());
    /// let _ = client.create(&CreateResponse::new("some-model").input("Hello")).await;
    /// let failed = client.last_failure().ok_or("it was refused")?;
    /// assert_eq!(failed.status().map(|status| status.as_u16()), Some(403));
    /// assert_eq!(failed.request_id(), Some("req_1"));
    /// println!("{failed}"); // http://127.0.0.1:43210/v1/responses after 0.004 s: server responded with status 403, request req_1
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn last_failure(&self) -> Option<FailedExchange> {
        self.shared().last_failure.read()
    }
}
