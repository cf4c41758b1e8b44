//! Calls for conversations that the service stores.

use codex_types::{
    AddConversationItems, CreateConversation, DeletedConversation, Include, InputItem, ItemList,
    Map, StoredConversation, StoredItem, UpdateConversation,
};
use http::Method;

use crate::calls::call::Call;
use crate::calls::kept::checked;
use crate::calls::pages::{ItemPages, List};
use crate::calls::query::{ItemQuery, includes};
use crate::client::Client;
use crate::error::Error;
use crate::wire::CONVERSATIONS;

impl Client {
    /// Creates a conversation that the service stores.
    ///
    /// A [`Session`](crate::Session) continues it when its settings name it
    /// ([`CreateResponse::conversation`](codex_types::CreateResponse::conversation)).
    ///
    /// ```
    /// # use codex_client::Client;
    /// use codex_client::types::{CreateConversation, CreateResponse, InputItem, Message};
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// # use codex_client::transport::testing::{Answer, LoopbackServer, Script};
    /// # let server = LoopbackServer::start(Script::new()
    /// #     .answer(Answer::json(200, r#"{"id":"conv_1","object":"conversation","created_at":1,"metadata":{}}"#))
    /// #     .answer(Answer::sse().event(r#"{"type":"response.completed","response":{"id":"resp_1","status":"completed","output":[]}}"#)))?;
    /// # let client = Client::builder().base_url(server.url("/v1")).build()?;
    /// let first = InputItem::from(Message::user("My name is Ada."));
    /// let created = client.create_conversation(&CreateConversation::new().items([first])).await?;
    ///
    /// let settings = CreateResponse::new("some-model").conversation(created.id.as_str());
    /// let mut session = client.session(settings);
    /// session.ask("What is my name?").await?; // sends the question only
    /// # assert!(String::from_utf8_lossy(&server.requests()[1].body).contains(r#""conversation":"conv_1""#));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns the errors of [`retrieve`](Self::retrieve). A call whose outcome is unknown is not
    /// repeated.
    pub fn create_conversation(
        &self,
        request: &CreateConversation,
    ) -> Call<'_, StoredConversation> {
        self.post_once(Ok(CONVERSATIONS.to_owned()), request)
    }

    /// Returns the calls for a conversation that the service stores. Sends nothing by itself.
    ///
    /// ```
    /// # use codex_client::Client;
    /// use codex_client::types::Map;
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// # use codex_client::transport::testing::{Answer, LoopbackServer, Script};
    /// # let server = LoopbackServer::start(Script::new()
    /// #     .answer(Answer::json(200, r#"{"id":"conv_1","object":"conversation","created_at":1,"metadata":{"project":"blue"}}"#))
    /// #     .answer(Answer::json(200, r#"{"id":"conv_1","object":"conversation.deleted","deleted":true}"#)))?;
    /// # let client = Client::builder().base_url(server.url("/v1")).build()?;
    /// let conversation = client.conversation("conv_1");
    /// let updated = conversation.update(Map::from_iter([("project", "blue")])).await?;
    /// assert_eq!(updated.metadata.get("project").map(String::as_str), Some("blue"));
    /// assert!(conversation.delete().await?.deleted);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn conversation<'a>(&'a self, id: &'a str) -> ConversationCalls<'a> {
        ConversationCalls { client: self, id }
    }
}

/// The calls for one conversation that the service stores; see [`Client::conversation`].
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct ConversationCalls<'a> {
    client: &'a Client,
    id: &'a str,
}

impl<'a> ConversationCalls<'a> {
    /// Fetches the conversation, without its items.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`Client::retrieve`].
    pub fn retrieve(self) -> Call<'a, StoredConversation> {
        self.client.fetch(Method::GET, self.path(""))
    }

    /// Replaces the metadata of the conversation.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`Client::retrieve`].
    pub fn update(self, metadata: Map<String>) -> Call<'a, StoredConversation> {
        self.client
            .post_once(self.path(""), &UpdateConversation::new(metadata))
    }

    /// Deletes the conversation. The service keeps its items.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`Client::retrieve`].
    pub fn delete(self) -> Call<'a, DeletedConversation> {
        self.client.fetch(Method::DELETE, self.path(""))
    }

    /// Adds items, at most 20 in a call, and returns them as the service stored them.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`Client::retrieve`]. A call whose outcome is unknown is not repeated,
    /// because that would add the items twice.
    pub fn add_items(
        self,
        items: impl IntoIterator<Item = InputItem>,
        include: &[Include],
    ) -> Call<'a, ItemList> {
        let query = includes(include);
        let path = query.and_then(|query| self.path(&format!("/items{query}")));
        let items: Vec<InputItem> = items.into_iter().collect();
        self.client
            .post_once(path, &AddConversationItems::new(items))
    }

    /// Fetches one item of the conversation.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`Client::retrieve`].
    pub fn item(self, item_id: &str, include: &[Include]) -> Call<'a, StoredItem> {
        let path = self.item_path(item_id).and_then(|path| {
            let query = includes(include)?;
            Ok(path + &query)
        });
        self.client.fetch(Method::GET, path)
    }

    /// Removes one item, and returns the conversation.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`Client::retrieve`].
    pub fn delete_item(self, item_id: &str) -> Call<'a, StoredConversation> {
        self.client.fetch(Method::DELETE, self.item_path(item_id))
    }

    /// Fetches one page of the items of the conversation.
    ///
    /// [`item_pages`](Self::item_pages) fetches all of them.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`Client::retrieve`].
    pub fn items(self, query: &ItemQuery) -> Call<'a, ItemList> {
        let query = query.to_query();
        let path = query.and_then(|query| self.path(&format!("/items{query}")));
        self.client.fetch(Method::GET, path)
    }

    /// Returns all pages of the items, starting with the page that `query` selects.
    ///
    /// ```
    /// # use codex_client::Client;
    /// use codex_client::ItemQuery;
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// # use codex_client::transport::testing::{Answer, LoopbackServer, Script};
    /// # let server = LoopbackServer::start(Script::new()
    /// #     .answer(Answer::json(200, r#"{"object":"list","data":[{"type":"message","id":"msg_1","role":"user","content":[]}],"last_id":"msg_1","has_more":true}"#))
    /// #     .answer(Answer::json(200, r#"{"object":"list","data":[],"has_more":false}"#)))?;
    /// # let client = Client::builder().base_url(server.url("/v1")).build()?;
    /// let query = ItemQuery::new().newest_first(false);
    /// let mut pages = client.conversation("conv_1").item_pages(query);
    /// let mut items = Vec::new();
    /// while let Some(page) = pages.next().await {
    ///     items.extend(page?.data);
    /// }
    /// assert_eq!(items.len(), 1);
    /// # assert_eq!(server.requests()[1].uri, "/v1/conversations/conv_1/items?order=asc&after=msg_1");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn item_pages(self, query: ItemQuery) -> ItemPages<'a> {
        ItemPages::new(self.client, List::Conversation(self.id.to_owned()), query)
    }

    /// Returns the path of the conversation, followed by `rest`.
    fn path(self, rest: &str) -> Result<String, Error> {
        Ok(format!("{CONVERSATIONS}/{}{rest}", checked(self.id)?))
    }

    fn item_path(self, item_id: &str) -> Result<String, Error> {
        self.path(&format!("/items/{}", checked(item_id)?))
    }
}
