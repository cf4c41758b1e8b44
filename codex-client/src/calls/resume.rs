//! The events of one response over HTTP. A stored background response survives its connection: the
//! client continues after the last event that was yielded. It skips events that the server repeats
//! by their number, and a gap between the numbers is an error.

use core::future::{Future, poll_fn};
use core::pin::Pin;
use core::sync::atomic::{AtomicU64, Ordering};
use core::task::{Context, Poll, ready};
use core::time::Duration;
use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use codex_transport::{TimeoutKind, Timeouts, Timer as _};
use codex_types::profile::Channel;
use codex_types::{CreateResponse, Response, ResponseEvent};
use http::header::ACCEPT;
use http::{HeaderMap, Request};

use crate::assembled::{Assembly, EventSource, Item, Step};
use crate::calls::kept::{path, until_ended};
use crate::calls::rest::rest_of;
use crate::error::{Error, ErrorKind};
use crate::events::{HttpEvents, is_visible};
use crate::exchange::{Exchange, Retries};
use crate::failure;
use crate::observe::Observer;
use crate::options::CallOptions;
use crate::request::{EVENT_STREAM, Prepared};
use crate::shared::Shared;
use crate::target::Target;
use crate::wire::Wire;

/// The events of one response over HTTP, each of them once.
pub(crate) struct ResumableEvents {
    /// The events over the current connection.
    events: HttpEvents,
    pending: Pending,
    /// Items of the connection that were read ahead.
    peeked: VecDeque<Option<EventItem>>,
    /// Events to yield before anything else is read.
    rest: VecDeque<ResponseEvent>,
    /// `None` if the server does not keep the response.
    resumption: Option<Box<Resumption>>,
    holds: bool,
}

/// A request that must end before the events continue, and the failure that it follows.
enum Pending {
    Nothing,
    Resuming(Resuming, Error),
    Retrieving(Retrieving, Error),
}

type Resuming = Pin<Box<dyn Future<Output = Result<HttpEvents, Error>> + Send>>;

type Retrieving = Pin<Box<dyn Future<Output = Result<Response, Error>> + Send>>;

/// The data for resuming a response that the server keeps.
pub(crate) struct Resumption {
    shared: Arc<Shared>,
    observer: Arc<Observer>,
    target: Target,
    headers: HeaderMap,
    timeouts: Timeouts,
    options: CallOptions,
    counts: Arc<ResumptionCounts>,
    /// The number of attempts in a row.
    limit: u32,
    /// The remaining attempts since the last event; `None` if there was none.
    retries: Option<Retries>,
    /// Whether the events began with the first of the response, so that the whole response shows
    /// which are missing.
    is_whole: bool,
    /// Empty until an event names the response.
    response_id: String,
    /// The number of the last event that was yielded.
    last_number: Option<u64>,
    /// Whether a resumed stream has not yet passed that number.
    is_catching_up: bool,
}

/// The number of streams that were resumed, and of responses that were fetched whole instead.
#[derive(Debug, Default)]
pub(crate) struct ResumptionCounts {
    pub(crate) resumes: AtomicU64,
    /// Responses that were fetched whole, because their events were no longer available.
    pub(crate) retrievals: AtomicU64,
}

/// The kind of an event in a stream that may have been resumed.
enum Passage {
    New,
    Repeated,
    AfterGap,
}

impl ResumableEvents {
    pub(crate) fn new(events: HttpEvents, resumption: Option<Resumption>) -> Self {
        Self {
            events,
            pending: Pending::Nothing,
            peeked: VecDeque::new(),
            rest: VecDeque::new(),
            resumption: resumption.map(Box::new),
            holds: false,
        }
    }

    /// Sets how many times in a row the response is resumed, and where that is counted.
    #[cfg(feature = "sockets")]
    pub(crate) fn resumed_at_most(mut self, limit: u32, counts: &Arc<ResumptionCounts>) -> Self {
        if let Some(resumption) = &mut self.resumption {
            resumption.limit = limit;
            resumption.counts = counts.clone();
        }
        self
    }

    /// Returns the events over the current connection.
    pub(crate) fn http(&self) -> &HttpEvents {
        &self.events
    }

    pub(crate) fn into_http(self) -> HttpEvents {
        self.events
    }

    pub(crate) fn hold(&mut self, holds: bool) {
        self.holds = holds;
        self.events.hold(holds);
    }

    /// Reads ahead to the first event with visible content, and returns the failure that it
    /// reports.
    pub(crate) async fn peek(&mut self) -> Option<Error> {
        self.hold(true);
        while self.peeked.len() < MAX_PEEKED {
            let item = poll_fn(|cx| self.events.poll_event(cx)).await;
            let event = item.as_ref().and_then(|item| item.as_ref().ok());
            let is_prelude = event.is_some_and(|event| !is_visible(event) && !event.is_terminal());
            let failure = event.and_then(failure::reported);
            self.peeked.push_back(item);
            if !is_prelude {
                return failure;
            }
        }
        None
    }

    /// Polls for the first event, before there is a response that could be resumed.
    #[cfg(feature = "sockets")]
    pub(crate) fn poll_first(&mut self, cx: &mut Context<'_>) -> Poll<Option<EventItem>> {
        let item = ready!(self.events.poll_event(cx));
        if let (Some(Ok(event)), Some(resumption)) = (&item, &mut self.resumption) {
            resumption.pass(event);
        }
        Poll::Ready(item)
    }

    /// Polls for the next event or an error: one that concerns one event only, or a fatal one after
    /// which nothing follows. The caller merges the events in their order.
    pub(crate) fn poll_event(
        &mut self,
        assembly: &mut Assembly,
        cx: &mut Context<'_>,
    ) -> Poll<Option<EventItem>> {
        loop {
            if let Some(event) = self.rest.pop_front() {
                return Poll::Ready(Some(Ok(event)));
            }
            match &mut self.pending {
                Pending::Nothing => {
                    let item = match self.peeked.pop_front() {
                        Some(item) => item,
                        None => ready!(self.events.poll_event(cx)),
                    };
                    if let Some(item) = self.judge(assembly, item) {
                        return Poll::Ready(item);
                    }
                }
                Pending::Resuming(resuming, _) => {
                    let resumed = ready!(resuming.as_mut().poll(cx));
                    if let Pending::Resuming(_, cause) = self.take_pending()
                        && let Some(error) = self.resumed(assembly, resumed, cause)
                    {
                        return Poll::Ready(Some(Err(error)));
                    }
                }
                Pending::Retrieving(retrieving, _) => {
                    let retrieved = ready!(retrieving.as_mut().poll(cx));
                    if let Pending::Retrieving(_, cause) = self.take_pending() {
                        match retrieved {
                            Ok(response) => self.continue_with(assembly, response),
                            // Without the response, the stream ends with its own failure.
                            Err(_) => {
                                return Poll::Ready(Some(Err(cause.after_delivery(true))));
                            }
                        }
                    }
                }
            }
        }
    }

    /// Decides about an item of the connection. Returns `None` if nothing is yielded for it.
    fn judge(
        &mut self,
        assembly: &mut Assembly,
        item: Option<EventItem>,
    ) -> Option<Option<EventItem>> {
        let Some(resumption) = &mut self.resumption else {
            return Some(item);
        };
        let is_document = resumption.is_catching_up && self.events.is_document();
        match item {
            // A document repeats what the caller has seen.
            Some(Ok(event)) if is_document => {
                if event.is_terminal()
                    && let Some(response) = event.response()
                {
                    let response = response.clone();
                    self.continue_with(assembly, response);
                }
                None
            }
            Some(Ok(event)) => match resumption.pass(&event) {
                Passage::New => Some(Some(Ok(event))),
                Passage::Repeated => None,
                Passage::AfterGap => {
                    self.events.stop();
                    let error = Error::protocol(MISSING).with_meta(self.events.meta().clone());
                    Some(Some(Err(error.after_delivery(true))))
                }
            },
            Some(Err(error)) if error.is_fatal() && is_interruption(&error) => {
                let error = self.interrupted(assembly, error)?;
                Some(Some(Err(error)))
            }
            None if is_document && assembly.outcome().is_none() => {
                let cause = Error::new(ErrorKind::Truncated);
                let error = self.retrieve(cause)?;
                Some(Some(Err(error)))
            }
            item => Some(item),
        }
    }

    /// Resumes the stream after a failure. Returns the failure if that is not possible.
    fn interrupted(&mut self, assembly: &Assembly, error: Error) -> Option<Error> {
        let delivered = assembly.has_yielded();
        let Some(resumption) = &mut self.resumption else {
            return Some(error.after_delivery(delivered));
        };
        if resumption.response_id.is_empty() {
            return Some(error.after_delivery(delivered));
        }
        let Some(delay) = resumption.delay_after(&error) else {
            return Some(error.after_delivery(true));
        };
        if resumption.last_number.is_none() && resumption.is_whole {
            // Without numbers, only the whole response shows what is missing.
            return self.retrieve(error);
        }
        self.pending = Pending::Resuming(resumption.resume(delay), error);
        None
    }

    fn resumed(
        &mut self,
        assembly: &mut Assembly,
        resumed: Result<HttpEvents, Error>,
        cause: Error,
    ) -> Option<Error> {
        match resumed {
            Ok(mut events) => {
                events.hold(self.holds);
                assembly.set_meta(events.meta().clone());
                assembly.resume();
                self.events = events;
                None
            }
            Err(error) if is_interruption(&error) => self.interrupted(assembly, cause),
            // The server no longer has the events, but may still have the whole response.
            Err(_) => self.retrieve(cause),
        }
    }

    /// Fetches the whole response instead of its events. Returns the failure if the whole would not
    /// show what is missing.
    fn retrieve(&mut self, cause: Error) -> Option<Error> {
        match &self.resumption {
            Some(resumption) if resumption.is_whole => {
                self.pending = Pending::Retrieving(resumption.retrieve(), cause);
                None
            }
            _ => Some(cause.after_delivery(true)),
        }
    }

    /// Yields what the caller has not seen of a response that has ended.
    fn continue_with(&mut self, assembly: &Assembly, response: Response) {
        self.events.stop();
        self.resumption = None;
        self.rest.extend(rest_of(assembly.updates(), response));
    }

    fn take_pending(&mut self) -> Pending {
        core::mem::replace(&mut self.pending, Pending::Nothing)
    }
}

type EventItem = Result<ResponseEvent, Error>;

impl Resumption {
    /// Returns the resumption of a response to this request, if the server keeps it.
    pub(crate) fn of(
        shared: &Arc<Shared>,
        prepared: &Prepared,
        observer: &Arc<Observer>,
        options: &CallOptions,
    ) -> Result<Option<Self>, Error> {
        if !is_kept(&prepared.request) || !matches!(prepared.wire, Wire::Responses) {
            return Ok(None);
        }
        let mut headers = prepared.headers(Channel::Http)?;
        headers.insert(ACCEPT, EVENT_STREAM);
        let target = prepared.target.clone();
        let timeouts = prepared.timeouts;
        let new = Self::new(shared, observer, target, headers, timeouts, options);
        Ok(Some(new))
    }

    pub(crate) fn new(
        shared: &Arc<Shared>,
        observer: &Arc<Observer>,
        target: Target,
        headers: HeaderMap,
        timeouts: Timeouts,
        options: &CallOptions,
    ) -> Self {
        Self {
            shared: shared.clone(),
            observer: observer.clone(),
            target,
            headers,
            timeouts,
            options: options.clone(),
            counts: Arc::default(),
            limit: shared.retry.max_retries,
            retries: None,
            is_whole: true,
            response_id: String::new(),
            last_number: None,
            is_catching_up: false,
        }
    }

    /// Sets the response, and the number of the event before the first one of this stream.
    pub(crate) fn starting_after(mut self, response_id: &str, number: Option<u64>) -> Self {
        response_id.clone_into(&mut self.response_id);
        self.last_number = number;
        self.is_whole = number.is_none();
        self
    }

    /// Records an event.
    fn pass(&mut self, event: &ResponseEvent) -> Passage {
        if let Some(response) = event.response()
            && self.response_id.is_empty()
        {
            self.response_id.clone_from(&response.id);
        }
        if let Some(number) = event.sequence_number() {
            if self.is_catching_up {
                match self.last_number {
                    Some(last) if number <= last => return Passage::Repeated,
                    Some(last) if number > last.saturating_add(1) => return Passage::AfterGap,
                    _ => self.is_catching_up = false,
                }
            }
            self.last_number = Some(number);
        }
        self.retries = None;
        Passage::New
    }

    fn delay_after(&mut self, error: &Error) -> Option<Duration> {
        let (shared, limit) = (&self.shared, self.limit);
        let retries = self
            .retries
            .get_or_insert_with(|| Retries::of_resuming(shared, limit));
        retries.delay_before_resuming(error, &self.observer)
    }

    /// Requests the events after the last one.
    fn resume(&mut self, delay: Duration) -> Resuming {
        self.is_catching_up = true;
        let path = stream_path(&self.response_id, self.last_number);
        let uri = path.and_then(|path| self.target.url(&path));
        let (shared, observer) = (self.shared.clone(), self.observer.clone());
        let (headers, timeouts) = (self.headers.clone(), self.timeouts);
        let counts = self.counts.clone();
        Box::pin(async move {
            shared.timer.sleep(delay).await;
            let mut request = Request::new(Bytes::new());
            *request.uri_mut() = uri?;
            *request.headers_mut() = headers;
            request.extensions_mut().insert(timeouts);
            counts.resumes.fetch_add(1, Ordering::Relaxed);
            let observer = observer.at(request.uri());
            let exchange = Exchange::new(shared, observer, request);
            HttpEvents::open(Box::new(exchange), timeouts, Wire::Responses).await
        })
    }

    /// Fetches the response itself once it has ended.
    fn retrieve(&self) -> Retrieving {
        let (shared, response_id) = (self.shared.clone(), self.response_id.clone());
        // The timeouts of a stream do not fit a response in a single document.
        let mut options = self.options.clone();
        (options.timeouts, options.timeout) = (None, None);
        let (counts, total) = (self.counts.clone(), self.timeouts.total);
        Box::pin(async move {
            let ended = until_ended(&shared, &response_id, &options, total);
            let (response, _) = ended.await?;
            counts.retrievals.fetch_add(1, Ordering::Relaxed);
            Ok(response)
        })
    }
}

impl EventSource for ResumableEvents {
    type Restart = core::convert::Infallible;

    fn hold(&mut self, holds: bool) {
        self.hold(holds);
    }

    fn is_document(&self) -> bool {
        self.events.is_document()
    }

    fn poll_next(
        &mut self,
        assembly: &mut Assembly,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Item<Self::Restart>>> {
        let Some(item) = ready!(self.poll_event(assembly, cx)) else {
            return Poll::Ready(None);
        };
        if self.events.is_new_attempt() {
            assembly.set_meta(self.events.meta().clone());
        }
        let item = match item {
            Ok(event) => assembly.merge(&event).map(|()| Step::Response(event)),
            Err(error) if assembly.has_yielded() && error.status().is_none() => {
                let error = error.with_meta(assembly.meta().clone());
                Err(error.after_delivery(true))
            }
            Err(error) => Err(error.after_delivery(assembly.has_yielded())),
        };
        if item.as_ref().is_err_and(Error::is_fatal) {
            self.events.stop();
            self.rest.clear();
        }
        Poll::Ready(Some(item))
    }
}

/// Returns whether the server stores the response, so that it can be fetched again.
pub(crate) fn is_kept(request: &CreateResponse) -> bool {
    request.background == Some(true) && request.store != Some(false)
}

/// Returns whether the connection broke, in contrast to an error from the server that it would
/// repeat, and to a limit that the caller has set for the whole.
fn is_interruption(error: &Error) -> bool {
    let is_lost = matches!(
        error.kind(),
        ErrorKind::Transport | ErrorKind::Timeout | ErrorKind::Truncated
    );
    is_lost
        && error.transport().is_none_or(|error| {
            error.is_retryable()
                && error.kind() != codex_transport::ErrorKind::Timeout(TimeoutKind::Total)
        })
}

/// Returns the path of the event stream of a stored response, after the event with this number.
pub(crate) fn stream_path(response_id: &str, starting_after: Option<u64>) -> Result<String, Error> {
    let after = starting_after.map(|number| format!("&starting_after={number}"));
    path(
        response_id,
        &format!("?stream=true{}", after.unwrap_or_default()),
    )
}

/// The maximum number of events that are read ahead.
const MAX_PEEKED: usize = 256;
const MISSING: &str = "resumed stream skips events";

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

    #[test]
    fn the_place_is_in_the_url_beside_what_the_base_has() {
        let path = stream_path("resp_1", Some(17)).unwrap();
        let join = |base| crate::target::join(&http::Uri::from_static(base), &path).unwrap();
        assert_eq!(
            join("https://api.test/v1"),
            "https://api.test/v1/responses/resp_1?stream=true&starting_after=17"
        );
        assert_eq!(
            join("https://api.test/v1?api-version=1"),
            "https://api.test/v1/responses/resp_1?stream=true&starting_after=17&api-version=1"
        );
        for id in ["", "../models", "resp_1?x=", "resp 1"] {
            assert!(stream_path(id, Some(17)).is_err(), "{id}");
        }
    }
}
