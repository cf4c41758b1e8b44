// For people who do not want to match fifty-nine kinds of events. The accumulator reports what each event changed; this turns the reports
// into a short list of things to show, each once: a text is delivered by its deltas, or by whichever whole comes when there were none, and
// a tool call is handed out for execution only when it is complete and its arguments are JSON.

use alloc::{collections::VecDeque, string::String};

use codex_types::{DeltaKind, OutputItem, RawJson, Response, ResponseEvent};

use crate::{
    Accumulator, Error, Outcome,
    accumulate::{Change, Place},
};

/// Turns events into what a program shows and does: text as it grows, tool calls when they may be carried out.
///
/// ```
/// use codex_sse::{View, Viewer};
/// use codex_types::ResponseEvent;
///
/// let mut viewer = Viewer::new();
/// let mut shown = String::new();
/// for json in [
///     r#"{"type":"response.output_text.delta","output_index":0,"content_index":0,"delta":"Hel"}"#,
///     r#"{"type":"response.output_text.done","output_index":0,"content_index":0,"text":"Hello"}"#,
///     r#"{"type":"response.completed","response":{"id":"resp_1","status":"completed","output":[]}}"#,
/// ] {
///     viewer.feed(&ResponseEvent::from_json(json)?)?;
///     while let Some(view) = viewer.poll() {
///         if let View::Text { delta, .. } = view {
///             shown.push_str(delta);
///         }
///     }
/// }
/// assert_eq!(shown, "Hello");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Viewer {
    accumulator: Accumulator,
    changes: VecDeque<Change>,
}

/// One thing to show or to do.
///
/// `output_index` is the place of the item in the output. A `snapshot` is the whole text as far as it had come with this piece, which is its
/// end.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum View<'a> {
    /// Text of the answer.
    #[non_exhaustive]
    Text {
        /// See above.
        output_index: u32,
        /// The part of the message.
        part: u32,
        /// What is new.
        delta: &'a str,
        /// See above.
        snapshot: &'a str,
    },
    /// Words with which the model declines.
    #[non_exhaustive]
    Refusal {
        /// See above.
        output_index: u32,
        /// The part of the message.
        part: u32,
        /// What is new.
        delta: &'a str,
        /// See above.
        snapshot: &'a str,
    },
    /// The model's thoughts in its own words, where the service tells them.
    #[non_exhaustive]
    Reasoning {
        /// See above.
        output_index: u32,
        /// The part of the item's content.
        part: u32,
        /// What is new.
        delta: &'a str,
        /// See above.
        snapshot: &'a str,
    },
    /// A summary of the model's thoughts.
    #[non_exhaustive]
    ReasoningSummary {
        /// See above.
        output_index: u32,
        /// The part of the summary.
        part: u32,
        /// What is new.
        delta: &'a str,
        /// See above.
        snapshot: &'a str,
    },
    /// A whole text arrived that does not continue the pieces delivered before. It replaces them.
    #[non_exhaustive]
    Corrected {
        /// See above.
        output_index: u32,
        /// The part.
        part: u32,
        /// Which text it is.
        kind: DeltaKind,
        /// The text as it should be.
        snapshot: &'a str,
    },
    /// A call of a tool has begun. Its name may be missing still.
    #[non_exhaustive]
    ToolCallStarted {
        /// See above.
        output_index: u32,
        /// The item as it stands.
        item: &'a OutputItem,
    },
    /// The arguments, input or code of a tool call have grown. They are for showing only.
    #[non_exhaustive]
    ToolCallPreview {
        /// See above.
        output_index: u32,
        /// What is new.
        delta: &'a str,
        /// See above.
        snapshot: &'a str,
    },
    /// A call of a tool is complete. The arguments of a function are JSON.
    #[non_exhaustive]
    ToolCall {
        /// See above.
        output_index: u32,
        /// The whole item.
        item: &'a OutputItem,
    },
    /// A call of a tool that must not be carried out.
    #[non_exhaustive]
    MalformedToolCall {
        /// See above.
        output_index: u32,
        /// The item as it stands.
        item: &'a OutputItem,
        /// The arguments, as they came.
        raw: &'a str,
        /// What is wrong.
        reason: Malformed,
    },
    /// An item that is no tool call is done.
    #[non_exhaustive]
    ItemDone {
        /// See above.
        output_index: u32,
        /// The whole item.
        item: &'a OutputItem,
    },
    /// The response has ended.
    Ended(Outcome),
}

/// Why a tool call must not be carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Malformed {
    /// The response ended before the call did.
    Truncated,
    /// The arguments are not JSON.
    InvalidJson,
    /// The call has no `call_id` or no name, so its output could not be sent back.
    Unaddressed,
}

impl Viewer {
    /// Nothing seen yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// A viewer on top of an accumulator, whose content counts as shown already.
    pub fn with_accumulator(accumulator: Accumulator) -> Self {
        Self {
            accumulator,
            changes: VecDeque::new(),
        }
    }

    /// Takes one event.
    ///
    /// # Errors
    /// As [`Accumulator::push`].
    pub fn feed(&mut self, event: &ResponseEvent) -> Result<(), Error> {
        let changes = &mut self.changes;
        self.accumulator
            .apply(event, &mut |change| changes.push_back(change))
    }

    /// The next thing to show. `None`: feed another event.
    pub fn poll(&mut self) -> Option<View<'_>> {
        if !self.has_next() {
            return None;
        }
        let change = self.changes.pop_front()?;
        self.view(&change)
    }

    /// Whether [`poll`](Self::poll) has something to show.
    pub fn has_next(&mut self) -> bool {
        while let Some(change) = self.changes.front() {
            if self.is_shown(change) {
                return true;
            }
            self.changes.pop_front();
        }
        false
    }

    /// Passes over everything that has not been polled.
    ///
    /// ```
    /// use codex_sse::Viewer;
    /// use codex_types::ResponseEvent;
    ///
    /// let mut viewer = Viewer::new();
    /// let json = r#"{"type":"response.output_text.delta","output_index":0,"content_index":0,"delta":"Hello"}"#;
    /// viewer.feed(&ResponseEvent::from_json(json)?)?;
    /// assert!(viewer.has_next());
    /// viewer.skip();
    /// assert!(viewer.poll().is_none());
    /// assert_eq!(viewer.snapshot().output_text(), "Hello");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn skip(&mut self) {
        self.changes.clear();
    }

    /// The response as far as it has come.
    pub fn snapshot(&self) -> &Response {
        self.accumulator.snapshot()
    }

    /// The accumulator below.
    pub fn accumulator(&self) -> &Accumulator {
        &self.accumulator
    }

    /// Takes out the accumulator below.
    pub fn into_accumulator(self) -> Accumulator {
        self.accumulator
    }

    /// Whether a change has a view, as it does in `view`.
    fn is_shown(&self, change: &Change) -> bool {
        self.view(change).is_some()
    }

    fn view(&self, change: &Change) -> Option<View<'_>> {
        let (serial, text) = match *change {
            Change::Ended => return Some(View::Ended(self.accumulator.outcome()?)),
            Change::Started { serial } => {
                let Place {
                    output_index, item, ..
                } = self.accumulator.place(serial)?;
                return is_tool_call(item).then_some(View::ToolCallStarted { output_index, item });
            }
            Change::Done { serial } | Change::Cut { serial } => {
                let Place {
                    output_index, item, ..
                } = self.accumulator.place(serial)?;
                let cut = matches!(change, Change::Cut { .. });
                return Some(finished(output_index, item, cut));
            }
            Change::Text {
                serial,
                kind,
                part,
                start,
                end,
                corrected,
            } => (serial, (kind, part, start, end, corrected)),
        };
        let place = self.accumulator.place(serial)?;
        let output_index = place.output_index;
        let (kind, part, start, end, corrected) = text;
        let snapshot = place.text(kind, part)?.get(..end)?;
        if corrected {
            return Some(View::Corrected {
                output_index,
                part,
                kind,
                snapshot,
            });
        }
        let delta = snapshot.get(start..)?;
        Some(match kind {
            DeltaKind::OutputText => View::Text {
                output_index,
                part,
                delta,
                snapshot,
            },
            DeltaKind::Refusal => View::Refusal {
                output_index,
                part,
                delta,
                snapshot,
            },
            DeltaKind::ReasoningText => View::Reasoning {
                output_index,
                part,
                delta,
                snapshot,
            },
            DeltaKind::ReasoningSummaryText => View::ReasoningSummary {
                output_index,
                part,
                delta,
                snapshot,
            },
            _ => View::ToolCallPreview {
                output_index,
                delta,
                snapshot,
            },
        })
    }
}

fn finished(output_index: u32, item: &OutputItem, cut: bool) -> View<'_> {
    let (raw, address) = match item {
        OutputItem::FunctionCall(call) => (&call.arguments, Some((&call.call_id, &call.name))),
        OutputItem::CustomToolCall(call) => (&call.input, Some((&call.call_id, &call.name))),
        OutputItem::McpCall(call) => (&call.arguments, None),
        _ if is_tool_call(item) => (const { &String::new() }, None),
        _ => return View::ItemDone { output_index, item },
    };
    let is_json = matches!(item, OutputItem::FunctionCall(_));
    let reason = if cut {
        Some(Malformed::Truncated)
    } else if address.is_some_and(|(call_id, name)| call_id.is_empty() || name.is_empty()) {
        Some(Malformed::Unaddressed)
    } else if is_json && RawJson::parse(raw).is_err() {
        Some(Malformed::InvalidJson)
    } else {
        None
    };
    match reason {
        Some(reason) => View::MalformedToolCall {
            output_index,
            item,
            raw,
            reason,
        },
        None => View::ToolCall { output_index, item },
    }
}

/// Whether an item asks for something to be carried out, here or by the service.
fn is_tool_call(item: &OutputItem) -> bool {
    matches!(
        item,
        OutputItem::FunctionCall(_)
            | OutputItem::CustomToolCall(_)
            | OutputItem::McpCall(_)
            | OutputItem::CodeInterpreterCall(_)
            | OutputItem::FileSearchCall(_)
            | OutputItem::WebSearchCall(_)
            | OutputItem::ImageGenerationCall(_)
            | OutputItem::ComputerCall(_)
            | OutputItem::LocalShellCall(_)
            | OutputItem::ShellCall(_)
            | OutputItem::ApplyPatchCall(_)
            | OutputItem::ToolSearchCall(_)
    )
}
