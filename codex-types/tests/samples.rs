//! The generator of the samples in `testdata/json`, and the check that they are what it writes.
//!
//! Their source is `samples.jsonl`. To add a sample, add a line and run
//! `CODEX_WRITE_SAMPLES=1 cargo test -p codex-types --test all samples`.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use codex_types::{Map, RawJson};

/// The files by their names, with the line of each in `PROVENANCE.txt`.
type Files = BTreeMap<String, (String, String)>;

#[test]
fn samples_are_what_the_generator_writes() {
    let expected = generate();
    if std::env::var_os("CODEX_WRITE_SAMPLES").is_some() {
        write(&expected);
    }
    let there = read();
    let names = |files: Vec<&String>| files.into_iter().cloned().collect::<Vec<_>>();
    assert_eq!(
        names(there.keys().collect()),
        names(expected.keys().collect())
    );
    for (name, (json, _)) in &expected {
        assert_eq!(there[name], *json, "{name}");
    }
    let provenance = fs::read_to_string(directory().join("PROVENANCE.txt")).unwrap();
    assert_eq!(provenance, provenance_of(&expected));
}

/// Reads the source. A line has these keys:
///
/// - `in`: the folders of its files; `name`: the name of its files, without their ending;
/// - `forms`: the JSON of two files, `full` and `minimal`; the latter lacks the keys whose names
///   end in `?`, and has an empty list for those that end in `[]`;
/// - or `json`: the JSON of one file;
/// - or `like`: the name of another file in the same folder, in which the keys of `with` are
///   replaced;
/// - `multiplexed`: the full form is also an event of a WebSocket with multiplexed streams;
/// - `from`: where the JSON comes from, if it is not the API reference; two, if the forms differ.
fn generate() -> Files {
    let source = fs::read_to_string(directory().join("samples.jsonl")).unwrap();
    let lines: Vec<Map<RawJson>> = source
        .lines()
        .map(|line| RawJson::parse(line).unwrap().decode().unwrap())
        .collect();
    let mut files = Files::new();
    for line in lines.iter().filter(|line| line.get("like").is_none()) {
        let folders: Vec<String> = line.get("in").unwrap().decode().unwrap();
        let name: String = line.get("name").unwrap().decode().unwrap();
        for folder in &folders {
            let mut add = |name: String, json: &RawJson, from: &str| {
                let name = format!("{folder}/{name}");
                assert!(!files.contains_key(&name), "{name} occurs twice");
                files.insert(name, (pretty(json), from.to_owned()));
            };
            let full = match line.get("forms") {
                Some(forms) => {
                    let (full, minimal) = (form(forms, true), form(forms, false));
                    add(format!("{name}.full"), &full, &from(line, 0));
                    add(format!("{name}.minimal"), &minimal, &from(line, 1));
                    full
                }
                None => {
                    let json = line.get("json").unwrap();
                    add(name.clone(), json, &from(line, 0));
                    json.clone()
                }
            };
            if line.get("multiplexed").is_some() {
                let name = name.strip_suffix(".full").unwrap_or(&name);
                let mut event: Map<RawJson> = full.decode().unwrap();
                event.insert("stream_id", RawJson::string("lane_1"));
                let from = "as over a WebSocket with multiplexed streams".to_owned();
                files.insert(
                    format!("ws_event/{name}.multiplexed"),
                    (pretty(&RawJson::encode(&event).unwrap()), from),
                );
            }
        }
    }
    for line in lines.iter().filter(|line| line.get("like").is_some()) {
        let folders: Vec<String> = line.get("in").unwrap().decode().unwrap();
        let name: String = line.get("name").unwrap().decode().unwrap();
        let like: String = line.get("like").unwrap().decode().unwrap();
        let with: Map<RawJson> = line.get("with").unwrap().decode().unwrap();
        for folder in folders {
            let other = RawJson::parse(&files[&format!("{folder}/{like}")].0).unwrap();
            let mut json: Map<RawJson> = other.decode().unwrap();
            for (key, value) in with.iter() {
                assert!(json.get(key).is_some(), "{name}: {like} has no {key}");
                json.insert(key, value.clone());
            }
            let json = pretty(&RawJson::encode(&json).unwrap());
            files.insert(format!("{folder}/{name}"), (json, from(line, 0)));
        }
    }
    files
}

/// Returns where the full or the minimal form comes from.
fn from(line: &Map<RawJson>, form: usize) -> String {
    const USUAL: [&str; 2] = [
        "every key of the API reference",
        "only the keys the API reference requires",
    ];
    let Some(from) = line.get("from") else {
        return USUAL[form].to_owned();
    };
    let each = from.decode::<[String; 2]>().map(|each| each[form].clone());
    each.unwrap_or_else(|_| from.decode().unwrap())
}

/// Returns the full form, or the minimal one, of marked JSON.
fn form(marked: &RawJson, is_full: bool) -> RawJson {
    match marked.as_str().as_bytes()[0] {
        b'{' => {
            let mut form_of = Map::<RawJson>::new();
            for (key, value) in marked.decode::<Map<RawJson>>().unwrap().iter() {
                let empties = key.strip_suffix("[]");
                let optional = key.strip_suffix('?');
                if let Some(key) = optional.or(empties).filter(|_| is_full) {
                    form_of.insert(key, value.clone());
                } else if let Some(key) = empties {
                    form_of.insert(key, RawJson::parse("[]").unwrap());
                } else if optional.is_none() {
                    form_of.insert(key, form(value, is_full));
                }
            }
            RawJson::encode(&form_of).unwrap()
        }
        b'[' => {
            let elements: Vec<RawJson> = marked.decode().unwrap();
            let elements: Vec<RawJson> = elements.iter().map(|it| form(it, is_full)).collect();
            RawJson::encode(&elements).unwrap()
        }
        _ => marked.clone(),
    }
}

/// Returns the JSON with one value a line.
fn pretty(json: &RawJson) -> String {
    let mut text = String::new();
    push_pretty(json, "\n", &mut text);
    text + "\n"
}

fn push_pretty(json: &RawJson, line: &str, text: &mut String) {
    let inner = format!("{line}  ");
    let (brackets, members): (_, Vec<(Option<String>, RawJson)>) = match json.as_str().as_bytes()[0]
    {
        b'{' => {
            let map: Map<RawJson> = json.decode().unwrap();
            let members = map.iter().map(|(key, value)| {
                let key = RawJson::string(key).as_str().to_owned();
                (Some(key), value.clone())
            });
            (['{', '}'], members.collect())
        }
        b'[' => {
            let list: Vec<RawJson> = json.decode().unwrap();
            (['[', ']'], list.into_iter().map(|it| (None, it)).collect())
        }
        _ => return text.push_str(json.as_str()),
    };
    text.push(brackets[0]);
    for (number, (key, value)) in members.iter().enumerate() {
        text.push_str(if number > 0 { "," } else { "" });
        text.push_str(&inner);
        if let Some(key) = key {
            text.push_str(key);
            text.push_str(": ");
        }
        push_pretty(value, &inner, text);
    }
    text.push_str(if members.is_empty() { "" } else { line });
    text.push(brackets[1]);
}

fn provenance_of(files: &Files) -> String {
    let mut text = String::from(
        "All of these files are invented. None was recorded. Names of keys and values follow the API reference.\n\n",
    );
    for (name, (_, from)) in files {
        text.push_str(&format!("{name}.json: invented; {from}\n"));
    }
    text
}

/// Returns the files that are there.
fn read() -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    for folder in fs::read_dir(directory()).unwrap() {
        let folder = folder.unwrap().path();
        if !folder.is_dir() {
            continue;
        }
        let of = folder.file_name().unwrap().to_str().unwrap();
        for file in fs::read_dir(&folder).unwrap() {
            let path = file.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            let name = name.strip_suffix(".json").unwrap();
            let json = fs::read_to_string(&path).unwrap();
            files.insert(format!("{of}/{name}"), json);
        }
    }
    files
}

fn write(files: &Files) {
    for name in read().keys().filter(|name| !files.contains_key(*name)) {
        fs::remove_file(directory().join(format!("{name}.json"))).unwrap();
    }
    for (name, (json, _)) in files {
        let path = directory().join(format!("{name}.json"));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, json).unwrap();
    }
    fs::write(directory().join("PROVENANCE.txt"), provenance_of(files)).unwrap();
}

fn directory() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../testdata/json")
}
