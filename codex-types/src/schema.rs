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
    /// Whether the schema has the form that strict use demands. A map, a tuple and arbitrary JSON cannot.
    pub(crate) is_strict: bool,
}

/// The schema of a type as it is read, closed where strict schemas can express the type.
pub(crate) fn of<T: JsonSchema>() -> Result<TypeSchema, DecodeError> {
    // Without the key `$schema`, which is of no use to the service.
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

/// The name of a type in the form that the service accepts.
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

/// Spells a schema with the keywords that strict schemas have. False if it then means something else.
fn simplify(schema: &mut Value) -> bool {
    let Some(object) = schema.as_object_mut() else {
        return false;
    };
    object.retain(|name, _| !HINTS.contains(&&**name));
    if let Some(choices) = object.remove("oneOf") {
        // The variants of an enum exclude each other already.
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

/// A schema that consists of one other schema is that schema.
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

/// Keywords that strict schemas do not have and that restrict nothing a Rust type would not check.
const HINTS: [&str; 7] = [
    "default",
    "examples",
    "uniqueItems",
    "deprecated",
    "readOnly",
    "writeOnly",
    "title",
];

/// What the service accepts as the name of a format or a function, in characters.
const LONGEST_NAME: usize = 64;
