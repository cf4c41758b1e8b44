//! Facts about the workspace: which crate may depend on which, how many crates a build links, and
//! whether facts that are stated twice agree.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Each crate, with the crates of the workspace that it may depend on in any way except for
/// development.
const DIRECTION: &[(&str, &[&str])] = &[
    ("codex-types", &[]),
    ("codex-sse", &["codex-types"]),
    ("codex-auth", &[]),
    ("codex-transport", &[]),
    (
        "codex-client",
        &["codex-types", "codex-sse", "codex-auth", "codex-transport"],
    ),
];

/// Arguments of `cargo tree`, and the maximum number of crates that such a build may link,
/// including the crate itself.
const BUDGETS: &[(&str, &[&str], usize)] = &[
    ("codex-types, default", &["-p", "codex-types"], 12),
    (
        "codex-sse, framing only",
        &["-p", "codex-sse", "--no-default-features"],
        2,
    ),
    ("codex-sse, default", &["-p", "codex-sse"], 12),
    ("codex-auth, default", &["-p", "codex-auth"], 25),
    ("codex-transport, default", &["-p", "codex-transport"], 45),
    (
        "codex-transport, with sockets",
        &["-p", "codex-transport", "--features", "ws"],
        70,
    ),
    ("codex-client, default", &["-p", "codex-client"], 80),
];

#[test]
fn every_request_id_header_of_the_transport_is_one_of_the_authority() {
    let names = |file: &str, start: &str| -> Vec<String> {
        let source = std::fs::read_to_string(root().join(file)).expect(file);
        let (_, list) = source.split_once(start).expect(start);
        let (list, _) = list.split_once(']').expect("the end of a list");
        list.split('"')
            .skip(1)
            .step_by(2)
            .map(str::to_owned)
            .collect()
    };
    let ours = names("codex-transport/src/http/request_id.rs", "    [");
    let mut theirs = names("codex-auth/src/oauth/response.rs", "let names = [");
    theirs.retain(|name| name != "x-openai-request-id");
    assert_eq!(ours, theirs);
    assert_eq!(ours.len(), 3);
}

/// Test programs are listed in the manifests, and a file that no program names would never run.
#[test]
fn every_test_file_is_part_of_a_program() {
    for (name, _) in DIRECTION {
        let text = |path: &Path| std::fs::read_to_string(path).expect("a file");
        let manifest = text(&root().join(name).join("Cargo.toml"));
        assert!(manifest.contains("autotests = false"), "{name}");
        let tests = root().join(name).join("tests");
        let all = text(&tests.join("all.rs"));
        for entry in std::fs::read_dir(&tests).expect("a folder") {
            let path = entry.expect("an entry").path();
            let file = path.file_stem().and_then(|stem| stem.to_str());
            let file = file.expect("a name");
            if path.extension().is_some_and(|extension| extension == "rs") {
                let is_listed = all.contains(&format!("\nmod {file};\n"))
                    || manifest.contains(&format!("[[test]]\nname = \"{file}\"\n"));
                assert!(is_listed, "{}", path.display());
            }
        }
    }
}

#[test]
fn dependencies_point_one_way() {
    let metadata = metadata();
    let ours: BTreeSet<&str> = DIRECTION.iter().map(|(name, _)| *name).collect();
    let mut wrong = Vec::new();
    for (name, allowed) in DIRECTION {
        for dependency in dependencies(package(&metadata, name)) {
            if dependency.kind != "dev"
                && (ours.contains(dependency.name.as_str()) || dependency.name == "codex-bench")
                && !allowed.contains(&dependency.name.as_str())
            {
                wrong.push(format!("{name} -> {}", dependency.name));
            }
        }
    }
    assert!(wrong.is_empty(), "wrong way: {wrong:?}");
}

#[test]
fn the_bottom_crates_have_no_input_output() {
    let metadata = metadata();
    for name in ["codex-types", "codex-sse"] {
        for dependency in dependencies(package(&metadata, name)) {
            let forbidden = [
                "tokio", "hyper", "http", "rustls", "reqwest", "chrono", "time", "mio", "socket2",
            ];
            assert!(
                dependency.kind == "dev" || !forbidden.contains(&dependency.name.as_str()),
                "{name} depends on {}",
                dependency.name
            );
        }
    }
}

#[test]
fn builds_stay_within_their_budget_of_crates() {
    let design = read("DESIGN.md");
    for (build, arguments, budget) in BUDGETS {
        let count = crates_in_build(arguments);
        assert!(count <= *budget, "{build}: {count} crates, budget {budget}");
        let row = format!("| {build} | {count} | {budget} |");
        assert!(design.contains(&row), "DESIGN.md lacks the row {row}");
    }
}

#[test]
fn every_crate_inherits_what_is_stated_once() {
    for (name, _) in DIRECTION {
        let manifest = read(&format!("{name}/Cargo.toml"));
        for key in ["version", "edition", "rust-version", "license"] {
            assert!(
                manifest.contains(&format!("{key}.workspace = true")),
                "{name} states {key} itself"
            );
        }
        assert!(
            manifest.contains("[lints]\nworkspace = true"),
            "{name} has lints of its own"
        );
    }
}

#[test]
fn benches_are_no_default_member_and_fuzz_is_a_workspace_of_its_own() {
    let metadata = metadata();
    let default: Vec<&str> = metadata["workspace_default_members"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(Value::as_str)
        .collect();
    assert_eq!(default.len(), DIRECTION.len(), "{default:?}");
    assert!(default.iter().all(|id| !id.contains("bench")));
    assert!(
        metadata["packages"]
            .as_array()
            .expect("a list")
            .iter()
            .all(|package| package["name"] != "codex-fuzz")
    );
    assert!(root().join("fuzz/Cargo.toml").exists());
}

#[test]
fn no_source_file_grows_past_its_idea() {
    let mut long = BTreeMap::new();
    for (name, _) in DIRECTION {
        for file in rust_files(&root().join(name).join("src")) {
            let lines = std::fs::read_to_string(&file)
                .expect("a readable source file")
                .lines()
                .take_while(|line| *line != "#[cfg(test)]")
                .count();
            if lines > 700 {
                long.insert(file, lines);
            }
        }
    }
    assert!(long.is_empty(), "{long:#?}");
}

struct Dependency {
    name: String,
    kind: String,
}

fn dependencies(package: &Value) -> Vec<Dependency> {
    package["dependencies"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|dependency| Dependency {
            name: dependency["name"].as_str().expect("a name").to_owned(),
            kind: dependency["kind"].as_str().unwrap_or("normal").to_owned(),
        })
        .collect()
}

fn package<'a>(metadata: &'a Value, name: &str) -> &'a Value {
    metadata["packages"]
        .as_array()
        .expect("a list")
        .iter()
        .find(|package| package["name"] == name)
        .expect("a member of the workspace")
}

fn metadata() -> Value {
    let output = cargo(&["metadata", "--no-deps", "--format-version", "1"]);
    serde_json::from_str(&output).expect("cargo metadata prints JSON")
}

fn crates_in_build(arguments: &[&str]) -> usize {
    let mut all = vec![
        "tree",
        "--offline",
        "--edges",
        "normal",
        "--prefix",
        "none",
        "--format",
        "{p}",
    ];
    all.extend_from_slice(arguments);
    let output = cargo(&all);
    let names: BTreeSet<String> = output
        .lines()
        .filter(|line| !line.is_empty())
        .map(|line| line.split(" (").next().unwrap_or(line).to_owned())
        .collect();
    names.len()
}

fn cargo(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO"))
        .args(arguments)
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(
        output.status.success(),
        "cargo {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("cargo prints UTF-8")
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a source folder") {
        let path = entry.expect("a readable entry").path();
        if path.is_dir() {
            found.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).expect("a readable file")
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the crate lies in the workspace")
        .to_owned()
}
