//! Declares the modules of the gateway for the target that runs it. The gateway is an example
//! program, not a crate, and its modules expect to be at the root.

use std::env;
use std::fs;
use std::path::Path;

fn main() {
    let fuzz = env::var("CARGO_MANIFEST_DIR").expect("the folder of the manifest");
    let gateway = Path::new(&fuzz).join("../codex-client/examples/gateway");
    let program = gateway.join("main.rs");
    println!("cargo::rerun-if-changed={}", program.display());
    let program = fs::read_to_string(program).expect("the gateway's program");
    let out = env::var("OUT_DIR").expect("a folder for the output");
    let modules = modules(&program, &gateway);
    fs::write(Path::new(&out).join("gateway.rs"), modules).expect("a file of modules");
}

/// Returns the declarations of a program's modules, with the paths of their files.
fn modules(program: &str, folder: &Path) -> String {
    let mut declared = String::new();
    let mut path = None;
    for line in program.lines() {
        if let Some(rest) = line.strip_prefix("#[path = \"") {
            path = rest.strip_suffix("\"]").map(str::to_owned);
        } else if let Some(name) = line.strip_prefix("mod ") {
            let name = name.trim_end_matches(';');
            let path = path.take().unwrap_or_else(|| format!("{name}.rs"));
            // The target does not log.
            if name != "trace" {
                let path = folder.join(path);
                declared.push_str(&format!("#[path = {path:?}]\nmod {name};\n"));
            }
        }
    }
    declared
}
