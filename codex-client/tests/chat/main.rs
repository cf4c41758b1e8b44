//! Programs that are written for the Responses API, on servers that only have Chat Completions.
#![cfg(feature = "chat")]
#![cfg(test)]
#![expect(unreachable_pub, reason = "shared by several tests")]

mod requests;
mod suite;
mod upstream;
