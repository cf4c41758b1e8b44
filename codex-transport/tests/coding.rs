//! Content codings: streamed and bounded, with a typed error for every failure.
#![cfg(all(
    feature = "testing",
    feature = "br",
    feature = "deflate",
    feature = "gzip",
    feature = "zstd"
))]

use core::error::Error as _;
use core::time::Duration;

use bytes::Bytes;
use codex_transport::testing::{Answer, ChunkShape, Cut, Gate, LoopbackServer, Script};
use codex_transport::{
    Body, ConnectOptions, Error, ErrorKind, HttpTransport, HttpVersions, HyperTransport,
    SharedTransport, compress_zstd, decode_content,
};
use compression_codecs::core::util::{PartialBuffer, WriteBuffer};
use compression_codecs::{EncodeV2, brotli, flate, gzip, zlib, zstd};
use http::{Method, Request, Response};

/// An encoder of `compression-codecs`, and its output.
struct Coder {
    encoder: Box<dyn EncodeV2>,
    output: Vec<u8>,
}

impl Coder {
    fn new(coding: &str) -> Self {
        use compression_codecs::core::Level;
        let flate = flate::params::FlateEncoderParams::from(Level::Default);
        let encoder: Box<dyn EncodeV2> = match coding {
            "gzip" | "x-gzip" => Box::new(gzip::GzipEncoder::new(flate)),
            "deflate" => Box::new(zlib::ZlibEncoder::new(flate)),
            "bare deflate" => Box::new(compression_codecs::DeflateEncoder::new(flate)),
            "zstd" => Box::new(zstd::ZstdEncoder::new(3)),
            "br" => Box::new(brotli::BrotliEncoder::new(
                brotli::params::EncoderParams::default(),
            )),
            other => unreachable!("no encoder for {other}"),
        };
        Self {
            encoder,
            output: Vec::new(),
        }
    }

    fn run(&mut self, mut step: impl FnMut(&mut dyn EncodeV2, &mut WriteBuffer<'_>) -> bool) {
        loop {
            let mut buffer = vec![0; 1 << 16];
            let mut output = WriteBuffer::new_initialized(&mut buffer);
            let done = step(&mut *self.encoder, &mut output);
            self.output.extend_from_slice(output.written());
            if done {
                return;
            }
        }
    }

    fn write(&mut self, data: &[u8]) {
        let mut input = PartialBuffer::new(data);
        self.run(|encoder, output| {
            encoder.encode(&mut input, output).unwrap();
            input.unwritten().is_empty()
        });
    }

    // The output of a server that flushes: everything written so far can be decoded from it.
    fn flush(&mut self) -> Vec<u8> {
        self.run(|encoder, output| encoder.flush(output).unwrap());
        core::mem::take(&mut self.output)
    }

    fn finish(mut self) -> Vec<u8> {
        self.run(|encoder, output| encoder.finish(output).unwrap());
        self.output
    }
}

fn encode(coding: &str, data: &[u8]) -> Vec<u8> {
    let mut coder = Coder::new(coding);
    coder.write(data);
    coder.finish()
}

fn coded(coding: &str, bytes: impl Into<Bytes>) -> Answer {
    Answer::ok().header("content-encoding", coding).body(bytes)
}

const CODINGS: [&str; 4] = ["gzip", "deflate", "zstd", "br"];

async fn send(answer: Answer) -> (Response<Body>, LoopbackServer) {
    let server = LoopbackServer::start(Script::new().answer(answer)).unwrap();
    let transport = HyperTransport::new().unwrap();
    let request = Request::post(server.url("/"))
        .body(Bytes::from_static(b"{}"))
        .unwrap();
    (transport.send(request).await.unwrap(), server)
}

async fn drain(mut body: Body) -> (Vec<u8>, usize, Option<Error>) {
    let (mut all, mut longest) = (Vec::new(), 0);
    while let Some(chunk) = body.chunk().await {
        match chunk {
            Ok(chunk) => {
                longest = longest.max(chunk.len());
                all.extend_from_slice(&chunk);
            }
            Err(error) => return (all, longest, Some(error)),
        }
    }
    (all, longest, None)
}

// Decodes without a network, for tests with many small bodies.
async fn decoded(coding: &str, bytes: Vec<u8>) -> (Vec<u8>, Option<Error>) {
    let response = Response::builder().header("content-encoding", coding);
    let response = decode_content(response.body(Body::from(bytes)).unwrap());
    let (all, _, error) = drain(response.into_body()).await;
    (all, error)
}

#[tokio::test]
async fn a_coded_body_is_the_same_body() {
    let text =
        "data: {\"type\":\"response.output_text.delta\",\"delta\":\"word\"}\n\n".repeat(2000);
    for coding in ["gzip", "x-gzip", "deflate", "zstd", "br", "identity"] {
        let bytes = match coding {
            "identity" => text.clone().into_bytes(),
            coding => encode(coding, text.as_bytes()),
        };
        for shape in [
            ChunkShape::Whole,
            ChunkShape::Bytes(7),
            ChunkShape::Random { seed: 1, max: 300 },
        ] {
            let answer = Answer::sse()
                .header("content-encoding", coding)
                .body(bytes.clone())
                .shape(shape);
            let (response, server) = send(answer).await;
            for header in ["content-encoding", "content-length"] {
                let kept = response.headers().contains_key(header);
                assert!(!kept || coding == "identity", "{coding} {header}");
            }
            let (all, _, error) = drain(response.into_body()).await;
            assert!(error.is_none(), "{coding} {shape:?} {error:?}");
            assert_eq!(all, text.as_bytes(), "{coding} {shape:?}");
            assert_eq!(
                server.requests()[0].header("accept-encoding"),
                Some("zstd, br, gzip, deflate")
            );
        }
    }
}

// Compressed by the programs `gzip` and `zstd` and by zlib, not by the library that decodes it
// here.
#[tokio::test]
async fn data_of_other_encoders_is_read() {
    let gzip = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03KI,I\xb4R\xc8H\xcd\xc9\xc9\xe7\xe2\x02\x00\x1ds\x9d\xd4\r\x00\x00\x00";
    let zlib = b"x\x9cKI,I\xb4R\xc8H\xcd\xc9\xc9\xe7\xe2\x02\x00\x1f\xea\x04\x1d";
    let bare = b"KI,I\xb4R\xc8H\xcd\xc9\xc9\xe7\xe2\x02\x00";
    let zstd = b"\x28\xb5\x2f\xfd\x04\x58\x69\x00\x00data: hello\n\n\xc8\xc9\x3e\xeb";
    for (coding, bytes) in [
        ("gzip", &gzip[..]),
        ("GZip", gzip),
        ("deflate", zlib),
        ("deflate", bare),
        ("zstd", zstd),
    ] {
        let (all, error) = decoded(coding, bytes.to_vec()).await;
        assert!(error.is_none(), "{coding} {error:?}");
        assert_eq!(all, b"data: hello\n\n", "{coding}");
    }
}

#[tokio::test]
async fn each_event_is_returned_before_the_server_sends_the_next() {
    let events: Vec<String> = (0..20)
        .map(|index| format!("data: {{\"delta\":\"word {index}\"}}\n\n"))
        .collect();
    for version in [HttpVersions::Http1, HttpVersions::Http2] {
        for coding in CODINGS {
            let gates: Vec<Gate> = events.iter().map(|_| Gate::new()).collect();
            let mut coder = Coder::new(coding);
            let mut answer = Answer::sse().header("content-encoding", coding);
            for (event, gate) in events.iter().zip(&gates) {
                coder.write(event.as_bytes());
                answer = answer.body(coder.flush()).gate(gate);
            }
            let answer = answer.body(coder.finish());
            let server = LoopbackServer::start(Script::new().answer(answer)).unwrap();
            let mut connection = ConnectOptions::default();
            connection.http = version;
            let transport = HyperTransport::builder()
                .connection(connection)
                .build()
                .unwrap();
            let request = Request::get(server.url("/")).body(Bytes::new()).unwrap();
            let mut body = transport.send(request).await.unwrap().into_body();
            for (event, gate) in events.iter().zip(&gates) {
                let mut seen = Vec::new();
                while seen.len() < event.len() {
                    let chunk = tokio::time::timeout(Duration::from_secs(10), body.chunk()).await;
                    let chunk = chunk.unwrap_or_else(|_| unreachable!("{version:?} {coding}"));
                    seen.extend_from_slice(&chunk.unwrap().unwrap());
                }
                assert_eq!(seen, event.as_bytes(), "{version:?} {coding}");
                // Only now does the server send the next chunk.
                gate.open();
            }
            assert!(body.chunk().await.is_none());
        }
    }
}

#[tokio::test]
async fn codings_on_top_of_each_other_are_undone_in_reverse() {
    let text = "hello ".repeat(1000);
    let twice = encode("zstd", &encode("gzip", text.as_bytes()));
    for value in ["gzip, zstd", "gzip,, identity ,ZSTD"] {
        let (all, error) = decoded(value, twice.clone()).await;
        assert!(error.is_none(), "{error:?}");
        assert_eq!(all, text.as_bytes());
    }
    let mut response = Response::new(Body::from(twice));
    for coding in ["gzip", "zstd"] {
        response
            .headers_mut()
            .append("content-encoding", coding.parse().unwrap());
    }
    let (all, _, error) = drain(decode_content(response).into_body()).await;
    assert!(error.is_none(), "{error:?}");
    assert_eq!(all, text.as_bytes());
    let (all, error) = decoded(&["gzip"; 6].join(","), Vec::from("?")).await;
    assert!(all.is_empty());
    assert_eq!(error.unwrap().kind(), ErrorKind::ContentCoding);
}

#[tokio::test]
async fn members_and_frames_follow_each_other() {
    for coding in ["gzip", "zstd"] {
        let mut bytes = encode(coding, b"one ");
        bytes.extend(encode(coding, b""));
        bytes.extend(encode(coding, b"two"));
        for shape in [ChunkShape::Whole, ChunkShape::Bytes(1)] {
            let (response, _server) = send(coded(coding, bytes.clone()).shape(shape)).await;
            let (all, _, error) = drain(response.into_body()).await;
            assert!(error.is_none(), "{coding} {shape:?} {error:?}");
            assert_eq!(all, b"one two", "{coding} {shape:?}");
        }
    }
    for coding in ["br", "deflate"] {
        let mut bytes = encode(coding, b"one");
        bytes.extend(b"behind");
        let (all, error) = decoded(coding, bytes).await;
        assert_eq!(all, b"one");
        assert_eq!(error.unwrap().kind(), ErrorKind::ContentCoding, "{coding}");
    }
}

#[tokio::test]
async fn a_bomb_comes_in_small_chunks() {
    let zeros = vec![0; 8 << 20];
    for coding in CODINGS {
        let bytes = encode(coding, &zeros);
        assert!(bytes.len() < 20_000);
        let (response, _server) = send(coded(coding, bytes)).await;
        let (all, longest, error) = drain(response.into_body()).await;
        assert!(error.is_none(), "{coding} {error:?}");
        assert_eq!(all.len(), zeros.len());
        assert!(longest <= 16 * 1024, "{coding} {longest}");
    }
    // A window of 16 MiB would let the server choose how much memory is used.
    let frame = b"\x28\xb5\x2f\xfd\x00\x70\x01\x00\x00";
    let (_, error) = decoded("zstd", frame.to_vec()).await;
    assert_eq!(error.unwrap().kind(), ErrorKind::ContentCoding);
}

#[tokio::test]
async fn truncated_data_is_returned_and_then_reported() {
    let text: String = (0..3000).map(|n| format!("{n} ")).collect();
    for coding in ["gzip", "deflate", "bare deflate", "zstd", "br"] {
        let name = coding.trim_start_matches("bare ");
        let mut coder = Coder::new(coding);
        coder.write(text.as_bytes());
        let flushed = coder.flush();
        let (all, error) = decoded(name, flushed).await;
        assert_eq!(all, text.as_bytes(), "{coding}");
        assert_eq!(error.unwrap().kind(), ErrorKind::Truncated, "{coding}");

        let whole = encode(coding, b"short");
        for length in 1..whole.len() {
            let (all, error) = decoded(name, whole[..length].to_vec()).await;
            assert!(b"short".starts_with(&all[..]), "{coding} {length}");
            let kind = error.map(|error| error.kind());
            assert_eq!(kind, Some(ErrorKind::Truncated), "{coding} {length}");
        }
    }
    // The network's own error takes precedence.
    let cut = encode("gzip", text.as_bytes())[..500].to_vec();
    let (response, _server) = send(coded("gzip", cut).cut(Cut::Reset)).await;
    let (_, _, error) = drain(response.into_body()).await;
    assert_eq!(error.unwrap().kind(), ErrorKind::ConnectionLost);
}

#[tokio::test]
async fn invalid_data_is_reported_by_the_name_of_its_coding() {
    for coding in CODINGS {
        let answer = coded(coding, "no such coding in here at all").header("x-request-id", "req_1");
        let (response, _server) = send(answer).await;
        let (_, _, error) = drain(response.into_body()).await;
        let error = error.unwrap();
        assert_eq!(error.kind(), ErrorKind::ContentCoding, "{coding}");
        assert_eq!(error.request_id(), Some("req_1"));
        assert!(!error.is_retryable());
        assert_eq!(
            error.source().unwrap().to_string(),
            format!("invalid {coding} data")
        );
    }
    let mut bytes = encode("gzip", b"hello");
    let checksum = bytes.len() - 8;
    bytes[checksum] ^= 1;
    let (all, error) = decoded("gzip", bytes).await;
    assert_eq!(all, b"hello");
    assert_eq!(error.unwrap().kind(), ErrorKind::ContentCoding);
}

#[tokio::test]
async fn a_coding_that_cannot_be_decoded_is_refused_by_name() {
    for (value, text) in [
        ("compress", "unsupported content coding `compress`"),
        ("gzip, Aes128GCM", "unsupported content coding `aes128gcm`"),
        ("not a name", "invalid content coding name"),
    ] {
        let (response, _server) = send(coded(value, "data: {}\n\n")).await;
        assert_eq!(response.headers()["content-encoding"], value);
        let (all, _, error) = drain(response.into_body()).await;
        let error = error.unwrap();
        assert!(all.is_empty());
        assert_eq!(error.kind(), ErrorKind::ContentCoding);
        assert!(!error.is_retryable());
        assert_eq!(error.source().unwrap().to_string(), text);
    }
}

#[tokio::test]
async fn what_has_no_body_stays_as_it_is() {
    for (method, status) in [
        (Method::HEAD, 200),
        (Method::GET, 204),
        (Method::GET, 304),
        (Method::GET, 200),
    ] {
        let answer = Answer::status(status).header("content-encoding", "gzip");
        let server = LoopbackServer::start(Script::new().answer(answer.forever())).unwrap();
        for version in [HttpVersions::Http1, HttpVersions::Http2] {
            let mut connection = ConnectOptions::default();
            connection.http = version;
            let transport = HyperTransport::builder()
                .connection(connection)
                .build()
                .unwrap();
            let request = Request::builder().method(&method).uri(server.url("/"));
            let request = request.body(Bytes::new()).unwrap();
            let response = transport.send(request).await.unwrap();
            let (all, _, error) = drain(response.into_body()).await;
            assert!(error.is_none(), "{method} {status} {version:?} {error:?}");
            assert!(all.is_empty());
        }
    }
}

#[tokio::test]
async fn a_coding_that_was_not_offered_is_decoded_over_any_transport() {
    let server = LoopbackServer::start(
        Script::new().answer(
            Answer::status(429)
                .header("content-encoding", "gzip")
                .body(encode("gzip", b"{\"error\":{}}"))
                .forever(),
        ),
    )
    .unwrap();
    let transport = HyperTransport::builder().decompress(false).build().unwrap();
    let request = Request::get(server.url("/")).body(Bytes::new()).unwrap();
    let response = transport.send(request).await.unwrap();
    assert_eq!(drain(response.into_body()).await.0, b"{\"error\":{}}");
    assert_eq!(server.requests()[0].header("accept-encoding"), None);

    struct Foreign;
    impl HttpTransport for Foreign {
        async fn send(&self, _: Request<Bytes>) -> Result<Response<Body>, Error> {
            let response = Response::builder().header("content-encoding", "zstd");
            Ok(response.body(Body::from(encode("zstd", b"hello"))).unwrap())
        }
    }
    let request = Request::get("http://example.test/")
        .body(Bytes::new())
        .unwrap();
    let response = SharedTransport::new(Foreign).send(request).await.unwrap();
    assert_eq!(drain(response.into_body()).await.0, b"hello");
}

#[cfg(feature = "ws")]
#[tokio::test]
async fn the_body_of_a_refused_upgrade_is_decoded() {
    use codex_transport::{Upgrade, WsTransport};
    let answer = Answer::status(401)
        .header("content-encoding", "gzip")
        .body(encode("gzip", b"{\"error\":{}}"));
    let server = LoopbackServer::start(Script::new().answer(answer)).unwrap();
    let request = Request::get(server.ws_url("/")).body(()).unwrap();
    let upgrade = HyperTransport::new().unwrap().connect(request).await;
    let Upgrade::Refused(response) = upgrade.unwrap() else {
        unreachable!("a 401 refuses")
    };
    assert_eq!(response.body(), "{\"error\":{}}");
}

#[tokio::test]
async fn requests_are_compressed_once() {
    let request = Request::post("http://example.test/")
        .body(Bytes::from("{\"input\":[]}".repeat(1000)))
        .unwrap();
    let compressed = compress_zstd(request.clone()).unwrap();
    let (all, error) = decoded("zstd", compressed.body().to_vec()).await;
    assert!(error.is_none());
    assert_eq!(all, request.body().as_ref());
    assert_eq!(
        compress_zstd(compressed).unwrap_err().kind(),
        ErrorKind::InvalidRequest
    );
}
