//! Checks Responses requests before they are sent.
//!
//! ```text
//! lint [--profile NAME] [--channel http|websocket] [--form full|lite] [--fix]
//! ```
//!
//! The default profile is `platform`, the default channel `http`, and the default form that of the
//! profile for the model; see `codex_types::profile::RequestForm`.
//!
//! Input is JSON, one request per line or otherwise separated by white space. Each request gets one
//! line of output: `{"findings":[{"code","pointer","severity","message","fix"}]}`, or with `--fix`
//! the fixed request. The exit status is not 0 if any request has an error, or with `--fix` still
//! has one.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command-line program prints"
)]

use std::io::Read;
use std::process::ExitCode;

use codex_types::RawJson;
use codex_types::lint::{Linter, Severity};
use codex_types::profile::{Channel, Profile, RequestForm};

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

/// Returns whether all requests are without errors.
fn run() -> Result<bool, Box<dyn core::error::Error>> {
    let mut linter = Linter::new(Profile::platform());
    let mut fixes = false;
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--profile" => {
                let name = arguments.next().ok_or("--profile requires a name")?;
                let names = Profile::NAMES.join(", ");
                linter.profile = Profile::by_name(&name)
                    .ok_or_else(|| format!("unknown profile {name}; known profiles: {names}"))?;
            }
            "--channel" => {
                linter.channel = match arguments.next().as_deref() {
                    Some("http") => Channel::Http,
                    Some("websocket") => Channel::WebSocket,
                    _ => return Err("--channel must be http or websocket".into()),
                }
            }
            "--form" => {
                linter.form = match arguments.next().as_deref() {
                    Some("full") => Some(RequestForm::Full),
                    Some("lite") => Some(RequestForm::Lite),
                    _ => return Err("--form must be full or lite".into()),
                }
            }
            "--fix" => fixes = true,
            other => return Err(format!("unknown argument {other}").into()),
        }
    }
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
