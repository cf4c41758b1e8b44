//! Writes the Rust examples of the migration guide as modules, which `tests/migrating.rs` includes.
//! A lint of the package compiles them against the peers' metadata; doctests would need the peers
//! built.
#![allow(clippy::expect_used, reason = "a build script panics on an error")]

use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};

fn main() {
    let page = Path::new("../docs/migrating.md");
    println!("cargo::rerun-if-changed={}", page.display());
    let text = fs::read_to_string(page).expect("the page");
    let mut modules = String::new();
    let blocks = text.split("```rust\n").skip(1);
    for (index, block) in blocks.enumerate() {
        let (code, _) = block.split_once("```").expect("the end of an example");
        writeln!(modules, "mod example_{index} {{\n{code}}}").expect("text");
    }
    assert!(!modules.is_empty(), "no examples in {}", page.display());
    let out = env::var_os("OUT_DIR").expect("OUT_DIR");
    fs::write(Path::new(&out).join("migrating.rs"), modules).expect("the modules");
}
