//! Code that the service runs.

use alloc::string::String;
use alloc::vec::Vec;

use crate::item::ItemStatus;
use crate::wire::object::object;
use crate::wire::tagged::tagged;

object! {
    /// A run of the model's code in a container: API object `ResponseCodeInterpreterToolCall`.
    pub struct CodeInterpreterCall tag "code_interpreter_call" {
        required {
            /// The id of the container.
            container_id: String,
            /// The status of the call.
            status: ItemStatus,
        }
        optional {
            /// The item's id.
            id: String,
            /// The code.
            code: String,
            /// The outputs; only if `include` requested them.
            outputs: Vec<CodeInterpreterOutput>,
        }
    }
}

tagged! {
    /// An output of a code interpreter call.
    pub enum CodeInterpreterOutput {
        /// Text.
        "logs" => Logs(CodeInterpreterLogs),
        /// An image.
        "image" => Image(CodeInterpreterImage),
    }
}

object! {
    /// A text output of a code interpreter call.
    pub struct CodeInterpreterLogs tag "logs" {
        required {
            /// The text.
            logs: String,
        }
    }
}

object! {
    /// An image output of a code interpreter call.
    pub struct CodeInterpreterImage tag "image" {
        required {
            /// The URL of the image.
            url: String,
        }
    }
}

object! {
    /// A program written by the model that calls tools: API object `Program`.
    pub struct Program tag "program" {
        required {
            /// The id that pairs the program with its output and its calls.
            call_id: String,
            /// The source of the program.
            code: String,
            /// An opaque fingerprint that must be sent back unchanged.
            fingerprint: String,
        }
        optional {
            /// The item's id.
            id: String,
        }
    }
}

object! {
    /// The output of a program: API object `ProgramOutput`.
    pub struct ProgramOutput tag "program_output" {
        required {
            /// The id of the program.
            call_id: String,
            /// The result.
            result: String,
            /// The status of the item.
            status: ItemStatus,
        }
        optional {
            /// The item's id.
            id: String,
        }
    }
}
