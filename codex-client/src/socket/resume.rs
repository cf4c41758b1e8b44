//! Resumes a stored background response after its connection broke: the server continues after the
//! last event that was yielded. Events that the server repeats are skipped by their number, and a
//! gap between the numbers is an error.

use core::future::Future;
use core::pin::Pin;
use core::time::Duration;
use std::sync::Arc;

use bytes::Bytes;
use codex_sse::{Update, Updates};
use codex_transport::Timer as _;
use codex_types::profile::Channel;
use codex_types::{
    CreateResponse, Delta, DeltaKind, LifecycleEvent, OutputItem, OutputItemEvent, Response,
    ResponseEvent, Status,
};
use http::Request;
use http::header::ACCEPT;

use crate::calls::stored::{self, stream_path};
use crate::error::{Error, ErrorKind};
use crate::events::HttpEvents;
use crate::exchange::Exchange;
use crate::request::EVENT_STREAM;
use crate::wire::Wire;

use super::count::add;
use super::plan::Plan;
use super::start::{Started, begun};

/// The position where a response broke off.
#[derive(Clone, Debug)]
pub(super) struct Position {
    pub(super) response_id: String,
    /// The number of the last event that was yielded.
    pub(super) starting_after: u64,
}

/// A stream that is being resumed.
pub(super) type Resuming = Pin<Box<dyn Future<Output = Result<Started, Error>> + Send>>;

/// A response that is being fetched whole.
pub(super) type Retrieving = Pin<Box<dyn Future<Output = Result<Response, Error>> + Send>>;

/// Whether the server stores the response, so that it can be fetched again.
pub(super) fn is_kept(request: &CreateResponse) -> bool {
    request.background == Some(true) && request.store != Some(false)
}

/// Requests the events after the last one.
pub(super) fn resume(plan: Arc<Plan>, position: Position) -> Resuming {
    Box::pin(async move {
        let path = stream_path(&position.response_id, Some(position.starting_after))?;
        let mut request = Request::new(Bytes::new());
        *request.uri_mut() = plan.prepared.target.url(&path)?;
        *request.headers_mut() = plan.prepared.headers(Channel::Http)?;
        request.headers_mut().insert(ACCEPT, EVENT_STREAM);
        let timeouts = plan.prepared.timeouts;
        request.extensions_mut().insert(timeouts);
        add(&plan.counters.resumes, 1);
        let observer = plan.observer.at(request.uri());
        let exchange = Exchange::new(plan.shared.clone(), observer, request);
        begun(HttpEvents::open(exchange, timeouts, Wire::Responses).await?).await
    })
}

/// Fetches the response itself once it has ended, for a server that no longer has the missing
/// events: the response contains their content.
pub(super) fn retrieve(plan: Arc<Plan>, response_id: String) -> Retrieving {
    Box::pin(async move {
        let shared = &plan.shared;
        let started = shared.timer.now();
        // The timeouts of a stream do not fit a response in a single document.
        let mut options = plan.options.clone();
        (options.timeouts, options.timeout) = (None, None);
        loop {
            let response = stored::retrieve(shared, &response_id, &options).await?;
            if !matches!(response.status, Status::InProgress | Status::Queued) {
                add(&plan.counters.retrievals, 1);
                return Ok(response);
            }
            let elapsed = shared.timer.now().saturating_duration_since(started);
            let total = plan.prepared.timeouts.total;
            if total.is_some_and(|total| elapsed >= total) {
                return Err(Error::new(ErrorKind::Timeout));
            }
            shared.timer.sleep(POLL_INTERVAL).await;
        }
    })
}

/// Returns the remaining events of a response that has ended, after those that were yielded: events
/// made from the whole response, one for each text and each item, and the last event. They have no
/// numbers, because the server's own are lost.
pub(super) fn rest_of(shown: &Updates, response: Response) -> Vec<ResponseEvent> {
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
        let mut event = Box::new(OutputItemEvent::default());
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
    let mut event = Box::new(LifecycleEvent::default());
    event.response = response;
    match status {
        Status::Completed => ResponseEvent::Completed(event),
        Status::Incomplete => ResponseEvent::Incomplete(event),
        // The API does not have an event for this status.
        Status::Cancelled => ResponseEvent::Done(event),
        _ => ResponseEvent::Failed(event),
    }
}

/// A background response takes minutes, so there is no hurry.
const POLL_INTERVAL: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_kept_can_be_resumed() {
        let request = || CreateResponse::new("some-model");
        assert!(!is_kept(&request()));
        assert!(!is_kept(&request().store(true)));
        assert!(!is_kept(&request().background(true).store(false)));
        assert!(is_kept(&request().background(true)));
    }
}
