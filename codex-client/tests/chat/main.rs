//! Programs that are written for the Responses API, on servers that only have Chat Completions.
#![cfg(feature = "chat")]
#![expect(
    clippy::expect_used,
    clippy::std_instead_of_core,
    unreachable_pub,
    reason = "helpers of tests panic on failed expectations"
)]

mod requests;
mod suite;
mod upstream;
