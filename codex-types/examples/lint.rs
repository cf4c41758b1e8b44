//! Checks Responses requests before they are sent.
//!
//! ```text
//! lint [--profile NAME] [--fix]
//! ```
//!
//! Input is JSON, one request a line or otherwise separated by white space. For each there is one line
//! of output: `{"findings":[{"code","pointer","severity","message","fix"}]}`, or with `--fix` the
//! request with everything put right that can be. The status is not zero if any request has an error,
//! or with `--fix` still has one.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "it is a program for the command line"
)]

use std::io::Read;
use std::process::ExitCode;

use codex_types::RawJson;
use codex_types::lint::{Linter, Severity};
use codex_types::profile::Profile;

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("lint: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Whether all requests are without errors.
fn run() -> Result<bool, Box<dyn core::error::Error>> {
    let mut profile = Profile::platform();
    let mut fixes = false;
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--profile" => {
                let name = arguments.next().ok_or("--profile needs a name")?;
                let names = Profile::NAMES.join(", ");
                profile = Profile::by_name(&name)
                    .ok_or_else(|| format!("there is no profile {name}; there are {names}"))?;
            }
            "--fix" => fixes = true,
            other => return Err(format!("unknown argument {other}").into()),
        }
    }
    let linter = Linter::new(profile);
    let mut input = String::new();
    std::io::stdin().read_to_string(&mut input)?;
    let mut is_good = true;
    for body in serde_json::Deserializer::from_str(&input).into_iter::<RawJson>() {
        let mut body = body?;
        if fixes {
            body = linter.fix(&body)?.0;
        }
        let findings = linter.lint_json(&body)?;
        is_good &= findings
            .iter()
            .all(|finding| finding.severity < Severity::Error);
        if fixes {
            println!("{}", body.to_compact());
        } else {
            println!("{{\"findings\":{}}}", RawJson::encode(&findings)?);
        }
    }
    Ok(is_good)
}
