//! Strict schemas: the service's requirements, and closing an open schema.
//!
//! The rules are those of the structured outputs guide of the API: every object is closed, every
//! property is required, and only some keywords are allowed.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::lint::tree::{Node, Value};
use crate::lint::{Edit, Finding, FindingCode as Code, apply, push_step};
use crate::{DecodeError, RawJson};

/// A schema that was closed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClosedSchema {
    /// The schema.
    pub schema: RawJson,
    /// The changes that were made.
    pub fixed: Vec<Finding>,
    /// The diagnostics of what still prevents strict use.
    pub remaining: Vec<Finding>,
}

/// Makes a schema strict as far as possible without knowing its purpose.
///
/// Objects are closed and all properties required; optional ones become nullable instead, so the
/// application must treat null as absent. Keywords that strict schemas do not allow are reported,
/// with their locations, and left unchanged.
///
/// # Errors
///
/// Returns an error when the schema nests deeper than 128 levels.
///
/// # Examples
///
/// ```
/// use codex_types::RawJson;
/// use codex_types::lint::close_schema;
///
/// let open = RawJson::parse(r#"{"type":"object","properties":{"city":{"type":"string"}}}"#)?;
/// let closed = close_schema(&open)?;
/// assert_eq!(
///     closed.schema.as_str(),
///     concat!(
///         r#"{"type":"object","properties":{"city":{"type":["string","null"]}},"#,
///         r#""additionalProperties":false,"required":["city"]}"#,
///     ),
/// );
/// assert!(closed.remaining.is_empty());
/// # Ok::<(), codex_types::DecodeError>(())
/// ```
pub fn close_schema(schema: &RawJson) -> Result<ClosedSchema, DecodeError> {
    let mut schema = schema.clone();
    let mut fixed = Vec::new();
    // A property that becomes nullable is replaced as a whole, and its contents follow in the next
    // round, so each level needs a round.
    for _ in 0..super::tree::DEPTH_LIMIT {
        let mut findings = Vec::new();
        check_strict(&Node::read(&schema)?, "", &mut findings);
        findings.retain(|finding| finding.fix.is_some());
        if findings.is_empty() {
            break;
        }
        let edits: Vec<&Edit> = findings
            .iter()
            .flat_map(|finding| &finding.fix)
            .flat_map(|fix| &fix.edits)
            .collect();
        schema = apply(&schema, edits)?;
        fixed.extend(findings);
    }
    let mut remaining = Vec::new();
    check_strict(&Node::read(&schema)?, "", &mut remaining);
    Ok(ClosedSchema {
        schema,
        fixed,
        remaining,
    })
}

/// Returns what prevents strict use of a schema.
pub(super) fn check_strict(schema: &Node<'_>, pointer: &str, found: &mut Vec<Finding>) {
    let mut check = Check {
        found,
        properties: 0,
    };
    let is_object = schema.text_of("type") == "object";
    if !is_object || schema.get("anyOf").is_some() {
        let message = "the root schema must be a plain object";
        check
            .found
            .push(Finding::error(Code::InvalidSchema, pointer, message));
    }
    check.schema(schema, pointer, 1);
    if check.properties > PROPERTIES {
        let message = format!("the schema has more than {PROPERTIES} properties");
        check
            .found
            .push(Finding::error(Code::SchemaTooLarge, pointer, message));
    }
}

struct Check<'f> {
    found: &'f mut Vec<Finding>,
    properties: usize,
}

impl Check<'_> {
    fn schema(&mut self, schema: &Node<'_>, pointer: &str, depth: usize) {
        if !schema.is_object() {
            let message = "a schema must be an object";
            self.found
                .push(Finding::error(Code::InvalidSchema, pointer, message));
            return;
        }
        if depth == DEPTH + 1 {
            let message = format!("objects are nested more than {DEPTH} deep");
            self.found
                .push(Finding::error(Code::SchemaTooLarge, pointer, message));
        }
        for (name, value) in schema.members() {
            let place = step(pointer, name);
            if UNSUPPORTED.contains(&&**name) {
                let message = format!("a strict schema must not have {name}");
                self.found
                    .push(Finding::error(Code::UnsupportedKeyword, place, message));
            } else if name == "format" && !FORMATS.contains(&value.as_text().unwrap_or_default()) {
                let message = "a strict schema must not have this format";
                let edit = Edit::Remove(place.clone());
                let finding = Finding::error(Code::UnsupportedKeyword, place, message);
                self.found.push(finding.given_up_by([edit]));
            } else if name == "enum" && value.items().len() > ENUM_VALUES {
                let message = format!("there are more than {ENUM_VALUES} values");
                self.found
                    .push(Finding::error(Code::SchemaTooLarge, place, message));
            }
        }
        let says_what = ["type", "enum", "const", "anyOf", "$ref"];
        let is_reported = schema
            .members()
            .iter()
            .any(|(name, _)| UNSUPPORTED.contains(&&**name));
        if !is_reported && !says_what.iter().any(|name| schema.get(name).is_some()) {
            let message = "a schema must have type, enum, const, anyOf or $ref";
            self.found
                .push(Finding::error(Code::InvalidSchema, pointer, message));
        }
        if is_of_type(schema, "object") {
            self.object(schema, pointer, depth);
        }
        if let Some(items) = schema.get("items") {
            self.schema(items, &step(pointer, "items"), depth);
        }
        for (at, one) in schema
            .get("anyOf")
            .map_or(&[][..], Node::items)
            .iter()
            .enumerate()
        {
            self.schema(one, &format!("{pointer}/anyOf/{at}"), depth);
        }
        for name in ["$defs", "definitions"] {
            let place = step(pointer, name);
            for (name, one) in schema.get(name).map_or(&[][..], Node::members) {
                self.schema(one, &step(&place, name), depth);
            }
        }
    }

    fn object(&mut self, schema: &Node<'_>, pointer: &str, depth: usize) {
        if schema.get("additionalProperties").and_then(Node::as_bool) != Some(false) {
            let place = step(pointer, "additionalProperties");
            let message = "an object of a strict schema must have additionalProperties: false";
            self.found.push(
                Finding::error(Code::OpenObject, pointer, message)
                    .given_up_by([Edit::Replace(place, RawJson::trusted("false".into()))]),
            );
        }
        let properties = schema.get("properties").map_or(&[][..], Node::members);
        let required = schema.get("required").map_or(&[][..], Node::items);
        let is_required = |name: &str| required.iter().any(|one| one.as_text() == Some(name));
        self.properties += properties.len();
        let optional: Vec<&(alloc::borrow::Cow<'_, str>, Node<'_>)> = properties
            .iter()
            .filter(|(name, _)| !is_required(name))
            .collect();
        if !optional.is_empty() {
            let names: Vec<&str> = optional.iter().map(|(name, _)| &**name).collect();
            let message = format!(
                "a strict schema must require every property: {}",
                names.join(", ")
            );
            let all: Vec<String> = properties
                .iter()
                .map(|(name, _)| RawJson::string(name).as_str().into())
                .collect();
            let all = RawJson::trusted(format!("[{}]", all.join(",")));
            let mut edits = Vec::from([Edit::Replace(step(pointer, "required"), all)]);
            for (name, property) in optional {
                let place = step(&step(pointer, "properties"), name);
                edits.extend(nullable(property, &place));
            }
            self.found
                .push(Finding::error(Code::OptionalProperty, pointer, message).given_up_by(edits));
        } else {
            for (at, name) in required.iter().enumerate() {
                let name = name.as_text().unwrap_or_default();
                if !properties.iter().any(|(known, _)| known == name) {
                    let place = format!("{pointer}/required/{at}");
                    let message = format!("{name} is required but not a property");
                    self.found.push(
                        Finding::error(Code::UndeclaredProperty, place.as_str(), message)
                            .given_up_by([Edit::Remove(place)]),
                    );
                }
            }
        }
        let place = step(pointer, "properties");
        for (name, property) in properties {
            self.schema(property, &step(&place, name), depth + 1);
        }
    }
}

/// Returns the change that makes a property nullable.
fn nullable(property: &Node<'_>, place: &str) -> Option<Edit> {
    let null = || RawJson::string("null");
    if let Some(kind) = property.get("type") {
        let takes_null = kind.as_text() == Some("null")
            || kind.items().iter().any(|one| one.as_text() == Some("null"));
        let is_listed = property.get("enum").is_some() || property.get("const").is_some();
        // An enumeration must list null to be nullable.
        if !takes_null && !is_listed {
            let place = step(place, "type");
            return Some(match &kind.value {
                Value::List(_) => Edit::Insert(step(&place, "-"), null()),
                _ => {
                    let types = format!("[{},\"null\"]", kind.text);
                    Edit::Replace(place, RawJson::trusted(types))
                }
            });
        }
        if takes_null {
            return None;
        }
    }
    if let Some(choices) = property.get("anyOf") {
        let takes_null = choices
            .items()
            .iter()
            .any(|one| one.text_of("type") == "null");
        let edit = Edit::Insert(format!("{place}/anyOf/-"), RawJson::trusted(NULL.into()));
        return (!takes_null).then_some(edit);
    }
    let either = format!("{{\"anyOf\":[{},{NULL}]}}", property.text);
    Some(Edit::Replace(place.into(), RawJson::trusted(either)))
}

fn is_of_type(schema: &Node<'_>, name: &str) -> bool {
    let Some(kind) = schema.get("type") else {
        return schema.get("properties").is_some();
    };
    kind.as_text() == Some(name) || kind.items().iter().any(|one| one.as_text() == Some(name))
}

fn step(pointer: &str, name: &str) -> String {
    let mut pointer = String::from(pointer);
    push_step(&mut pointer, name);
    pointer
}

const NULL: &str = r#"{"type":"null"}"#;

/// Levels of nested objects.
const DEPTH: usize = 10;
/// Properties in the whole schema.
const PROPERTIES: usize = 5_000;
/// Values of one enumeration.
const ENUM_VALUES: usize = 1_000;

const UNSUPPORTED: &[&str] = &[
    "allOf",
    "oneOf",
    "not",
    "if",
    "then",
    "else",
    "dependentRequired",
    "dependentSchemas",
    "patternProperties",
    "propertyNames",
    "unevaluatedProperties",
    "unevaluatedItems",
    "prefixItems",
    "contains",
    "minContains",
    "maxContains",
    "minProperties",
    "maxProperties",
    "uniqueItems",
    "default",
];

const FORMATS: &[&str] = &[
    "date-time",
    "time",
    "date",
    "duration",
    "email",
    "hostname",
    "ipv4",
    "ipv6",
    "uuid",
];
