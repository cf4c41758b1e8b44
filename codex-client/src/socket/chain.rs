//! The server's state on a connection, and whether the next request continues it. The value is
//! stored inside the open socket and dropped with it: a response id is not valid on another
//! connection, so no other code can mix them up.

use codex_types::{CreateResponse, Input, InputItem, Message, PreparedInput, Response};

/// The last response of a connection, with the whole input that led to it.
pub(super) struct Chain {
    response_id: String,
    /// The request of that response, without its input.
    fields: CreateResponse,
    /// The whole input of that request, followed by the output.
    history: PreparedInput,
}

/// A request, split into the fields to compare and the input, which may grow.
pub(super) struct Parts {
    pub(super) fields: CreateResponse,
    /// Items are serialized here, once for all attempts, unless they already are.
    pub(super) input: Option<Input>,
}

/// The part of a request that continues the previous one.
pub(super) struct Continuation {
    pub(super) previous_response_id: String,
    pub(super) input: PreparedInput,
}

impl Parts {
    pub(super) fn new(mut request: CreateResponse) -> Self {
        let input = request.input.take().map(|input| match input {
            Input::Items(items) => Input::Prepared(items.into_iter().collect()),
            other => other,
        });
        Self {
            fields: request,
            input,
        }
    }

    /// Returns the whole request.
    pub(super) fn whole(&self) -> CreateResponse {
        let mut request = self.fields.clone();
        request.input.clone_from(&self.input);
        request
    }

    /// Returns the input as items; `None` if it has an unknown form.
    fn items(&self) -> Option<PreparedInput> {
        match &self.input {
            None => Some(PreparedInput::new()),
            Some(Input::Prepared(input)) => Some(input.clone()),
            Some(Input::Text(text)) => {
                let message = InputItem::from(Message::user(text.as_str()));
                Some(PreparedInput::from_iter([message]))
            }
            Some(_) => None,
        }
    }

    /// Returns whether the caller sets the context that the request continues.
    fn names_its_context(&self) -> bool {
        self.fields.previous_response_id.is_some() || self.fields.conversation.is_some()
    }
}

impl Chain {
    /// Creates the chain after a completed response. `output` is the output in the form in which it
    /// will be sent back.
    pub(super) fn new(parts: &Parts, response: &Response, output: &PreparedInput) -> Option<Self> {
        if response.id.is_empty() || parts.names_its_context() {
            return None;
        }
        let mut history = parts.items()?;
        history.append(output);
        Some(Self {
            response_id: response.id.clone(),
            fields: comparable(&parts.fields),
            history,
        })
    }

    /// Returns the new items, if the request strictly extends the server's state and all other
    /// fields are equal.
    pub(super) fn continued_by(&self, next: &Parts) -> Option<Continuation> {
        if next.names_its_context() || comparable(&next.fields) != self.fields {
            return None;
        }
        Some(Continuation {
            previous_response_id: self.response_id.clone(),
            input: next.items()?.strip_prefix(&self.history)?,
        })
    }
}

/// Returns the fields that the continued state depends on. Fields that only describe the client, or
/// only one request, may differ.
fn comparable(fields: &CreateResponse) -> CreateResponse {
    let mut fields = fields.clone();
    fields.client_metadata = None;
    fields.generate = None;
    fields.stream_options = None;
    fields.extra.remove("stream");
    fields
}

#[cfg(test)]
mod tests {
    use codex_types::{Map, OutputMessage, RawJson, Status, Tool};

    use super::*;

    fn parts(input: impl Into<Input>) -> Parts {
        Parts::new(
            CreateResponse::new("some-model")
                .instructions("Be brief.")
                .input(input),
        )
    }

    fn answer() -> Response {
        let mut response = Response::new("resp_1", Status::Completed);
        response
            .output
            .push(OutputMessage::text("msg_1", "Yes.").into());
        response
    }

    fn chain() -> Chain {
        let response = answer();
        let output = response.to_input().into_iter().collect();
        Chain::new(&parts("Well?"), &response, &output).unwrap()
    }

    fn history() -> Vec<InputItem> {
        let mut items: Vec<InputItem> = vec![Message::user("Well?").into()];
        items.extend(answer().to_input());
        items
    }

    #[test]
    fn a_longer_history_leaves_only_what_is_new() {
        let mut items = history();
        items.push(Message::user("And now?").into());
        let continuation = chain().continued_by(&parts(items)).unwrap();
        assert_eq!(continuation.previous_response_id, "resp_1");
        assert_eq!(
            continuation.input.to_items(),
            [InputItem::from(Message::user("And now?"))]
        );
        assert!(
            chain()
                .continued_by(&parts(history()))
                .unwrap()
                .input
                .is_empty()
        );
    }

    #[test]
    fn a_history_that_was_written_down_and_read_again_is_the_same() {
        let items: Vec<InputItem> = RawJson::encode(&history()).unwrap().decode().unwrap();
        assert!(chain().continued_by(&parts(items)).is_some());
    }

    #[test]
    fn any_other_history_is_sent_whole() {
        let mut changed = history();
        changed[0] = Message::user("Well!").into();
        let mut shorter = history();
        shorter.pop();
        let mut reordered = history();
        reordered.reverse();
        for items in [changed, shorter, reordered, Vec::new()] {
            assert!(chain().continued_by(&parts(items)).is_none());
        }
        assert!(
            chain()
                .continued_by(&parts(
                    RawJson::parse("7").unwrap().decode::<Input>().unwrap()
                ))
                .is_none()
        );
    }

    #[test]
    fn every_other_field_has_to_be_equal() {
        let request = |change: fn(CreateResponse) -> CreateResponse| {
            Parts::new(change(
                CreateResponse::new("some-model")
                    .instructions("Be brief.")
                    .input(history()),
            ))
        };
        let differ: [fn(CreateResponse) -> CreateResponse; 8] = [
            |request| request.instructions("Be long."),
            |mut request| {
                request.model = "another".into();
                request
            },
            |request| request.tools(vec![Tool::default()]),
            |request| request.store(false),
            |request| request.parallel_tool_calls(true),
            |request| request.prompt_cache_key("key"),
            |request| request.previous_response_id("resp_0"),
            |mut request| {
                request
                    .extra
                    .insert("new_parameter", RawJson::parse("1").unwrap());
                request
            },
        ];
        for (number, change) in differ.into_iter().enumerate() {
            assert!(chain().continued_by(&request(change)).is_none(), "{number}");
        }
        let harmless: [fn(CreateResponse) -> CreateResponse; 3] = [
            |request| request,
            |request| {
                request.client_metadata(Map::from_iter([("turn".to_owned(), "2".to_owned())]))
            },
            |request| request.generate(true),
        ];
        for (number, change) in harmless.into_iter().enumerate() {
            assert!(chain().continued_by(&request(change)).is_some(), "{number}");
        }
    }

    #[test]
    fn a_response_without_a_name_or_with_a_context_of_its_own_is_not_continued() {
        let nameless = Response::new("", Status::Completed);
        assert!(Chain::new(&parts("Well?"), &nameless, &PreparedInput::new()).is_none());
        let named = Parts::new(CreateResponse::new("some-model").previous_response_id("resp_0"));
        assert!(Chain::new(&named, &answer(), &PreparedInput::new()).is_none());
    }
}
