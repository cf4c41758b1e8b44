//! Calls for stored responses, and for counting tokens.

use codex_types::{InputTokens, InputTokensRequest, ItemList, Response};
use http::Method;
use http::header::ACCEPT;

use crate::calls::call::Call;
use crate::calls::kept::{fetch, path};
use crate::calls::query::ItemQuery;
use crate::calls::resume::{ResumableEvents, Resumption, stream_path};
use crate::calls::stream::ResponseStream;
use crate::calls::unary::Unary;
use crate::client::Client;
use crate::events::HttpEvents;
use crate::request::EVENT_STREAM;
use crate::wire::Wire;

impl Client {
    /// Fetches a stored response, whether complete or still in progress in the background.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`stream`](Self::stream), and [`Protocol`](crate::ErrorKind::Protocol)
    /// when the body is not JSON.
    pub fn retrieve<'a>(&'a self, response_id: &'a str) -> Call<'a, Response> {
        Call::new(move |options| {
            Box::pin(async move {
                let (response, _) = fetch(self.shared(), response_id, &options).await?;
                Ok(response)
            })
        })
    }

    /// Streams a stored response, from the event after this number or from its beginning.
    ///
    /// Use it to continue with a background response, even in another process.
    ///
    /// The [`snapshot`](ResponseStream::snapshot) grows from the event where the stream begins, and
    /// is complete with the last one. If the connection breaks, the client continues after the last
    /// event as the retry policy allows; another process needs the number of that event
    /// ([`ResponseEvent::sequence_number`](codex_types::ResponseEvent::sequence_number)).
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
    /// Returns the errors of [`stream`](Self::stream).
    pub fn resume<'a>(
        &'a self,
        response_id: &'a str,
        starting_after: Option<u64>,
    ) -> Call<'a, ResponseStream> {
        Call::new(move |options| {
            Box::pin(async move {
                let path = stream_path(response_id, starting_after)?;
                let timeouts = options.timeouts_or(self.shared().timeouts);
                let options = options.timeouts(timeouts);
                let mut call = Unary::new(self.shared(), &options, Method::GET, &path).await?;
                call.headers_mut().insert(ACCEPT, EVENT_STREAM);
                let headers = call.headers_mut().clone();
                let target = self.shared().target().await?;
                let (exchange, observer) = call.exchange();
                let events =
                    HttpEvents::open(Box::new(exchange), timeouts, Wire::Responses).await?;
                let shared = self.shared();
                let resumption =
                    Resumption::new(shared, &observer, target, headers, timeouts, &options)
                        .starting_after(response_id, starting_after);
                let events = ResumableEvents::new(events, Some(resumption));
                Ok(ResponseStream::over(events, observer))
            })
        })
    }

    /// Cancels a background response.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`retrieve`](Self::retrieve).
    pub fn cancel(&self, response_id: &str) -> Call<'_, Response> {
        self.fetch(Method::POST, path(response_id, "/cancel"))
    }

    /// Deletes a stored response.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`retrieve`](Self::retrieve).
    pub fn delete(&self, response_id: &str) -> Call<'_, ()> {
        let path = path(response_id, "");
        Call::new(move |options| {
            Box::pin(async move {
                let call = Unary::new(self.shared(), &options, Method::DELETE, &path?).await?;
                call.send().await.map(drop)
            })
        })
    }

    /// Fetches one page of the input of a response.
    ///
    /// [`input_item_pages`](Self::input_item_pages) fetches all of them.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`retrieve`](Self::retrieve).
    pub fn input_items(&self, response_id: &str, query: &ItemQuery) -> Call<'_, ItemList> {
        let query = query.to_query();
        let path = query.and_then(|query| path(response_id, &format!("/input_items{query}")));
        self.fetch(Method::GET, path)
    }

    /// Counts the input tokens of a request without sending it to a model.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`retrieve`](Self::retrieve).
    pub fn count_input_tokens<'a>(
        &'a self,
        request: &'a InputTokensRequest,
    ) -> Call<'a, InputTokens> {
        self.post("responses/input_tokens", request)
    }
}
