use core::fmt;

/// An action that may resolve a refusal; see [`Reason::remedy`](crate::Reason::remedy).
///
/// A program uses the variant to decide what to offer (a button, a wait, another attempt);
/// `Display` is a sentence for the user.
///
/// ```
/// use codex_client::Remedy;
///
/// assert_eq!(Remedy::ShortenConversation.to_string(), "shorten or compact the conversation");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Remedy {
    /// Wait until the limit of the plan resets, or use an API key.
    WaitForReset,
    /// Check the usage of the plan, which may have a cap for this program alone. The server does
    /// not say when it resets.
    ManageUsage,
    /// Choose a plan that includes the feature.
    ChangePlan,
    /// Sign in again, or check the API key.
    SignInAgain,
    /// Sign in again and grant the missing scopes. Offer this once: repeating it does not change
    /// the result.
    GrantScopes,
    /// Sign in again and choose the workspace.
    ChooseWorkspace,
    /// Contact the owner of the account, the project or the program.
    AskForAccess,
    /// Use another network.
    ChangeNetwork,
    /// Change the request.
    ChangeRequest,
    /// Shorten or compact the conversation.
    ShortenConversation,
    /// Request something else.
    AskForSomethingElse,
    /// Pay, or raise the spending limit.
    AddCredit,
    /// Wait for as long as the server requests, and send fewer requests at once.
    SlowDown,
    /// Resend the whole conversation.
    SendEverything,
    /// Try again later.
    TryLater,
}

impl Remedy {
    /// Returns the sentence, without a full stop.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::WaitForReset => "wait until the limit resets, or use an API key",
            Self::ManageUsage => "check the usage of the plan, or use an API key",
            Self::ChangePlan => "choose a plan that includes the feature, or use an API key",
            Self::SignInAgain => "sign in again, or check the API key",
            Self::GrantScopes => "sign in again and grant the missing scopes",
            Self::ChooseWorkspace => {
                "sign in again and choose the workspace, or send its account id"
            }
            Self::AskForAccess => "request access from the owner of the account or project",
            Self::ChangeNetwork => "use another network or proxy",
            Self::ChangeRequest => {
                "correct the request; the server's message names the invalid part"
            }
            Self::ShortenConversation => "shorten or compact the conversation",
            Self::AskForSomethingElse => "request something else",
            Self::AddCredit => "add credit, or raise the spending limit",
            Self::SlowDown => {
                "wait for as long as the server requires, and send fewer requests at once"
            }
            Self::SendEverything => "resend the whole conversation",
            Self::TryLater => "try again later",
        }
    }
}

impl fmt::Display for Remedy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
