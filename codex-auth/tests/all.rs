//! The tests of this crate in one program, which is built much faster than a program for each file.
#![cfg(test)]

mod browser;
mod canary;
mod claims;
mod device;
mod id_token;
mod listener;
mod official_client;
mod profile;
mod race;
mod real_files;
mod record;
mod refresh;
mod session;
mod shared_store;
mod sharing;
mod sign_in_with_chatgpt;
mod sources;
mod support;
mod unreadable;
mod webhook;
