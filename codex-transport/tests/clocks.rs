//! Every timeout, on a virtual clock.
#![cfg(feature = "testing")]

use core::future::poll_fn;
use core::time::Duration;

use codex_transport::{
    Error, ErrorKind, IdleTimeouts, SharedTimer, TimeoutKind, Timeouts, Timer, TokioTimer,
};
use tokio::time::Instant;

const SECOND: Duration = Duration::from_secs(1);

fn timeouts(change: impl FnOnce(&mut Timeouts)) -> Timeouts {
    let mut timeouts = Timeouts::none();
    change(&mut timeouts);
    timeouts
}

async fn expired(watch: &mut IdleTimeouts) -> Error {
    poll_fn(|cx| watch.poll_expired(cx)).await
}

#[tokio::test(start_paused = true)]
async fn the_first_event_has_its_own_timeout() {
    let start = Instant::now();
    let timeouts = timeouts(|timeouts| {
        timeouts.first_event = Some(10 * SECOND);
        timeouts.event_idle = Some(SECOND);
    });
    let mut watch = IdleTimeouts::for_events(&timeouts, SharedTimer::new(TokioTimer));
    // Bytes are not an event.
    watch.record_bytes(100);
    let error = expired(&mut watch).await;
    assert_eq!(error.kind(), ErrorKind::Timeout(TimeoutKind::FirstEvent));
    assert_eq!(
        (error.timeout(), error.bytes_received()),
        (Some(10 * SECOND), 100)
    );
    assert_eq!(start.elapsed(), 10 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn the_first_event_starts_the_next_clock_though_it_is_shorter() {
    let start = Instant::now();
    let timeouts = timeouts(|timeouts| {
        timeouts.first_event = Some(300 * SECOND);
        timeouts.event_idle = Some(10 * SECOND);
    });
    let mut watch = IdleTimeouts::for_events(&timeouts, SharedTimer::new(TokioTimer));
    assert!(
        tokio::time::timeout(SECOND, expired(&mut watch))
            .await
            .is_err()
    );
    watch.record_event();
    let error = expired(&mut watch).await;
    assert_eq!(error.kind(), ErrorKind::Timeout(TimeoutKind::EventIdle));
    assert_eq!(start.elapsed(), 11 * SECOND);
}

// The time that a reader takes over a chunk must not count as idle time of the server.
#[tokio::test(start_paused = true)]
async fn the_readers_own_time_is_not_silence() {
    let timeouts = timeouts(|timeouts| timeouts.byte_idle = Some(10 * SECOND));
    let timer = SharedTimer::new(TokioTimer);
    let mut watch = IdleTimeouts::for_bytes(&timeouts, timer.clone(), timer.now());
    assert!(
        tokio::time::timeout(SECOND, expired(&mut watch))
            .await
            .is_err()
    );
    watch.record_bytes(100);
    tokio::time::sleep(60 * SECOND).await;
    let start = Instant::now();
    let error = expired(&mut watch).await;
    assert_eq!(error.kind(), ErrorKind::Timeout(TimeoutKind::ByteIdle));
    assert_eq!(start.elapsed(), 10 * SECOND);
}

// The pending sleep must wake the task that polled last, not the first.
#[tokio::test(start_paused = true)]
async fn a_watch_may_move_to_another_task() {
    let timeouts = timeouts(|timeouts| timeouts.byte_idle = Some(10 * SECOND));
    let timer = SharedTimer::new(TokioTimer);
    let mut watch = IdleTimeouts::for_bytes(&timeouts, timer.clone(), timer.now());
    assert!(
        tokio::time::timeout(SECOND, expired(&mut watch))
            .await
            .is_err()
    );
    let error = tokio::spawn(async move { expired(&mut watch).await })
        .await
        .unwrap();
    assert_eq!(error.kind(), ErrorKind::Timeout(TimeoutKind::ByteIdle));
}

#[tokio::test(start_paused = true)]
async fn keep_alives_do_not_count_as_events_but_as_bytes() {
    let start = Instant::now();
    let mut both = timeouts(|timeouts| {
        timeouts.event_idle = Some(60 * SECOND);
        timeouts.byte_idle = Some(30 * SECOND);
    });
    both.total = None;
    let timer = SharedTimer::new(TokioTimer);
    let mut events = IdleTimeouts::for_events(&both, timer.clone());
    let mut bytes = IdleTimeouts::for_bytes(&both, timer.clone(), timer.now());
    events.record_event();
    // A comment every 25 s keeps `byte_idle` from expiring, but not `event_idle`.
    let error = loop {
        tokio::select! {
            error = expired(&mut events) => break error,
            error = expired(&mut bytes) => panic!("{error}"),
            () = tokio::time::sleep(25 * SECOND) => bytes.record_bytes(14),
        }
    };
    assert_eq!(error.kind(), ErrorKind::Timeout(TimeoutKind::EventIdle));
    assert_eq!(error.events_received(), 1);
    assert_eq!(start.elapsed(), 60 * SECOND);
    // When the comments stop, `byte_idle` expires as well.
    let error = expired(&mut bytes).await;
    assert_eq!(error.kind(), ErrorKind::Timeout(TimeoutKind::ByteIdle));
    assert_eq!(start.elapsed(), 80 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn the_total_counts_from_the_start_whatever_arrives() {
    let timer = SharedTimer::new(TokioTimer);
    let start = timer.now();
    tokio::time::sleep(3 * SECOND).await;
    let timeouts = timeouts(|timeouts| {
        timeouts.total = Some(10 * SECOND);
        timeouts.byte_idle = Some(5 * SECOND);
    });
    let mut watch = IdleTimeouts::for_bytes(&timeouts, timer.clone(), start);
    let error = loop {
        tokio::select! {
            error = expired(&mut watch) => break error,
            () = tokio::time::sleep(SECOND) => watch.record_bytes(1),
        }
    };
    assert_eq!(error.kind(), ErrorKind::Timeout(TimeoutKind::Total));
    assert_eq!(timer.now() - start, 10 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_off_never_runs_out() {
    let mut watch = IdleTimeouts::for_events(&Timeouts::none(), SharedTimer::new(TokioTimer));
    assert!(
        tokio::time::timeout(1_000_000 * SECOND, expired(&mut watch))
            .await
            .is_err()
    );
    let endless = timeouts(|timeouts| timeouts.first_event = Some(Duration::MAX));
    let mut watch = IdleTimeouts::for_events(&endless, SharedTimer::new(TokioTimer));
    assert!(
        tokio::time::timeout(1_000_000 * SECOND, expired(&mut watch))
            .await
            .is_err()
    );
}

#[test]
fn the_defaults_leave_slow_reasoning_alone() {
    let streams = Timeouts::default();
    // Healthy reasoning can be silent for five minutes.
    assert!(
        streams.byte_idle.unwrap() >= 300 * SECOND && streams.event_idle.unwrap() >= 300 * SECOND
    );
    assert!(streams.total.is_none());
    assert_eq!(Timeouts::unary().headers, Some(600 * SECOND));
    let short = Timeouts::default().with_idle(5 * SECOND);
    assert_eq!(
        (short.byte_idle, short.event_idle, short.first_event),
        (Some(5 * SECOND), Some(5 * SECOND), Some(5 * SECOND))
    );
}
