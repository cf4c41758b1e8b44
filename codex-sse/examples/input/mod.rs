//! Standard input, read as a stream or as messages.

use core::error::Error;
use std::env;
use std::io::{self, BufRead as _, Read as _};

/// The form in which the input is read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Options {
    pub(crate) chunk_size: usize,
    pub(crate) messages: bool,
}

impl Options {
    /// Parses `[--chunk N] [--messages]`.
    pub(crate) fn from_arguments(program: &str) -> Result<Self, String> {
        let usage =
            || format!("usage: {program} [--chunk N] [--messages] < input, where N is at least 1");
        let mut options = Self {
            chunk_size: 16 * 1024,
            messages: false,
        };
        let mut arguments = env::args().skip(1);
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--messages" => options.messages = true,
                "--chunk" => {
                    let size = arguments.next().and_then(|size| size.parse().ok());
                    options.chunk_size = size.filter(|size| *size > 0).ok_or_else(usage)?;
                }
                _ => return Err(usage()),
            }
        }
        Ok(options)
    }
}

/// Passes standard input on as it arrives: in chunks, or with `--messages` line by line without the
/// line endings.
pub(crate) fn read_input(
    options: Options,
    mut take: impl FnMut(&[u8]) -> Result<(), Box<dyn Error>>,
) -> Result<(), Box<dyn Error>> {
    let mut input = io::stdin().lock();
    if options.messages {
        let mut line = Vec::new();
        while input.read_until(b'\n', &mut line)? > 0 {
            let message = line.trim_ascii();
            if !message.is_empty() {
                take(message)?;
            }
            line.clear();
        }
        return Ok(());
    }
    let mut buffer = vec![0; options.chunk_size];
    loop {
        match input.read(&mut buffer)? {
            0 => return Ok(()),
            length => take(&buffer[..length])?,
        }
    }
}
