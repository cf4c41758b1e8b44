//! Work whose instructions `valgrind --tool=callgrind` counts.
//!
//! `icount DECODER WORKLOAD CHUNK EVENTS` runs one decoder on one workload, once, by index into
//! `Framing::ALL`; with an index that does not exist, it only creates the workload. `icount turn
//! WAY BYTES TURNS` takes that many turns of a conversation of that many bytes, by index into
//! `Way::ALL`. `icount fold SHAPE EVENTS hostile|friendly` assembles a stream of
//! `codex_bench::shapes`; with `make` instead of `fold`, it only creates the stream and prints its
//! number of bytes. `icount typed WAY EVENTS` decodes typed events, by index into `Typed::ALL` or
//! `chat` for the same words as Chat Completions; with `none`, it only creates them.

#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a benchmark panics on an error and prints its measurements"
)]

use codex_bench::framing::{Count, Framing};
use codex_bench::shapes;
use codex_bench::turn::{Way, history};
use codex_bench::typed::Typed;
use codex_bench::workload::Workload;
use codex_sse::{EventDecoder, Updates};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |index: usize| arguments[index].parse::<usize>().expect("a number");
    match arguments[0].as_str() {
        "turn" => {
            let mut conversation = Way::ALL[number(1)].conversation(&history(number(2)));
            (0..number(3)).for_each(|_| conversation.turn());
        }
        "fold" | "make" => {
            let payloads = shapes::payloads(&arguments[1], number(2), arguments[3] == "hostile");
            if arguments[0] == "fold" {
                fold(&payloads);
            }
            println!("{}", payloads.iter().map(String::len).sum::<usize>());
        }
        "typed" => typed(&arguments[1], number(2)),
        _ => decode(number(0), &arguments[1], number(2), number(3)),
    }
}

fn typed(way: &str, events: usize) {
    let (responses, chat) = (Workload::deltas(events), Workload::chat(events));
    let seen = match way {
        "none" => return,
        "chat" => codex_bench::typed::chat(&chat.bytes, 16 << 10),
        index => {
            let way = Typed::ALL[index.parse::<usize>().expect("a number")];
            way.run(&responses.bytes, 16 << 10)
        }
    };
    assert!(seen.0 >= events);
}

fn fold(payloads: &[String]) {
    let mut decoder = EventDecoder::new();
    let mut updates = Updates::new();
    for payload in payloads {
        let event = decoder.decode_message(payload.as_bytes());
        let event = event.expect("an event").expect("no heartbeat");
        // A contradiction is merged like any other event.
        let _ = updates.feed(&event);
        updates.skip();
    }
    assert!(updates.accumulator().outcome().is_some());
}

fn decode(decoder: usize, workload: &str, chunk: usize, events: usize) {
    let workload = match workload {
        "deltas" => Workload::deltas(events),
        "large" => Workload::large(),
        "multiline" => Workload::multiline(events),
        _ => unreachable!("no such workload"),
    };
    if let Some(decoder) = Framing::ALL.get(decoder) {
        let mut count = Count::default();
        decoder.run(&workload.bytes, chunk, &mut count);
        assert!(!decoder.is_decoder() || count.0 == workload.events.len());
    }
}
