//! Translates Chat Completions streams line by line: `chat stream [--include-usage]` reads response
//! events, one JSON object per line, and writes chat chunks; `chat stream-back` reads chat chunks,
//! with `[DONE]` where the server sent it, and writes response events.
//!
//! An event that cannot be decoded is reported on standard error, and the exit status is then not
//! 0, as it is when the input ends before the response. A failed response is translated to an error
//! line.

use core::error::Error;
use std::env;
use std::io::{self, BufRead as _, Write};
use std::process::ExitCode;

use codex_sse::EventDecoder;
use codex_sse::chat::{ChatStreamEvent, ToChatChunks, ToResponseEvents};
use codex_types::ResponseEvent;
use codex_types::chat::ChatChunk;
use codex_types::chat::translate::AnswerOptions;

mod common;

fn main() -> ExitCode {
    common::run("chat", || {
        let arguments: Vec<String> = env::args().skip(1).collect();
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        match arguments.as_slice() {
            ["stream"] => stream(AnswerOptions::new()),
            ["stream", "--include-usage"] => stream(AnswerOptions::new().include_usage(true)),
            ["stream-back"] => stream_back(),
            _ => Err("usage: chat stream [--include-usage] | stream-back".into()),
        }
    })
}

type Failure = Box<dyn Error>;

fn stream(options: AnswerOptions) -> Result<(), Failure> {
    let mut chunks = ToChatChunks::new(options);
    let mut decoder = EventDecoder::new();
    let mut output = io::stdout().lock();
    let mut undecodable = 0_u64;
    for line in io::stdin().lock().lines() {
        match decoder.decode_message(line?.trim().as_bytes()) {
            Ok(Some(event)) => print(&mut output, chunks.feed(&event))?,
            Ok(None) => {}
            Err(error) => {
                undecodable += 1;
                writeln!(io::stderr(), "chat: {error}")?;
            }
        }
    }
    let is_whole = chunks.is_over();
    print(&mut output, chunks.finish())?;
    match undecodable {
        _ if !is_whole => Err("input ended before the response was complete".into()),
        0 => Ok(()),
        count => Err(format!("{count} events could not be decoded").into()),
    }
}

fn print(output: &mut impl Write, events: Vec<ChatStreamEvent>) -> io::Result<()> {
    for event in events {
        if event != ChatStreamEvent::Done {
            writeln!(output, "{}", event.to_data())?;
        }
    }
    output.flush()
}

fn stream_back() -> Result<(), Failure> {
    let mut events = ToResponseEvents::new();
    let mut output = io::stdout().lock();
    for line in io::stdin().lock().lines() {
        let line = line?;
        match line.trim() {
            "" | "null" => {}
            "[DONE]" => events.feed_done(),
            line => {
                let chunk = ChatChunk::from_json(line)?;
                write_events(&mut output, &events.feed(&chunk)?)?;
            }
        }
    }
    write_events(&mut output, &events.finish())
}

fn write_events(output: &mut impl Write, events: &[ResponseEvent]) -> Result<(), Failure> {
    for event in events {
        writeln!(output, "{}", event.to_json()?)?;
    }
    Ok(output.flush()?)
}
