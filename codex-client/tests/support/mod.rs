//! Runs of the built examples.
#![allow(dead_code, unreachable_pub, reason = "shared by several tests")]

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// Returns the path of the built example. `cargo test` builds the examples before it runs a test;
/// running a single test program may not have built it.
pub fn example(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("this program");
    let profile = test.parent().and_then(Path::parent).expect("target/debug");
    let path = profile
        .join("examples")
        .join(name)
        .with_extension(std::env::consts::EXE_EXTENSION);
    if !path.exists() {
        let arguments = ["build", "--quiet", "--offline", "-p", "codex-client"];
        let built = Command::new(env!("CARGO"))
            .args(arguments)
            .args(["--example", name])
            .status();
        assert!(
            built.expect("cargo").success(),
            "the example does not build"
        );
    }
    path
}

/// Runs an example without any credentials of the environment.
pub fn command(name: &str) -> Command {
    let mut command = Command::new(example(name));
    for variable in [
        "CODEX_API_KEY",
        "CODEX_ACCESS_TOKEN",
        "OPENAI_API_KEY",
        "CODEX_MODEL",
        "CODEX_GATEWAY_BEARER",
    ] {
        command.env_remove(variable);
    }
    command
}

/// Runs a command to its end with this standard input.
pub fn run(command: &mut Command, input: &str) -> Output {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the example runs");
    let mut stdin = child.stdin.take().expect("its input");
    stdin.write_all(input.as_bytes()).expect("its input");
    drop(stdin);
    child.wait_with_output().expect("its end")
}
