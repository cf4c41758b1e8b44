//! Open WebSockets over tungstenite.

use core::task::{Context, Poll, ready};
use core::time::Duration;
use std::io;
use std::time::Instant;

use bytes::Bytes;
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tungstenite::{Message, Utf8Bytes};

use crate::conn::lingering::Lingering;
use crate::conn::stream::Stream;
use crate::error::{Error, ErrorKind, Phase, Sent};
use crate::timeouts::TimeoutKind;
use crate::timer::{BoxSleep, SharedTimer, Timer};
use crate::ws::connection::Socket;
use crate::ws::framed::Framed;
use crate::ws::options::WsSettings;

pub(crate) struct TungsteniteSocket {
    frames: Framed<Lingering<Stream>>,
    settings: WsSettings,
    send_timeout: Option<Duration>,
    timer: SharedTimer,
    // Bytes read and written, and when each last changed: a long message in progress counts as
    // activity.
    last_read: (u64, Instant),
    last_written: (u64, Instant),
    pinged: Option<Instant>,
    // Whether a pong or a ping may still be unwritten, and since when the peer has read none of it.
    unflushed: bool,
    stalled: Option<(u64, Instant)>,
    receive_sleep: Option<BoxSleep>,
    send_sleep: Option<BoxSleep>,
    closing: bool,
    ended: bool,
}

impl Socket for TungsteniteSocket {
    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Error>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        let result = match self.poll_message(cx) {
            Poll::Pending => Some(Err(ready!(self.poll_liveness(cx)))),
            Poll::Ready(result) => result,
        };
        self.ended = !matches!(result, Some(Ok(_)));
        Poll::Ready(result)
    }

    // Returns ready at once if everything is written.
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.last_written = (self.frames.stream().bytes_written(), self.timer.now());
        self.poll_flush(cx)
    }

    fn start_send(&mut self, text: Bytes) -> Result<(), Error> {
        self.last_written = (self.frames.stream().bytes_written(), self.timer.now());
        let text = Utf8Bytes::try_from(text).map_err(Error::invalid_request)?;
        self.frames
            .start_send(Message::Text(text))
            .map_err(|error| translate(error, Phase::Send))
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        match self.frames.poll_flush(cx) {
            Poll::Pending => self.poll_send_timeout(cx),
            Poll::Ready(result) => {
                Poll::Ready(result.map_err(|error| translate(error, Phase::Send)))
            }
        }
    }

    fn poll_close(&mut self, cx: &mut Context<'_>, code: u16) -> Poll<Result<(), Error>> {
        if !self.closing {
            self.closing = true;
            let frame = CloseFrame {
                code: CloseCode::from(code),
                reason: Utf8Bytes::default(),
            };
            // A failure means that the connection has ended already.
            drop(self.frames.start_send(Message::Close(Some(frame))));
            drop(self.frames.poll_flush(cx));
            self.receive_sleep = Some(self.timer.boxed_sleep(self.settings.close_timeout));
        }
        let mut frames = 0;
        while let Poll::Ready(message) = self.frames.poll_next(cx) {
            frames += 1;
            if message.is_err() {
                return Poll::Ready(Ok(()));
            }
            if frames == FRAMES_AT_A_TIME {
                cx.waker().wake_by_ref();
                break;
            }
        }
        match &mut self.receive_sleep {
            Some(sleep) => sleep.as_mut().poll(cx).map(Ok),
            None => Poll::Ready(Ok(())),
        }
    }
}

impl TungsteniteSocket {
    /// Wraps a stream after the upgrade. `rest` is the bytes that arrived after the response
    /// headers.
    pub(crate) fn new(
        stream: Stream,
        rest: Bytes,
        settings: WsSettings,
        send_timeout: Option<Duration>,
        timer: SharedTimer,
    ) -> Self {
        let config = WebSocketConfig::default()
            .read_buffer_size(settings.read_buffer)
            .max_message_size(Some(settings.max_message))
            // A message may be a single frame.
            .max_frame_size(Some(settings.max_message));
        let stream = Lingering::new(stream);
        let now = timer.now();
        Self {
            frames: Framed::new(stream, rest.to_vec(), Role::Client, config),
            settings,
            send_timeout,
            timer,
            last_read: (0, now),
            last_written: (0, now),
            pinged: None,
            unflushed: false,
            stalled: None,
            receive_sleep: None,
            send_sleep: None,
            closing: false,
            ended: false,
        }
    }

    // Returns the next message. Control frames are not messages: a peer that sends nothing else
    // must not keep the task from checking its timeouts.
    fn poll_message(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Error>>> {
        for _ in 0..FRAMES_AT_A_TIME {
            let message = match ready!(self.frames.poll_next(cx)) {
                Err(error) => return Poll::Ready(Some(Err(translate(error, Phase::Body)))),
                Ok(message) => message,
            };
            if self.pinged.take().is_some() {
                // The current sleep waits for the pong, perhaps longer than until the next ping.
                self.receive_sleep = None;
            }
            match message {
                Message::Text(text) => return Poll::Ready(Some(Ok(text.into()))),
                Message::Binary(bytes) if self.settings.accept_binary => {
                    return Poll::Ready(Some(Ok(bytes)));
                }
                Message::Binary(_) => return Poll::Ready(Some(Err(protocol("a binary message")))),
                // The library sends the pong.
                Message::Ping(_) => self.unflushed = true,
                // Raw frames are returned only while writing.
                Message::Pong(_) | Message::Frame(_) => {}
                Message::Close(frame) => return Poll::Ready(closed(frame)),
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    // Returns pending while the connection may be alive. Sends pings when they are due.
    fn poll_liveness(&mut self, cx: &mut Context<'_>) -> Poll<Error> {
        loop {
            let now = self.timer.now();
            if let Err(error) = self.flush_control_frames(cx, now) {
                return Poll::Ready(error);
            }
            if let Some(sleep) = &mut self.receive_sleep {
                ready!(sleep.as_mut().poll(cx));
                self.receive_sleep = None;
            }
            let now = self.timer.now();
            if let Some(rest) = self.until_stalled_too_long(now) {
                match rest {
                    Ok(rest) => self.sleep_for(rest),
                    Err(error) => return Poll::Ready(error),
                }
            }
            let Some(interval) = self.settings.ping_interval else {
                if self.receive_sleep.is_some() {
                    continue;
                }
                return Poll::Pending;
            };
            let read = self.frames.stream().bytes_read();
            if read != self.last_read.0 {
                self.last_read = (read, now);
                self.pinged = None;
            }
            let (since, period) = match (self.pinged, self.settings.pong_timeout) {
                (None, _) => (self.last_read.1, interval),
                (Some(pinged), Some(timeout)) => (pinged, timeout),
                // Without a pong timeout, the next ping is due as if the pong had arrived.
                (Some(pinged), None) => (pinged, interval),
            };
            let elapsed = now.saturating_duration_since(since);
            if elapsed < period {
                self.sleep_for(period - elapsed);
                continue;
            }
            if self.pinged.is_some() && self.settings.pong_timeout.is_some() {
                return Poll::Ready(pong_timeout(period));
            }
            self.pinged = Some(now);
            match self.frames.start_send(Message::Ping(Bytes::new())) {
                // The buffer is full of pongs that the peer does not read, for which a timeout is
                // already running.
                Ok(()) | Err(tungstenite::Error::WriteBufferFull(_)) => self.unflushed = true,
                Err(error) => return Poll::Ready(translate(error, Phase::Body)),
            }
        }
    }

    fn sleep_for(&mut self, period: Duration) {
        if self.receive_sleep.is_none() {
            self.receive_sleep = Some(self.timer.boxed_sleep(period));
        }
    }

    // Writes pongs and pings, and records whether the peer reads them.
    fn flush_control_frames(&mut self, cx: &mut Context<'_>, now: Instant) -> Result<(), Error> {
        if !self.unflushed {
            return Ok(());
        }
        match self.frames.poll_flush(cx) {
            Poll::Ready(Ok(())) => {
                self.unflushed = false;
                self.stalled = None;
            }
            Poll::Ready(Err(error)) => return Err(translate(error, Phase::Body)),
            Poll::Pending => {
                let written = self.frames.stream().bytes_written();
                if self.stalled.is_none() {
                    // This timeout may expire before the current sleep ends.
                    self.receive_sleep = None;
                }
                if self.stalled.is_none_or(|(before, _)| before != written) {
                    self.stalled = Some((written, now));
                }
            }
        }
        Ok(())
    }

    // Returns how long the peer may still leave everything unread, or the error that it has
    // exceeded this time.
    fn until_stalled_too_long(&self, now: Instant) -> Option<Result<Duration, Error>> {
        let (_, since) = self.stalled?;
        let period = self.settings.pong_timeout.or(self.send_timeout)?;
        let elapsed = now.saturating_duration_since(since);
        Some(if elapsed < period {
            Ok(period - elapsed)
        } else {
            Err(pong_timeout(period))
        })
    }

    // Writing has its own timeout, since no pong is read while a message is sent.
    fn poll_send_timeout(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let Some(period) = self.send_timeout else {
            return Poll::Pending;
        };
        loop {
            if let Some(sleep) = &mut self.send_sleep {
                ready!(sleep.as_mut().poll(cx));
                self.send_sleep = None;
            }
            let now = self.timer.now();
            let written = self.frames.stream().bytes_written();
            if written != self.last_written.0 {
                self.last_written = (written, now);
            }
            let elapsed = now.saturating_duration_since(self.last_written.1);
            if elapsed >= period {
                let error = Error::new(
                    ErrorKind::Timeout(TimeoutKind::ByteIdle),
                    Phase::Send,
                    Sent::Maybe,
                )
                .with_timeout(period);
                return Poll::Ready(Err(error));
            }
            self.send_sleep = Some(self.timer.boxed_sleep(period - elapsed));
        }
    }
}

// RFC 6455 section 7.1.5: a close frame without a code counts as 1005.
fn closed(frame: Option<CloseFrame>) -> Option<Result<Bytes, Error>> {
    let code = frame.map_or(1005, |frame| u16::from(frame.code));
    (code != 1000)
        .then(|| Err(Error::new(ErrorKind::Closed, Phase::Body, Sent::Maybe).with_close_code(code)))
}

fn pong_timeout(period: Duration) -> Error {
    Error::new(
        ErrorKind::Timeout(TimeoutKind::Pong),
        Phase::Body,
        Sent::Maybe,
    )
    .with_timeout(period)
}

fn protocol(reason: &'static str) -> Error {
    Error::new(ErrorKind::Protocol, Phase::Body, Sent::Maybe).with_source(reason)
}

fn translate(error: tungstenite::Error, phase: Phase) -> Error {
    use tungstenite::error::ProtocolError;
    let kind = match &error {
        tungstenite::Error::ConnectionClosed
        | tungstenite::Error::AlreadyClosed
        | tungstenite::Error::Protocol(
            ProtocolError::ResetWithoutClosingHandshake | ProtocolError::SendAfterClosing,
        ) => ErrorKind::Truncated,
        tungstenite::Error::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            ErrorKind::Truncated
        }
        tungstenite::Error::Io(_) | tungstenite::Error::Tls(_) => ErrorKind::ConnectionLost,
        tungstenite::Error::Capacity(_) | tungstenite::Error::WriteBufferFull(_) => {
            ErrorKind::TooLarge
        }
        _ => ErrorKind::Protocol,
    };
    // The library's error would contain the message that did not fit; errors contain no payload.
    match error {
        tungstenite::Error::WriteBufferFull(_) => Error::new(kind, phase, Sent::Maybe),
        error => Error::new(kind, phase, Sent::Maybe).with_source(error),
    }
}

// After this many frames without a message, the task yields to other tasks and checks its own
// timeouts.
const FRAMES_AT_A_TIME: usize = 64;
