//! No byte of an earlier response reaches a later request, whatever the server does between them.
//!
//! `CODEX_TRANSPORT_SCRIPTS` is the number of random scripts, 500 by default.
#![cfg(feature = "testing-tls")]

use core::net::SocketAddr;
use core::task::{Context, Poll, Waker};
use core::time::Duration;
use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};

use bytes::Bytes;
use codex_transport::{Error, HttpTransport, HttpVersions, HyperTransport};
use http::{Method, Request};
use tokio::runtime::{Builder, Runtime};

use crate::support::build;

/// The server's behavior for one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Act {
    Length,
    Chunked,
    Empty,
    NoContent,
    Informational,
    /// Followed by bytes that must not be there.
    BytesBehind,
    ResponseBehind,
    ResponseLater,
    LineBehind,
    BodyToHead,
    /// After which the connection ends.
    End,
    Reset,
    CloseAnnounced,
    /// Before the request body is read.
    Early,
    /// The response stops in the middle.
    Half,
}

const ACTS: [Act; 15] = [
    Act::Length,
    Act::Chunked,
    Act::Empty,
    Act::NoContent,
    Act::Informational,
    Act::BytesBehind,
    Act::ResponseBehind,
    Act::ResponseLater,
    Act::LineBehind,
    Act::BodyToHead,
    Act::End,
    Act::Reset,
    Act::CloseAnnounced,
    Act::Early,
    Act::Half,
];

/// The client's behavior for one response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reader {
    Whole,
    OneChunk,
    HeadOnly,
    /// The request is cancelled after this many polls.
    GivenUp(u8),
}

#[derive(Clone, Copy, Debug)]
struct Exchange {
    act: Act,
    reader: Reader,
    large: bool,
    // What the client does before the next request: compute without polling, or let the runtime
    // run.
    computes: bool,
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).unwrap()
    }

    fn exchange(&mut self) -> Exchange {
        Exchange {
            act: ACTS[self.below(ACTS.len())],
            reader: match self.below(6) {
                0..3 => Reader::Whole,
                3 => Reader::OneChunk,
                4 => Reader::HeadOnly,
                _ => Reader::GivenUp(u8::try_from(1 + self.below(4)).unwrap()),
            },
            large: self.below(24) == 0,
            computes: self.below(3) > 0,
        }
    }
}

/// The requests that the server has finished.
#[derive(Default)]
struct Done {
    ids: Mutex<HashMap<u64, ()>>,
    changed: Condvar,
}

impl Done {
    fn add(&self, id: u64) {
        self.ids.lock().unwrap().insert(id, ());
        self.changed.notify_all();
    }

    // Blocks the thread, as a program does while it computes.
    fn wait(&self, id: u64, limit: Duration) {
        let ids = self.ids.lock().unwrap();
        drop(
            self.changed
                .wait_timeout_while(ids, limit, |ids| !ids.contains_key(&id)),
        );
    }
}

/// Acts on the path of each request: `/<id>/<act>`. Uses a thread for each connection.
struct Server {
    address: SocketAddr,
    done: Arc<Done>,
}

impl Server {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let done = Arc::new(Done::default());
        let of_threads = done.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let done = of_threads.clone();
                std::thread::spawn(move || {
                    let _ = serve(stream, &done);
                });
            }
        });
        Self { address, done }
    }
}

fn serve(mut stream: TcpStream, done: &Done) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    let mut input = Vec::new();
    loop {
        let head = loop {
            if let Some(at) = input.windows(4).position(|four| four == b"\r\n\r\n") {
                break input.drain(..at + 4).collect::<Vec<_>>();
            }
            if read(&mut stream, &mut input)? == 0 {
                return Ok(());
            }
        };
        let head = String::from_utf8(head).unwrap();
        let mut path = head.split(' ').nth(1).unwrap().split('/').skip(1);
        let id: u64 = path.next().unwrap().parse().unwrap();
        let act = ACTS[path.next().unwrap().parse::<usize>().unwrap()];
        let length: usize = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "))
            .map_or(0, |value| value.parse().unwrap());
        if act != Act::Early {
            while input.len() < length {
                if read(&mut stream, &mut input)? == 0 {
                    return Ok(());
                }
            }
            input.drain(..length);
        }
        let goes_on = respond(&mut stream, id, act, head.starts_with("HEAD"));
        if !matches!(goes_on, Ok(true)) {
            if act == Act::Reset {
                socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO))?;
            }
            drop(stream);
            done.add(id);
            return Ok(());
        }
        done.add(id);
        if act == Act::Early {
            let mut rest = length;
            while rest > input.len() {
                rest -= input.len();
                input.clear();
                if read(&mut stream, &mut input)? == 0 {
                    return Ok(());
                }
            }
            input.drain(..rest);
        }
    }
}

fn read(stream: &mut TcpStream, input: &mut Vec<u8>) -> std::io::Result<usize> {
    let mut buffer = [0; 16 * 1024];
    let count = stream.read(&mut buffer)?;
    input.extend_from_slice(&buffer[..count]);
    Ok(count)
}

// Returns whether the connection stays open.
fn respond(stream: &mut TcpStream, id: u64, act: Act, head: bool) -> std::io::Result<bool> {
    let body = format!("{id};").repeat(20);
    let length = body.len();
    let full = |extra: &str| {
        format!("HTTP/1.1 200 OK\r\nx-id: {id}\r\n{extra}content-length: {length}\r\n\r\n{body}")
    };
    let headers_only = |text: String| {
        let end = text.find("\r\n\r\n").unwrap() + 4;
        if head { text[..end].to_owned() } else { text }
    };
    let text = match act {
        Act::Chunked => headers_only(format!(
            "HTTP/1.1 200 OK\r\nx-id: {id}\r\ntransfer-encoding: chunked\r\n\r\n{length:x}\r\n{body}\r\n0\r\n\r\n"
        )),
        Act::Empty => format!("HTTP/1.1 200 OK\r\nx-id: {id}\r\ncontent-length: 0\r\n\r\n"),
        Act::NoContent => format!("HTTP/1.1 204 No Content\r\nx-id: {id}\r\n\r\n"),
        Act::Informational => format!(
            "HTTP/1.1 103 Early Hints\r\nx-hint: 1\r\n\r\n{}",
            headers_only(full(""))
        ),
        Act::BytesBehind => headers_only(full("")) + &body,
        Act::ResponseBehind => headers_only(full("")) + &full(""),
        Act::LineBehind => headers_only(full("")) + "\r\n",
        // For any other request this would be a valid response.
        Act::BodyToHead => full(""),
        Act::CloseAnnounced => headers_only(full("connection: close\r\n")),
        Act::Half => full("")[..full("").len() - length / 2].to_owned(),
        Act::Length | Act::ResponseLater | Act::End | Act::Reset | Act::Early => {
            headers_only(full(""))
        }
    };
    stream.write_all(text.as_bytes())?;
    if act == Act::ResponseLater {
        std::thread::sleep(Duration::from_millis(1));
        stream.write_all(full("").as_bytes())?;
    }
    Ok(!matches!(act, Act::End | Act::Reset))
}

/// Sends one request and checks every byte of its response.
async fn exchange(
    transport: &HyperTransport,
    server: &Server,
    id: u64,
    exchange: Exchange,
) -> Result<(), Error> {
    let act = ACTS.iter().position(|act| *act == exchange.act).unwrap();
    let method = if exchange.act == Act::BodyToHead {
        Method::HEAD
    } else {
        Method::POST
    };
    let body = if method == Method::HEAD {
        0
    } else if exchange.large {
        4 << 20
    } else {
        100
    };
    let request = Request::builder()
        .method(method)
        .uri(format!("http://{}/{id}/{act}", server.address))
        .body(Bytes::from(vec![b'x'; body]))
        .unwrap();
    let response = if let Reader::GivenUp(polls) = exchange.reader {
        let mut sending = Box::pin(transport.send(request));
        let mut sent = None;
        for _ in 0..polls {
            match sending
                .as_mut()
                .poll(&mut Context::from_waker(Waker::noop()))
            {
                Poll::Ready(response) => {
                    sent = Some(response?);
                    break;
                }
                Poll::Pending => tokio::task::yield_now().await,
            }
        }
        match sent {
            Some(response) => response,
            None => return Ok(()),
        }
    } else {
        transport.send(request).await?
    };
    let found = response.headers()["x-id"].to_str().unwrap();
    assert_eq!(found, id.to_string(), "the headers of another response");
    let expected = format!("{id};").repeat(20);
    let mut read = Vec::new();
    let mut body = response.into_body();
    if exchange.reader == Reader::HeadOnly {
        return Ok(());
    }
    while let Some(chunk) = body.chunk().await {
        read.extend_from_slice(&chunk?);
        let seen = core::str::from_utf8(&read).unwrap();
        assert!(
            expected.starts_with(seen),
            "bytes of another response: {seen}"
        );
        if exchange.reader == Reader::OneChunk {
            break;
        }
    }
    Ok(())
}

fn runtime(threads: bool) -> Runtime {
    let mut builder = if threads {
        let mut builder = Builder::new_multi_thread();
        builder.worker_threads(2);
        builder
    } else {
        Builder::new_current_thread()
    };
    builder.enable_all().build().unwrap()
}

fn scripts() -> u64 {
    std::env::var("CODEX_TRANSPORT_SCRIPTS").map_or(500, |number| number.parse().unwrap())
}

#[test]
fn no_byte_of_an_earlier_response_reaches_a_later_request() {
    let server = Server::start();
    // A connection that one script leaves in the pool is the first one of the next script.
    let runtimes = [runtime(false), runtime(true)]
        .map(|runtime| (runtime, build(HttpVersions::Http1, |_| ())));
    let mut id = 0;
    let mut refused = 0;
    for seed in 0..scripts() {
        let mut random = Random(seed);
        let script: Vec<Exchange> = (0..2 + random.below(4))
            .map(|_| random.exchange())
            .collect();
        let (runtime, transport) = &runtimes[usize::from(seed % 2 == 1)];
        runtime.block_on(async {
            for part in &script {
                id += 1;
                let limit = Duration::from_secs(5);
                let result = if part.act == Act::Half {
                    // The client would wait for the rest, so it cancels instead.
                    let limit = Duration::from_millis(20);
                    tokio::time::timeout(limit, exchange(transport, &server, id, *part))
                        .await
                        .unwrap_or(Ok(()))
                } else {
                    let exchange = exchange(transport, &server, id, *part);
                    tokio::time::timeout(limit, exchange)
                        .await
                        .unwrap_or_else(|_| panic!("script {seed} hangs: {script:?}"))
                };
                // Whatever the server left on a connection, the next request gets its response.
                // Only a reset may cost the previous response.
                if let Err(error) = result {
                    assert!(
                        part.act == Act::Reset,
                        "script {seed}: {error:?} at {part:?} of {script:?}"
                    );
                    refused += 1;
                }
                let given_up = matches!(part.reader, Reader::GivenUp(_));
                let limit = Duration::from_millis(if given_up { 5 } else { 500 });
                if part.computes {
                    server.done.wait(id, limit);
                } else {
                    let done = server.done.clone();
                    tokio::task::spawn_blocking(move || done.wait(id, limit))
                        .await
                        .unwrap();
                }
            }
        });
    }
    println!("{id} requests in {} scripts, {refused} failed", scripts());
}

// The most common case: the server closes while the program computes.
#[test]
fn a_connection_that_was_closed_during_synchronous_work_is_not_used() {
    for threads in [false, true] {
        let server = Server::start();
        let transport = build(HttpVersions::Http1, |_| ());
        runtime(threads).block_on(async {
            for id in 0..20 {
                let act = if id % 2 == 0 {
                    Act::End
                } else {
                    Act::ResponseLater
                };
                let part = Exchange {
                    act,
                    reader: Reader::Whole,
                    large: false,
                    computes: true,
                };
                exchange(&transport, &server, id, part).await.unwrap();
                server.done.wait(id, Duration::from_secs(5));
            }
        });
    }
}
