//! The server's end of a connection, with a handle by which a script can end it.

use core::pin::Pin;
use core::task::{Context, Poll, Waker};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::Cut;

/// A connection whose end can be ordered from elsewhere.
pub(super) struct ServerIo {
    stream: TcpStream,
    control: Arc<Control>,
}

/// What is known about a connection, and the order to end it.
#[derive(Default)]
pub(super) struct Control(Mutex<State>);

#[derive(Default)]
struct State {
    // Bytes handed to the server's HTTP machinery, and bytes that went out and were flushed.
    expected: u64,
    written: u64,
    flushed: u64,
    cut: Option<Cut>,
    // Whoever waits for a flush, and whoever reads and writes.
    flush_waiter: Option<Waker>,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

impl Control {
    /// The script hands out so many bytes.
    pub(super) fn expect(&self, bytes: usize) {
        self.lock().expected += bytes as u64;
    }

    /// What must have been written before everything handed out so far can be on the wire.
    pub(super) fn expected(&self) -> u64 {
        self.lock().expected
    }

    pub(super) fn poll_flushed(&self, bytes: u64, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.lock();
        if state.flushed >= bytes || state.cut.is_some() {
            return Poll::Ready(());
        }
        state.flush_waiter = Some(cx.waker().clone());
        Poll::Pending
    }

    pub(super) fn kill(&self, cut: Cut) {
        let mut state = self.lock();
        state.cut = Some(cut);
        let wakers = [
            state.reader.take(),
            state.writer.take(),
            state.flush_waiter.take(),
        ];
        drop(state);
        wakers.into_iter().flatten().for_each(Waker::wake);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ServerIo {
    pub(super) fn new(stream: TcpStream) -> (Self, Arc<Control>) {
        let control = Arc::new(Control::default());
        (
            Self {
                stream,
                control: control.clone(),
            },
            control,
        )
    }

    fn check(&self) -> io::Result<()> {
        match self.control.lock().cut {
            None => Ok(()),
            Some(_) => Err(io::ErrorKind::ConnectionAborted.into()),
        }
    }
}

impl Drop for ServerIo {
    fn drop(&mut self) {
        if self.control.lock().cut == Some(Cut::Reset) {
            // With no time to linger, closing sends RST. A connection that is gone already needs none.
            drop(self.stream.set_zero_linger());
        }
    }
}

impl AsyncRead for ServerIo {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.check()?;
        let polled = Pin::new(&mut this.stream).poll_read(cx, buffer);
        if polled.is_pending() {
            this.control.lock().reader = Some(cx.waker().clone());
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
        this.check()?;
        let polled = Pin::new(&mut this.stream).poll_write(cx, bytes);
        match polled {
            Poll::Ready(Ok(count)) => this.control.lock().written += count as u64,
            Poll::Ready(Err(_)) => {}
            Poll::Pending => this.control.lock().writer = Some(cx.waker().clone()),
        }
        polled
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.check()?;
        let polled = Pin::new(&mut this.stream).poll_flush(cx);
        if polled.is_ready() {
            let mut state = this.control.lock();
            state.flushed = state.written;
            let waiter = state.flush_waiter.take();
            drop(state);
            waiter.into_iter().for_each(Waker::wake);
        }
        polled
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.check()?;
        Pin::new(&mut this.stream).poll_shutdown(cx)
    }
}
