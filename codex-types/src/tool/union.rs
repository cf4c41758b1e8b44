//! The union of tools, and the namespaces that contain tools.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

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
        "function" => Function(FunctionTool),
        /// A tool of the application that takes free text: API object `CustomTool`.
        "custom" => Custom(CustomTool),
        /// A namespace of tools: API object `NamespaceTool`.
        "namespace" => Namespace(NamespaceTool),
        /// A search for deferred tools: API object `ToolSearchTool`.
        "tool_search" => ToolSearch(ToolSearchTool),
        /// File search: API object `FileSearchTool`.
        "file_search" => FileSearch(FileSearchTool),
        /// Web search: API object `WebSearchTool`.
        "web_search" | "web_search_2025_08_26" => WebSearch(WebSearchTool),
        /// Web search, deprecated in favor of `web_search`: API object `WebSearchPreviewTool`.
        "web_search_preview" | "web_search_preview_2025_03_11" => WebSearchPreview(WebSearchPreviewTool),
        /// Computer use: API object `ComputerTool`.
        "computer" | "computer_use" => Computer(ComputerTool),
        /// Computer use, deprecated in favor of `computer`: API object `ComputerUsePreviewTool`.
        "computer_use_preview" => ComputerUsePreview(ComputerUsePreviewTool),
        /// The tools of an MCP server: API object `Mcp`.
        "mcp" => Mcp(Box<McpServerTool>),
        /// The code interpreter: API object `CodeInterpreter`.
        "code_interpreter" => CodeInterpreter(CodeInterpreterTool),
        /// Programs of the model that call tools: API object `ProgrammaticToolCalling`.
        "programmatic_tool_calling" => ProgrammaticToolCalling(ProgrammaticToolCallingTool),
        /// Image generation: API object `ImageGeneration`.
        "image_generation" => ImageGeneration(Box<ImageGenerationTool>),
        /// Single commands that the client runs: API object `LocalShell`.
        "local_shell" => LocalShell(LocalShellTool),
        /// Shell commands: API object `FunctionShellTool`.
        "shell" => Shell(ShellTool),
        /// File changes: API object `ApplyPatchTool`.
        "apply_patch" => ApplyPatch(ApplyPatchTool),
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
