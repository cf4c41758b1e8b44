//! The layers of the client and of the gateway example, read from the sources: no module imports from a layer above its own, and no modules
//! import each other in a circle.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::std_instead_of_core,
    clippy::unwrap_used,
    reason = "a test states what it expects by failing loudly"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The layers of the client, bottom first. A module includes its submodules, unless they are listed themselves.
const CLIENT: &[(&str, &[&str])] = &[
    (
        "error and reason",
        &[
            "lock", "scrub", "meta", "remedy", "reason", "error", "failure",
        ],
    ),
    ("options", &["id", "options", "unsettled"]),
    ("target", &["target"]),
    ("shared core", &["shared"]),
    ("one attempt", &["request", "observe", "attempt"]),
    ("one exchange", &["exchange"]),
    ("event sources", &["document", "events"]),
    ("assembled responses", &["assembled"]),
    ("handle", &["client"]),
    ("calls", &["calls"]),
    ("sockets", &["socket"]),
    ("sessions", &["session"]),
    ("tools", &["tools"]),
    ("login", &["login"]),
    ("front", &["builder", "environment", "crate"]),
];

/// The layers of the gateway example, bottom first.
const GATEWAY: &[(&str, &[&str])] = &[
    ("support", &["answers", "flags", "credentials", "embedded"]),
    ("settings", &["arguments"]),
    ("records and rules", &["journal", "policy", "scrub"]),
    ("failures and bodies", &["payload", "failure", "body"]),
    (
        "state",
        &["connection", "guard", "upstream", "state", "gateway"],
    ),
    ("streams", &["relay", "lane"]),
    (
        "routes",
        &[
            "responses",
            "pass",
            "chat",
            "models",
            "page",
            "socket",
            "routes",
        ],
    ),
    ("server", &["server", "crate"]),
];

#[test]
fn no_import_of_the_client_runs_up() {
    let graph = Graph::read(&package().join("src/lib.rs"));
    assert_eq!(graph.complaints(CLIENT), Vec::<String>::new());
}

#[test]
fn no_import_of_the_gateway_runs_up() {
    let graph = Graph::read(&package().join("examples/gateway/main.rs"));
    assert_eq!(graph.complaints(GATEWAY), Vec::<String>::new());
}

#[test]
fn cycles_and_upward_imports_are_reported() {
    let modules = ["crate", "low", "high", "high::part", "other"];
    let complaints = |sources: &[(&str, &str)]| {
        let mut graph = Graph::of(modules);
        for (module, source) in sources {
            graph.add(module, source);
        }
        graph.complaints(&[("bottom", &["low", "other"]), ("top", &["high", "crate"])])
    };
    let nothing: [&str; 0] = [];
    assert_eq!(
        complaints(&[("high", "use crate::low::{Low, Other as Name};")]),
        nothing
    );
    assert_eq!(
        complaints(&[("low", "// crate::high\nlet text = \"crate::high\";")]),
        nothing
    );
    assert_eq!(
        complaints(&[("low", "#[cfg(test)]\nmod tests { use crate::high; }")]),
        nothing
    );
    for upward in [
        "use crate::high::Thing;",
        "use crate::{other::Other, high::{Thing, part::Part}};",
        "fn call() { crate::high::run() }",
        "use super::high;",
        "use crate::Thing;",
    ] {
        assert!(
            complaints(&[("low", upward)])[0].starts_with("low (bottom) imports"),
            "{upward}"
        );
    }
    assert_eq!(
        complaints(&[
            ("low", "use crate::other::Other;"),
            ("other", "fn low() -> super::low::Low { super::low::Low }"),
        ]),
        ["a cycle: low, other"]
    );
    assert_eq!(
        complaints(&[
            ("high", "mod part;\nuse part::Part;"),
            ("high::part", "use super::High;"),
        ]),
        ["a cycle: high, high::part"]
    );
    let mut graph = Graph::of(["crate", "stray"]);
    graph.add("crate", "mod stray;");
    assert_eq!(
        graph.complaints(&[("top", &["crate"])]),
        ["stray is in no layer"]
    );
}

/// Which module imports from which.
struct Graph {
    imports: BTreeMap<String, BTreeSet<String>>,
}

impl Graph {
    fn of<'a>(modules: impl IntoIterator<Item = &'a str>) -> Self {
        let modules = modules.into_iter();
        Self {
            imports: modules
                .map(|name| (name.to_owned(), BTreeSet::new()))
                .collect(),
        }
    }

    /// The modules of a program or a library, found by their declarations.
    fn read(root: &Path) -> Self {
        let mut sources = Vec::new();
        collect("crate", root, &mut sources);
        let mut graph = Self::of(sources.iter().map(|(module, _)| module.as_str()));
        for (module, source) in &sources {
            graph.add(module, source);
        }
        graph
    }

    fn add(&mut self, module: &str, source: &str) {
        let code = code_of(source);
        let mut found = BTreeSet::new();
        for path in paths(&code) {
            found.extend(self.resolve(module, &path));
        }
        found.remove(module);
        self.imports
            .entry(module.to_owned())
            .or_default()
            .extend(found);
    }

    /// The module that a path leads into, if it is one of these.
    fn resolve(&self, module: &str, path: &[String]) -> Option<String> {
        let mut at: Vec<&str> = if module == "crate" {
            Vec::new()
        } else {
            module.split("::").collect()
        };
        let mut rest = path.iter().map(String::as_str).peekable();
        match *rest.peek()? {
            "crate" => {
                at.clear();
                rest.next();
            }
            "self" => {
                rest.next();
            }
            "super" => {
                while rest.next_if_eq(&"super").is_some() {
                    at.pop();
                }
            }
            // A path without such a beginning leads into a submodule or out of the crate.
            first => {
                at.push(first);
                if !self.imports.contains_key(&at.join("::")) {
                    return None;
                }
                rest.next();
            }
        }
        for name in rest {
            at.push(name);
            if !self.imports.contains_key(&at.join("::")) {
                at.pop();
                break;
            }
        }
        Some(if at.is_empty() {
            "crate".to_owned()
        } else {
            at.join("::")
        })
    }

    fn complaints(&self, layers: &[(&str, &[&str])]) -> Vec<String> {
        let layer = |module: &str| {
            let of = |name: &str| {
                layers
                    .iter()
                    .position(|(_, modules)| modules.contains(&name))
            };
            let mut name = module;
            loop {
                match (of(name), name.rsplit_once("::")) {
                    (Some(layer), _) => return Some(layer),
                    (None, Some((parent, _))) => name = parent,
                    (None, None) => return None,
                }
            }
        };
        let mut wrong = Vec::new();
        for (module, imports) in &self.imports {
            let Some(own) = layer(module) else {
                wrong.push(format!("{module} is in no layer"));
                continue;
            };
            for import in imports {
                if let Some(other) = layer(import).filter(|other| *other > own) {
                    let (own, other) = (layers[own].0, layers[other].0);
                    wrong.push(format!("{module} ({own}) imports {import} ({other})"));
                }
            }
        }
        wrong.extend(self.cycles());
        wrong
    }

    /// Each set of modules that reach each other.
    fn cycles(&self) -> Vec<String> {
        let reach: BTreeMap<&str, BTreeSet<&str>> = self
            .imports
            .keys()
            .map(|module| (module.as_str(), self.reached_from(module)))
            .collect();
        let mut cycles = BTreeSet::new();
        for (module, reached) in &reach {
            if reached.contains(module) {
                let members: Vec<&str> = reached
                    .iter()
                    .copied()
                    .filter(|other| reach[other].contains(module))
                    .collect();
                cycles.insert(format!("a cycle: {}", members.join(", ")));
            }
        }
        cycles.into_iter().collect()
    }

    fn reached_from(&self, module: &str) -> BTreeSet<&str> {
        let mut reached = BTreeSet::new();
        let mut open = vec![module];
        while let Some(module) = open.pop() {
            for import in &self.imports[module] {
                if reached.insert(import.as_str()) {
                    open.push(import);
                }
            }
        }
        reached
    }
}

/// A module and its submodules, with their sources.
fn collect(module: &str, file: &Path, sources: &mut Vec<(String, String)>) {
    let source = fs::read_to_string(file).expect("a readable source file");
    let folder = file.parent().expect("a folder");
    let stem = file
        .file_stem()
        .and_then(|stem| stem.to_str())
        .expect("a name");
    let inner = match stem {
        "lib" | "main" | "mod" => folder.to_owned(),
        stem => folder.join(stem),
    };
    let mut path = None;
    for line in source.lines().map(str::trim) {
        if let Some(rest) = line.strip_prefix("#[path = \"") {
            path = rest.split('"').next().map(|name| folder.join(name));
        }
        let words = line.strip_suffix(';').unwrap_or_default();
        let name = words.rsplit_once("mod ").filter(|(before, _)| {
            before.is_empty() || (before.starts_with("pub") && before.ends_with(' '))
        });
        if let Some((_, name)) = name {
            let child = match module {
                "crate" => name.to_owned(),
                module => format!("{module}::{name}"),
            };
            let at = path.take().unwrap_or_else(|| {
                let flat = inner.join(name).with_extension("rs");
                if flat.exists() {
                    flat
                } else {
                    inner.join(name).join("mod.rs")
                }
            });
            collect(&child, &at, sources);
        }
    }
    sources.push((module.to_owned(), source));
}

/// A source without its tests, its comments and the contents of its strings.
fn code_of(source: &str) -> String {
    let source = source
        .split("#[cfg(test)]\nmod tests")
        .next()
        .unwrap_or_default();
    let mut code = String::new();
    let mut rest = source.chars().peekable();
    while let Some(character) = rest.next() {
        match character {
            '/' if rest.peek() == Some(&'/') => {
                while rest.next_if(|next| *next != '\n').is_some() {}
            }
            '"' => {
                while let Some(inside) = rest.next() {
                    match inside {
                        '\\' => drop(rest.next()),
                        '"' => break,
                        _ => {}
                    }
                }
                code.push('"');
            }
            '\'' => {
                // A character, as against a lifetime: `'"'` would otherwise begin a string.
                let mut ahead = rest.clone();
                let first = ahead.next();
                if first == Some('\\') || ahead.next() == Some('\'') {
                    if first == Some('\\') {
                        rest.next();
                    }
                    rest.next();
                    while rest.next_if(|next| *next != '\'').is_some() {}
                    rest.next();
                }
            }
            character => code.push(character),
        }
    }
    code
}

/// Every path of the code, those of a `use` tree written out.
fn paths(code: &str) -> Vec<Vec<String>> {
    let mut tokens = Vec::new();
    let mut rest = code;
    while let Some(first) = rest.chars().next() {
        let is_name = |character: char| character.is_alphanumeric() || character == '_';
        let length = if is_name(first) {
            rest.find(|character| !is_name(character))
                .unwrap_or(rest.len())
        } else if rest.starts_with("::") {
            2
        } else {
            first.len_utf8()
        };
        let (token, after) = rest.split_at(length);
        if !token.trim().is_empty() {
            tokens.push(token);
        }
        rest = after;
    }
    let mut paths = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        if is_word(tokens[at]) && tokens.get(at + 1) == Some(&"::") {
            at = path_from(&tokens, at, &[], &mut paths);
        } else if tokens[at] == "use" && tokens.get(at + 1) == Some(&"{") {
            at = path_from(&tokens, at + 1, &[], &mut paths);
        } else {
            at += 1;
        }
    }
    paths
}

/// Reads the path or the group of paths that begins here; returns where it ends.
fn path_from(
    tokens: &[&str],
    mut at: usize,
    before: &[String],
    paths: &mut Vec<Vec<String>>,
) -> usize {
    let mut path = before.to_vec();
    loop {
        match tokens.get(at) {
            Some(&"{") => {
                at += 1;
                while let Some(token) = tokens.get(at).filter(|token| **token != "}") {
                    at = match *token {
                        "," | "*" => at + 1,
                        "as" => at + 2,
                        _ => path_from(tokens, at, &path, paths).max(at + 1),
                    };
                }
                return at + 1;
            }
            Some(word) if is_word(word) => {
                if *word != "self" || path.is_empty() {
                    path.push((*word).to_owned());
                }
                at += 1;
            }
            _ => break,
        }
        if tokens.get(at) == Some(&"::") {
            at += 1;
        } else {
            break;
        }
    }
    paths.push(path);
    at
}

fn is_word(token: &str) -> bool {
    token.starts_with(|first: char| first.is_alphabetic() || first == '_')
}

fn package() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}
