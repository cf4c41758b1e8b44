//! Work to count the instructions of, under `valgrind --tool=callgrind`.
//!
//! `icount DECODER WORKLOAD CHUNK EVENTS` runs one decoder on one workload, once, by index into `Framing::ALL`; with an index that does not
//! exist the workload is only made. `icount turn WAY BYTES TURNS` takes that many turns of a conversation of that many bytes, by index into
//! `Way::ALL`.

#![allow(
    clippy::expect_used,
    reason = "a benchmark that cannot go on must stop"
)]

use codex_bench::{
    framing::{Count, Framing},
    turn::{Way, history},
    workload::Workload,
};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |index: usize| arguments[index].parse::<usize>().expect("a number");
    if arguments[0] == "turn" {
        let mut conversation = Way::ALL[number(1)].conversation(&history(number(2)));
        (0..number(3)).for_each(|_| conversation.turn());
        return;
    }
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
