//! The code that the example programs share.

use core::error::Error;
use std::io::{self, Write as _};
use std::process::ExitCode;

/// Runs a program and prints its error as one line on standard error.
pub(crate) fn run(program: &str, main: impl FnOnce() -> Result<(), Box<dyn Error>>) -> ExitCode {
    match main() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let mut text = error.to_string();
            let mut source = error.source();
            while let Some(cause) = source {
                text.push_str(": ");
                text.push_str(&cause.to_string());
                source = cause.source();
            }
            let _ = writeln!(io::stderr(), "{program}: {text}");
            ExitCode::FAILURE
        }
    }
}
