//! Turns results into pages. `report types` and `report client` print the table of the criterion
//! benchmark of that name, with 95 % confidence intervals, and write its plots. `report` alone
//! writes the results into `BENCHMARKS.md`. `benches/run` runs all of it.

#![expect(clippy::print_stdout, reason = "this program prints a table")]

use std::error::Error;
use std::path::{Path, PathBuf};
use std::{env, fs};

use codex_bench::blocks;
use codex_bench::plot::{self, Measured, digits};

type Result<T> = core::result::Result<T, Box<dyn Error>>;

/// Groups of the benchmark `types`, and the work that each measures. The last two are not events.
const TYPES: [(&str, &str); 8] = [
    ("event_output_text", "text delta"),
    ("event_arguments_escaped", "arguments delta, with escapes"),
    ("event_reasoning_summary", "reasoning summary delta"),
    ("event_refusal", "refusal delta"),
    ("event_text_done", "text done"),
    ("event_item_done", "item done"),
    ("response_1MiB", "response of 1 MiB"),
    ("request_write", "request, written"),
];
/// Functions of a group, and the columns of the table.
const LIBRARIES: [(&str, &str); 5] = [
    ("codex-types", "codex-types"),
    ("codex-types view", "view"),
    ("codex-types in full", "in full"),
    ("async-openai", "async-openai"),
    ("serde_json__Value", "`serde_json::Value`"),
];
/// Functions of the benchmark `client`, and the work that each measures.
const CLIENT: [(&str, &str); 5] = [
    (
        "decoder and accumulator",
        "decoder and accumulator of codex-sse",
    ),
    (
        "decoder and updates",
        "decoder and updates of codex-sse, which the client uses",
    ),
    (
        "client, create",
        "`client.create(&request)`: the whole response",
    ),
    ("client, events", "`client.stream(&request)`, each event"),
    ("client, updates", "the same, each update"),
];

fn main() -> Result<()> {
    match env::args().nth(1).as_deref() {
        Some("types") => types(),
        Some("client") => client(),
        Some(name) => Err(format!("{name} is not a criterion benchmark").into()),
        None => {
            let page = folder().join("../BENCHMARKS.md");
            let read =
                |name: &str| fs::read_to_string(folder().join(format!("results/{name}.md"))).ok();
            Ok(fs::write(
                &page,
                blocks::replace(&fs::read_to_string(&page)?, read)?,
            )?)
        }
    }
}

fn types() -> Result<()> {
    let mut rows = Vec::new();
    for (group, work) in TYPES {
        // Only an event can be borrowed, and only an event has a fast path.
        let is_event = group.starts_with("event");
        let mut row = Vec::new();
        for (library, _) in LIBRARIES {
            let measured = is_event || !library.starts_with("codex-types ");
            row.push(
                measured
                    .then(|| estimate(&format!("{group}/{library}")))
                    .transpose()?,
            );
        }
        rows.push((work, row));
    }
    let columns = LIBRARIES.map(|(_, column)| column).join(" | ");
    println!("| work | {columns} | async-openai / codex-types |");
    println!("|---|---|---|---|---|---|---|");
    for (work, row) in &rows {
        let cells: String = row
            .iter()
            .map(|time| time.map_or_else(|| "| ".to_owned(), |time| format!("| {} ", cell(time))))
            .collect();
        let ratio = match (row[0], row[3]) {
            (Some(ours), Some(peer)) => digits(peer.median / ours.median),
            _ => String::new(),
        };
        println!("| {work} {cells}| {ratio} |");
    }
    let (events, others) = rows.split_at(TYPES.len() - 2);
    for (rows, title, name) in [
        (events, "Reading events", "events"),
        (&others[..1], "Reading a response of 1 MiB", "response"),
        (&others[1..], "Writing a request", "request"),
    ] {
        let bars: Vec<(String, Measured)> = rows
            .iter()
            .flat_map(|(work, row)| {
                let libraries = LIBRARIES.iter().zip(row);
                libraries.filter_map(move |((library, _), time)| {
                    Some((format!("{work}, {}", library.replace("__", "::")), (*time)?))
                })
            })
            .collect();
        write_plot(&format!("types-{name}"), title, bars)?;
    }
    Ok(())
}

fn client() -> Result<()> {
    let rows = CLIENT
        .into_iter()
        .map(|(function, work)| Ok((work, estimate(&format!("response_deltas/{function}"))?)))
        .collect::<Result<Vec<_>>>()?;
    println!("| work | time | ratio |\n|---|---|---|");
    let (_, base) = rows[1];
    for (work, time) in &rows {
        let ratio = time.median / base.median;
        println!("| {work} | {} | {ratio:.2} |", cell(*time));
    }
    let bars = rows
        .into_iter()
        .map(|(work, time)| (work.replace(['`', '&'], ""), time))
        .collect();
    write_plot("client", "A response of 2,000 deltas", bars)
}

/// Returns the median and its confidence interval, in nanoseconds, as criterion stored them.
fn estimate(function: &str) -> Result<Measured> {
    let target = env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| folder().join("../target"), PathBuf::from)
        .join("criterion");
    let path = target.join(function).join("new/estimates.json");
    let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let median = &serde_json::from_str::<serde_json::Value>(&text)?["median"];
    let interval = &median["confidence_interval"];
    let number = |value: &serde_json::Value| {
        value
            .as_f64()
            .ok_or_else(|| format!("{}: no median", path.display()))
    };
    Ok(Measured {
        median: number(&median["point_estimate"])?,
        low: number(&interval["lower_bound"])?,
        high: number(&interval["upper_bound"])?,
    })
}

/// Returns the unit for a time in nanoseconds, and its size.
fn unit(nanoseconds: f64) -> (&'static str, f64) {
    match nanoseconds {
        ..1e3 => ("ns", 1.0),
        ..1e6 => ("µs", 1e3),
        _ => ("ms", 1e6),
    }
}

fn cell(time: Measured) -> String {
    let (unit, size) = unit(time.median);
    let Measured { median, low, high } = time.per(size);
    let [median, low, high] = [median, low, high].map(digits);
    format!("{median} {unit} ({low} to {high})")
}

fn write_plot(name: &str, title: &str, bars: Vec<(String, Measured)>) -> Result<()> {
    let longest = bars.iter().map(|(_, time)| time.high).fold(0.0, f64::max);
    let (unit, size) = unit(longest);
    let bars: Vec<_> = bars
        .into_iter()
        .map(|(name, time)| (name, time.per(size)))
        .collect();
    let title = format!("{title}: {unit}, median and its 95 % confidence interval");
    let svg = plot::bars(&title, &bars, longest / size);
    Ok(fs::write(
        folder().join(format!("results/{name}.svg")),
        svg,
    )?)
}

fn folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
