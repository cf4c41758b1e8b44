//! The tests of this crate in one program, which is built much faster than a program for each file.
#![cfg(test)]

mod accumulate;
mod authoring;
mod chat;
mod chat_decoder;
mod chat_request;
mod chat_text;
mod corpus;
mod dialect;
mod dialects;
mod exhaustive;
mod fast_path;
mod hosted;
mod item_kinds;
mod laws;
mod limits;
mod pieces;
mod reference;
mod shell;
mod stream;
mod unusual;
