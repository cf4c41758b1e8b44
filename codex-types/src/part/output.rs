//! The output parts of the model.

use alloc::string::String;
use alloc::vec::Vec;

use crate::Number;
use crate::part::Annotation;
use crate::wire::object::object;
use crate::wire::tagged::tagged;

tagged! {
    /// A part of a message or of reasoning.
    pub enum OutputPart {
        /// Text: API object `ResponseOutputText`.
        "output_text" => Text(OutputText),
        /// A refusal: API object `ResponseOutputRefusal`.
        "refusal" => Refusal(Refusal),
        /// Reasoning: occurs in `response.content_part.added` and `.done` of a reasoning item.
        "reasoning_text" => ReasoningText(ReasoningText),
        /// Text without annotations: the ChatGPT backend, in reasoning.
        "text" => PlainText(PlainText),
        /// A summary of reasoning: API object `SummaryTextContent`.
        "summary_text" => SummaryText(SummaryText),
    }
}

impl OutputPart {
    /// Returns the text of an `output_text` part; `None` for other parts.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(part) => Some(&part.text),
            _ => None,
        }
    }

    /// Returns the text of a `refusal` part; `None` for other parts.
    pub fn as_refusal(&self) -> Option<&str> {
        match self {
            Self::Refusal(part) => Some(&part.refusal),
            _ => None,
        }
    }
}

tagged! {
    /// A part of the content of a reasoning item.
    pub enum ReasoningPart {
        /// Reasoning text: API object `ResponseReasoningItem.Content`.
        "reasoning_text" => ReasoningText(ReasoningText),
        /// Reasoning text under its older name, from the ChatGPT backend.
        "text" => PlainText(PlainText),
    }
}

impl ReasoningPart {
    /// Returns the reasoning text of the part; `None` for a part of an unknown kind.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::ReasoningText(part) => Some(&part.text),
            Self::PlainText(part) => Some(&part.text),
            Self::Unknown(_) => None,
        }
    }
}

tagged! {
    /// A part of the summary of a reasoning item.
    pub enum SummaryPart {
        /// Text: API object `ResponseReasoningItem.Summary`.
        "summary_text" => SummaryText(SummaryText),
    }
}

impl SummaryPart {
    /// Returns the text of the part; `None` for a part of an unknown kind.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::SummaryText(part) => Some(&part.text),
            Self::Unknown(_) => None,
        }
    }
}

object! {
    /// A text part of the model.
    pub struct OutputText tag "output_text" {
        required {
            /// The text.
            text: String,
        }
        plain {
            /// The sources that the text cites.
            annotations: Vec<Annotation>,
        }
        optional {
            /// The log probabilities of the tokens; only if `include` requested them.
            logprobs: Vec<Logprob>,
        }
    }
}

object! {
    /// A refusal of the model.
    pub struct Refusal tag "refusal" {
        required {
            /// The text.
            refusal: String,
        }
    }
}

object! {
    /// A reasoning text part.
    pub struct ReasoningText tag "reasoning_text" {
        required {
            /// The text.
            text: String,
        }
    }
}

object! {
    /// A text part without annotations.
    pub struct PlainText tag "text" {
        required {
            /// The text.
            text: String,
        }
    }
}

object! {
    /// The summary of reasoning.
    pub struct SummaryText tag "summary_text" {
        required {
            /// The text.
            text: String,
        }
    }
}

object! {
    /// The log probability of a token.
    pub struct Logprob {
        required {
            /// The token.
            token: String,
            /// The natural logarithm of its probability.
            logprob: Number,
        }
        optional {
            /// The token in UTF-8; a token may be part of a character.
            bytes: Vec<u32>,
            /// The most likely tokens at this position.
            top_logprobs: Vec<TopLogprob>,
        }
    }
}

object! {
    /// One of the most likely tokens at a position.
    pub struct TopLogprob {
        required {}
        optional {
            /// The token.
            token: String,
            /// The natural logarithm of its probability.
            logprob: Number,
            /// The token in UTF-8.
            bytes: Vec<u32>,
        }
    }
}
