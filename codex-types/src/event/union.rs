//! The union of all events, and the names of their kinds.

use crate::boxed::Boxed;
use crate::error::ErrorEvent;
use crate::event::common::EventPayload;
use crate::event::{
    AnnotationEvent, AudioDone, CodeInterpreterCallCodeDone, ContentPartEvent,
    CustomToolCallInputDone, Delta, FunctionCallArgumentsDone, ItemProgress, LifecycleEvent,
    McpCallArgumentsDone, MetadataEvent, NoticeEvent, OutputItemEvent, OutputTextDone,
    PartialImageEvent, RateLimitsEvent, ReasoningSummaryTextDone, ReasoningTextDone, RefusalDone,
    ShellCommandDelta, ShellCommandEvent, ShellOutputDelta, ShellOutputDone, SteerEvent,
    SteerFailedEvent, SummaryPartEvent,
};
use crate::wire::tagged::tagged;

tagged! {
    /// An event of a response: API objects `ResponseStreamEvent` and `ResponsesServerEvent`, and
    /// the additions of the ChatGPT backend.
    ///
    /// An event of an unknown kind is [`Unknown`](Self::Unknown), never an error. Events under
    /// their older names are the same variants, and are written back under the name that they had.
    pub enum ResponseEvent {
        shared {
            /// The kind of an event: the `type` of [`ResponseEvent`] under its current name.
            pub enum EventKind;
            dyn EventPayload
        }
        /// The response was created: API object `ResponseCreatedEvent`.
        "response.created" => Created(Boxed<LifecycleEvent>),
        /// The response is queued: API object `ResponseQueuedEvent`.
        "response.queued" => Queued(Boxed<LifecycleEvent>),
        /// The response is in progress: API object `ResponseInProgressEvent`.
        "response.in_progress" => InProgress(Boxed<LifecycleEvent>),
        /// The response completed; ends the stream: API object `ResponseCompletedEvent`.
        "response.completed" => Completed(Boxed<LifecycleEvent>),
        /// The response failed; ends the stream: API object `ResponseFailedEvent`.
        "response.failed" => Failed(Boxed<LifecycleEvent>),
        /// The response ended early; ends the stream: API object `ResponseIncompleteEvent`.
        "response.incomplete" => Incomplete(Boxed<LifecycleEvent>),
        /// The response was cancelled; ends the stream: sent by other servers.
        "response.cancelled" | "response.canceled" => Cancelled(Boxed<LifecycleEvent>),
        /// The response ended, with the outcome in its status; ends the stream: sent by other
        /// servers.
        "response.done" => Done(Boxed<LifecycleEvent>),
        /// An output item was added: API object `ResponseOutputItemAddedEvent`.
        "response.output_item.added" => OutputItemAdded(Boxed<OutputItemEvent>),
        /// An output item is done: API object `ResponseOutputItemDoneEvent`.
        "response.output_item.done" => OutputItemDone(Boxed<OutputItemEvent>),
        /// A content part was added: API object `ResponseContentPartAddedEvent`.
        "response.content_part.added" => ContentPartAdded(Boxed<ContentPartEvent>),
        /// A content part is done: API object `ResponseContentPartDoneEvent`.
        "response.content_part.done" => ContentPartDone(Boxed<ContentPartEvent>),
        /// New text: API object `ResponseTextDeltaEvent`.
        "response.output_text.delta" => OutputTextDelta(Delta),
        /// A text is done: API object `ResponseTextDoneEvent`.
        "response.output_text.done" => OutputTextDone(Boxed<OutputTextDone>),
        /// An annotation was added: API object `ResponseOutputTextAnnotationAddedEvent`.
        "response.output_text.annotation.added"
            | "response.output_text_annotation.added" => OutputTextAnnotationAdded(Boxed<AnnotationEvent>),
        /// New text of a refusal: API object `ResponseRefusalDeltaEvent`.
        "response.refusal.delta" => RefusalDelta(Delta),
        /// A refusal is done: API object `ResponseRefusalDoneEvent`.
        "response.refusal.done" => RefusalDone(Boxed<RefusalDone>),
        /// New text of function arguments: API object `ResponseFunctionCallArgumentsDeltaEvent`.
        "response.function_call_arguments.delta" => FunctionCallArgumentsDelta(Delta),
        /// Function arguments are done: API object `ResponseFunctionCallArgumentsDoneEvent`.
        "response.function_call_arguments.done" => FunctionCallArgumentsDone(Boxed<FunctionCallArgumentsDone>),
        /// New text of the input of a custom tool: API object
        /// `ResponseCustomToolCallInputDeltaEvent`.
        "response.custom_tool_call_input.delta" => CustomToolCallInputDelta(Delta),
        /// The input of a custom tool is done: API object `ResponseCustomToolCallInputDoneEvent`.
        "response.custom_tool_call_input.done" => CustomToolCallInputDone(Boxed<CustomToolCallInputDone>),
        /// A part of a reasoning summary was added: API object
        /// `ResponseReasoningSummaryPartAddedEvent`.
        "response.reasoning_summary_part.added" => ReasoningSummaryPartAdded(Boxed<SummaryPartEvent>),
        /// A part of a reasoning summary is done: API object
        /// `ResponseReasoningSummaryPartDoneEvent`.
        "response.reasoning_summary_part.done" => ReasoningSummaryPartDone(Boxed<SummaryPartEvent>),
        /// New text of a reasoning summary: API object `ResponseReasoningSummaryTextDeltaEvent`.
        "response.reasoning_summary_text.delta"
            | "response.reasoning_summary.delta" => ReasoningSummaryTextDelta(Delta),
        /// The text of a reasoning summary part is done: API object
        /// `ResponseReasoningSummaryTextDoneEvent`.
        "response.reasoning_summary_text.done"
            | "response.reasoning_summary.done" => ReasoningSummaryTextDone(Boxed<ReasoningSummaryTextDone>),
        /// New reasoning text: API object `ResponseReasoningTextDeltaEvent`.
        "response.reasoning_text.delta" | "response.reasoning.delta" => ReasoningTextDelta(Delta),
        /// A reasoning text is done: API object `ResponseReasoningTextDoneEvent`.
        "response.reasoning_text.done"
            | "response.reasoning.done" => ReasoningTextDone(Boxed<ReasoningTextDone>),
        /// A file search started: API object `ResponseFileSearchCallInProgressEvent`.
        "response.file_search_call.in_progress" => FileSearchCallInProgress(Boxed<ItemProgress>),
        /// A file search is searching: API object `ResponseFileSearchCallSearchingEvent`.
        "response.file_search_call.searching" => FileSearchCallSearching(Boxed<ItemProgress>),
        /// A file search completed: API object `ResponseFileSearchCallCompletedEvent`.
        "response.file_search_call.completed" => FileSearchCallCompleted(Boxed<ItemProgress>),
        /// A web search started: API object `ResponseWebSearchCallInProgressEvent`.
        "response.web_search_call.in_progress" => WebSearchCallInProgress(Boxed<ItemProgress>),
        /// A web search is searching: API object `ResponseWebSearchCallSearchingEvent`.
        "response.web_search_call.searching" => WebSearchCallSearching(Boxed<ItemProgress>),
        /// A web search completed: API object `ResponseWebSearchCallCompletedEvent`.
        "response.web_search_call.completed" => WebSearchCallCompleted(Boxed<ItemProgress>),
        /// A code interpreter call started: API object
        /// `ResponseCodeInterpreterCallInProgressEvent`.
        "response.code_interpreter_call.in_progress" => CodeInterpreterCallInProgress(Boxed<ItemProgress>),
        /// A code interpreter call is running: API object
        /// `ResponseCodeInterpreterCallInterpretingEvent`.
        "response.code_interpreter_call.interpreting" => CodeInterpreterCallInterpreting(Boxed<ItemProgress>),
        /// A code interpreter call completed: API object
        /// `ResponseCodeInterpreterCallCompletedEvent`.
        "response.code_interpreter_call.completed" => CodeInterpreterCallCompleted(Boxed<ItemProgress>),
        /// An image generation started: API object `ResponseImageGenCallInProgressEvent`.
        "response.image_generation_call.in_progress" => ImageGenerationCallInProgress(Boxed<ItemProgress>),
        /// An image is being generated: API object `ResponseImageGenCallGeneratingEvent`.
        "response.image_generation_call.generating" => ImageGenerationCallGenerating(Boxed<ItemProgress>),
        /// An image generation completed: API object `ResponseImageGenCallCompletedEvent`.
        "response.image_generation_call.completed" => ImageGenerationCallCompleted(Boxed<ItemProgress>),
        /// An MCP tool call started: API object `ResponseMcpCallInProgressEvent`.
        "response.mcp_call.in_progress" => McpCallInProgress(Boxed<ItemProgress>),
        /// An MCP tool call completed: API object `ResponseMcpCallCompletedEvent`.
        "response.mcp_call.completed" => McpCallCompleted(Boxed<ItemProgress>),
        /// An MCP tool call failed: API object `ResponseMcpCallFailedEvent`.
        "response.mcp_call.failed" => McpCallFailed(Boxed<ItemProgress>),
        /// Listing MCP tools started: API object `ResponseMcpListToolsInProgressEvent`.
        "response.mcp_list_tools.in_progress" => McpListToolsInProgress(Boxed<ItemProgress>),
        /// Listing MCP tools completed: API object `ResponseMcpListToolsCompletedEvent`.
        "response.mcp_list_tools.completed" => McpListToolsCompleted(Boxed<ItemProgress>),
        /// Listing MCP tools failed: API object `ResponseMcpListToolsFailedEvent`.
        "response.mcp_list_tools.failed" => McpListToolsFailed(Boxed<ItemProgress>),
        /// New text of a code interpreter call: API object
        /// `ResponseCodeInterpreterCallCodeDeltaEvent`.
        "response.code_interpreter_call_code.delta"
            | "response.code_interpreter_call.code.delta" => CodeInterpreterCallCodeDelta(Delta),
        /// The code of a code interpreter call is done: API object
        /// `ResponseCodeInterpreterCallCodeDoneEvent`.
        "response.code_interpreter_call_code.done"
            | "response.code_interpreter_call.code.done" => CodeInterpreterCallCodeDone(Boxed<CodeInterpreterCallCodeDone>),
        /// A preview of an image: API object `ResponseImageGenCallPartialImageEvent`.
        "response.image_generation_call.partial_image" => ImageGenerationCallPartialImage(Boxed<PartialImageEvent>),
        /// New text of MCP tool arguments: API object `ResponseMcpCallArgumentsDeltaEvent`.
        "response.mcp_call_arguments.delta"
            | "response.mcp_call.arguments_delta" => McpCallArgumentsDelta(Delta),
        /// MCP tool arguments are done: API object `ResponseMcpCallArgumentsDoneEvent`.
        "response.mcp_call_arguments.done"
            | "response.mcp_call.arguments_done" => McpCallArgumentsDone(Boxed<McpCallArgumentsDone>),
        /// A shell command was added: API object `ResponseShellCallCommandAddedEvent`.
        "response.shell_call_command.added" => ShellCallCommandAdded(Boxed<ShellCommandEvent>),
        /// New text of a shell command: API object `ResponseShellCallCommandDeltaEvent`.
        "response.shell_call_command.delta" => ShellCallCommandDelta(Boxed<ShellCommandDelta>),
        /// A shell command is done: API object `ResponseShellCallCommandDoneEvent`.
        "response.shell_call_command.done" => ShellCallCommandDone(Boxed<ShellCommandEvent>),
        /// New output of a shell command: API object `ResponseShellCallOutputContentDeltaEvent`.
        "response.shell_call_output_content.delta" => ShellCallOutputContentDelta(Boxed<ShellOutputDelta>),
        /// The output of a shell command is done: API object
        /// `ResponseShellCallOutputContentDoneEvent`.
        "response.shell_call_output_content.done" => ShellCallOutputContentDone(Boxed<ShellOutputDone>),
        /// The conversation is being compacted: API object `ResponseCompactionCompactingEvent`.
        "response.compaction.compacting" => CompactionCompacting(Boxed<ItemProgress>),
        /// New audio: API object `ResponseAudioDeltaEvent`.
        "response.audio.delta" => AudioDelta(Delta),
        /// The audio is done: API object `ResponseAudioDoneEvent`.
        "response.audio.done" => AudioDone(Boxed<AudioDone>),
        /// New text of an audio transcript: API object `ResponseAudioTranscriptDeltaEvent`.
        "response.audio.transcript.delta" => AudioTranscriptDelta(Delta),
        /// The audio transcript is done: API object `ResponseAudioTranscriptDoneEvent`.
        "response.audio.transcript.done" => AudioTranscriptDone(Boxed<AudioDone>),
        /// An error; ends the stream: API objects `ResponseErrorEvent` and `ResponseWsError`.
        "error" | "response.error" => Error(Boxed<ErrorEvent>),
        /// WebSocket: the steering input was accepted: API object `ResponseSteerAcceptedEvent`.
        "response.steer.accepted" => SteerAccepted(Boxed<SteerEvent>),
        /// WebSocket: the steering input waits for other input: API object
        /// `ResponseSteerPendingEvent`.
        "response.steer.pending" => SteerPending(Boxed<SteerEvent>),
        /// WebSocket: the steering failed: API object `ResponseSteerFailedEvent`.
        "response.steer.failed" => SteerFailed(Boxed<SteerFailedEvent>),
        /// ChatGPT backend: metadata next to the response.
        "response.metadata" => Metadata(Boxed<MetadataEvent>),
        /// ChatGPT backend: response headers, sent in-band.
        "codex.response.metadata" => CodexMetadata(Boxed<MetadataEvent>),
        /// ChatGPT backend: the usage of the account's limits.
        "codex.rate_limits" => RateLimits(Boxed<RateLimitsEvent>),
        /// A keep-alive.
        "keepalive" => Keepalive(Boxed<NoticeEvent>),
        /// ChatGPT backend: WebSocket timing measurements.
        "responsesapi.websocket_timing" => WebsocketTiming(Boxed<NoticeEvent>),
    }
}
