//! A model check of the known limits and their watches: their own source, compiled here with a lock
//! whose operations `shuttle` interleaves at random.
//!
//! A watch misses no change: when the changes have ended, each watch that waits has returned the
//! last limits, and never the same limits twice in a row.
//!
//! `CODEX_CLIENT_SCHEDULES` is the number of schedules of each test, 1000 by default.
#![cfg(test)]
#![expect(
    dead_code,
    unreachable_pub,
    reason = "the modules are compiled whole, and their public types are not public here"
)]

#[path = "../src/shared/limits.rs"]
mod limits;
#[path = "../src/lock.rs"]
mod lock;

/// What the limits import, in the place from which they do.
mod sync {
    pub(crate) use shuttle::sync::{Mutex, MutexGuard};
}

use codex_client::types::RateLimits;
use shuttle::{check_random, future, thread};

use limits::{KnownLimits, RateLimitWatch};

fn schedules() -> usize {
    let given = std::env::var("CODEX_CLIENT_SCHEDULES").ok();
    given.and_then(|text| text.parse().ok()).unwrap_or(1000)
}

fn used(percent: &str) -> RateLimits {
    RateLimits::from_headers([("x-codex-primary-used-percent", percent)])
}

/// Returns the number of changes up to the last one.
fn watch_until(mut watch: RateLimitWatch, last: &RateLimits) -> usize {
    future::block_on(async {
        let mut changes = 0;
        let mut before = None;
        loop {
            let limits = watch.changed().await;
            changes += 1;
            if limits == *last {
                return changes;
            }
            assert_ne!(before.as_ref(), Some(&limits), "the same limits twice");
            before = Some(limits);
        }
    })
}

#[test]
fn every_watch_returns_the_last_limits() {
    check_random(
        || {
            let known = KnownLimits::default();
            let watching: Vec<_> = (0..2)
                .map(|_| {
                    let watch = known.watch();
                    thread::spawn(move || watch_until(watch, &used("100")))
                })
                .collect();
            // A watch that leaves takes no other's place.
            let leaving = {
                let watch = known.watch();
                thread::spawn(move || {
                    let mut copy = watch.clone();
                    drop(watch);
                    future::block_on(copy.changed())
                })
            };
            let changing: Vec<_> = ["10", "20"]
                .map(|percent| {
                    let known = known.clone();
                    thread::spawn(move || known.update(used(percent)))
                })
                .into();
            for task in changing {
                task.join().unwrap();
            }
            known.update(used("100"));
            for task in watching {
                let changes = task.join().unwrap();
                assert!((1..=3).contains(&changes), "{changes} changes");
            }
            assert!(!leaving.join().unwrap().is_empty());
            assert_eq!(known.watch().current(), used("100"));
        },
        schedules(),
    );
}
