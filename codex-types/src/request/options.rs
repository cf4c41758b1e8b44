//! The smaller parts of a request.

use alloc::string::String;

use crate::Map;
use crate::part::{InputPart, PromptCacheTtl};
use crate::wire::either::either;
use crate::wire::object::object;
use crate::wire::open::open_enum;

object! {
    /// How much to think: API object `Reasoning`.
    pub struct Reasoning {
        required {}
        optional {
            /// How much.
            effort: Effort,
            /// How it is told what was thought. Without it no summary is sent.
            summary: ReasoningSummary,
            /// Which earlier thoughts are kept in mind.
            context: ReasoningContext,
            /// With how much more computation.
            mode: ReasoningMode,
            /// The older name of `summary`.
            generate_summary: ReasoningSummary,
        }
    }
}

open_enum! {
    /// How much the model thinks.
    pub enum Effort {
        /// Not at all.
        None = "none",
        /// Hardly.
        Minimal = "minimal",
        /// A little.
        Low = "low",
        /// Some.
        Medium = "medium",
        /// Much.
        High = "high",
        /// Very much.
        XHigh = "xhigh",
        /// As much as it can.
        Max = "max",
        /// More than it usually can: offered by some models of the ChatGPT backend.
        Ultra = "ultra",
    }
}

open_enum! {
    /// How what the model thought is told.
    pub enum ReasoningSummary {
        /// As the model does best.
        Auto = "auto",
        /// Briefly.
        Concise = "concise",
        /// At length.
        Detailed = "detailed",
    }
}

open_enum! {
    /// Which earlier thoughts the model keeps in mind.
    pub enum ReasoningContext {
        /// As the model does best.
        Auto = "auto",
        /// Those of this turn.
        CurrentTurn = "current_turn",
        /// All.
        AllTurns = "all_turns",
    }
}

open_enum! {
    /// With how much computation the model thinks.
    pub enum ReasoningMode {
        /// The usual.
        Standard = "standard",
        /// More.
        Pro = "pro",
    }
}

open_enum! {
    /// At what length the model answers.
    pub enum Verbosity {
        /// Briefly.
        Low = "low",
        /// As usual.
        Medium = "medium",
        /// At length.
        High = "high",
    }
}

open_enum! {
    /// What a response holds beyond the usual.
    pub enum Include {
        /// What a search of files found.
        FileSearchResults = "file_search_call.results",
        /// What a search of the web found.
        WebSearchResults = "web_search_call.results",
        /// The pages a search of the web looked at.
        WebSearchSources = "web_search_call.action.sources",
        /// The images of messages.
        InputImageUrl = "message.input_image.image_url",
        /// The pictures of a computer's screen.
        ComputerImageUrl = "computer_call_output.output.image_url",
        /// What came out of code.
        CodeInterpreterOutputs = "code_interpreter_call.outputs",
        /// What the model thought, for sending it back when nothing is stored.
        ReasoningEncryptedContent = "reasoning.encrypted_content",
        /// How likely each token was.
        OutputTextLogprobs = "message.output_text.logprobs",
    }
}

open_enum! {
    /// How soon a request is served.
    pub enum ServiceTier {
        /// As the project is set up.
        Auto = "auto",
        /// As usual.
        Default = "default",
        /// Later, for less.
        Flex = "flex",
        /// Out of capacity that was bought ahead.
        Scale = "scale",
        /// Sooner, for more.
        Priority = "priority",
        /// Sooner, by another name.
        Fast = "fast",
        /// Soonest.
        UltraFast = "ultrafast",
    }
}

open_enum! {
    /// What happens when the input is too long.
    pub enum Truncation {
        /// Items are left out.
        Auto = "auto",
        /// The request fails.
        Disabled = "disabled",
    }
}

open_enum! {
    /// How long cached work is kept.
    pub enum PromptCacheRetention {
        /// As long as there is room.
        InMemory = "in_memory",
        /// A day.
        Hours24 = "24h",
    }
}

object! {
    /// How the cache of prompts is used.
    pub struct PromptCacheOptions {
        required {}
        optional {
            /// Who says what is cached.
            mode: PromptCacheMode,
            /// How long it is kept.
            ttl: PromptCacheTtl,
            /// Only fill the cache.
            prewarm = bool,
            /// The response to compare the use of the cache with.
            comparison_response_id: String,
        }
    }
}

open_enum! {
    /// Who says what is cached.
    pub enum PromptCacheMode {
        /// The service.
        Implicit = "implicit",
        /// The request, with breakpoints.
        Explicit = "explicit",
    }
}

either! {
    /// The conversation a response belongs to.
    pub enum Conversation {
        /// Its id.
        text Id(String),
        /// An object with its id.
        other Reference(ConversationReference),
    }
}

object! {
    /// A conversation the service has stored.
    pub struct ConversationReference {
        required {
            /// The conversation.
            id: String,
        }
    }
}

object! {
    /// A prompt the service has stored: API object `ResponsePrompt`.
    pub struct Prompt {
        required {
            /// The prompt.
            id: String,
        }
        optional {
            /// Its version.
            version: String,
            /// What its variables stand for.
            variables: Map<PromptVariable>,
        }
    }
}

either! {
    /// What a variable of a stored prompt stands for.
    pub enum PromptVariable {
        /// Text.
        text Text(String),
        /// Text, an image or a file.
        other Part(InputPart),
    }
}

object! {
    /// What the service does about input that grows too long.
    pub struct ContextManagement {
        required {
            /// What it does: `compaction`.
            kind as "type": String,
        }
        optional {
            /// At how many tokens it does so.
            compact_threshold = u64,
        }
    }
}

object! {
    /// How a stream is sent.
    pub struct StreamOptions {
        required {}
        optional {
            /// Whether deltas carry padding that hides their length. The service assumes true.
            include_obfuscation = bool,
            /// When summaries of reasoning are sent: the ChatGPT backend.
            reasoning_summary_delivery: ReasoningSummaryDelivery,
        }
    }
}

open_enum! {
    /// When summaries of reasoning are sent.
    pub enum ReasoningSummaryDelivery {
        /// One after the other, and none once the answer has begun.
        SequentialCutoff = "sequential_cutoff",
    }
}

object! {
    /// How input and output are moderated.
    pub struct Moderation {
        required {
            /// The model that does it.
            model: String,
        }
        optional {
            /// What it does.
            policy: ModerationPolicy,
        }
    }
}

object! {
    /// What moderation does.
    pub struct ModerationPolicy {
        required {}
        optional {
            /// About the input.
            input: ModerationDirection,
            /// About the output.
            output: ModerationDirection,
        }
    }
}

object! {
    /// What moderation does in one direction.
    pub struct ModerationDirection {
        required {
            /// What it does.
            mode: ModerationMode,
        }
    }
}

open_enum! {
    /// What moderation does.
    pub enum ModerationMode {
        /// It reports.
        Score = "score",
        /// It stops the response.
        Block = "block",
    }
}

object! {
    /// How images in the input are treated.
    pub struct ImageContext {
        required {}
        optional {
            /// Whether older images are made smaller.
            context_compression: ImageContextCompression,
        }
    }
}

open_enum! {
    /// Whether older images are made smaller.
    pub enum ImageContextCompression {
        /// As the service thinks best.
        Auto = "auto",
        /// They are.
        Enabled = "enabled",
        /// They are not.
        Disabled = "disabled",
    }
}

object! {
    /// Special access an account has.
    pub struct AccessPrograms {
        required {}
        optional {
            /// To work on security.
            cyber: CyberAccess,
        }
    }
}

open_enum! {
    /// How far access to work on security goes.
    pub enum CyberAccess {
        /// As everybody's.
        Standard = "standard",
        /// To defend.
        DaybreakBlue = "daybreak_blue",
        /// To test by attacking.
        DaybreakRed = "daybreak_red",
    }
}
