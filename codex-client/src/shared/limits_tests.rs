//! Tests of the known limits. They are not in its file, because `tests/limits_model.rs` compiles
//! that with another lock.

use core::pin::Pin;
use core::sync::atomic::{AtomicU32, Ordering};
use core::task::{Context, Poll, Waker};
use std::sync::Arc;
use std::task::Wake;

use codex_types::RateLimits;
use futures_core::Stream as _;

use super::limits::{KnownLimits, RateLimitWatch};

#[derive(Default)]
struct Counted(AtomicU32);

impl Counted {
    fn wakes(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Wake for Counted {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn used(percent: &str) -> RateLimits {
    RateLimits::from_headers([("x-codex-primary-used-percent", percent)])
}

fn poll(watch: &mut RateLimitWatch, waker: &Waker) -> Poll<Option<RateLimits>> {
    Pin::new(watch).poll_next(&mut Context::from_waker(waker))
}

#[test]
fn who_waits_is_woken_once_for_each_change() {
    let known = KnownLimits::default();
    let mut watch = known.watch();
    let counted = Arc::new(Counted::default());
    let waker = Waker::from(counted.clone());
    let before = Arc::strong_count(&counted);
    assert!(poll(&mut watch, &waker).is_pending());
    assert!(poll(&mut watch, &waker).is_pending());
    assert_eq!(
        Arc::strong_count(&counted),
        before + 1,
        "a watch waits once"
    );
    known.update(RateLimits::default());
    assert_eq!(counted.wakes(), 0, "nothing was reported");
    known.update(used("10"));
    known.update(used("10"));
    known.update(used("20"));
    assert_eq!(counted.wakes(), 1);
    assert_eq!(poll(&mut watch, &waker), Poll::Ready(Some(used("20"))));
    assert!(poll(&mut watch, &waker).is_pending());
}

#[test]
fn limits_do_not_grow_without_end() {
    let known = KnownLimits::default();
    for number in 0..1_000 {
        let name = format!("x-{number}-primary-used-percent");
        known.update(RateLimits::from_headers([(name.as_str(), "1")]));
        assert!(known.watch().current().limits.len() <= 64);
    }
    let newest = known.watch().current();
    assert!(newest.limit("999").is_some());
}

#[test]
fn a_watch_that_goes_away_waits_no_longer() {
    let known = KnownLimits::default();
    let mut watch = known.watch();
    let mut other = watch.clone();
    let counted = Arc::new(Counted::default());
    let waker = Waker::from(counted.clone());
    let before = Arc::strong_count(&counted);
    assert!(poll(&mut watch, &waker).is_pending());
    assert!(poll(&mut other, &waker).is_pending());
    drop(watch);
    assert_eq!(Arc::strong_count(&counted), before + 1);
    known.update(used("10"));
    assert!(poll(&mut known.watch(), &waker).is_pending());
    assert!(poll(&mut other.clone(), &waker).is_ready());
    assert_eq!(other.current(), used("10"));
}
