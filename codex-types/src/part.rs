//! The parts of messages, tool outputs and reasoning.

mod annotation;
mod input;
mod output;

pub use annotation::{Annotation, ContainerFileCitation, FileCitation, FilePath, UrlCitation};
pub use input::{
    AudioFormat, ComputerScreenshot, EncryptedContent, ImageDetail, InputAudio, InputAudioData,
    InputFile, InputImage, InputPart, InputText, PromptCacheBreakpoint, PromptCacheTtl,
};
pub use output::{
    Logprob, OutputPart, OutputText, PlainText, ReasoningPart, ReasoningText, Refusal, SummaryPart,
    SummaryText, TopLogprob,
};
