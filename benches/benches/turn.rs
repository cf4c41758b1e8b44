//! Processor time of one turn by the length of the conversation: `cargo bench -p codex-bench
//! --bench turn`, which prints a table. With `-- --plot`, it also writes a plot to
//! `benches/results`.
//!
//! Times are CPU times of the thread, medians; every length and every client run in one process, in
//! interleaved rounds. Compression is off.

#![expect(clippy::print_stdout, reason = "this program prints a table")]

use std::path::Path;
use std::{env, fs, io};

use codex_bench::clock::cpu_time;
use codex_bench::plot::{self, Measured};
use codex_bench::turn::{Conversation, Way, history};

/// In bytes of JSON.
const LENGTHS: [usize; 5] = [200_000, 400_000, 800_000, 1_600_000, 3_200_000];
const ROUNDS: usize = 31;

fn main() -> io::Result<()> {
    let histories = LENGTHS.map(history);
    let columns = LENGTHS.map(|length| format!("{:.1} MB", length as f64 / 1e6));
    println!("| one turn, ms | {} |", columns.join(" | "));
    println!("|---|{}", "---|".repeat(LENGTHS.len()));
    let mut rows: Vec<(Way, Vec<Conversation>, Vec<Vec<f64>>)> = Way::ALL
        .into_iter()
        .map(|way| {
            let conversations = histories.iter().map(|it| way.conversation(it)).collect();
            (way, conversations, vec![Vec::new(); LENGTHS.len()])
        })
        .collect();
    for _ in 0..ROUNDS {
        for (_, conversations, times) in &mut rows {
            for (conversation, times) in conversations.iter_mut().zip(times) {
                // The first turn warms the caches for the second.
                conversation.turn();
                times.push(cpu_time(|| conversation.turn()).as_secs_f64() * 1e3);
            }
        }
    }
    let lines: Vec<(String, Vec<Measured>)> = rows
        .into_iter()
        .map(|(way, _, times)| {
            let times = times.into_iter().filter_map(Measured::of).collect();
            (way.name().to_owned(), times)
        })
        .collect();
    for (name, times) in &lines {
        let times: Vec<String> = times.iter().map(|it| format!("{:.3}", it.median)).collect();
        println!("| {name} | {} |", times.join(" | "));
    }
    if env::args().any(|argument| argument == "--plot") {
        let title = "One turn by the length of the conversation: milliseconds of processor time, median and quartiles";
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("results/turn.svg");
        fs::write(path, plot::lines(title, &columns, &lines))?;
    }
    Ok(())
}
