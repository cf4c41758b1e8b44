//! Code the service runs.

use alloc::string::String;
use alloc::vec::Vec;

use crate::item::ItemStatus;
use crate::wire::object::object;
use crate::wire::tagged::{from_variants, tagged};

object! {
    /// Code the model ran in a container: API object `ResponseCodeInterpreterToolCall`.
    pub struct CodeInterpreterCall tag "code_interpreter_call" {
        required {
            /// The container.
            container_id: String,
            /// How far the call has come.
            status: ItemStatus,
        }
        optional {
            /// Names the item.
            id: String,
            /// The code.
            code: String,
            /// What came out; only if `include` asked for it.
            outputs: Vec<CodeInterpreterOutput>,
        }
    }
}

tagged! {
    /// What came out of code the service ran.
    pub enum CodeInterpreterOutput {
        /// Text.
        "logs" => Logs(CodeInterpreterLogs),
        /// An image.
        "image" => Image(CodeInterpreterImage),
    }
}

from_variants!(CodeInterpreterOutput {
    Logs(CodeInterpreterLogs),
    Image(CodeInterpreterImage),
});

object! {
    /// Text from running code.
    pub struct CodeInterpreterLogs tag "logs" {
        required {
            /// The text.
            logs: String,
        }
    }
}

object! {
    /// An image from running code.
    pub struct CodeInterpreterImage tag "image" {
        required {
            /// Where the image is.
            url: String,
        }
    }
}

object! {
    /// A program the model wrote that calls tools by itself: API object `Program`.
    pub struct Program tag "program" {
        required {
            /// Pairs the program with its output and with the calls it makes.
            call_id: String,
            /// The program.
            code: String,
            /// An opaque mark; has to be sent back as it is.
            fingerprint: String,
        }
        optional {
            /// Names the item.
            id: String,
        }
    }
}

object! {
    /// What a program gave back: API object `ProgramOutput`.
    pub struct ProgramOutput tag "program_output" {
        required {
            /// The program this answers.
            call_id: String,
            /// What it gave back.
            result: String,
            /// How far the item has come.
            status: ItemStatus,
        }
        optional {
            /// Names the item.
            id: String,
        }
    }
}
