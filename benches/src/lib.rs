//! Shared workloads of the benchmarks.
#![allow(
    clippy::expect_used,
    reason = "a benchmark that cannot go on must stop"
)]

pub mod chunks;
pub mod clock;
pub mod framing;
pub mod typed;
pub mod workload;
