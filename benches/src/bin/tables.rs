//! Framing tables: CPU time of every decoder, interleaved in one process.

use core::time::Duration;

use codex_bench::{
    clock::cpu_time,
    framing::{Check, Count, Framing},
    workload::Workload,
};

fn main() {
    let rounds = std::env::args()
        .nth(1)
        .and_then(|text| text.parse().ok())
        .unwrap_or(7);
    for workload in [
        Workload::deltas(20_000),
        Workload::large(),
        Workload::multiline(10_000),
    ] {
        let whole = workload.bytes.len();
        for (label, chunk) in [
            ("whole", whole),
            ("16 KiB", 16 << 10),
            ("1400 B", 1400),
            ("64 B", 64),
            ("1 B", 1),
        ] {
            if chunk == 1 && workload.name == "large" {
                continue;
            }
            println!("\n{} {label}", workload.name);
            let mut times: Vec<Vec<Duration>> = vec![Vec::new(); Framing::ALL.len()];
            let mut right = [true; Framing::ALL.len()];
            for round in 0..rounds {
                for (index, decoder) in Framing::ALL.into_iter().enumerate() {
                    if times[index]
                        .iter()
                        .any(|time| *time > Duration::from_secs(1))
                    {
                        continue;
                    }
                    if round == 0 {
                        let mut check = Check::new(&workload);
                        decoder.run(&workload.bytes, chunk, &mut check);
                        right[index] = !decoder.is_decoder() || check.passed();
                    }
                    times[index].push(cpu_time(|| {
                        decoder.run(&workload.bytes, chunk, &mut Count::default())
                    }));
                }
            }
            let median = |times: &mut Vec<Duration>| {
                times.sort();
                times[times.len() / 2].as_nanos() as f64
            };
            let medians: Vec<f64> = times.iter_mut().map(median).collect();
            let peer = medians[3];
            let scan = medians[7];
            for (index, decoder) in Framing::ALL.into_iter().enumerate() {
                let per_event = medians[index] / workload.events.len() as f64;
                println!(
                    "  {:45} {:10.1} ns/event  {:6.2}x faster than sse-stream  {:6.2} scans {}",
                    decoder.name(),
                    per_event,
                    peer / medians[index],
                    medians[index] / scan,
                    if right[index] { "" } else { "WRONG" }
                );
            }
        }
    }
}
