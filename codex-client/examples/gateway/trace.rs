//! The events and spans of the crates, on standard error if `RUST_LOG` requests them.

use std::env;
use std::io;

use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::FmtSpan;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{fmt, registry};

/// Prints the events and the ends of the spans that `RUST_LOG` names: a level, or targets with
/// levels, such as `codex_client=debug`.
pub(crate) fn start() -> Result<(), String> {
    let wanted = match env::var("RUST_LOG") {
        Ok(wanted) if !wanted.is_empty() => wanted,
        _ => return Ok(()),
    };
    let targets: Targets = wanted
        .parse()
        .map_err(|error| format!("invalid RUST_LOG: {error}"))?;
    let lines = fmt::layer()
        .with_ansi(false)
        .with_span_events(FmtSpan::CLOSE)
        .with_writer(io::stderr);
    registry()
        .with(lines)
        .with(targets)
        .try_init()
        .map_err(|error| format!("cannot log: {error}"))
}
