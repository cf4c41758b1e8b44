// A list page by page. A server decides how long this goes on, so a page that leads nowhere has to end it.

use codex_types::{ItemList, StoredItem};

use crate::calls::stored::InputItems;
use crate::client::Client;
use crate::error::Error;
use crate::options::CallOptions;

/// The pages of what a response was given, each fetched when it is asked for; see [`Client::input_item_pages`].
#[derive(Debug)]
#[must_use = "no page is fetched before it is asked for"]
pub struct InputItemPages<'a> {
    client: &'a Client,
    response_id: String,
    query: InputItems,
    options: CallOptions,
    next: Next,
}

#[derive(Clone, Copy, Debug)]
enum Next {
    Page,
    /// There is said to be one that cannot be asked for.
    Nowhere,
    End,
}

impl Client {
    /// All of what a response was given, page by page, from the page that `query` names.
    ///
    /// ```
    /// # use codex_client::Client;
    /// use codex_client::InputItems;
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// # use codex_client::transport::testing::{Answer, LoopbackServer, Script};
    /// # let server = LoopbackServer::start(Script::new()
    /// #     .answer(Answer::json(200, r#"{"object":"list","data":[{"type":"message","id":"msg_1","role":"user","content":[]}],"last_id":"msg_1","has_more":true}"#))
    /// #     .answer(Answer::json(200, r#"{"object":"list","data":[],"has_more":false}"#)))?;
    /// # let client = Client::builder().base_url(server.url("/v1")).build()?;
    /// let mut pages = client.input_item_pages("resp_1", InputItems::new().limit(1));
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
    pub fn input_item_pages(&self, response_id: &str, query: InputItems) -> InputItemPages<'_> {
        InputItemPages {
            client: self,
            response_id: response_id.to_owned(),
            query,
            options: CallOptions::new(),
            next: Next::Page,
        }
    }
}

impl InputItemPages<'_> {
    /// Sets the options of the calls.
    pub fn options(mut self, options: CallOptions) -> Self {
        self.options = options;
        self
    }

    /// Fetches the next page. `None` behind the last.
    ///
    /// # Errors
    ///
    /// As for [`Client::input_items`]; called again, it asks for the same page again. [`Protocol`](crate::ErrorKind::Protocol) behind a page
    /// that says that there are more and names no item behind which they begin, or the one behind which it began itself; then there is no more.
    pub async fn next(&mut self) -> Option<Result<ItemList, Error>> {
        match self.next {
            Next::Page => Some(self.fetch().await),
            Next::Nowhere => {
                self.next = Next::End;
                Some(Err(Error::protocol(NOWHERE)))
            }
            Next::End => None,
        }
    }

    async fn fetch(&mut self) -> Result<ItemList, Error> {
        let page = self
            .client
            .input_items(&self.response_id, &self.query)
            .options(self.options.clone())
            .await?;
        self.next = match last_id(&page) {
            _ if !page.has_more => Next::End,
            Some(id) if self.query.after.as_deref() != Some(id) => {
                self.query.after = Some(id.to_owned());
                Next::Page
            }
            _ => Next::Nowhere,
        };
        Ok(page)
    }
}

/// What the next page begins behind. Some servers leave it to the items.
fn last_id(page: &ItemList) -> Option<&str> {
    match page.last_id.as_str() {
        "" => page.data.last().and_then(StoredItem::id),
        id => Some(id),
    }
}

const NOWHERE: &str = "a page of a list says that there are more, but not where they begin";
