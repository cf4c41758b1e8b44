// A stored background response outlives the connection it was watched over: the server is asked to go on behind the last event that was
// handed out. What it sends twice is passed over by its number, and a hole between the numbers is an error, never silence.

use core::future::Future;
use core::pin::Pin;
use core::time::Duration;
use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use codex_sse::{Update, Updates};
use codex_transport::Timer as _;
use codex_types::profile::Channel;
use codex_types::{
    CreateResponse, Delta, DeltaKind, LifecycleEvent, OutputItem, OutputItemEvent, Response,
    ResponseEvent, Status,
};
use http::header::ACCEPT;
use http::{HeaderValue, Method, Request, Uri};

use crate::attempt::Attempts;
use crate::error::{Error, ErrorKind};
use crate::failure;
use crate::stream::ResponseStream;

use super::count::add;
use super::plan::Plan;
use super::start::{Started, Way, first_of};

/// Where a response broke off.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) response_id: String,
    /// The number of the last event that was handed out.
    pub(super) starting_after: u64,
}

/// A stream that is asked to go on.
pub(super) type Resuming = Pin<Box<dyn Future<Output = Result<Started, Error>> + Send>>;

/// A response that is waited for as a whole.
pub(super) type Retrieving = Pin<Box<dyn Future<Output = Result<Response, Error>> + Send>>;

/// Whether the server keeps the response, so that it can be asked for again.
pub(super) fn is_kept(request: &CreateResponse) -> bool {
    request.background == Some(true) && request.store != Some(false)
}

/// Asks for the events behind the place.
pub(super) fn resume(plan: Arc<Plan>, place: Place) -> Resuming {
    Box::pin(async move {
        let mut request = Request::new(Bytes::new());
        *request.method_mut() = Method::GET;
        *request.uri_mut() = target(&plan.turn.target.base, &place)?;
        *request.headers_mut() = plan.turn.headers(Channel::Http)?;
        let accept = HeaderValue::from_static("text/event-stream");
        request.headers_mut().insert(ACCEPT, accept);
        request.extensions_mut().insert(plan.turn.timeouts);
        add(&plan.counters.resumes, 1);
        let observer = plan.observer.at(request.uri());
        let opened = Attempts::new(observer, request).open().await?;
        let mut stream = ResponseStream::new(opened, Vec::new(), plan.turn.timeouts, None);
        let early: VecDeque<_> = first_of(&mut stream).await?.into_iter().collect();
        Ok(Started {
            way: Way::Http(Box::new(stream)),
            early,
        })
    })
}

/// Fetches the response itself, once it has ended: where the server no longer has the events between, what they said is in it.
pub(super) fn retrieve(plan: Arc<Plan>, response_id: String) -> Retrieving {
    Box::pin(async move {
        let inner = plan.client.inner();
        let started = inner.timer.now();
        let mut options = plan.options.clone();
        // The clocks of a stream are not those of an answer in one piece.
        options.timeouts = None;
        loop {
            let response = plan.client.retrieve_with(&response_id, &options).await?;
            if !matches!(response.status, Status::InProgress | Status::Queued) {
                add(&plan.counters.retrievals, 1);
                return Ok(response);
            }
            let elapsed = inner.timer.now().saturating_duration_since(started);
            if plan
                .turn
                .timeouts
                .total
                .is_some_and(|total| elapsed >= total)
            {
                return Err(Error::new(ErrorKind::Timeout));
            }
            inner.timer.sleep(BETWEEN_LOOKS).await;
        }
    })
}

/// What is left to hand out of a response that has ended, behind what was handed out of it: events made from the whole, each text and each
/// item once, and the last event. They have no numbers, because the server's own have been lost.
pub(super) fn rest_of(shown: &Updates, response: Response) -> Vec<ResponseEvent> {
    let end = end_of(response.clone());
    let mut updates = shown.clone();
    updates.skip();
    let mut rest = Vec::new();
    // A response that exceeds the limit here exceeds it in the turn as well, which reports the error. After a contradiction the updates are
    // valid, and the turn reports it with the last event.
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
        // Arguments come whole with their item.
        _ => return None,
    };
    let place = usize::try_from(output_index).ok();
    let item = place.and_then(|place| response.output.get(place));
    let item_id = item.and_then(OutputItem::id).unwrap_or_default();
    let delta = Delta::new(kind, item_id, output_index, delta).with_part_index(part);
    Some(ResponseEvent::of_delta(delta))
}

/// The event with which a response has ended.
fn end_of(response: Response) -> ResponseEvent {
    let status = response.status.clone();
    let mut event = Box::new(LifecycleEvent::default());
    event.response = response;
    match status {
        Status::Completed => ResponseEvent::Completed(event),
        Status::Incomplete => ResponseEvent::Incomplete(event),
        // There is no event of its own for it.
        Status::Cancelled => ResponseEvent::Done(event),
        _ => ResponseEvent::Failed(event),
    }
}

fn target(base: &Uri, place: &Place) -> Result<Uri, Error> {
    // The id comes from the server and goes into a path.
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    if place.response_id.is_empty() || !place.response_id.bytes().all(is_plain) {
        return Err(Error::request(RESPONSE_ID));
    }
    let uri = failure::join(base, &format!("responses/{}", place.response_id))?;
    let separator = if uri.query().is_some() { '&' } else { '?' };
    format!(
        "{uri}{separator}stream=true&starting_after={}",
        place.starting_after
    )
    .parse()
    .map_err(|_| Error::request(RESPONSE_ID))
}

/// A background response takes minutes.
const BETWEEN_LOOKS: Duration = Duration::from_secs(2);
const RESPONSE_ID: &str = "the response has an id that cannot stand in a URL";

#[cfg(test)]
mod tests {
    use super::*;

    fn place(response_id: &str) -> Place {
        Place {
            response_id: response_id.into(),
            starting_after: 17,
        }
    }

    #[test]
    fn the_place_is_in_the_url_beside_what_the_base_has() {
        let plain = Uri::from_static("https://api.test/v1");
        let expected = "https://api.test/v1/responses/resp_1?stream=true&starting_after=17";
        assert_eq!(target(&plain, &place("resp_1")).unwrap(), expected);
        let with_query = Uri::from_static("https://api.test/v1?api-version=1");
        let expected =
            "https://api.test/v1/responses/resp_1?api-version=1&stream=true&starting_after=17";
        assert_eq!(target(&with_query, &place("resp_1")).unwrap(), expected);
        for id in ["", "../models", "resp_1?x=", "resp 1"] {
            assert!(target(&plain, &place(id)).is_err(), "{id}");
        }
    }

    #[test]
    fn only_what_is_kept_can_be_resumed() {
        let request = || CreateResponse::new("some-model");
        assert!(!is_kept(&request()));
        assert!(!is_kept(&request().store(true)));
        assert!(!is_kept(&request().background(true).store(false)));
        assert!(is_kept(&request().background(true)));
    }
}
