//! Fitting a request to a profile, and reporting the changes.

use alloc::vec::Vec;

use crate::lint::tree::Node;
use crate::lint::{Edit, Finding, apply};
use crate::model_name::ModelTable;
use crate::profile::{
    FitPolicy, Fitted, ItemFindings, OnFinding, Profile, RequestForm, Sending, Unfit,
};
use crate::{CompactRequest, CreateResponse, DecodeError, Input, RawJson};

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
