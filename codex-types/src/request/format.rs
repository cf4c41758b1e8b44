//! The text format of a response.

use alloc::string::String;

use crate::RawJson;
use crate::request::Verbosity;
use crate::wire::object::object;
use crate::wire::tagged::tagged;

object! {
    /// The text configuration of a response: API object `ResponseTextConfig`.
    pub struct TextConfig {
        required {}
        optional {
            /// The format: text, JSON, or JSON that conforms to a schema.
            format: TextFormat,
            /// The verbosity.
            verbosity: Verbosity,
        }
    }
}

tagged! {
    /// The format of a text response: API object `ResponseFormatTextConfig`.
    pub enum TextFormat {
        /// Text.
        "text" => Text(PlainTextFormat),
        /// JSON that conforms to a schema.
        "json_schema" => JsonSchema(JsonSchemaFormat),
        /// Any JSON. Deprecated in favor of `json_schema`.
        "json_object" => JsonObject(JsonObjectFormat),
    }
}

impl From<JsonSchemaFormat> for TextConfig {
    fn from(format: JsonSchemaFormat) -> Self {
        Self::new().format(format)
    }
}

object! {
    /// A text response.
    pub struct PlainTextFormat tag "text" {
        required {}
    }
}

object! {
    /// A JSON response that conforms to a schema.
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
            /// The name of the schema: letters, digits, `_` and `-`, at most 64 of them.
            name: String,
            /// The JSON schema.
            schema: RawJson,
        }
        optional {
            /// The purpose, for the model.
            description: String,
            /// Whether the response must conform exactly (strict mode).
            strict = bool,
        }
    }
}

object! {
    /// A JSON response of any form. The input must request JSON as well.
    pub struct JsonObjectFormat tag "json_object" {
        required {}
    }
}

#[cfg(feature = "schemars")]
impl JsonSchemaFormat {
    /// Returns the format for a response that deserializes into a Rust type.
    ///
    /// The schema is closed, as strict mode requires: objects accept no other keys and require all
    /// of theirs. A type that such a schema cannot express, because it contains a map, a tuple or
    /// arbitrary JSON, keeps its own schema, and `strict` is false. The doc comment of the type
    /// becomes the description.
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
    /// Returns an error if the schema cannot be written as JSON. Keywords that the service does not
    /// support are not an error here; the linter reports them.
    pub fn of<T: schemars::JsonSchema>() -> Result<Self, crate::DecodeError> {
        let of_type = crate::schema::of::<T>()?;
        let mut format =
            Self::new(crate::schema::name_of::<T>(), of_type.schema).strict(of_type.is_strict);
        format.description = of_type.description;
        Ok(format)
    }
}
