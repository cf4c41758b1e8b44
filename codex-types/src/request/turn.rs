//! The turn metadata of a client of the ChatGPT backend.

use alloc::string::String;

use crate::request::Effort;
use crate::wire::object::object;
use crate::wire::open::open_enum;
use crate::{DecodeError, Map, Number, RawJson};

object! {
    /// The description of a turn that a client of the ChatGPT backend sends, in the header
    /// `x-codex-turn-metadata` and under the same key in `client_metadata`.
    ///
    /// The backend responds without it. [`to_header`](Self::to_header) returns the header,
    /// [`to_ascii`](Self::to_ascii) the entry of `client_metadata`.
    ///
    /// ```
    /// use codex_types::{CreateResponse, Map, RequestKind, TurnMetadata};
    ///
    /// let turn = TurnMetadata::new()
    ///     .turn_id("turn_1")
    ///     .request_kind(RequestKind::Turn)
    ///     .sandbox("köfferchen");
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
            /// The id of the installation of the client.
            installation_id: String,
            /// The id of the session.
            session_id: String,
            /// The id of the thread.
            thread_id: String,
            /// The name of the agent.
            agent_name: String,
            /// The id of the turn.
            turn_id: String,
            /// The id of the thread's context window.
            window_id: String,
            /// The number of times that the window was replaced by a shorter one.
            window_number: Number,
            /// The window's own id.
            context_window_id: String,
            /// The purpose of the request.
            request_kind: RequestKind,
            /// The origin of the thread's history.
            history_initialization: String,
            /// The thread from which this one was forked.
            forked_from_thread_id: String,
            /// The parent thread.
            parent_thread_id: String,
            /// The parent turn.
            parent_turn_id: String,
            /// The root turn.
            root_turn_id: String,
            /// The kind of subagent of the client.
            subagent_kind: String,
            /// The origin of the thread.
            thread_source: String,
            /// The trigger of the turn.
            turn_trigger: String,
            /// The sandbox of commands.
            sandbox: String,
            /// The mode of the sandbox.
            sandbox_mode: String,
            /// Whether commands are reviewed without a person.
            auto_review_enabled: bool,
            /// Whether uses of a JavaScript interpreter must be reviewed.
            node_repl_auto_review_required: bool,
            /// Whether the JavaScript interpreter is disabled.
            node_repl_disabled: bool,
            /// The working directories, by path.
            workspaces: Map<Workspace>,
            /// The tools by namespace. Never in the header.
            tool_namespaces_info: RawJson,
            /// The time at which the turn began, as a Unix timestamp in milliseconds.
            turn_started_at_unix_ms: Number,
            /// Whether the client reports analytics.
            analytics_enabled: bool,
            /// The model.
            model: String,
            /// The reasoning effort.
            reasoning_effort: Effort,
            /// The reason and method of a compaction.
            compaction: TurnCompaction,
        }
    }
}

impl TurnMetadata {
    /// Reads the metadata from the text of a header or of an entry of `client_metadata`.
    ///
    /// # Errors
    ///
    /// Returns an error if the text is not a JSON object.
    pub fn from_json(text: &str) -> Result<Self, DecodeError> {
        RawJson::parse(text)?.decode()
    }

    /// Returns the metadata as JSON in ASCII, the form for `client_metadata`.
    ///
    /// # Errors
    ///
    /// Currently returns no error.
    pub fn to_ascii(&self) -> Result<String, DecodeError> {
        Ok(ascii(&RawJson::encode(self)?.to_compact()))
    }

    /// Returns the value of the header, which leaves out the tools.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`to_ascii`](Self::to_ascii).
    pub fn to_header(&self) -> Result<String, DecodeError> {
        let mut shown = self.clone();
        shown.tool_namespaces_info = None;
        shown.to_ascii()
    }
}

/// JSON has characters beyond ASCII only in its strings, where each can be escaped.
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
    /// A working directory.
    pub struct Workspace {
        required {}
        optional {
            /// The remote URLs of its repository, by name.
            associated_remote_urls: RawJson,
            /// The hash of its latest commit.
            latest_git_commit_hash: String,
            /// Whether there are uncommitted changes.
            has_changes: bool,
        }
    }
}

object! {
    /// The reason and method of a compaction.
    pub struct TurnCompaction {
        required {}
        optional {
            /// The trigger.
            trigger: String,
            /// The reason.
            reason: String,
            /// The implementation.
            implementation: String,
            /// The phase of the turn.
            phase: String,
            /// The strategy.
            strategy: String,
        }
    }
}

open_enum! {
    /// The purpose of a request of a turn.
    pub enum RequestKind {
        /// The turn itself.
        Turn = "turn",
        /// Warming up the connection.
        Prewarm = "prewarm",
        /// Compacting the conversation.
        Compaction = "compaction",
        /// Updating the memory.
        Memory = "memory",
    }
}
