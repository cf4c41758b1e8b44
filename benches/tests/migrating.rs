//! The examples of `docs/migrating.md`, which use the peers and are compiled and not run. The other
//! pages of the guide are tested in `codex-client`.
#![allow(
    dead_code,
    clippy::print_stdout,
    reason = "the examples of a guide are functions that print"
)]

include!(concat!(env!("OUT_DIR"), "/migrating.rs"));
