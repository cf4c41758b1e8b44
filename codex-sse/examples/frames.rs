//! Server-sent events on standard input, one JSON line for each dispatched event on standard output:
//! `{"event","data","id","retry"}`.
//!
//! `--chunk N` feeds the decoder with at most N bytes at a time, which must not change anything.

use core::error::Error;
use std::{
    borrow::Cow,
    env,
    io::{self, Read as _, Write as _},
    process::ExitCode,
};

use codex_sse::{Decoder, Frame};
use serde_json::json;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "frames: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let chunk_size = chunk_size(env::args().skip(1))?;
    let mut input = io::stdin().lock();
    let mut output = io::stdout().lock();
    let mut decoder = Decoder::new();
    let mut buffer = vec![0; chunk_size];
    loop {
        let length = input.read(&mut buffer)?;
        if length == 0 {
            return Ok(());
        }
        let mut chunk = &buffer[..length];
        while let Some(frame) = decoder.decode(&mut chunk)? {
            writeln!(output, "{}", line(&frame))?;
        }
        output.flush()?;
    }
}

fn line(frame: &Frame<'_>) -> String {
    let event = frame
        .event()
        .map_or(Cow::Borrowed("message"), String::from_utf8_lossy);
    let data = frame.data_lossy();
    let id = frame.id().map(String::from_utf8_lossy);
    let retry = frame.retry().map(|time| time.as_millis());
    format!(
        r#"{{"event":{},"data":{},"id":{},"retry":{}}}"#,
        json!(event),
        json!(data),
        json!(id),
        retry.map_or_else(
            || "null".to_owned(),
            |milliseconds| milliseconds.to_string()
        ),
    )
}

fn chunk_size(mut arguments: impl Iterator<Item = String>) -> Result<usize, String> {
    let usage = "usage: frames [--chunk N] < stream, where N is at least 1";
    match (
        arguments.next().as_deref(),
        arguments.next(),
        arguments.next(),
    ) {
        (None, ..) => Ok(16 * 1024),
        (Some("--chunk"), Some(size), None) => size
            .parse()
            .ok()
            .filter(|size| *size > 0)
            .ok_or_else(|| usage.to_owned()),
        _ => Err(usage.to_owned()),
    }
}
