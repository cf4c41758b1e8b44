#![doc = include_str!("../README.md")]

mod answer;
mod audience;
mod authorize;
mod browser;
mod calls;
mod claims;
mod closure;
mod device;
mod encode;
mod environment;
mod error;
#[cfg(feature = "std")]
mod file;
mod fixed;
mod flow;
mod json;
#[cfg(feature = "keyring")]
mod keyring;
mod listener;
mod moment;
mod oauth;
mod profile;
mod random;
mod record;
mod redirect;
mod registration;
mod secret;
mod send;
mod session;
mod source;
mod store;
mod tokens;
#[cfg(feature = "verify")]
mod verify;

#[cfg(feature = "keyring")]
pub use crate::keyring::KeyringStore;
#[cfg(feature = "verify")]
pub use crate::verify::{IdTokenRules, KeySet};
pub use crate::{
    audience::Audience,
    authorize::BrowserSignIn,
    browser::BrowserFlow,
    calls::{ApiKeyExchange, Refresh, RefreshReason, Revoke, WhoAmI},
    claims::{Claims, Plan, UnlistedPlan},
    closure::{SourceFn, TokenRequest, source_fn},
    device::DeviceFlow,
    environment::{Environment, EnvironmentVariable},
    error::{Error, ErrorKind, Side},
    fixed::{Anonymous, ApiKey, BearerToken, StaticToken},
    flow::{Prompt, SignIn, SignInFlow, Step, drive},
    listener::{Incoming, LoopbackConnection, Page, RedirectTarget},
    moment::{Moment, Timer},
    oauth::{OAuthSource, OAuthSourceBuilder, UnknownOutcome},
    profile::{BodyFormat, DeviceEndpoints, OAuthProfile, RedirectRule},
    random::Entropy,
    record::{AuthMode, Record, UnlistedMode},
    registration::{AppRegistration, HostId, Registration},
    secret::Secret,
    send::{SendFailure, SendRequest},
    session::{Revoked, SignedOut, sign_out, store_sign_in},
    source::{BoxCredentialSource, CredentialSource, Lease, Verdict},
    store::{MemoryStore, Revision, StoreLock, Stored, TokenStore},
    tokens::{AccountIdOrigin, TokenSet},
};
#[cfg(feature = "std")]
pub use crate::{
    file::{FileStore, codex_home},
    moment::ThreadTimer,
};
