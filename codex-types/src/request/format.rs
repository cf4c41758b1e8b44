//! In what form the model answers.

use alloc::string::String;

use crate::RawJson;
use crate::request::Verbosity;
use crate::wire::object::object;
use crate::wire::tagged::{from_variants, tagged};

object! {
    /// In what form to answer: API object `ResponseTextConfig`.
    pub struct TextConfig {
        required {}
        optional {
            /// Text, JSON, or JSON of a certain shape.
            format: TextFormat,
            /// At what length.
            verbosity: Verbosity,
        }
    }
}

tagged! {
    /// What the answer is made of: API object `ResponseFormatTextConfig`.
    pub enum TextFormat {
        /// Text.
        "text" => Text(PlainTextFormat),
        /// JSON that fits a schema.
        "json_schema" => JsonSchema(JsonSchemaFormat),
        /// JSON of any shape; older.
        "json_object" => JsonObject(JsonObjectFormat),
    }
}

from_variants!(TextFormat {
    Text(PlainTextFormat),
    JsonSchema(JsonSchemaFormat),
    JsonObject(JsonObjectFormat),
});

impl From<JsonSchemaFormat> for TextConfig {
    fn from(format: JsonSchemaFormat) -> Self {
        Self::new().format(format)
    }
}

object! {
    /// The answer is text.
    pub struct PlainTextFormat tag "text" {
        required {}
    }
}

object! {
    /// The answer is JSON that fits a schema.
    ///
    /// ```
    /// use codex_types::{CreateResponse, JsonSchemaFormat, RawJson, TextConfig};
    ///
    /// let schema = RawJson::parse(
    ///     r#"{"type":"object","properties":{"ok":{"type":"boolean"}},"required":["ok"],"additionalProperties":false}"#,
    /// )?;
    /// let format = JsonSchemaFormat::new("verdict", schema).strict(true);
    /// let request = CreateResponse::new("gpt-5.5").input("Is it?").text(TextConfig::from(format));
    /// # Ok::<(), codex_types::DecodeError>(())
    /// ```
    pub struct JsonSchemaFormat tag "json_schema" {
        required {
            /// What the model calls it: letters, digits, `_` and `-`, at most 64 of them.
            name: String,
            /// The JSON schema.
            schema: RawJson,
        }
        optional {
            /// What it is for, for the model.
            description: String,
            /// Whether the answer is made to fit exactly.
            strict = bool,
        }
    }
}

object! {
    /// The answer is JSON of any shape. The input has to ask for JSON as well.
    pub struct JsonObjectFormat tag "json_object" {
        required {}
    }
}

#[cfg(feature = "schemars")]
impl JsonSchemaFormat {
    /// The format that makes the model answer with a value of a Rust type.
    ///
    /// The schema is closed, as the service demands for exact answers: objects take no other keys and require all of theirs. A type that
    /// such a schema cannot express, because it holds a map, a tuple or arbitrary JSON, keeps its own schema, and `strict` is false. The doc
    /// comment of the type becomes the description.
    ///
    /// ```
    /// use codex_types::{CreateResponse, JsonSchemaFormat, TextConfig};
    ///
    /// #[derive(schemars::JsonSchema)]
    /// #[expect(dead_code)]
    /// struct Verdict {
    ///     ok: bool,
    /// }
    ///
    /// let format = JsonSchemaFormat::of::<Verdict>()?;
    /// assert_eq!(format.name, "Verdict");
    /// assert_eq!(format.strict, Some(true));
    /// let request = CreateResponse::new("gpt-5.5").input("Is it?").text(TextConfig::from(format));
    /// # Ok::<(), codex_types::DecodeError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the schema cannot be written as JSON. What the service does not support in it is not an error here; the linter names it.
    pub fn of<T: schemars::JsonSchema>() -> Result<Self, crate::DecodeError> {
        let of_type = crate::schema::of::<T>()?;
        let mut format =
            Self::new(crate::schema::name_of::<T>(), of_type.schema).strict(of_type.is_strict);
        format.description = of_type.description;
        Ok(format)
    }
}
