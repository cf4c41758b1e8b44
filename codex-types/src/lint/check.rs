//! Checking and fixing a request.

use alloc::vec::Vec;

use crate::lint::tree::Node;
use crate::lint::{
    Edit, Finding, FindingCode, Linter, apply, history, input, parameter, prefix, size, tool,
};
use crate::profile::{RequestForm, Sending};
use crate::{CreateResponse, DecodeError, RawJson};

impl Linter {
    /// Checks a request and returns the diagnostics. Whether it is streamed is not checked.
    ///
    /// # Errors
    ///
    /// Returns an error when the request nests deeper than 128 levels.
    pub fn lint(&self, request: &CreateResponse) -> Result<Vec<Finding>, DecodeError> {
        self.check(&RawJson::encode(request)?, false)
    }

    /// Checks the body of a request and returns the diagnostics.
    ///
    /// # Errors
    ///
    /// Returns an error when the body nests deeper than 128 levels.
    pub fn lint_json(&self, body: &RawJson) -> Result<Vec<Finding>, DecodeError> {
        self.check(body, true)
    }

    /// Checks a request that follows another one in the same conversation, and reports the first
    /// difference that loses the cached prefix.
    ///
    /// # Errors
    ///
    /// Returns an error when a body nests deeper than 128 levels.
    pub fn lint_next(
        &self,
        previous: &RawJson,
        next: &RawJson,
    ) -> Result<Vec<Finding>, DecodeError> {
        let mut found = self.check(next, true)?;
        found.extend(prefix::check(&Node::read(previous)?, &Node::read(next)?));
        Ok(found)
    }

    /// Fixes what can be fixed, and returns the body and the diagnostics that were fixed.
    /// [`lint_json`](Self::lint_json) reports what remains.
    ///
    /// # Errors
    ///
    /// Returns an error when the body nests deeper than 128 levels.
    ///
    /// ```
    /// use codex_types::RawJson;
    /// use codex_types::lint::Linter;
    /// use codex_types::profile::Profile;
    ///
    /// let body = RawJson::parse(r#"{"model":"gpt-5.5","input":"Hi","max_output_tokens":1}"#)?;
    /// let (fixed, findings) = Linter::new(Profile::platform()).fix(&body)?;
    /// assert_eq!(fixed.as_str(), r#"{"model":"gpt-5.5","input":"Hi","max_output_tokens":16}"#);
    /// assert_eq!(findings.len(), 1);
    /// # Ok::<(), codex_types::DecodeError>(())
    /// ```
    pub fn fix(&self, body: &RawJson) -> Result<(RawJson, Vec<Finding>), DecodeError> {
        let mut body = body.clone();
        let mut fixed = Vec::new();
        // A fix may uncover another fault: removing a call leaves its reasoning without the item
        // that it led to.
        for _ in 0..ROUNDS {
            let mut findings = self.check(&body, true)?;
            findings.retain(|finding| finding.fix.is_some());
            if findings.iter().any(|finding| !comes_last(finding)) {
                findings.retain(|finding| !comes_last(finding));
            }
            if findings.is_empty() {
                break;
            }
            let edits: Vec<&Edit> = findings
                .iter()
                .flat_map(|finding| &finding.fix)
                .flat_map(|fix| &fix.edits)
                .collect();
            let changed = apply(&body, edits)?;
            if changed == body {
                break;
            }
            body = changed;
            fixed.extend(findings);
        }
        Ok((body, fixed))
    }

    fn check(&self, body: &RawJson, decides_stream: bool) -> Result<Vec<Finding>, DecodeError> {
        let tree = Node::read(body)?;
        let model = tree.text_of("model");
        let form = self
            .form
            .unwrap_or_else(|| self.profile.form_for(model, &self.models));
        let sending = Sending {
            channel: self.channel,
            form,
            decides_stream,
            cache_breakpoints: self
                .models
                .get(model)
                .is_none_or(|entry| entry.cache_breakpoints != Some(false)),
        };
        let mut found = self.profile.check(&tree, sending);
        if tree.is_object() {
            if form == RequestForm::Lite {
                self.profile.check_lite_placement(&tree, &mut found);
            }
            parameter::check(self, &tree, &mut found);
            tool::check(&tree, &mut found);
            input::check(&self.profile, &tree, &mut found);
            history::check(self, &tree, &mut found);
            size::check(self, &tree, &mut found);
        }
        Ok(found)
    }
}

/// Returns whether the fix moves values that other fixes still change.
fn comes_last(finding: &Finding) -> bool {
    matches!(
        finding.code,
        FindingCode::ToolsPlacement | FindingCode::MissingProvenance
    )
}

/// Each round fixes what the previous one uncovered; the longest known chain has three links.
/// Nested schemas need a round for each level.
const ROUNDS: usize = 64;
