use core::future::{Future, poll_fn};
use core::pin::pin;
use core::task::Poll;
use core::time::Duration;

use gloo_timers::future::TimeoutFuture;
use send_wrapper::SendWrapper;

use crate::error::Error;
use crate::timer::{Instant, Timer};

/// The timer of the JavaScript host: `setTimeout` and `performance.now`.
///
/// A browser may delay the timers of a page in the background, to once a second or once a minute.
#[derive(Clone, Copy, Debug, Default)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a unit struct, named where it is used"
)]
pub struct WebTimer;

impl Timer for WebTimer {
    fn sleep(&self, period: Duration) -> impl Future<Output = ()> + Send + 'static {
        SendWrapper::new(async move {
            let started = Instant::now();
            // A browser may end a timeout early by the precision of its clock, and has a maximum.
            while let Some(rest) = period
                .checked_sub(started.elapsed())
                .filter(|rest| !rest.is_zero())
            {
                let milliseconds = rest.as_nanos().div_ceil(1_000_000);
                TimeoutFuture::new(
                    u32::try_from(milliseconds).map_or(LONGEST, |it| it.min(LONGEST)),
                )
                .await;
            }
        })
    }

    fn now(&self) -> Instant {
        Instant::now()
    }
}

/// Awaits the future for at most the period, and then returns `expired`.
pub(super) async fn within<T>(
    period: Duration,
    future: impl Future<Output = Result<T, Error>>,
    expired: Error,
) -> Result<T, Error> {
    let (mut future, mut sleep) = (pin!(future), pin!(WebTimer.sleep(period)));
    let mut expired = Some(expired.with_timeout(period));
    poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Pending => match (sleep.as_mut().poll(cx), expired.take()) {
            (Poll::Ready(()), Some(error)) => Poll::Ready(Err(error)),
            (_, error) => {
                expired = error;
                Poll::Pending
            }
        },
        ready => ready,
    })
    .await
}

/// The longest timeout in milliseconds: hosts store it in 32 bits with a sign.
const LONGEST: u32 = i32::MAX as u32;
