//! Changes to JSON that leave everything else as it was written.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::json::text::push_string;
use crate::lint::tree::{Node, Value};
use crate::{DecodeError, RawJson};

/// One change to a JSON text, similar to JSON Patch (RFC 6902).
///
/// Locations are JSON Pointers (RFC 6901) into the text before any change: unlike the operations of
/// a JSON Patch, edits that are applied together do not shift each other's locations. Serialized,
/// an edit is an object with `op`, `path` and `value`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Edit {
    /// Removes the value at this location.
    Remove(String),
    /// Replaces the value at this location; a missing key is added.
    Replace(String, RawJson),
    /// Inserts a value into a list, before the element at this location; `-` means after the last
    /// one.
    Insert(String, RawJson),
}

impl Edit {
    /// Returns the location of the change.
    pub fn pointer(&self) -> &str {
        match self {
            Self::Remove(pointer) | Self::Replace(pointer, _) | Self::Insert(pointer, _) => pointer,
        }
    }

    pub(crate) fn pointer_mut(&mut self) -> &mut String {
        match self {
            Self::Remove(pointer) | Self::Replace(pointer, _) | Self::Insert(pointer, _) => pointer,
        }
    }

    /// Returns the same change with its location relative to `pointer`, if that is an ancestor.
    pub(crate) fn within(&self, pointer: &str) -> Option<Self> {
        let place = self.pointer().strip_prefix(pointer)?;
        if !place.is_empty() && !place.starts_with('/') {
            return None;
        }
        Some(match self {
            Self::Remove(_) => Self::Remove(place.into()),
            Self::Replace(_, value) => Self::Replace(place.into(), value.clone()),
            Self::Insert(_, value) => Self::Insert(place.into(), value.clone()),
        })
    }
}

impl Serialize for Edit {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (op, value) = match self {
            Self::Remove(_) => ("remove", None),
            Self::Replace(_, value) => ("replace", Some(value)),
            Self::Insert(_, value) => ("insert", Some(value)),
        };
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("op", op)?;
        map.serialize_entry("path", self.pointer())?;
        if let Some(value) = value {
            map.serialize_entry("value", value)?;
        }
        map.end()
    }
}

/// Applies changes to a text.
///
/// Everything else stays as it is, including spelling and order. A location that does not exist is
/// skipped; of two changes to one location the first counts.
///
/// # Errors
///
/// Returns an error when `json` nests deeper than 128 levels.
///
/// # Examples
///
/// ```
/// use codex_types::RawJson;
/// use codex_types::lint::{Edit, apply};
///
/// let json = RawJson::parse(r#"{"a": 1.50, "b": [1, 2]}"#)?;
/// let edits = [Edit::Remove("/b/0".into()), Edit::Replace("/c".into(), RawJson::parse("true")?)];
/// assert_eq!(apply(&json, &edits)?.as_str(), r#"{"a":1.50,"b":[2],"c":true}"#);
/// # Ok::<(), codex_types::DecodeError>(())
/// ```
pub fn apply<'a>(
    json: &RawJson,
    edits: impl IntoIterator<Item = &'a Edit>,
) -> Result<RawJson, DecodeError> {
    let root = Node::read(json)?;
    let changes: Vec<Change<'_>> = edits.into_iter().filter_map(Change::new).collect();
    let mut out = String::with_capacity(json.as_str().len() + 64);
    if let Some(Change {
        edit: Edit::Replace(_, value),
        ..
    }) = changes.iter().find(|change| change.path.is_empty())
    {
        return Ok(value.clone());
    }
    let here: Vec<&Change<'_>> = changes
        .iter()
        .filter(|change| !change.path.is_empty())
        .collect();
    write(&root, &here, 0, &mut out);
    Ok(RawJson::trusted(out))
}

/// Appends a step to a pointer, escaped as RFC 6901 section 3 requires.
pub(crate) fn push_step(pointer: &mut String, step: &str) {
    pointer.push('/');
    for character in step.chars() {
        match character {
            '~' => pointer.push_str("~0"),
            '/' => pointer.push_str("~1"),
            other => pointer.push(other),
        }
    }
}

/// A pointer split into steps, and the change to apply there.
struct Change<'a> {
    path: Vec<Cow<'a, str>>,
    edit: &'a Edit,
}

impl<'a> Change<'a> {
    fn new(edit: &'a Edit) -> Option<Self> {
        let pointer = edit.pointer();
        if pointer.is_empty() {
            return Some(Self {
                path: Vec::new(),
                edit,
            });
        }
        let path = pointer
            .strip_prefix('/')?
            .split('/')
            .map(unescape)
            .collect();
        Some(Self { path, edit })
    }

    fn step(&self, depth: usize) -> &str {
        self.path.get(depth).map_or("", |step| step)
    }

    fn ends_at(&self, depth: usize) -> bool {
        self.path.len() == depth + 1
    }
}

fn unescape(step: &str) -> Cow<'_, str> {
    if step.contains('~') {
        Cow::Owned(step.replace("~1", "/").replace("~0", "~"))
    } else {
        Cow::Borrowed(step)
    }
}

/// Writes a value with the changes below it; the rest is copied.
fn write(node: &Node<'_>, changes: &[&Change<'_>], depth: usize, out: &mut String) {
    if changes.is_empty() {
        out.push_str(node.text);
        return;
    }
    match &node.value {
        Value::Object(members) => write_object(members, changes, depth, out),
        Value::List(items) => write_list(items, changes, depth, out),
        _ => out.push_str(node.text),
    }
}

fn write_object(
    members: &[(Cow<'_, str>, Node<'_>)],
    changes: &[&Change<'_>],
    depth: usize,
    out: &mut String,
) {
    let mut separator = '{';
    for (name, node) in members {
        let below = at_step(changes, depth, name);
        match ending(&below, depth) {
            Some(Edit::Remove(_)) => continue,
            Some(Edit::Replace(_, value) | Edit::Insert(_, value)) => {
                push_member(out, &mut separator, name);
                out.push_str(value.as_str());
            }
            None => {
                push_member(out, &mut separator, name);
                write(node, &below, depth + 1, out);
            }
        }
    }
    let mut added: Vec<&str> = Vec::new();
    for change in changes.iter().filter(|change| change.ends_at(depth)) {
        let name = change.step(depth);
        let is_there = members.iter().any(|(member, _)| member == name) || added.contains(&name);
        if let (false, Edit::Replace(_, value) | Edit::Insert(_, value)) = (is_there, change.edit) {
            push_member(out, &mut separator, name);
            out.push_str(value.as_str());
            added.push(name);
        }
    }
    if separator == '{' {
        out.push('{');
    }
    out.push('}');
}

fn write_list(items: &[Node<'_>], changes: &[&Change<'_>], depth: usize, out: &mut String) {
    let mut places: Vec<Vec<&Change<'_>>> = Vec::new();
    places.resize_with(items.len() + 1, Vec::new);
    for change in changes {
        let step = change.step(depth);
        let place = if step == "-" {
            Some(items.len())
        } else {
            step.parse::<usize>().ok()
        };
        if let Some(place) = place.and_then(|place| places.get_mut(place)) {
            place.push(change);
        }
    }
    let mut separator = '[';
    let mut places = places.iter();
    for (item, here) in items.iter().zip(places.by_ref()) {
        insert_all(here, depth, &mut separator, out);
        let others: Vec<&Change<'_>> = here
            .iter()
            .filter(|change| !matches!(change.edit, Edit::Insert(..)) || !change.ends_at(depth))
            .copied()
            .collect();
        match ending(&others, depth) {
            Some(Edit::Remove(_)) => {}
            Some(Edit::Replace(_, value) | Edit::Insert(_, value)) => {
                push_separator(out, &mut separator);
                out.push_str(value.as_str());
            }
            None => {
                push_separator(out, &mut separator);
                write(item, &others, depth + 1, out);
            }
        }
    }
    if let Some(last) = places.next() {
        insert_all(last, depth, &mut separator, out);
    }
    if separator == '[' {
        out.push('[');
    }
    out.push(']');
}

fn insert_all(changes: &[&Change<'_>], depth: usize, separator: &mut char, out: &mut String) {
    for change in changes.iter().filter(|change| change.ends_at(depth)) {
        if let Edit::Insert(_, value) = change.edit {
            push_separator(out, separator);
            out.push_str(value.as_str());
        }
    }
}

fn at_step<'c, 'a>(changes: &[&'c Change<'a>], depth: usize, step: &str) -> Vec<&'c Change<'a>> {
    changes
        .iter()
        .filter(|change| change.step(depth) == step)
        .copied()
        .collect()
}

/// Returns the change to the value itself, if there is one.
fn ending<'a>(changes: &[&Change<'a>], depth: usize) -> Option<&'a Edit> {
    changes
        .iter()
        .find(|change| change.ends_at(depth))
        .map(|change| change.edit)
}

fn push_member(out: &mut String, separator: &mut char, name: &str) {
    if *separator == '{' {
        out.push('{');
        *separator = ',';
    } else {
        out.push(',');
    }
    push_string(out, name);
    out.push(':');
}

fn push_separator(out: &mut String, separator: &mut char) {
    out.push(*separator);
    *separator = ',';
}
