//! Shared workloads of the benchmarks.
#![allow(clippy::expect_used, reason = "a benchmark panics on an error")]
#![allow(
    clippy::exhaustive_structs,
    clippy::exhaustive_enums,
    reason = "the crate is not published"
)]

pub mod blocks;
pub mod chunks;
pub mod clock;
pub mod framing;
pub mod offline;
pub mod plot;
pub mod shapes;
pub mod turn;
pub mod typed;
pub mod workload;
