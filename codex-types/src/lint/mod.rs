//! Finding what the service would refuse, before it is sent.
//!
//! A [`Linter`] looks at the body of a request as it goes over the wire and says what is wrong: where,
//! how bad, and how to put it right. It knows the demands of a backend through its
//! [`Profile`](crate::profile::Profile), the rules of a conversation (calls and their outputs, reasoning
//! and what it led to), the rules of strict schemas, and what keeps a cache useful from one request to
//! the next.
//!
//! ```
//! use codex_types::lint::{FindingCode, Linter};
//! use codex_types::profile::Profile;
//! use codex_types::{CreateResponse, FunctionCall, InputItem};
//!
//! let call = FunctionCall::new("call_1", "now", "{}");
//! let request = CreateResponse::new("gpt-5.5").input([InputItem::from("What time is it?"), call.into()]);
//! let linter = Linter::new(Profile::platform());
//! let findings = linter.lint(&request)?;
//! assert_eq!(findings[0].code, FindingCode::UnansweredCall);
//! assert_eq!(findings[0].pointer, "/input/1");
//! # Ok::<(), codex_types::DecodeError>(())
//! ```

mod finding;
mod history;
mod input;
mod linter;
mod parameter;
mod patch;
mod prefix;
mod schema;
mod size;
mod tool;
pub(crate) mod tree;

pub use finding::{Finding, FindingCode, Fix, Severity};
pub use linter::{Linter, Pairing};
pub(crate) use patch::push_step;
pub use patch::{Edit, apply};
pub use schema::{ClosedSchema, close_schema};
pub use size::{SizeEstimate, estimate_size};
