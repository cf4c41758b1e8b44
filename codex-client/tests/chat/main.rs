//! Programs that are written for the Responses API, on servers that have Chat Completions only.
#![cfg(feature = "chat")]
#![cfg(test)]
#![expect(unreachable_pub, reason = "shared by several tests")]

mod requests;
mod suite;
mod upstream;
