//! The tools of a chat, their choice and their calls.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use crate::wire::either::either;
use crate::wire::object::object;
use crate::wire::open::open_enum;
use crate::wire::tagged::tagged;
use crate::{AllowedToolsMode, GrammarSyntax, RawJson, ToolChoiceMode};

tagged! {
    /// A tool that the model may call: API object `ChatCompletionToolUnionParam`.
    pub enum ChatTool {
        /// A function of the application.
        "function" => Function(ChatFunctionTool),
        /// A tool of the application that takes free text.
        "custom" => Custom(ChatCustomTool),
    }
}

object! {
    /// A function of the application.
    pub struct ChatFunctionTool tag "function" {
        required {
            /// The function.
            function: ChatFunction,
        }
    }
}

object! {
    /// A function: API object `FunctionDefinition`.
    pub struct ChatFunction {
        required {
            /// The name of the function.
            name: String,
        }
        optional {
            /// The purpose of the function, for the model.
            description: String,
            /// The JSON schema of the arguments; without it the function takes none.
            parameters: RawJson,
            /// Whether the arguments must conform to the schema exactly (strict mode). The
            /// service's default is false.
            strict = bool,
        }
    }
}

object! {
    /// A tool of the application that takes free text.
    pub struct ChatCustomTool tag "custom" {
        required {
            /// The tool.
            custom: ChatCustom,
        }
    }
}

object! {
    /// A tool that takes free text.
    pub struct ChatCustom {
        required {
            /// The name of the tool.
            name: String,
        }
        optional {
            /// The purpose of the tool, for the model.
            description: String,
            /// The format of the input.
            format: ChatCustomFormat,
        }
    }
}

tagged! {
    /// The input format of a custom tool.
    pub enum ChatCustomFormat {
        /// Any text.
        "text" => Text(ChatTextToolFormat),
        /// Text that conforms to a grammar.
        "grammar" => Grammar(ChatGrammarFormat),
    }
}

object! {
    /// A format that accepts any text as the input of a custom tool.
    pub struct ChatTextToolFormat tag "text" {
        required {}
    }
}

object! {
    /// A format that accepts text that conforms to a grammar as the input of a custom tool.
    pub struct ChatGrammarFormat tag "grammar" {
        required {
            /// The grammar.
            grammar: ChatGrammar,
        }
    }
}

object! {
    /// A grammar.
    pub struct ChatGrammar {
        required {
            /// The syntax of the definition.
            syntax: GrammarSyntax,
            /// The definition of the grammar.
            definition: String,
        }
    }
}

tagged! {
    /// A tool call: API object `ChatCompletionMessageToolCallUnion`.
    pub enum ChatToolCall {
        untyped by untyped_call;
        /// A function call.
        "function" => Function(ChatFunctionCall),
        /// A custom tool call.
        "custom" => Custom(ChatCustomCall),
    }
}

impl ChatToolCall {
    /// Returns the id that pairs the call with its output; empty for a call of an unknown kind.
    pub fn id(&self) -> &str {
        match self {
            Self::Function(call) => &call.id,
            Self::Custom(call) => &call.id,
            Self::Unknown(_) => "",
        }
    }
}

object! {
    /// A function call.
    pub struct ChatFunctionCall tag "function" {
        required {
            /// The id that pairs the call with its output.
            id: String,
            /// The name and arguments of the function.
            function: ChatFunctionArguments,
        }
    }
}

object! {
    /// A custom tool call.
    pub struct ChatCustomCall tag "custom" {
        required {
            /// The id that pairs the call with its output.
            id: String,
            /// The name and input of the tool.
            custom: ChatCustomInput,
        }
    }
}

object! {
    /// The name and input of a custom tool call.
    pub struct ChatCustomInput {
        required {
            /// The name of the tool.
            name: String,
            /// The input text.
            input: String,
        }
    }
}

either! {
    /// The tools that the model must call.
    pub enum ChatToolChoice {
        /// No tool, a tool of the model's choice, or at least one.
        text Mode(ToolChoiceMode),
        /// A specific tool, or tools of a selection.
        other Target(ChatToolChoiceTarget),
    }
}

tagged! {
    /// A specific tool choice.
    pub enum ChatToolChoiceTarget {
        /// A function.
        "function" => Function(ChatFunctionChoice),
        /// A custom tool.
        "custom" => Custom(ChatCustomChoice),
        /// Tools of a selection.
        "allowed_tools" => AllowedTools(ChatAllowedToolsChoice),
    }
}

object! {
    /// A function that the model must call.
    pub struct ChatFunctionChoice tag "function" {
        required {
            /// The function.
            function: ChatFunctionName,
        }
    }
}

object! {
    /// A custom tool that the model must call.
    pub struct ChatCustomChoice tag "custom" {
        required {
            /// The tool.
            custom: ChatFunctionName,
        }
    }
}

object! {
    /// The name of a function or custom tool.
    pub struct ChatFunctionName {
        required {
            /// The name.
            name: String,
        }
    }
}

object! {
    /// A selection of tools that the model may call.
    pub struct ChatAllowedToolsChoice tag "allowed_tools" {
        required {
            /// The selection.
            allowed_tools: ChatAllowedTools,
        }
    }
}

object! {
    /// A selection of tools.
    pub struct ChatAllowedTools {
        required {
            /// Whether the model must call one of them.
            mode: AllowedToolsMode,
            /// The tools, each as a tool definition.
            tools: Vec<RawJson>,
        }
    }
}

either! {
    /// The function that the model must call. Deprecated in favor of `tool_choice`.
    pub enum ChatFunctionCallOption {
        /// No function, or one of the model's choice.
        text Mode(ChatFunctionCallMode),
        /// The model must call this function.
        other Function(ChatFunctionName),
    }
}

open_enum! {
    /// The rule for whether the model calls functions. Deprecated in favor of `tool_choice`.
    pub enum ChatFunctionCallMode {
        /// The model calls no function.
        None = "none",
        /// The model decides.
        Auto = "auto",
    }
}

/// Returns the kind of a call without `type`, which some servers omit.
fn untyped_call(keys: &[(Box<str>, RawJson)]) -> Option<&'static str> {
    let has = |key: &str| keys.iter().any(|(name, _)| **name == *key);
    if has("function") {
        Some("function")
    } else if has("custom") {
        Some("custom")
    } else {
        None
    }
}

object! {
    /// The name and arguments of a function call.
    pub struct ChatFunctionArguments {
        required {
            /// The name of the function.
            name: String,
            /// The arguments, JSON as text.
            arguments: String,
        }
    }
}
