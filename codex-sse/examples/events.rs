//! Decodes server-sent events from standard input and writes one JSON line for each typed event to
//! standard output: `{"kind","known","json"}`.
//!
//! `--chunk N` feeds at most N bytes at a time, which must not change the output. With
//! `--messages`, the input is one JSON message per line, as on a WebSocket. A payload that cannot
//! be decoded is reported on standard error, and the exit status is then not 0.

mod common;
mod input;

use core::error::Error;
use std::io::{self, Write as _};
use std::process::ExitCode;

use codex_sse::EventDecoder;
use codex_types::{RawJson, ResponseEvent};

fn main() -> ExitCode {
    common::run("events", || {
        let options = input::Options::from_arguments("events")?;
        let mut output = io::stdout().lock();
        let mut decoder = EventDecoder::new();
        let mut undecodable = 0_u64;
        input::read_input(options, |mut chunk| {
            loop {
                let event = match options.messages {
                    true => decoder.decode_message(core::mem::take(&mut chunk)),
                    false => decoder.decode(&mut chunk),
                };
                match event {
                    Ok(Some(event)) => writeln!(output, "{}", line(&event)?)?,
                    Ok(None) => break,
                    Err(error) if error.is_fatal() => return Err(error.into()),
                    Err(error) => {
                        undecodable += 1;
                        writeln!(io::stderr(), "events: {error}")?;
                    }
                }
                if options.messages {
                    break;
                }
            }
            output.flush()?;
            Ok(())
        })?;
        match undecodable {
            0 => Ok(()),
            count => Err(format!("{count} events could not be decoded").into()),
        }
    })
}

fn line(event: &ResponseEvent) -> Result<String, Box<dyn Error>> {
    let kind = RawJson::string(event.kind());
    let json = RawJson::encode(event)?;
    Ok(format!(
        r#"{{"kind":{kind},"known":{},"json":{}}}"#,
        event.is_known(),
        json.to_compact()
    ))
}
