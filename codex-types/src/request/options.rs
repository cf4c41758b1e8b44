//! The smaller types of a request.

use alloc::string::String;

use crate::Map;
use crate::part::{InputPart, PromptCacheTtl};
use crate::wire::either::either;
use crate::wire::object::object;
use crate::wire::open::open_enum;

object! {
    /// The reasoning options of a request: API object `Reasoning`.
    pub struct Reasoning {
        required {}
        optional {
            /// The effort.
            effort: Effort,
            /// The summary to return; by default none.
            summary: ReasoningSummary,
            /// The earlier reasoning that the model keeps in context.
            context: ReasoningContext,
            /// The reasoning mode.
            mode: ReasoningMode,
            /// The summary to return. Deprecated in favor of `summary`.
            generate_summary: ReasoningSummary,
        }
    }
}

open_enum! {
    /// The reasoning effort.
    pub enum Effort {
        /// No reasoning.
        None = "none",
        /// Minimal.
        Minimal = "minimal",
        /// Low.
        Low = "low",
        /// Medium.
        Medium = "medium",
        /// High.
        High = "high",
        /// Extra high.
        XHigh = "xhigh",
        /// The maximum.
        Max = "max",
        /// More than `max`; offered by some models of the ChatGPT backend.
        Ultra = "ultra",
    }
}

open_enum! {
    /// The form of a reasoning summary.
    pub enum ReasoningSummary {
        /// The model decides.
        Auto = "auto",
        /// Short.
        Concise = "concise",
        /// Long.
        Detailed = "detailed",
    }
}

open_enum! {
    /// The earlier reasoning that the model keeps in context.
    pub enum ReasoningContext {
        /// The model decides.
        Auto = "auto",
        /// The reasoning of the current turn.
        CurrentTurn = "current_turn",
        /// The reasoning of all turns.
        AllTurns = "all_turns",
    }
}

open_enum! {
    /// The reasoning mode.
    pub enum ReasoningMode {
        /// Standard.
        Standard = "standard",
        /// More computation.
        Pro = "pro",
    }
}

open_enum! {
    /// The verbosity of a response.
    pub enum Verbosity {
        /// Short.
        Low = "low",
        /// Medium.
        Medium = "medium",
        /// Long.
        High = "high",
    }
}

open_enum! {
    /// A kind of additional output data of a response.
    pub enum Include {
        /// The results of file searches.
        FileSearchResults = "file_search_call.results",
        /// The results of web searches.
        WebSearchResults = "web_search_call.results",
        /// The sources of web searches.
        WebSearchSources = "web_search_call.action.sources",
        /// The image URLs of messages.
        InputImageUrl = "message.input_image.image_url",
        /// The screenshots of computer use calls.
        ComputerImageUrl = "computer_call_output.output.image_url",
        /// The outputs of code interpreter calls.
        CodeInterpreterOutputs = "code_interpreter_call.outputs",
        /// The encrypted reasoning, for sending it back if nothing is stored.
        ReasoningEncryptedContent = "reasoning.encrypted_content",
        /// The log probabilities of the tokens.
        OutputTextLogprobs = "message.output_text.logprobs",
    }
}

open_enum! {
    /// The service tier of a request.
    pub enum ServiceTier {
        /// The project's setting.
        Auto = "auto",
        /// The default tier.
        Default = "default",
        /// Slower and cheaper.
        Flex = "flex",
        /// Prepaid capacity.
        Scale = "scale",
        /// Faster and more expensive.
        Priority = "priority",
        /// Faster, under another name.
        Fast = "fast",
        /// The fastest tier.
        UltraFast = "ultrafast",
    }
}

open_enum! {
    /// The truncation strategy for long input.
    pub enum Truncation {
        /// Items are left out to fit the context window.
        Auto = "auto",
        /// The request fails.
        Disabled = "disabled",
    }
}

open_enum! {
    /// The retention period of cached prefixes.
    pub enum PromptCacheRetention {
        /// While there is memory.
        InMemory = "in_memory",
        /// 24 hours.
        Hours24 = "24h",
    }
}

object! {
    /// The options of prompt caching.
    pub struct PromptCacheOptions {
        required {}
        optional {
            /// The side that controls caching.
            mode: PromptCacheMode,
            /// The lifetime of the cached prefix.
            ttl: PromptCacheTtl,
            /// Whether to fill the cache only.
            prewarm = bool,
            /// The id of a response to compare cache usage with.
            comparison_response_id: String,
        }
    }
}

open_enum! {
    /// The side that controls prompt caching.
    pub enum PromptCacheMode {
        /// The service.
        Implicit = "implicit",
        /// The request, with explicit breakpoints.
        Explicit = "explicit",
    }
}

either! {
    /// The conversation that a response belongs to.
    pub enum Conversation {
        /// The id of the conversation.
        text Id(String),
        /// An object with the id of the conversation.
        other Reference(ConversationReference),
    }
}

object! {
    /// A reference to a stored conversation.
    pub struct ConversationReference {
        required {
            /// The id of the conversation.
            id: String,
        }
    }
}

object! {
    /// A reference to a stored prompt: API object `ResponsePrompt`.
    pub struct Prompt {
        required {
            /// The id of the prompt.
            id: String,
        }
        optional {
            /// The version of the prompt.
            version: String,
            /// The values of its variables.
            variables: Map<PromptVariable>,
        }
    }
}

either! {
    /// The value of a variable of a stored prompt.
    pub enum PromptVariable {
        /// Text.
        text Text(String),
        /// Text, an image or a file.
        other Part(InputPart),
    }
}

object! {
    /// A rule by which the service manages long contexts.
    pub struct ContextManagement {
        required {
            /// The kind: `compaction`.
            kind as "type": String,
        }
        optional {
            /// The number of tokens that triggers it.
            compact_threshold = u64,
        }
    }
}

object! {
    /// The options of a stream.
    pub struct StreamOptions {
        required {}
        optional {
            /// Whether deltas contain padding that hides their length. The service's default is
            /// true.
            include_obfuscation = bool,
            /// The time at which reasoning summaries are sent (ChatGPT backend).
            reasoning_summary_delivery: ReasoningSummaryDelivery,
        }
    }
}

open_enum! {
    /// The time at which reasoning summaries are sent.
    pub enum ReasoningSummaryDelivery {
        /// Sequentially, and none once the output has begun.
        SequentialCutoff = "sequential_cutoff",
    }
}

object! {
    /// The moderation of input and output.
    pub struct Moderation {
        required {
            /// The moderation model.
            model: String,
        }
        optional {
            /// The policy.
            policy: ModerationPolicy,
        }
    }
}

object! {
    /// The moderation policies for input and output.
    pub struct ModerationPolicy {
        required {}
        optional {
            /// The policy for the input.
            input: ModerationDirection,
            /// The policy for the output.
            output: ModerationDirection,
        }
    }
}

object! {
    /// The moderation policy in one direction.
    pub struct ModerationDirection {
        required {
            /// The mode.
            mode: ModerationMode,
        }
    }
}

open_enum! {
    /// The moderation mode.
    pub enum ModerationMode {
        /// Report a score.
        Score = "score",
        /// Block the response.
        Block = "block",
    }
}

object! {
    /// The options for images in the input.
    pub struct ImageContext {
        required {}
        optional {
            /// Whether older images are downscaled.
            context_compression: ImageContextCompression,
        }
    }
}

open_enum! {
    /// The rule for downscaling older images.
    pub enum ImageContextCompression {
        /// The service decides.
        Auto = "auto",
        /// Enabled.
        Enabled = "enabled",
        /// Disabled.
        Disabled = "disabled",
    }
}

object! {
    /// The access programs of an account.
    pub struct AccessPrograms {
        required {}
        optional {
            /// Access for cybersecurity work.
            cyber: CyberAccess,
        }
    }
}

open_enum! {
    /// The level of access for cybersecurity work.
    pub enum CyberAccess {
        /// Standard access.
        Standard = "standard",
        /// Defensive work.
        DaybreakBlue = "daybreak_blue",
        /// Offensive testing.
        DaybreakRed = "daybreak_red",
    }
}

object! {
    /// The reasoning effort from here on.
    pub struct ConfigurationReasoning {
        required {}
        optional {
            /// The effort.
            effort: Effort,
        }
    }
}
