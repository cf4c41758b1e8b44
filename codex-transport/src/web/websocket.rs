//! WebSockets of a browser.

use core::cell::RefCell;
use core::future::{Future, poll_fn};
use core::pin::Pin;
use core::task::{Context, Poll, Waker, ready};
use core::time::Duration;
use std::collections::VecDeque;
use std::rc::Rc;

use bytes::Bytes;
use http::header::{SEC_WEBSOCKET_PROTOCOL, USER_AGENT};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use js_sys::{Array, ArrayBuffer, Uint8Array};
use send_wrapper::SendWrapper;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast as _, JsValue};
use web_sys::{BinaryType, CloseEvent, Event, MessageEvent, WebSocket};

use crate::error::{Error, ErrorKind, Phase, Sent};
use crate::timeouts::{TimeoutKind, Timeouts};
use crate::timer::{BoxSleep, Timer as _};
use crate::web::timer::{WebTimer, within};
use crate::web::{exception, invalid};
use crate::ws::connection::{Socket, WsConnection};
use crate::ws::options::WsSettings;
use crate::ws::transport::{Upgrade, WsTransport};

/// A [`WsTransport`] over the `WebSocket` of a browser or of another JavaScript host.
///
/// The host decides what such a transport can do:
///
/// - It sends no headers of the program. A request with any header but `user-agent`, which is
///   omitted, and `sec-websocket-protocol` is [`ErrorKind::InvalidRequest`]; see
///   [`omit_headers`](Self::omit_headers).
/// - It hides the response to the upgrade: a refusal is [`ErrorKind::ConnectionLost`] like any
///   other failure, never [`Upgrade::Refused`].
/// - It reads messages as they arrive. [`WsSettings::max_message`] limits the bytes that wait for
///   the program; a server that exceeds them is disconnected ([`ErrorKind::TooLarge`]).
/// - It sends no pings, so of the other settings only `accept_binary` and `close_timeout` apply.
/// - It closes with code 1000 or a code from 3000 to 4999 only.
#[derive(Clone, Debug, Default)]
pub struct WebSocketTransport {
    timeouts: Timeouts,
    settings: WsSettings,
    omits_headers: bool,
}

impl WebSocketTransport {
    /// Creates a transport with the default [`Timeouts`] and [`WsSettings`].
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the timeouts of requests that do not have their own. The upgrade ends within the
    /// shortest of `connect`, `headers` and `total`.
    #[must_use]
    pub fn timeouts(mut self, timeouts: Timeouts) -> Self {
        self.timeouts = timeouts;
        self
    }

    /// Sets the limits of the WebSockets.
    #[must_use]
    pub fn settings(mut self, settings: WsSettings) -> Self {
        self.settings = settings;
        self
    }

    /// Omits the headers that a browser cannot send, instead of rejecting the request. Only for
    /// servers that need none of them, such as a relay that authenticates the page by its cookie.
    #[must_use]
    pub fn omit_headers(mut self, omit: bool) -> Self {
        self.omits_headers = omit;
        self
    }
}

impl WsTransport for WebSocketTransport {
    fn connect(&self, request: Request<()>) -> impl Future<Output = Result<Upgrade, Error>> + Send {
        SendWrapper::new(connect(self, request))
    }
}

async fn connect(transport: &WebSocketTransport, request: Request<()>) -> Result<Upgrade, Error> {
    let protocols = protocols(request.headers(), transport.omits_headers)?;
    let timeouts: &Timeouts = request.extensions().get().unwrap_or(&transport.timeouts);
    let url = request.uri().to_string();
    let socket = WebSocket::new_with_str_sequence(&url, &protocols)
        .map_err(|error| invalid(exception(&error, &url)))?;
    let socket = BrowserSocket::new(socket, transport.settings);
    let lost = || {
        Error::new(ErrorKind::ConnectionLost, Phase::Handshake, Sent::No)
            .with_source("a browser reports no reason for a failed upgrade")
    };
    let opened = poll_fn(|cx| {
        let mut state = socket.state.borrow_mut();
        if state.is_open {
            return Poll::Ready(Ok(()));
        }
        if state.closed.is_some() {
            return Poll::Ready(Err(lost()));
        }
        state.waker.clone_from(cx.waker());
        Poll::Pending
    });
    let period = [timeouts.connect, timeouts.headers, timeouts.total];
    match period.into_iter().flatten().min() {
        None => opened.await?,
        Some(period) => {
            let kind = ErrorKind::Timeout(TimeoutKind::Headers);
            let expired = Error::new(kind, Phase::Handshake, Sent::No);
            within(period, opened, expired).await?;
        }
    }
    let mut response = Response::new(());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    if let Some(protocol) = HeaderValue::from_str(&socket.socket.protocol())
        .ok()
        .filter(|protocol| !protocol.is_empty())
    {
        response
            .headers_mut()
            .insert(SEC_WEBSOCKET_PROTOCOL, protocol);
    }
    let connection = WsConnection::new(ThisThread(SendWrapper::new(socket)));
    Ok(Upgrade::Accepted(connection, response))
}

/// Returns the subprotocols of the request, if it has no other headers.
fn protocols(headers: &HeaderMap, omits_others: bool) -> Result<Array, Error> {
    let protocols = Array::new();
    for (name, value) in headers {
        if name == SEC_WEBSOCKET_PROTOCOL {
            let list = value.to_str().map_err(invalid)?;
            for protocol in list.split(',') {
                protocols.push(&protocol.trim().into());
            }
        } else if name != USER_AGENT && !omits_others {
            return Err(invalid(format!(
                "a browser's WebSocket cannot send the header {name}"
            )));
        }
    }
    Ok(protocols)
}

/// The state that the events of the host have reported.
struct State {
    is_open: bool,
    received: VecDeque<Result<Bytes, Error>>,
    /// The bytes of the received messages that the program has not read.
    buffered: usize,
    /// The code of the closure; 1006 if there was no close frame.
    closed: Option<u16>,
    waker: Waker,
}

struct BrowserSocket {
    socket: WebSocket,
    state: Rc<RefCell<State>>,
    close_timeout: Duration,
    /// The pause until the next look at what is unsent.
    pause: Option<BoxSleep>,
    /// The wait for the peer's close frame, once the program has closed the socket.
    closing: Option<BoxSleep>,
    _on_open: Closure<dyn FnMut(Event)>,
    _on_message: Closure<dyn FnMut(MessageEvent)>,
    _on_close: Closure<dyn FnMut(CloseEvent)>,
}

impl BrowserSocket {
    fn new(socket: WebSocket, settings: WsSettings) -> Self {
        socket.set_binary_type(BinaryType::Arraybuffer);
        let state = Rc::new(RefCell::new(State {
            is_open: false,
            received: VecDeque::new(),
            buffered: 0,
            closed: None,
            waker: Waker::noop().clone(),
        }));
        let on_open = {
            let state = Rc::clone(&state);
            Closure::new(move |_: Event| {
                change(&state, |state| state.is_open = true);
            })
        };
        let on_message = {
            let (state, socket) = (Rc::clone(&state), socket.clone());
            Closure::new(move |event: MessageEvent| {
                change(&state, |state| {
                    // After an error the program reads no further messages.
                    if matches!(state.received.back(), Some(Err(_))) {
                        return;
                    }
                    let message = message(&event.data(), settings, state.buffered);
                    match &message {
                        Ok(message) => state.buffered += message.len(),
                        // Closing a socket that the host has already closed has no effect.
                        Err(_) => drop(socket.close()),
                    }
                    state.received.push_back(message);
                });
            })
        };
        let on_close = {
            let state = Rc::clone(&state);
            Closure::new(move |event: CloseEvent| {
                change(&state, |state| state.closed = Some(event.code()));
            })
        };
        socket.set_onopen(Some(as_function(&on_open)));
        socket.set_onmessage(Some(as_function(&on_message)));
        socket.set_onclose(Some(as_function(&on_close)));
        Self {
            socket,
            state,
            close_timeout: settings.close_timeout,
            pause: None,
            closing: None,
            _on_open: on_open,
            _on_message: on_message,
            _on_close: on_close,
        }
    }

    /// Returns ready when at most `limit` bytes are unsent. The host has no event for that.
    fn poll_unsent(&mut self, cx: &mut Context<'_>, limit: u32) -> Poll<Result<(), Error>> {
        loop {
            if self.state.borrow().closed.is_some() {
                return Poll::Ready(Err(Error::new(
                    ErrorKind::ConnectionLost,
                    Phase::Send,
                    Sent::Maybe,
                )));
            }
            if self.socket.buffered_amount() <= limit {
                self.pause = None;
                return Poll::Ready(Ok(()));
            }
            let pause = self
                .pause
                .get_or_insert_with(|| Box::pin(WebTimer.sleep(PAUSE)));
            ready!(pause.as_mut().poll(cx));
            self.pause = None;
        }
    }
}

impl Drop for BrowserSocket {
    fn drop(&mut self) {
        // The host must not call the closures, which are freed with this value.
        self.socket.set_onopen(None);
        self.socket.set_onmessage(None);
        self.socket.set_onclose(None);
        // Closing a closed socket has no effect.
        drop(self.socket.close());
    }
}

fn as_function<T: ?Sized>(closure: &Closure<T>) -> &js_sys::Function {
    closure.as_ref().unchecked_ref()
}

fn change(state: &RefCell<State>, change: impl FnOnce(&mut State)) {
    let mut state = state.borrow_mut();
    change(&mut state);
    let waker = core::mem::replace(&mut state.waker, Waker::noop().clone());
    drop(state);
    waker.wake();
}

/// Returns the bytes of a message. `buffered` bytes of earlier ones count towards the limit.
fn message(data: &JsValue, settings: WsSettings, buffered: usize) -> Result<Bytes, Error> {
    let bytes = match (data.as_string(), data.dyn_ref::<ArrayBuffer>()) {
        (Some(text), _) => Bytes::from(text),
        (None, Some(binary)) if settings.accept_binary => {
            let bytes = Uint8Array::new(binary).to_vec();
            if core::str::from_utf8(&bytes).is_err() {
                return Err(failure(ErrorKind::Protocol).with_source("message is not UTF-8"));
            }
            bytes.into()
        }
        _ => return Err(failure(ErrorKind::Protocol).with_source("unexpected binary message")),
    };
    if bytes.len() > settings.max_message.saturating_sub(buffered) {
        return Err(failure(ErrorKind::TooLarge));
    }
    Ok(bytes)
}

fn failure(kind: ErrorKind) -> Error {
    Error::new(kind, Phase::Body, Sent::Maybe)
}

/// The socket of the thread that opened it.
struct ThisThread(SendWrapper<BrowserSocket>);

impl Socket for ThisThread {
    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Error>>> {
        let mut state = self.0.state.borrow_mut();
        match state.received.pop_front() {
            Some(Ok(message)) => {
                state.buffered -= message.len();
                return Poll::Ready(Some(Ok(message)));
            }
            Some(Err(error)) => {
                // The end follows the error.
                state.closed = Some(NORMAL);
                return Poll::Ready(Some(Err(error)));
            }
            None => {}
        }
        let Some(code) = state.closed else {
            state.waker.clone_from(cx.waker());
            return Poll::Pending;
        };
        state.closed = Some(NORMAL);
        Poll::Ready(match code {
            NORMAL => None,
            WITHOUT_FRAME => Some(Err(failure(ErrorKind::Truncated))),
            code => Some(Err(failure(ErrorKind::Closed).with_close_code(code))),
        })
    }

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.0.poll_unsent(cx, MAX_UNSENT)
    }

    fn start_send(&mut self, text: Bytes) -> Result<(), Error> {
        let text = core::str::from_utf8(&text).map_err(invalid)?;
        self.0.socket.send_with_str(text).map_err(|error| {
            Error::new(ErrorKind::ConnectionLost, Phase::Send, Sent::No)
                .with_source(exception(&error, ""))
        })
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.0.poll_unsent(cx, 0)
    }

    fn poll_close(&mut self, cx: &mut Context<'_>, code: u16) -> Poll<Result<(), Error>> {
        let socket = &mut *self.0;
        if socket.closing.is_none() && socket.state.borrow().closed.is_none() {
            socket
                .socket
                .close_with_code(code)
                .map_err(|error| invalid(exception(&error, "")))?;
            socket.closing = Some(Box::pin(WebTimer.sleep(socket.close_timeout)));
        }
        let mut state = socket.state.borrow_mut();
        if state.closed.is_some() {
            return Poll::Ready(Ok(()));
        }
        state.waker.clone_from(cx.waker());
        match &mut socket.closing {
            Some(sleep) => Pin::new(sleep).poll(cx).map(Ok),
            None => Poll::Ready(Ok(())),
        }
    }
}

/// The maximum number of unsent bytes when another message is accepted: 1 MiB.
const MAX_UNSENT: u32 = 1 << 20;
const PAUSE: Duration = Duration::from_millis(5);

const NORMAL: u16 = 1000;
const WITHOUT_FRAME: u16 = 1006;
