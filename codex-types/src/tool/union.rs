//! The union of tools, and the namespaces that contain tools.

use alloc::string::String;
use alloc::vec::Vec;

use crate::boxed::Boxed;
use crate::tool::{
    ApplyPatchTool, CodeInterpreterTool, ComputerTool, ComputerUsePreviewTool, CustomTool,
    FileSearchTool, FunctionTool, ImageGenerationTool, LocalShellTool, McpServerTool,
    ProgrammaticToolCallingTool, ShellTool, ToolSearchTool, WebSearchPreviewTool, WebSearchTool,
};
use crate::wire::object::object;
use crate::wire::tagged::tagged;

tagged! {
    /// A tool that the model may call: API object `Tool`.
    pub enum Tool {
        /// A function of the application: API object `FunctionTool`.
        "function" => Function(Boxed<FunctionTool>),
        /// A tool of the application that takes free text: API object `CustomTool`.
        "custom" => Custom(Boxed<CustomTool>),
        /// A namespace of tools: API object `NamespaceTool`.
        "namespace" => Namespace(Boxed<NamespaceTool>),
        /// A search for deferred tools: API object `ToolSearchTool`.
        "tool_search" => ToolSearch(Boxed<ToolSearchTool>),
        /// File search: API object `FileSearchTool`.
        "file_search" => FileSearch(Boxed<FileSearchTool>),
        /// Web search: API object `WebSearchTool`.
        "web_search" | "web_search_2025_08_26" => WebSearch(Boxed<WebSearchTool>),
        /// Web search, deprecated in favor of `web_search`: API object `WebSearchPreviewTool`.
        "web_search_preview" | "web_search_preview_2025_03_11" => WebSearchPreview(Boxed<WebSearchPreviewTool>),
        /// Computer use: API object `ComputerTool`.
        "computer" | "computer_use" => Computer(Boxed<ComputerTool>),
        /// Computer use, deprecated in favor of `computer`: API object `ComputerUsePreviewTool`.
        "computer_use_preview" => ComputerUsePreview(Boxed<ComputerUsePreviewTool>),
        /// The tools of an MCP server: API object `Mcp`.
        "mcp" => Mcp(Boxed<McpServerTool>),
        /// The code interpreter: API object `CodeInterpreter`.
        "code_interpreter" => CodeInterpreter(Boxed<CodeInterpreterTool>),
        /// Programs of the model that call tools: API object `ProgrammaticToolCalling`.
        "programmatic_tool_calling" => ProgrammaticToolCalling(Boxed<ProgrammaticToolCallingTool>),
        /// Image generation: API object `ImageGeneration`.
        "image_generation" => ImageGeneration(Boxed<ImageGenerationTool>),
        /// Single commands that the client runs: API object `LocalShell`.
        "local_shell" => LocalShell(Boxed<LocalShellTool>),
        /// Shell commands: API object `FunctionShellTool`.
        "shell" => Shell(Boxed<ShellTool>),
        /// File changes: API object `ApplyPatchTool`.
        "apply_patch" => ApplyPatch(Boxed<ApplyPatchTool>),
    }
}

object! {
    /// A namespace of tools.
    pub struct NamespaceTool tag "namespace" {
        required {
            /// The name of the namespace.
            name: String,
            /// The purpose of the tools, for the model.
            description: String,
            /// The tools: functions and custom tools.
            tools: Vec<Tool>,
        }
    }
}
