//! Assembles the response from server-sent events on standard input and writes it to standard
//! output: `{"outcome","response"}`.
//!
//! The outcome is `completed`, `incomplete`, `failed`, `error`, or `truncated` when the input ends
//! before the response; the response is everything that was received. `--chunk N` feeds at most N
//! bytes at a time, which must not change the output. With `--messages`, the input is one JSON
//! message per line, as on a WebSocket. A payload that cannot be decoded is reported on standard
//! error, and the exit status is then not 0.

mod common;
mod input;

use std::io::{self, Write as _};
use std::process::ExitCode;

use codex_sse::{Accumulator, EventDecoder, Outcome};
use codex_types::RawJson;

fn main() -> ExitCode {
    common::run("fold", || {
        let options = input::Options::from_arguments("fold")?;
        let mut decoder = EventDecoder::new();
        let mut accumulator = Accumulator::new();
        let mut undecodable = 0_u64;
        input::read_input(options, |mut chunk| {
            loop {
                let event = match options.messages {
                    true => decoder.decode_message_ref(core::mem::take(&mut chunk)),
                    false => decoder.decode_ref(&mut chunk),
                };
                match event {
                    Ok(Some(event)) => accumulator.push_ref(&event)?,
                    Ok(None) => break,
                    Err(error) if error.is_fatal() => return Err(error.into()),
                    Err(error) => {
                        undecodable += 1;
                        writeln!(io::stderr(), "fold: {error}")?;
                    }
                }
                if options.messages {
                    break;
                }
            }
            Ok(())
        })?;
        // A stream without a terminal event has the outcome `truncated`.
        let _ = accumulator.finish();
        let outcome = match accumulator.outcome() {
            Some(Outcome::Completed) => "completed",
            Some(Outcome::Incomplete) => "incomplete",
            Some(Outcome::Failed | Outcome::Cancelled) => "failed",
            Some(_) => "error",
            None => "truncated",
        };
        let response = RawJson::encode(accumulator.snapshot())?;
        writeln!(
            io::stdout(),
            r#"{{"outcome":"{outcome}","response":{}}}"#,
            response.to_compact()
        )?;
        match undecodable {
            0 => Ok(()),
            count => Err(format!("{count} events could not be decoded").into()),
        }
    })
}
