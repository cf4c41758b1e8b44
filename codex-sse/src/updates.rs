//! For programs that do not match dozens of event kinds. The accumulator records what each event
//! changed, and this turns the records into a short list of display updates and tool calls, each
//! delivered once.

use codex_types::{CallFault, EventRef, OutputItem, Response, ResponseEvent};

use crate::accumulate::{Change, TextKind};
use crate::{Accumulator, Error, Outcome};

/// A queue that turns events into display updates and tool calls, each delivered once.
///
/// ```
/// use codex_sse::{Update, Updates};
/// use codex_types::ResponseEvent;
///
/// let mut updates = Updates::new();
/// let mut shown = String::new();
/// for json in [
///     r#"{"type":"response.output_text.delta","output_index":0,"content_index":0,"delta":"Hel"}"#,
///     r#"{"type":"response.output_text.done","output_index":0,"content_index":0,"text":"Hello"}"#,
///     r#"{"type":"response.completed","response":{"id":"resp_1","status":"completed","output":[]}}"#,
/// ] {
///     updates.feed(&ResponseEvent::from_json(json)?)?;
///     while let Some(update) = updates.poll() {
///         if let Update::Text { delta, .. } = update {
///             shown.push_str(delta);
///         }
///     }
/// }
/// assert_eq!(shown, "Hello");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Updates {
    accumulator: Accumulator,
}

/// A display update, or a tool call.
///
/// `output_index` is the index of the item: the server's, if each item has its own, else generated
/// so that each item keeps a different one for the whole stream. A `snapshot` is the full text so
/// far, ending with `delta`.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Update<'a> {
    /// Text of a message.
    #[non_exhaustive]
    Text {
        /// The index of the item.
        output_index: u32,
        /// The index of the part within the message.
        part: u32,
        /// The new text.
        delta: &'a str,
        /// The full text so far, ending with `delta`.
        snapshot: &'a str,
    },
    /// Text of the model's refusal.
    #[non_exhaustive]
    Refusal {
        /// The index of the item.
        output_index: u32,
        /// The index of the part within the message.
        part: u32,
        /// The new text.
        delta: &'a str,
        /// The full text so far, ending with `delta`.
        snapshot: &'a str,
    },
    /// Reasoning text, if the service sends it.
    #[non_exhaustive]
    Reasoning {
        /// The index of the item.
        output_index: u32,
        /// The index of the part within the item's content.
        part: u32,
        /// The new text.
        delta: &'a str,
        /// The full text so far, ending with `delta`.
        snapshot: &'a str,
    },
    /// A summary of the model's reasoning.
    #[non_exhaustive]
    ReasoningSummary {
        /// The index of the item.
        output_index: u32,
        /// The index of the part within the summary.
        part: u32,
        /// The new text.
        delta: &'a str,
        /// The full text so far, ending with `delta`.
        snapshot: &'a str,
    },
    /// A tool call started. Its name may still be missing.
    #[non_exhaustive]
    ToolCallStarted {
        /// The index of the item.
        output_index: u32,
        /// The item so far.
        item: &'a OutputItem,
    },
    /// The arguments, input or code of a tool call have grown. For display only.
    #[non_exhaustive]
    ToolCallPreview {
        /// The index of the item.
        output_index: u32,
        /// The new text.
        delta: &'a str,
        /// The full text so far, ending with `delta`.
        snapshot: &'a str,
    },
    /// A tool call is complete. One that the client runs has passed
    /// [`ClientCall::check`](codex_types::ClientCall::check).
    #[non_exhaustive]
    ToolCall {
        /// The index of the item.
        output_index: u32,
        /// The whole item.
        item: &'a OutputItem,
    },
    /// A tool call that must not be run.
    #[non_exhaustive]
    MalformedToolCall {
        /// The index of the item.
        output_index: u32,
        /// The item as it is.
        item: &'a OutputItem,
        /// The arguments, input or code, unchanged.
        raw: &'a str,
        /// The fault.
        reason: CallFault,
    },
    /// An item that is not a tool call is done.
    #[non_exhaustive]
    ItemDone {
        /// The index of the item.
        output_index: u32,
        /// The whole item.
        item: &'a OutputItem,
    },
    /// The response has ended.
    Ended(Outcome),
}

impl Updates {
    /// Creates a queue with no events.
    pub fn new() -> Self {
        Self::with_accumulator(Accumulator::new())
    }

    /// Continues an accumulator, whose content counts as delivered.
    pub fn with_accumulator(mut accumulator: Accumulator) -> Self {
        accumulator.observe();
        Self { accumulator }
    }

    /// Merges one event and queues its updates. Poll them all before the next event.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`Accumulator::push`], and
    /// [`ErrorKind::Contradiction`](crate::ErrorKind::Contradiction) if the server sends a full
    /// text that does not continue what was delivered of it. That error is not fatal: the event is
    /// merged, the response has the server's last value, and the stream may continue.
    pub fn feed(&mut self, event: &ResponseEvent) -> Result<(), Error> {
        self.accumulator.push(event)?;
        self.take_contradictions()
    }

    /// Merges one event like [`feed`](Self::feed), in either form.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`feed`](Self::feed).
    pub fn feed_ref(&mut self, event: &EventRef<'_>) -> Result<(), Error> {
        self.accumulator.push_ref(event)?;
        self.take_contradictions()
    }

    /// Returns the next update, or `None` until another event is fed.
    pub fn poll(&mut self) -> Option<Update<'_>> {
        if !self.has_next() {
            return None;
        }
        let change = self.accumulator.changes().pop_front()?;
        self.update(change)
    }

    /// Returns whether [`poll`](Self::poll) has an update.
    pub fn has_next(&mut self) -> bool {
        while let Some(change) = self.accumulator.changes().front().copied() {
            if self.update(change).is_some() {
                return true;
            }
            self.accumulator.changes().pop_front();
        }
        false
    }

    /// Ends the stream. If no terminal event was received, open calls are queued as
    /// [`MalformedToolCall`](Update::MalformedToolCall).
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::Truncated`](crate::ErrorKind::Truncated) if no terminal event was
    /// received.
    pub fn finish(&mut self) -> Result<(), Error> {
        self.accumulator.finish()
    }

    /// Drops the updates that have not been polled.
    ///
    /// ```
    /// use codex_sse::Updates;
    /// use codex_types::ResponseEvent;
    ///
    /// let mut updates = Updates::new();
    /// let json = r#"{"type":"response.output_text.delta","output_index":0,"content_index":0,"delta":"Hello"}"#;
    /// updates.feed(&ResponseEvent::from_json(json)?)?;
    /// assert!(updates.has_next());
    /// updates.skip();
    /// assert!(updates.poll().is_none());
    /// assert_eq!(updates.snapshot().output_text(), "Hello");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn skip(&mut self) {
        self.accumulator.changes().clear();
    }

    /// Records that the stream was resumed; see [`Accumulator::resume`].
    pub fn resume(&mut self) {
        self.accumulator.resume();
    }

    /// Returns the response so far.
    pub fn snapshot(&self) -> &Response {
        self.accumulator.snapshot()
    }

    /// Returns the accumulator, which assembles the response.
    pub fn accumulator(&self) -> &Accumulator {
        &self.accumulator
    }

    /// Returns the accumulator, and drops the updates that have not been polled.
    pub fn into_accumulator(mut self) -> Accumulator {
        self.skip();
        self.accumulator
    }

    fn take_contradictions(&mut self) -> Result<(), Error> {
        let changes = self.accumulator.changes();
        let before = changes.len();
        changes.retain(|change| !matches!(change, Change::Contradicted { place } if place.kind != TextKind::Input));
        if changes.len() < before {
            return Err(Error::contradiction());
        }
        Ok(())
    }

    fn update(&self, change: Change) -> Option<Update<'_>> {
        let (place, start, end) = match change {
            Change::Ended => return Some(Update::Ended(self.accumulator.outcome()?)),
            Change::Started { key } => {
                let (output_index, item) = self.accumulator.reported(key)?;
                let started = Update::ToolCallStarted { output_index, item };
                return item.is_tool_call().then_some(started);
            }
            Change::Done { key } | Change::Cut { key } => {
                let (output_index, item) = self.accumulator.reported(key)?;
                let is_cut = matches!(change, Change::Cut { .. });
                return Some(finished(output_index, item, is_cut));
            }
            Change::Named { .. } | Change::Contradicted { .. } => return None,
            Change::Text { place, start, end } => (place, start, end),
        };
        let (output_index, _) = self.accumulator.reported(place.key)?;
        let (part, text) = self.accumulator.reported_text(place)?;
        let snapshot = text.get(..end)?;
        let delta = snapshot.get(start..)?;
        Some(match place.kind {
            TextKind::Text => Update::Text {
                output_index,
                part,
                delta,
                snapshot,
            },
            TextKind::Refusal => Update::Refusal {
                output_index,
                part,
                delta,
                snapshot,
            },
            TextKind::Reasoning => Update::Reasoning {
                output_index,
                part,
                delta,
                snapshot,
            },
            TextKind::Summary => Update::ReasoningSummary {
                output_index,
                part,
                delta,
                snapshot,
            },
            TextKind::Input => Update::ToolCallPreview {
                output_index,
                delta,
                snapshot,
            },
        })
    }
}

impl Default for Updates {
    fn default() -> Self {
        Self::new()
    }
}

fn finished(output_index: u32, item: &OutputItem, is_cut: bool) -> Update<'_> {
    if !item.is_tool_call() {
        return Update::ItemDone { output_index, item };
    }
    let fault = if is_cut {
        Err(CallFault::Unfinished)
    } else {
        item.client_call().map_or(Ok(()), |call| call.check())
    };
    match fault {
        Ok(()) => Update::ToolCall { output_index, item },
        Err(reason) => Update::MalformedToolCall {
            output_index,
            item,
            raw: Accumulator::input(item),
            reason,
        },
    }
}
