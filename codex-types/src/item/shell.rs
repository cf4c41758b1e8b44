//! Commands and patches that the client executes for the model.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use crate::Map;
use crate::item::{Caller, ItemStatus};
use crate::tool::ShellEnvironment;
use crate::wire::object::object;
use crate::wire::tagged::tagged;

object! {
    /// A call to run one command locally: API object `LocalShellCall`.
    pub struct LocalShellCall tag "local_shell_call" {
        required {
            /// The command to run.
            action: LocalShellAction,
            /// The status of the call.
            status: ItemStatus,
        }
        optional {
            /// The id that pairs the call with its output.
            call_id: String,
            /// The item's id.
            id: String,
        }
    }
}

object! {
    /// A command and its environment.
    pub struct LocalShellAction tag "exec" {
        required {
            /// The program and its arguments.
            command: Vec<String>,
        }
        optional {
            /// The environment variables.
            env: Map<String>,
            /// The timeout in milliseconds.
            timeout_ms = u64,
            /// The user that runs it.
            user: String,
            /// The working directory.
            working_directory: String,
        }
    }
}

object! {
    /// The output of a local command: API object `LocalShellCallOutput`.
    pub struct LocalShellCallOutput tag "local_shell_call_output" {
        required {
            /// The id of the call.
            id: String,
            /// The output, as JSON in text.
            output: String,
        }
        optional {
            /// The status of the item.
            status: ItemStatus,
        }
    }
}

object! {
    /// A call to run commands in a shell: API object `ResponseFunctionShellToolCall`.
    pub struct ShellCall tag "shell_call" {
        required {
            /// The id that pairs the call with its output.
            call_id: String,
            /// The commands to run.
            action: ShellAction,
        }
        optional {
            /// The item's id.
            id: String,
            /// The status of the call.
            status: ItemStatus,
            /// The environment to run in.
            environment: Box<ShellEnvironment>,
            /// The caller: the model or a program.
            caller: Box<Caller>,
            /// The agent that created the item.
            created_by: String,
        }
    }
}

object! {
    /// The shell commands of a call and their limits.
    pub struct ShellAction {
        required {
            /// The commands, each a command line.
            commands: Vec<String>,
        }
        optional {
            /// The maximum number of characters of output to return.
            max_output_length = u64,
            /// The timeout in milliseconds.
            timeout_ms = u64,
        }
    }
}

object! {
    /// The output of shell commands: API object `ResponseFunctionShellToolCallOutput`.
    pub struct ShellCallOutput tag "shell_call_output" {
        required {
            /// The id of the call.
            call_id: String,
            /// One entry for each command.
            output: Vec<ShellOutput>,
        }
        optional {
            /// The maximum number of characters of output.
            max_output_length = u64,
            /// The item's id.
            id: String,
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
    /// The output of one command.
    pub struct ShellOutput {
        required {
            /// Standard output.
            stdout: String,
            /// Standard error.
            stderr: String,
            /// The outcome.
            outcome: ShellOutcome,
        }
        optional {
            /// The actor that created the entry.
            created_by: String,
        }
    }
}

tagged! {
    /// The outcome of a command.
    pub enum ShellOutcome {
        /// The command timed out.
        "timeout" => Timeout(ShellTimeout),
        /// The command exited.
        "exit" => Exit(ShellExit),
    }
}

object! {
    /// A command that timed out.
    pub struct ShellTimeout tag "timeout" {
        required {}
    }
}

object! {
    /// A command that exited.
    pub struct ShellExit tag "exit" {
        required {
            /// The exit status.
            exit_code = i64,
        }
    }
}

object! {
    /// A call to change a file: API object `ResponseApplyPatchToolCall`.
    pub struct ApplyPatchCall tag "apply_patch_call" {
        required {
            /// The id that pairs the call with its output.
            call_id: String,
            /// The operation.
            operation: ApplyPatchOperation,
            /// The status of the call.
            status: ItemStatus,
        }
        optional {
            /// The item's id.
            id: String,
            /// The caller: the model or a program.
            caller: Box<Caller>,
            /// The agent that created the item.
            created_by: String,
        }
    }
}

tagged! {
    /// An operation on a file.
    pub enum ApplyPatchOperation {
        /// Create the file.
        "create_file" => CreateFile(CreateFile),
        /// Delete the file.
        "delete_file" => DeleteFile(DeleteFile),
        /// Update the file.
        "update_file" => UpdateFile(UpdateFile),
    }
}

object! {
    /// The creation of a file.
    pub struct CreateFile tag "create_file" {
        required {
            /// The path of the file.
            path: String,
            /// The content, as a diff.
            diff: String,
        }
    }
}

object! {
    /// The deletion of a file.
    pub struct DeleteFile tag "delete_file" {
        required {
            /// The path of the file.
            path: String,
        }
    }
}

object! {
    /// The update of a file.
    pub struct UpdateFile tag "update_file" {
        required {
            /// The path of the file.
            path: String,
            /// The changes, as a diff.
            diff: String,
        }
    }
}

object! {
    /// The result of a file change: API object `ResponseApplyPatchToolCallOutput`.
    pub struct ApplyPatchCallOutput tag "apply_patch_call_output" {
        required {
            /// The id of the call.
            call_id: String,
            /// `completed` or `failed`.
            status: ItemStatus,
        }
        optional {
            /// The output text.
            output: String,
            /// The item's id.
            id: String,
            /// The caller: the model or a program.
            caller: Box<Caller>,
            /// The agent that created the item.
            created_by: String,
        }
    }
}
