//! Programs that are written for the Responses API, on servers that only have Chat Completions.
#![cfg(feature = "chat")]
#![expect(unreachable_pub, reason = "shared by several tests")]

mod requests;
mod suite;
mod upstream;
