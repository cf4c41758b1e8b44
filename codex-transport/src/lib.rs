#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![warn(clippy::std_instead_of_core)]

#[cfg(feature = "cassette")]
pub mod cassette;
mod conn;
mod error;
mod http;
#[cfg(feature = "hyper")]
mod hyper_transport;
mod lock;
mod redact;
#[cfg(feature = "reqwest")]
mod reqwest_transport;
mod retry;
mod sync;
#[cfg(feature = "testing")]
pub mod testing;
mod timeouts;
mod timer;
#[cfg(feature = "tower")]
mod tower;
#[cfg(all(feature = "web", target_family = "wasm", target_os = "unknown"))]
mod web;
mod ws;

pub use crate::conn::options::ConnectOptions;
#[cfg(feature = "proxy")]
pub use crate::conn::proxy::Proxy;
#[cfg(feature = "tls")]
pub use crate::conn::tls::{Roots, Tls};
pub use crate::conn::versions::HttpVersions;
pub use crate::error::{Error, ErrorKind, Phase, Sent, Side};
pub use crate::http::body::{Body, ERROR_BODY_LIMIT};
#[cfg(feature = "zstd")]
pub use crate::http::encoding::compress::{compress_zstd, compress_zstd_at};
pub use crate::http::encoding::decode_content;
pub use crate::http::redirects::NoRedirects;
pub use crate::http::request_id::request_id;
pub use crate::http::transport::{HttpTransport, SharedTransport};
#[cfg(feature = "hyper")]
pub use crate::hyper_transport::{HyperTransport, HyperTransportBuilder};
pub use crate::redact::Redactor;
#[cfg(feature = "reqwest")]
pub use crate::reqwest_transport::ReqwestTransport;
pub use crate::retry::after::retry_after;
pub use crate::retry::budget::RetryBudget;
pub use crate::retry::outcome::AttemptOutcome;
pub use crate::retry::policy::{RetryPolicy, RetryStatuses};
pub use crate::retry::schedule::{Decision, Schedule, StopReason};
pub use crate::timeouts::watch::IdleTimeouts;
pub use crate::timeouts::{TimeoutKind, Timeouts};
#[cfg(feature = "hyper")]
pub use crate::timer::TokioTimer;
pub use crate::timer::{Instant, SharedTimer, Timer};
#[cfg(feature = "tower")]
pub use crate::tower::TowerTransport;
#[cfg(all(feature = "web", target_family = "wasm", target_os = "unknown"))]
pub use crate::web::{fetch::FetchTransport, timer::WebTimer, websocket::WebSocketTransport};
pub use crate::ws::connection::{Socket, WsConnection};
pub use crate::ws::options::WsSettings;
pub use crate::ws::transport::{SharedWsTransport, Upgrade, WsTransport};
