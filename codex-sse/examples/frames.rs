//! Decodes server-sent events from standard input and writes one JSON line for each dispatched
//! event to standard output: `{"event","data","id","retry"}`.
//!
//! `--chunk N` feeds the decoder at most N bytes at a time, which must not change the output.

mod common;
mod input;

use std::borrow::Cow;
use std::io::{self, Write as _};
use std::process::ExitCode;

use codex_sse::{Decoder, Frame};
use serde_json::json;

fn main() -> ExitCode {
    common::run("frames", || {
        let options = input::Options::from_arguments("frames")?;
        if options.messages {
            return Err("WebSocket messages have no frames: omit --messages".into());
        }
        let mut output = io::stdout().lock();
        let mut decoder = Decoder::new();
        input::read_input(options, |mut chunk| {
            while let Some(frame) = decoder.decode(&mut chunk)? {
                writeln!(output, "{}", line(&frame))?;
            }
            Ok(output.flush()?)
        })
    })
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
