//! Calls of tools that the client runs, and their outputs.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use serde::de::DeserializeOwned;

use crate::item::ItemStatus;
use crate::part::InputPart;
use crate::tool::{Tool, ToolSearchExecution};
use crate::wire::either::either;
use crate::wire::object::object;
use crate::wire::tagged::tagged;
use crate::{ArgumentsError, RawJson};

object! {
    /// A function call: API object `ResponseFunctionToolCall`.
    pub struct FunctionCall tag "function_call" {
        required {
            /// The id that pairs the call with its output.
            call_id: String,
            /// The name of the function.
            name: String,
            /// The arguments as text: JSON, or what the model wrote instead of it.
            arguments: String,
        }
        optional {
            /// The item's id, which its output does not refer to.
            id: String,
            /// The namespace of the function.
            namespace: String,
            /// The status of the call.
            status: ItemStatus,
            /// Whether the model continues without waiting for the output.
            is_async as "async" = bool,
            /// The caller: the model or a program.
            caller: Box<Caller>,
            /// Arguments that only the service can read (ChatGPT backend).
            encrypted_function_args: Vec<String>,
            /// The agent that created the item.
            created_by: String,
        }
    }
}

impl FunctionCall {
    /// Reads the arguments as a `T`.
    ///
    /// # Errors
    ///
    /// Returns an error if the arguments are not JSON or not a `T`. The error keeps the arguments,
    /// so that they can be reported to the model.
    ///
    /// # Examples
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

    /// Creates the output of this call.
    pub fn output(&self, output: impl Into<ToolOutput>) -> FunctionCallOutput {
        FunctionCallOutput::new(output).call_id(self.call_id.as_str())
    }
}

object! {
    /// The output of a function call: API object `FunctionCallOutput`.
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
            /// The output.
            output: ToolOutput,
        }
        optional {
            /// The id of the call; without it the service cannot pair the output.
            call_id: String,
            /// The item's id.
            id: String,
            /// The name of the function.
            name: String,
            /// The namespace of the function.
            namespace: String,
            /// The status of the item.
            status: ItemStatus,
            /// The caller: the model or a program.
            caller: Box<Caller>,
            /// The agent that created the item.
            created_by: String,
        }
    }
}

either! {
    /// The output of a tool.
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
    /// A custom tool call: API object `ResponseCustomToolCall`.
    pub struct CustomToolCall tag "custom_tool_call" {
        required {
            /// The id that pairs the call with its output.
            call_id: String,
            /// The name of the tool.
            name: String,
            /// The input text.
            input: String,
        }
        optional {
            /// The item's id, which its output does not refer to.
            id: String,
            /// The namespace of the tool.
            namespace: String,
            /// The status of the call.
            status: ItemStatus,
            /// Whether the model continues without waiting for the output.
            is_async as "async" = bool,
            /// The caller: the model or a program.
            caller: Box<Caller>,
            /// The agent that created the item.
            created_by: String,
        }
    }
}

impl CustomToolCall {
    /// Creates the output of this call.
    pub fn output(&self, output: impl Into<ToolOutput>) -> CustomToolCallOutput {
        CustomToolCallOutput::new(self.call_id.as_str(), output)
    }
}

object! {
    /// The output of a custom tool call: API object `ResponseCustomToolCallOutput`.
    pub struct CustomToolCallOutput tag "custom_tool_call_output" {
        required {
            /// The id of the call.
            call_id: String,
            /// The output of the tool.
            output: ToolOutput,
        }
        optional {
            /// The item's id.
            id: String,
            /// The name of the tool.
            name: String,
            /// The status of the item.
            status: ItemStatus,
            /// The caller: the model or a program.
            caller: Box<Caller>,
            /// The agent that created the item.
            created_by: String,
        }
    }
}

object! {
    /// A search for deferred tools: API object `ResponseToolSearchCall`.
    pub struct ToolSearchCall tag "tool_search_call" {
        required {
            /// The query, in the form that the tool declares.
            arguments: RawJson,
        }
        optional {
            /// The id that pairs the call with its output; null if the service searches.
            call_id: String,
            /// The side that runs the search.
            execution: ToolSearchExecution,
            /// The item's id.
            id: String,
            /// The status of the call.
            status: ItemStatus,
            /// The agent that created the item.
            created_by: String,
        }
    }
}

object! {
    /// The tools that a search found: API object `ResponseToolSearchOutputItem`.
    pub struct ToolSearchOutput tag "tool_search_output" {
        required {
            /// The tools, which the model can use from here on.
            tools: Vec<Tool>,
        }
        optional {
            /// The id of the call; null if the service searched.
            call_id: String,
            /// The side that ran the search.
            execution: ToolSearchExecution,
            /// The item's id.
            id: String,
            /// The status of the item.
            status: ItemStatus,
            /// The agent that created the item.
            created_by: String,
        }
    }
}

tagged! {
    /// The caller of a tool.
    pub enum Caller {
        /// The model itself.
        "direct" => Direct(DirectCaller),
        /// A program that the model wrote.
        "program" => Program(ProgramCaller),
    }
}

object! {
    /// A call by the model itself.
    pub struct DirectCaller tag "direct" {
        required {}
    }
}

object! {
    /// A call by a program that the model wrote.
    pub struct ProgramCaller tag "program" {
        required {
            /// The `call_id` of the program.
            caller_id: String,
        }
    }
}
