//! Any bytes instead of WebSocket frames: the socket ends the same way however the bytes are
//! chunked, and the messages before a violation are received.

#![no_main]

#[path = "../src/peer.rs"]
mod peer;

use codex_transport::{HttpVersions, Upgrade, WsConnection, WsTransport as _};
use libfuzzer_sys::fuzz_target;
use peer::Peer;
use tungstenite::handshake::derive_accept_key;

thread_local! {
    static PEER: Peer = Peer::new("frames");
}

// The first byte is the chunk size, the second the size of a valid first message.
fuzz_target!(|input: &[u8]| {
    let [size, length, rest @ ..] = input else {
        return;
    };
    let (text, rest) = rest.split_at(rest.len().min(usize::from(length % 126)));
    let text = String::from_utf8_lossy(text);
    let mut bytes = Vec::new();
    let is_valid = text.len() < 126;
    if is_valid {
        bytes.extend_from_slice(&[0x81, text.len() as u8]);
        bytes.extend_from_slice(text.as_bytes());
    }
    bytes.extend_from_slice(rest);
    PEER.with(|peer| {
        let whole = received(peer, &bytes, bytes.len());
        let cut = received(peer, &bytes, usize::from(*size));
        assert_eq!(whole, cut, "the cuts change the outcome");
        if is_valid {
            assert_eq!(whole.first(), Some(&text.into_owned()));
        }
    });
});

fn received(peer: &Peer, bytes: &[u8], size: usize) -> Vec<String> {
    let transport = peer.transport(HttpVersions::Http1);
    let request = http::Request::get("ws://localhost/v1/responses").body(());
    let request = request.expect("a request");
    peer.run(accept, bytes, size, async {
        let upgrade = transport.connect(request).await.expect("an upgrade");
        let Upgrade::Accepted(mut socket, _) = upgrade else {
            panic!("refused");
        };
        all(&mut socket).await
    })
}

async fn all(socket: &mut WsConnection) -> Vec<String> {
    let mut all = Vec::new();
    while let Some(message) = socket.next().await {
        all.push(match message {
            Ok(text) => String::from_utf8(text.into()).expect("text is UTF-8"),
            Err(error) => format!("{:?} {:?}", error.kind(), error.close_code()),
        });
    }
    assert!(socket.next().await.is_none(), "the end is final");
    all
}

fn accept(request: &[u8]) -> Vec<u8> {
    let request = String::from_utf8_lossy(request);
    let key = request.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("sec-websocket-key")
            .then_some(value)
    });
    let accept = derive_accept_key(key.expect("the key of the handshake").as_bytes());
    format!("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-accept: {accept}\r\n\r\n").into_bytes()
}
