//! A TLS connection on which the server closed or sent bytes between two requests is not used for
//! the second.
#![cfg(feature = "testing-tls")]

use core::net::SocketAddr;
use std::io::{self, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use bytes::Bytes;
use codex_transport::{ConnectOptions, HttpTransport as _, HttpVersions, HyperTransport, Tls};
use http::Request;
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// The server's behavior after its response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Afterwards {
    Nothing,
    /// It sends the close alert and closes the connection.
    Close,
    /// It sends the close alert and leaves the connection open.
    CloseNotify,
    /// It closes the connection without an alert.
    Truncate,
    /// It sends one more response.
    Response,
    /// It sends a single byte.
    Byte,
}

const ALL: [Afterwards; 6] = [
    Afterwards::Nothing,
    Afterwards::Close,
    Afterwards::CloseNotify,
    Afterwards::Truncate,
    Afterwards::Response,
    Afterwards::Byte,
];

struct Server {
    address: SocketAddr,
    certificate: String,
    done: Receiver<()>,
}

impl Server {
    fn start() -> Self {
        let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let key = PrivateKeyDer::Pkcs8(certified.signing_key.serialize_der().into());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certified.cert.der().clone()], key)
            .unwrap();
        let config = Arc::new(config);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, done) = channel();
        std::thread::spawn(move || {
            for (number, stream) in listener.incoming().flatten().enumerate() {
                let (config, done) = (config.clone(), sender.clone());
                // A client that disconnects ends the thread.
                std::thread::spawn(move || drop(serve(number, stream, config, &done)));
            }
        });
        Self {
            address,
            certificate: certified.cert.pem(),
            done,
        }
    }
}

/// Answers `GET /<index of Afterwards>`; the body is the number of the connection.
fn serve(
    number: usize,
    stream: TcpStream,
    config: Arc<ServerConfig>,
    done: &Sender<()>,
) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let session = ServerConnection::new(config).map_err(io::Error::other)?;
    let mut stream = StreamOwned::new(session, stream);
    loop {
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte)?;
            request.push(byte[0]);
        }
        let afterwards = ALL[usize::from(request["GET /".len()] - b'0')];
        let body = number.to_string();
        let response = format!(
            "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(response.as_bytes())?;
        match afterwards {
            Afterwards::Nothing => {}
            Afterwards::Close | Afterwards::CloseNotify => {
                stream.conn.send_close_notify();
                stream.flush()?;
            }
            Afterwards::Response => stream.write_all(response.as_bytes())?,
            Afterwards::Byte => stream.write_all(b"\n")?,
            Afterwards::Truncate => {}
        }
        if matches!(afterwards, Afterwards::Close | Afterwards::Truncate) {
            drop(stream);
            let _ = done.send(());
            return Ok(());
        }
        let _ = done.send(());
    }
}

#[test]
fn a_tls_connection_that_is_no_longer_quiet_is_not_reused() {
    let server = Server::start();
    let mut options = ConnectOptions::default().with_address("localhost", server.address);
    options.http = HttpVersions::Http1;
    options.tls = Tls::default().with_authority_pem(&server.certificate);
    #[cfg(feature = "proxy")]
    {
        options.proxy = codex_transport::Proxy::none();
    }
    let transport = HyperTransport::builder()
        .connection(options)
        .build()
        .unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut connections = 0;
        for round in 0..3 {
            for (index, afterwards) in ALL.iter().enumerate() {
                let url = format!("https://localhost:{}/{index}", server.address.port());
                let request = Request::get(url).body(Bytes::new()).unwrap();
                let response = transport.send(request).await.unwrap();
                let body = response.into_body().collect(100).await.unwrap();
                // Blocks the only thread, so the runtime does not detect what the server did
                // meanwhile.
                server.done.recv().unwrap();
                assert_eq!(
                    body,
                    connections.to_string(),
                    "round {round}, then {afterwards:?}"
                );
                if *afterwards != Afterwards::Nothing {
                    connections += 1;
                }
            }
        }
    });
}
