//! The remaining events of a response that was fetched whole, for a caller that has seen some of
//! them.

use codex_sse::{Update, Updates};
use codex_types::{
    Boxed, Delta, DeltaKind, LifecycleEvent, OutputItem, OutputItemEvent, Response, ResponseEvent,
    Status,
};

/// Returns the remaining events of a response that has ended, after those that were yielded: events
/// made from the whole response, one for each text and each item, and the last event. They have no
/// numbers, because the server's own are lost.
pub(crate) fn rest_of(shown: &Updates, response: Response) -> Vec<ResponseEvent> {
    let end = end_of(response.clone());
    let mut updates = shown.clone();
    updates.skip();
    let mut rest = Vec::new();
    // A response that exceeds the limit here exceeds it in the turn as well, which reports the
    // error. After a contradiction the updates are valid, and the turn reports it with the last
    // event.
    let merged = updates.feed(&end);
    if merged.is_ok() || merged.is_err_and(|error| !error.is_fatal()) {
        while let Some(update) = updates.poll() {
            rest.extend(event_of(&update, &response));
        }
    }
    rest.push(end);
    rest
}

fn event_of(update: &Update<'_>, response: &Response) -> Option<ResponseEvent> {
    let item_event = |output_index: u32, item: &OutputItem| {
        let mut event = Boxed::<OutputItemEvent>::default();
        event.output_index = Some(output_index);
        event.item = item.clone();
        event
    };
    let (kind, output_index, part, delta) = match *update {
        Update::Text {
            output_index,
            part,
            delta,
            ..
        } => (DeltaKind::OutputText, output_index, part, delta),
        Update::Refusal {
            output_index,
            part,
            delta,
            ..
        } => (DeltaKind::Refusal, output_index, part, delta),
        Update::Reasoning {
            output_index,
            part,
            delta,
            ..
        } => (DeltaKind::ReasoningText, output_index, part, delta),
        Update::ReasoningSummary {
            output_index,
            part,
            delta,
            ..
        } => (DeltaKind::ReasoningSummaryText, output_index, part, delta),
        Update::ToolCallStarted {
            output_index, item, ..
        } => {
            return Some(ResponseEvent::OutputItemAdded(item_event(
                output_index,
                item,
            )));
        }
        Update::ToolCall {
            output_index, item, ..
        }
        | Update::MalformedToolCall {
            output_index, item, ..
        }
        | Update::ItemDone {
            output_index, item, ..
        } => {
            return Some(ResponseEvent::OutputItemDone(item_event(
                output_index,
                item,
            )));
        }
        // Arguments arrive whole, with their item.
        _ => return None,
    };
    let place = usize::try_from(output_index).ok();
    let item = place.and_then(|place| response.output.get(place));
    let item_id = item.and_then(OutputItem::id).unwrap_or_default();
    let delta = Delta::new(kind, item_id, output_index, delta).with_part_index(part);
    Some(ResponseEvent::of_delta(delta))
}

/// Returns the event that ends the response.
fn end_of(response: Response) -> ResponseEvent {
    let status = response.status.clone();
    let mut event = Boxed::<LifecycleEvent>::default();
    event.response = response;
    match status {
        Status::Completed => ResponseEvent::Completed(event),
        Status::Incomplete => ResponseEvent::Incomplete(event),
        // The API does not have an event for this status.
        Status::Cancelled => ResponseEvent::Done(event),
        _ => ResponseEvent::Failed(event),
    }
}
