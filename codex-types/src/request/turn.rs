//! What a client of the ChatGPT backend tells about a turn.

use alloc::string::String;

use crate::request::Effort;
use crate::wire::object::object;
use crate::wire::open::open_enum;
use crate::{DecodeError, Map, Number, RawJson};

object! {
    /// What a client of the ChatGPT backend tells about a turn, in the header `x-codex-turn-metadata` and under the same key in
    /// `client_metadata`.
    ///
    /// The backend answers without it. A header is made of it by [`to_header`](Self::to_header), an entry of `client_metadata` by
    /// [`to_ascii`](Self::to_ascii).
    ///
    /// ```
    /// use codex_types::{CreateResponse, Map, RequestKind, TurnMetadata};
    ///
    /// let turn = TurnMetadata::new().turn_id("turn_1").request_kind(RequestKind::Turn).sandbox("köfferchen");
    /// let text = turn.to_ascii()?;
    /// assert_eq!(text, r#"{"turn_id":"turn_1","request_kind":"turn","sandbox":"k\u00f6fferchen"}"#);
    /// assert_eq!(TurnMetadata::from_json(&text)?, turn);
    ///
    /// let metadata: Map<String> = [("x-codex-turn-metadata".to_owned(), text)].into_iter().collect();
    /// let request = CreateResponse::new("gpt-5.5").client_metadata(metadata);
    /// # assert!(request.client_metadata.is_some());
    /// # Ok::<(), codex_types::DecodeError>(())
    /// ```
    pub struct TurnMetadata {
        required {}
        optional {
            /// The installation of the client.
            installation_id: String,
            /// The session.
            session_id: String,
            /// The thread.
            thread_id: String,
            /// The name of the agent.
            agent_name: String,
            /// The turn.
            turn_id: String,
            /// The window of the thread's context.
            window_id: String,
            /// How often the window was replaced by a shorter one.
            window_number: Number,
            /// The window as a name of its own.
            context_window_id: String,
            /// What the request is for.
            request_kind: RequestKind,
            /// Where the history of the thread comes from.
            history_initialization: String,
            /// The thread that this one was forked from.
            forked_from_thread_id: String,
            /// The thread that began this one.
            parent_thread_id: String,
            /// The turn that began this one.
            parent_turn_id: String,
            /// The turn that began it all.
            root_turn_id: String,
            /// What kind of helper of the client asks.
            subagent_kind: String,
            /// Where the thread comes from.
            thread_source: String,
            /// What started the turn.
            turn_trigger: String,
            /// What confines the commands.
            sandbox: String,
            /// How it confines them.
            sandbox_mode: String,
            /// Whether commands are reviewed without a person.
            auto_review_enabled: bool,
            /// Whether a JavaScript interpreter has to be reviewed.
            node_repl_auto_review_required: bool,
            /// Whether a JavaScript interpreter is turned off.
            node_repl_disabled: bool,
            /// The directories worked in, by path.
            workspaces: Map<Workspace>,
            /// The tools by namespace. Never in the header.
            tool_namespaces_info: RawJson,
            /// When the turn began, in milliseconds since 1970.
            turn_started_at_unix_ms: Number,
            /// Whether the client reports how it is used.
            analytics_enabled: bool,
            /// The model.
            model: String,
            /// How much the model thinks.
            reasoning_effort: Effort,
            /// Why and how the conversation is made shorter.
            compaction: TurnCompaction,
        }
    }
}

impl TurnMetadata {
    /// Reads it from the text of a header or of an entry of `client_metadata`.
    ///
    /// # Errors
    ///
    /// The text is no JSON object.
    pub fn from_json(text: &str) -> Result<Self, DecodeError> {
        RawJson::parse(text)?.decode()
    }

    /// It as JSON in ASCII, whatever it holds: what `client_metadata` takes.
    ///
    /// # Errors
    ///
    /// No value that can be built makes it fail today.
    pub fn to_ascii(&self) -> Result<String, DecodeError> {
        Ok(ascii(&RawJson::encode(self)?.to_compact()))
    }

    /// It as the value of the header, which leaves out the tools.
    ///
    /// # Errors
    ///
    /// As [`to_ascii`](Self::to_ascii).
    pub fn to_header(&self) -> Result<String, DecodeError> {
        let mut shown = self.clone();
        shown.tool_namespaces_info = None;
        shown.to_ascii()
    }
}

/// JSON has characters beyond ASCII in its strings only, where each may be escaped.
fn ascii(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    let mut units = [0; 2];
    for character in json.chars() {
        if character.is_ascii() && character != '\u{7f}' {
            text.push(character);
            continue;
        }
        for unit in character.encode_utf16(&mut units) {
            text.push_str(&alloc::format!("\\u{unit:04x}"));
        }
    }
    text
}

object! {
    /// A directory worked in.
    pub struct Workspace {
        required {}
        optional {
            /// The addresses of its repository, by name.
            associated_remote_urls: RawJson,
            /// The commit it is at.
            latest_git_commit_hash: String,
            /// Whether there is more than that commit.
            has_changes: bool,
        }
    }
}

object! {
    /// Why and how a conversation is made shorter.
    pub struct TurnCompaction {
        required {}
        optional {
            /// What set it off.
            trigger: String,
            /// Why.
            reason: String,
            /// By what.
            implementation: String,
            /// When within the turn.
            phase: String,
            /// How.
            strategy: String,
        }
    }
}

open_enum! {
    /// What a request of a turn is for.
    pub enum RequestKind {
        /// The turn itself.
        Turn = "turn",
        /// Preparing the connection.
        Prewarm = "prewarm",
        /// Making the conversation shorter.
        Compaction = "compaction",
        /// Remembering.
        Memory = "memory",
    }
}
