//! The server's end of a connection, with a handle through which a script can end it.

use core::pin::Pin;
use core::task::{Context, Poll, Waker};
use core::time::Duration;
use std::io;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::TcpStream;

use crate::lock::lock;
use crate::testing::answer::Cut;

/// A reset discards data that was written and not yet acknowledged. Receivers acknowledge within 40
/// ms.
pub(super) const ACKNOWLEDGED: Duration = Duration::from_millis(60);

// How long to keep reading from a client that does not close after the server.
const LINGER_TIMEOUT: Duration = Duration::from_secs(5);

/// A connection that a [`Control`] can end.
pub(super) struct ServerIo {
    // `None` once this is dropped.
    stream: Option<TcpStream>,
    control: Arc<Control>,
}

/// The state of a connection, and the command to end it.
#[derive(Default)]
pub(super) struct Control(Mutex<State>);

#[derive(Default)]
struct State {
    // Bytes passed to the server's HTTP implementation, and bytes that were written and flushed.
    expected: u64,
    written: u64,
    flushed: u64,
    flushes: u64,
    // How many more bytes may be written, and the cut that follows.
    limit: Option<(u64, Cut)>,
    cut: Option<Cut>,
    // The tasks that wait for a flush, to read and to write.
    flush_waiters: Vec<Waker>,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

impl Control {
    /// Records that the script sends this many bytes.
    pub(super) fn expect(&self, bytes: usize) {
        lock(&self.0).expected += bytes as u64;
    }

    /// Returns the number of bytes that must be written until everything sent so far is on the
    /// wire.
    pub(super) fn expected(&self) -> u64 {
        lock(&self.0).expected
    }

    pub(super) fn poll_flushed(&self, bytes: u64, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = lock(&self.0);
        if state.flushed >= bytes || state.cut.is_some() {
            return Poll::Ready(());
        }
        state.flush_waiters.push(cx.waker().clone());
        Poll::Pending
    }

    /// Returns how many times everything written was flushed.
    pub(super) fn flushes(&self) -> u64 {
        lock(&self.0).flushes
    }

    /// Waits for one more flush.
    pub(super) fn poll_flushes(&self, before: u64, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = lock(&self.0);
        if state.flushes > before || state.cut.is_some() {
            return Poll::Ready(());
        }
        state.flush_waiters.push(cx.waker().clone());
        Poll::Pending
    }

    /// Allows this many more bytes, and then cuts.
    pub(super) fn limit(&self, bytes: u64, cut: Cut) {
        lock(&self.0).limit = Some((bytes, cut));
        if bytes == 0 && cut != Cut::Stall {
            self.kill(cut);
        }
    }

    /// Ends the connection; before a reset, waits until everything written has arrived.
    pub(super) fn kill_when_acknowledged(self: &Arc<Self>, cut: Cut) {
        if cut != Cut::Reset {
            return self.kill(cut);
        }
        let control = self.clone();
        tokio::spawn(async move {
            tokio::time::sleep(ACKNOWLEDGED).await;
            control.kill(cut);
        });
    }

    /// Ends the connection now.
    pub(super) fn kill(&self, cut: Cut) {
        let mut state = lock(&self.0);
        state.cut = Some(cut);
        let mut wakers = core::mem::take(&mut state.flush_waiters);
        wakers.extend(state.reader.take());
        wakers.extend(state.writer.take());
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
    }
}

impl ServerIo {
    pub(super) fn new(stream: TcpStream) -> (Self, Arc<Control>) {
        let control = Arc::new(Control::default());
        (
            Self {
                stream: Some(stream),
                control: control.clone(),
            },
            control,
        )
    }

    fn stream(&mut self) -> io::Result<Pin<&mut TcpStream>> {
        match (lock(&self.control.0).cut, &mut self.stream) {
            (None, Some(stream)) => Ok(Pin::new(stream)),
            _ => Err(io::ErrorKind::ConnectionAborted.into()),
        }
    }
}

impl Drop for ServerIo {
    fn drop(&mut self) {
        let Some(stream) = self.stream.take() else {
            return;
        };
        match lock(&self.control.0).cut {
            // With a linger time of zero, closing sends RST. A connection that has already ended
            // needs none.
            Some(Cut::Reset) => drop(stream.set_zero_linger()),
            Some(Cut::Close) => {
                if let Ok(runtime) = tokio::runtime::Handle::try_current() {
                    runtime.spawn(close(stream));
                }
            }
            _ => {}
        }
    }
}

// If data is unread, or arrives later, closing makes the system send RST instead of FIN. Clients of
// HTTP/2 and WebSocket write at any time, so the server reads until they close as well.
async fn close(mut stream: TcpStream) {
    let drained = async {
        let mut buffer = [0; 1024];
        stream.shutdown().await?;
        while stream.read(&mut buffer).await? > 0 {}
        io::Result::Ok(())
    };
    // Any outcome ends the connection.
    drop(tokio::time::timeout(LINGER_TIMEOUT, drained).await);
}

impl AsyncRead for ServerIo {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let polled = this.stream()?.poll_read(cx, buffer);
        if polled.is_pending() {
            lock(&this.control.0).reader = Some(cx.waker().clone());
        }
        polled
    }
}

impl AsyncWrite for ServerIo {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.stream()?;
        let limit = lock(&this.control.0).limit;
        let allowed = match limit {
            None => bytes,
            // Discard the bytes: the server continues as if they had been sent.
            Some((0, _)) => return Poll::Ready(Ok(bytes.len())),
            Some((left, _)) => {
                &bytes[..bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX))]
            }
        };
        let polled = this.stream()?.poll_write(cx, allowed);
        let mut state = lock(&this.control.0);
        match polled {
            Poll::Ready(Ok(count)) => {
                state.written += count as u64;
                if let Some((left, cut)) = &mut state.limit {
                    *left -= count as u64;
                    if *left == 0 && *cut != Cut::Stall {
                        let cut = *cut;
                        drop(state);
                        this.control.kill_when_acknowledged(cut);
                    }
                }
            }
            Poll::Ready(Err(_)) => {}
            Poll::Pending => state.writer = Some(cx.waker().clone()),
        }
        polled
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let polled = this.stream()?.poll_flush(cx);
        if polled.is_ready() {
            let mut state = lock(&this.control.0);
            state.flushed = state.written;
            state.flushes += 1;
            let waiters = core::mem::take(&mut state.flush_waiters);
            drop(state);
            waiters.into_iter().for_each(Waker::wake);
        }
        polled
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().stream()?.poll_shutdown(cx)
    }
}
