#![doc = include_str!("../README.md")]

#[cfg(feature = "cassette")]
pub mod cassette;
mod coding;
mod connection;
#[cfg(feature = "hyper")]
mod connections;
#[cfg(feature = "hyper")]
mod connector;
mod error;
#[cfg(feature = "hyper")]
mod exchange;
#[cfg(feature = "ws")]
mod frames;
#[cfg(feature = "hyper")]
mod heard_out;
mod http;
#[cfg(feature = "hyper")]
mod http1;
#[cfg(feature = "hyper")]
mod http2;
#[cfg(feature = "hyper")]
mod hyper;
#[cfg(feature = "hyper")]
mod hyper_error;
#[cfg(feature = "hyper")]
mod limits;
#[cfg(feature = "hyper")]
mod pool;
#[cfg(feature = "proxy")]
mod proxy;
#[cfg(any(feature = "proxy", feature = "ws"))]
mod raw_http;
mod redact;
mod redirects;
mod retry;
#[cfg(feature = "testing")]
pub mod testing;
mod timeouts;
mod timer;
#[cfg(feature = "tls")]
mod tls;
#[cfg(feature = "tower")]
mod tower;
#[cfg(feature = "ws")]
mod tungstenite;
mod ws;

pub use crate::coding::decode_content;
#[cfg(feature = "zstd")]
pub use crate::coding::{compress_zstd, compress_zstd_at};
pub use crate::connection::{Connection, HttpVersions};
pub use crate::error::{Error, ErrorKind, Phase, Sent, Side};
pub use crate::http::{Body, BoxTransport, ERROR_BODY_LIMIT, HttpTransport, request_id};
#[cfg(feature = "hyper")]
pub use crate::hyper::{HyperTransport, HyperTransportBuilder};
#[cfg(feature = "proxy")]
pub use crate::proxy::Proxy;
pub use crate::redact::Redactor;
pub use crate::redirects::NoRedirects;
pub use crate::retry::{
    Decision, Outcome, RetryBudget, RetryPolicy, RetryStatuses, Schedule, StopReason, retry_after,
};
pub use crate::timeouts::{Clock, Timeouts, Watch};
#[cfg(feature = "hyper")]
pub use crate::timer::TokioTimer;
pub use crate::timer::{BoxTimer, Timer};
#[cfg(feature = "tls")]
pub use crate::tls::{Roots, Tls};
#[cfg(feature = "tower")]
pub use crate::tower::TowerTransport;
pub use crate::ws::{BoxWsTransport, Socket, Upgrade, WsConnection, WsSettings, WsTransport};
