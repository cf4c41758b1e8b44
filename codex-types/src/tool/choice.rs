//! Tool choices.

use alloc::string::String;
use alloc::vec::Vec;

use crate::RawJson;
use crate::wire::either::either;
use crate::wire::object::object;
use crate::wire::open::open_enum;
use crate::wire::tagged::tagged;

either! {
    /// The tools that the model must call.
    ///
    /// ```
    /// use codex_types::{RawJson, ToolChoice, ToolChoiceMode};
    ///
    /// assert_eq!(ToolChoice::from("auto"), ToolChoice::Mode(ToolChoiceMode::Auto));
    /// assert_eq!(
    ///     RawJson::encode(&ToolChoice::function("now"))?.as_str(),
    ///     r#"{"type":"function","name":"now"}"#,
    /// );
    /// # Ok::<(), codex_types::DecodeError>(())
    /// ```
    pub enum ToolChoice {
        /// No tool, a tool of the model's choice, or at least one.
        text Mode(ToolChoiceMode),
        /// A specific tool, or tools of a selection.
        other Target(ToolChoiceTarget),
    }
}

impl ToolChoice {
    /// Requires a call of this function.
    pub fn function(name: impl Into<String>) -> Self {
        Self::Target(FunctionChoice::new(name).into())
    }

    /// Requires a call of this custom tool.
    pub fn custom(name: impl Into<String>) -> Self {
        Self::Target(CustomChoice::new(name).into())
    }
}

impl From<ToolChoiceMode> for ToolChoice {
    fn from(mode: ToolChoiceMode) -> Self {
        Self::Mode(mode)
    }
}

open_enum! {
    /// The rule for whether the model calls tools.
    pub enum ToolChoiceMode {
        /// The model calls no tool.
        None = "none",
        /// The model decides.
        Auto = "auto",
        /// The model must call at least one tool.
        Required = "required",
    }
}

tagged! {
    /// A specific tool choice.
    pub enum ToolChoiceTarget {
        /// Tools of a selection: API object `ToolChoiceAllowed`.
        "allowed_tools" => AllowedTools(AllowedTools),
        /// A hosted tool: API object `ToolChoiceTypes`.
        "file_search" | "web_search_preview" | "web_search_preview_2025_03_11" | "web_search"
            | "computer" | "computer_use" | "computer_use_preview" | "image_generation"
            | "code_interpreter" => Hosted(HostedChoice),
        /// A function: API object `ToolChoiceFunction`.
        "function" => Function(FunctionChoice),
        /// A tool of an MCP server: API object `ToolChoiceMcp`.
        "mcp" => Mcp(McpChoice),
        /// A custom tool: API object `ToolChoiceCustom`.
        "custom" => Custom(CustomChoice),
        /// Programs that call tools.
        "programmatic_tool_calling" => Programmatic(ProgrammaticChoice),
        /// An apply-patch call: API object `ToolChoiceApplyPatch`.
        "apply_patch" => ApplyPatch(ApplyPatchChoice),
        /// A shell call: API object `ToolChoiceShell`.
        "shell" => Shell(ShellChoice),
    }
}

object! {
    /// A selection of tools that the model may call.
    pub struct AllowedTools tag "allowed_tools" {
        required {
            /// Whether the model must call one of them.
            mode: AllowedToolsMode,
            /// The selection: the beginning of a tool definition each, such as `type` and `name`.
            tools: Vec<RawJson>,
        }
    }
}

open_enum! {
    /// The rule for whether the model must call one tool of a selection.
    pub enum AllowedToolsMode {
        /// The model decides.
        Auto = "auto",
        /// The model must call one of the tools.
        Required = "required",
    }
}

object! {
    /// A hosted tool that the model must call.
    pub struct HostedChoice {
        required {
            /// The tool.
            kind as "type": HostedToolKind,
        }
    }
}

open_enum! {
    /// A hosted tool.
    pub enum HostedToolKind {
        /// File search.
        FileSearch = "file_search",
        /// Web search.
        WebSearch = "web_search",
        /// Web search. Deprecated in favor of `web_search`.
        WebSearchPreview = "web_search_preview",
        /// Web search, of a specific date.
        WebSearchPreview20250311 = "web_search_preview_2025_03_11",
        /// Computer use.
        Computer = "computer",
        /// Computer use. Deprecated in favor of `computer`.
        ComputerUse = "computer_use",
        /// Computer use. Deprecated in favor of `computer`.
        ComputerUsePreview = "computer_use_preview",
        /// Image generation.
        ImageGeneration = "image_generation",
        /// The code interpreter.
        CodeInterpreter = "code_interpreter",
    }
}

object! {
    /// A function that the model must call.
    pub struct FunctionChoice tag "function" {
        required {
            /// The name of the function.
            name: String,
        }
    }
}

object! {
    /// An MCP server whose tools the model must call.
    pub struct McpChoice tag "mcp" {
        required {
            /// The label of the server.
            server_label: String,
        }
        optional {
            /// The name of the tool.
            name: String,
        }
    }
}

object! {
    /// A custom tool that the model must call.
    pub struct CustomChoice tag "custom" {
        required {
            /// The name of the tool.
            name: String,
        }
    }
}

object! {
    /// A choice that makes the model write a program that calls tools.
    pub struct ProgrammaticChoice tag "programmatic_tool_calling" {
        required {}
    }
}

object! {
    /// A choice that makes the model change a file.
    pub struct ApplyPatchChoice tag "apply_patch" {
        required {}
    }
}

object! {
    /// A choice that makes the model run commands.
    pub struct ShellChoice tag "shell" {
        required {}
    }
}
