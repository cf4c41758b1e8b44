// What the gateway keeps of responses, so that a request can name the one before it although the service does not keep it: for each WebSocket
// the responses that were made on it, and with --remember those of each client. Everything is in memory and bounded.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use codex_types::profile::{Profile, Store};
use codex_types::{ApiError, CreateResponse, Input, InputItem, PreparedInput, Response, Status};
use http::StatusCode;

use crate::failure::Failure;

/// A response by the client that made it and its id.
type Key = (usize, String);

/// Responses and the conversations that they end, the oldest dropped first.
#[derive(Clone)]
pub(crate) struct Memory {
    kept: Arc<Mutex<Kept>>,
}

struct Kept {
    responses: HashMap<Key, Remembered>,
    /// The oldest first.
    order: VecDeque<Key>,
    bytes: usize,
    most: usize,
    most_bytes: usize,
}

/// A response and what led to it.
#[derive(Clone)]
pub(crate) struct Remembered {
    /// Everything up to the end of the response.
    pub(crate) conversation: PreparedInput,
    /// How many items of it came before the output.
    inputs: usize,
    /// The response as JSON.
    pub(crate) response: Bytes,
    /// Whether the service keeps it too.
    pub(crate) is_stored: bool,
}

impl Remembered {
    fn bytes(&self) -> usize {
        self.conversation.json_len() + self.response.len()
    }

    /// The items that led to the response, as JSON.
    pub(crate) fn input_items(&self) -> Vec<&str> {
        let items = self.conversation.iter().take(self.inputs);
        items.map(|item| item.as_str()).collect()
    }
}

impl Memory {
    /// Keeps at most so many responses, and so many bytes of them.
    pub(crate) fn new(most: usize, most_bytes: usize) -> Self {
        Self {
            kept: Arc::new(Mutex::new(Kept {
                responses: HashMap::new(),
                order: VecDeque::new(),
                bytes: 0,
                most,
                most_bytes,
            })),
        }
    }

    pub(crate) fn get(&self, client: usize, id: &str) -> Option<Remembered> {
        self.lock().responses.get(&(client, id.to_owned())).cloned()
    }

    /// Forgets a response; `false` if it was not known.
    pub(crate) fn forget(&self, client: usize, id: &str) -> bool {
        self.lock().remove(&(client, id.to_owned()))
    }

    fn keep(&self, client: usize, id: &str, remembered: Remembered) {
        let mut kept = self.lock();
        let key = (client, id.to_owned());
        kept.remove(&key);
        kept.bytes += remembered.bytes();
        kept.order.push_back(key.clone());
        kept.responses.insert(key, remembered);
        while kept.order.len() > kept.most || kept.bytes > kept.most_bytes {
            let Some(oldest) = kept.order.front().cloned() else {
                return;
            };
            kept.remove(&oldest);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn remove(&mut self, key: &Key) -> bool {
        let Some(removed) = self.responses.remove(key) else {
            return false;
        };
        self.bytes -= removed.bytes();
        if let Some(at) = self.order.iter().position(|known| known == key) {
            self.order.remove(at);
        }
        true
    }
}

/// The conversation that a request continues, to be kept with its response.
pub(crate) struct Continued {
    memory: Memory,
    client: usize,
    conversation: PreparedInput,
    is_stored: bool,
    /// Whether reasoning without its encrypted content is lost with the connection.
    needs_encrypted: bool,
}

impl Continued {
    /// `before` is what precedes the input of the request.
    pub(crate) fn new(
        memory: &Memory,
        client: usize,
        before: Option<&Remembered>,
        request: &CreateResponse,
        profile: &Profile,
    ) -> Self {
        let mut conversation =
            before.map_or_else(PreparedInput::new, |before| before.conversation.clone());
        if let Some(input) = request.input.clone() {
            conversation.extend(input.into_items());
        }
        let is_stored = profile.store == Store::Free && request.store != Some(false);
        Self {
            memory: memory.clone(),
            client,
            conversation,
            is_stored,
            needs_encrypted: profile.store != Store::Unsupported && !is_stored,
        }
    }

    /// The request with the whole conversation instead of the name of a response.
    pub(crate) fn whole(&self, mut request: CreateResponse) -> CreateResponse {
        request.previous_response_id = None;
        request.input = Some(Input::Prepared(self.conversation.clone()));
        request
    }

    /// Keeps the response if it can be continued.
    pub(crate) fn ended(self, response: &Response) {
        if response.id.is_empty()
            || !matches!(response.status, Status::Completed | Status::Incomplete)
        {
            return;
        }
        let inputs = self.conversation.len();
        let mut conversation = self.conversation;
        let can_be_sent = |item: &InputItem| match item {
            InputItem::Reasoning(reasoning) => {
                !self.needs_encrypted || reasoning.encrypted_content.is_some()
            }
            _ => true,
        };
        conversation.extend(response.to_input().into_iter().filter(can_be_sent));
        let remembered = Remembered {
            conversation,
            inputs,
            response: serde_json::to_vec(response).unwrap_or_default().into(),
            is_stored: self.is_stored,
        };
        self.memory.keep(self.client, &response.id, remembered);
    }
}

/// The error of the service for a response that it does not know.
pub(crate) fn lost(id: &str) -> Failure {
    let message = format!("Previous response with id '{id}' not found.");
    let error = ApiError::new("previous_response_not_found", message)
        .kind("invalid_request_error")
        .param("previous_response_id");
    Failure::with_error(StatusCode::BAD_REQUEST, error)
}
