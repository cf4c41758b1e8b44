//! Tests of a flight. They are not in its file, which `tests/flight_model.rs` compiles with another
//! lock.

use core::future::Future;
use core::pin::Pin;
use core::sync::atomic::{AtomicUsize, Ordering};
use core::task::{Context, Poll, Waker};
use std::sync::{Arc, Mutex};
use std::task::Wake;

use super::flight::{Flight, Join};

#[derive(Default)]
struct Count(AtomicUsize);
impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// A future that is ready once the gate is open.
struct Gate(Shutter);

/// Whether the gate is open, and the waker of the waiting task.
type Shutter = Arc<Mutex<(bool, Option<Waker>)>>;
impl Future for Gate {
    type Output = u8;
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<u8> {
        let mut gate = self.0.lock().unwrap();
        if gate.0 {
            return Poll::Ready(7);
        }
        gate.1 = Some(cx.waker().clone());
        Poll::Pending
    }
}

fn gated() -> (Flight<u8>, Shutter) {
    let gate = Arc::new(Mutex::new((false, None)));
    (Flight::new(Box::pin(Gate(Arc::clone(&gate))), 0), gate)
}

fn open(gate: &Mutex<(bool, Option<Waker>)>) {
    let waker = {
        let mut gate = gate.lock().unwrap();
        gate.0 = true;
        gate.1.take()
    };
    waker.into_iter().for_each(Waker::wake);
}

fn poll<T: Clone + Send + 'static>(join: &mut Join<T>, count: &Arc<Count>) -> Poll<T> {
    Pin::new(join).poll(&mut Context::from_waker(&Waker::from(Arc::clone(count))))
}

#[test]
fn everybody_gets_the_result() {
    let (flight, gate) = gated();
    let (mut one, mut two) = (flight.join(), flight.join());
    let (first, second) = (Arc::new(Count::default()), Arc::new(Count::default()));
    assert!(poll(&mut one, &first).is_pending() && poll(&mut two, &second).is_pending());
    open(&gate);
    assert_eq!(
        (
            first.0.load(Ordering::SeqCst),
            second.0.load(Ordering::SeqCst)
        ),
        (1, 1)
    );
    assert_eq!(poll(&mut two, &second), Poll::Ready(7));
    assert_eq!(poll(&mut one, &first), Poll::Ready(7));
    assert!(flight.is_done());
}

#[test]
fn the_driver_may_be_dropped_and_another_drives_on() {
    let (flight, gate) = gated();
    let (mut one, mut two) = (flight.join(), flight.join());
    let count = Arc::new(Count::default());
    assert!(poll(&mut two, &count).is_pending() && poll(&mut one, &Arc::default()).is_pending());
    drop(one);
    open(&gate);
    assert_eq!(
        count.0.load(Ordering::SeqCst),
        1,
        "the remaining waiter is woken"
    );
    assert_eq!(poll(&mut two, &count), Poll::Ready(7));
}

#[test]
fn all_waiters_may_be_dropped_and_a_later_one_drives_on() {
    let (flight, gate) = gated();
    let mut one = flight.join();
    assert!(poll(&mut one, &Arc::default()).is_pending());
    drop(one);
    open(&gate);
    assert_eq!(poll(&mut flight.join(), &Arc::default()), Poll::Ready(7));
}

#[test]
fn a_wake_during_the_poll_is_not_lost() {
    let mut turns = 0;
    let busy = core::future::poll_fn(move |cx: &mut Context<'_>| {
        turns += 1;
        cx.waker().wake_by_ref();
        if turns == 3 {
            Poll::Ready(turns)
        } else {
            Poll::Pending
        }
    });
    let flight = Flight::new(Box::pin(busy), 0);
    assert_eq!(poll(&mut flight.join(), &Arc::default()), Poll::Ready(3));
}

#[test]
fn a_panic_ends_the_waiting_of_the_others() {
    let flight = Flight::new(Box::pin(async { panic!("invented") }), 9_u8);
    let mut one = flight.join();
    let caught = std::panic::catch_unwind(core::panic::AssertUnwindSafe(|| {
        poll(&mut one, &Arc::default())
    }));
    assert!(caught.is_err());
    assert_eq!(poll(&mut flight.join(), &Arc::default()), Poll::Ready(9));
}
