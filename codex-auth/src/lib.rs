#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![warn(clippy::std_instead_of_core)]

mod encode;
mod error;
mod flow;
mod json;
mod jwt;
mod lock;
mod moment;
mod oauth;
mod random;
mod secret;
mod store;
mod sync;
mod token;
#[cfg(feature = "webhooks")]
mod webhook;

pub use crate::error::{Error, ErrorKind, Side};
pub use crate::flow::authorize::BrowserSignIn;
pub use crate::flow::browser::BrowserFlow;
pub use crate::flow::device::DeviceFlow;
pub use crate::flow::listener::{Incoming, LoopbackConnection, Page, RedirectTarget};
pub use crate::flow::sign_in::{Prompt, SignIn, SignInFlow, Step, drive};
pub use crate::jwt::claims::{Claims, Plan, UnlistedPlan};
#[cfg(feature = "verify")]
pub use crate::jwt::verify::{IdTokenRules, KeySet};
#[cfg(feature = "std")]
pub use crate::moment::ThreadTimer;
pub use crate::moment::{Moment, Timer};
pub use crate::oauth::calls::{ApiKeyExchange, Refresh, RefreshReason, Revoke, WhoAmI};
pub use crate::oauth::decide::UnknownOutcome;
pub use crate::oauth::profile::{BodyFormat, DeviceEndpoints, OAuthProfile, RedirectRule};
pub use crate::oauth::registration::{AppRegistration, HostId, Registration};
pub use crate::oauth::send::{SendFailure, SendRequest};
pub use crate::oauth::source::{OAuthSource, OAuthSourceBuilder};
pub use crate::random::Entropy;
pub use crate::secret::Secret;
#[cfg(feature = "std")]
pub use crate::store::file::{FileStore, codex_home};
#[cfg(feature = "keyring")]
pub use crate::store::keyring::KeyringStore;
pub use crate::store::record::{AuthMode, Record, UnlistedMode};
pub use crate::store::session::{Revoked, SignedOut, sign_out, store_sign_in};
pub use crate::store::token_store::{MemoryStore, Revision, StoreLock, Stored, TokenStore};
pub use crate::token::audience::Audience;
pub use crate::token::closure::{SourceFn, TokenRequest, source_fn};
pub use crate::token::environment::{Environment, EnvironmentVariable};
pub use crate::token::fixed::{Anonymous, ApiKey, BearerToken, StaticToken};
pub use crate::token::set::{AccountIdOrigin, TokenSet};
pub use crate::token::source::{CredentialSource, Lease, SharedCredentialSource, Verdict};
#[cfg(feature = "webhooks")]
pub use crate::webhook::WebhookVerifier;
