//! The gateway example as a process, between test clients and a scripted service.
#![allow(
    unreachable_pub,
    clippy::expect_used,
    clippy::panic,
    clippy::std_instead_of_core,
    clippy::unwrap_used,
    reason = "tests panic on failed expectations"
)]

mod browser;
mod chat;
mod chromium;
mod conformance;
mod echo;
mod errors;
mod guard;
mod hostile;
mod life;
mod operator;
mod pass;
mod process;
mod responses;
mod sdk;
mod services;
mod socket;
mod state;
#[path = "../support/mod.rs"]
mod support;
mod upstream;
mod wasm;
mod web;
mod web_transport;
