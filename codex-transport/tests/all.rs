//! The tests of this crate in one program, which is built much faster than a program for each file.
#![cfg(test)]

mod cassette;
mod clocks;
mod coding;
mod cuts;
mod errors;
mod http;
mod http2;
mod policy;
mod pong;
mod pool;
mod proxies;
mod reqwest;
mod retry;
mod reuse;
mod reuse_tls;
mod scenarios;
mod scripted;
mod support;
mod tower;
mod websocket;
