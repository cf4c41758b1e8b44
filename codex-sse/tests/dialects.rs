//! Streams of compatible servers (`testdata/dialects`), each with its expected output, fed whole,
//! in odd chunks and byte by byte.
#![cfg(feature = "chat")]

mod observe;

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use self::observe::{of_chunks, of_stream};

#[test]
fn every_dialect_gives_what_its_server_meant() {
    let mut failures = Vec::new();
    let mut count = 0;
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../testdata/dialects");
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    for path in paths {
        let name = path.file_name().unwrap().to_str().unwrap();
        let input = || fs::read(&path).unwrap();
        let (stem, observed) = if let Some(stem) = name.strip_suffix(".sse") {
            let sizes = [usize::MAX, 7, 13, 1];
            let all = sizes.map(|size| (size, of_stream(&input(), size)));
            let (_, first) = all[0].clone();
            for (size, observed) in &all[1..] {
                if *observed != first {
                    failures.push(format!("{name}: pieces of {size} bytes change it"));
                }
            }
            (stem, first)
        } else if let Some(stem) = name.strip_suffix(".chunks.jsonl") {
            (stem, of_chunks(&String::from_utf8(input()).unwrap()))
        } else {
            continue;
        };
        count += 1;
        let expected = fs::read_to_string(path.with_file_name(format!("{stem}.expected.json")));
        let mut expected: Value = serde_json::from_str(&expected.unwrap()).unwrap();
        let mut observed = observed;
        blank_invented(&mut expected, &mut observed);
        for (key, value) in expected.as_object().unwrap() {
            let got = observed.get(key).cloned().unwrap_or_default();
            if *value != got {
                failures.push(format!("{name}: {key}\n  right {value}\n  got   {got}"));
            }
        }
        for key in observed.as_object().unwrap().keys() {
            if expected.get(key).is_none() {
                failures.push(format!("{name}: {key} is too much: {}", observed[key]));
            }
        }
    }
    assert!(count >= 80, "the corpus was found");
    assert!(
        failures.is_empty(),
        "{} of the checks failed:\n{}",
        failures.len(),
        failures.join("\n")
    );
}

/// `*` stands for any text that is not empty, and for a generated id.
fn blank_invented(expected: &mut Value, observed: &mut Value) {
    match (expected, observed) {
        (Value::String(expected), Value::String(observed))
            if expected == "*" && !observed.is_empty() =>
        {
            observed.clone_from(expected);
        }
        (Value::Array(expected), Value::Array(observed)) => {
            for (expected, observed) in expected.iter_mut().zip(observed) {
                blank_invented(expected, observed);
            }
        }
        (Value::Object(expected), Value::Object(observed)) => {
            for (key, expected) in expected {
                if let Some(observed) = observed.get_mut(key) {
                    blank_invented(expected, observed);
                }
            }
        }
        _ => {}
    }
}
