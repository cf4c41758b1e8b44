//! The words of the documentation: phrases that are wrong in every sense, the width of prose, and
//! READMEs that read the same on a registry page and in rustdoc.

use std::fs;
use std::path::{Path, PathBuf};

/// Phrases that are not used, in lower case. A `*` at the end matches the rest of a word.
const PHRASES: &[&str] = &[
    // No actor, or the wrong one.
    "whoever",
    "nobody",
    "somebody",
    "one's own",
    "of yours",
    "not for us to say",
    // Programs do not speak or hear.
    "who is at fault",
    "is told",
    "are told",
    "was told",
    "be told",
    "tells",
    "hears",
    "heard",
    "without a word",
    // Idioms of another language.
    "anew",
    "so often",
    "goes before",
    "goes on",
    "went on",
    "gone on",
    "on the way",
    "in the place of",
    "put right",
    "puts right",
    "hand out",
    "hands out",
    "handed out",
    "handing out",
    "give out",
    "gives out",
    "given out",
    "giving out",
    "as it came",
    "gives back",
    "come out right",
    "comes out right",
    "one after the other",
    "as good as once",
    "has its end",
    "is no json",
    "is no object",
    "is no text",
    "is no part of",
    "is no error",
    "is no event",
    "is no call",
    "is no plain",
    "is no answer",
    "is no more than",
    "has no such",
    "to be told",
    "to be had",
    "to be borne",
    "to be dropped",
    "to be sent",
    "again and again",
    // The field has other words.
    "see above",
    "seconds since 1970",
    "the head of the answer",
    "the head of the response",
    "remote tool",
    // British spelling; the standard library and the wire are American.
    "acknowledgement*",
    "behaviour*",
    "catalogue*",
    "colour*",
    "favour*",
    "honour*",
    "neighbour*",
    "initialis*",
    "normalis*",
    "optimis*",
    "organis*",
    "recognis*",
    "relabelled",
    "serialis*",
];

/// Where a phrase is meant: file, phrase, reason.
const ALLOWED: &[(&str, &str, &str)] = &[("codex-client/tests/words.rs", "*", "lists the phrases")];

/// The widest line of prose, in characters. Tables, code, links and headings may be wider.
const WIDTH: usize = 100;

#[test]
fn no_text_has_a_phrase_that_is_always_wrong() {
    let mut found = Vec::new();
    each_text(&mut |path, text| {
        for (line, paragraph) in paragraphs(path, text) {
            for phrase in phrases_in(&paragraph) {
                if !is_allowed(path, phrase) {
                    found.push(format!("{path}:{line}: {phrase}"));
                }
            }
        }
    });
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn phrases_are_found_across_lines_and_only_as_whole_words() {
    let found = |text: &str| -> Vec<&str> {
        let paragraphs = paragraphs("a.rs", text);
        let all = paragraphs.iter().flat_map(|(_, text)| phrases_in(text));
        all.collect()
    };
    assert_eq!(found("/// Returned to whoever\n/// asks."), ["whoever"]);
    assert_eq!(found("// The decoder goes\n// on."), ["goes on"]);
    assert_eq!(found("let a = 1; // Behaviours."), ["behaviour*"]);
    assert_eq!(found("/// # Errors\n///\n/// Is\n///\n/// told."), [""; 0]);
    assert_eq!(found("/// The renewal.\nlet anew = whoever();"), [""; 0]);
    assert_eq!(found("/// ```\n/// let anew = 1;\n/// ```"), [""; 0]);
    assert_eq!(found("/// `anew`"), [""; 0]);
}

#[test]
fn every_exception_is_used() {
    let mut unused: Vec<_> = ALLOWED.iter().collect();
    each_text(&mut |path, text| {
        let paragraphs = paragraphs(path, text);
        let phrases: Vec<&str> = paragraphs
            .iter()
            .flat_map(|(_, text)| phrases_in(text))
            .collect();
        unused.retain(|(file, allowed, _)| {
            *file != path || !(*allowed == "*" || phrases.contains(allowed))
        });
    });
    assert!(unused.is_empty(), "{unused:?}");
    assert!(ALLOWED.len() < 20);
}

/// A summary stands alone in the index of a page: a function's says what it does, and no other is a
/// question.
#[test]
fn summaries_begin_with_a_verb_or_a_noun() {
    const QUESTIONS: &[&str] = &["What", "How", "Which", "Why", "Who", "Where"];
    let mut wrong = Vec::new();
    each_text(&mut |path, text| {
        if !path.starts_with("codex-") || !path.contains("/src/") {
            return;
        }
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        let is_doc = |line: &&str| line.starts_with("///") && !line.starts_with("////");
        for (number, line) in lines.iter().enumerate() {
            if !is_doc(line) || number > 0 && is_doc(&lines[number - 1]) {
                continue;
            }
            let word = line.trim_start_matches('/').split_whitespace().next();
            let word = word.unwrap_or_default().trim_end_matches(',');
            let item = lines[number..]
                .iter()
                .find(|line| !is_doc(line) && !line.starts_with("#["));
            let is_function = item.is_some_and(|item| {
                let words: Vec<&str> = item.split_whitespace().take(4).collect();
                words.first() == Some(&"pub") && words.contains(&"fn")
            });
            let is_verb = word.ends_with('s') && word.chars().all(char::is_alphabetic);
            if is_function && !is_verb || QUESTIONS.contains(&word) {
                wrong.push(format!("{path}:{}: {word}", number + 1));
            }
        }
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn prose_is_wrapped() {
    let mut wide = Vec::new();
    each_text(&mut |path, text| {
        if path.starts_with("benches/results/") {
            return;
        }
        let is_source = path.ends_with(".rs");
        let mut is_code = false;
        for (number, line) in text.lines().enumerate() {
            let mut start = line.trim_start();
            if is_source {
                let Some(comment) = start.strip_prefix("//") else {
                    is_code = false;
                    continue;
                };
                start = comment.trim_start_matches(['/', '!']).trim_start();
            }
            is_code ^= start.starts_with("```");
            let is_prose = !is_code
                && !["```", "|", "#", "<", "![", "["]
                    .iter()
                    .any(|it| start.starts_with(it));
            if is_prose && line.chars().count() > WIDTH {
                wide.push(format!("{path}:{}", number + 1));
            }
        }
    });
    assert!(
        wide.is_empty(),
        "wider than {WIDTH} characters: {}",
        wide.join(", ")
    );
}

/// A README is also a crate's front page in rustdoc and on a registry. So it has no lines that only
/// rustdoc hides, and no links that only rustdoc resolves.
#[test]
fn readmes_read_the_same_everywhere() {
    let mut wrong = Vec::new();
    each_text(&mut |path, text| {
        let is_page = path.starts_with("docs/") || path.ends_with("README.md");
        if !path.ends_with(".md") || !is_page {
            return;
        }
        let mut is_rust = false;
        for (number, line) in text.lines().enumerate() {
            if line.starts_with("```") {
                is_rust = line.starts_with("```rust");
            } else if is_rust && (line.trim() == "#" || line.trim_start().starts_with("# ")) {
                wrong.push(format!("{path}:{}: hidden line", number + 1));
            } else if !is_rust && line.contains("[`") {
                let ends_in_link = |rest: &str| {
                    rest.split_once("`]")
                        .is_some_and(|(_, after)| after.starts_with('('))
                };
                if !line.split("[`").skip(1).all(ends_in_link) {
                    wrong.push(format!("{path}:{}: link without a target", number + 1));
                }
            }
        }
    });
    for name in [
        "codex-auth",
        "codex-client",
        "codex-sse",
        "codex-transport",
        "codex-types",
    ] {
        let library = read(&format!("{name}/src/lib.rs"));
        if !library.contains(r#"include_str!("../README.md")"#) {
            wrong.push(format!("{name}: the crate documentation is not the README"));
        }
        let readme = read(&format!("{name}/README.md"));
        if !readme.contains(&format!("cargo add {name}\n")) {
            wrong.push(format!(
                "{name}: the README does not say how to add the crate"
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn readmes_list_every_feature() {
    for name in ["codex-auth", "codex-sse", "codex-transport", "codex-types"] {
        let manifest = read(&format!("{name}/Cargo.toml"));
        let section = manifest.split("[features]").nth(1).expect("features");
        let section = section.split("\n[").next().expect("a section");
        let declared = |line: &'_ str| line.split_once(" = ").map(|(name, _)| name.to_owned());
        let lines = section.lines().filter(|line| !line.starts_with('#'));
        let features: Vec<String> = lines
            .filter_map(declared)
            .filter(|it| it != "default")
            .collect();
        let readme = read(&format!("{name}/README.md"));
        let table = readme
            .split("| feature | default |")
            .nth(1)
            .expect("a table");
        let rows = table
            .lines()
            .skip(2)
            .take_while(|line| line.starts_with('|'));
        let mut listed: Vec<String> = rows
            .filter_map(|row| Some(row.split('`').nth(1)?.to_owned()))
            .collect();
        let mut expected = features.clone();
        expected.sort();
        listed.sort();
        assert_eq!(listed, expected, "{name}");
    }
}

#[test]
fn the_front_page_states_the_minimum_rust_version() {
    let manifest = read("Cargo.toml");
    let version = manifest
        .split("rust-version = \"")
        .nth(1)
        .expect("a version");
    let version = version.split('"').next().expect("a version");
    assert!(read("README.md").contains(&format!("Rust {version} or later")));
}

/// Every page of the guide is linked from its index, and compiled with the client's examples or, if
/// it uses other crates, by a test of the benchmarks.
#[test]
fn every_page_of_the_guide_is_linked_and_compiled() {
    let index = read("docs/README.md");
    let compiled = read("codex-client/src/lib.rs") + &read("benches/tests/migrating.rs");
    for entry in fs::read_dir(root().join("docs")).expect("the guide") {
        let name = entry
            .expect("an entry")
            .file_name()
            .to_string_lossy()
            .into_owned();
        if name.ends_with(".md") && name != "README.md" {
            assert!(
                index.contains(&format!("]({name})")),
                "{name} is not in the index"
            );
            let has_rust = read(&format!("docs/{name}")).contains("```rust");
            assert!(
                !has_rust || compiled.contains(&format!("docs/{name}")),
                "{name} is not compiled"
            );
        }
    }
}

fn is_allowed(path: &str, phrase: &str) -> bool {
    let meant = |(file, allowed, _): &(&str, &str, &str)| {
        *file == path && (*allowed == "*" || *allowed == phrase)
    };
    ALLOWED.iter().any(meant)
}

/// Returns the phrases that occur in a paragraph.
fn phrases_in(paragraph: &str) -> Vec<&'static str> {
    let text = without_code(paragraph).to_lowercase();
    let occurs = |phrase: &str| {
        let stem = phrase.trim_end_matches('*');
        text.match_indices(stem).any(|(start, _)| {
            let (before, after) = (&text[..start], &text[start + stem.len()..]);
            let is_part = |letter: char| letter.is_alphanumeric() || letter == '_';
            let begins = !before.ends_with(is_part);
            begins && (stem != phrase || !after.starts_with(is_part))
        })
    };
    PHRASES
        .iter()
        .copied()
        .filter(|phrase| occurs(phrase))
        .collect()
}

/// Returns the text outside of backquotes.
fn without_code(text: &str) -> String {
    let prose: Vec<&str> = text.split('`').step_by(2).collect();
    prose.join("`")
}

/// Returns the paragraphs of a page, or of the comments in a source file, each on one line, with
/// the number of its first line, and without code.
fn paragraphs(path: &str, text: &str) -> Vec<(usize, String)> {
    let is_source = path.ends_with(".rs");
    let mut found: Vec<(usize, String)> = Vec::new();
    let (mut is_open, mut is_code) = (false, false);
    for (number, line) in text.lines().enumerate() {
        let comment = line.trim_start().strip_prefix("//");
        let prose = match comment {
            Some(comment) if is_source => Some(comment.trim_start_matches(['/', '!']).trim()),
            None if is_source => {
                is_code = false;
                if let Some((_, comment)) = line.split_once("; // ") {
                    found.push((number + 1, comment.to_owned()));
                }
                None
            }
            _ => Some(line.trim()),
        };
        let Some(prose) = prose else {
            is_open = false;
            continue;
        };
        if prose.starts_with("```") {
            (is_code, is_open) = (!is_code, false);
        } else if is_code {
        } else if prose.is_empty() {
            is_open = false;
        } else if let (true, Some((_, paragraph))) = (is_open, found.last_mut()) {
            paragraph.push(' ');
            paragraph.push_str(prose);
        } else {
            found.push((number + 1, prose.to_owned()));
            is_open = true;
        }
    }
    found
}

/// Visits every page and source file of the repository, with its path from the root.
fn each_text(visit: &mut dyn FnMut(&str, &str)) {
    let mut folders = vec![root()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let name = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            if path.is_dir() {
                let is_ours =
                    !name.starts_with('.') && !["target", "corpus", "artifacts"].contains(&&*name);
                folders.extend(is_ours.then_some(path));
            } else if name.ends_with(".md") || name.ends_with(".rs") {
                let from_root = path.strip_prefix(root()).expect("a path below the root");
                let from_root = from_root.to_string_lossy().replace('\\', "/");
                visit(&from_root, &fs::read_to_string(&path).expect("text"));
            }
        }
    }
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_default()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the workspace")
        .to_owned()
}
