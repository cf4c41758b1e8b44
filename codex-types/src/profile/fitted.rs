//! The result of fitting a request.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::lint::Finding;
use crate::profile::{ItemFindings, RequestForm};
use crate::{CreateResponse, DecodeError, Side};

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

    /// Replaces the locations for which the function returns another one.
    #[cfg(feature = "chat")]
    pub(crate) fn map_pointers(mut self, other: impl Fn(&str) -> Option<String>) -> Self {
        for finding in &mut self.inner.findings {
            if let Some(pointer) = other(&finding.pointer) {
                finding.pointer = pointer;
            }
        }
        self
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
