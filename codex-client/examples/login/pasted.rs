//! Reads the lines that the user pastes.

use core::pin::Pin;
use core::task::{Context, Poll};

use codex_auth::Secret;
use futures_core::Stream;
use tokio::sync::mpsc;

/// Returns the lines of standard input. A dedicated thread reads them, because reading from a
/// terminal cannot be cancelled: the thread ends with the program, where a task would keep the
/// runtime from ending.
pub(crate) fn lines() -> impl Stream<Item = Secret> + Send {
    let (sender, receiver) = mpsc::channel(1);
    std::thread::spawn(move || {
        for line in std::io::stdin().lines().map_while(Result::ok) {
            if !line.trim().is_empty() && sender.blocking_send(Secret::from(line)).is_err() {
                break;
            }
        }
    });
    Lines(receiver)
}

struct Lines(mpsc::Receiver<Secret>);

impl Stream for Lines {
    type Item = Secret;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Secret>> {
        self.0.poll_recv(cx)
    }
}
