//! A response whose content arrives through any of the protocol's sources, each dropped or repeated
//! as the input decides and interleaved between items, is assembled unchanged and shown once (law
//! L6).

#![no_main]

use std::collections::HashSet;

use codex_sse::{Accumulator, ErrorKind, Update, Updates};
use codex_types::{OutputItem, Response, ResponseEvent};
use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};

#[derive(Arbitrary, Debug)]
struct Answer {
    items: Vec<Item>,
    /// Whether the final response contains the output.
    envelope: bool,
    /// The item whose next event comes next.
    order: Vec<u8>,
    /// The events that are sent once more, at once or at the end.
    again: Vec<(u8, bool)>,
    late: bool,
}

#[derive(Arbitrary, Debug)]
struct Item {
    is_reasoning: bool,
    texts: [String; 2],
    added: bool,
    /// `None`: no deltas. Otherwise each delta has this many characters, and those at these indexes
    /// are dropped if a later source is present.
    deltas: Option<(u8, Vec<u8>)>,
    text_done: bool,
    item_done: bool,
}

impl Item {
    fn texts(&self) -> impl Iterator<Item = &String> {
        self.texts.iter().filter(|text| !text.is_empty())
    }

    fn json(&self, index: usize, whole: bool) -> Value {
        let kind = if self.is_reasoning {
            "summary_text"
        } else {
            "output_text"
        };
        let parts: Vec<Value> = self
            .texts()
            .filter(|_| whole)
            .map(|text| json!({"type": kind, "text": text}))
            .collect();
        if self.is_reasoning {
            json!({"type": "reasoning", "id": format!("rs_{index}"), "summary": parts})
        } else {
            json!({"type": "message", "id": format!("msg_{index}"), "role": "assistant", "content": parts})
        }
    }

    /// Returns whether `output_item.done` is sent: at least one source must carry the item.
    fn has_item_done(&self, envelope: bool) -> bool {
        let in_pieces = self.texts().next().is_some() && (self.deltas.is_some() || self.text_done);
        self.item_done || !(envelope || in_pieces)
    }

    /// Returns whether deltas may be missing before a whole text, which then may contradict them.
    fn may_contradict(&self, envelope: bool) -> bool {
        let carried = envelope || self.text_done || self.has_item_done(envelope);
        carried
            && self
                .deltas
                .as_ref()
                .is_some_and(|(_, dropped)| !dropped.is_empty())
    }

    fn events(&self, index: usize, envelope: bool) -> Vec<Value> {
        let mut events = Vec::new();
        let item_done = self.has_item_done(envelope);
        let carried = envelope || self.text_done || item_done;
        let (name, place) = if self.is_reasoning {
            ("reasoning_summary_text", "summary_index")
        } else {
            ("output_text", "content_index")
        };
        let id = self.json(index, false)["id"].clone();
        if self.added {
            events.push(json!({"type": "response.output_item.added", "output_index": index, "item": self.json(index, false)}));
        }
        for (part, text) in self.texts().enumerate() {
            if let Some((length, dropped)) = &self.deltas {
                let letters: Vec<char> = text.chars().collect();
                for (number, piece) in letters.chunks(usize::from(*length).max(1)).enumerate() {
                    if !(carried && dropped.iter().any(|at| usize::from(*at) == number)) {
                        events.push(json!({"type": format!("response.{name}.delta"), "item_id": id, "output_index": index, place: part,
                            "delta": piece.iter().collect::<String>()}));
                    }
                }
            }
            if self.text_done {
                events.push(json!({"type": format!("response.{name}.done"), "item_id": id, "output_index": index, place: part, "text": text}));
            }
        }
        if item_done {
            events.push(json!({"type": "response.output_item.done", "output_index": index, "item": self.json(index, true)}));
        }
        events
    }
}

/// Returns all events in order, numbered, some of them repeated under their number.
fn events(answer: &Answer) -> Vec<Value> {
    let mut streams: Vec<_> = answer
        .items
        .iter()
        .enumerate()
        .map(|(index, item)| item.events(index, answer.envelope).into_iter())
        .collect();
    let mut events =
        vec![json!({"type": "response.created", "response": {"id": "resp_1", "output": []}})];
    for choice in &answer.order {
        let index = usize::from(*choice) % streams.len();
        events.extend(streams[index].next());
    }
    events.extend(streams.into_iter().flatten());
    for (number, event) in events.iter_mut().enumerate() {
        event["sequence_number"] = number.into();
    }
    for (which, at_once) in &answer.again {
        let from = usize::from(*which) % events.len();
        let event = events[from].clone();
        let to = if *at_once && from > 0 {
            from + 1
        } else {
            events.len()
        };
        if events.len() > 1 {
            events.insert(to, event);
        }
    }
    let output: Vec<Value> = answer
        .items
        .iter()
        .enumerate()
        .filter(|_| answer.envelope)
        .map(|(index, item)| item.json(index, true))
        .collect();
    let number = events.len();
    events.push(json!({"type": "response.completed", "sequence_number": number, "response": {"id": "resp_1", "status": "completed", "output": output}}));
    if answer.late {
        events.push(json!({"type": "response.output_text.delta", "sequence_number": number + 1, "output_index": 0, "content_index": 0, "delta": "late"}));
    }
    events
}

fn texts_of(response: &Response) -> Vec<Vec<String>> {
    let of_item = |item: &OutputItem| match item {
        OutputItem::Message(item) => item
            .content
            .iter()
            .filter_map(|part| part.as_text())
            .map(str::to_owned)
            .collect(),
        OutputItem::Reasoning(item) => item
            .summary
            .iter()
            .filter_map(|part| part.as_text())
            .map(str::to_owned)
            .collect(),
        _ => Vec::new(),
    };
    response.output.iter().map(of_item).collect()
}

fuzz_target!(|answer: Answer| {
    if answer.items.is_empty() || answer.items.len() > 4 {
        return;
    }
    let expected: Vec<Vec<String>> = answer
        .items
        .iter()
        .map(|item| item.texts().cloned().collect())
        .collect();

    let mut updates = Updates::new();
    let mut accumulator = Accumulator::new();
    let mut shown: Vec<(u32, u32, String)> = Vec::new();
    let mut ended = 0;
    let mut contradicted = false;
    let mut numbers = HashSet::new();
    let may_contradict = |index: usize| {
        let item = answer.items.get(index);
        item.is_some_and(|item| item.may_contradict(answer.envelope))
    };
    for json in events(&answer) {
        let event = ResponseEvent::from_json(&json.to_string()).unwrap();
        // A number proves a repetition only in a stream that was resumed.
        if !numbers.insert(event.sequence_number()) {
            accumulator.resume();
            updates.resume();
        }
        accumulator.push(&event).unwrap();
        if let Err(error) = updates.feed(&event) {
            assert_eq!(error.kind(), ErrorKind::Contradiction);
            assert!((0..answer.items.len()).any(may_contradict));
            contradicted = true;
        }
        while let Some(update) = updates.poll() {
            match update {
                Update::Text {
                    output_index,
                    part,
                    delta,
                    snapshot,
                    ..
                }
                | Update::ReasoningSummary {
                    output_index,
                    part,
                    delta,
                    snapshot,
                    ..
                } => {
                    let place = match shown
                        .iter()
                        .position(|(index, at, _)| (*index, *at) == (output_index, part))
                    {
                        Some(place) => place,
                        None => {
                            shown.push((output_index, part, String::new()));
                            shown.len() - 1
                        }
                    };
                    shown[place].2.push_str(delta);
                    if !(contradicted && may_contradict(output_index as usize)) {
                        assert_eq!(shown[place].2, snapshot);
                    }
                }
                Update::Ended(_) => ended += 1,
                _ => {}
            }
        }
    }
    assert_eq!(ended, 1);
    assert_eq!(texts_of(updates.snapshot()), expected);
    assert_eq!(accumulator.into_partial(), *updates.snapshot());
    for (index, texts) in expected.iter().enumerate() {
        for (part, text) in texts.iter().enumerate() {
            let found = shown
                .iter()
                .find(|(at, place, _)| (*at as usize, *place as usize) == (index, part));
            if !(contradicted && may_contradict(index)) {
                assert_eq!(found.map(|(.., text)| text), Some(text));
            }
        }
    }
});
