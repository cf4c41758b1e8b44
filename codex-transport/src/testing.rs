//! A scripted backend: deterministic answers over a real loopback server or in memory.
//!
//! A [`Script`] is a value that maps requests to [`Answer`]s, and an answer is a list of steps:
//! bytes, pauses, gates and cuts. [`LoopbackServer`] plays it over real HTTP on 127.0.0.1, on a
//! separate thread; [`ScriptedTransport`] plays it in memory. Both record the requests that arrive.
//!
//! ```
//! use codex_transport::testing::{Answer, Gate, LoopbackServer, Script};
//! use codex_transport::{HttpTransport, HyperTransport};
//!
//! # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
//! # runtime.block_on(async {
//! let gate = Gate::new();
//! let answer = Answer::sse()
//!     .event(r#"{"type":"response.output_text.delta","delta":"Hel"}"#)
//!     .gate(&gate)
//!     .event(r#"{"type":"response.output_text.delta","delta":"lo"}"#);
//! let server =
//!     LoopbackServer::start(Script::new().route("POST", "/v1/responses", answer)).unwrap();
//!
//! let request = http::Request::post(server.url("/v1/responses")).body("{}".into()).unwrap();
//! let mut body = HyperTransport::new().unwrap().send(request).await.unwrap().into_body();
//! // The first delta has arrived, although the server has not sent the second.
//! assert!(body.chunk().await.unwrap().unwrap().ends_with(b"\"Hel\"}\n\n"));
//! gate.open();
//! assert!(body.chunk().await.unwrap().unwrap().ends_with(b"\"lo\"}\n\n"));
//! assert!(body.chunk().await.is_none());
//! assert_eq!(server.requests()[0].body, "{}");
//! # })
//! ```

pub(crate) mod answer;
#[cfg(feature = "testing-tls")]
pub(crate) mod authority;
pub(crate) mod gate;
pub(crate) mod json;
pub(crate) mod memory_socket;
pub(crate) mod play;
#[cfg(feature = "ws")]
pub(crate) mod play_socket;
pub(crate) mod proxy;
pub(crate) mod record;
pub(crate) mod script;
pub(crate) mod scripted;
pub(crate) mod server;
pub(crate) mod server_io;
pub(crate) mod shape;
pub(crate) mod turn;

pub use self::answer::{Answer, Cut, LineEnd};
#[cfg(feature = "testing-tls")]
pub use self::authority::Authority;
pub use self::gate::Gate;
pub use self::proxy::{LoopbackProxy, LoopbackProxyBuilder};
pub use self::record::{RecordedMessage, RecordedRequest};
pub use self::script::Script;
pub use self::scripted::ScriptedTransport;
pub use self::server::{LoopbackServer, LoopbackServerBuilder};
pub use self::shape::ChunkShape;
pub use self::turn::Turn;
