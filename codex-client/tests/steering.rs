//! Steering over a socket whose writes wait.
#![cfg(feature = "ws")]

use core::task::{Context, Poll};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use codex_client::{Client, SocketSession, SocketSettings, TransportChoice};
use codex_transport::{Error, Socket, Upgrade, WsConnection, WsTransport};
use codex_types::profile::Profile;
use http::{Request, Response};
use serde_json::json;

use crate::kit;

/// Opens one socket, which sends these messages and then closes.
struct Once(Mutex<Option<Slow>>);

impl WsTransport for Once {
    async fn connect(&self, _: Request<()>) -> Result<Upgrade, Error> {
        let socket = self.0.lock().expect("a lock").take();
        let socket = WsConnection::new(socket.expect("a single connection"));
        let switched = Response::builder()
            .status(101)
            .body(())
            .expect("a response");
        Ok(Upgrade::Accepted(socket, switched))
    }
}

/// A socket that accepts no message while it is blocked.
struct Slow {
    is_blocked: Arc<AtomicBool>,
    messages: VecDeque<String>,
    sent: Arc<Mutex<Vec<Bytes>>>,
}

impl Socket for Slow {
    fn poll_receive(&mut self, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, Error>>> {
        let message = self.messages.pop_front();
        Poll::Ready(message.map(|message| Ok(message.into())))
    }

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        if self.is_blocked.load(Ordering::Relaxed) {
            return Poll::Pending;
        }
        Poll::Ready(Ok(()))
    }

    fn start_send(&mut self, text: Bytes) -> Result<(), Error> {
        self.sent.lock().expect("a lock").push(text);
        Ok(())
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.poll_ready(cx)
    }

    fn poll_close(&mut self, _: &mut Context<'_>, _: u16) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }
}

#[tokio::test]
async fn a_dropped_steer_that_was_not_sent_is_not_waited_for() {
    let is_blocked = Arc::new(AtomicBool::new(false));
    let sent = Arc::<Mutex<Vec<Bytes>>>::default();
    let socket = Slow {
        is_blocked: is_blocked.clone(),
        messages: VecDeque::from([kit::created("resp_1"), kit::completed("resp_1", json!([]))]),
        sent: sent.clone(),
    };
    let client = Client::builder()
        .base_url("http://127.0.0.1:9/v1")
        .profile(Profile::platform())
        .websocket(Once(Mutex::new(Some(socket))))
        .build()
        .expect("a client");
    let mut settings = SocketSettings::default();
    settings.transport = TransportChoice::WebSocket;
    let mut session = SocketSession::new(&client, settings);

    let mut turn = session.stream(&kit::question()).await.expect("a turn");
    assert!(turn.next().await.is_some());
    is_blocked.store(true, Ordering::Relaxed);
    tokio::select! {
        biased;
        _ = turn.steer("Be brief.") => panic!("the socket is blocked"),
        () = core::future::ready(()) => {}
    }
    is_blocked.store(false, Ordering::Relaxed);

    while let Some(event) = turn.next().await {
        event.expect("the turn ends with its response");
    }
    drop(turn);
    assert_eq!(sent.lock().expect("a lock").len(), 1);
    assert!(session.is_connected());
}
