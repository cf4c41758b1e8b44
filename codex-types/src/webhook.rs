//! Webhooks of the service.

use alloc::string::String;

use crate::Number;
use crate::wire::object::object;
use crate::wire::open::open_enum;

object! {
    /// The body of a webhook: API object `UnwrapWebhookEvent`.
    ///
    /// Verify its signature before reading it (`codex_auth::WebhookVerifier`).
    ///
    /// ```
    /// use codex_types::{RawJson, WebhookEvent, WebhookKind};
    ///
    /// let body = r#"{"id":"evt_1","object":"event","created_at":1790000000,"type":"response.completed","data":{"id":"resp_1"}}"#;
    /// let event: WebhookEvent = RawJson::parse(body)?.decode()?;
    /// assert_eq!(event.kind, WebhookKind::ResponseCompleted);
    /// assert_eq!(event.response_id(), Some("resp_1")); // fetch it with Client::retrieve
    /// # Ok::<(), codex_types::DecodeError>(())
    /// ```
    pub struct WebhookEvent {
        plain {
            /// The id of the event.
            id: String,
            /// Always `event`.
            object: String,
            /// The time at which the reported event happened, as a Unix timestamp in seconds.
            created_at: Number,
            /// The kind.
            kind as "type": WebhookKind,
            /// The data of the event.
            data: WebhookData,
        }
    }
}

impl WebhookEvent {
    /// Returns the id of the response that the event concerns; `None` for other events.
    pub fn response_id(&self) -> Option<&str> {
        let is_of_response = self.kind.as_str().starts_with("response.");
        (is_of_response && !self.data.id.is_empty()).then_some(&*self.data.id)
    }
}

open_enum! {
    /// The kind of a webhook. Kinds that do not concern responses are kept as text.
    pub enum WebhookKind {
        /// A background response has completed.
        ResponseCompleted = "response.completed",
        /// A background response has failed.
        ResponseFailed = "response.failed",
        /// A background response was cancelled.
        ResponseCancelled = "response.cancelled",
        /// A background response has ended early.
        ResponseIncomplete = "response.incomplete",
    }
}

object! {
    /// The data of a webhook. Data of other events is in [`extra`](field@Self::extra).
    pub struct WebhookData {
        plain {
            /// The id of the response.
            id: String,
        }
    }
}
