//! The wrapper that polls a value only after it has woken its task.

#[path = "../../examples/gateway/woken.rs"]
mod implementation;

use core::future::{Future as _, poll_fn};
use core::pin::Pin;
use core::sync::atomic::{AtomicUsize, Ordering};
use core::task::{Context, Poll, Waker};
use std::sync::{Arc, Mutex};

use implementation::Woken;

#[test]
fn a_value_is_polled_again_only_after_it_has_woken_its_task() {
    let mut polls = 0;
    let mut waker = None;
    let mut woken = Woken::new(());
    let mut poll = |is_ready: bool, waker: &mut Option<Waker>, polls: &mut u32| {
        let cx = &mut Context::from_waker(Waker::noop());
        woken.poll_with(cx, |(), cx| {
            *polls += 1;
            *waker = Some(cx.waker().clone());
            if is_ready {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
    };
    assert!(poll(false, &mut waker, &mut polls).is_pending());
    assert!(poll(false, &mut waker, &mut polls).is_pending());
    assert_eq!(polls, 1);
    waker.take().unwrap().wake();
    assert!(poll(true, &mut waker, &mut polls).is_ready());
    assert_eq!(polls, 2);
    // The next value may already be there.
    assert!(poll(false, &mut waker, &mut polls).is_pending());
    assert_eq!(polls, 3);
    assert_eq!(*woken.get(), ());
}

#[test]
fn no_wake_up_of_another_thread_is_lost() {
    const ROUNDS: usize = 20_000;
    let (sent, waiting) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(None)));
    let sender = std::thread::spawn({
        let (sent, waiting) = (sent.clone(), waiting.clone());
        move || {
            for _ in 0..ROUNDS {
                sent.fetch_add(1, Ordering::SeqCst);
                if let Some(waker) = waiting.lock().unwrap().take() {
                    Waker::wake(waker);
                }
                if sent.load(Ordering::SeqCst).is_multiple_of(7) {
                    std::thread::yield_now();
                }
            }
        }
    });
    let mut received = 0;
    let all = poll_fn(move |cx: &mut Context<'_>| {
        loop {
            *waiting.lock().unwrap() = Some(cx.waker().clone());
            match sent.load(Ordering::SeqCst) {
                ROUNDS => return Poll::Ready(()),
                same if same == received => return Poll::Pending,
                more => received = more,
            }
        }
    });
    let mut all = Woken::new(Box::pin(all));
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    // A lost wake-up would stop it forever.
    runtime
        .unwrap()
        .block_on(poll_fn(|cx| Pin::new(&mut all).poll(cx)));
    sender.join().unwrap();
}
