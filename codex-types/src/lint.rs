//! A linter that reports what the service would refuse, before it is sent.
//!
//! A [`Linter`] checks the body of a request as it goes over the wire and returns diagnostics with
//! a location, a severity and, if possible, a fix. It applies the requirements of a backend from
//! its [`Profile`](crate::profile::Profile), the rules of a conversation (calls and their outputs,
//! reasoning and the items that it led to), the rules of strict schemas, and the rules that keep
//! the prompt cache effective from one request to the next.
//!
//! ```
//! use codex_types::lint::{FindingCode, Linter};
//! use codex_types::profile::Profile;
//! use codex_types::{CreateResponse, FunctionCall, InputItem};
//!
//! let call = FunctionCall::new("call_1", "now", "{}");
//! let request = CreateResponse::new("gpt-5.5")
//!     .input([InputItem::from("What time is it?"), call.into()]);
//! let linter = Linter::new(Profile::platform());
//! let findings = linter.lint(&request)?;
//! assert_eq!(findings[0].code, FindingCode::UnansweredCall);
//! assert_eq!(findings[0].pointer, "/input/1");
//! # Ok::<(), codex_types::DecodeError>(())
//! ```

mod check;
mod finding;
mod history;
mod input;
mod linter;
mod parameter;
mod patch;
mod prefix;
mod refusal;
mod schema;
mod size;
mod tool;
pub(crate) mod tree;

pub use finding::{Finding, FindingCode, Fix, Severity};
pub use history::Repair;
pub use linter::{Linter, Pairing};
pub(crate) use patch::push_step;
pub use patch::{Edit, apply};
pub use prefix::{PromptStability, prompt_stability};
pub use refusal::Refusal;
pub use schema::{ClosedSchema, close_schema};
pub use size::{SizeEstimate, estimate_size};
