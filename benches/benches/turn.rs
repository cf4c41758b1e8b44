//! Processor time of one turn by the length of the conversation: `cargo bench -p codex-bench
//! --bench turn`.
//!
//! Times are CPU times of the thread, medians; every length and every client run in one process, in
//! interleaved rounds. Compression is off.

#![expect(clippy::print_stdout, reason = "this program prints a table")]

use core::time::Duration;

use codex_bench::clock::cpu_time;
use codex_bench::turn::{Conversation, Way, history};

/// In bytes of JSON.
const LENGTHS: [usize; 5] = [200_000, 400_000, 800_000, 1_600_000, 3_200_000];
const ROUNDS: usize = 31;

fn main() {
    let histories = LENGTHS.map(history);
    print!("| one turn, ms |");
    LENGTHS
        .iter()
        .for_each(|length| print!(" {:.1} MB |", *length as f64 / 1e6));
    println!("\n|---|{}", "---|".repeat(LENGTHS.len()));
    let mut rows: Vec<(Way, Vec<Conversation>, Vec<Vec<Duration>>)> = Way::ALL
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
                times.push(cpu_time(|| conversation.turn()));
            }
        }
    }
    for (way, _, times) in rows {
        print!("| {} |", way.name());
        for mut times in times {
            times.sort_unstable();
            print!(" {:.3} |", times[times.len() / 2].as_secs_f64() * 1e3);
        }
        println!();
    }
}
