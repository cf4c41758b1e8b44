//! The choices of a program about its conversation.

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
