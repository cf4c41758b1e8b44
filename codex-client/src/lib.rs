#![doc = include_str!("../README.md")]

mod attempt;
mod builder;
mod calls;
mod client;
mod environment;
mod error;
mod failure;
#[cfg(feature = "login")]
pub mod login;
mod meta;
mod observe;
mod options;
mod reason;
mod remedy;
mod session;
#[cfg(feature = "ws")]
mod socket;
mod stream;
mod target;
mod tools;
mod turn;
mod updates;

pub use builder::ClientBuilder;
pub use calls::{InputItemPages, InputItems, ModelListing};
pub use client::Client;
pub use environment::Preferences;
pub use error::{Error, ErrorKind, Side};
pub use meta::ResponseMeta;
pub use observe::{FailedExchange, RateLimitWatch};
pub use options::CallOptions;
pub use reason::Reason;
pub use remedy::Remedy;
pub use session::{Draft, Session, SessionTurn};
#[cfg(feature = "ws")]
pub use socket::{
    Interruption, Restart, SocketSession, SocketSettings, SocketStats, SocketTurn, TransportChoice,
    TurnEvent, TurnUpdate,
};
pub use stream::ResponseStream;
pub use tools::{Approval, Progress, ToolCall, Tools};

pub use codex_auth as auth;
pub use codex_sse as sse;
pub use codex_transport as transport;
pub use codex_types as types;

/// The front page of the repository, whose examples are tested here.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct FrontPage;
