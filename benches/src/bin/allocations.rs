//! Counts the allocations per event of every decoder, and writes them to standard output as two
//! tables. `tables` runs it as a separate program, because a counting allocator would slow down
//! what `tables` times.

#![allow(clippy::print_stdout, reason = "this program prints tables")]

use std::alloc::System;

use codex_bench::framing::{Count, Framing};
use codex_bench::typed::Typed;
use codex_bench::workload::Workload;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const CHUNKS: [(&str, usize); 3] = [("16 KiB", 16 << 10), ("1400 B", 1400), ("64 B", 64)];

fn main() {
    let labels = CHUNKS.map(|(label, _)| label).join("|");
    let deltas = Workload::deltas(2_000);
    let multiline = Workload::multiline(2_000);
    println!(
        "\n## Allocations per event, framing\n\nOf 2,000 events, including reallocations, without those of the chunks. Deltas, with multi-line events in parentheses.\n"
    );
    println!("| |{labels}|\n|---|---:|---:|---:|");
    for decoder in Framing::ALL.into_iter().filter(|way| way.is_decoder()) {
        print!("| {} |", decoder.name());
        for (_, chunk) in CHUNKS {
            let [deltas, multiline] = [&deltas, &multiline].map(|workload| {
                let an_event =
                    allocations(|| decoder.run(&workload.bytes, chunk, &mut Count::default()));
                an_event / workload.events.len() as f64
            });
            print!(" {deltas:.2} ({multiline:.2}) |");
        }
        println!();
    }
    println!(
        "\n## Allocations per event, framing and typed events, deltas\n\n| |{labels}|\n|---|---:|---:|---:|"
    );
    for way in Typed::ALL {
        print!("| {} |", way.name());
        for (_, chunk) in CHUNKS {
            let all = allocations(|| {
                core::hint::black_box(way.run(&deltas.bytes, chunk));
            });
            print!(" {:.2} |", all / deltas.events.len() as f64);
        }
        println!();
    }
    chat();
}

/// The same words as Chat Completions chunks, which are translated to events.
fn chat() {
    let chat = Workload::chat(2_000);
    print!("| codex-sse, chat chunks to owned events |");
    for (_, chunk) in CHUNKS {
        let all = allocations(|| {
            core::hint::black_box(codex_bench::typed::chat(&chat.bytes, chunk));
        });
        print!(" {:.2} |", all / chat.events.len() as f64);
    }
    println!();
}

fn allocations(work: impl FnOnce()) -> f64 {
    let region = Region::new(ALLOCATOR);
    work();
    let change = region.change();
    (change.allocations + change.reallocations) as f64
}
