//! Plays the steps of an answer as WebSocket messages, over a real connection.

use core::future::poll_fn;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use http::header::{CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, UPGRADE};
use http::{HeaderMap, HeaderValue, Request};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::io::AsyncWriteExt as _;
use tungstenite::handshake::derive_accept_key;
use tungstenite::protocol::frame::coding::{CloseCode, Data, OpCode};
use tungstenite::protocol::frame::{Frame, Utf8Bytes};
use tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tungstenite::{Error, Message};

use crate::testing::answer::{Answer, Cut, Step};
use crate::testing::record::RecordedMessage;
use crate::testing::script::Stage;
use crate::testing::server_io::{ACKNOWLEDGED, Control};
use crate::ws::framed::Framed;

/// Adds the headers of an accepted upgrade to the response to a valid request, unless the script
/// sets them.
pub(super) fn agree(request: &Request<()>, headers: &mut HeaderMap) {
    let Some(key) = request.headers().get(SEC_WEBSOCKET_KEY) else {
        return;
    };
    headers
        .entry(CONNECTION)
        .or_insert(HeaderValue::from_static("Upgrade"));
    headers
        .entry(UPGRADE)
        .or_insert(HeaderValue::from_static("websocket"));
    if let Ok(accept) = HeaderValue::from_str(&derive_accept_key(key.as_bytes())) {
        headers.entry(SEC_WEBSOCKET_ACCEPT).or_insert(accept);
    }
}

/// Waits for the upgrade, plays the steps, and then reads until the client disconnects.
pub(super) async fn play(
    upgrade: OnUpgrade,
    answer: Answer,
    control: Arc<Control>,
    stage: Stage,
    connection: usize,
) {
    let Ok(upgraded) = upgrade.await else { return };
    let config = WebSocketConfig::default()
        .read_buffer_size(4096)
        .max_frame_size(None)
        .max_message_size(None);
    let mut play = Play {
        socket: Framed::new(TokioIo::new(upgraded), Vec::new(), Role::Server, config),
        control,
        stage,
        connection,
        answer,
    };
    let code = play.run().await.unwrap_or(None);
    play.stage.count_closed(code);
}

struct Play {
    socket: Framed<TokioIo<Upgraded>>,
    control: Arc<Control>,
    stage: Stage,
    connection: usize,
    answer: Answer,
}

impl Play {
    // Returns the client's close code, if it sent one.
    async fn run(&mut self) -> Result<Option<u16>, Error> {
        let mut first = true;
        for step in core::mem::take(&mut self.answer.steps) {
            let sends = matches!(step, Step::Bytes(_) | Step::Event(_));
            if sends && !first && !self.answer.pace.is_zero() {
                tokio::time::sleep(self.answer.pace).await;
            }
            first &= !sends;
            match step {
                Step::Bytes(bytes) => self.text(bytes).await?,
                Step::Event(json) => self.text(json.into()).await?,
                Step::Comment(text) => self.send(Message::Ping(text.into())).await?,
                Step::Binary(bytes) => self.send(Message::Binary(bytes)).await?,
                Step::Raw(bytes) => {
                    self.socket.stream_mut().write_all(&bytes).await?;
                    self.socket.stream_mut().flush().await?;
                }
                Step::Pause(period) => tokio::time::sleep(period).await,
                Step::Gate(gate) => {
                    gate.arrive();
                    poll_fn(|cx| gate.poll_open(cx)).await;
                }
                Step::Stall | Step::Cut(Cut::Stall) => core::future::pending().await,
                Step::Cut(cut) => {
                    if cut == Cut::Reset {
                        tokio::time::sleep(ACKNOWLEDGED).await;
                    }
                    self.control.kill(cut);
                    return Ok(None);
                }
                Step::CutAfter(bytes, cut) => self.control.limit(bytes, cut),
                Step::Close(code) => {
                    let frame = CloseFrame {
                        code: CloseCode::from(code),
                        reason: Utf8Bytes::default(),
                    };
                    self.send(Message::Close(Some(frame))).await?;
                }
                Step::Receive => {
                    if let Received::Closed(code) = self.receive().await? {
                        return Ok(code);
                    }
                }
            }
        }
        loop {
            if let Received::Closed(code) = self.receive().await? {
                return Ok(code);
            }
        }
    }

    async fn text(&mut self, bytes: Bytes) -> Result<(), Error> {
        let pieces = self.answer.shape.split(&bytes);
        if pieces.len() < 2 {
            let text =
                Utf8Bytes::try_from(bytes).map_err(|error| Error::Utf8(error.to_string()))?;
            return self.send(Message::Text(text)).await;
        }
        let last = pieces.len() - 1;
        for (index, piece) in pieces.into_iter().enumerate() {
            let kind = if index == 0 {
                Data::Text
            } else {
                Data::Continue
            };
            self.send(Message::Frame(Frame::message(
                piece,
                OpCode::Data(kind),
                index == last,
            )))
            .await?;
        }
        Ok(())
    }

    async fn send(&mut self, message: Message) -> Result<(), Error> {
        self.socket.start_send(message)?;
        poll_fn(|cx| self.socket.poll_flush(cx)).await
    }

    async fn receive(&mut self) -> Result<Received, Error> {
        loop {
            match poll_fn(|cx| self.socket.poll_next(cx)).await {
                Err(Error::ConnectionClosed | Error::AlreadyClosed) => {
                    return Ok(Received::Closed(None));
                }
                Err(error) => return Err(error),
                Ok(Message::Close(frame)) => {
                    // The library responds to it with the next flush.
                    drop(poll_fn(|cx| self.socket.poll_flush(cx)).await);
                    return Ok(Received::Closed(frame.map(|frame| frame.code.into())));
                }
                Ok(Message::Ping(_)) => self.stage.count_ping(),
                Ok(message @ (Message::Text(_) | Message::Binary(_))) => {
                    self.stage.record_message(RecordedMessage {
                        connection: self.connection,
                        text: message.into_data(),
                        at: Instant::now(),
                    });
                    return Ok(Received::Message);
                }
                Ok(_) => {}
            }
        }
    }
}

enum Received {
    Message,
    Closed(Option<u16>),
}
