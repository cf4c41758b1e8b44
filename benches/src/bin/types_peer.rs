//! Passes the samples of `testdata/json` through codex-types and through async-openai's types, and
//! counts how many are read, and how many are written back unchanged.
//!
//! ```text
//! cargo run -p codex-bench --bin types_peer
//! ```

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use async_openai::types::responses as peer;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

fn main() -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "| samples of | number | read by async-openai | rewritten unchanged | read by codex-types | rewritten unchanged |"
    )?;
    writeln!(out, "|---|---|---|---|---|---|")?;
    let mut total = [0; 5];
    for (root, theirs, ours) in ROOTS {
        let mut counts = [0; 5];
        for json in samples(root)? {
            counts[0] += 1;
            for (at, pass) in [(1, theirs), (3, ours)] {
                let (read, same) = pass(&json);
                counts[at] += usize::from(read);
                counts[at + 1] += usize::from(same);
            }
        }
        row(&mut out, root, counts)?;
        for (sum, count) in total.iter_mut().zip(counts) {
            *sum += count;
        }
    }
    row(&mut out, "all", total)
}

type Pass = fn(&Value) -> (bool, bool);

const ROOTS: [(&str, Pass, Pass); 13] = [
    (
        "event",
        pass::<peer::ResponseStreamEvent>,
        pass::<codex_types::ResponseEvent>,
    ),
    (
        "output_item",
        pass::<peer::OutputItem>,
        pass::<codex_types::OutputItem>,
    ),
    (
        "stored_item",
        pass::<peer::ItemResource>,
        pass::<codex_types::StoredItem>,
    ),
    (
        "input_item",
        pass::<peer::InputItem>,
        pass::<codex_types::InputItem>,
    ),
    (
        "input_part",
        pass::<peer::InputContent>,
        pass::<codex_types::InputPart>,
    ),
    (
        "output_part",
        pass::<peer::OutputContent>,
        pass::<codex_types::OutputPart>,
    ),
    (
        "annotation",
        pass::<peer::Annotation>,
        pass::<codex_types::Annotation>,
    ),
    ("tool", pass::<peer::Tool>, pass::<codex_types::Tool>),
    (
        "tool_choice",
        pass::<peer::ToolChoiceParam>,
        pass::<codex_types::ToolChoice>,
    ),
    (
        "request",
        pass::<peer::CreateResponse>,
        pass::<codex_types::CreateResponse>,
    ),
    (
        "response",
        pass::<peer::Response>,
        pass::<codex_types::Response>,
    ),
    (
        "compaction",
        pass::<peer::CompactResource>,
        pass::<codex_types::Compaction>,
    ),
    (
        "item_list",
        pass::<peer::ResponseItemList>,
        pass::<codex_types::ItemList>,
    ),
];

/// Returns whether `json` can be read as a `T`, and whether the `T` is written back unchanged.
fn pass<T: DeserializeOwned + Serialize>(json: &Value) -> (bool, bool) {
    let text = json.to_string();
    let Ok(read) = serde_json::from_str::<T>(&text) else {
        return (false, false);
    };
    let written = serde_json::to_string(&read).ok();
    let again = written.and_then(|text| serde_json::from_str::<Value>(&text).ok());
    (true, again.as_ref() == Some(json))
}

fn samples(root: &str) -> io::Result<Vec<Value>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../testdata/json")
        .join(root);
    fs::read_dir(folder)?
        .map(|entry| {
            let text = fs::read_to_string(entry?.path())?;
            serde_json::from_str(&text).map_err(Into::into)
        })
        .collect()
}

fn row(out: &mut impl Write, name: &str, counts: [usize; 5]) -> io::Result<()> {
    let [all, read, same, ours_read, ours_same] = counts;
    writeln!(
        out,
        "| {name} | {all} | {read} | {same} | {ours_read} | {ours_same} |"
    )
}
