//! The timeouts of one response while it is read.

use core::fmt;
use core::task::{Context, Poll, Waker};
use core::time::Duration;

use crate::error::{Error, ErrorKind, Phase, Sent};
use crate::timeouts::{TimeoutKind, Timeouts};
use crate::timer::{BoxSleep, Instant, SharedTimer, Timer};

/// The timeouts of one response. Record what arrives, and poll for expiry when nothing does.
///
/// A [`Body`](crate::Body) of this crate enforces `byte_idle` and `total` itself. The other two
/// depend on events, so the layer that decodes events creates timeouts with
/// [`for_events`](Self::for_events) and polls them whenever the body is pending.
///
/// ```
/// # #[cfg(feature = "hyper")] {
/// use codex_transport::{SharedTimer, TimeoutKind, ErrorKind, Timeouts, TokioTimer, IdleTimeouts};
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
/// # runtime.block_on(async {
/// let mut watch = IdleTimeouts::for_events(&Timeouts::default(), SharedTimer::new(TokioTimer));
/// watch.record_event();
/// let error = std::future::poll_fn(|cx| watch.poll_expired(cx)).await;
/// assert_eq!(error.kind(), ErrorKind::Timeout(TimeoutKind::EventIdle));
/// assert_eq!(error.events_received(), 1);
/// # }) }
/// ```
pub struct IdleTimeouts {
    timer: SharedTimer,
    periods: Periods,
    started: Instant,
    last_bytes: Instant,
    last_event: Option<Instant>,
    bytes: u64,
    events: u64,
    // Whether anything arrived since the clock was last read. Idle time begins when the reader
    // finds nothing, not when it last received something: the time in between is the reader's.
    bytes_arrived: bool,
    event_arrived: bool,
    // One sleep at a time. An arrival moves the instants above; when the sleep ends, the rest of
    // the period is slept. So an arrival costs one read of the clock and no timer operation.
    sleep: Option<Armed>,
}

/// The periods that apply to a response. Periods that no longer apply are not stored for a stream.
#[derive(Debug, Default)]
struct Periods {
    first_event: Option<Duration>,
    byte_idle: Option<Duration>,
    event_idle: Option<Duration>,
    total: Option<Duration>,
}

struct Armed {
    sleep: BoxSleep,
    until: Instant,
    waker: Waker,
}

impl IdleTimeouts {
    /// Starts the `first_event` and `event_idle` timeouts.
    pub fn for_events(timeouts: &Timeouts, timer: SharedTimer) -> Self {
        let now = timer.now();
        let periods = Periods {
            first_event: timeouts.first_event,
            event_idle: timeouts.event_idle,
            ..Periods::default()
        };
        Self::new(periods, timer, now)
    }

    /// Starts the `byte_idle` timeout now, and `total` from `started` on.
    pub fn for_bytes(timeouts: &Timeouts, timer: SharedTimer, started: Instant) -> Self {
        let periods = Periods {
            byte_idle: timeouts.byte_idle,
            total: timeouts.total,
            ..Periods::default()
        };
        Self::new(periods, timer, started)
    }

    fn new(periods: Periods, timer: SharedTimer, started: Instant) -> Self {
        let last_bytes = timer.now();
        Self {
            timer,
            periods,
            started,
            last_bytes,
            last_event: None,
            bytes: 0,
            events: 0,
            bytes_arrived: false,
            event_arrived: false,
            sleep: None,
        }
    }

    /// Records that bytes arrived. The next idle period begins with the next call of
    /// [`poll_expired`](Self::poll_expired).
    pub fn record_bytes(&mut self, count: usize) {
        self.bytes += count as u64;
        self.bytes_arrived = true;
    }

    /// Records that a meaningful event arrived. The wait for the next one begins with the next call
    /// of [`poll_expired`](Self::poll_expired).
    pub fn record_event(&mut self) {
        self.events += 1;
        self.event_arrived = true;
    }

    /// Returns the number of bytes recorded so far.
    pub fn bytes_received(&self) -> u64 {
        self.bytes
    }

    /// Returns the number of events recorded so far.
    pub fn events_received(&self) -> u64 {
        self.events
    }

    /// Returns an error if a timeout has expired. Otherwise registers a wake-up for the next one.
    pub fn poll_expired(&mut self, cx: &mut Context<'_>) -> Poll<Error> {
        let mut now = self.timer.now();
        if core::mem::take(&mut self.bytes_arrived) {
            self.last_bytes = now;
        }
        if core::mem::take(&mut self.event_arrived) && self.last_event.replace(now).is_none() {
            // Another timeout takes over from here, and may expire before the first one would have.
            self.sleep = None;
        }
        loop {
            if let Some(armed) = &mut self.sleep {
                // The sleep has not ended and will wake the same task: polling it would only touch
                // the timer's memory.
                if now < armed.until && armed.waker.will_wake(cx.waker()) {
                    return Poll::Pending;
                }
                if armed.sleep.as_mut().poll(cx).is_pending() {
                    armed.waker.clone_from(cx.waker());
                    return Poll::Pending;
                }
                self.sleep = None;
                now = self.timer.now();
            }
            let Some((clock, since, period)) = self.earliest() else {
                return Poll::Pending;
            };
            let elapsed = now.saturating_duration_since(since);
            if elapsed >= period {
                return Poll::Ready(
                    Error::new(ErrorKind::Timeout(clock), Phase::Body, Sent::Yes)
                        .with_timeout(period)
                        .with_bytes_received(self.bytes)
                        .with_events_received(self.events),
                );
            }
            let mut sleep = self.timer.boxed_sleep(period - elapsed);
            if sleep.as_mut().poll(cx).is_pending() {
                self.sleep = Some(Armed {
                    sleep,
                    until: since + period,
                    waker: cx.waker().clone(),
                });
                return Poll::Pending;
            }
            now = self.timer.now();
        }
    }

    // Returns the timeout that expires first if nothing more arrives.
    fn earliest(&self) -> Option<(TimeoutKind, Instant, Duration)> {
        let Periods {
            first_event,
            byte_idle,
            event_idle,
            total,
        } = self.periods;
        let event = match self.last_event {
            None => first_event.map(|period| (TimeoutKind::FirstEvent, self.started, period)),
            Some(last) => event_idle.map(|period| (TimeoutKind::EventIdle, last, period)),
        };
        [
            event,
            byte_idle.map(|period| (TimeoutKind::ByteIdle, self.last_bytes, period)),
            total.map(|period| (TimeoutKind::Total, self.started, period)),
        ]
        .into_iter()
        .flatten()
        // A period that overflows the clock never expires.
        .filter_map(|(clock, since, period)| {
            Some((since.checked_add(period)?, (clock, since, period)))
        })
        .min_by_key(|(deadline, _)| *deadline)
        .map(|(_, found)| found)
    }
}

impl fmt::Debug for IdleTimeouts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IdleTimeouts")
            .field("periods", &self.periods)
            .field("bytes", &self.bytes)
            .field("events", &self.events)
            .finish_non_exhaustive()
    }
}
