//! The differences between backends of the Responses API, as values.
//!
//! A [`Profile`] describes what a backend accepts, where it reads instructions, which items can be
//! sent back unchanged, and which headers it expects. It decides nothing and sends nothing; the
//! code that builds a request reads it. All of it can be printed, changed and tested.
//!
//! ```
//! use codex_types::profile::{FitPolicy, Profile};
//! use codex_types::CreateResponse;
//!
//! let request = CreateResponse::new("gpt-5.5").input("Good morning").user("user-7");
//! let fitted = Profile::chatgpt().fit(&request, &FitPolicy::new()).unwrap();
//! assert_eq!(fitted.request.user, None);
//! assert!(fitted.stripped.iter().any(|finding| finding.pointer == "/user"));
//! ```

mod check;
mod dialect;
mod dialects;
mod fit;
mod fitted;
mod fitted_items;
mod header;
mod json;
mod lite;
mod parts;
mod policy;
mod prepared;
mod preset;
mod whole;

pub(crate) use check::Sending;
#[cfg(feature = "chat")]
pub(crate) use dialect::fnv;
pub use dialect::{
    CallIds, ChatDialect, EffortParameter, JsonFormat, OutputLimit, ReasoningReplay, StreamUsage,
    ToolChoiceForms,
};
#[cfg(feature = "chat")]
pub(crate) use dialects::THINK_TAGS;
pub use fitted::{Fitted, Unfit};
pub use fitted_items::ItemFindings;
pub use header::{Channel, Header, Identity, Source};
pub(crate) use json::kind_of;
pub use parts::{
    Choices, Compression, Content, IdReplay, Instructions, LiteUse, Parameters, Replay,
    RequestForm, StatusReplay, Store, Streamed, Text, WarmUp, WebSocket, Wire,
};
pub use policy::{FitPolicy, OnFinding};
pub use whole::Profile;

pub use crate::models::Models;
