//! The pages of a list. The server decides how many there are, so a page that does not advance must
//! end the iteration.

use codex_types::{ItemList, StoredItem};

use crate::calls::call::Call;
use crate::calls::query::ItemQuery;
use crate::client::Client;
use crate::error::Error;
use crate::options::CallOptions;

/// The pages of a list of items, each fetched on demand: of the input of a response
/// ([`Client::input_item_pages`]) or of a conversation
/// ([`ConversationCalls::item_pages`](crate::ConversationCalls::item_pages)).
#[derive(Debug)]
#[must_use = "pages are fetched only on demand"]
pub struct ItemPages<'a> {
    client: &'a Client,
    list: List,
    query: ItemQuery,
    options: CallOptions,
    next: Next,
}

/// The list, by the id of its owner.
#[derive(Debug)]
pub(super) enum List {
    InputOf(String),
    Conversation(String),
}

#[derive(Clone, Copy, Debug)]
enum Next {
    Page,
    /// The server reports another page, but nothing identifies it.
    Unidentified,
    End,
}

impl Client {
    /// Returns all pages of the input of a response, starting with the page that `query` selects.
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
    /// let mut pages = client.input_item_pages("resp_1", ItemQuery::new().limit(1));
    /// let mut items = Vec::new();
    /// while let Some(page) = pages.next().await {
    ///     items.extend(page?.data);
    /// }
    /// assert_eq!(items.len(), 1);
    /// # assert_eq!(server.requests()[1].uri.query(), Some("limit=1&after=msg_1"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn input_item_pages(&self, response_id: &str, query: ItemQuery) -> ItemPages<'_> {
        ItemPages::new(self, List::InputOf(response_id.to_owned()), query)
    }
}

impl<'a> ItemPages<'a> {
    pub(super) fn new(client: &'a Client, list: List, query: ItemQuery) -> Self {
        Self {
            client,
            list,
            query,
            options: CallOptions::new(),
            next: Next::Page,
        }
    }

    /// Sets the options of the calls.
    pub fn options(mut self, options: CallOptions) -> Self {
        self.options = options;
        self
    }

    /// Fetches the next page; `None` after the last one.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`Client::retrieve`]; the next call requests the same page again.
    /// Returns [`Protocol`](crate::ErrorKind::Protocol) after a page that reports more items but
    /// names no item to continue after, or the one it started after itself; the iteration then
    /// ends.
    ///
    /// # Cancel safety
    ///
    /// This method is cancel safe: if the future is dropped, the next call requests the same page
    /// again.
    pub async fn next(&mut self) -> Option<Result<ItemList, Error>> {
        match self.next {
            Next::Page => Some(self.fetch().await),
            Next::Unidentified => {
                self.next = Next::End;
                Some(Err(Error::protocol(NO_CURSOR)))
            }
            Next::End => None,
        }
    }

    async fn fetch(&mut self) -> Result<ItemList, Error> {
        let page = self.page().options(self.options.clone()).await?;
        self.next = match last_id(&page) {
            _ if !page.has_more => Next::End,
            Some(id) if self.query.after.as_deref() != Some(id) => {
                self.query.after = Some(id.to_owned());
                Next::Page
            }
            _ => Next::Unidentified,
        };
        Ok(page)
    }

    fn page(&self) -> Call<'_, ItemList> {
        let (client, query): (&Client, _) = (self.client, &self.query);
        match &self.list {
            List::InputOf(response_id) => client.input_items(response_id, query),
            List::Conversation(id) => client.conversation(id).items(query),
        }
    }
}

/// Returns the id that the next page starts after. Some servers report it only in the items.
fn last_id(page: &ItemList) -> Option<&str> {
    match page.last_id.as_str() {
        "" => page.data.last().and_then(StoredItem::id),
        id => Some(id),
    }
}

const NO_CURSOR: &str = "list page has more items but no cursor";
