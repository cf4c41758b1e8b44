//! The union of all events, and the names of their kinds.

use alloc::boxed::Box;

use crate::error::ErrorEvent;
use crate::event::*;
use crate::wire::open::open_enum;
use crate::wire::tagged::tagged;

tagged! {
    /// An event of a response: API objects `ResponseStreamEvent` and `ResponsesServerEvent`, and what
    /// the ChatGPT backend adds to them.
    ///
    /// An event of a kind that this version does not know is [`Unknown`](Self::Unknown), never an
    /// error. Events by their older names are the same variants and are written back by the name
    /// they had.
    pub enum ResponseEvent {
        /// The response was begun: API object `ResponseCreatedEvent`.
        "response.created" => Created(Box<LifecycleEvent>),
        /// The response waits: API object `ResponseQueuedEvent`.
        "response.queued" => Queued(Box<LifecycleEvent>),
        /// The response is being made: API object `ResponseInProgressEvent`.
        "response.in_progress" => InProgress(Box<LifecycleEvent>),
        /// The response is done; ends the stream: API object `ResponseCompletedEvent`.
        "response.completed" => Completed(Box<LifecycleEvent>),
        /// The response went wrong; ends the stream: API object `ResponseFailedEvent`.
        "response.failed" => Failed(Box<LifecycleEvent>),
        /// The response ended early; ends the stream: API object `ResponseIncompleteEvent`.
        "response.incomplete" => Incomplete(Box<LifecycleEvent>),
        /// The response is over, how is told by its status; ends the stream: other servers.
        "response.done" => Done(Box<LifecycleEvent>),
        /// An item was begun: API object `ResponseOutputItemAddedEvent`.
        "response.output_item.added" => OutputItemAdded(Box<OutputItemEvent>),
        /// An item is done: API object `ResponseOutputItemDoneEvent`.
        "response.output_item.done" => OutputItemDone(Box<OutputItemEvent>),
        /// A part of an item was begun: API object `ResponseContentPartAddedEvent`.
        "response.content_part.added" => ContentPartAdded(Box<ContentPartEvent>),
        /// A part of an item is done: API object `ResponseContentPartDoneEvent`.
        "response.content_part.done" => ContentPartDone(Box<ContentPartEvent>),
        /// A piece of text: API object `ResponseTextDeltaEvent`.
        "response.output_text.delta" => OutputTextDelta(Delta),
        /// A text is done: API object `ResponseTextDoneEvent`.
        "response.output_text.done" => OutputTextDone(Box<OutputTextDone>),
        /// A source was added: API object `ResponseOutputTextAnnotationAddedEvent`.
        "response.output_text.annotation.added"
            | "response.output_text_annotation.added" => OutputTextAnnotationAdded(Box<AnnotationEvent>),
        /// A piece of a refusal: API object `ResponseRefusalDeltaEvent`.
        "response.refusal.delta" => RefusalDelta(Delta),
        /// A refusal is done: API object `ResponseRefusalDoneEvent`.
        "response.refusal.done" => RefusalDone(Box<RefusalDone>),
        /// A piece of the arguments of a function: API object `ResponseFunctionCallArgumentsDeltaEvent`.
        "response.function_call_arguments.delta" => FunctionCallArgumentsDelta(Delta),
        /// The arguments of a function are done: API object `ResponseFunctionCallArgumentsDoneEvent`.
        "response.function_call_arguments.done" => FunctionCallArgumentsDone(Box<FunctionCallArgumentsDone>),
        /// A piece of the input of a custom tool: API object `ResponseCustomToolCallInputDeltaEvent`.
        "response.custom_tool_call_input.delta" => CustomToolCallInputDelta(Delta),
        /// The input of a custom tool is done: API object `ResponseCustomToolCallInputDoneEvent`.
        "response.custom_tool_call_input.done" => CustomToolCallInputDone(Box<CustomToolCallInputDone>),
        /// A part of a summary was begun: API object `ResponseReasoningSummaryPartAddedEvent`.
        "response.reasoning_summary_part.added" => ReasoningSummaryPartAdded(Box<SummaryPartEvent>),
        /// A part of a summary is done: API object `ResponseReasoningSummaryPartDoneEvent`.
        "response.reasoning_summary_part.done" => ReasoningSummaryPartDone(Box<SummaryPartEvent>),
        /// A piece of a summary: API object `ResponseReasoningSummaryTextDeltaEvent`.
        "response.reasoning_summary_text.delta"
            | "response.reasoning_summary.delta" => ReasoningSummaryTextDelta(Delta),
        /// The text of a summary is done: API object `ResponseReasoningSummaryTextDoneEvent`.
        "response.reasoning_summary_text.done"
            | "response.reasoning_summary.done" => ReasoningSummaryTextDone(Box<ReasoningSummaryTextDone>),
        /// A piece of reasoning: API object `ResponseReasoningTextDeltaEvent`.
        "response.reasoning_text.delta" | "response.reasoning.delta" => ReasoningTextDelta(Delta),
        /// A part of reasoning is done: API object `ResponseReasoningTextDoneEvent`.
        "response.reasoning_text.done"
            | "response.reasoning.done" => ReasoningTextDone(Box<ReasoningTextDone>),
        /// A search of files was begun: API object `ResponseFileSearchCallInProgressEvent`.
        "response.file_search_call.in_progress" => FileSearchCallInProgress(Box<ItemProgress>),
        /// A search of files is searching: API object `ResponseFileSearchCallSearchingEvent`.
        "response.file_search_call.searching" => FileSearchCallSearching(Box<ItemProgress>),
        /// A search of files is done: API object `ResponseFileSearchCallCompletedEvent`.
        "response.file_search_call.completed" => FileSearchCallCompleted(Box<ItemProgress>),
        /// A search of the web was begun: API object `ResponseWebSearchCallInProgressEvent`.
        "response.web_search_call.in_progress" => WebSearchCallInProgress(Box<ItemProgress>),
        /// A search of the web is searching: API object `ResponseWebSearchCallSearchingEvent`.
        "response.web_search_call.searching" => WebSearchCallSearching(Box<ItemProgress>),
        /// A search of the web is done: API object `ResponseWebSearchCallCompletedEvent`.
        "response.web_search_call.completed" => WebSearchCallCompleted(Box<ItemProgress>),
        /// Running code was begun: API object `ResponseCodeInterpreterCallInProgressEvent`.
        "response.code_interpreter_call.in_progress" => CodeInterpreterCallInProgress(Box<ItemProgress>),
        /// Running code is at work: API object `ResponseCodeInterpreterCallInterpretingEvent`.
        "response.code_interpreter_call.interpreting" => CodeInterpreterCallInterpreting(Box<ItemProgress>),
        /// Running code is done: API object `ResponseCodeInterpreterCallCompletedEvent`.
        "response.code_interpreter_call.completed" => CodeInterpreterCallCompleted(Box<ItemProgress>),
        /// Making an image was begun: API object `ResponseImageGenCallInProgressEvent`.
        "response.image_generation_call.in_progress" => ImageGenerationCallInProgress(Box<ItemProgress>),
        /// Making an image is at work: API object `ResponseImageGenCallGeneratingEvent`.
        "response.image_generation_call.generating" => ImageGenerationCallGenerating(Box<ItemProgress>),
        /// Making an image is done: API object `ResponseImageGenCallCompletedEvent`.
        "response.image_generation_call.completed" => ImageGenerationCallCompleted(Box<ItemProgress>),
        /// The call of a remote tool was begun: API object `ResponseMcpCallInProgressEvent`.
        "response.mcp_call.in_progress" => McpCallInProgress(Box<ItemProgress>),
        /// The call of a remote tool is done: API object `ResponseMcpCallCompletedEvent`.
        "response.mcp_call.completed" => McpCallCompleted(Box<ItemProgress>),
        /// The call of a remote tool went wrong: API object `ResponseMcpCallFailedEvent`.
        "response.mcp_call.failed" => McpCallFailed(Box<ItemProgress>),
        /// Listing remote tools was begun: API object `ResponseMcpListToolsInProgressEvent`.
        "response.mcp_list_tools.in_progress" => McpListToolsInProgress(Box<ItemProgress>),
        /// Listing remote tools is done: API object `ResponseMcpListToolsCompletedEvent`.
        "response.mcp_list_tools.completed" => McpListToolsCompleted(Box<ItemProgress>),
        /// Listing remote tools went wrong: API object `ResponseMcpListToolsFailedEvent`.
        "response.mcp_list_tools.failed" => McpListToolsFailed(Box<ItemProgress>),
        /// A piece of code: API object `ResponseCodeInterpreterCallCodeDeltaEvent`.
        "response.code_interpreter_call_code.delta"
            | "response.code_interpreter_call.code.delta" => CodeInterpreterCallCodeDelta(Delta),
        /// Code is done: API object `ResponseCodeInterpreterCallCodeDoneEvent`.
        "response.code_interpreter_call_code.done"
            | "response.code_interpreter_call.code.done" => CodeInterpreterCallCodeDone(Box<CodeInterpreterCallCodeDone>),
        /// A preview of an image: API object `ResponseImageGenCallPartialImageEvent`.
        "response.image_generation_call.partial_image" => ImageGenerationCallPartialImage(Box<PartialImageEvent>),
        /// A piece of the arguments of a remote tool: API object `ResponseMcpCallArgumentsDeltaEvent`.
        "response.mcp_call_arguments.delta"
            | "response.mcp_call.arguments_delta" => McpCallArgumentsDelta(Delta),
        /// The arguments of a remote tool are done: API object `ResponseMcpCallArgumentsDoneEvent`.
        "response.mcp_call_arguments.done"
            | "response.mcp_call.arguments_done" => McpCallArgumentsDone(Box<McpCallArgumentsDone>),
        /// A command was begun: API object `ResponseShellCallCommandAddedEvent`.
        "response.shell_call_command.added" => ShellCallCommandAdded(Box<ShellCommandEvent>),
        /// A piece of a command: API object `ResponseShellCallCommandDeltaEvent`.
        "response.shell_call_command.delta" => ShellCallCommandDelta(Box<ShellCommandDelta>),
        /// A command is done: API object `ResponseShellCallCommandDoneEvent`.
        "response.shell_call_command.done" => ShellCallCommandDone(Box<ShellCommandEvent>),
        /// A piece of what a command printed: API object `ResponseShellCallOutputContentDeltaEvent`.
        "response.shell_call_output_content.delta" => ShellCallOutputContentDelta(Box<ShellOutputDelta>),
        /// What a command printed is done: API object `ResponseShellCallOutputContentDoneEvent`.
        "response.shell_call_output_content.done" => ShellCallOutputContentDone(Box<ShellOutputDone>),
        /// The conversation is being made shorter: API object `ResponseCompactionCompactingEvent`.
        "response.compaction.compacting" => CompactionCompacting(Box<ItemProgress>),
        /// A piece of sound: API object `ResponseAudioDeltaEvent`.
        "response.audio.delta" => AudioDelta(Delta),
        /// The sound is done: API object `ResponseAudioDoneEvent`.
        "response.audio.done" => AudioDone(Box<AudioDone>),
        /// A piece of what the sound says: API object `ResponseAudioTranscriptDeltaEvent`.
        "response.audio.transcript.delta" => AudioTranscriptDelta(Delta),
        /// What the sound says is done: API object `ResponseAudioTranscriptDoneEvent`.
        "response.audio.transcript.done" => AudioTranscriptDone(Box<AudioDone>),
        /// Something went wrong; ends the stream: API objects `ResponseErrorEvent` and
        /// `ResponseWsError`.
        "error" | "response.error" => Error(Box<ErrorEvent>),
        /// Socket: the response will be steered: API object `ResponseSteerAcceptedEvent`.
        "response.steer.accepted" => SteerAccepted(Box<SteerEvent>),
        /// Socket: something has to be given first: API object `ResponseSteerPendingEvent`.
        "response.steer.pending" => SteerPending(Box<SteerEvent>),
        /// Socket: the response will not be steered: API object `ResponseSteerFailedEvent`.
        "response.steer.failed" => SteerFailed(Box<SteerFailedEvent>),
        /// ChatGPT backend: notices beside the response.
        "response.metadata" => Metadata(Box<MetadataEvent>),
        /// ChatGPT backend: what would be headers over HTTP.
        "codex.response.metadata" => CodexMetadata(Box<MetadataEvent>),
        /// ChatGPT backend: how much of the limits is used.
        "codex.rate_limits" => RateLimits(Box<RateLimitsEvent>),
        /// The connection is kept alive.
        "keepalive" => Keepalive(Box<NoticeEvent>),
        /// ChatGPT backend: measurements of a socket.
        "responsesapi.websocket_timing" => WebsocketTiming(Box<NoticeEvent>),
    }
}

open_enum! {
    /// The kind of an event: the `type` of [`ResponseEvent`], by its present name.
    pub enum EventKind {
        /// See [`ResponseEvent::Created`].
        Created = "response.created",
        /// See [`ResponseEvent::Queued`].
        Queued = "response.queued",
        /// See [`ResponseEvent::InProgress`].
        InProgress = "response.in_progress",
        /// See [`ResponseEvent::Completed`].
        Completed = "response.completed",
        /// See [`ResponseEvent::Failed`].
        Failed = "response.failed",
        /// See [`ResponseEvent::Incomplete`].
        Incomplete = "response.incomplete",
        /// See [`ResponseEvent::Done`].
        Done = "response.done",
        /// See [`ResponseEvent::OutputItemAdded`].
        OutputItemAdded = "response.output_item.added",
        /// See [`ResponseEvent::OutputItemDone`].
        OutputItemDone = "response.output_item.done",
        /// See [`ResponseEvent::ContentPartAdded`].
        ContentPartAdded = "response.content_part.added",
        /// See [`ResponseEvent::ContentPartDone`].
        ContentPartDone = "response.content_part.done",
        /// See [`ResponseEvent::OutputTextDelta`].
        OutputTextDelta = "response.output_text.delta",
        /// See [`ResponseEvent::OutputTextDone`].
        OutputTextDone = "response.output_text.done",
        /// See [`ResponseEvent::OutputTextAnnotationAdded`].
        OutputTextAnnotationAdded = "response.output_text.annotation.added",
        /// See [`ResponseEvent::RefusalDelta`].
        RefusalDelta = "response.refusal.delta",
        /// See [`ResponseEvent::RefusalDone`].
        RefusalDone = "response.refusal.done",
        /// See [`ResponseEvent::FunctionCallArgumentsDelta`].
        FunctionCallArgumentsDelta = "response.function_call_arguments.delta",
        /// See [`ResponseEvent::FunctionCallArgumentsDone`].
        FunctionCallArgumentsDone = "response.function_call_arguments.done",
        /// See [`ResponseEvent::CustomToolCallInputDelta`].
        CustomToolCallInputDelta = "response.custom_tool_call_input.delta",
        /// See [`ResponseEvent::CustomToolCallInputDone`].
        CustomToolCallInputDone = "response.custom_tool_call_input.done",
        /// See [`ResponseEvent::ReasoningSummaryPartAdded`].
        ReasoningSummaryPartAdded = "response.reasoning_summary_part.added",
        /// See [`ResponseEvent::ReasoningSummaryPartDone`].
        ReasoningSummaryPartDone = "response.reasoning_summary_part.done",
        /// See [`ResponseEvent::ReasoningSummaryTextDelta`].
        ReasoningSummaryTextDelta = "response.reasoning_summary_text.delta",
        /// See [`ResponseEvent::ReasoningSummaryTextDone`].
        ReasoningSummaryTextDone = "response.reasoning_summary_text.done",
        /// See [`ResponseEvent::ReasoningTextDelta`].
        ReasoningTextDelta = "response.reasoning_text.delta",
        /// See [`ResponseEvent::ReasoningTextDone`].
        ReasoningTextDone = "response.reasoning_text.done",
        /// See [`ResponseEvent::FileSearchCallInProgress`].
        FileSearchCallInProgress = "response.file_search_call.in_progress",
        /// See [`ResponseEvent::FileSearchCallSearching`].
        FileSearchCallSearching = "response.file_search_call.searching",
        /// See [`ResponseEvent::FileSearchCallCompleted`].
        FileSearchCallCompleted = "response.file_search_call.completed",
        /// See [`ResponseEvent::WebSearchCallInProgress`].
        WebSearchCallInProgress = "response.web_search_call.in_progress",
        /// See [`ResponseEvent::WebSearchCallSearching`].
        WebSearchCallSearching = "response.web_search_call.searching",
        /// See [`ResponseEvent::WebSearchCallCompleted`].
        WebSearchCallCompleted = "response.web_search_call.completed",
        /// See [`ResponseEvent::CodeInterpreterCallInProgress`].
        CodeInterpreterCallInProgress = "response.code_interpreter_call.in_progress",
        /// See [`ResponseEvent::CodeInterpreterCallInterpreting`].
        CodeInterpreterCallInterpreting = "response.code_interpreter_call.interpreting",
        /// See [`ResponseEvent::CodeInterpreterCallCompleted`].
        CodeInterpreterCallCompleted = "response.code_interpreter_call.completed",
        /// See [`ResponseEvent::ImageGenerationCallInProgress`].
        ImageGenerationCallInProgress = "response.image_generation_call.in_progress",
        /// See [`ResponseEvent::ImageGenerationCallGenerating`].
        ImageGenerationCallGenerating = "response.image_generation_call.generating",
        /// See [`ResponseEvent::ImageGenerationCallCompleted`].
        ImageGenerationCallCompleted = "response.image_generation_call.completed",
        /// See [`ResponseEvent::McpCallInProgress`].
        McpCallInProgress = "response.mcp_call.in_progress",
        /// See [`ResponseEvent::McpCallCompleted`].
        McpCallCompleted = "response.mcp_call.completed",
        /// See [`ResponseEvent::McpCallFailed`].
        McpCallFailed = "response.mcp_call.failed",
        /// See [`ResponseEvent::McpListToolsInProgress`].
        McpListToolsInProgress = "response.mcp_list_tools.in_progress",
        /// See [`ResponseEvent::McpListToolsCompleted`].
        McpListToolsCompleted = "response.mcp_list_tools.completed",
        /// See [`ResponseEvent::McpListToolsFailed`].
        McpListToolsFailed = "response.mcp_list_tools.failed",
        /// See [`ResponseEvent::CodeInterpreterCallCodeDelta`].
        CodeInterpreterCallCodeDelta = "response.code_interpreter_call_code.delta",
        /// See [`ResponseEvent::CodeInterpreterCallCodeDone`].
        CodeInterpreterCallCodeDone = "response.code_interpreter_call_code.done",
        /// See [`ResponseEvent::ImageGenerationCallPartialImage`].
        ImageGenerationCallPartialImage = "response.image_generation_call.partial_image",
        /// See [`ResponseEvent::McpCallArgumentsDelta`].
        McpCallArgumentsDelta = "response.mcp_call_arguments.delta",
        /// See [`ResponseEvent::McpCallArgumentsDone`].
        McpCallArgumentsDone = "response.mcp_call_arguments.done",
        /// See [`ResponseEvent::ShellCallCommandAdded`].
        ShellCallCommandAdded = "response.shell_call_command.added",
        /// See [`ResponseEvent::ShellCallCommandDelta`].
        ShellCallCommandDelta = "response.shell_call_command.delta",
        /// See [`ResponseEvent::ShellCallCommandDone`].
        ShellCallCommandDone = "response.shell_call_command.done",
        /// See [`ResponseEvent::ShellCallOutputContentDelta`].
        ShellCallOutputContentDelta = "response.shell_call_output_content.delta",
        /// See [`ResponseEvent::ShellCallOutputContentDone`].
        ShellCallOutputContentDone = "response.shell_call_output_content.done",
        /// See [`ResponseEvent::CompactionCompacting`].
        CompactionCompacting = "response.compaction.compacting",
        /// See [`ResponseEvent::AudioDelta`].
        AudioDelta = "response.audio.delta",
        /// See [`ResponseEvent::AudioDone`].
        AudioDone = "response.audio.done",
        /// See [`ResponseEvent::AudioTranscriptDelta`].
        AudioTranscriptDelta = "response.audio.transcript.delta",
        /// See [`ResponseEvent::AudioTranscriptDone`].
        AudioTranscriptDone = "response.audio.transcript.done",
        /// See [`ResponseEvent::Error`].
        Error = "error",
        /// See [`ResponseEvent::SteerAccepted`].
        SteerAccepted = "response.steer.accepted",
        /// See [`ResponseEvent::SteerPending`].
        SteerPending = "response.steer.pending",
        /// See [`ResponseEvent::SteerFailed`].
        SteerFailed = "response.steer.failed",
        /// See [`ResponseEvent::Metadata`].
        Metadata = "response.metadata",
        /// See [`ResponseEvent::CodexMetadata`].
        CodexMetadata = "codex.response.metadata",
        /// See [`ResponseEvent::RateLimits`].
        RateLimits = "codex.rate_limits",
        /// See [`ResponseEvent::Keepalive`].
        Keepalive = "keepalive",
        /// See [`ResponseEvent::WebsocketTiming`].
        WebsocketTiming = "responsesapi.websocket_timing",
    }
}
