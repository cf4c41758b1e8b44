//! One connection policy: HTTP/1.1, HTTP/2 and WebSocket must behave alike, directly, over TLS and
//! through a proxy.
#![cfg(all(feature = "testing-tls", feature = "ws", feature = "proxy"))]

use core::net::SocketAddr;
use core::sync::atomic::{AtomicUsize, Ordering};
use core::time::Duration;
use std::net::TcpListener;
use std::sync::Arc;

use bytes::Bytes;
use codex_transport::testing::{Answer, Authority, LoopbackProxy, LoopbackServer, Script};
use codex_transport::{
    ConnectOptions, Error, ErrorKind, HttpTransport, HttpVersions, HyperTransport, Phase, Proxy,
    Roots, Sent, TimeoutKind, Timeouts, Upgrade, WsTransport,
};
use http::{Request, Version};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wire {
    Http1,
    Http2,
    WebSocket,
}

const WIRES: [Wire; 3] = [Wire::Http1, Wire::Http2, Wire::WebSocket];

impl Wire {
    fn versions(self) -> HttpVersions {
        if self == Self::Http2 {
            HttpVersions::Http2
        } else {
            HttpVersions::Http1
        }
    }

    fn script(self) -> Script {
        match self {
            Self::WebSocket => Script::new().answer(Answer::websocket().event("hello").forever()),
            _ => Script::new().answer(Answer::ok().body("hello").forever()),
        }
    }

    fn connection(self) -> ConnectOptions {
        let mut connection = ConnectOptions::default();
        connection.http = self.versions();
        connection.tls.roots = Roots::OnlyAdded;
        connection.tls.read_environment = false;
        connection.proxy = Proxy::none();
        connection
    }

    // Sends a request and reads the response, over the protocol of this case.
    async fn ask(self, transport: &HyperTransport, base: &str) -> Result<Bytes, Error> {
        match self {
            Self::WebSocket => {
                let url = base.replacen("http", "ws", 1);
                match transport
                    .connect(Request::get(url).body(()).unwrap())
                    .await?
                {
                    Upgrade::Accepted(mut socket, _) => socket.next().await.unwrap(),
                    Upgrade::Refused(response) => panic!("{response:?}"),
                }
            }
            _ => {
                let request = Request::post(base).body(Bytes::from_static(b"{}")).unwrap();
                transport
                    .send(request)
                    .await?
                    .into_body()
                    .collect(100)
                    .await
            }
        }
    }
}

fn build(connection: ConnectOptions) -> HyperTransport {
    let mut timeouts = Timeouts::default();
    timeouts.connect = Some(Duration::from_millis(300));
    build_with(connection, timeouts)
}

// Short timeouts for the response, but not for connecting: with both short, either could expire
// first.
fn build_impatient(connection: ConnectOptions) -> HyperTransport {
    let mut timeouts = Timeouts::default();
    timeouts.headers = Some(Duration::from_millis(300));
    build_with(connection, timeouts)
}

fn build_with(connection: ConnectOptions, timeouts: Timeouts) -> HyperTransport {
    HyperTransport::builder()
        .connection(connection)
        .timeouts(timeouts)
        .build()
        .unwrap()
}

// Accepts connections and never sends a byte.
fn silent() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

fn unused_address() -> SocketAddr {
    silent().1
}

#[tokio::test]
async fn ok_refused_and_silent_are_the_same_everywhere() {
    let authority = Authority::generate().unwrap();
    let proxy = LoopbackProxy::builder()
        .password("user", "p@ss:word")
        .start()
        .unwrap();
    let proxy_url = proxy.url().replace("p@ss:word", "p%40ss%3Aword");
    for wire in WIRES {
        let plain = LoopbackServer::start(wire.script()).unwrap();
        let encrypted = LoopbackServer::builder(wire.script())
            .tls(&authority, wire.versions())
            .unwrap()
            .start()
            .unwrap();
        let trusting = || {
            let mut connection = wire.connection();
            connection.tls = connection
                .tls
                .with_authority_pem(authority.certificate_pem());
            connection
        };
        let proxied = |mut connection: ConnectOptions| {
            connection.proxy = Proxy::new(proxy_url.as_str()).unwrap();
            connection
        };
        let (_keep, mute) = silent();

        // The cases without a failure.
        for (server, connection) in [
            (&plain, wire.connection()),
            (&encrypted, trusting()),
            (&plain, proxied(wire.connection())),
            (&encrypted, proxied(trusting())),
        ] {
            let before = proxy.targets().len();
            let tunneled = format!("{connection:?}").contains("127.0.0.1");
            let url = server.url("/v1");
            assert_eq!(
                wire.ask(&build(connection), &url).await.unwrap(),
                "hello",
                "{wire:?} {url}"
            );
            let version = if wire == Wire::Http2 {
                Version::HTTP_2
            } else {
                Version::HTTP_11
            };
            assert_eq!(server.requests().last().unwrap().version, version);
            assert_eq!(
                proxy.targets().len() - before,
                usize::from(tunneled),
                "{wire:?} {url}"
            );
        }

        // No server listens.
        for scheme in ["http", "https"] {
            let url = format!("{scheme}://{}/v1", unused_address());
            let error = wire.ask(&build(trusting()), &url).await.unwrap_err();
            assert_eq!(
                shape(&error),
                (ErrorKind::Connect, Phase::Connect, Sent::No),
                "{wire:?} {error:?}"
            );
            let error = wire
                .ask(&build(proxied(trusting())), &url)
                .await
                .unwrap_err();
            assert_eq!(
                shape(&error),
                (ErrorKind::Proxy, Phase::Handshake, Sent::No),
                "{wire:?} {error:?}"
            );
            assert_eq!(error.status().unwrap(), 502);
        }

        // The server does not respond.
        let error = wire
            .ask(&build(trusting()), &format!("https://{mute}/v1"))
            .await
            .unwrap_err();
        assert_eq!(
            shape(&error),
            (
                ErrorKind::Timeout(TimeoutKind::Connect),
                Phase::Handshake,
                Sent::No
            ),
            "{wire:?} {error:?}"
        );
        assert_eq!(error.timeout(), Some(Duration::from_millis(300)));
        let silent_proxy = LoopbackProxy::builder().silent().start().unwrap();
        let mut connection = trusting();
        connection.proxy = Proxy::new(silent_proxy.url()).unwrap();
        let error = wire
            .ask(&build(connection), &encrypted.url("/"))
            .await
            .unwrap_err();
        assert_eq!(
            shape(&error),
            (
                ErrorKind::Timeout(TimeoutKind::Connect),
                Phase::Handshake,
                Sent::No
            ),
            "{wire:?} {error:?}"
        );
        for connection in [wire.connection(), proxied(wire.connection())] {
            let error = wire
                .ask(&build_impatient(connection), &format!("http://{mute}/v1"))
                .await
                .unwrap_err();
            assert_eq!(
                error.kind(),
                ErrorKind::Timeout(TimeoutKind::Headers),
                "{wire:?} {error:?}"
            );
        }
    }
}

fn shape(error: &Error) -> (ErrorKind, Phase, Sent) {
    (error.kind(), error.phase(), error.sent())
}

#[tokio::test]
async fn a_refusal_by_a_proxy_has_its_status() {
    for wire in WIRES {
        let server = LoopbackServer::start(wire.script()).unwrap();
        let proxy = LoopbackProxy::builder()
            .password("user", "right")
            .start()
            .unwrap();
        for (url, status, retryable) in [
            (proxy.url().replace("right", "wrong"), 407, false),
            (proxy.url().replace("user:right@", ""), 407, false),
            (
                LoopbackProxy::builder().refuse(403).start().unwrap().url(),
                403,
                false,
            ),
            (format!("http://{}", unused_address()), 0, true),
        ] {
            let mut connection = wire.connection();
            connection.proxy = Proxy::new(url).unwrap();
            let error = wire
                .ask(&build(connection), &server.url("/"))
                .await
                .unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Proxy);
            assert_eq!(error.sent(), Sent::No);
            // The refusing proxy above is dropped before the request, so it may be gone.
            if let Some(found) = error.status() {
                assert_eq!(found, status);
                assert_eq!(error.is_retryable(), retryable);
                assert_eq!(
                    error.to_string(),
                    format!("proxy tunnel failed with status {status} during the handshake")
                );
            } else {
                assert_eq!(error.phase(), Phase::Connect);
            }
        }
        assert!(
            server.requests().is_empty(),
            "nothing may go around the proxy"
        );
    }
}

#[tokio::test]
async fn an_untrusted_certificate_is_rejected() {
    let authority = Authority::generate().unwrap();
    let other = Authority::generate().unwrap();
    for wire in WIRES {
        let server = LoopbackServer::builder(wire.script())
            .tls(&authority, wire.versions())
            .unwrap()
            .start()
            .unwrap();
        let mut stranger = wire.connection();
        stranger.tls = stranger.tls.with_authority_pem(other.certificate_pem());
        let mut wrong_name = wire
            .connection()
            .with_address("api.example.test", server.address());
        wrong_name.tls = wrong_name
            .tls
            .with_authority_pem(authority.certificate_pem());
        for (connection, url) in [
            (wire.connection(), server.url("/")),
            (stranger, server.url("/")),
            (wrong_name, "https://api.example.test/".into()),
        ] {
            let error = wire.ask(&build(connection), &url).await.unwrap_err();
            assert_eq!(
                shape(&error),
                (ErrorKind::Certificate, Phase::Handshake, Sent::No),
                "{wire:?} {error:?}"
            );
            assert!(!error.is_retryable());
            assert_eq!(
                error.to_string(),
                "server certificate was rejected during the handshake"
            );
        }
        assert!(server.requests().is_empty());
    }
}

#[tokio::test]
async fn a_server_may_demand_a_certificate() {
    let authority = Authority::generate().unwrap();
    for wire in WIRES {
        let server = LoopbackServer::builder(wire.script())
            .mutual_tls(&authority, wire.versions())
            .unwrap()
            .start()
            .unwrap();
        let mut connection = wire.connection();
        connection.tls = connection
            .tls
            .with_authority_pem(authority.certificate_pem());
        assert!(
            wire.ask(&build(connection.clone()), &server.url("/"))
                .await
                .is_err()
        );
        let (chain, key) = authority.client_identity().unwrap();
        connection.tls = connection.tls.with_identity_pem(chain, key);
        assert_eq!(
            wire.ask(&build(connection), &server.url("/"))
                .await
                .unwrap(),
            "hello"
        );
    }
}

#[tokio::test]
async fn an_address_can_be_set_and_the_next_one_is_tried() {
    for wire in WIRES {
        let server = LoopbackServer::start(wire.script()).unwrap();
        let connection = wire
            .connection()
            .with_address(
                "api.example.test",
                SocketAddr::new("::1".parse().unwrap(), server.address().port()),
            )
            .with_address("api.example.test", server.address());
        let url = format!("http://API.example.test:{}/", server.address().port());
        assert_eq!(wire.ask(&build(connection), &url).await.unwrap(), "hello");
        let error = wire
            .ask(&build(wire.connection()), "http://does-not-exist.invalid/")
            .await
            .unwrap_err();
        assert_eq!(
            shape(&error),
            (ErrorKind::Dns, Phase::Connect, Sent::No),
            "{error:?}"
        );
    }
}

// A connection that breaks while it is established is opened once more, and not a third time.
#[tokio::test]
async fn the_connect_phase_is_repeated_exactly_once() {
    for wire in WIRES {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let count = Arc::new(AtomicUsize::new(0));
        let counted = count.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                counted.fetch_add(1, Ordering::SeqCst);
                // Closed in the middle of the TLS handshake.
                let mut stream = stream.unwrap();
                drop(std::io::Read::read(&mut stream, &mut [0; 5]));
            }
        });
        let error = wire
            .ask(&build(wire.connection()), &format!("https://{address}/"))
            .await
            .unwrap_err();
        assert_eq!(
            (error.phase(), error.sent()),
            (Phase::Handshake, Sent::No),
            "{error:?}"
        );
        assert!(error.is_retryable());
        assert_eq!(count.load(Ordering::SeqCst), 2, "{wire:?}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_socket_of_the_machine_serves_as_well() {
    for wire in WIRES {
        let server = LoopbackServer::start(wire.script()).unwrap();
        let path = std::env::temp_dir().join(format!(
            "codex-transport-{}-{wire:?}.sock",
            std::process::id()
        ));
        drop(std::fs::remove_file(&path));
        let listener = tokio::net::UnixListener::bind(&path).unwrap();
        let address = server.address();
        let relay = tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let mut far = tokio::net::TcpStream::connect(address).await.unwrap();
                    drop(tokio::io::copy_bidirectional(&mut near, &mut far).await);
                });
            }
        });
        let mut connection = wire.connection();
        connection.unix_socket = Some(path.clone());
        assert_eq!(
            wire.ask(&build(connection), "http://gateway.invalid/")
                .await
                .unwrap(),
            "hello"
        );
        relay.abort();
        std::fs::remove_file(path).unwrap();
    }
}

#[tokio::test]
async fn socks_serves_as_well() {
    for wire in WIRES {
        let server = LoopbackServer::start(wire.script()).unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("socks5h://user:secret@{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(socks5(stream));
            }
        });
        let mut connection = wire.connection();
        connection.proxy = Proxy::new(url.as_str()).unwrap();
        assert_eq!(
            wire.ask(&build(connection), &server.url("/"))
                .await
                .unwrap(),
            "hello"
        );
        let mut connection = wire.connection();
        connection.proxy = Proxy::new(url.replace("secret", "wrong")).unwrap();
        let error = wire
            .ask(&build(connection), &server.url("/"))
            .await
            .unwrap_err();
        assert_eq!(
            shape(&error),
            (ErrorKind::Proxy, Phase::Handshake, Sent::No),
            "{error:?}"
        );
    }
}

// RFC 1928 and RFC 1929, as far as one client needs them.
async fn socks5(mut client: tokio::net::TcpStream) -> std::io::Result<()> {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let mut greeting = [0; 3];
    client.read_exact(&mut greeting).await?;
    assert_eq!(greeting, [5, 1, 2], "one method: name and password");
    client.write_all(&[5, 2]).await?;
    let mut login = [0; 13];
    client.read_exact(&mut login[..2 + 4 + 1 + 5]).await?;
    let rest = usize::from(login[6]) - 5;
    client.read_exact(&mut login[12..12 + rest]).await?;
    let right = &login[2..6] == b"user" && &login[7..] == b"secret";
    client.write_all(&[1, u8::from(!right)]).await?;
    if !right {
        return Ok(());
    }
    let mut head = [0; 4];
    client.read_exact(&mut head).await?;
    assert_eq!(head, [5, 1, 0, 1], "connect to an IPv4 address");
    let mut target = [0; 6];
    client.read_exact(&mut target).await?;
    let address = SocketAddr::from((
        [target[0], target[1], target[2], target[3]],
        u16::from_be_bytes([target[4], target[5]]),
    ));
    let mut server = tokio::net::TcpStream::connect(address).await?;
    client.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).await?;
    tokio::io::copy_bidirectional(&mut client, &mut server).await?;
    Ok(())
}

// A separate process reads the environment, because changing that of this process is not safe.
#[test]
fn the_environment_names_proxy_and_authorities() {
    const CHILD: &str = "CODEX_TRANSPORT_TEST_CHILD";
    let Some(url) = std::env::var_os(CHILD) else {
        let authority = Authority::generate().unwrap();
        let server = LoopbackServer::builder(Wire::Http1.script())
            .tls(&authority, HttpVersions::Negotiated)
            .unwrap()
            .start()
            .unwrap();
        let proxy = LoopbackProxy::builder()
            .password("user", "invented")
            .start()
            .unwrap();
        let file = std::env::temp_dir().join(format!("codex-transport-{}.pem", std::process::id()));
        std::fs::write(&file, authority.certificate_pem()).unwrap();
        let status = std::process::Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "policy::the_environment_names_proxy_and_authorities",
            ])
            .env(CHILD, server.url("/"))
            .env("HTTPS_PROXY", proxy.url())
            .env("SSL_CERT_FILE", &file)
            .env_remove("NO_PROXY")
            .env_remove("no_proxy")
            .status()
            .unwrap();
        std::fs::remove_file(file).unwrap();
        assert!(status.success());
        assert_eq!(proxy.targets(), [server.address().to_string()]);
        assert_eq!(
            server.requests()[0].version,
            Version::HTTP_2,
            "agreed on in TLS"
        );
        return;
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let transport = HyperTransport::new().unwrap();
        assert_eq!(
            Wire::Http1
                .ask(&transport, url.to_str().unwrap())
                .await
                .unwrap(),
            "hello"
        );
    });
}

#[test]
fn unusable_settings_fail_when_the_transport_is_built() {
    let with = |change: fn(&mut ConnectOptions)| {
        let mut connection = Wire::Http1.connection();
        change(&mut connection);
        HyperTransport::builder()
            .connection(connection)
            .build()
            .unwrap_err()
    };
    for error in [
        with(|connection| {
            connection.tls = connection
                .tls
                .clone()
                .with_authority_file("/nonexistent/ca.pem")
        }),
        with(|connection| {
            connection.tls = connection
                .tls
                .clone()
                .with_authority_pem("no certificate in here")
        }),
        with(|connection| connection.tls = connection.tls.clone().with_identity_pem("", "")),
    ] {
        assert_eq!(
            shape(&error),
            (ErrorKind::Configuration, Phase::Prepare, Sent::No)
        );
        assert!(core::error::Error::source(&error).is_some());
    }
    let error = Proxy::new("ftp://user:secret@host").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert!(!format!("{error:?} {error}").contains("secret"));
}
