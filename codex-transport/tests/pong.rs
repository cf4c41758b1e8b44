//! The frames that a WebSocket sends automatically, as the library on the other side receives them.
#![cfg(feature = "ws")]

use core::future::poll_fn;
use core::pin::Pin;
use core::time::Duration;

use codex_transport::{HyperTransport, Upgrade, WsTransport};
use futures_core::Stream as _;
use futures_sink::Sink as _;
use http::Request;
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, accept_async};

async fn send(socket: &mut WebSocketStream<TcpStream>, message: Message) {
    poll_fn(|cx| Pin::new(&mut *socket).poll_ready(cx))
        .await
        .unwrap();
    Pin::new(&mut *socket).start_send(message).unwrap();
    poll_fn(|cx| Pin::new(&mut *socket).poll_flush(cx))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_ping_is_answered_with_its_payload_while_the_reader_waits() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    // The message is sent only after the pong: a reader that does not respond waits for it in vain.
    let server = async {
        let (stream, _) = listener.accept().await.unwrap();
        let mut socket = accept_async(stream).await.unwrap();
        send(&mut socket, Message::Ping("there?".into())).await;
        let answer = poll_fn(|cx| Pin::new(&mut socket).poll_next(cx)).await;
        send(&mut socket, Message::Text("yes".into())).await;
        answer.unwrap().unwrap()
    };
    let client = async {
        let request = Request::get(format!("ws://{address}/")).body(()).unwrap();
        let transport = HyperTransport::new().unwrap();
        let Upgrade::Accepted(mut socket, _) = transport.connect(request).await.unwrap() else {
            panic!("refused")
        };
        socket.next().await.unwrap().unwrap()
    };
    let both = async { tokio::join!(server, client) };
    let (answer, message) = tokio::time::timeout(Duration::from_secs(10), both)
        .await
        .unwrap();
    assert_eq!(answer, Message::Pong("there?".into()));
    assert_eq!(message, "yes");
}
