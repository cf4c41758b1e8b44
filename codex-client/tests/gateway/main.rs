//! The gateway example as a process, between clients made here and a scripted service.
#![cfg(test)]
#![allow(unreachable_pub, reason = "shared by several tests")]

mod browser;
mod chat;
mod chromium;
mod conformance;
mod cut;
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
mod woken;
