//! A turn whose request the service refuses because of content of the history. The content stays
//! refused, so without a repair the conversation has ended. The first attempt is read up to its
//! first visible event before the turn is returned, because a refusal may also arrive as an event.

use codex_types::lint::{Finding, Refusal};
use codex_types::profile::Channel;
use codex_types::{Input, Streaming};

use crate::calls::stream::ResponseStream;
use crate::error::{Error, ErrorKind};
use crate::request::Prepared;
use crate::session::Session;
use crate::session::draft::Draft;
use crate::session::history::Said;
use crate::session::policy::RefusedContent;
use crate::session::turn::SessionTurn;
#[cfg(feature = "sockets")]
use crate::socket::{SocketSession, begun::BegunTurn, settings::SocketSettings};

impl Session {
    /// Sets what happens when the service refuses content of the conversation. The default is that
    /// the turn fails, because the model answers differently without the content.
    ///
    /// With [`RefusedContent::Replace`], [`SessionTurn::findings`] has a diagnostic with the code
    /// `refused_content` for each replacement, and the replacement enters the history when the
    /// response is complete. A request is repeated once, and only before an event with visible
    /// content has arrived. A conversation of the service is not repaired, because the service has
    /// its items. A screenshot of a computer is not replaced, because its call accepts nothing
    /// else.
    ///
    /// ```
    /// # use codex_client::Client;
    /// use codex_client::RefusedContent;
    /// use codex_client::types::{CreateResponse, InputItem, InputPart, Message};
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// # use codex_client::transport::testing::{Answer, LoopbackServer, Script};
    /// # let server = LoopbackServer::start(Script::new()
    /// #     .answer(Answer::json(400, r#"{"error":{"code":"invalid_image","message":"The image is not valid.","type":"invalid_request_error","param":"input"}}"#))
    /// #     .answer(Answer::sse().event(r#"{"type":"response.completed","response":{"id":"resp_1","status":"completed","output":[]}}"#)))?;
    /// # let client = Client::builder().base_url(server.url("/v1")).build()?;
    /// let session = client.session(CreateResponse::new("some-model"));
    /// let mut session = session.with_refused_content(RefusedContent::Replace);
    /// let question = [
    ///     InputPart::text("What is this?"),
    ///     InputPart::image_url("data:image/png;base64,AAAA"),
    /// ];
    /// let turn = session.turn([InputItem::from(Message::user(question))]).await?;
    /// assert_eq!(turn.findings()[0].pointer, "/input/0/content/1");
    /// turn.finish().await?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn with_refused_content(mut self, refused_content: RefusedContent) -> Self {
        self.state.refused_content = refused_content;
        self
    }

    /// Sends a turn, and once more without the content that the service refuses.
    pub(super) async fn send_repaired(&mut self, draft: Draft) -> Result<SessionTurn<'_>, Error> {
        let continuations = self.continuations();
        let mut opened = self.open(&draft).await;
        let reported = match &mut opened {
            Ok(opened) => opened.peek().await,
            Err(_) => None,
        };
        let refusal = reported
            .as_ref()
            .or_else(|| opened.as_ref().err())
            .and_then(refusal);
        let Some(mut refusal) = refusal else {
            return Ok(self.record(opened?, draft.said));
        };
        // A location counts the items of the request. They are those of the history only if the
        // whole history was sent and fitting it left out and added nothing.
        if self.continuations() != continuations || !self.is_sent_whole(&draft).await {
            refusal = refusal.anywhere();
        }
        let Some((repaired, findings)) = self.state.without_refused(&draft, &refusal) else {
            return Ok(self.record(opened?, draft.said));
        };
        drop(opened);
        let mut opened = self.open(&repaired).await?;
        opened.add_findings(findings);
        Ok(self.record(opened, repaired.said))
    }

    /// Opens the response to a turn.
    pub(super) async fn open(&mut self, draft: &Draft) -> Result<Opened, Error> {
        let options = draft.options.clone();
        #[cfg(feature = "sockets")]
        if let Some(sockets) = &mut self.sockets {
            let turn = sockets.begin(&draft.request, &options).await?;
            return Ok(Opened::Socket(Box::new(turn)));
        }
        let call = self.state.client.stream(&draft.request).options(options);
        Ok(Opened::Http(Box::new(call.await?)))
    }

    pub(super) fn record(&mut self, opened: Opened, said: Said) -> SessionTurn<'_> {
        match opened {
            Opened::Http(stream) => SessionTurn::over_http(&mut self.state, *stream, said),
            #[cfg(feature = "sockets")]
            Opened::Socket(turn) => {
                // A turn over a socket has a socket session, which opened it.
                let sockets = self.sockets.get_or_insert_with(|| {
                    SocketSession::new(&self.state.client, SocketSettings::default())
                });
                SessionTurn::over_socket(&mut self.state, sockets.attach(*turn), said)
            }
        }
    }

    /// Returns how many turns were sent as new items only.
    fn continuations(&self) -> u64 {
        #[cfg(feature = "sockets")]
        if let Some(sockets) = &self.sockets {
            return sockets.stats().continuations;
        }
        0
    }

    /// Returns whether the request has as many items as the history with the input.
    async fn is_sent_whole(&self, draft: &Draft) -> bool {
        let (shared, streaming) = (self.state.client.shared(), Streaming::Yes);
        let (request, options) = (&draft.request, &draft.options);
        let prepared = Prepared::new(shared, request, options, Channel::Http, streaming).await;
        match prepared.map(|prepared| prepared.request.into_inner().input) {
            Ok(Some(Input::Prepared(input))) => input.len() == draft.said.sent.len(),
            _ => false,
        }
    }
}

/// Returns the refusal of content that an error reports.
fn refusal(error: &Error) -> Option<Refusal> {
    let is_refused = match error.kind() {
        ErrorKind::Failed => true,
        ErrorKind::Status => error
            .status()
            .is_some_and(|status| status.is_client_error()),
        _ => false,
    };
    is_refused.then(|| Refusal::of(error.api()?)).flatten()
}

/// A response that has been opened, before a turn borrows the session.
pub(super) enum Opened {
    Http(Box<ResponseStream>),
    #[cfg(feature = "sockets")]
    Socket(Box<BegunTurn>),
}

impl Opened {
    /// Waits for the first event with visible content, and returns the failure that it reports.
    async fn peek(&mut self) -> Option<Error> {
        match self {
            Self::Http(stream) => stream.peek().await,
            #[cfg(feature = "sockets")]
            Self::Socket(turn) => turn.peek().await,
        }
    }

    fn add_findings(&mut self, findings: Vec<Finding>) {
        match self {
            Self::Http(stream) => stream.add_findings(findings),
            #[cfg(feature = "sockets")]
            Self::Socket(turn) => turn.add_findings(findings),
        }
    }
}
