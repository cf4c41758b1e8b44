//! The items of a conversation, in the three unions in which they occur.

mod call;
mod code;
mod hosted;
mod message;
mod other;
mod pairing;
mod runnable;
mod shell;
mod union;

pub use call::{
    Caller, CustomToolCall, CustomToolCallOutput, DirectCaller, FunctionCall, FunctionCallOutput,
    ProgramCaller, ToolOutput, ToolSearchCall, ToolSearchOutput,
};
pub use code::{
    CodeInterpreterCall, CodeInterpreterImage, CodeInterpreterLogs, CodeInterpreterOutput, Program,
    ProgramOutput,
};
pub use hosted::{
    ClickAction, ComputerAction, ComputerCall, ComputerCallOutput, ComputerOutput,
    DoubleClickAction, DragAction, DragPoint, FileSearchCall, FileSearchResult, FindInPageAction,
    ImageGenerationAction, ImageGenerationCall, ImageGenerationError, ImageModerationDetails,
    ImageSvgUsage, KeypressAction, MouseButton, MoveAction, OpenPageAction, PendingSafetyCheck,
    ScreenshotAction, ScrollAction, SearchAction, SearchSource, TypeAction, WaitAction,
    WebSearchAction, WebSearchCall,
};
pub use message::{ItemStatus, Message, MessageContent, OutputMessage, Phase, Role};
pub use other::{
    AdditionalTools, Agent, AgentMessage, CompactionItem, CompactionTrigger, ConfigurationText,
    ConfigurationUpdate, ContextCompaction, ItemReference, McpApprovalRequest, McpApprovalResponse,
    McpCall, McpCallError, McpError, McpHttpError, McpListTools, McpProtocolError, McpTool,
    McpToolExecutionError, MultiAgentAction, MultiAgentCall, MultiAgentCallOutput, ReasoningItem,
};
pub(crate) use pairing::{Facts, Link, is_output};
pub use pairing::{OpenCall, OpenCalls};
pub(crate) use runnable::searches_tools;
pub use runnable::{CallFault, ClientCall, ClientCallKind};
pub use shell::{
    ApplyPatchCall, ApplyPatchCallOutput, ApplyPatchOperation, CreateFile, DeleteFile,
    LocalShellAction, LocalShellCall, LocalShellCallOutput, ShellAction, ShellCall,
    ShellCallOutput, ShellExit, ShellOutcome, ShellOutput, ShellTimeout, UpdateFile,
};
pub use union::{InputItem, OutputItem, StoredItem};
