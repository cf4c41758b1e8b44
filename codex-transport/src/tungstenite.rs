//! WebSocket over tungstenite, on the same connector as HTTP. The upgrade itself is one HTTP/1.1 exchange by hyper, so that a
//! refusal is a whole response, whatever its body's coding and length.

use core::pin::Pin;
use core::task::{Context, Poll, ready};
use core::time::Duration;
use std::io;
use std::time::Instant;

use bytes::Bytes;
use http::header::{
    CONNECTION, HOST, HeaderMap, HeaderName, HeaderValue, SEC_WEBSOCKET_ACCEPT,
    SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION,
    UPGRADE,
};
use http::{Method, Request, Response, Uri};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tungstenite::handshake::client::generate_key;
use tungstenite::handshake::derive_accept_key;
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tungstenite::{Message, Utf8Bytes};

use crate::connector::{Connector, Offer, Stream};
use crate::frames::Frames;
use crate::heard_out::HeardOut;
use crate::raw_http::{self, Exchange};
use crate::timer::BoxSleep;
use crate::{
    BoxTimer, Clock, Error, ErrorKind, Phase, Sent, Socket, Timeouts, Timer, Upgrade, WsConnection,
    WsSettings, exchange,
};

/// The clocks that apply here beside the connector's.
#[derive(Clone, Copy)]
pub(crate) struct Clocks {
    /// For the answer to the wish for a socket.
    upgrade: Option<Duration>,
    /// For progress while a message is written.
    send: Option<Duration>,
}

impl Clocks {
    /// An upgrade is part of connecting, so it gets no longer than that, however long a model may take for its answer.
    pub(crate) fn new(timeouts: &Timeouts) -> Self {
        let upgrade = [timeouts.headers, timeouts.connect, timeouts.total]
            .into_iter()
            .flatten()
            .min();
        Self {
            upgrade,
            send: timeouts.byte_idle,
        }
    }
}

/// Connects and asks for the upgrade.
pub(crate) async fn connect(
    connector: &Connector,
    settings: WsSettings,
    timeouts: Clocks,
    timer: BoxTimer,
    request: Request<()>,
) -> Result<Upgrade, Error> {
    let (request, expected) = upgrade_request(request)?;
    let (head, ()) = request.into_parts();
    let open = || connector.open(head.uri.clone(), Offer::Http1);
    let mut opened = open().await;
    if opened.as_ref().is_err_and(exchange::may_resend) {
        opened = open().await;
    }
    let stream = opened?;
    let mut request = Request::from_parts(head, ());
    *request.uri_mut() = origin_form(request.uri())?;
    let exchange = raw_http::take_over(stream, request);
    let answered = match timeouts.upgrade {
        None => exchange.await,
        Some(period) => tokio::time::timeout(period, exchange)
            .await
            .unwrap_or_else(|_| {
                let error = Error::new(
                    ErrorKind::Timeout(Clock::Headers),
                    Phase::Handshake,
                    Sent::No,
                );
                Err(error.with_timeout(period))
            }),
    };
    // No message was sent yet, whatever became of the wish for a socket.
    let (response, stream, rest) =
        match answered.map_err(|error| error.seen_from(Phase::Handshake, Sent::No))? {
            Exchange::Refused(response) => return Ok(Upgrade::Refused(response)),
            Exchange::Taken(response, stream, rest) => (response, stream, rest),
        };
    expected.check(&response)?;
    let config = WebSocketConfig::default()
        .read_buffer_size(settings.read_buffer)
        .max_message_size(Some(settings.max_message))
        // A message may well be one frame.
        .max_frame_size(Some(settings.max_message));
    let counted = Counted {
        stream: HeardOut::new(stream),
        read: 0,
        written: 0,
    };
    let now = timer.now();
    let socket = TungsteniteSocket {
        frames: Frames::new(counted, rest.to_vec(), Role::Client, config),
        settings,
        send_timeout: timeouts.send,
        timer,
        seen: (0, now),
        sent: (0, now),
        pinged: None,
        owes: false,
        stuck: None,
        receive_sleep: None,
        send_sleep: None,
        closing: false,
        ended: false,
    };
    Ok(Upgrade::Accepted(WsConnection::new(socket), response))
}

/// What the server must say when it agrees (RFC 6455 section 4.1).
struct Expected {
    accept: String,
    protocols: Vec<String>,
}

fn upgrade_request(request: Request<()>) -> Result<(Request<()>, Expected), Error> {
    let (mut head, ()) = request.into_parts();
    let authority = head
        .uri
        .authority()
        .ok_or_else(|| invalid("the URL has no host"))?;
    let host = authority
        .as_str()
        .rsplit_once('@')
        .map_or(authority.as_str(), |(_, host)| host);
    let host = HeaderValue::from_str(host)
        .map_err(|error| invalid("the URL's host is not valid").with_source(error))?;
    let key = generate_key();
    let accept = derive_accept_key(key.as_bytes());
    let key = HeaderValue::from_str(&key)
        .map_err(|error| invalid("no key for the upgrade").with_source(error))?;
    let own = [
        (HOST, host),
        (CONNECTION, HeaderValue::from_static("Upgrade")),
        (UPGRADE, HeaderValue::from_static("websocket")),
        (SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13")),
        (SEC_WEBSOCKET_KEY, key),
    ];
    // Ours first, as every client does it; what the caller says about them does not count.
    let mut headers: HeaderMap = own.into_iter().collect();
    let mut last: Option<HeaderName> = None;
    for (name, value) in head.headers {
        last = name.or(last);
        let Some(name) = &last else { continue };
        if ![
            HOST,
            CONNECTION,
            UPGRADE,
            SEC_WEBSOCKET_VERSION,
            SEC_WEBSOCKET_KEY,
            SEC_WEBSOCKET_EXTENSIONS,
        ]
        .contains(name)
        {
            headers.append(name, value);
        }
    }
    let protocols = tokens(&headers, &SEC_WEBSOCKET_PROTOCOL)
        .map(str::to_owned)
        .collect();
    head.headers = headers;
    head.method = Method::GET;
    Ok((
        Request::from_parts(head, ()),
        Expected { accept, protocols },
    ))
}

impl Expected {
    fn check(&self, response: &Response<()>) -> Result<(), Error> {
        let headers = response.headers();
        let has = |name, token: &str| {
            tokens(headers, &name).any(|found| found.eq_ignore_ascii_case(token))
        };
        let chosen = headers.get(SEC_WEBSOCKET_PROTOCOL);
        let wrong = if !has(UPGRADE, "websocket") || !has(CONNECTION, "upgrade") {
            "no upgrade to websocket in the answer"
        } else if headers
            .get(SEC_WEBSOCKET_ACCEPT)
            .is_none_or(|accept| accept != self.accept.as_str())
        {
            "the answer belongs to another handshake"
        } else if headers.contains_key(SEC_WEBSOCKET_EXTENSIONS) {
            "an extension that was not offered"
        } else if let Some(chosen) = chosen
            && !self.protocols.iter().any(|asked| chosen == asked.as_str())
        {
            "a subprotocol that was not asked for"
        } else if chosen.is_none() && !self.protocols.is_empty() {
            "none of the subprotocols asked for"
        } else {
            return Ok(());
        };
        Err(Error::new(ErrorKind::Protocol, Phase::Handshake, Sent::No)
            .with_status(response.status())
            .with_source(wrong))
    }
}

fn tokens<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
}

fn origin_form(uri: &Uri) -> Result<Uri, Error> {
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    path.parse().map_err(|error: http::uri::InvalidUri| {
        invalid("the URL's path is not valid").with_source(error)
    })
}

fn invalid(reason: &'static str) -> Error {
    Error::new(ErrorKind::InvalidRequest, Phase::Prepare, Sent::No).with_source(reason)
}

struct TungsteniteSocket {
    frames: Frames<Counted>,
    settings: WsSettings,
    send_timeout: Option<Duration>,
    timer: BoxTimer,
    // Bytes read and written, and when that was noticed: a long message in progress is a sign of life too.
    seen: (u64, Instant),
    sent: (u64, Instant),
    pinged: Option<Instant>,
    // Whether a pong or a ping may still be unwritten, and since when the peer has taken none of it.
    owes: bool,
    stuck: Option<(u64, Instant)>,
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

    // Ready at once where nothing is left unwritten.
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.sent = (self.frames.stream().written, self.timer.now());
        self.poll_flush(cx)
    }

    fn start_send(&mut self, text: Bytes) -> Result<(), Error> {
        self.sent = (self.frames.stream().written, self.timer.now());
        let text = Utf8Bytes::try_from(text)
            .map_err(|error| invalid("the message is not UTF-8").with_source(error))?;
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
            // Whatever is wrong with the connection, it has ended.
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
    // Control frames are not messages: a peer that sends nothing else must not keep the task from looking at its timeouts.
    fn poll_message(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Error>>> {
        for _ in 0..FRAMES_AT_A_TIME {
            let message = match ready!(self.frames.poll_next(cx)) {
                Err(error) => return Poll::Ready(Some(Err(translate(error, Phase::Body)))),
                Ok(message) => message,
            };
            if self.pinged.take().is_some() {
                // What sleeps waits for the pong, perhaps longer than until the next ping.
                self.receive_sleep = None;
            }
            match message {
                Message::Text(text) => return Poll::Ready(Some(Ok(text.into()))),
                Message::Binary(bytes) if self.settings.accept_binary => {
                    return Poll::Ready(Some(Ok(bytes)));
                }
                Message::Binary(_) => return Poll::Ready(Some(Err(protocol("a binary message")))),
                // The library answers it.
                Message::Ping(_) => self.owes = true,
                // Frames come only while writing.
                Message::Pong(_) | Message::Frame(_) => {}
                Message::Close(frame) => return Poll::Ready(closed(frame)),
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    // Pending as long as the connection may live; sends the ping when its time has come.
    fn poll_liveness(&mut self, cx: &mut Context<'_>) -> Poll<Error> {
        loop {
            let now = self.timer.now();
            if let Err(error) = self.write_owed(cx, now) {
                return Poll::Ready(error);
            }
            if let Some(sleep) = &mut self.receive_sleep {
                ready!(sleep.as_mut().poll(cx));
                self.receive_sleep = None;
            }
            let now = self.timer.now();
            if let Some(rest) = self.until_stuck_too_long(now) {
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
            let read = self.frames.stream().read;
            if read != self.seen.0 {
                self.seen = (read, now);
                self.pinged = None;
            }
            let (since, period) = match (self.pinged, self.settings.pong_timeout) {
                (None, _) => (self.seen.1, interval),
                (Some(pinged), Some(timeout)) => (pinged, timeout),
                // Nothing waits for the pong; the next ping is due as if it had come.
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
                // Full of pongs that the peer does not read; that has a timeout already.
                Ok(()) | Err(tungstenite::Error::WriteBufferFull(_)) => self.owes = true,
                Err(error) => return Poll::Ready(translate(error, Phase::Body)),
            }
        }
    }

    fn sleep_for(&mut self, period: Duration) {
        if self.receive_sleep.is_none() {
            self.receive_sleep = Some(self.timer.boxed_sleep(period));
        }
    }

    // Writes pongs and pings, and notes whether the peer takes them.
    fn write_owed(&mut self, cx: &mut Context<'_>, now: Instant) -> Result<(), Error> {
        if !self.owes {
            return Ok(());
        }
        match self.frames.poll_flush(cx) {
            Poll::Ready(Ok(())) => {
                self.owes = false;
                self.stuck = None;
            }
            Poll::Ready(Err(error)) => return Err(translate(error, Phase::Body)),
            Poll::Pending => {
                let written = self.frames.stream().written;
                if self.stuck.is_none() {
                    // This may run out before what sleeps now does.
                    self.receive_sleep = None;
                }
                if self.stuck.is_none_or(|(before, _)| before != written) {
                    self.stuck = Some((written, now));
                }
            }
        }
        Ok(())
    }

    // How long the peer may still leave everything unread, or the error that it has done so for too long.
    fn until_stuck_too_long(&self, now: Instant) -> Option<Result<Duration, Error>> {
        let (_, since) = self.stuck?;
        let period = self.settings.pong_timeout.or(self.send_timeout)?;
        let elapsed = now.saturating_duration_since(since);
        Some(if elapsed < period {
            Ok(period - elapsed)
        } else {
            Err(pong_timeout(period))
        })
    }

    // Writing has a clock of its own: nobody reads while a message is sent, so no pong could be seen.
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
            let written = self.frames.stream().written;
            if written != self.sent.0 {
                self.sent = (written, now);
            }
            let elapsed = now.saturating_duration_since(self.sent.1);
            if elapsed >= period {
                let error = Error::new(
                    ErrorKind::Timeout(Clock::ByteIdle),
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

// RFC 6455 section 7.1.5: a close frame without a code counts as 1005, which says nothing and is no failure named by the server.
fn closed(frame: Option<CloseFrame>) -> Option<Result<Bytes, Error>> {
    let code = frame.map_or(1005, |frame| u16::from(frame.code));
    (code != 1000)
        .then(|| Err(Error::new(ErrorKind::Closed, Phase::Body, Sent::Maybe).with_close_code(code)))
}

fn pong_timeout(period: Duration) -> Error {
    Error::new(ErrorKind::Timeout(Clock::Pong), Phase::Body, Sent::Maybe).with_timeout(period)
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
    // A message that did not fit would be in the error; no payload belongs there.
    match error {
        tungstenite::Error::WriteBufferFull(_) => Error::new(kind, phase, Sent::Maybe),
        error => Error::new(kind, phase, Sent::Maybe).with_source(error),
    }
}

/// Counts what goes through, so that slow progress is told apart from none.
struct Counted {
    stream: HeardOut<Stream>,
    read: u64,
    written: u64,
}

impl AsyncRead for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buffer);
        self.read += (buffer.filled().len() - before) as u64;
        polled
    }
}

impl AsyncWrite for Counted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(cx, bytes);
        if let Poll::Ready(Ok(count)) = &polled {
            self.written += *count as u64;
        }
        polled
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

// After so many frames without a message, other tasks and our own timeouts have their turn.
const FRAMES_AT_A_TIME: usize = 64;
