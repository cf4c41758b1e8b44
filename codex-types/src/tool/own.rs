//! The tools that the client runs.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use crate::RawJson;
use crate::wire::object::object;
use crate::wire::open::open_enum;
use crate::wire::tagged::tagged;

object! {
    /// A function of the application.
    ///
    /// The API requires the keys `parameters` and `strict`, even if null.
    ///
    /// ```
    /// use codex_types::{FunctionTool, RawJson};
    ///
    /// let schema =
    ///     RawJson::parse(r#"{"type":"object","properties":{},"additionalProperties":false}"#)?;
    /// let tool = FunctionTool::new("now", schema, true).description("What time it is");
    /// assert!(RawJson::encode(&tool)?.as_str().starts_with(r#"{"type":"function","name":"now""#));
    /// # Ok::<(), codex_types::DecodeError>(())
    /// ```
    pub struct FunctionTool tag "function" {
        required {
            /// The name, as the model sees it.
            name: String,
            /// The JSON schema of the arguments.
            parameters: RawJson,
            /// Whether the arguments must conform to the schema exactly (strict mode).
            strict = bool,
        }
        optional {
            /// The purpose, for the model.
            description: String,
            /// The JSON schema of the output.
            output_schema: RawJson,
            /// Whether the model continues without waiting for the output.
            is_async as "async" = bool,
            /// Whether the tool is deferred until a tool search finds it.
            defer_loading = bool,
            /// The callers that may use it.
            allowed_callers: Vec<ToolCaller>,
        }
    }
}

#[cfg(feature = "schemars")]
impl FunctionTool {
    /// Creates a function whose arguments are a Rust type.
    ///
    /// The function has the name of the type and its doc comment as description; doc comments of
    /// fields describe the arguments. The schema is closed as strict mode requires: objects accept
    /// no other keys, all keys are required, and optional ones are nullable. A type that such a
    /// schema cannot express, because it contains a map, a tuple or arbitrary JSON, keeps its own
    /// schema, and `strict` is false.
    ///
    /// ```
    /// use codex_types::FunctionTool;
    ///
    /// /// Looks up the weather.
    /// #[derive(schemars::JsonSchema)]
    /// #[expect(dead_code)]
    /// struct Weather {
    ///     /// The town.
    ///     place: String,
    ///     days: Option<u8>,
    /// }
    ///
    /// let tool = FunctionTool::of::<Weather>()?;
    /// assert_eq!((tool.name.as_str(), tool.strict), ("Weather", true));
    /// assert_eq!(tool.description.as_deref(), Some("Looks up the weather."));
    /// assert!(tool.parameters.as_str().contains(r#""required":["days","place"]"#));
    /// # Ok::<(), codex_types::DecodeError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error if the schema nests deeper than 128 levels. The service accepts only
    /// objects as arguments; the linter reports other types.
    pub fn of<T: schemars::JsonSchema>() -> Result<Self, crate::DecodeError> {
        let of_type = crate::schema::of::<T>()?;
        let mut tool = Self::new(
            crate::schema::name_of::<T>(),
            of_type.schema,
            of_type.is_strict,
        );
        tool.description = of_type.description;
        Ok(tool)
    }
}

object! {
    /// A tool of the application that takes free text.
    pub struct CustomTool tag "custom" {
        required {
            /// The name, as the model sees it.
            name: String,
        }
        optional {
            /// The purpose, for the model.
            description: String,
            /// The format of the input.
            format: Box<CustomToolFormat>,
            /// Whether the model continues without waiting for the output.
            is_async as "async" = bool,
            /// Whether the tool is deferred until a tool search finds it.
            defer_loading = bool,
            /// The callers that may use it.
            allowed_callers: Vec<ToolCaller>,
        }
    }
}

tagged! {
    /// The input format of a custom tool.
    pub enum CustomToolFormat {
        /// Any text.
        "text" => Text(TextToolFormat),
        /// Text that conforms to a grammar.
        "grammar" => Grammar(GrammarFormat),
    }
}

object! {
    /// A format that accepts any text as input.
    pub struct TextToolFormat tag "text" {
        required {}
    }
}

object! {
    /// A format that accepts text that conforms to a grammar as input.
    pub struct GrammarFormat tag "grammar" {
        required {
            /// The syntax of the grammar.
            syntax: GrammarSyntax,
            /// The grammar.
            definition: String,
        }
    }
}

open_enum! {
    /// The syntax of a grammar.
    pub enum GrammarSyntax {
        /// Lark.
        Lark = "lark",
        /// A regular expression.
        Regex = "regex",
    }
}

object! {
    /// The search for deferred tools.
    pub struct ToolSearchTool tag "tool_search" {
        required {}
        optional {
            /// The side that runs the search.
            execution: ToolSearchExecution,
            /// The description of what can be found, for the model.
            description: String,
            /// The JSON schema of a query, if the client searches.
            parameters: RawJson,
        }
    }
}

open_enum! {
    /// The side that runs a tool search.
    pub enum ToolSearchExecution {
        /// The service.
        Server = "server",
        /// The client.
        Client = "client",
    }
}

open_enum! {
    /// A caller of a tool.
    pub enum ToolCaller {
        /// The model itself.
        Direct = "direct",
        /// A program that the model wrote.
        Programmatic = "programmatic",
    }
}
