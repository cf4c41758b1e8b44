//! A model check of a flight, the one refresh that many tasks wait for: its own source, compiled
//! here with a lock whose operations `shuttle` interleaves at random.
//!
//! The refresh is polled by one task at a time and ends once, and every task that keeps waiting
//! receives its result, whichever others leave.
//!
//! `CODEX_AUTH_SCHEDULES` is the number of schedules of each test, 1000 by default.
#![cfg(test)]

#[path = "../src/oauth/flight.rs"]
mod flight;
#[path = "../src/lock.rs"]
mod lock;

/// What the flight imports, in the place from which it does.
mod sync {
    pub(crate) use shuttle::sync::{Mutex, MutexGuard};
}

use core::future::Future;
use core::pin::{Pin, pin};
use core::task::{Context, Poll, Waker};
use std::sync::Arc;

use shuttle::rand::Rng as _;
use shuttle::sync::Mutex;
use shuttle::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use shuttle::{check_random, future, rand, thread};

use flight::Flight;

const RESULT: u8 = 7;

fn schedules() -> usize {
    let given = std::env::var("CODEX_AUTH_SCHEDULES").ok();
    given.and_then(|text| text.parse().ok()).unwrap_or(1000)
}

/// The observations of a refresh.
#[derive(Default)]
struct Record {
    is_polled: AtomicBool,
    ended: AtomicUsize,
    dropped: AtomicUsize,
}

/// Whether the response has arrived, and the waker of the refresh.
type Response = Arc<Mutex<(bool, Option<Waker>)>>;

/// A refresh that waits for a response.
struct Refresh {
    response: Response,
    record: Arc<Record>,
}

impl Future for Refresh {
    type Output = u8;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<u8> {
        let was_polled = self.record.is_polled.swap(true, Ordering::SeqCst);
        assert!(!was_polled, "two tasks poll the refresh");
        let has_arrived = {
            let mut response = self.response.lock().unwrap();
            response.1 = Some(cx.waker().clone());
            response.0
        };
        self.record.is_polled.store(false, Ordering::SeqCst);
        if !has_arrived {
            return Poll::Pending;
        }
        self.record.ended.fetch_add(1, Ordering::SeqCst);
        Poll::Ready(RESULT)
    }
}

impl Drop for Refresh {
    fn drop(&mut self) {
        self.record.dropped.fetch_add(1, Ordering::SeqCst);
    }
}

fn refresh() -> (Flight<u8>, Response, Arc<Record>) {
    let (response, record) = (Response::default(), Arc::<Record>::default());
    let refresh = Refresh {
        response: response.clone(),
        record: record.clone(),
    };
    (Flight::new(Box::pin(refresh), 0), response, record)
}

fn arrive(response: &Response) {
    let waker = {
        let mut response = response.lock().unwrap();
        response.0 = true;
        response.1.take()
    };
    if let Some(waker) = waker {
        waker.wake();
    }
}

/// Polls a future up to `polls` times, and drops it if it is still pending.
async fn leave_after(future: impl Future<Output = u8>, polls: u32) -> Option<u8> {
    let mut future = pin!(future);
    let mut left = polls;
    core::future::poll_fn(|cx| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        match future.as_mut().poll(cx) {
            Poll::Ready(value) => Poll::Ready(Some(value)),
            Poll::Pending => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
        }
    })
    .await
}

/// Starts tasks that join, poll a few times and leave.
fn start_leaving(count: usize, flight: &Flight<u8>) -> Vec<thread::JoinHandle<Option<u8>>> {
    let start = |_| {
        let flight = flight.clone();
        let polls = rand::thread_rng().gen_range(0..3);
        thread::spawn(move || future::block_on(leave_after(flight.join(), polls)))
    };
    (0..count).map(start).collect()
}

#[test]
fn every_task_that_waits_receives_the_result() {
    check_random(
        || {
            let (flight, response, record) = refresh();
            let waiting: Vec<_> = (0..2)
                .map(|_| {
                    let flight = flight.clone();
                    thread::spawn(move || future::block_on(flight.join()))
                })
                .collect();
            let leaving = start_leaving(2, &flight);
            let answering = thread::spawn(move || arrive(&response));

            for task in waiting {
                assert_eq!(task.join().unwrap(), RESULT);
            }
            for task in leaving {
                let result = task.join().unwrap();
                assert!(result.is_none_or(|result| result == RESULT));
            }
            answering.join().unwrap();
            assert!(flight.is_done());
            assert_eq!(future::block_on(flight.join()), RESULT);
            assert_eq!(record.ended.load(Ordering::SeqCst), 1);
            assert_eq!(record.dropped.load(Ordering::SeqCst), 1);
        },
        schedules(),
    );
}

#[test]
fn a_refresh_that_all_have_left_waits_for_the_next_task() {
    check_random(
        || {
            let (flight, response, record) = refresh();
            let leaving = start_leaving(3, &flight);
            let answering = thread::spawn(move || arrive(&response));
            for task in leaving {
                task.join().unwrap();
            }
            answering.join().unwrap();
            assert_eq!(future::block_on(flight.join()), RESULT);
            assert_eq!(record.ended.load(Ordering::SeqCst), 1);
        },
        schedules(),
    );
}

#[test]
fn an_abandoned_refresh_is_dropped_unless_a_task_waits() {
    check_random(
        || {
            let (flight, response, record) = refresh();
            let join = flight.join();
            let abandoning = {
                let flight = flight.clone();
                thread::spawn(move || flight.abandon())
            };
            let stays = rand::thread_rng().gen_bool(0.5);
            let waiting = thread::spawn(move || match stays {
                true => Some(future::block_on(join)),
                false => {
                    drop(join);
                    None
                }
            });
            arrive(&response);
            abandoning.join().unwrap();
            let result = waiting.join().unwrap();
            assert_eq!(result, stays.then_some(RESULT));
            drop(flight);
            drop(response);
            assert_eq!(record.dropped.load(Ordering::SeqCst), 1);
        },
        schedules(),
    );
}
