#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![warn(clippy::std_instead_of_core)]

mod assembled;
mod attempt;
mod builder;
mod built_in;
mod calls;
mod client;
mod clock;
mod document;
mod environment;
mod error;
mod events;
mod exchange;
mod failure;
mod id;
mod lock;
#[cfg(feature = "login")]
pub mod login;
mod meta;
mod observe;
mod options;
mod random;
mod reason;
mod remedy;
mod request;
mod scrub;
mod session;
mod shared;
#[cfg(feature = "sockets")]
mod socket;
mod sync;
mod target;
mod tools;
mod unsettled;
mod wire;

pub use builder::ClientBuilder;
pub use calls::bytes::{EventBytes, ResponseBytes};
pub use calls::call::{Call, CallFuture};
#[cfg(feature = "chat")]
pub use calls::chat::ChatStream;
pub use calls::conversations::ConversationCalls;
pub use calls::create::Created;
pub use calls::pages::ItemPages;
pub use calls::query::ItemQuery;
pub use calls::stream::ResponseStream;
pub use client::Client;
pub use environment::Preferences;
pub use error::{Error, ErrorKind, Side};
pub use meta::ResponseMeta;
pub use options::CallOptions;
pub use reason::Reason;
pub use remedy::Remedy;
pub use session::Session;
pub use session::draft::Draft;
pub use session::policy::{CacheBreakpoints, RefusedContent};
pub use session::turn::SessionTurn;
pub use shared::failed::FailedExchange;
pub use shared::limits::RateLimitWatch;
pub use shared::models::ModelListing;
#[cfg(feature = "sockets")]
pub use socket::{
    SocketSession,
    count::SocketStats,
    event::{Restart, TurnEvent, TurnUpdate},
    settings::{Interruption, SocketSettings, TransportChoice},
    turn::SocketTurn,
};
pub use tools::Tools;
pub use tools::run::Progress;
pub use tools::tool::{Approval, ToolCall};

pub use codex_auth as auth;
pub use codex_sse as sse;
pub use codex_transport as transport;
pub use codex_types as types;

/// The front page of the repository and the pages of the guide, whose examples are tested here.
#[cfg(doctest)]
mod pages {
    macro_rules! pages {
        ($($(#[$condition:meta])? $name:ident: $path:literal,)*) => {
            $($(#[$condition])? #[doc = include_str!($path)] struct $name;)*
        };
    }

    pages! {
        FrontPage: "../../README.md",
        Browser: "../../docs/browser.md",
        CompatibleServers: "../../docs/compatible-servers.md",
        Errors: "../../docs/errors.md",
        FirstRequest: "../../docs/first-request.md",
        FuzzingAndBenchmarking: "../../docs/fuzzing-and-benchmarking.md",
        Login: "../../docs/login.md",
        Network: "../../docs/network.md",
        Sessions: "../../docs/sessions.md",
        Streaming: "../../docs/streaming.md",
        #[cfg(feature = "schemars")]
        StructuredOutput: "../../docs/structured-output.md",
        Testing: "../../docs/testing.md",
        #[cfg(feature = "schemars")]
        Tools: "../../docs/tools.md",
        WebSocket: "../../docs/websocket.md",
    }
}
