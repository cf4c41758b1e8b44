//! The module graph of a crate, read from its sources.
//!
//! A path is an import from the module that defines its last name: a re-export in between is
//! followed, whether it names the item or is a glob. Tests, comments and strings do not count.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// Layers, bottom first, each with a name and its modules. A module includes its submodules, unless
/// they are listed themselves.
pub(crate) type Layers = [(&'static str, &'static [&'static str])];

/// The imports between modules.
pub(crate) struct Graph {
    modules: BTreeMap<String, Module>,
}

#[derive(Default)]
struct Module {
    paths: Vec<Vec<String>>,
    defines: BTreeSet<String>,
    /// The name of each re-export with its path.
    reexports: Vec<(String, Vec<String>)>,
    /// The path of each module whose names are re-exported by a glob.
    globs: Vec<Vec<String>>,
}

impl Graph {
    /// The modules of a program or a library, found by their declarations.
    pub(crate) fn read(root: &Path) -> Self {
        let mut sources = Vec::new();
        collect("crate", root, &mut sources);
        Self::of(&sources)
    }

    /// The modules with these names and sources.
    pub(crate) fn of(sources: &[(String, String)]) -> Self {
        let modules = sources
            .iter()
            .map(|(name, source)| (name.clone(), Module::parse(&code_of(source))))
            .collect();
        Self { modules }
    }

    /// Returns every module without a layer, every import from a layer above, and every cycle.
    pub(crate) fn complaints(&self, layers: &Layers) -> Vec<String> {
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
        for (module, imports) in self.imports() {
            let Some(own) = layer(module) else {
                wrong.push(format!("{module} is in no layer"));
                continue;
            };
            for import in imports {
                if let Some(other) = layer(&import).filter(|other| *other > own) {
                    let (own, other) = (layers[own].0, layers[other].0);
                    wrong.push(format!("{module} ({own}) imports {import} ({other})"));
                }
            }
        }
        wrong.extend(self.cycles());
        wrong
    }

    /// Returns each set of modules that reach each other.
    pub(crate) fn cycles(&self) -> Vec<String> {
        let imports = self.imports();
        let reach: BTreeMap<&str, BTreeSet<&str>> = imports
            .keys()
            .map(|module| (*module, reached_from(&imports, module)))
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

    fn imports(&self) -> BTreeMap<&str, BTreeSet<String>> {
        let modules = self.modules.iter();
        modules
            .map(|(name, module)| {
                let paths = module.paths.iter();
                let mut found: BTreeSet<String> = paths
                    .filter_map(|path| self.resolve(name, path, &mut BTreeSet::new()))
                    .collect();
                found.remove(name);
                (name.as_str(), found)
            })
            .collect()
    }

    /// Returns the module that a path leads to, if it is one of these. `followed` are the
    /// re-exports that led here.
    fn resolve(
        &self,
        module: &str,
        path: &[String],
        followed: &mut BTreeSet<(String, String)>,
    ) -> Option<String> {
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
                if !self.modules.contains_key(&at.join("::")) {
                    return None;
                }
                rest.next();
            }
        }
        while let Some(name) = rest.peek() {
            at.push(name);
            if !self.modules.contains_key(&at.join("::")) {
                at.pop();
                break;
            }
            rest.next();
        }
        let module = if at.is_empty() {
            "crate".to_owned()
        } else {
            at.join("::")
        };
        let defining = rest
            .next()
            .and_then(|name| self.definition(&module, name, followed));
        Some(defining.unwrap_or(module))
    }

    /// Returns the module that defines the item that this module calls `name`.
    fn definition(
        &self,
        module: &str,
        name: &str,
        followed: &mut BTreeSet<(String, String)>,
    ) -> Option<String> {
        if !followed.insert((module.to_owned(), name.to_owned())) {
            return None;
        }
        let own = self.modules.get(module)?;
        if own.defines.contains(name) {
            return Some(module.to_owned());
        }
        if let Some((_, path)) = own.reexports.iter().find(|(known_as, _)| known_as == name) {
            return self.resolve(module, path, followed);
        }
        own.globs.iter().find_map(|path| {
            let target = self.resolve(module, path, &mut BTreeSet::new())?;
            self.definition(&target, name, followed)
        })
    }
}

fn reached_from<'a>(
    imports: &'a BTreeMap<&'a str, BTreeSet<String>>,
    module: &str,
) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut open = vec![module];
    while let Some(module) = open.pop() {
        for import in &imports[module] {
            if reached.insert(import.as_str()) {
                open.push(import);
            }
        }
    }
    reached
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
    let mut is_test = false;
    for line in source.lines().map(str::trim) {
        if let Some(rest) = line.strip_prefix("#[path = \"") {
            path = rest.split('"').next().map(|name| folder.join(name));
        }
        if line.starts_with("#[cfg(test)]") {
            is_test = true;
            continue;
        }
        let words = line.strip_suffix(';').unwrap_or_default();
        let name = words.rsplit_once("mod ").filter(|(before, _)| {
            before.is_empty() || (before.starts_with("pub") && before.ends_with(' '))
        });
        if let Some((_, name)) = name.filter(|_| !is_test) {
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
        is_test = false;
    }
    sources.push((module.to_owned(), source));
}

/// Returns a source without its tests, its comments and the contents of its strings.
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
                // A character and not a lifetime: `'"'` would otherwise begin a string.
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

impl Module {
    fn parse(code: &str) -> Self {
        let tokens = tokens(code);
        let mut module = Self::default();
        let mut leaves = Vec::new();
        let mut at = 0;
        while at < tokens.len() {
            let next = tokens.get(at + 1).copied();
            match tokens[at] {
                "use" => {
                    let is_public = at
                        .checked_sub(1)
                        .is_some_and(|before| matches!(tokens[before], "pub" | ")"));
                    at = leaves_from(&tokens, at + 1, &[], &mut leaves);
                    for leaf in leaves.drain(..) {
                        if is_public {
                            module.reexport(&leaf);
                        }
                        module.paths.push(leaf.path);
                    }
                    continue;
                }
                "struct" | "enum" | "union" | "trait" | "fn" | "type" | "const" | "static" => {
                    module
                        .defines
                        .extend(next.filter(|name| is_word(name)).map(str::to_owned));
                }
                word if is_word(word) && next == Some("::") => {
                    at = leaves_from(&tokens, at, &[], &mut leaves);
                    module.paths.extend(leaves.drain(..).map(|leaf| leaf.path));
                    continue;
                }
                _ => {}
            }
            at += 1;
        }
        module
    }

    fn reexport(&mut self, leaf: &Leaf) {
        if leaf.is_glob {
            self.globs.push(leaf.path.clone());
        } else if let Some(name) = leaf.alias.as_ref().or_else(|| leaf.path.last()) {
            self.reexports.push((name.clone(), leaf.path.clone()));
        }
    }
}

/// One path of a `use` tree.
#[derive(Default)]
struct Leaf {
    path: Vec<String>,
    alias: Option<String>,
    is_glob: bool,
}

fn tokens(code: &str) -> Vec<&str> {
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
    tokens
}

/// Reads the path or the group of paths that begins here; returns where it ends.
fn leaves_from(tokens: &[&str], mut at: usize, before: &[String], leaves: &mut Vec<Leaf>) -> usize {
    let mut leaf = Leaf {
        path: before.to_vec(),
        ..Leaf::default()
    };
    loop {
        match tokens.get(at) {
            Some(&"{") => {
                at += 1;
                while let Some(token) = tokens.get(at).filter(|token| **token != "}") {
                    at = match *token {
                        "," => at + 1,
                        _ => leaves_from(tokens, at, &leaf.path, leaves).max(at + 1),
                    };
                }
                return at + 1;
            }
            Some(&"*") => {
                leaf.is_glob = true;
                at += 1;
                break;
            }
            Some(word) if is_word(word) => {
                if *word != "self" || leaf.path.is_empty() {
                    leaf.path.push((*word).to_owned());
                }
                at += 1;
            }
            _ => break,
        }
        match (tokens.get(at), tokens.get(at + 1)) {
            (Some(&"::"), _) => at += 1,
            (Some(&"as"), Some(alias)) => {
                leaf.alias = Some((*alias).to_owned());
                at += 2;
                break;
            }
            _ => break,
        }
    }
    leaves.push(leaf);
    at
}

fn is_word(token: &str) -> bool {
    token.starts_with(|first: char| first.is_alphabetic() || first == '_')
}
