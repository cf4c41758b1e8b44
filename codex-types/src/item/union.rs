//! The kinds of items, in one table, and their three unions: output of the model, items stored by
//! the service, and input.

use alloc::boxed::Box;
use alloc::string::String;

use crate::RawJson;
use crate::boxed::Boxed;
use crate::item::{
    AdditionalTools, AgentMessage, ApplyPatchCall, ApplyPatchCallOutput, CodeInterpreterCall,
    CompactionItem, CompactionTrigger, ComputerCall, ComputerCallOutput, ConfigurationUpdate,
    ContextCompaction, CustomToolCall, CustomToolCallOutput, FileSearchCall, FunctionCall,
    FunctionCallOutput, ImageGenerationCall, ItemReference, ItemStatus, LocalShellCall,
    LocalShellCallOutput, McpApprovalRequest, McpApprovalResponse, McpCall, McpListTools, Message,
    MessageContent, MultiAgentCall, MultiAgentCallOutput, OutputMessage, Program, ProgramOutput,
    ReasoningItem, ShellCall, ShellCallOutput, ToolSearchCall, ToolSearchOutput, WebSearchCall,
};
use crate::part::{InputPart, OutputPart};
use crate::wire::field::Get;
use crate::wire::known::replay;
use crate::wire::tagged::tagged;

/// The fields that many kinds of items have.
pub(crate) trait ItemFields {
    fn id(&self) -> Option<&str>;

    fn set_id(&mut self, id: &str);

    fn status(&self) -> Option<&ItemStatus> {
        None
    }

    fn call_id(&self) -> Option<&str> {
        None
    }

    /// Returns the text of a call that deltas build.
    fn input(&self) -> Option<&str> {
        None
    }

    fn input_mut(&mut self) -> Option<&mut String> {
        None
    }

    /// Returns whether the item is a call of a tool, whether the client or the service runs it.
    fn is_tool_call(&self) -> bool {
        false
    }
}

/// A text, whether its field is an `Option` or not.
trait Text {
    fn text(&self) -> &str;

    fn text_mut(&mut self) -> &mut String;

    fn set(&mut self, text: &str);
}

impl Text for String {
    fn text(&self) -> &str {
        self
    }

    fn text_mut(&mut self) -> &mut String {
        self
    }

    fn set(&mut self, text: &str) {
        *self = text.into();
    }
}

impl Text for Option<String> {
    fn text(&self) -> &str {
        self.as_deref().unwrap_or_default()
    }

    fn text_mut(&mut self) -> &mut String {
        self.get_or_insert_default()
    }

    fn set(&mut self, text: &str) {
        *self = (!text.is_empty()).then(|| text.into());
    }
}

/// Declares the kinds of items and the unions that contain them.
///
/// ```text
/// items! {
///     /// Docs.
///     [output stored input] "function_call" => FunctionCall(FunctionCall) with status call_id, text arguments, tool call;
/// }
/// ```
///
/// The brackets name the unions, `with` the fields of [`ItemFields`] that the struct has besides
/// its id, `text` the field that deltas build, and `tool call` whether the item is a call of a
/// tool.
macro_rules! items {
    ($(
        $(#[$meta:meta])*
        [$($union:ident)*] $tag:literal $(| $alias:literal)* => $variant:ident($payload:ident)
            $(with $($field:ident)*)? $(, text $text:ident)? $(, tool $call:ident)?;
    )*) => {
        $(
            impl ItemFields for $payload {
                fn id(&self) -> Option<&str> {
                    Get::get(&self.id)
                }

                fn set_id(&mut self, id: &str) {
                    Text::set(&mut self.id, id);
                }

                $($(items! { @field $field })*)?
                $(items! { @text $text })?
                $(items! { @field $call })?
            }
        )*

        items! {
            @sort [] [] []
            $({ [$($union)*] $(#[$meta])* $tag $(| $alias)* => $variant($payload) })*
        }
    };
    (@field status) => {
        fn status(&self) -> Option<&ItemStatus> {
            Get::get(&self.status)
        }
    };
    (@field call_id) => {
        fn call_id(&self) -> Option<&str> {
            Get::get(&self.call_id)
        }
    };
    (@text $text:ident) => {
        fn input(&self) -> Option<&str> {
            Some(Text::text(&self.$text))
        }

        fn input_mut(&mut self) -> Option<&mut String> {
            Some(Text::text_mut(&mut self.$text))
        }
    };
    (@field call) => {
        fn is_tool_call(&self) -> bool {
            true
        }
    };
    // Sorts the rows into the unions.
    (@sort [$($out:tt)*] [$($stored:tt)*] [$($in:tt)*] { [output stored input] $($row:tt)* } $($rest:tt)*) => {
        items! { @sort [$($out)* { $($row)* }] [$($stored)* { $($row)* }] [$($in)* { $($row)* }] $($rest)* }
    };
    (@sort [$($out:tt)*] $stored:tt $in:tt { [output] $($row:tt)* } $($rest:tt)*) => {
        items! { @sort [$($out)* { $($row)* }] $stored $in $($rest)* }
    };
    (@sort $out:tt [$($stored:tt)*] [$($in:tt)*] { [stored input] $($row:tt)* } $($rest:tt)*) => {
        items! { @sort $out [$($stored)* { $($row)* }] [$($in)* { $($row)* }] $($rest)* }
    };
    (@sort $out:tt $stored:tt [$($in:tt)*] { [input] $($row:tt)* } $($rest:tt)*) => {
        items! { @sort $out $stored [$($in)* { $($row)* }] $($rest)* }
    };
    (@sort $out:tt $stored:tt $in:tt) => {
        items! {
            @union $out
            /// An item of a response: API object `ResponseOutputItem`.
            pub enum OutputItem {}
        }
        items! {
            @union $stored
            /// An item of a conversation as the service stored it: API object `ResponseItem`.
            pub enum StoredItem {}
        }
        items! {
            @union $in
            /// An item of the input: API object `ResponseInputItem`.
            ///
            /// A value without `type` is a message if it has a `role`, and a reference if it has
            /// only an `id`.
            pub enum InputItem { untyped by untyped_kind; }
        }
        items! {
            @input $out
            /// Output becomes input unchanged: no field, id or status is dropped.
            OutputItem
        }
        items! {
            @input $stored
            /// A stored item can be used as input.
            StoredItem
        }
    };
    (
        @union [$({ $(#[$row_meta:meta])* $tag:literal $(| $alias:literal)* => $variant:ident($payload:ident) })*]
        $(#[$meta:meta])*
        pub enum $union:ident { $($clause:tt)* }
    ) => {
        tagged! {
            $(#[$meta])*
            pub enum $union {
                $($clause)*
                $($(#[$row_meta])* $tag $(| $alias)* => $variant(Boxed<$payload>),)*
            }
        }

        impl $union {
            /// Returns the id of the item, if it has one.
            pub fn id(&self) -> Option<&str> {
                self.fields()?.id()
            }

            /// Sets the id of the item; an empty one removes it. An item of an unknown kind is
            /// unchanged.
            pub fn set_id(&mut self, id: &str) {
                if let Some(fields) = self.fields_mut() {
                    fields.set_id(id);
                }
            }

            /// Returns the input of a call as one text: the arguments of a function or MCP call,
            /// the input of a custom tool call, the code of a code interpreter call. `None` for
            /// other items.
            pub fn input(&self) -> Option<&str> {
                self.fields()?.input()
            }

            /// Returns the input of a call for changing; see [`input`](Self::input).
            pub fn input_mut(&mut self) -> Option<&mut String> {
                self.fields_mut()?.input_mut()
            }

            /// Returns the fields that many kinds have; `None` for an unknown kind.
            pub(crate) fn fields(&self) -> Option<&dyn ItemFields> {
                match self {
                    $(Self::$variant(item) => Some(&**item),)*
                    Self::Unknown(_) => None,
                }
            }

            fn fields_mut(&mut self) -> Option<&mut dyn ItemFields> {
                match self {
                    $(Self::$variant(item) => Some(&mut **item),)*
                    Self::Unknown(_) => None,
                }
            }
        }
    };
    (
        @input [$({ $(#[$row_meta:meta])* $tag:literal $(| $alias:literal)* => $variant:ident($payload:ident) })*]
        $(#[$meta:meta])*
        $union:ident
    ) => {
        $(#[$meta])*
        impl From<$union> for InputItem {
            fn from(item: $union) -> Self {
                match item {
                    $($union::$variant(item) => Self::$variant(item.into()),)*
                    $union::Unknown(item) => Self::Unknown(item),
                }
            }
        }
    };
}

items! {
    /// A message of the assistant.
    [output] "message" => Message(OutputMessage) with status;
    /// A message, of any role and in any form that the API accepts: API objects
    /// `ResponseInputMessageItem`, `ResponseOutputMessage` and `EasyInputMessage`.
    [stored input] "message" => Message(Message) with status;
    /// Reasoning of the model.
    [output stored input] "reasoning" => Reasoning(ReasoningItem) with status;
    /// A function call.
    [output stored input] "function_call" => FunctionCall(FunctionCall) with status call_id, text arguments, tool call;
    /// The output of a function call.
    [output stored input] "function_call_output" => FunctionCallOutput(FunctionCallOutput) with status call_id;
    /// A custom tool call.
    [output stored input] "custom_tool_call" => CustomToolCall(CustomToolCall) with status call_id, text input, tool call;
    /// The output of a custom tool call.
    [output stored input] "custom_tool_call_output" => CustomToolCallOutput(CustomToolCallOutput) with status call_id;
    /// A file search call.
    [output stored input] "file_search_call" => FileSearchCall(FileSearchCall) with status, tool call;
    /// A web search call.
    [output stored input] "web_search_call" => WebSearchCall(WebSearchCall) with status, tool call;
    /// A computer use call.
    [output stored input] "computer_call" => ComputerCall(ComputerCall) with status call_id, tool call;
    /// The output of a computer use call: a screenshot.
    [output stored input] "computer_call_output" => ComputerCallOutput(ComputerCallOutput) with status call_id;
    /// A program of the model that calls tools.
    [output stored input] "program" => Program(Program) with call_id;
    /// The output of the program.
    [output stored input] "program_output" => ProgramOutput(ProgramOutput) with status call_id;
    /// A tool search call.
    [output stored input] "tool_search_call" => ToolSearchCall(ToolSearchCall) with status call_id, tool call;
    /// The output of a tool search: the tools found.
    [output stored input] "tool_search_output" => ToolSearchOutput(ToolSearchOutput) with status call_id;
    /// Tools that become available.
    [output stored input] "additional_tools" => AdditionalTools(AdditionalTools);
    /// A compaction item, which replaces earlier items.
    [output stored input] "compaction" | "compaction_summary" => Compaction(CompactionItem);
    /// The compaction item of the ChatGPT backend for context management.
    [output stored input] "context_compaction" => ContextCompaction(ContextCompaction);
    /// An image generation call.
    [output stored input] "image_generation_call" => ImageGenerationCall(ImageGenerationCall) with status, tool call;
    /// A code interpreter call.
    [output stored input] "code_interpreter_call" => CodeInterpreterCall(CodeInterpreterCall) with status, text code, tool call;
    /// A local shell call: one command for the client to run.
    [output stored input] "local_shell_call" => LocalShellCall(LocalShellCall) with status call_id, tool call;
    /// The output of a local shell call.
    [output stored input] "local_shell_call_output" => LocalShellCallOutput(LocalShellCallOutput) with status;
    /// A shell call.
    [output stored input] "shell_call" => ShellCall(ShellCall) with status call_id, tool call;
    /// The output of a shell call.
    [output stored input] "shell_call_output" => ShellCallOutput(ShellCallOutput) with status call_id;
    /// An apply-patch call.
    [output stored input] "apply_patch_call" => ApplyPatchCall(ApplyPatchCall) with status call_id, tool call;
    /// The output of an apply-patch call.
    [output stored input] "apply_patch_call_output" => ApplyPatchCallOutput(ApplyPatchCallOutput) with status call_id;
    /// An MCP tool call.
    [output stored input] "mcp_call" => McpCall(McpCall) with status, text arguments, tool call;
    /// The tools of an MCP server.
    [output stored input] "mcp_list_tools" => McpListTools(McpListTools);
    /// A request for approval of an MCP tool call.
    [output stored input] "mcp_approval_request" => McpApprovalRequest(McpApprovalRequest);
    /// The response to an approval request.
    [output stored input] "mcp_approval_response" => McpApprovalResponse(McpApprovalResponse);
    /// A message between agents (ChatGPT backend and beta API).
    [output stored input] "agent_message" => AgentMessage(AgentMessage);
    /// A call that acts on other agents (beta API).
    [output stored input] "multi_agent_call" => MultiAgentCall(MultiAgentCall) with call_id;
    /// The output of such a call (beta API).
    [output stored input] "multi_agent_call_output" => MultiAgentCallOutput(MultiAgentCallOutput) with call_id;
    /// A change of settings.
    [stored input] "configuration_update" => ConfigurationUpdate(ConfigurationUpdate);
    /// A request to compact the conversation.
    [input] "compaction_trigger" => CompactionTrigger(CompactionTrigger);
    /// A reference to an item that the service has stored.
    [input] "item_reference" => ItemReference(ItemReference);
}

impl From<OutputMessage> for Message {
    fn from(message: OutputMessage) -> Self {
        let mut converted = Self {
            role: message.role,
            content: MessageContent::Parts(message.content.into_iter().map(Into::into).collect()),
            id: message.id,
            status: (message.status != ItemStatus::default()).then_some(message.status),
            phase: message.phase,
            ..Self::default()
        };
        converted.extra.adopt(message.extra);
        // The content of a response is a list; the service also accepts plain text, and returns it
        // in compacted conversations.
        if let Some(content) = converted.extra.remove("content") {
            replay(&mut converted, "content".into(), content);
        }
        converted
    }
}

impl From<Boxed<OutputMessage>> for Boxed<Message> {
    fn from(message: Boxed<OutputMessage>) -> Self {
        Self::new(message.into_inner().into())
    }
}

impl From<OutputMessage> for InputItem {
    fn from(message: OutputMessage) -> Self {
        Self::Message(Message::from(message).into())
    }
}

impl From<&str> for InputItem {
    /// Creates a message of the user.
    fn from(text: &str) -> Self {
        Self::Message(Message::user(text).into())
    }
}

impl From<String> for InputItem {
    /// Creates a message of the user.
    fn from(text: String) -> Self {
        Self::Message(Message::user(text).into())
    }
}

/// Returns the kind of an input item without `type`.
fn untyped_kind(keys: &[(Box<str>, RawJson)]) -> Option<&'static str> {
    if keys.iter().any(|(name, _)| **name == *"role") {
        return Some("message");
    }
    let has_only_id = keys.iter().any(|(name, _)| **name == *"id") && keys.len() == 1;
    has_only_id.then_some("item_reference")
}

impl From<OutputPart> for InputPart {
    fn from(part: OutputPart) -> Self {
        match part {
            OutputPart::Text(part) => Self::OutputText(part),
            OutputPart::Refusal(part) => Self::Refusal(part),
            OutputPart::ReasoningText(part) => Self::ReasoningText(part),
            OutputPart::PlainText(part) => Self::PlainText(part),
            OutputPart::SummaryText(part) => Self::SummaryText(part),
            OutputPart::Unknown(part) => Self::Unknown(part),
        }
    }
}
