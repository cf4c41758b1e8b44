//! Commands and patches the client carries out for the model.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use crate::Map;
use crate::item::{Caller, ItemStatus};
use crate::tool::ShellEnvironment;
use crate::wire::object::object;
use crate::wire::tagged::{from_variants, tagged};

object! {
    /// The model asks for one command to be run here: API object `LocalShellCall`.
    pub struct LocalShellCall tag "local_shell_call" {
        required {
            /// What to run.
            action: LocalShellAction,
            /// How far the call has come.
            status: ItemStatus,
        }
        optional {
            /// Pairs the call with its output.
            call_id: String,
            /// Names the item.
            id: String,
        }
    }
}

object! {
    /// A command and its surroundings.
    pub struct LocalShellAction tag "exec" {
        required {
            /// The program and its arguments.
            command: Vec<String>,
        }
        optional {
            /// Variables of the environment.
            env: Map<String>,
            /// After how many milliseconds to give up.
            timeout_ms = u64,
            /// Who runs it.
            user: String,
            /// Where it runs.
            working_directory: String,
        }
    }
}

object! {
    /// What a local command gave back: API object `LocalShellCallOutput`.
    pub struct LocalShellCallOutput tag "local_shell_call_output" {
        required {
            /// Names the call this answers.
            id: String,
            /// What it gave back, as JSON in text.
            output: String,
        }
        optional {
            /// How far the item has come.
            status: ItemStatus,
        }
    }
}

object! {
    /// The model asks for commands to be run in a shell: API object `ResponseFunctionShellToolCall`.
    pub struct ShellCall tag "shell_call" {
        required {
            /// Pairs the call with its output.
            call_id: String,
            /// What to run.
            action: ShellAction,
        }
        optional {
            /// Names the item.
            id: String,
            /// How far the call has come.
            status: ItemStatus,
            /// Where to run it.
            environment: Box<ShellEnvironment>,
            /// What made the call.
            caller: Box<Caller>,
            /// Who made the item.
            created_by: String,
        }
    }
}

object! {
    /// Commands and their limits.
    pub struct ShellAction {
        required {
            /// The commands, each a line for the shell.
            commands: Vec<String>,
        }
        optional {
            /// How many characters of output to give back at most.
            max_output_length = u64,
            /// After how many milliseconds to give up.
            timeout_ms = u64,
        }
    }
}

object! {
    /// What commands gave back: API object `ResponseFunctionShellToolCallOutput`.
    pub struct ShellCallOutput tag "shell_call_output" {
        required {
            /// The call this answers.
            call_id: String,
            /// One entry for each command.
            output: Vec<ShellOutput>,
        }
        optional {
            /// How many characters of output there may be.
            max_output_length = u64,
            /// Names the item.
            id: String,
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
    /// What one command gave back.
    pub struct ShellOutput {
        required {
            /// What it printed.
            stdout: String,
            /// What it printed as errors.
            stderr: String,
            /// How it ended.
            outcome: ShellOutcome,
        }
        optional {
            /// Who made the entry.
            created_by: String,
        }
    }
}

tagged! {
    /// How a command ended.
    pub enum ShellOutcome {
        /// It took too long.
        "timeout" => Timeout(ShellTimeout),
        /// It ended by itself.
        "exit" => Exit(ShellExit),
    }
}

from_variants!(ShellOutcome {
    Timeout(ShellTimeout),
    Exit(ShellExit),
});

object! {
    /// A command took too long.
    pub struct ShellTimeout tag "timeout" {
        required {}
    }
}

object! {
    /// A command ended by itself.
    pub struct ShellExit tag "exit" {
        required {
            /// Its exit status.
            exit_code = i64,
        }
    }
}

object! {
    /// The model asks for a file to be changed: API object `ResponseApplyPatchToolCall`.
    pub struct ApplyPatchCall tag "apply_patch_call" {
        required {
            /// Pairs the call with its output.
            call_id: String,
            /// What to do.
            operation: ApplyPatchOperation,
            /// How far the call has come.
            status: ItemStatus,
        }
        optional {
            /// Names the item.
            id: String,
            /// What made the call.
            caller: Box<Caller>,
            /// Who made the item.
            created_by: String,
        }
    }
}

tagged! {
    /// What to do with a file.
    pub enum ApplyPatchOperation {
        /// Make it.
        "create_file" => CreateFile(CreateFile),
        /// Remove it.
        "delete_file" => DeleteFile(DeleteFile),
        /// Change it.
        "update_file" => UpdateFile(UpdateFile),
    }
}

from_variants!(ApplyPatchOperation {
    CreateFile(CreateFile),
    DeleteFile(DeleteFile),
    UpdateFile(UpdateFile),
});

object! {
    /// Make a file.
    pub struct CreateFile tag "create_file" {
        required {
            /// Where.
            path: String,
            /// What is in it, as a diff.
            diff: String,
        }
    }
}

object! {
    /// Remove a file.
    pub struct DeleteFile tag "delete_file" {
        required {
            /// Which.
            path: String,
        }
    }
}

object! {
    /// Change a file.
    pub struct UpdateFile tag "update_file" {
        required {
            /// Which.
            path: String,
            /// What changes, as a diff.
            diff: String,
        }
    }
}

object! {
    /// How a change of a file went: API object `ResponseApplyPatchToolCallOutput`.
    pub struct ApplyPatchCallOutput tag "apply_patch_call_output" {
        required {
            /// The call this answers.
            call_id: String,
            /// Completed or failed.
            status: ItemStatus,
        }
        optional {
            /// What there is to say about it.
            output: String,
            /// Names the item.
            id: String,
            /// What made the call.
            caller: Box<Caller>,
            /// Who made the item.
            created_by: String,
        }
    }
}
