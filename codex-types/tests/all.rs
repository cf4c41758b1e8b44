//! The tests of this crate in one program, which is built much faster than a program for each file.
#![cfg(test)]

mod bundled;
mod chat;
mod chat_order;
mod corpus;
mod dialect_rows;
mod dialects;
mod errors;
mod format;
mod forms;
mod forward;
mod halves;
mod laws;
mod limits;
mod lint;
mod lite;
mod overlay;
mod pairing;
mod prepared;
mod profile;
mod readme;
mod replay;
mod runnable;
mod samples;
mod support;
mod tolerant;
mod translate;
