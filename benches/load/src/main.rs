//! The cost of one of thousands of streams: peak memory, processor time per event, and the effect
//! of a reader that does not read.
//!
//! `cargo run --release` runs everything and prints tables; `cargo run --release -- STREAMS EVENTS`
//! changes the size. The server and each client are separate processes; every client reads the same
//! bytes from the same server program.
//!
//! There are three shapes of load, with the same bytes in the same time: one write for each event,
//! as a model generates them; one write for ten events, as servers and proxies gather them; and one
//! write for all events, as when the response is complete before it is fetched. In all of them,
//! each event is a separate HTTP chunk.

mod client;
mod server;
mod usage;

use std::io::BufRead as _;
use std::process::{Child, Command, Stdio};

use crate::usage::Report;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments
        .iter()
        .map(String::as_str)
        .collect::<Vec<_>>()
        .as_slice()
    {
        ["server", rest @ ..] => server::run(rest),
        ["client", rest @ ..] => client::run(rest),
        [] => run_all("10000", "200"),
        [streams, events] => run_all(streams, events),
        _ => {
            eprintln!("usage: codex-load [STREAMS EVENTS]");
            std::process::exit(2);
        }
    }
}

fn run_all(streams: &str, events: &str) {
    for (burst, shape) in [
        ("1", "an event every 100 ms, in a write of its own"),
        ("10", "ten events in one write, every second"),
        (events, "all of them in one write"),
    ] {
        println!("{streams} streams at a time, {events} events each; {shape}\n");
        run_clients(streams, events, burst);
        println!();
    }
    println!(
        "| client | memory that an idle reader of an endless stream gains in 4 s |\n|---|---|"
    );
    for kind in ["idle-codex", "idle-async-openai"] {
        let report = measure(&["endless"], kind, "1", "0");
        println!(
            "| {} | {:.1} MiB |",
            kind.trim_start_matches("idle-"),
            (report.peak_kib - report.base_kib) as f64 / 1024.0
        );
    }
    let report = measure(&["sockets"], "sockets-codex", "2000", "0");
    println!(
        "\n{} idle WebSockets: {:.1} KiB each",
        report.complete,
        report.kib_per(report.peak_kib, report.streams)
    );
}

fn run_clients(streams: &str, events: &str, burst: &str) {
    println!(
        "| client | streams complete | events | peak memory per stream | processor time per event | in user mode | in the kernel | seconds |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for kind in [
        "bare-socket",
        "codex-frames",
        "reqwest-eventsource-stream",
        "codex-events",
        "async-openai",
    ] {
        let report = measure(&["paced", streams, events, burst], kind, streams, events);
        let per_event = |microseconds: f64| microseconds / report.events.max(1) as f64;
        println!(
            "| {kind} | {} | {} | {:.1} KiB | {:.2} µs | {:.2} µs | {:.2} µs | {:.1} |",
            report.complete,
            report.events,
            report.kib_per(report.peak_kib, report.streams),
            per_event(report.user_us + report.system_us),
            per_event(report.user_us),
            per_event(report.system_us),
            report.seconds,
        );
    }
}

fn measure(server: &[&str], client: &str, streams: &str, events: &str) -> Report {
    let program = std::env::current_exe().expect("the path of this program");
    let mut serving: Child = Command::new(&program)
        .arg("server")
        .args(server)
        .stdout(Stdio::piped())
        .spawn()
        .expect("the server starts");
    let mut url = String::new();
    let output = serving.stdout.take().expect("the server's output");
    std::io::BufReader::new(output)
        .read_line(&mut url)
        .expect("the server says where it listens");
    let output = Command::new(&program)
        .args(["client", client, url.trim(), streams, events])
        .stderr(Stdio::inherit())
        .output()
        .expect("the client runs");
    let killed = serving.kill().and_then(|()| serving.wait());
    assert!(
        output.status.success() && killed.is_ok(),
        "the client {client} failed"
    );
    Report::parse(&String::from_utf8_lossy(&output.stdout))
}
