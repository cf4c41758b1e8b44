//! The tools of a chat, how they are chosen and how they are called.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use crate::chat::ChatFunctionArguments;
use crate::wire::either::either;
use crate::wire::object::object;
use crate::wire::open::open_enum;
use crate::wire::tagged::{from_variants, tagged};
use crate::{AllowedToolsMode, GrammarSyntax, RawJson, ToolChoiceMode};

tagged! {
    /// A tool the model may use: API object `ChatCompletionToolUnionParam`.
    pub enum ChatTool {
        /// A function of the application.
        "function" => Function(ChatFunctionTool),
        /// A tool of the application that takes free text.
        "custom" => Custom(ChatCustomTool),
    }
}

from_variants!(ChatTool {
    Function(ChatFunctionTool),
    Custom(ChatCustomTool),
});

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
            /// What the model calls it.
            name: String,
        }
        optional {
            /// What it does, for the model.
            description: String,
            /// The JSON schema of its arguments; without it there are none.
            parameters: RawJson,
            /// Whether the arguments are made to fit the schema. The service assumes false.
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
            /// What the model calls it.
            name: String,
        }
        optional {
            /// What it does, for the model.
            description: String,
            /// What the text looks like.
            format: ChatCustomFormat,
        }
    }
}

tagged! {
    /// What the text for a custom tool looks like.
    pub enum ChatCustomFormat {
        /// Anything.
        "text" => Text(ChatTextToolFormat),
        /// What a grammar allows.
        "grammar" => Grammar(ChatGrammarFormat),
    }
}

from_variants!(ChatCustomFormat {
    Text(ChatTextToolFormat),
    Grammar(ChatGrammarFormat),
});

object! {
    /// Any text.
    pub struct ChatTextToolFormat tag "text" {
        required {}
    }
}

object! {
    /// Text that a grammar allows.
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
            /// How it is written.
            syntax: GrammarSyntax,
            /// The rules.
            definition: String,
        }
    }
}

tagged! {
    /// A call of a tool: API object `ChatCompletionMessageToolCallUnion`.
    pub enum ChatToolCall {
        untyped by untyped_call;
        /// A function is to be called.
        "function" => Function(ChatFunctionCall),
        /// A custom tool is to be called.
        "custom" => Custom(ChatCustomCall),
    }
}

from_variants!(ChatToolCall {
    Function(ChatFunctionCall),
    Custom(ChatCustomCall),
});

impl ChatToolCall {
    /// What pairs the call with its output; empty for a call of an unknown kind.
    pub fn id(&self) -> &str {
        match self {
            Self::Function(call) => &call.id,
            Self::Custom(call) => &call.id,
            Self::Unknown(_) => "",
        }
    }
}

object! {
    /// A function is to be called.
    pub struct ChatFunctionCall tag "function" {
        required {
            /// Pairs the call with its output.
            id: String,
            /// The function and its arguments.
            function: ChatFunctionArguments,
        }
    }
}

object! {
    /// A custom tool is to be called.
    pub struct ChatCustomCall tag "custom" {
        required {
            /// Pairs the call with its output.
            id: String,
            /// The tool and its input.
            custom: ChatCustomInput,
        }
    }
}

object! {
    /// A custom tool and its input.
    pub struct ChatCustomInput {
        required {
            /// The tool.
            name: String,
            /// The text for it.
            input: String,
        }
    }
}

either! {
    /// Which tools the model has to use.
    pub enum ChatToolChoice {
        /// None, some or any.
        text Mode(ToolChoiceMode),
        /// A certain one, or some of a selection.
        other Target(ChatToolChoiceTarget),
    }
}

tagged! {
    /// What the model has to use.
    pub enum ChatToolChoiceTarget {
        /// A function.
        "function" => Function(ChatFunctionChoice),
        /// A custom tool.
        "custom" => Custom(ChatCustomChoice),
        /// Tools out of a selection.
        "allowed_tools" => AllowedTools(ChatAllowedToolsChoice),
    }
}

from_variants!(ChatToolChoiceTarget {
    Function(ChatFunctionChoice),
    Custom(ChatCustomChoice),
    AllowedTools(ChatAllowedToolsChoice),
});

object! {
    /// The model calls this function.
    pub struct ChatFunctionChoice tag "function" {
        required {
            /// The function.
            function: ChatFunctionName,
        }
    }
}

object! {
    /// The model uses this custom tool.
    pub struct ChatCustomChoice tag "custom" {
        required {
            /// The tool.
            custom: ChatFunctionName,
        }
    }
}

object! {
    /// The name of a function or tool.
    pub struct ChatFunctionName {
        required {
            /// The name.
            name: String,
        }
    }
}

object! {
    /// The model uses tools out of a selection.
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
            /// Whether the model has to use one.
            mode: AllowedToolsMode,
            /// The tools, each in the form of a definition.
            tools: Vec<RawJson>,
        }
    }
}

either! {
    /// Which function the model has to call; older.
    pub enum ChatFunctionCallOption {
        /// None, or as it thinks fit.
        text Mode(ChatFunctionCallMode),
        /// This one.
        other Function(ChatFunctionName),
    }
}

open_enum! {
    /// Whether the model calls functions at all; older.
    pub enum ChatFunctionCallMode {
        /// It does not.
        None = "none",
        /// As it thinks fit.
        Auto = "auto",
    }
}

/// The kind of a call that does not say: some servers leave `type` out.
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
