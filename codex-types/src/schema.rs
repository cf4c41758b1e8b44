//! Strict schemas of Rust types.

use alloc::string::String;
use alloc::vec::Vec;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use crate::lint::close_schema;
use crate::{DecodeError, RawJson};

/// The schema of a type, and its doc comment.
pub(crate) struct TypeSchema {
    pub(crate) schema: RawJson,
    pub(crate) description: Option<String>,
    /// Whether the schema is strict. A map, a tuple and arbitrary JSON cannot be.
    pub(crate) is_strict: bool,
}

/// Returns the schema of a type as deserialized, closed if strict schemas can express the type.
pub(crate) fn of<T: JsonSchema>() -> Result<TypeSchema, DecodeError> {
    // The service does not use the key `$schema`.
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.meta_schema = None);
    let mut open = settings
        .into_generator()
        .into_root_schema_for::<T>()
        .to_value();
    let description = match open
        .as_object_mut()
        .and_then(|root| root.remove("description"))
    {
        Some(Value::String(text)) => Some(text),
        _ => None,
    };
    let mut simple = open.clone();
    let is_expressible = simplify(&mut simple);
    let closed = close_schema(&RawJson::encode(&simple)?)?;
    let is_strict = is_expressible && closed.remaining.is_empty();
    Ok(TypeSchema {
        schema: match is_strict {
            true => closed.schema,
            false => RawJson::encode(&open)?,
        },
        description,
        is_strict,
    })
}

/// Returns the name of a type in the form that the service accepts.
pub(crate) fn name_of<T: JsonSchema>() -> String {
    let spell = |character: char| match character {
        character if character.is_ascii_alphanumeric() => character,
        _ => '_',
    };
    T::schema_name()
        .chars()
        .map(spell)
        .take(LONGEST_NAME)
        .collect()
}

/// Rewrites a schema with the keywords that strict schemas allow. Returns false if its meaning
/// changes.
fn simplify(schema: &mut Value) -> bool {
    let Some(object) = schema.as_object_mut() else {
        return false;
    };
    object.retain(|name, _| !HINTS.contains(&&**name));
    if let Some(choices) = object.remove("oneOf") {
        // The variants of an enum already exclude each other.
        object.entry("anyOf").or_insert(choices);
    }
    merge_single(object);
    if object.len() > 1
        && let Some(reference) = object.remove("$ref")
    {
        object.insert("anyOf".into(), json!([{ "$ref": reference }]));
    }
    let is_map = object
        .get("additionalProperties")
        .is_some_and(|others| *others != Value::Bool(false));
    if !is_map && object.get("type").is_some_and(|kind| *kind == "object") {
        object.entry("properties").or_insert_with(|| json!({}));
    }
    let mut is_expressible = !is_map;
    for (name, value) in object.iter_mut() {
        let schemas: Vec<&mut Value> = match (&**name, value) {
            ("properties" | "$defs", Value::Object(schemas)) => schemas.values_mut().collect(),
            ("anyOf", Value::Array(schemas)) => schemas.iter_mut().collect(),
            ("items", schema) => Vec::from([schema]),
            _ => continue,
        };
        for schema in schemas {
            is_expressible &= simplify(schema);
        }
    }
    is_expressible
}

/// Replaces a schema that consists of one other schema with that schema.
fn merge_single(object: &mut Map<String, Value>) {
    let is_single = |all: &Value| all.as_array().is_some_and(|all| all.len() == 1);
    if object.get("allOf").is_some_and(is_single)
        && let Some(Value::Array(mut all)) = object.remove("allOf")
        && let Some(Value::Object(only)) = all.pop()
    {
        for (name, value) in only {
            object.entry(name).or_insert(value);
        }
    }
}

/// Keywords that strict schemas do not allow and that add no restriction to a Rust type.
const HINTS: [&str; 7] = [
    "default",
    "examples",
    "uniqueItems",
    "deprecated",
    "readOnly",
    "writeOnly",
    "title",
];

/// The longest name of a format or a function that the service accepts, in characters.
const LONGEST_NAME: usize = 64;
