// A conversation as JSON: everything a later process needs to go on, and nothing that is of this process only. The items are written as they
// came, so that what this version does not know survives being saved by it.

use codex_types::{CreateResponse, InputItem, Map, RawJson};

use crate::client::Client;
use crate::error::Error;
use crate::request::unwritable;
use crate::session::Session;
use crate::session::history::History;

impl Session {
    /// The conversation as JSON: its settings, its history and its ids. It holds what was said, and no credentials.
    ///
    /// ```
    /// # use codex_client::Client;
    /// use codex_client::Session;
    /// use codex_client::types::CreateResponse;
    ///
    /// # let client = Client::builder().base_url("http://127.0.0.1:1/v1").build()?;
    /// let session = client.session(CreateResponse::new("some-model").input("Hello"));
    /// let text = session.to_json()?.to_string();
    /// // In another process:
    /// let session_again = Session::from_json(&client, &text.parse()?)?;
    /// assert_eq!(session_again.session_id(), session.session_id());
    /// assert_eq!(session_again.history().count(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Request`](crate::ErrorKind::Request) when the settings or an item cannot be written as JSON, which nothing that was read can cause.
    pub fn to_json(&self) -> Result<RawJson, Error> {
        let items: Vec<&InputItem> = self.state.history.items().collect();
        let mut saved: Map<RawJson> = Map::new();
        saved.insert("version", encode(&VERSION)?);
        saved.insert("session_id", encode(&self.state.session_id)?);
        saved.insert("thread_id", encode(&self.state.thread_id)?);
        saved.insert("window", encode(&self.state.window)?);
        if let Some(id) = &self.state.installation_id {
            saved.insert("installation_id", encode(id)?);
        }
        saved.insert("settings", encode(&self.state.settings)?);
        saved.insert("history", encode(&items)?);
        encode(&saved)
    }

    /// The conversation that [`to_json`](Self::to_json) wrote, to be gone on with through this client.
    ///
    /// # Errors
    ///
    /// [`Request`](crate::ErrorKind::Request) when that is not what `json` is, or when a later version of this library wrote it in a form that
    /// this one does not know.
    pub fn from_json(client: &Client, json: &RawJson) -> Result<Self, Error> {
        let saved: Map<RawJson> = json
            .decode()
            .map_err(|error| Error::request(NONE).with_source(error))?;
        let version: u64 = member(&saved, "version")?;
        if version != VERSION {
            return Err(Error::request(
                "the conversation was saved in a form that this version does not know",
            ));
        }
        let mut session = Self::new(
            client.clone(),
            member::<CreateResponse>(&saved, "settings")?,
        );
        session.state.history = History::starting_with(member(&saved, "history")?);
        session.state.session_id = member(&saved, "session_id")?;
        session.state.thread_id = member(&saved, "thread_id")?;
        session.state.window = member(&saved, "window")?;
        if saved.get("installation_id").is_some() {
            session.state.installation_id = Some(member(&saved, "installation_id")?);
        }
        Ok(session)
    }
}

fn encode(value: &impl serde::Serialize) -> Result<RawJson, Error> {
    RawJson::encode(value).map_err(unwritable)
}

fn member<T: serde::de::DeserializeOwned>(saved: &Map<RawJson>, name: &str) -> Result<T, Error> {
    let json = saved.get(name).ok_or_else(|| Error::request(NONE))?;
    json.decode()
        .map_err(|error| Error::request(NONE).with_source(error))
}

const VERSION: u64 = 1;
const NONE: &str = "this is no conversation that was saved";
