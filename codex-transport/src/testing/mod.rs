//! A scripted backend: deterministic answers over a real loopback server or without any network at all.
//!
//! A [`Script`] is a value: which request gets which [`Answer`], and an answer is a list of steps: bytes, pauses, gates, cuts.
//! [`LoopbackServer`] plays it over real HTTP on 127.0.0.1, on a thread of its own; [`ScriptedTransport`] plays it in memory.
//! Both keep a log of what arrived.
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
//! let server = LoopbackServer::start(Script::new().route("POST", "/v1/responses", answer)).unwrap();
//!
//! let request = http::Request::post(server.url("/v1/responses")).body("{}".into()).unwrap();
//! let mut body = HyperTransport::new().unwrap().send(request).await.unwrap().into_body();
//! // The first delta is here although the server has not sent the second.
//! assert!(body.chunk().await.unwrap().unwrap().ends_with(b"\"Hel\"}\n\n"));
//! gate.open();
//! assert!(body.chunk().await.unwrap().unwrap().ends_with(b"\"lo\"}\n\n"));
//! assert!(body.chunk().await.is_none());
//! assert_eq!(server.requests()[0].body, "{}");
//! # })
//! ```

mod answer;
#[cfg(feature = "testing-tls")]
mod authority;
mod gate;
mod json;
mod memory_socket;
mod play;
#[cfg(feature = "ws")]
mod play_socket;
mod proxy;
mod record;
mod script;
mod scripted;
mod server;
mod server_io;
mod shape;
mod turn;

pub use answer::{Answer, Cut, LineEnd};
#[cfg(feature = "testing-tls")]
pub use authority::Authority;
pub use gate::Gate;
pub use proxy::{LoopbackProxy, LoopbackProxyBuilder};
pub use record::{RecordedMessage, RecordedRequest};
pub use script::Script;
pub use scripted::ScriptedTransport;
pub use server::{LoopbackServer, LoopbackServerBuilder};
pub use shape::ChunkShape;
pub use turn::Turn;
