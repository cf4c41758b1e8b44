//! The loopback listener of a browser sign-in, and a complete sign-in over real sockets.

use core::net::{IpAddr, SocketAddr};
use core::time::Duration;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread;

use codex_auth::{
    BrowserSignIn, Entropy, Incoming, LoopbackConnection, Moment, OAuthProfile, Page,
    SignInFlow as _, drive,
};
use proptest::prelude::*;

use crate::support::{Authority, VirtualTimer, block_on, member, ok};

const URI: &str = "http://localhost:1455/auth/callback";

fn fed(request: &str) -> Incoming {
    LoopbackConnection::new(URI).feed(request.as_bytes())
}

#[test]
fn one_shape_of_request_is_let_through() {
    for host in [
        "localhost:1455",
        "LOCALHOST:1455",
        "127.0.0.1:1455",
        "[::1]:1455",
    ] {
        let request =
            format!("GET /auth/callback?code=c HTTP/1.1\r\nAccept: */*\r\nhOsT:  {host} \r\n\r\n");
        assert!(
            matches!(fed(&request), Incoming::Redirect(target) if target.as_str() == "/auth/callback?code=c"),
            "{host}"
        );
    }
    let with_host = |start: &str| format!("{start}\r\nHost: localhost:1455\r\n\r\n");
    for (request, page) in [
        (with_host("GET /favicon.ico HTTP/1.1"), Page::NotFound),
        (with_host("GET / HTTP/1.1"), Page::NotFound),
        (with_host("GET /cancel HTTP/1.1"), Page::NotFound),
        (
            with_host("GET /auth/callback/x?code=c HTTP/1.1"),
            Page::NotFound,
        ),
        (
            with_host("GET /AUTH/callback?code=c HTTP/1.1"),
            Page::NotFound,
        ),
        (
            with_host("POST /auth/callback?code=c HTTP/1.1"),
            Page::WrongMethod,
        ),
        (
            with_host("HEAD /auth/callback?code=c HTTP/1.1"),
            Page::WrongMethod,
        ),
        (
            with_host("GET http://localhost:1455/auth/callback HTTP/1.1"),
            Page::BadRequest,
        ),
        (with_host("GET /auth/callback HTTP/2"), Page::BadRequest),
        (
            with_host("GET /auth/callback?a b HTTP/1.1"),
            Page::BadRequest,
        ),
        (with_host("GET"), Page::BadRequest),
        (with_host(""), Page::BadRequest),
        (
            "GET /auth/callback?code=c HTTP/1.1\r\n\r\n".to_owned(),
            Page::WrongHost,
        ),
        (
            "GET /auth/callback?code=c HTTP/1.1\r\nHost: evil.example:1455\r\n\r\n".to_owned(),
            Page::WrongHost,
        ),
        (
            "GET /auth/callback?code=c HTTP/1.1\r\nHost: localhost:1456\r\n\r\n".to_owned(),
            Page::WrongHost,
        ),
        (
            "GET /auth/callback?code=c HTTP/1.1\r\nHost: localhost\r\n\r\n".to_owned(),
            Page::WrongHost,
        ),
        (
            "GET /auth/callback?code=c HTTP/1.1\r\nHost: localhost.evil.example:1455\r\n\r\n"
                .to_owned(),
            Page::WrongHost,
        ),
        (
            "GET /auth/callback HTTP/1.1\r\nHost: localhost:1455\r\nHost: localhost:1455\r\n\r\n"
                .to_owned(),
            Page::WrongHost,
        ),
        ("\u{16}\u{3}\u{1}\r\n\r\n".to_owned(), Page::BadRequest),
    ] {
        assert_eq!(fed(&request), Incoming::Other(page), "{request}");
    }
}

#[test]
fn a_request_may_come_byte_by_byte_and_not_without_end() {
    let request = "GET /auth/callback?code=c HTTP/1.1\r\nHost: localhost:1455\r\n\r\n";
    let mut connection = LoopbackConnection::new(URI);
    for byte in &request.as_bytes()[..request.len() - 1] {
        assert_eq!(connection.feed(&[*byte]), Incoming::NeedMore);
    }
    assert!(matches!(connection.feed(b"\n"), Incoming::Redirect(_)));

    let mut endless = LoopbackConnection::new(URI);
    for _ in 0..80 * 1024 - 1 {
        assert_eq!(endless.feed(b"x"), Incoming::NeedMore);
    }
    assert_eq!(endless.feed(b"x"), Incoming::Other(Page::TooLarge));
    assert_eq!(
        LoopbackConnection::new(URI).feed(&vec![b'x'; 1 << 20]),
        Incoming::Other(Page::TooLarge)
    );
}

/// A browser sends the cookies of every program on `localhost`, whatever its port.
#[test]
fn sixty_four_kibibytes_of_headers_are_read() {
    let start = "GET /auth/callback?code=c HTTP/1.1\r\n";
    let headers = format!(
        "Host: localhost:1455\r\nCookie: {}\r\n\r\n",
        "c".repeat(64 * 1024 - 34)
    );
    assert_eq!(headers.len(), 64 * 1024);
    assert!(matches!(
        fed(&(start.to_owned() + &headers)),
        Incoming::Redirect(target) if target.as_str() == "/auth/callback?code=c"
    ));
}

#[test]
fn pages_are_closed_uncached_and_without_scripts() {
    for (page, status) in [
        (Page::SignedIn, "200 OK"),
        (Page::Declined, "200 OK"),
        (Page::MissingEntitlement, "200 OK"),
        (Page::BadRequest, "400 Bad Request"),
        (Page::WrongHost, "403 Forbidden"),
        (Page::NotFound, "404 Not Found"),
        (Page::WrongMethod, "405 Method Not Allowed"),
        (Page::TooLarge, "431 Request Header Fields Too Large"),
    ] {
        let text = String::from_utf8(page.to_bytes()).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with(&format!("HTTP/1.1 {status}\r\n")));
        for header in [
            "connection: close",
            "cache-control: no-store",
            "referrer-policy: no-referrer",
            "content-security-policy: default-src 'none'",
        ] {
            assert!(head.contains(header), "{header}");
        }
        assert!(head.contains(&format!("content-length: {}", body.len())));
        assert!(!body.contains("<script") && !body.contains("http"));
    }
}

// No page can end a sign-in (there is no `/cancel`), so a sign-in that already uses the port is
// left alone: if a port is busy, the next registered port is used, and the listener binds both
// address families.
#[test]
fn a_whole_sign_in_over_real_sockets() {
    let busy = TcpListener::bind("127.0.0.1:0").unwrap();
    let spare = {
        TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port()
    };
    let mut profile = OAuthProfile::codex();
    profile.redirect.ports = vec![busy.local_addr().unwrap().port(), spare];

    let listen = |port: u16| -> std::io::Result<Vec<TcpListener>> {
        let mut listeners = Vec::new();
        for address in profile.redirect.listen_addresses() {
            match TcpListener::bind(SocketAddr::new(address, port)) {
                Ok(listener) => listeners.push(listener),
                // On a machine without IPv6, no other program can listen there.
                Err(error)
                    if address.is_ipv6() && error.kind() != std::io::ErrorKind::AddrInUse => {}
                Err(error) => return Err(error),
            }
        }
        Ok(listeners)
    };
    let (port, listeners) = profile
        .redirect
        .ports
        .iter()
        .find_map(|port| Some((*port, listen(*port).ok()?)))
        .unwrap();
    assert_eq!(port, spare);

    let mut flow = BrowserSignIn::new(profile.clone(), port)
        .begin(Moment::now(), &Entropy::from_os().unwrap())
        .unwrap();
    assert_eq!(
        flow.redirect_uri(),
        format!("http://localhost:{port}/auth/callback")
    );
    let state = member(flow.authorize_url().split_once('?').unwrap().1, "state").unwrap();

    // Requests of a browser and of others: each gets a response, and its connection is closed.
    let addresses: Vec<IpAddr> = listeners
        .iter()
        .map(|listener| listener.local_addr().unwrap().ip())
        .collect();
    let visitor = thread::spawn(move || {
        let last = *addresses.last().unwrap();
        let visit = |address: IpAddr, target: &str| {
            let mut stream = TcpStream::connect(SocketAddr::new(address, port)).unwrap();
            write!(
                stream,
                "GET {target} HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n"
            )
            .unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            answer
        };
        let idle = TcpStream::connect(SocketAddr::new(addresses[0], port)).unwrap();
        let answers = [
            visit(addresses[0], "/favicon.ico"),
            visit(last, "/auth/callback?code=stolen&state=guess"),
            visit(last, &format!("/auth/callback?code=mine&state={state}")),
        ];
        drop(idle);
        answers
    });

    for listener in &listeners {
        listener.set_nonblocking(true).unwrap();
    }
    let mut redirected = false;
    while !redirected {
        for listener in &listeners {
            let Ok((mut stream, _)) = listener.accept() else {
                continue;
            };
            stream.set_nonblocking(false).unwrap();
            stream
                .set_read_timeout(Some(Duration::from_millis(200)))
                .unwrap();
            let mut connection = LoopbackConnection::new(flow.redirect_uri());
            let mut buffer = [0; 1024];
            let page = loop {
                match stream.read(&mut buffer) {
                    // An idle connection; browsers open some.
                    Err(_) | Ok(0) => break None,
                    Ok(count) => match connection.feed(&buffer[..count]) {
                        Incoming::NeedMore => {}
                        Incoming::Redirect(target) => {
                            break Some(Page::for_redirect(&mut flow, Moment::now(), &target));
                        }
                        Incoming::Other(page) => break Some(page),
                        other => panic!("{other:?}"),
                    },
                }
            };
            redirected |= page == Some(Page::SignedIn);
            if let Some(page) = page {
                stream.write_all(&page.to_bytes()).unwrap();
            }
        }
        thread::yield_now();
    }
    drop(listeners);
    let answers = visitor.join().unwrap();
    for (answer, status) in answers.iter().zip(["404", "400", "200"]) {
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{answer}"
        );
    }

    let authority = Authority::new([ok(
        r#"{"access_token":"a","id_token":"i","refresh_token":"r"}"#,
    )]);
    let signed_in = block_on(drive(
        flow,
        &authority,
        &VirtualTimer::new(),
        |_| {},
        |_| Ok(()),
    ))
    .unwrap();
    assert_eq!(signed_in.tokens().access_token().expose(), "a");
    assert_eq!(member(&authority.body(0), "code").as_deref(), Some("mine"));
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic_and_pieces_change_nothing(bytes in prop::collection::vec(any::<u8>(), 0..300), cut in 0_usize..300) {
        let whole = LoopbackConnection::new(URI).feed(&bytes);
        let mut connection = LoopbackConnection::new(URI);
        let cut = cut.min(bytes.len());
        let first = connection.feed(&bytes[..cut]);
        let pieces = if first == Incoming::NeedMore { connection.feed(&bytes[cut..]) } else { first };
        prop_assert_eq!(whole, pieces);
    }

    #[test]
    fn no_redirect_makes_it_panic(target in ".{0,200}") {
        let mut flow = BrowserSignIn::new(OAuthProfile::codex(), 1455).begin(Moment::now(), &Entropy::from_bytes([7; 128])).unwrap();
        let refused = flow.handle_redirect(Moment::now(), &target).is_err();
        prop_assert!(refused, "the state cannot be guessed");
        let _ = flow.handle_pasted(Moment::now(), &target);
        let _ = flow.poll(Moment::now());
    }
}
