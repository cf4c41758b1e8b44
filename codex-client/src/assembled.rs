//! One response while it arrives, from any source of events. Every event is merged once, here, and
//! every handle of this crate ([`ResponseStream`](crate::ResponseStream), `SessionTurn`,
//! `SocketTurn`) is a view of this type.
//!
//! A contradiction concerns only the updates: the events are the server's own and stay valid, so
//! the error is held until the caller requests an update.

use core::convert::Infallible;
use core::future::poll_fn;
use core::task::{Context, Poll, ready};
use std::sync::Arc;

use codex_sse::{Outcome, Update, Updates};
use codex_types::lint::Finding;
use codex_types::{Response, ResponseEvent};

use crate::error::{Error, ErrorKind};
use crate::events::is_visible;
use crate::failure;
use crate::meta::ResponseMeta;
use crate::observe::Observer;
use crate::request::Findings;

/// The state assembled from the events of a response.
pub(crate) struct Assembly {
    updates: Updates,
    contradiction: Option<codex_sse::Error>,
    meta: ResponseMeta,
    observer: Arc<Observer>,
    /// Whether an event has been merged.
    has_begun: bool,
    /// Whether the caller has received an event with visible content, any event of a raw stream, or
    /// an error.
    has_yielded: bool,
}

/// A source that yields the events of a response, each of them merged.
pub(crate) trait EventSource {
    /// The item that voids the events before it; [`Infallible`] for sources without one.
    type Restart;

    /// Holds back events without visible content until an event has some or the response ends:
    /// another attempt can still recover from a failure before that.
    fn hold(&mut self, holds: bool);

    fn poll_next(
        &mut self,
        assembly: &mut Assembly,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Item<Self::Restart>>>;

    /// Returns whether the response was a single document, so that its status alone describes its
    /// outcome.
    fn is_document(&self) -> bool {
        false
    }
}

/// An event of a response, or the boundary between two attempts at it.
pub(crate) enum Step<T, R> {
    Response(T),
    #[cfg_attr(
        not(feature = "sockets"),
        expect(dead_code, reason = "HTTP never restarts")
    )]
    Restart(R),
}

/// An item of a source.
pub(crate) type Item<R> = Result<Step<ResponseEvent, R>, Error>;

impl<T> Step<T, Infallible> {
    pub(crate) fn into_response(self) -> T {
        match self {
            Self::Response(response) => response,
            Self::Restart(never) => match never {},
        }
    }
}

impl Assembly {
    fn new(meta: ResponseMeta, observer: Arc<Observer>) -> Self {
        Self {
            updates: Updates::default(),
            contradiction: None,
            meta,
            observer,
            has_begun: false,
            has_yielded: false,
        }
    }

    /// Merges an event and drops the unread updates of the previous one. Fails when the response
    /// exceeds its limit.
    pub(crate) fn merge(&mut self, event: &ResponseEvent) -> Result<(), Error> {
        self.meta.merge(event);
        self.updates.skip();
        self.contradiction = None;
        if let Err(error) = self.updates.feed(event) {
            if error.is_fatal() {
                let error = failure::stream(error).with_meta(self.meta.clone());
                return Err(error.after_delivery(self.has_yielded));
            }
            self.contradiction = Some(error);
        }
        if !core::mem::replace(&mut self.has_begun, true) {
            self.observer.first_event();
        }
        self.observer.event(event, self.updates.snapshot());
        Ok(())
    }

    pub(crate) fn snapshot(&self) -> &Response {
        self.updates.snapshot()
    }

    pub(crate) fn outcome(&self) -> Option<Outcome> {
        self.updates.accumulator().outcome()
    }

    pub(crate) fn is_completed(&self) -> bool {
        self.outcome() == Some(Outcome::Completed)
    }

    fn take_contradiction(&mut self) -> Option<Error> {
        let error = failure::stream(self.contradiction.take()?);
        Some(error.with_meta(self.meta.clone()).after_delivery(true))
    }
}

/// Methods for sources that can begin or continue a response over another connection.
impl Assembly {
    pub(crate) fn observer(&self) -> &Arc<Observer> {
        &self.observer
    }

    pub(crate) fn meta(&self) -> &ResponseMeta {
        &self.meta
    }

    pub(crate) fn set_meta(&mut self, meta: ResponseMeta) {
        self.meta = meta;
    }

    pub(crate) fn updates(&self) -> &Updates {
        &self.updates
    }

    pub(crate) fn has_yielded(&self) -> bool {
        self.has_yielded
    }

    /// Allows the events that follow to repeat earlier ones.
    pub(crate) fn resume(&mut self) {
        self.updates.resume();
    }

    /// Returns the response so far and begins another.
    #[cfg(feature = "sockets")]
    pub(crate) fn take_response(&mut self) -> Response {
        self.contradiction = None;
        core::mem::take(&mut self.updates)
            .into_accumulator()
            .into_partial()
    }
}

/// One response while it arrives from a source.
pub(crate) struct Assembled<S> {
    source: S,
    assembly: Assembly,
    findings: Findings,
    /// Whether [`next`](Self::next) holds back events without visible content; updates and the
    /// whole response always do.
    holds: bool,
}

impl<S> Assembled<S> {
    pub(crate) fn new(
        source: S,
        meta: ResponseMeta,
        findings: Findings,
        observer: Arc<Observer>,
    ) -> Self {
        Self {
            source,
            assembly: Assembly::new(meta, observer),
            findings,
            holds: true,
        }
    }

    /// Wraps the source in another one.
    pub(crate) fn map_source<T>(self, map: impl FnOnce(S) -> T) -> Assembled<T> {
        Assembled {
            source: map(self.source),
            assembly: self.assembly,
            findings: self.findings,
            holds: self.holds,
        }
    }

    pub(crate) fn into_source(self) -> S {
        self.source
    }

    pub(crate) fn source(&self) -> &S {
        &self.source
    }

    pub(crate) fn source_mut(&mut self) -> (&mut S, &Assembly) {
        (&mut self.source, &self.assembly)
    }

    pub(crate) fn meta(&self) -> &ResponseMeta {
        &self.assembly.meta
    }

    pub(crate) fn findings(&self) -> &[Finding] {
        self.findings.all()
    }

    pub(crate) fn add_findings(&mut self, findings: Vec<Finding>) {
        self.findings.add(findings);
    }

    pub(crate) fn snapshot(&self) -> &Response {
        self.assembly.snapshot()
    }

    pub(crate) fn update(&mut self) -> Option<Update<'_>> {
        self.assembly.updates.poll()
    }
}

impl<S: EventSource> Assembled<S> {
    /// Sets whether [`next`](Self::next) holds back events without visible content.
    pub(crate) fn hold(&mut self, holds: bool) {
        self.holds = holds;
    }

    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Item<S::Restart>>> {
        self.poll_held(cx, self.holds)
    }

    fn poll_held(&mut self, cx: &mut Context<'_>, holds: bool) -> Poll<Option<Item<S::Restart>>> {
        self.source.hold(holds);
        let observer = self.assembly.observer.clone();
        let poll = || self.source.poll_next(&mut self.assembly, cx);
        let item = ready!(observer.scope(poll));
        if let Some(Err(error)) = &item
            && error.is_fatal()
        {
            observer.exchange_failed(error);
            observer.over(error);
        }
        self.assembly.has_yielded |= match &item {
            Some(Ok(Step::Response(event))) => is_visible(event) || !holds,
            Some(_) => true,
            None => false,
        };
        Poll::Ready(item)
    }

    pub(crate) async fn next(&mut self) -> Option<Item<S::Restart>> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    pub(crate) async fn next_update(
        &mut self,
    ) -> Option<Result<Step<Update<'_>, S::Restart>, Error>> {
        loop {
            if let Some(error) = self.assembly.take_contradiction() {
                return Some(Err(error));
            }
            if self.assembly.updates.has_next() {
                return self.update().map(|update| Ok(Step::Response(update)));
            }
            match poll_fn(|cx| self.poll_held(cx, true)).await? {
                Ok(Step::Response(_)) => {}
                Ok(Step::Restart(restart)) => return Some(Ok(Step::Restart(restart))),
                Err(error) => return Some(Err(error)),
            }
        }
    }

    /// Reads to the end, skips events that cannot be decoded, and returns the response if it
    /// completed. `watch` receives every event.
    ///
    /// Takes a box, because a future has room for a value once for each function that the value is
    /// moved into.
    pub(crate) async fn finish(
        self: Box<Self>,
        watch: impl FnMut(&ResponseEvent),
    ) -> Result<Response, Error> {
        let (response, _) = self.finish_with_meta(watch).await?;
        Ok(response)
    }

    /// Works like [`finish`](Self::finish), and also returns the headers of the response.
    pub(crate) async fn finish_with_meta(
        mut self: Box<Self>,
        mut watch: impl FnMut(&ResponseEvent),
    ) -> Result<(Response, ResponseMeta), Error> {
        while let Some(item) = poll_fn(|cx| self.poll_held(cx, true)).await {
            match item {
                Ok(Step::Response(event)) => watch(&event),
                Err(error) if error.is_fatal() => {
                    return Err(error.with_partial(self.snapshot().clone()));
                }
                Ok(Step::Restart(_)) | Err(_) => {}
            }
        }
        let is_document = self.source.is_document();
        let Assembly {
            updates,
            meta,
            has_yielded,
            ..
        } = self.assembly;
        let response = updates.into_accumulator();
        if is_document && response.outcome().is_none() {
            // The server has accepted the request and sent the response before it ended.
            let error = Error::new(ErrorKind::Pending).with_meta(meta);
            return Err(error
                .with_partial(response.into_partial())
                .after_delivery(true));
        }
        let response = failure::verdict(response, &meta, has_yielded)?;
        Ok((response, meta))
    }
}
