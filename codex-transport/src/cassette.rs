//! Records exchanges into one JSON Lines file and replays them, so that a bug report is a single
//! file.
//!
//! [`Recorder`] wraps a transport and records what passes through it, over HTTP and WebSocket, with
//! the time and the boundaries of every chunk. Secrets are removed when the recording is written:
//! see [`Scrubber`]. With the feature `testing`, a [`Cassette`] becomes a
//! [`Script`](crate::testing::Script) for the loopback server or the in-memory transport, with or
//! without its timing, and with a fault at any byte.
//!
//! ```
//! # #[cfg(feature = "testing")] {
//! use codex_transport::cassette::{Cassette, Recorder, Replay};
//! use codex_transport::testing::{Answer, Script, ScriptedTransport};
//! use codex_transport::HttpTransport;
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! let transport = ScriptedTransport::new(
//!     Script::new().answer(Answer::sse().body("data: 1\n\n").body("data: 2\n\n")),
//! );
//! let recorder = Recorder::new(transport);
//! let request = http::Request::post("https://example.test/v1/responses")
//!     .header("authorization", "Bearer sk-invented-0123456789")
//!     .body("{}".into())
//!     .unwrap();
//! let body = recorder.send(request).await.unwrap().into_body();
//! body.collect(1000).await.unwrap();
//!
//! let text = recorder.to_json_lines();
//! assert!(!text.contains("sk-invented"));
//! let cassette = Cassette::from_json_lines(&text).unwrap();
//! let replayed = ScriptedTransport::new(cassette.script(&Replay::default()));
//! let request = http::Request::post("https://example.test/v1/responses")
//!     .body("{}".into())
//!     .unwrap();
//! let mut body = replayed.send(request).await.unwrap().into_body();
//! assert_eq!(body.chunk().await.unwrap().unwrap(), "data: 1\n\n");
//! # }) }
//! ```

pub(crate) mod record;
#[cfg(feature = "testing")]
pub(crate) mod replay;
pub(crate) mod scrub;

pub use self::record::Recorder;
#[cfg(feature = "testing")]
pub use self::replay::{Cassette, Replay};
pub use self::scrub::Scrubber;
