//! FEATURES.md states what exists, where it is and what proves it. This test checks that no row is
//! missing, and that everything that it names exists.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The letter of each table, its number of rows, and the number of cells of a row.
const TABLES: &[(char, usize, usize)] = &[('F', 146, 5), ('D', 24, 3), ('P', 67, 5), ('N', 35, 5)];

#[test]
fn every_row_is_there_and_names_what_exists() {
    let text = fs::read_to_string(root().join("FEATURES.md")).expect("FEATURES.md");
    let complaints = complaints(&text);
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[test]
fn faults_of_a_table_are_reported() {
    let found = |row: &str| -> Vec<String> {
        complaints(row)
            .into_iter()
            .filter(|complaint| !complaint.ends_with("is missing"))
            .collect()
    };
    let proof = "[every row is there and names what exists]\
        (codex-client/tests/features.rs#every_row_is_there_and_names_what_exists)";
    let good = format!("| F1 | a thing | yes | `codex_client::Client::create` | {proof} |");
    assert_eq!(found(&good), Vec::<String>::new());
    assert_eq!(found(&format!("{good}\n{good}")), ["F1 occurs twice"]);
    for (row, expected) in [
        (format!("| F147 | a thing | yes | `codex_client` | {proof} |"), "F147 is not a row"),
        ("| F1 | a thing | yes |".into(), "F1 has 3 cells, not 5"),
        (format!("| F1 |  | yes | `codex_client` | {proof} |"), "F1 has no description"),
        ("| F1 | a thing | no | | |".into(), "F1 has no reason"),
        ("| F1 | a thing | partly: | `codex_client` | |".into(), "F1 has no reason"),
        ("| F1 | a thing | perhaps | | |".into(), "F1 has neither yes, partly nor no"),
        (format!("| F1 | a thing | yes | | {proof} |"), "F1 has no location"),
        ("| F1 | a thing | yes | `codex_client` | |".into(), "F1 has no proof"),
        (format!("| F1 | a thing | yes | `codex_client::NoSuchItem` | {proof} |"), "F1 names codex_client::NoSuchItem, which does not exist"),
        (format!("| F1 | a thing | yes | `codex_nothing::Client` | {proof} |"), "F1 names codex_nothing::Client, which does not exist"),
        (format!("| F1 | a thing | yes | `codex-client/examples/nothing` | {proof} |"), "F1 names codex-client/examples/nothing, which does not exist"),
        ("| F1 | a thing | yes | `codex_client` | `codex-client/tests/features.rs::nothing` |".into(), "F1 is proved by codex-client/tests/features.rs::nothing, which is not a test"),
        ("| F1 | a thing | yes | `codex_client` | `codex-client/tests/features.rs::complaints` |".into(), "F1 is proved by codex-client/tests/features.rs::complaints, which is not a test"),
        ("| F1 | a thing | yes | `codex_client` | `codex-client/tests/features.rs` |".into(), "F1 is proved by codex-client/tests/features.rs, which is not a test"),
        ("| F1 | a thing | yes | `codex_client` | [complaints](codex-client/tests/features.rs#complaints) |".into(), "F1 is proved by codex-client/tests/features.rs::complaints, which is not a test"),
        ("| F1 | a thing | yes | `codex_client` | [another](codex-client/tests/features.rs#every_row_is_there_and_names_what_exists) |".into(), "F1 is proved by codex-client/tests/features.rs::another, which is not a test"),
        ("| D1 | a defect | |".into(), "D1 has no proof"),
    ] {
        assert_eq!(found(&row), [expected], "{row}");
    }
}

/// A row of RELIABILITY.md has a claim, a proof that exists, a long form that `.ci/long` has, and a
/// result.
#[test]
fn every_claim_of_reliability_has_a_command() {
    let page = fs::read_to_string(root().join("RELIABILITY.md")).expect("RELIABILITY.md");
    let script = fs::read_to_string(root().join(".ci/long")).expect(".ci/long");
    let table = page
        .split("| claim | in the gate |")
        .nth(1)
        .expect("a table");
    let rows = table
        .lines()
        .skip(2)
        .take_while(|line| line.starts_with('|'));
    let sources = Sources::default();
    let mut count = 0;
    for row in rows {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let [_, claim, proofs, long, result, _] = cells.as_slice() else {
            panic!("not four cells: {row}");
        };
        let proofs = named_proofs(proofs);
        assert!(
            !claim.is_empty() && !proofs.is_empty() && !result.is_empty(),
            "{row}"
        );
        assert!(proofs.iter().all(|proof| sources.has_test(proof)), "{row}");
        for name in spans(long) {
            assert!(script.contains(&format!("run_{name}() {{")), "{row}");
        }
        count += 1;
    }
    assert!(count > 0);
}

/// Returns every fault of the tables as a sentence.
fn complaints(text: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut seen = BTreeSet::new();
    let mut sources = Sources::default();
    for line in text.lines() {
        let Some((id, cells)) = row(line) else {
            continue;
        };
        let letter = id.chars().next().unwrap_or_default();
        let number: usize = id[1..].parse().unwrap_or_default();
        let table = TABLES.iter().find(|(known, ..)| *known == letter);
        let Some((_, _, width)) = table.filter(|(_, rows, _)| (1..=*rows).contains(&number)) else {
            wrong.push(format!("{id} is not a row"));
            continue;
        };
        if !seen.insert((letter, number)) {
            wrong.push(format!("{id} occurs twice"));
        } else if cells.len() != *width {
            wrong.push(format!("{id} has {} cells, not {width}", cells.len()));
        } else if let [_, what, answer, places, proofs] = cells[..] {
            wrong.extend(feature(&mut sources, id, what, answer, places, proofs));
        } else if let [_, what, proofs] = cells[..] {
            wrong.extend((what.is_empty()).then(|| format!("{id} has no description")));
            wrong.extend(unproved(&mut sources, id, proofs));
        }
    }
    for (letter, rows, _) in TABLES {
        let missing = (1..=*rows).filter(|number| !seen.contains(&(*letter, *number)));
        wrong.extend(missing.map(|number| format!("{letter}{number} is missing")));
    }
    wrong
}

/// Returns the id and the cells of a row of one of the tables.
fn row(line: &str) -> Option<(&str, Vec<&str>)> {
    let inner = line.trim().strip_prefix('|')?.strip_suffix('|')?;
    let cells: Vec<&str> = inner.split('|').map(str::trim).collect();
    let id = *cells.first()?;
    let digits = id.strip_prefix(|letter: char| letter.is_ascii_uppercase())?;
    let is_id = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_id.then_some((id, cells))
}

fn feature(
    sources: &mut Sources,
    id: &str,
    what: &str,
    answer: &str,
    places: &str,
    proofs: &str,
) -> Vec<String> {
    if what.is_empty() {
        return vec![format!("{id} has no description")];
    }
    let (word, reason) = answer.split_once(':').unwrap_or((answer, ""));
    if !["yes", "partly", "no"].contains(&word) {
        return vec![format!("{id} has neither yes, partly nor no")];
    }
    if word != "yes" && reason.trim().is_empty() {
        return vec![format!("{id} has no reason")];
    }
    let mut wrong = Vec::new();
    if word != "no" && spans(places).is_empty() {
        wrong.push(format!("{id} has no location"));
    }
    for place in spans(places) {
        if !sources.has(place) {
            wrong.push(format!("{id} names {place}, which does not exist"));
        }
    }
    if word != "no" || !proofs.is_empty() {
        wrong.extend(unproved(sources, id, proofs));
    }
    wrong
}

fn unproved(sources: &mut Sources, id: &str, proofs: &str) -> Vec<String> {
    let proofs = named_proofs(proofs);
    if proofs.is_empty() {
        return vec![format!("{id} has no proof")];
    }
    let untrue = proofs.iter().filter(|proof| !sources.has_test(proof));
    untrue
        .map(|proof| format!("{id} is proved by {proof}, which is not a test"))
        .collect()
}

/// Returns the proofs of a cell as `file::test` or as the path of a program. A cell has them as
/// links, `[test name](file#test_name)`, or between backquotes. A link whose text is not the name
/// of its test names no test.
fn named_proofs(cell: &str) -> Vec<String> {
    let mut proofs = Vec::new();
    for link in cell.split('[').skip(1) {
        let Some((text, rest)) = link.split_once("](") else {
            continue;
        };
        let target = rest.split(')').next().unwrap_or_default();
        proofs.push(match target.split_once('#') {
            Some((file, name)) if name.replace('_', " ") == text => format!("{file}::{name}"),
            Some((file, _)) => format!("{file}::{text}"),
            None => target.to_owned(),
        });
    }
    proofs.extend(spans(cell).into_iter().map(str::to_owned));
    proofs
}

/// Returns the texts between backquotes.
fn spans(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

/// The declarations in the sources of each crate, read on demand.
#[derive(Default)]
struct Sources {
    names: BTreeMap<String, BTreeSet<String>>,
}

impl Sources {
    /// Returns whether there is an item of this path in one of the crates, or a file or folder of
    /// this name.
    fn has(&mut self, place: &str) -> bool {
        if place.contains('/') || place.contains('.') {
            return root().join(place).exists();
        }
        let mut segments = place.split("::");
        let folder = segments.next().unwrap_or_default().replace('_', "-");
        let source = root().join(&folder).join("src");
        if !folder.starts_with("codex-") || !source.is_dir() {
            return false;
        }
        let names = self.names.entry(folder).or_insert_with(|| {
            let mut names = BTreeSet::new();
            each_file(&source, &mut |text| {
                names.extend(text.lines().filter_map(declared))
            });
            names
        });
        segments.all(|segment| names.contains(segment))
    }

    /// Returns whether there is a test of this name in this file. Fuzz targets and benchmarks are
    /// programs and have none.
    fn has_test(&self, proof: &str) -> bool {
        let Some((file, name)) = proof.split_once("::") else {
            let is_program = ["fuzz/fuzz_targets/", "benches/"]
                .iter()
                .any(|folder| proof.starts_with(folder));
            return is_program && root().join(proof).is_file();
        };
        let Ok(text) = fs::read_to_string(root().join(file)) else {
            return false;
        };
        let mut is_test = false;
        for line in text.lines().map(str::trim) {
            if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
                is_test = true;
            } else if line.starts_with("fn ") || line.starts_with("async fn ") {
                if is_test && declared(line).as_deref() == Some(name) {
                    return true;
                }
                is_test = false;
            }
        }
        false
    }
}

fn each_file(folder: &Path, visit: &mut impl FnMut(&str)) {
    for entry in fs::read_dir(folder).expect("a folder of sources") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            each_file(&path, visit);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            visit(&fs::read_to_string(&path).expect("a source file"));
        }
    }
}

/// Returns the name that a line declares: an item, a variant or a field. This is not a parser: it
/// detects renamed and removed items.
fn declared(line: &str) -> Option<String> {
    let mut rest = line.trim_start();
    // The row of a union: its variant follows the `type`.
    if let Some((_, variant)) = rest.split_once("\" => ") {
        rest = variant;
    }
    let mut is_item = false;
    for word in [
        "pub ", "const ", "async ", "fn ", "struct ", "enum ", "trait ", "type ", "mod ",
    ] {
        if let Some(after) = rest.strip_prefix(word) {
            is_item |= word != "pub ";
            rest = after;
        }
    }
    let is_part = |letter: char| letter.is_alphanumeric() || letter == '_';
    let end = rest.find(|letter| !is_part(letter)).unwrap_or(rest.len());
    let (name, after) = rest.split_at(end);
    let ends_a_member = [",", "(", ":", " {", " ="];
    let is_member =
        !after.starts_with("::") && ends_a_member.iter().any(|end| after.starts_with(end));
    (!name.is_empty() && (is_item || is_member)).then(|| name.to_owned())
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Checks that the README lists the features of the manifest, and whether they are on by default.
#[test]
fn the_feature_table_is_complete() {
    let crate_root = root().join("codex-client");
    let manifest = fs::read_to_string(crate_root.join("Cargo.toml")).expect("a manifest");
    let readme = fs::read_to_string(crate_root.join("README.md")).expect("a README");
    let section = manifest.split("[features]").nth(1).expect("features");
    let section = section.split("\n[").next().expect("a section");
    let features: Vec<(&str, &str)> = section
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once(" = "))
        .collect();
    let (_, default) = features
        .iter()
        .find(|(name, _)| *name == "default")
        .expect("a default");
    let declared: BTreeMap<&str, &str> = features
        .iter()
        .filter(|(name, _)| *name != "default")
        .map(|(name, _)| {
            let is_default = default.contains(&format!("\"{name}\""));
            (*name, if is_default { "yes" } else { "no" })
        })
        .collect();
    let table = readme
        .split("| feature | default |")
        .nth(1)
        .expect("a table");
    let listed: BTreeMap<&str, &str> = table
        .lines()
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .map(|line| {
            let cells: Vec<&str> = line.split('|').map(str::trim).collect();
            (cells[1].trim_matches('`'), cells[2])
        })
        .collect();
    assert_eq!(listed, declared);
}
