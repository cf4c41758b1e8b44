//! A conversation over a WebSocket: the same turns, but only new items are sent.

use crate::error::Error;
use crate::options::CallOptions;
use crate::session::Session;
use crate::socket::SocketSession;
use crate::socket::settings::{Interruption, SocketSettings};

impl Session {
    /// Switches the conversation to a WebSocket, with HTTP as the fallback; see [`SocketSession`].
    ///
    /// Only the transport changes: turns, tools and the history work as before. A connection that
    /// breaks in the middle of a response ends the turn in an error and leaves the history
    /// unchanged, whatever the settings name as [`Interruption`]; the caller can repeat the turn. A
    /// fork has its own socket.
    ///
    /// ```
    /// # use codex_client::Client;
    /// use codex_client::SocketSettings;
    /// use codex_client::types::CreateResponse;
    /// use codex_client::types::profile::Profile;
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// # use codex_client::transport::testing::{Answer, LoopbackServer, Script};
    /// # let say = |id: &str, text: &str| format!(r#"{{"type":"response.completed","response":{{"id":"{id}","status":"completed","output":[
    /// #     {{"type":"message","id":"msg_{id}","role":"assistant","status":"completed","content":[{{"type":"output_text","text":"{text}","annotations":[]}}]}}]}}}}"#);
    /// # let server = LoopbackServer::start(Script::new().answer(Answer::websocket()
    /// #     .receive().event(say("resp_1", "Hello, Ada.")).receive().event(say("resp_2", "Your name is Ada."))))?;
    /// # let client = Client::builder().base_url(server.url("/v1")).profile(Profile::platform()).build()?;
    /// let session = client.session(CreateResponse::new("some-model").instructions("Be brief."));
    /// let mut session = session.over_sockets(SocketSettings::default());
    /// session.ask("My name is Ada.").await?;
    /// let response = session.ask("What is my name?").await?;
    /// assert_eq!(response.output_text(), "Your name is Ada.");
    /// let stats = session.sockets().ok_or("it has sockets")?.stats();
    /// assert_eq!((stats.replays, stats.continuations), (1, 1)); // the second message had only the second question
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn over_sockets(mut self, mut settings: SocketSettings) -> Self {
        // A restart would void events that the caller has already seen, and a caller that keeps a
        // history must not miss that.
        settings.interruption = Interruption::Fail;
        self.sockets = Some(SocketSession::new(&self.state.client, settings));
        self
    }

    /// Returns the socket session of the conversation, if it has one.
    #[must_use]
    pub fn sockets(&self) -> Option<&SocketSession> {
        self.sockets.as_ref()
    }

    /// Opens the socket and lets the server prepare for the history so far, so that the next
    /// response begins sooner.
    ///
    /// Returns `false` if turns go over HTTP, or if they continue a conversation of the service,
    /// which has the history already.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`SocketSession::warm_up`].
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes the socket; the next turn opens another one.
    pub async fn warm_up(&mut self) -> Result<bool, Error> {
        if self.state.settings.conversation.is_some() {
            return Ok(false);
        }
        let draft = self.state.ready(Vec::new(), &CallOptions::new());
        match &mut self.sockets {
            Some(sockets) => sockets.warm_up(&draft.request).options(draft.options).await,
            None => Ok(false),
        }
    }

    /// Keeps the socket alive between two turns; see [`SocketSession::idle`].
    ///
    /// Resolves at once if there is no socket.
    ///
    /// # Cancel safety
    ///
    /// This method is cancel safe: drop the future before starting the next turn.
    pub async fn idle(&mut self) {
        if let Some(sockets) = &mut self.sockets {
            sockets.idle().await;
        }
    }
}
