//! Fitting a request to a profile, and reporting the changes.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::lint::tree::Node;
use crate::lint::{Edit, Finding, FindingCode, Severity, apply};
use crate::model_name::ModelTable;
use crate::profile::{Channel, ItemFindings, Profile, RequestForm, Sending, Text};
use crate::{CompactRequest, CreateResponse, DecodeError, Input, RawJson, Side};

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

/// A request that fits, and the diagnostics.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Fitted<T = CreateResponse> {
    /// The request.
    pub request: T,
    /// The form of the request, which a header announces; see [`Identity::responses_lite`].
    ///
    /// [`Identity::responses_lite`]: field@crate::profile::Identity::responses_lite
    pub form: RequestForm,
    /// The changes that were made.
    pub stripped: Vec<Finding>,
    /// The diagnostics that were left unchanged.
    pub warned: Vec<Finding>,
    /// The diagnostics of the items of a [`PreparedInput`](crate::PreparedInput), which are neither
    /// in [`stripped`](Self::stripped) nor in [`warned`](Self::warned).
    pub of_items: ItemFindings,
}

/// A body, its diagnostics, and the actions of the policy.
pub(super) struct Judged {
    /// The body with all changes that the policy allows.
    pub(super) body: RawJson,
    pub(super) form: RequestForm,
    pub(super) stripped: Vec<Finding>,
    pub(super) warned: Vec<Finding>,
    pub(super) failed: Vec<Finding>,
}

impl Profile {
    /// Fits a request to this profile.
    ///
    /// Every change is reported: everything that is not in [`Fitted::stripped`] is unchanged.
    ///
    /// # Errors
    ///
    /// Returns all diagnostics that the policy does not allow.
    pub fn fit(&self, request: &CreateResponse, policy: &FitPolicy) -> Result<Fitted, Unfit> {
        if let Some(Input::Prepared(input)) = &request.input
            && input.before().is_empty()
            && let Some(fitted) = self.fit_prepared(request, input, policy)?
        {
            return Ok(fitted);
        }
        let body = RawJson::encode(request).map_err(|error| self.unreadable(error))?;
        let fitted = self.fit_body(&body, policy, false)?;
        let request = if fitted.stripped.is_empty() {
            request.clone()
        } else {
            let text = &fitted.request;
            text.decode().map_err(|error| self.unreadable(error))?
        };
        Ok(Fitted {
            request,
            form: fitted.form,
            stripped: fitted.stripped,
            warned: fitted.warned,
            of_items: fitted.of_items,
        })
    }

    /// Fits the body of a request to this profile, as text: unchanged parts stay as they were
    /// written. Unlike [`fit`](Self::fit), it reads from the body whether the response is streamed.
    ///
    /// # Errors
    ///
    /// Returns all diagnostics that the policy does not allow.
    pub fn fit_json(&self, body: &RawJson, policy: &FitPolicy) -> Result<Fitted<RawJson>, Unfit> {
        self.fit_body(body, policy, true)
    }

    /// Writes a compaction request in the form that the policy chooses, or else the profile for its
    /// model. In the full form it is unchanged: that endpoint is documented only for the platform.
    ///
    /// # Errors
    ///
    /// Returns all diagnostics that the policy does not allow.
    pub fn fit_compact(
        &self,
        request: &CompactRequest,
        policy: &FitPolicy,
    ) -> Result<Fitted<CompactRequest>, Unfit> {
        let form = self.form_of(&request.model, policy);
        let mut judged = Judged {
            body: RawJson::encode(request).map_err(|error| self.unreadable(error))?,
            form,
            stripped: Vec::new(),
            warned: Vec::new(),
            failed: Vec::new(),
        };
        if form == RequestForm::Lite {
            let body = judged.body.clone();
            let tree = Node::read(&body).map_err(|error| self.unreadable(error))?;
            let found = self.check_lite_compaction(&tree);
            self.settle(found, policy, &mut judged)?;
            self.place(policy, &mut judged)?;
        }
        if !judged.failed.is_empty() {
            return Err(Unfit::new(&self.name, judged.failed, None));
        }
        Ok(Fitted {
            request: match &*judged.stripped {
                [] => request.clone(),
                _ => {
                    let body = &judged.body;
                    body.decode().map_err(|error| self.unreadable(error))?
                }
            },
            form,
            stripped: judged.stripped,
            warned: judged.warned,
            of_items: ItemFindings::default(),
        })
    }

    /// Moves values to where Responses Lite has them. Tools move unchanged once the refused ones
    /// are gone, and so does the input.
    fn place(&self, policy: &FitPolicy, judged: &mut Judged) -> Result<(), Unfit> {
        let body = judged.body.clone();
        let tree = Node::read(&body).map_err(|error| self.unreadable(error))?;
        let mut found = Vec::new();
        self.check_lite_placement(&tree, &mut found);
        self.settle(found, policy, judged)
    }

    fn fit_body(
        &self,
        body: &RawJson,
        policy: &FitPolicy,
        decides_stream: bool,
    ) -> Result<Fitted<RawJson>, Unfit> {
        let judged = self.judge(body, policy, decides_stream)?;
        if !judged.failed.is_empty() {
            return Err(Unfit::new(&self.name, judged.failed, None));
        }
        Ok(Fitted {
            request: judged.body,
            form: judged.form,
            stripped: judged.stripped,
            warned: judged.warned,
            of_items: ItemFindings::default(),
        })
    }

    /// Checks a body, and makes the changes that the policy allows.
    pub(super) fn judge(
        &self,
        body: &RawJson,
        policy: &FitPolicy,
        decides_stream: bool,
    ) -> Result<Judged, Unfit> {
        let tree = Node::read(body).map_err(|error| self.unreadable(error))?;
        let form = self.form_of(tree.text_of("model"), policy);
        let sending = Sending {
            channel: policy.channel,
            form,
            decides_stream,
            cache_breakpoints: policy.cache_breakpoints != Some(false),
        };
        let mut judged = Judged {
            body: body.clone(),
            form,
            stripped: Vec::new(),
            warned: Vec::new(),
            failed: Vec::new(),
        };
        self.settle(self.check(&tree, sending), policy, &mut judged)?;
        if form == RequestForm::Lite && judged.failed.is_empty() {
            self.place(policy, &mut judged)?;
        }
        Ok(judged)
    }

    /// Returns the form to which a request for this model is fitted.
    pub(super) fn form_of(&self, model: &str, policy: &FitPolicy) -> RequestForm {
        policy
            .form
            .unwrap_or_else(|| self.form_for(model, &ModelTable::new()))
    }

    /// Applies the policy to these diagnostics.
    fn settle(
        &self,
        found: Vec<Finding>,
        policy: &FitPolicy,
        judged: &mut Judged,
    ) -> Result<(), Unfit> {
        let mut stripped = Vec::new();
        for finding in found {
            match policy.action(&finding) {
                OnFinding::Strip => stripped.push(finding),
                OnFinding::Warn => judged.warned.push(finding),
                OnFinding::Fail => judged.failed.push(finding),
            }
        }
        let edits: Vec<&Edit> = stripped
            .iter()
            .filter_map(|finding| finding.fix.as_ref())
            .flat_map(|fix| &fix.edits)
            .collect();
        if !edits.is_empty() {
            judged.body = apply(&judged.body, edits).map_err(|error| self.unreadable(error))?;
        }
        judged.stripped.extend(stripped);
        Ok(())
    }

    pub(super) fn unreadable(&self, source: DecodeError) -> Unfit {
        Unfit::new(&self.name, Vec::new(), Some(source))
    }
}

/// The error of a request that does not fit a profile and that the policy does not allow to change.
///
/// ```
/// use codex_types::CreateResponse;
/// use codex_types::profile::{FitPolicy, OnFinding, Profile};
///
/// let request = CreateResponse::new("gpt-5.5").input("Hi").max_output_tokens(100);
/// let unfit = Profile::chatgpt().fit(&request, &FitPolicy::new()).unwrap_err();
/// assert_eq!(
///     unfit.to_string(),
///     "request does not fit profile chatgpt: rejected_parameter at /max_output_tokens",
/// );
/// ```
#[derive(Debug)]
pub struct Unfit {
    inner: Box<UnfitInner>,
}

#[derive(Debug)]
struct UnfitInner {
    profile: String,
    findings: Vec<Finding>,
    source: Option<DecodeError>,
}

impl Unfit {
    pub(super) fn new(profile: &str, findings: Vec<Finding>, source: Option<DecodeError>) -> Self {
        Self {
            inner: Box::new(UnfitInner {
                profile: profile.into(),
                findings,
                source,
            }),
        }
    }

    /// Returns the diagnostics; empty only if the request could not be read at all.
    pub fn findings(&self) -> &[Finding] {
        &self.inner.findings
    }

    /// Returns [`Side::Local`].
    pub fn side(&self) -> Side {
        Side::Local
    }

    /// Returns `false`: the same request never fits.
    pub fn is_retryable(&self) -> bool {
        false
    }
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "request does not fit profile {}", self.inner.profile)?;
        match &*self.inner.findings {
            [] => Ok(()),
            [only] => write!(f, ": {} at {}", only.code, only.pointer),
            [first, rest @ ..] => {
                write!(
                    f,
                    ": {} at {} and {} more",
                    first.code,
                    first.pointer,
                    rest.len()
                )
            }
        }
    }
}

impl core::error::Error for Unfit {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        self.inner.source.as_ref().map(|error| error as _)
    }
}
