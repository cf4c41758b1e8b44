use serde_json::{Value, json};

/// The events of a whole turn, generated from its items: every delta and every `done`, with
/// consistent ids and sequence numbers.
///
/// ```
/// use codex_transport::testing::{Answer, Turn};
///
/// let turn = Turn::new("resp_1")
///     .reasoning("Looking it up.")
///     .function_call("weather", r#"{"city":"Bern"}"#);
/// let answer = Answer::sse().events(turn.events());
/// assert_eq!(turn.events().len(), 15);
/// ```
#[derive(Clone, Debug)]
pub struct Turn {
    id: String,
    model: String,
    items: Vec<Value>,
    end: End,
    usage: Value,
    items_in_final_event: bool,
}

#[derive(Clone, Debug)]
enum End {
    Completed,
    Incomplete(String),
    Failed(String, String),
    Missing,
}

impl Turn {
    /// Creates a completed turn without items.
    pub fn new(id: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            model: "gpt-test".into(),
            items: Vec::new(),
            end: End::Completed,
            usage: json!({
                "input_tokens": 36, "input_tokens_details": {"cached_tokens": 8},
                "output_tokens": 17, "output_tokens_details": {"reasoning_tokens": 5}, "total_tokens": 53,
            }),
            items_in_final_event: true,
        }
    }

    /// Sets the model that the response names.
    #[must_use]
    pub fn model(mut self, model: impl Into<String>) -> Self {
        self.model = model.into();
        self
    }

    /// Adds a reasoning item with this summary and invented encrypted content.
    #[must_use]
    pub fn reasoning(self, summary: &str) -> Self {
        let id = self.item_id("rs");
        self.item(json!({
            "id": id, "type": "reasoning", "summary": [{"type": "summary_text", "text": summary}],
            "encrypted_content": "aW52ZW50ZWQ=",
        }))
    }

    /// Adds an assistant message with this text.
    #[must_use]
    pub fn message(self, text: &str) -> Self {
        let id = self.item_id("msg");
        self.item(json!({
            "id": id, "type": "message", "status": "completed", "role": "assistant",
            "content": [{"type": "output_text", "text": text, "annotations": [], "logprobs": []}],
        }))
    }

    /// Adds a function call with these arguments, a JSON text.
    #[must_use]
    pub fn function_call(self, name: &str, arguments: &str) -> Self {
        let id = self.item_id("fc");
        let call_id = self.item_id("call");
        self.item(json!({
            "id": id, "type": "function_call", "status": "completed", "call_id": call_id, "name": name, "arguments": arguments,
        }))
    }

    /// Adds a custom tool call with this input.
    #[must_use]
    pub fn custom_tool_call(self, name: &str, input: &str) -> Self {
        let id = self.item_id("ctc");
        let call_id = self.item_id("call");
        self.item(json!({
            "id": id, "type": "custom_tool_call", "status": "completed", "call_id": call_id, "name": name, "input": input,
        }))
    }

    /// Ends the turn with `response.incomplete` for this reason.
    #[must_use]
    pub fn incomplete(mut self, reason: impl Into<String>) -> Self {
        self.end = End::Incomplete(reason.into());
        self
    }

    /// Ends the turn with `response.failed` and this code and message.
    #[must_use]
    pub fn failed(mut self, code: impl Into<String>, message: impl Into<String>) -> Self {
        self.end = End::Failed(code.into(), message.into());
        self
    }

    /// Ends the turn without a terminal event, as if the connection had been cut.
    #[must_use]
    pub fn without_end(mut self) -> Self {
        self.end = End::Missing;
        self
    }

    /// Leaves `output` empty in the terminal event, as the ChatGPT backend does: the items were
    /// sent one by one.
    #[must_use]
    pub fn with_empty_output(mut self) -> Self {
        self.items_in_final_event = false;
        self
    }

    /// Returns the events as JSON texts, in order.
    pub fn events(&self) -> Vec<String> {
        let mut events = Events::default();
        events.push(
            json!({"type": "response.created", "response": self.response("in_progress", &[])}),
        );
        events.push(
            json!({"type": "response.in_progress", "response": self.response("in_progress", &[])}),
        );
        for (index, item) in self.items.iter().enumerate() {
            events.item(index, item);
        }
        let items: &[Value] = if self.items_in_final_event {
            &self.items
        } else {
            &[]
        };
        let (kind, mut response) = match &self.end {
            End::Completed => ("completed", self.response("completed", items)),
            End::Incomplete(reason) => {
                let mut response = self.response("incomplete", items);
                response["incomplete_details"] = json!({"reason": reason});
                ("incomplete", response)
            }
            End::Failed(code, message) => {
                let mut response = self.response("failed", items);
                response["error"] = json!({"code": code, "message": message});
                ("failed", response)
            }
            End::Missing => return events.texts,
        };
        response["usage"] = self.usage.clone();
        events.push(json!({"type": format!("response.{kind}"), "response": response}));
        events.texts
    }

    fn item_id(&self, prefix: &str) -> String {
        format!(
            "{prefix}_{}_{}",
            self.id.trim_start_matches("resp_"),
            self.items.len()
        )
    }

    fn item(mut self, item: Value) -> Self {
        self.items.push(item);
        self
    }

    fn response(&self, status: &str, output: &[Value]) -> Value {
        json!({
            "id": self.id, "object": "response", "created_at": 1_700_000_000, "status": status, "model": self.model,
            "output": output, "error": null, "incomplete_details": null, "usage": null,
        })
    }
}

#[derive(Default)]
struct Events {
    texts: Vec<String>,
}

impl Events {
    // The type comes first, as in the servers' events.
    fn push(&mut self, mut event: Value) {
        let kind = event["type"].take();
        if let Some(members) = event.as_object_mut() {
            members.remove("type");
        }
        let members = event.to_string();
        let rest = members.strip_prefix('{').unwrap_or_default();
        let number = self.texts.len();
        self.texts.push(format!(
            "{{\"type\":{kind},\"sequence_number\":{number},{rest}"
        ));
    }

    fn item(&mut self, index: usize, item: &Value) {
        let id = &item["id"];
        let mut started = item.clone();
        match item["type"].as_str() {
            Some("message") => {
                started["status"] = "in_progress".into();
                started["content"] = json!([]);
            }
            Some("reasoning") => started["summary"] = json!([]),
            Some("function_call") => started["arguments"] = "".into(),
            _ => started["input"] = "".into(),
        }
        self.push(
            json!({"type": "response.output_item.added", "output_index": index, "item": started}),
        );
        match item["type"].as_str() {
            Some("message") => {
                let part = &item["content"][0];
                let place = json!({"item_id": id, "output_index": index, "content_index": 0});
                let mut empty = part.clone();
                empty["text"] = "".into();
                self.push(with(
                    "response.content_part.added",
                    &place,
                    &json!({"part": empty}),
                ));
                self.deltas(
                    "response.output_text",
                    &place,
                    "text",
                    part["text"].as_str(),
                );
                self.push(with(
                    "response.content_part.done",
                    &place,
                    &json!({"part": part}),
                ));
            }
            Some("reasoning") => {
                let part = &item["summary"][0];
                let place = json!({"item_id": id, "output_index": index, "summary_index": 0});
                let empty = json!({"type": "summary_text", "text": ""});
                self.push(with(
                    "response.reasoning_summary_part.added",
                    &place,
                    &json!({"part": empty}),
                ));
                self.deltas(
                    "response.reasoning_summary_text",
                    &place,
                    "text",
                    part["text"].as_str(),
                );
                self.push(with(
                    "response.reasoning_summary_part.done",
                    &place,
                    &json!({"part": part}),
                ));
            }
            Some("function_call") => {
                let place = json!({"item_id": id, "output_index": index});
                self.deltas(
                    "response.function_call_arguments",
                    &place,
                    "arguments",
                    item["arguments"].as_str(),
                );
            }
            _ => {
                let place = json!({"item_id": id, "output_index": index});
                self.deltas(
                    "response.custom_tool_call_input",
                    &place,
                    "input",
                    item["input"].as_str(),
                );
            }
        }
        self.push(
            json!({"type": "response.output_item.done", "output_index": index, "item": item}),
        );
    }

    // Adds a delta for each word, as tokens arrive, and then the `done` event.
    fn deltas(&mut self, kind: &str, place: &Value, field: &str, text: Option<&str>) {
        let text = text.unwrap_or_default();
        for word in text.split_inclusive(' ') {
            self.push(with(
                &format!("{kind}.delta"),
                place,
                &json!({"delta": word}),
            ));
        }
        self.push(with(&format!("{kind}.done"), place, &json!({field: text})));
    }
}

fn with(kind: &str, place: &Value, more: &Value) -> Value {
    let mut event = json!({"type": kind});
    for (name, value) in place
        .as_object()
        .into_iter()
        .chain(more.as_object())
        .flatten()
    {
        event[name] = value.clone();
    }
    event
}
