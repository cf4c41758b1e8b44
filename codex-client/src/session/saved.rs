//! Saves a conversation as JSON: everything that a later process needs to continue it, and nothing
//! that belongs to this process only. Items are written as they arrived, so that fields unknown to
//! this version survive.

use codex_types::{CreateResponse, InputItem, Map, RawJson};

use crate::client::Client;
use crate::error::Error;
use crate::request::unwritable;
use crate::session::Session;
use crate::session::history::{History, Kept};
use crate::session::round::Round;

impl Session {
    /// Serializes the conversation as JSON: its settings, its history and its ids.
    ///
    /// The result contains the text of the conversation, but no credentials.
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
    /// Returns [`Request`](crate::ErrorKind::Request) when the settings or an item cannot be
    /// serialized, which cannot happen for values that were read from JSON.
    pub fn to_json(&self) -> Result<RawJson, Error> {
        let items: Vec<&InputItem> = self.state.items().collect();
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
        if let Some(kept) = self.state.history.kept() {
            saved.insert("kept_by", encode(&kept.conversation)?);
            saved.insert("kept_items", encode(&kept.items)?);
        }
        saved.insert("usage", encode(&self.state.usage)?);
        let not_run: Vec<&str> = self.state.round.waiting().collect();
        if !not_run.is_empty() {
            saved.insert("not_run", encode(&not_run)?);
        }
        encode(&saved)
    }

    /// Restores a conversation written by [`to_json`](Self::to_json) and attaches it to this
    /// client.
    ///
    /// # Errors
    ///
    /// Returns [`Request`](crate::ErrorKind::Request) when `json` is not a saved conversation, or
    /// when a later version of this library wrote it in a format that this one does not support.
    pub fn from_json(client: &Client, json: &RawJson) -> Result<Self, Error> {
        let saved: Map<RawJson> = json
            .decode()
            .map_err(|error| Error::request(NONE).with_source(error))?;
        let version: u64 = member(&saved, "version")?;
        if version != VERSION {
            return Err(Error::request(
                "unsupported version of a saved conversation",
            ));
        }
        let mut session = Self::new(
            client.clone(),
            member::<CreateResponse>(&saved, "settings")?,
        );
        session.state.history = History::starting_with(member(&saved, "history")?);
        if saved.get("kept_by").is_some() {
            session.state.history.set_kept(Some(Kept {
                conversation: member(&saved, "kept_by")?,
                items: member(&saved, "kept_items")?,
            }));
        }
        session.state.session_id = member(&saved, "session_id")?;
        session.state.thread_id = member(&saved, "thread_id")?;
        session.state.window = member(&saved, "window")?;
        if saved.get("usage").is_some() {
            session.state.usage = member(&saved, "usage")?;
        }
        if saved.get("not_run").is_some() {
            session.state.round = Round::new(member::<Vec<String>>(&saved, "not_run")?);
        }
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
const NONE: &str = "not a saved conversation";
