#![doc = include_str!("../README.md")]

mod audience;
mod closure;
mod error;
mod fixed;
mod secret;
mod source;

pub use crate::{
    audience::Audience,
    closure::{SourceFn, TokenRequest, source_fn},
    error::{Error, ErrorKind, Side},
    fixed::{Anonymous, ApiKey, BearerToken, StaticToken},
    secret::Secret,
    source::{BoxCredentialSource, CredentialSource, Lease, Verdict},
};
