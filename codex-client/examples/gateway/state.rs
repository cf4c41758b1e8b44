//! The responses that the gateway keeps, so that a request can name an earlier one although the
//! service does not store it: for each WebSocket the responses created on it, and with `--remember`
//! those of each client. All state is in memory and limited.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use codex_types::profile::Store;
use codex_types::{
    ApiError, CreateResponse, Input, InputItem, PreparedInput, Response, ResponseEvent, Status,
};
use http::StatusCode;

use crate::failure::Failure;
use crate::upstream::Upstream;

/// The client that created a response, and the id of the response.
type Key = (usize, String);

/// Responses and their conversations; the oldest is dropped first.
#[derive(Clone)]
pub(crate) struct Memory {
    kept: Arc<Mutex<Kept>>,
}

struct Kept {
    responses: HashMap<Key, Remembered>,
    /// The items that a request may refer to, by client and id: their responses, and their
    /// positions in the output.
    items: HashMap<Key, (Key, usize)>,
    /// The keys, oldest first.
    order: VecDeque<Key>,
    bytes: usize,
    most: usize,
    most_bytes: usize,
}

/// A response and the conversation that led to it.
#[derive(Clone)]
pub(crate) struct Remembered {
    /// The conversation up to the end of the response.
    pub(crate) conversation: PreparedInput,
    /// The number of its items before the output.
    inputs: usize,
    /// The ids of the output items, and where the conversation has them, unless they cannot be
    /// sent.
    output: Vec<(String, Option<usize>)>,
    /// The response as JSON.
    pub(crate) response: Bytes,
    /// The number of the service that created it.
    pub(crate) service: usize,
    /// Whether the service stores it too.
    pub(crate) is_stored: bool,
}

impl Remembered {
    fn bytes(&self) -> usize {
        self.conversation.json_len() + self.response.len()
    }

    /// Returns the item to send instead of a reference to the output item with this position, or
    /// `None` if it cannot be sent.
    fn referred(&self, position: usize) -> Option<InputItem> {
        let (_, position) = self.output.get(position)?;
        self.conversation.iter().nth((*position)?)?.decode().ok()
    }

    /// Returns whether this service stores the response.
    pub(crate) fn is_stored_by(&self, upstream: &Upstream) -> bool {
        self.is_stored && self.service == upstream.number
    }

    /// Returns the items that led to the response, as JSON.
    pub(crate) fn input_items(&self) -> Vec<&str> {
        let items = self.conversation.iter().take(self.inputs);
        items.map(|item| item.as_str()).collect()
    }
}

impl Memory {
    /// Creates a memory for at most `most` responses and `most_bytes` bytes.
    pub(crate) fn new(most: usize, most_bytes: usize) -> Self {
        Self {
            kept: Arc::new(Mutex::new(Kept {
                responses: HashMap::new(),
                items: HashMap::new(),
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

    /// Removes a response. Returns `false` if it was not kept.
    pub(crate) fn forget(&self, client: usize, id: &str) -> bool {
        self.lock().remove(&(client, id.to_owned()))
    }

    /// Replaces references to items of remembered responses, unless this service stores them. A
    /// second reference to an item stays, since the API rejects it: otherwise a small request could
    /// become any number of copies.
    pub(crate) fn resolve(&self, client: usize, request: &mut CreateResponse, upstream: &Upstream) {
        let Some(Input::Items(items)) = &mut request.input else {
            return;
        };
        if !items
            .iter()
            .any(|item| matches!(item, InputItem::ItemReference(_)))
        {
            return;
        }
        let kept = self.lock();
        let mut resolved = Vec::with_capacity(items.len());
        let mut seen = HashSet::new();
        for item in items.drain(..) {
            match &item {
                InputItem::ItemReference(reference) => {
                    let key = (client, reference.id.clone());
                    match kept.item(&key).filter(|(it, _)| !it.is_stored_by(upstream)) {
                        Some((remembered, position)) if seen.insert(key) => {
                            resolved.extend(remembered.referred(position));
                        }
                        _ => resolved.push(item),
                    }
                }
                _ => resolved.push(item),
            }
        }
        *items = resolved;
    }

    fn keep(&self, client: usize, id: &str, remembered: Remembered) {
        let mut kept = self.lock();
        let key = (client, id.to_owned());
        kept.remove(&key);
        for (position, (item, _)) in remembered.output.iter().enumerate() {
            let item = (client, item.clone());
            kept.items.insert(item, (key.clone(), position));
        }
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
    /// Returns the response of an item, and the position of the item in its output.
    fn item(&self, key: &Key) -> Option<(&Remembered, usize)> {
        let (response, position) = self.items.get(key)?;
        Some((self.responses.get(response)?, *position))
    }

    fn remove(&mut self, key: &Key) -> bool {
        let Some(removed) = self.responses.remove(key) else {
            return false;
        };
        self.bytes -= removed.bytes();
        for (item, _) in removed.output {
            let item = (key.0, item);
            if self.items.get(&item).is_some_and(|(it, _)| it == key) {
                self.items.remove(&item);
            }
        }
        if let Some(at) = self.order.iter().position(|known| known == key) {
            self.order.remove(at);
        }
        true
    }
}

/// The conversation that a request continues, to keep with its response.
pub(crate) struct Continued {
    memory: Memory,
    client: usize,
    /// The id of the response that the request continues.
    previous: Option<String>,
    conversation: PreparedInput,
    service: usize,
    is_stored: bool,
    /// Whether reasoning without encrypted content is lost with the connection.
    needs_encrypted: bool,
}

impl Continued {
    /// Creates the conversation of a request; `before` precedes the request's input.
    pub(crate) fn new(
        memory: &Memory,
        client: usize,
        before: Option<&Remembered>,
        request: &CreateResponse,
        upstream: &Upstream,
    ) -> Self {
        let mut conversation =
            before.map_or_else(PreparedInput::new, |before| before.conversation.clone());
        if let Some(input) = request.input.clone() {
            conversation.extend(input.into_items());
        }
        let store = upstream.profile.store;
        let is_stored = store == Store::Free && request.store != Some(false);
        Self {
            memory: memory.clone(),
            client,
            previous: request.previous_response_id.clone(),
            conversation,
            service: upstream.number,
            is_stored,
            needs_encrypted: store != Store::Unsupported && !is_stored,
        }
    }

    /// Returns the request with the whole conversation instead of a response id.
    pub(crate) fn whole(&self, mut request: CreateResponse) -> CreateResponse {
        request.previous_response_id = None;
        request.input = Some(Input::Prepared(self.conversation.clone()));
        request
    }

    /// Adds the id of the continued response, which a service that was sent the whole conversation
    /// does not have.
    pub(crate) fn add_previous(&self, response: &mut Response) {
        if self.previous.is_some() && response.previous_response_id.is_none() {
            response.previous_response_id.clone_from(&self.previous);
        }
    }

    /// Adds the id of the continued response to an event.
    pub(crate) fn add_previous_to(&self, event: &mut ResponseEvent) {
        if let ResponseEvent::Created(event)
        | ResponseEvent::Queued(event)
        | ResponseEvent::InProgress(event)
        | ResponseEvent::Completed(event)
        | ResponseEvent::Incomplete(event)
        | ResponseEvent::Failed(event) = event
        {
            self.add_previous(&mut event.response);
        }
    }

    /// Keeps the response if it can be continued.
    pub(crate) fn ended(self, response: &Response) {
        let mut response = response.clone();
        self.add_previous(&mut response);
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
        let sent: Vec<InputItem> = response
            .to_input()
            .into_iter()
            .filter(can_be_sent)
            .collect();
        let positions: HashMap<&str, usize> = sent
            .iter()
            .enumerate()
            .filter_map(|(position, item)| Some((item.id()?, inputs + position)))
            .collect();
        let ids = response.output.iter().filter_map(|item| item.id());
        let output = ids
            .map(|id| (id.to_owned(), positions.get(id).copied()))
            .collect();
        conversation.extend(&sent);
        let remembered = Remembered {
            conversation,
            inputs,
            output,
            response: serde_json::to_vec(&response).unwrap_or_default().into(),
            service: self.service,
            is_stored: self.is_stored,
        };
        self.memory.keep(self.client, &response.id, remembered);
    }
}

/// Returns the service's error for an unknown response.
pub(crate) fn lost(id: &str) -> Failure {
    let message = format!("Previous response with id '{id}' not found.");
    let error = ApiError::new("previous_response_not_found", message)
        .kind("invalid_request_error")
        .param("previous_response_id");
    Failure::with_error(StatusCode::BAD_REQUEST, error)
}
