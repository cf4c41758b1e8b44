// Waiting for several futures at once, in this task. A handful of calls is not worth an executor's set of futures: each is polled whenever any
// of them wakes, which a response with as many calls as a model writes does not notice.

use core::future::{Future, poll_fn};
use core::pin::Pin;
use core::task::Poll;

/// Waits until all are done.
pub(super) async fn all<F: Future<Output = ()>>(futures: Vec<F>) {
    let mut left: Vec<Pin<Box<F>>> = futures.into_iter().map(Box::pin).collect();
    poll_fn(|context| {
        left.retain_mut(|future| future.as_mut().poll(context).is_pending());
        if left.is_empty() {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
}
