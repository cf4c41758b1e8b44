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
