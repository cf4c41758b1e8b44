//! Merges an event that is not a delta: finds its item and applies its content.

use alloc::boxed::Box;
use core::mem;

use codex_types::{Halves, OutputItem, ResponseEvent};

use super::class::{Class, TextKind};
use super::entry::not_repeated;
use super::index::Address;
use super::sequence::Kind;
use super::{Accumulator, Outcome, id_of_call, tool};
use crate::Error;

impl Accumulator {
    pub(super) fn push_other(&mut self, event: &ResponseEvent) -> Result<(), Error> {
        use ResponseEvent as E;
        let kind = Kind::Other(mem::discriminant(event));
        let number = match event {
            // Keepalives are not numbered with the events of the response.
            E::Keepalive(_) => None,
            _ => event.sequence_number(),
        };
        let repeats = self.has_ended_or_repeats(number, kind);
        if repeats && (self.outcome.is_some() || !is_never_dropped(event)) {
            return Ok(());
        }
        let id = event.item_id().or_else(|| event.extra().map(id_of_call));
        let address = Address::new(event.output_index(), id.unwrap_or_default());
        match event {
            E::Created(event) | E::Queued(event) | E::InProgress(event) => {
                self.push_envelope(event)
            }
            E::Completed(event) => self.end(event, Some(Outcome::Completed)),
            E::Incomplete(event) => self.end(event, Some(Outcome::Incomplete)),
            E::Failed(event) => self.end(event, Some(Outcome::Failed)),
            E::Cancelled(event) => self.end(event, Some(Outcome::Cancelled)),
            E::Done(event) => self.end(event, None),
            E::Error(event) => {
                self.response.error = Some(Box::new(event.to_api_error()));
                self.put_in_order();
                self.conclude(Outcome::Error);
                Ok(())
            }
            E::OutputItemAdded(event) => self.item_added(event),
            E::OutputItemDone(event) => self.item_done(event),
            E::ContentPartAdded(event) => {
                self.part_event(address, event.content_index, &event.part, false)
            }
            E::ContentPartDone(event) => {
                self.part_event(address, event.content_index, &event.part, true)
            }
            E::ReasoningSummaryPartAdded(event) => {
                self.summary_event(address, event.summary_index, &event.part, false)
            }
            E::ReasoningSummaryPartDone(event) => {
                self.summary_event(address, event.summary_index, &event.part, true)
            }
            E::OutputTextAnnotationAdded(event) => self.annotate(address, event),
            E::ShellCallCommandAdded(event) | E::ShellCallCommandDone(event) => {
                let whole = &event.command;
                self.shell_command(
                    address,
                    event.command_index,
                    whole.len(),
                    |command, part| {
                        part.half = None;
                        // A command that is announced again keeps its text.
                        let is_again = whole.is_empty() && !command.is_empty();
                        part.repeated = Some(0).filter(|_| is_again);
                        if !is_again {
                            command.clone_from(whole);
                        }
                    },
                )
            }
            E::ShellCallCommandDelta(event) => {
                let delta = &event.delta;
                let halves = event.extra.spelling("delta").map(Halves::of);
                self.shell_command(
                    address,
                    event.command_index,
                    delta.len(),
                    |command, part| {
                        let whole = part.whole_characters(delta, halves);
                        command.push_str(not_repeated(command, &mut part.repeated, &whole));
                    },
                )
            }
            E::ShellCallOutputContentDelta(event) => {
                let stdout = event.delta.stdout.as_deref().unwrap_or_default();
                let stderr = event.delta.stderr.as_deref().unwrap_or_default();
                let added = stdout.len() + stderr.len();
                self.shell_output(address, event.command_index, added, |output| {
                    output.stdout.push_str(stdout);
                    output.stderr.push_str(stderr);
                })
            }
            E::ShellCallOutputContentDone(event) => {
                self.shell_output_done(address, event.command_index, &event.output)
            }
            _ => self.push_whole(event, address),
        }
    }

    /// Merges the complete text of a part, or the progress of a hosted tool.
    fn push_whole(&mut self, event: &ResponseEvent, address: Address<'_>) -> Result<(), Error> {
        use ResponseEvent as E;
        let (class, kind, part, whole) = match event {
            E::OutputTextDone(event) => (
                Class::Message,
                TextKind::Text,
                event.content_index,
                &event.text,
            ),
            E::RefusalDone(event) => (
                Class::Message,
                TextKind::Refusal,
                event.content_index,
                &event.refusal,
            ),
            E::ReasoningTextDone(event) => (
                Class::Reasoning,
                TextKind::Reasoning,
                event.content_index,
                &event.text,
            ),
            E::ReasoningSummaryTextDone(event) => (
                Class::Reasoning,
                TextKind::Summary,
                event.summary_index,
                &event.text,
            ),
            E::FunctionCallArgumentsDone(event) => {
                (Class::Function, TextKind::Input, None, &event.arguments)
            }
            E::CustomToolCallInputDone(event) => {
                (Class::Custom, TextKind::Input, None, &event.input)
            }
            E::McpCallArgumentsDone(event) => (Class::Mcp, TextKind::Input, None, &event.arguments),
            E::CodeInterpreterCallCodeDone(event) => {
                (Class::Code, TextKind::Input, None, &event.code)
            }
            _ => {
                if let Some((class, status)) = tool::progress(event) {
                    self.set_status(event, class, &status);
                }
                return Ok(());
            }
        };
        let Some(place) = self.whole(class, kind, address, part, whole, true)? else {
            return Ok(());
        };
        match event {
            E::OutputTextDone(event) => self.set_logprobs(place, event.logprobs.as_ref())?,
            E::FunctionCallArgumentsDone(event) => {
                self.name_function(place, event.name.as_deref(), id_of_call(&event.extra));
            }
            _ => {}
        }
        Ok(())
    }
}

/// Returns whether an event is merged whatever its sequence number: the end, an error, and
/// encrypted reasoning.
fn is_never_dropped(event: &ResponseEvent) -> bool {
    match event {
        ResponseEvent::OutputItemAdded(event) | ResponseEvent::OutputItemDone(event) => {
            matches!(&event.item, OutputItem::Reasoning(item) if item.encrypted_content.is_some())
        }
        event => event.is_terminal(),
    }
}
