// Responses that the service keeps, and counting.

use codex_types::{Include, InputTokens, InputTokensRequest, ItemList, Response};
use http::header::ACCEPT;
use http::{HeaderValue, Method};

use crate::calls::Call;
use crate::client::Client;
use crate::error::Error;
use crate::options::CallOptions;
use crate::stream::ResponseStream;

impl Client {
    /// Fetches a response that the service has kept, or is still making in the background.
    ///
    /// # Errors
    ///
    /// As for [`stream`](Self::stream); [`Protocol`](crate::ErrorKind::Protocol) when the answer is not JSON.
    pub async fn retrieve(&self, response_id: &str) -> Result<Response, Error> {
        self.retrieve_with(response_id, &CallOptions::new()).await
    }

    /// As [`retrieve`](Self::retrieve), with options of this call.
    ///
    /// # Errors
    ///
    /// As for [`retrieve`](Self::retrieve).
    pub async fn retrieve_with(
        &self,
        response_id: &str,
        options: &CallOptions,
    ) -> Result<Response, Error> {
        let path = format!("responses/{}", checked(response_id)?);
        let call = Call::new(self, options, Method::GET, &path).await?;
        call.read().await
    }

    /// Watches a response that the service keeps, from behind the event with this number, or from its beginning: the way back to one that is
    /// being made in the background, also from another process.
    ///
    /// The stream has only what it was given: its [`snapshot`](ResponseStream::snapshot) grows from the place where it begins, and is whole with
    /// the last event. It is opened again before its first event, like any other; where it breaks after that, this is called again with
    /// the number of the last event ([`ResponseEvent::sequence_number`](codex_types::ResponseEvent::sequence_number)).
    ///
    /// ```
    /// # use codex_client::Client;
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// # use codex_client::transport::testing::{Answer, LoopbackServer, Script};
    /// # let server = LoopbackServer::start(Script::new().answer(Answer::sse()
    /// #     .event(r#"{"type":"response.completed","sequence_number":18,"response":{"id":"resp_1","status":"completed","output":[]}}"#)))?;
    /// # let client = Client::builder().base_url(server.url("/v1")).build()?;
    /// let mut stream = client.resume("resp_1", Some(17)).await?;
    /// let event = stream.next().await.ok_or("an event")??;
    /// assert_eq!(event.sequence_number(), Some(18));
    /// # assert_eq!(server.requests()[0].uri.query(), Some("stream=true&starting_after=17"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As for [`stream`](Self::stream).
    pub async fn resume(
        &self,
        response_id: &str,
        starting_after: Option<u64>,
    ) -> Result<ResponseStream, Error> {
        self.resume_with(response_id, starting_after, &CallOptions::new())
            .await
    }

    /// As [`resume`](Self::resume), with options of this call.
    ///
    /// # Errors
    ///
    /// As for [`stream`](Self::stream).
    pub async fn resume_with(
        &self,
        response_id: &str,
        starting_after: Option<u64>,
        options: &CallOptions,
    ) -> Result<ResponseStream, Error> {
        let id = checked(response_id)?;
        let path = match starting_after {
            Some(number) => format!("responses/{id}?stream=true&starting_after={number}"),
            None => format!("responses/{id}?stream=true"),
        };
        let timeouts = options.timeouts.unwrap_or_else(|| self.inner().timeouts);
        let options = options.clone().timeouts(timeouts);
        let mut call = Call::new(self, &options, Method::GET, &path).await?;
        call.headers_mut().insert(ACCEPT, EVENTS);
        let (opened, observer) = call.open().await?;
        let findings = Vec::new();
        Ok(ResponseStream::new(
            opened,
            findings,
            timeouts,
            Some(observer),
        ))
    }

    /// Ends a response that is being made in the background.
    ///
    /// # Errors
    ///
    /// As for [`retrieve`](Self::retrieve).
    pub async fn cancel(&self, response_id: &str) -> Result<Response, Error> {
        self.cancel_with(response_id, &CallOptions::new()).await
    }

    /// As [`cancel`](Self::cancel), with options of this call.
    ///
    /// # Errors
    ///
    /// As for [`retrieve`](Self::retrieve).
    pub async fn cancel_with(
        &self,
        response_id: &str,
        options: &CallOptions,
    ) -> Result<Response, Error> {
        let path = format!("responses/{}/cancel", checked(response_id)?);
        let call = Call::new(self, options, Method::POST, &path).await?;
        call.read().await
    }

    /// Makes the service forget a response.
    ///
    /// # Errors
    ///
    /// As for [`retrieve`](Self::retrieve).
    pub async fn delete(&self, response_id: &str) -> Result<(), Error> {
        self.delete_with(response_id, &CallOptions::new()).await
    }

    /// As [`delete`](Self::delete), with options of this call.
    ///
    /// # Errors
    ///
    /// As for [`retrieve`](Self::retrieve).
    pub async fn delete_with(&self, response_id: &str, options: &CallOptions) -> Result<(), Error> {
        let path = format!("responses/{}", checked(response_id)?);
        let call = Call::new(self, options, Method::DELETE, &path).await?;
        call.done().await
    }

    /// Fetches a page of what a response was given. [`input_item_pages`](Self::input_item_pages) goes through them all.
    ///
    /// # Errors
    ///
    /// As for [`retrieve`](Self::retrieve).
    pub async fn input_items(
        &self,
        response_id: &str,
        query: &InputItems,
    ) -> Result<ItemList, Error> {
        let options = CallOptions::new();
        self.input_items_with(response_id, query, &options).await
    }

    /// As [`input_items`](Self::input_items), with options of this call.
    ///
    /// # Errors
    ///
    /// As for [`retrieve`](Self::retrieve).
    pub async fn input_items_with(
        &self,
        response_id: &str,
        query: &InputItems,
        options: &CallOptions,
    ) -> Result<ItemList, Error> {
        let (id, query) = (checked(response_id)?, query.to_query()?);
        let path = format!("responses/{id}/input_items{query}");
        let call = Call::new(self, options, Method::GET, &path).await?;
        call.read().await
    }

    /// Counts the tokens that a request would take, without making it.
    ///
    /// # Errors
    ///
    /// As for [`retrieve`](Self::retrieve).
    pub async fn count_input_tokens(
        &self,
        request: &InputTokensRequest,
    ) -> Result<InputTokens, Error> {
        let options = CallOptions::new();
        self.count_input_tokens_with(request, &options).await
    }

    /// As [`count_input_tokens`](Self::count_input_tokens), with options of this call.
    ///
    /// # Errors
    ///
    /// As for [`retrieve`](Self::retrieve).
    pub async fn count_input_tokens_with(
        &self,
        request: &InputTokensRequest,
        options: &CallOptions,
    ) -> Result<InputTokens, Error> {
        let call = Call::new(self, options, Method::POST, "responses/input_tokens").await?;
        call.with_body(request)?.read().await
    }
}

/// Which page of the items of a response.
#[derive(Clone, Debug, Default, PartialEq)]
#[must_use]
pub struct InputItems {
    limit: Option<u32>,
    newest_first: Option<bool>,
    pub(super) after: Option<String>,
    include: Vec<Include>,
}

impl InputItems {
    /// The first page, of the length and in the order the service chooses.
    pub fn new() -> Self {
        Self::default()
    }

    /// So many items at most: 1 to 100; the service assumes 20.
    pub fn limit(mut self, limit: u32) -> Self {
        self.limit = Some(limit);
        self
    }

    /// The newest items first (`order=desc`), which the service assumes, or last.
    pub fn newest_first(mut self, newest_first: bool) -> Self {
        self.newest_first = Some(newest_first);
        self
    }

    /// The items after the one with this id.
    pub fn after(mut self, id: impl Into<String>) -> Self {
        self.after = Some(id.into());
        self
    }

    /// Something beyond the usual.
    pub fn include(mut self, include: Include) -> Self {
        self.include.push(include);
        self
    }

    fn to_query(&self) -> Result<String, Error> {
        let mut query = String::new();
        let mut add = |name: &str, value: &str| {
            query.push(if query.is_empty() { '?' } else { '&' });
            query.push_str(name);
            query.push('=');
            query.push_str(value);
        };
        if let Some(limit) = self.limit {
            add("limit", &limit.to_string());
        }
        if let Some(newest_first) = self.newest_first {
            add("order", if newest_first { "desc" } else { "asc" });
        }
        if let Some(after) = &self.after {
            add("after", checked(after)?);
        }
        for include in &self.include {
            add("include[]", checked(include.as_str())?);
        }
        Ok(query)
    }
}

/// An id becomes part of a path, where a slash, a dot-segment or a question mark would make it another request.
fn checked(id: &str) -> Result<&str, Error> {
    let is_plain =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b':');
    let is_id = !id.is_empty() && id.bytes().all(is_plain) && !id.bytes().all(|byte| byte == b'.');
    if is_id {
        Ok(id)
    } else {
        Err(Error::request(ID))
    }
}

const EVENTS: HeaderValue = HeaderValue::from_static("text/event-stream");
const ID: &str = "an id has characters that no id has";
