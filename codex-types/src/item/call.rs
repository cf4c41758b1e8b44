//! Calls of tools the client runs, and their outputs.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use serde::de::DeserializeOwned;

use crate::item::ItemStatus;
use crate::part::InputPart;
use crate::tool::Tool;
use crate::wire::either::either;
use crate::wire::object::object;
use crate::wire::open::open_enum;
use crate::wire::tagged::{from_variants, tagged};
use crate::{ArgumentsError, RawJson};

object! {
    /// The model asks for a function to be called: API object `ResponseFunctionToolCall`.
    pub struct FunctionCall tag "function_call" {
        required {
            /// Pairs the call with its output.
            call_id: String,
            /// The function.
            name: String,
            /// Its arguments: JSON, or what the model took for JSON, as text.
            arguments: String,
        }
        optional {
            /// Names the item; not what its output refers to.
            id: String,
            /// The namespace the function is in.
            namespace: String,
            /// How far the call has come.
            status: ItemStatus,
            /// Whether the model goes on without waiting for the output.
            is_async as "async" = bool,
            /// What made the call.
            caller: Box<Caller>,
            /// Arguments only the service can read: the ChatGPT backend.
            encrypted_function_args: Vec<String>,
            /// Who made the item.
            created_by: String,
        }
    }
}

impl FunctionCall {
    /// Reads the arguments as a `T`.
    ///
    /// # Errors
    ///
    /// Fails when the arguments are not JSON or do not have the shape of `T`. The error keeps the
    /// arguments, which may be what the model should be told.
    ///
    /// ```
    /// use codex_types::FunctionCall;
    ///
    /// let call = FunctionCall::new("call_1", "add", "[1, 2]");
    /// assert_eq!(call.arguments_as::<(i32, i32)>()?, (1, 2));
    ///
    /// let cut = FunctionCall::new("call_2", "add", "[1, ");
    /// let error = cut.arguments_as::<(i32, i32)>().unwrap_err();
    /// assert_eq!(error.arguments(), "[1, ");
    /// # Ok::<(), codex_types::ArgumentsError>(())
    /// ```
    pub fn arguments_as<T: DeserializeOwned>(&self) -> Result<T, ArgumentsError> {
        ArgumentsError::decode(&self.arguments)
    }

    /// The answer to this call.
    pub fn output(&self, output: impl Into<ToolOutput>) -> FunctionCallOutput {
        FunctionCallOutput::new(output).call_id(self.call_id.as_str())
    }
}

object! {
    /// What a function gave back: API object `FunctionCallOutput`.
    ///
    /// ```
    /// use codex_types::{FunctionCallOutput, InputPart, RawJson};
    ///
    /// let output = FunctionCallOutput::new([InputPart::text("a cat"), InputPart::image_url("data:,")])
    ///     .call_id("call_1");
    /// assert!(RawJson::encode(&output)?.as_str().contains(r#""call_id":"call_1""#));
    /// # Ok::<(), codex_types::DecodeError>(())
    /// ```
    pub struct FunctionCallOutput tag "function_call_output" {
        required {
            /// What the function gave back.
            output: ToolOutput,
        }
        optional {
            /// The call this answers. Without it the service cannot tell.
            call_id: String,
            /// Names the item.
            id: String,
            /// The function.
            name: String,
            /// The namespace the function is in.
            namespace: String,
            /// How far the item has come.
            status: ItemStatus,
            /// What made the call.
            caller: Box<Caller>,
            /// Who made the item.
            created_by: String,
        }
    }
}

either! {
    /// What a tool gave back.
    pub enum ToolOutput {
        /// Text; often JSON.
        text Text(String),
        /// Parts: text, images and files.
        other Parts(Vec<InputPart>),
    }
}

impl<const N: usize> From<[InputPart; N]> for ToolOutput {
    fn from(parts: [InputPart; N]) -> Self {
        Self::Parts(parts.into())
    }
}

object! {
    /// The model calls a tool with free text: API object `ResponseCustomToolCall`.
    pub struct CustomToolCall tag "custom_tool_call" {
        required {
            /// Pairs the call with its output.
            call_id: String,
            /// The tool.
            name: String,
            /// The text for the tool.
            input: String,
        }
        optional {
            /// Names the item; not what its output refers to.
            id: String,
            /// The namespace the tool is in.
            namespace: String,
            /// How far the call has come.
            status: ItemStatus,
            /// Whether the model goes on without waiting for the output.
            is_async as "async" = bool,
            /// What made the call.
            caller: Box<Caller>,
            /// Who made the item.
            created_by: String,
        }
    }
}

impl CustomToolCall {
    /// The answer to this call.
    pub fn output(&self, output: impl Into<ToolOutput>) -> CustomToolCallOutput {
        CustomToolCallOutput::new(self.call_id.as_str(), output)
    }
}

object! {
    /// What a custom tool gave back: API object `ResponseCustomToolCallOutput`.
    pub struct CustomToolCallOutput tag "custom_tool_call_output" {
        required {
            /// The call this answers.
            call_id: String,
            /// What the tool gave back.
            output: ToolOutput,
        }
        optional {
            /// Names the item.
            id: String,
            /// The tool.
            name: String,
            /// How far the item has come.
            status: ItemStatus,
            /// What made the call.
            caller: Box<Caller>,
            /// Who made the item.
            created_by: String,
        }
    }
}

object! {
    /// The model looks for tools that were not loaded: API object `ResponseToolSearchCall`.
    pub struct ToolSearchCall tag "tool_search_call" {
        required {
            /// What it looks for, in the form the tool declares.
            arguments: RawJson,
        }
        optional {
            /// Pairs the call with its output; null when the service searches.
            call_id: String,
            /// Who searches.
            execution: ToolSearchExecution,
            /// Names the item.
            id: String,
            /// How far the call has come.
            status: ItemStatus,
            /// Who made the item.
            created_by: String,
        }
    }
}

object! {
    /// The tools a search found: API object `ResponseToolSearchOutputItem`.
    pub struct ToolSearchOutput tag "tool_search_output" {
        required {
            /// The tools, which the model can use from here on.
            tools: Vec<Tool>,
        }
        optional {
            /// The call this answers; null when the service searched.
            call_id: String,
            /// Who searched.
            execution: ToolSearchExecution,
            /// Names the item.
            id: String,
            /// How far the item has come.
            status: ItemStatus,
            /// Who made the item.
            created_by: String,
        }
    }
}

open_enum! {
    /// Who carries out a tool search.
    pub enum ToolSearchExecution {
        /// The service.
        Server = "server",
        /// The client.
        Client = "client",
    }
}

tagged! {
    /// What made a call.
    pub enum Caller {
        /// The model itself.
        "direct" => Direct(DirectCaller),
        /// A program the model wrote.
        "program" => Program(ProgramCaller),
    }
}

from_variants!(Caller {
    Direct(DirectCaller),
    Program(ProgramCaller),
});

object! {
    /// The model itself made the call.
    pub struct DirectCaller tag "direct" {
        required {}
    }
}

object! {
    /// A program the model wrote made the call.
    pub struct ProgramCaller tag "program" {
        required {
            /// The `call_id` of the program.
            caller_id: String,
        }
    }
}
