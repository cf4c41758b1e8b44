//! One decoder on one workload, once: to be run under `valgrind --tool=callgrind`.
//!
//! `icount DECODER WORKLOAD CHUNK EVENTS`, by index into `Framing::ALL`; without a decoder index the workload is only made.

#![allow(
    clippy::expect_used,
    reason = "a benchmark that cannot go on must stop"
)]

use codex_bench::{
    framing::{Count, Framing},
    workload::Workload,
};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |index: usize| arguments[index].parse::<usize>().expect("a number");
    let events = number(3);
    let workload = match arguments[1].as_str() {
        "deltas" => Workload::deltas(events),
        "large" => Workload::large(),
        "multiline" => Workload::multiline(events),
        _ => unreachable!("no such workload"),
    };
    if let Some(decoder) = Framing::ALL.get(number(0)) {
        let mut count = Count::default();
        decoder.run(&workload.bytes, number(2), &mut count);
        assert!(!decoder.is_decoder() || count.0 == workload.events.len());
    }
}
