//! How the model is told which tool to use.

use alloc::string::String;
use alloc::vec::Vec;

use crate::RawJson;
use crate::wire::either::either;
use crate::wire::object::object;
use crate::wire::open::open_enum;
use crate::wire::tagged::{from_variants, tagged};

either! {
    /// Which tools the model has to use.
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
        /// None, some or any.
        text Mode(ToolChoiceMode),
        /// A certain one, or some of a selection.
        other Target(ToolChoiceTarget),
    }
}

impl ToolChoice {
    /// This function.
    pub fn function(name: impl Into<String>) -> Self {
        Self::Target(FunctionChoice::new(name).into())
    }

    /// This custom tool.
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
    /// Whether the model uses tools at all.
    pub enum ToolChoiceMode {
        /// It does not.
        None = "none",
        /// As it thinks fit.
        Auto = "auto",
        /// It has to use at least one.
        Required = "required",
    }
}

tagged! {
    /// What the model has to use.
    pub enum ToolChoiceTarget {
        /// Tools out of a selection: API object `ToolChoiceAllowed`.
        "allowed_tools" => AllowedTools(AllowedTools),
        /// A tool that the service knows by itself: API object `ToolChoiceTypes`.
        "file_search" | "web_search_preview" | "web_search_preview_2025_03_11" | "web_search"
            | "computer" | "computer_use" | "computer_use_preview" | "image_generation"
            | "code_interpreter" => Hosted(HostedChoice),
        /// A function: API object `ToolChoiceFunction`.
        "function" => Function(FunctionChoice),
        /// A tool of a remote server: API object `ToolChoiceMcp`.
        "mcp" => Mcp(McpChoice),
        /// A custom tool: API object `ToolChoiceCustom`.
        "custom" => Custom(CustomChoice),
        /// Programs that call tools.
        "programmatic_tool_calling" => Programmatic(ProgrammaticChoice),
        /// Changing files: API object `ToolChoiceApplyPatch`.
        "apply_patch" => ApplyPatch(ApplyPatchChoice),
        /// Running commands: API object `ToolChoiceShell`.
        "shell" => Shell(ShellChoice),
    }
}

from_variants!(ToolChoiceTarget {
    AllowedTools(AllowedTools),
    Hosted(HostedChoice),
    Function(FunctionChoice),
    Mcp(McpChoice),
    Custom(CustomChoice),
    Programmatic(ProgrammaticChoice),
    ApplyPatch(ApplyPatchChoice),
    Shell(ShellChoice),
});

object! {
    /// The model uses tools out of a selection.
    pub struct AllowedTools tag "allowed_tools" {
        required {
            /// Whether it has to use one.
            mode: AllowedToolsMode,
            /// The selection: the start of a tool definition each, such as `type` and `name`.
            tools: Vec<RawJson>,
        }
    }
}

open_enum! {
    /// Whether the model has to use one of a selection of tools.
    pub enum AllowedToolsMode {
        /// As it thinks fit.
        Auto = "auto",
        /// It has to.
        Required = "required",
    }
}

object! {
    /// The model uses a tool that the service knows by itself.
    pub struct HostedChoice {
        required {
            /// Which.
            kind as "type": HostedToolKind,
        }
    }
}

open_enum! {
    /// A tool that the service knows by itself.
    pub enum HostedToolKind {
        /// Searching files.
        FileSearch = "file_search",
        /// Searching the web.
        WebSearch = "web_search",
        /// Searching the web, older.
        WebSearchPreview = "web_search_preview",
        /// Searching the web, of a certain date.
        WebSearchPreview20250311 = "web_search_preview_2025_03_11",
        /// Working a computer.
        Computer = "computer",
        /// Working a computer, by its older name.
        ComputerUse = "computer_use",
        /// Working a computer, older.
        ComputerUsePreview = "computer_use_preview",
        /// Making images.
        ImageGeneration = "image_generation",
        /// Running code.
        CodeInterpreter = "code_interpreter",
    }
}

object! {
    /// The model calls this function.
    pub struct FunctionChoice tag "function" {
        required {
            /// The function.
            name: String,
        }
    }
}

object! {
    /// The model uses this remote server.
    pub struct McpChoice tag "mcp" {
        required {
            /// The server.
            server_label: String,
        }
        optional {
            /// The tool.
            name: String,
        }
    }
}

object! {
    /// The model uses this custom tool.
    pub struct CustomChoice tag "custom" {
        required {
            /// The tool.
            name: String,
        }
    }
}

object! {
    /// The model writes a program that calls tools.
    pub struct ProgrammaticChoice tag "programmatic_tool_calling" {
        required {}
    }
}

object! {
    /// The model changes a file.
    pub struct ApplyPatchChoice tag "apply_patch" {
        required {}
    }
}

object! {
    /// The model runs commands.
    pub struct ShellChoice tag "shell" {
        required {}
    }
}
