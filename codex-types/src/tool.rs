//! The tools of a request and the choice among them.

mod choice;
mod environment;
mod filter;
mod hosted;
mod mcp;
mod own;
mod union;

pub use choice::{
    AllowedTools, AllowedToolsMode, ApplyPatchChoice, CustomChoice, FunctionChoice, HostedChoice,
    HostedToolKind, McpChoice, ProgrammaticChoice, ShellChoice, ToolChoice, ToolChoiceMode,
    ToolChoiceTarget,
};
pub use environment::{
    AllowlistNetworkPolicy, AutoContainer, CodeInterpreterContainer, CodeInterpreterContainerAuto,
    CodeInterpreterContainerObject, ContainerReference, DisabledNetworkPolicy, DomainSecret,
    InlineSkill, InlineSkillSource, LocalEnvironment, LocalSkill, NetworkPolicy, ShellEnvironment,
    Skill, SkillReference,
};
pub use filter::{ComparisonFilter, ComparisonOperator, CompoundFilter, CompoundOperator, Filter};
pub use hosted::{
    ApplyPatchTool, CodeInterpreterTool, ComputerTool, ComputerUsePreviewTool, FileSearchTool,
    HybridSearch, ImageGenerationSvg, ImageGenerationTool, ImageInputMask, LocalShellTool,
    ProgrammaticToolCallingTool, RankingOptions, SearchContextSize, ShellTool, UserLocation,
    WebSearchFilters, WebSearchPreviewTool, WebSearchTool,
};
pub use mcp::{
    AllowedMcpTools, ApprovalFilter, ApprovalPolicy, McpServerTool, McpToolFilter, RequireApproval,
};
pub use own::{
    CustomTool, CustomToolFormat, FunctionTool, GrammarFormat, GrammarSyntax, TextToolFormat,
    ToolCaller, ToolSearchExecution, ToolSearchTool,
};
pub use union::{NamespaceTool, Tool};
