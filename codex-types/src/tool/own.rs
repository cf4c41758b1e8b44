//! The union of tools, and the tools that the application itself carries out.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use crate::RawJson;
use crate::item::ToolSearchExecution;
use crate::tool::*;
use crate::wire::object::object;
use crate::wire::open::open_enum;
use crate::wire::tagged::{from_variants, tagged};

tagged! {
    /// A tool the model may use: API object `Tool`.
    pub enum Tool {
        /// A function of the application: API object `FunctionTool`.
        "function" => Function(FunctionTool),
        /// A tool of the application that takes free text: API object `CustomTool`.
        "custom" => Custom(CustomTool),
        /// Tools under a common name: API object `NamespaceTool`.
        "namespace" => Namespace(NamespaceTool),
        /// Finding tools that are not loaded: API object `ToolSearchTool`.
        "tool_search" => ToolSearch(ToolSearchTool),
        /// Searching files: API object `FileSearchTool`.
        "file_search" => FileSearch(FileSearchTool),
        /// Searching the web: API object `WebSearchTool`.
        "web_search" | "web_search_2025_08_26" => WebSearch(WebSearchTool),
        /// Searching the web, older: API object `WebSearchPreviewTool`.
        "web_search_preview" | "web_search_preview_2025_03_11" => WebSearchPreview(WebSearchPreviewTool),
        /// Working a computer: API object `ComputerTool`.
        "computer" | "computer_use" => Computer(ComputerTool),
        /// Working a computer, older: API object `ComputerUsePreviewTool`.
        "computer_use_preview" => ComputerUsePreview(ComputerUsePreviewTool),
        /// The tools of a remote server: API object `Mcp`.
        "mcp" => Mcp(Box<McpServerTool>),
        /// Running code in a container: API object `CodeInterpreter`.
        "code_interpreter" => CodeInterpreter(CodeInterpreterTool),
        /// Writing programs that call tools: API object `ProgrammaticToolCalling`.
        "programmatic_tool_calling" => ProgrammaticToolCalling(ProgrammaticToolCallingTool),
        /// Making images: API object `ImageGeneration`.
        "image_generation" => ImageGeneration(Box<ImageGenerationTool>),
        /// Running single commands here: API object `LocalShell`.
        "local_shell" => LocalShell(LocalShellTool),
        /// Running commands in a shell: API object `FunctionShellTool`.
        "shell" => Shell(ShellTool),
        /// Changing files: API object `ApplyPatchTool`.
        "apply_patch" => ApplyPatch(ApplyPatchTool),
    }
}

from_variants!(Tool {
    Function(FunctionTool),
    Custom(CustomTool),
    Namespace(NamespaceTool),
    ToolSearch(ToolSearchTool),
    FileSearch(FileSearchTool),
    WebSearch(WebSearchTool),
    WebSearchPreview(WebSearchPreviewTool),
    Computer(ComputerTool),
    ComputerUsePreview(ComputerUsePreviewTool),
    Mcp(Box<McpServerTool>),
    CodeInterpreter(CodeInterpreterTool),
    ProgrammaticToolCalling(ProgrammaticToolCallingTool),
    ImageGeneration(Box<ImageGenerationTool>),
    LocalShell(LocalShellTool),
    Shell(ShellTool),
    ApplyPatch(ApplyPatchTool),
});

object! {
    /// A function of the application.
    ///
    /// The API requires `parameters` and `strict` to be there, even if null.
    ///
    /// ```
    /// use codex_types::{FunctionTool, RawJson};
    ///
    /// let schema = RawJson::parse(r#"{"type":"object","properties":{},"additionalProperties":false}"#)?;
    /// let tool = FunctionTool::new("now", schema, true).description("What time it is");
    /// assert!(RawJson::encode(&tool)?.as_str().starts_with(r#"{"type":"function","name":"now""#));
    /// # Ok::<(), codex_types::DecodeError>(())
    /// ```
    pub struct FunctionTool tag "function" {
        required {
            /// What the model calls it.
            name: String,
            /// The JSON schema of its arguments.
            parameters: RawJson,
            /// Whether the arguments are made to fit the schema.
            strict = bool,
        }
        optional {
            /// What it does, for the model.
            description: String,
            /// The JSON schema of what it gives back.
            output_schema: RawJson,
            /// Whether the model goes on without waiting for its output.
            is_async as "async" = bool,
            /// Whether it is left out until a tool search finds it.
            defer_loading = bool,
            /// What may call it.
            allowed_callers: Vec<ToolCaller>,
        }
    }
}

#[cfg(feature = "schemars")]
impl FunctionTool {
    /// Creates a function whose arguments are a Rust type.
    ///
    /// The function has the name of the type and its doc comment as description; doc comments of fields describe the arguments. The schema is
    /// closed as strict use demands: objects take no other keys, all keys are required, and those that the type does not need may be null. A
    /// type that such a schema cannot express, because it holds a map, a tuple or arbitrary JSON, keeps its own schema, and `strict` is false.
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
    /// Fails when the schema nests deeper than 128 levels. The service accepts only objects as arguments; the linter reports other types.
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
            /// What the model calls it.
            name: String,
        }
        optional {
            /// What it does, for the model.
            description: String,
            /// What the text looks like.
            format: Box<CustomToolFormat>,
            /// Whether the model goes on without waiting for its output.
            is_async as "async" = bool,
            /// Whether it is left out until a tool search finds it.
            defer_loading = bool,
            /// What may call it.
            allowed_callers: Vec<ToolCaller>,
        }
    }
}

tagged! {
    /// What the text for a custom tool looks like.
    pub enum CustomToolFormat {
        /// Anything.
        "text" => Text(TextToolFormat),
        /// What a grammar allows.
        "grammar" => Grammar(GrammarFormat),
    }
}

from_variants!(CustomToolFormat {
    Text(TextToolFormat),
    Grammar(GrammarFormat),
});

object! {
    /// Any text.
    pub struct TextToolFormat tag "text" {
        required {}
    }
}

object! {
    /// Text that a grammar allows.
    pub struct GrammarFormat tag "grammar" {
        required {
            /// How the grammar is written.
            syntax: GrammarSyntax,
            /// The grammar.
            definition: String,
        }
    }
}

open_enum! {
    /// How a grammar is written.
    pub enum GrammarSyntax {
        /// As Lark rules.
        Lark = "lark",
        /// As a regular expression.
        Regex = "regex",
    }
}

object! {
    /// Tools under a common name.
    pub struct NamespaceTool tag "namespace" {
        required {
            /// The common name.
            name: String,
            /// What the tools are for, for the model.
            description: String,
            /// The tools: functions and custom tools.
            tools: Vec<Tool>,
        }
    }
}

object! {
    /// Finding tools that are not loaded.
    pub struct ToolSearchTool tag "tool_search" {
        required {}
        optional {
            /// Who searches.
            execution: ToolSearchExecution,
            /// What can be found, for the model.
            description: String,
            /// The JSON schema of a search, where the client searches.
            parameters: RawJson,
        }
    }
}

open_enum! {
    /// What may call a tool.
    pub enum ToolCaller {
        /// The model itself.
        Direct = "direct",
        /// A program the model wrote.
        Programmatic = "programmatic",
    }
}
