//! The choices of a program about its conversation.

/// Whether a session places breakpoints of the prompt cache; see
/// [`Session::with_cache_breakpoints`](crate::Session::with_cache_breakpoints).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum CacheBreakpoints {
    /// The session places none.
    #[default]
    None,
    /// The session places them at the end of what later requests repeat, where the model and the
    /// backend take them.
    Automatic,
}

/// The action of a session when the service refuses an image or a file of the conversation, or
/// encrypted reasoning that it can no longer verify; see
/// [`Session::with_refused_content`](crate::Session::with_refused_content).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum RefusedContent {
    /// The turn fails with the error of the service.
    #[default]
    Fail,
    /// A text for the model replaces the image or the file, or the encrypted reasoning is left out,
    /// and the turn is sent once more.
    Replace,
}
