//! The responses of the embedded server: events in the service's format, each with the pause before
//! it. All content is invented.

use core::time::Duration;

use serde_json::{Value, json};

/// One event and the pause before it.
pub(crate) struct Beat {
    pub(crate) pause: Duration,
    pub(crate) event: Value,
}

impl Beat {
    /// Returns the event as a server-sent event.
    pub(crate) fn frame(&self) -> String {
        let kind = self.event["type"].as_str().unwrap_or_default();
        format!("event: {kind}\ndata: {}\n\n", self.event)
    }
}

/// Returns the response to a question. A question about the weather gets a call of this tool, by
/// default `current_weather`; any other question gets a text.
pub(crate) fn answer(question: &str, tool: Option<&str>) -> Vec<Beat> {
    if question.to_lowercase().contains("weather") {
        let mut script = Script::start();
        script.reasoning("The question is about the weather. A tool knows; I do not.");
        script.function_call(
            tool.unwrap_or("current_weather"),
            r#"{"city":"Tromsø","unit":"celsius"}"#,
        );
        return script.finish();
    }
    think_and_say(
        "A short, concrete answer will do. I name what arrives, what is wanted, and what lies between.",
        "A network delivers bytes in chunks of any size: half a word, three events, one byte of an emoji.\n\
         A decoder turns them back into the events that the server sent, each as soon as it is complete,\n\
         so you can read this sentence while it is still being written.",
    )
}

pub(crate) fn think_and_say(thought: &str, text: &str) -> Vec<Beat> {
    let mut script = Script::start();
    script.reasoning(thought);
    script.message(text);
    script.finish()
}

pub(crate) fn say(text: &str) -> Vec<Beat> {
    let mut script = Script::start();
    script.message(text);
    script.finish()
}

struct Script {
    beats: Vec<Beat>,
    output: Vec<Value>,
    output_tokens: u64,
    reasoning_tokens: u64,
}

impl Script {
    fn start() -> Self {
        let mut script = Self {
            beats: Vec::new(),
            output: Vec::new(),
            output_tokens: 0,
            reasoning_tokens: 0,
        };
        let response = script.response("in_progress");
        script.send(
            80,
            json!({"type": "response.created", "response": response}),
        );
        let response = script.response("in_progress");
        script.send(
            0,
            json!({"type": "response.in_progress", "response": response}),
        );
        script
    }

    fn reasoning(&mut self, summary: &str) {
        let (index, id) = (self.output.len(), "rs_embedded_1");
        let open = json!({"type": "reasoning", "id": id, "summary": []});
        self.send(
            120,
            json!({"type": "response.output_item.added", "output_index": index, "item": open}),
        );
        let part = json!({"type": "summary_text", "text": ""});
        self.send(0, json!({"type": "response.reasoning_summary_part.added", "item_id": id, "output_index": index, "summary_index": 0, "part": part}));
        for word in words(summary) {
            self.reasoning_tokens += 1;
            self.send(35, json!({"type": "response.reasoning_summary_text.delta", "item_id": id, "output_index": index, "summary_index": 0, "delta": word}));
        }
        self.send(0, json!({"type": "response.reasoning_summary_text.done", "item_id": id, "output_index": index, "summary_index": 0, "text": summary}));
        let part = json!({"type": "summary_text", "text": summary});
        self.send(0, json!({"type": "response.reasoning_summary_part.done", "item_id": id, "output_index": index, "summary_index": 0, "part": part}));
        self.close(json!({"type": "reasoning", "id": id, "summary": [part]}));
    }

    fn message(&mut self, text: &str) {
        let (index, id) = (self.output.len(), "msg_embedded_1");
        let open = json!({"type": "message", "id": id, "status": "in_progress", "role": "assistant", "content": []});
        self.send(
            60,
            json!({"type": "response.output_item.added", "output_index": index, "item": open}),
        );
        let part = json!({"type": "output_text", "text": "", "annotations": []});
        self.send(0, json!({"type": "response.content_part.added", "item_id": id, "output_index": index, "content_index": 0, "part": part}));
        for word in words(text) {
            self.output_tokens += 1;
            self.send(45, json!({"type": "response.output_text.delta", "item_id": id, "output_index": index, "content_index": 0, "delta": word}));
        }
        self.send(0, json!({"type": "response.output_text.done", "item_id": id, "output_index": index, "content_index": 0, "text": text}));
        let part = json!({"type": "output_text", "text": text, "annotations": []});
        self.send(0, json!({"type": "response.content_part.done", "item_id": id, "output_index": index, "content_index": 0, "part": part}));
        self.close(json!({"type": "message", "id": id, "status": "completed", "role": "assistant", "content": [part]}));
    }

    fn function_call(&mut self, name: &str, arguments: &str) {
        let (index, id) = (self.output.len(), "fc_embedded_1");
        let open = json!({"type": "function_call", "id": id, "status": "in_progress", "call_id": "call_embedded_1", "name": name, "arguments": ""});
        self.send(
            60,
            json!({"type": "response.output_item.added", "output_index": index, "item": open}),
        );
        for piece in arguments.split_inclusive([',', ':']) {
            self.output_tokens += 1;
            self.send(50, json!({"type": "response.function_call_arguments.delta", "item_id": id, "output_index": index, "delta": piece}));
        }
        self.send(0, json!({"type": "response.function_call_arguments.done", "item_id": id, "output_index": index, "arguments": arguments}));
        self.close(json!({"type": "function_call", "id": id, "status": "completed", "call_id": "call_embedded_1", "name": name, "arguments": arguments}));
    }

    fn finish(mut self) -> Vec<Beat> {
        let mut response = self.response("completed");
        response["output"] = json!(self.output);
        let output_tokens = self.output_tokens + self.reasoning_tokens;
        response["usage"] = json!({
            "input_tokens": 24,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": output_tokens,
            "output_tokens_details": {"reasoning_tokens": self.reasoning_tokens},
            "total_tokens": 24 + output_tokens,
        });
        self.send(
            20,
            json!({"type": "response.completed", "response": response}),
        );
        self.beats
    }

    fn close(&mut self, item: Value) {
        let index = self.output.len();
        self.send(
            0,
            json!({"type": "response.output_item.done", "output_index": index, "item": item}),
        );
        self.output.push(item);
    }

    fn response(&self, status: &str) -> Value {
        json!({"id": "resp_embedded_1", "object": "response", "created_at": 1_767_225_600, "status": status, "model": "embedded", "output": []})
    }

    fn send(&mut self, pause: u64, mut event: Value) {
        event["sequence_number"] = json!(self.beats.len());
        self.beats.push(Beat {
            pause: Duration::from_millis(pause),
            event,
        });
    }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split_inclusive(' ')
}
