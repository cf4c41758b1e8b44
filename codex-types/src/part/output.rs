//! What the model writes.

use alloc::string::String;
use alloc::vec::Vec;

use crate::Number;
use crate::part::Annotation;
use crate::wire::object::object;
use crate::wire::tagged::{from_variants, tagged};

tagged! {
    /// One part of a message or of reasoning, as the model wrote it.
    pub enum OutputPart {
        /// Text: API object `ResponseOutputText`.
        "output_text" => Text(OutputText),
        /// The model declining: API object `ResponseOutputRefusal`.
        "refusal" => Refusal(Refusal),
        /// Reasoning: occurs in `response.content_part.added` and `.done` of a reasoning item.
        "reasoning_text" => ReasoningText(ReasoningText),
        /// Text without annotations: the ChatGPT backend, in reasoning.
        "text" => PlainText(PlainText),
        /// A summary of reasoning: API object `SummaryTextContent`.
        "summary_text" => SummaryText(SummaryText),
    }
}

from_variants!(OutputPart {
    Text(OutputText),
    Refusal(Refusal),
    ReasoningText(ReasoningText),
    PlainText(PlainText),
    SummaryText(SummaryText),
});

impl OutputPart {
    /// The text of an `output_text` part.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(part) => Some(&part.text),
            _ => None,
        }
    }

    /// The words of a `refusal` part.
    pub fn as_refusal(&self) -> Option<&str> {
        match self {
            Self::Refusal(part) => Some(&part.refusal),
            _ => None,
        }
    }
}

tagged! {
    /// One part of the content of a reasoning item.
    pub enum ReasoningPart {
        /// Reasoning in the model's own words: API object `ResponseReasoningItem.Content`.
        "reasoning_text" => ReasoningText(ReasoningText),
        /// The same under its older name, from the ChatGPT backend.
        "text" => PlainText(PlainText),
    }
}

from_variants!(ReasoningPart {
    ReasoningText(ReasoningText),
    PlainText(PlainText),
});

impl ReasoningPart {
    /// The text, of whichever kind.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::ReasoningText(part) => Some(&part.text),
            Self::PlainText(part) => Some(&part.text),
            Self::Unknown(_) => None,
        }
    }
}

tagged! {
    /// One part of the summary of a reasoning item.
    pub enum SummaryPart {
        /// Text: API object `ResponseReasoningItem.Summary`.
        "summary_text" => SummaryText(SummaryText),
    }
}

from_variants!(SummaryPart {
    SummaryText(SummaryText),
});

impl SummaryPart {
    /// The text.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::SummaryText(part) => Some(&part.text),
            Self::Unknown(_) => None,
        }
    }
}

object! {
    /// Text the model wrote.
    pub struct OutputText tag "output_text" {
        required {
            /// The text.
            text: String,
        }
        plain {
            /// The sources the text refers to.
            annotations: Vec<Annotation>,
        }
        optional {
            /// How likely each token was; only if `include` asked for it.
            logprobs: Vec<Logprob>,
        }
    }
}

object! {
    /// The model declining to answer.
    pub struct Refusal tag "refusal" {
        required {
            /// What it says.
            refusal: String,
        }
    }
}

object! {
    /// Reasoning in the model's own words.
    pub struct ReasoningText tag "reasoning_text" {
        required {
            /// The text.
            text: String,
        }
    }
}

object! {
    /// Text and nothing else.
    pub struct PlainText tag "text" {
        required {
            /// The text.
            text: String,
        }
    }
}

object! {
    /// A summary of reasoning.
    pub struct SummaryText tag "summary_text" {
        required {
            /// The text.
            text: String,
        }
    }
}

object! {
    /// How likely a token was.
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
            /// The likeliest tokens in this place.
            top_logprobs: Vec<TopLogprob>,
        }
    }
}

object! {
    /// One of the likeliest tokens in a place.
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
