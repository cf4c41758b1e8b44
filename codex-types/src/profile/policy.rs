//! The action for each diagnostic.

use alloc::vec::Vec;

use crate::lint::{Finding, FindingCode, Severity};
use crate::profile::{Channel, RequestForm, Text};

/// The action for each diagnostic when a request is fitted to a profile.
///
/// By default, changes that keep the meaning are made, and changes that would lose something fail.
///
/// ```
/// use codex_types::CreateResponse;
/// use codex_types::profile::{FitPolicy, OnFinding, Profile};
///
/// let request = CreateResponse::new("gpt-5.5").input("Hi").max_output_tokens(100);
/// let unfit = Profile::chatgpt().fit(&request, &FitPolicy::new()).unwrap_err();
/// assert_eq!(unfit.findings()[0].pointer, "/max_output_tokens");
///
/// let lenient = FitPolicy::new().at("/max_output_tokens", OnFinding::Strip);
/// let fitted = Profile::chatgpt().fit(&request, &lenient).unwrap();
/// assert_eq!(fitted.request.max_output_tokens, None);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FitPolicy {
    /// The action for changes that keep the meaning.
    pub harmless: OnFinding,
    /// The action for changes that lose something.
    pub lossy: OnFinding,
    /// Exceptions by diagnostic code.
    pub by_code: Vec<(FindingCode, OnFinding)>,
    /// Exceptions by location, a JSON Pointer; they take precedence over those by code.
    pub by_pointer: Vec<(Text, OnFinding)>,
    /// The channel over which the request will be sent.
    pub channel: Channel,
    /// The form in which the request will be sent; `None` to follow the profile, which may look the
    /// model up in the built-in table.
    pub form: Option<RequestForm>,
    /// Whether the model takes breakpoints of the prompt cache; `None` to follow the profile. Those
    /// of a request that must not have them are removed.
    pub cache_breakpoints: Option<bool>,
}

impl FitPolicy {
    /// Creates a policy that makes harmless changes and fails if something would be lost.
    pub fn new() -> Self {
        Self {
            harmless: OnFinding::Strip,
            lossy: OnFinding::Fail,
            by_code: Vec::new(),
            by_pointer: Vec::new(),
            channel: Channel::Http,
            form: None,
            cache_breakpoints: None,
        }
    }

    /// Creates a policy with one action for every diagnostic.
    pub fn always(action: OnFinding) -> Self {
        Self {
            harmless: action,
            lossy: action,
            ..Self::new()
        }
    }

    /// Sets the action for diagnostics with this code.
    #[must_use]
    pub fn on(mut self, code: FindingCode, action: OnFinding) -> Self {
        self.by_code.push((code, action));
        self
    }

    /// Sets the action for diagnostics at this location, such as `/temperature`.
    #[must_use]
    pub fn at(mut self, pointer: impl Into<Text>, action: OnFinding) -> Self {
        self.by_pointer.push((pointer.into(), action));
        self
    }

    /// Sets the channel over which the request will be sent.
    #[must_use]
    pub fn channel(mut self, channel: Channel) -> Self {
        self.channel = channel;
        self
    }

    /// Sets the form in which the request will be sent.
    ///
    /// ```
    /// use codex_types::CreateResponse;
    /// use codex_types::profile::{FitPolicy, Profile, RequestForm};
    ///
    /// let request = CreateResponse::new("some-model").input("Hi").parallel_tool_calls(true);
    /// let lite = FitPolicy::new().form(RequestForm::Lite);
    /// let unfit = Profile::platform().fit(&request, &lite).unwrap_err();
    /// assert_eq!(unfit.findings()[0].pointer, "/parallel_tool_calls");
    /// ```
    #[must_use]
    pub fn form(mut self, form: RequestForm) -> Self {
        self.form = Some(form);
        self
    }

    /// Sets whether the model takes breakpoints of the prompt cache; see
    /// [`ModelEntry::cache_breakpoints`](field@crate::model_name::ModelEntry::cache_breakpoints).
    #[must_use]
    pub fn cache_breakpoints(mut self, takes: Option<bool>) -> Self {
        self.cache_breakpoints = takes;
        self
    }

    /// Returns the action for this diagnostic.
    ///
    /// A diagnostic without a fix is left alone if it is at most a warning.
    pub fn action(&self, finding: &Finding) -> OnFinding {
        let by_pointer = self
            .by_pointer
            .iter()
            .rev()
            .find(|(at, _)| *at == finding.pointer);
        let by_code = self
            .by_code
            .iter()
            .rev()
            .find(|(code, _)| *code == finding.code);
        let chosen = by_pointer
            .map(|(_, action)| *action)
            .or_else(|| by_code.map(|(_, action)| *action));
        match (&finding.fix, chosen) {
            (None, Some(OnFinding::Strip) | None) if finding.severity < Severity::Error => {
                OnFinding::Warn
            }
            (None, Some(OnFinding::Strip) | None) => OnFinding::Fail,
            (_, Some(action)) => action,
            (Some(fix), None) if fix.changes_meaning => self.lossy,
            (Some(_), None) => self.harmless,
        }
    }
}

impl Default for FitPolicy {
    fn default() -> Self {
        Self::new()
    }
}

/// The action for a diagnostic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OnFinding {
    /// Change the request: remove, move or rename the values that do not fit.
    Strip,
    /// Leave the request unchanged and report the diagnostic.
    Warn,
    /// Do not send the request.
    Fail,
}
