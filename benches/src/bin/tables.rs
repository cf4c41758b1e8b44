//! Measures framing, typed decoding and folding against the peers, in one process and in
//! interleaved rounds, prints tables and writes plots to `benches/results`: `cargo run --profile
//! bench -p codex-bench --bin tables [ROUNDS]`.
//!
//! Times are CPU times of the thread, medians of the rounds. A decoder that returns wrong events is
//! marked; one that takes too long for one round is left out.

#![expect(clippy::print_stdout, reason = "this program prints tables")]

use core::fmt::Write as _;
use core::time::Duration;
use std::path::Path;
use std::process::Command;
use std::{env, fs, io};

use codex_bench::clock::cpu_time;
use codex_bench::framing::{Check, Count, Framing};
use codex_bench::plot::{self, Measured};
use codex_bench::typed::Typed;
use codex_bench::workload::Workload;

const CHUNKS: [(&str, usize); 5] = [
    ("whole", usize::MAX),
    ("16 KiB", 16 << 10),
    ("1400 B", 1400),
    ("64 B", 64),
    ("1 B", 1),
];
const TOO_LONG: Duration = Duration::from_secs(2);
const LONG: Duration = Duration::from_millis(20);

/// A decoder, its nanoseconds in each column, and whether its output is right.
type Row = (String, Vec<Option<Measured>>, bool);
/// The name of a file, and its content.
type Plot = (String, String);

fn main() -> io::Result<()> {
    let rounds = env::args()
        .nth(1)
        .and_then(|text| text.parse().ok())
        .unwrap_or(7);
    let mut plots = Vec::new();
    let mut report = String::from(
        "CPU time of the thread: medians of interleaved rounds in one process, each with many runs of the\nsame decoder. Nanoseconds per event, with the ratio to a memchr2 scan of the same chunks in parentheses.\nRatios within a table are comparable; absolute times depend on the machine. All output is compared with\nthe generator's first: **wrong** marks different events, a dash a run beyond two seconds.\n",
    );
    for workload in [
        Workload::deltas(20_000),
        Workload::large(),
        Workload::multiline(10_000),
    ] {
        plots.push(framing(&workload, rounds, &mut report));
    }
    plots.push(typed(rounds, &mut report));
    allocations(&mut report)?;
    scaling(
        "Linearity: one chunk of N deltas, nanoseconds per event",
        ["250", "1000", "4000", "16000"],
        [250, 1000, 4000, 16_000].map(Workload::deltas),
        usize::MAX,
        &mut report,
    );
    for (label, chunk) in &CHUNKS[1..4] {
        scaling(
            &format!("Linearity: one data line in chunks of {label}, nanoseconds per KiB"),
            ["16 KiB", "64 KiB", "256 KiB", "1 MiB"],
            [16, 64, 256, 1024].map(|kibibytes| Workload::line(kibibytes << 10)),
            *chunk,
            &mut report,
        );
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("results");
    for (name, plot) in plots {
        fs::write(folder.join(name), plot)?;
    }
    print!("{report}");
    Ok(())
}

fn framing(workload: &Workload, rounds: usize, report: &mut String) -> Plot {
    let title = format!("Framing, {}", workload.name);
    let events = workload.events.len() as f64;
    let mut rows: Vec<Row> = Framing::ALL
        .iter()
        .map(|decoder| (decoder.name().to_owned(), Vec::new(), true))
        .collect();
    for (_, chunk) in CHUNKS {
        let chunk = chunk.min(workload.bytes.len());
        for (row, decoder) in rows.iter_mut().zip(Framing::ALL) {
            let mut check = Check::new(workload);
            let slow = chunk == 1 && workload.name == "large";
            let time = if slow {
                TOO_LONG
            } else {
                cpu_time(|| decoder.run(&workload.bytes, chunk, &mut check))
            };
            row.2 &= slow || !decoder.is_decoder() || check.passed();
            row.1.push((time < TOO_LONG).then(Measured::default));
        }
        let column = rows[0].1.len() - 1;
        let times = medians(rounds, Framing::ALL.len(), |index| {
            rows[index].1[column]?;
            Some(settled(|| {
                Framing::ALL[index].run(&workload.bytes, chunk, &mut Count::default());
            }))
        });
        for (row, time) in rows.iter_mut().zip(times) {
            row.1[column] = time.map(|time| time.per(events));
        }
    }
    let scan = rows[Framing::ALL
        .iter()
        .position(|decoder| *decoder == Framing::LineEndScan)
        .unwrap_or(0)]
    .1
    .clone();
    table(
        report,
        &title,
        &CHUNKS.map(|(label, _)| label),
        &rows,
        Some(&scan),
    );
    let name = format!("framing-{}.svg", workload.name);
    (name, plot(&title, &rows, 1))
}

fn typed(rounds: usize, report: &mut String) -> Plot {
    let workload = Workload::deltas(20_000);
    let expected = Typed::EventsourceStreamValue.run(&workload.bytes, 16 << 10);
    let labels = ["16 KiB", "1400 B"];
    let mut rows: Vec<Row> = Typed::ALL
        .iter()
        .map(|way| (way.name().to_owned(), Vec::new(), true))
        .collect();
    for chunk in [16 << 10, 1400] {
        for (row, way) in rows.iter_mut().zip(Typed::ALL) {
            row.2 &= way.run(&workload.bytes, chunk) == expected;
        }
        let times = medians(rounds, Typed::ALL.len(), |index| {
            Some(settled(|| {
                core::hint::black_box(Typed::ALL[index].run(&workload.bytes, chunk));
            }))
        });
        for (row, time) in rows.iter_mut().zip(times) {
            row.1
                .push(time.map(|time| time.per(workload.events.len() as f64)));
        }
    }
    let title = "Framing and typed events, deltas";
    table(report, title, &labels, &rows, None);
    ("typed.svg".to_owned(), plot(title, &rows, 0))
}

/// The same kind of stream at four sizes: flat means linear.
fn scaling(
    title: &str,
    labels: [&str; 4],
    workloads: [Workload; 4],
    chunk: usize,
    report: &mut String,
) {
    let mut rows: Vec<Row> = Framing::ALL
        .iter()
        .map(|decoder| (decoder.name().to_owned(), Vec::new(), true))
        .collect();
    for workload in workloads {
        let units = match workload.name {
            "line" => workload.bytes.len() as f64 / 1024.0,
            _ => workload.events.len() as f64,
        };
        let times = medians(3, Framing::ALL.len(), |index| {
            let quadratic = rows[index]
                .1
                .last()
                .is_some_and(|last| last.is_none_or(|last: Measured| last.median > 20_000.0));
            (!quadratic).then(|| {
                settled(|| {
                    Framing::ALL[index].run(&workload.bytes, chunk, &mut Count::default());
                })
            })
        });
        for (row, time) in rows.iter_mut().zip(times) {
            row.1.push(time.map(|time| time.per(units)));
        }
    }
    table(report, title, &labels, &rows, None);
}

/// A separate program counts them, with a counting allocator.
fn allocations(report: &mut String) -> io::Result<()> {
    let output = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["run", "--quiet", "--profile", "bench", "-p", "codex-bench"])
        .args(["--bin", "allocations"])
        .output()?;
    if !output.status.success() {
        return Err(io::Error::other("the allocations could not be counted"));
    }
    report.push_str(&String::from_utf8_lossy(&output.stdout));
    Ok(())
}

/// Returns the time of one run among many of the same kind, so that caches and allocator are in the
/// state that such runs leave, and not the previous decoder. A long run is made once.
fn settled(work: impl Fn()) -> Duration {
    let first = cpu_time(&work);
    let runs = (LONG.as_nanos() / first.as_nanos().max(1)) as u32;
    if runs < 2 {
        return first;
    }
    let many = || (0..runs).for_each(|_| work());
    many();
    cpu_time(many) / runs
}

/// Returns the median and the quartiles of each, in nanoseconds.
fn medians(
    rounds: usize,
    count: usize,
    mut measure: impl FnMut(usize) -> Option<Duration>,
) -> Vec<Option<Measured>> {
    let mut times: Vec<Vec<f64>> = vec![Vec::new(); count];
    for round in 0..rounds {
        for step in 0..count {
            let index = (step + round) % count;
            times[index].extend(measure(index).map(|time| time.as_nanos() as f64));
        }
    }
    times.into_iter().map(Measured::of).collect()
}

fn table(
    report: &mut String,
    title: &str,
    labels: &[&str],
    rows: &[Row],
    scan: Option<&[Option<Measured>]>,
) {
    let _ = write!(
        report,
        "\n## {title}\n\n| |{}|\n|---|{}\n",
        labels.join("|"),
        "---:|".repeat(labels.len())
    );
    for (name, cells, right) in rows {
        let _ = write!(
            report,
            "| {name}{} |",
            if *right { "" } else { " **wrong**" }
        );
        for (column, cell) in cells.iter().enumerate() {
            let text = match (cell, scan.and_then(|scan| scan[column])) {
                (Some(time), Some(scan)) => {
                    format!("{:.0} ({:.2})", time.median, time.median / scan.median)
                }
                (Some(time), None) => format!("{:.1}", time.median),
                (None, _) => "–".to_owned(),
            };
            let _ = write!(report, " {text} |");
        }
        report.push('\n');
    }
}

/// Draws one column, the fastest on top, cut off at twelve times the fastest.
fn plot(title: &str, rows: &[Row], column: usize) -> String {
    let mut bars: Vec<(String, Measured)> = rows
        .iter()
        .filter_map(|(name, cells, _)| Some((name.clone(), cells[column]?)))
        .collect();
    bars.sort_by(|a, b| a.1.median.total_cmp(&b.1.median));
    let longest = bars.first().map_or(1.0, |(_, time)| time.median * 12.0);
    let title = format!(
        "{title}, 16 KiB chunks: nanoseconds per event, median and quartiles of the rounds"
    );
    plot::bars(&title, &bars, longest)
}
