//! The newest items of a conversation, which no request has checked yet. Earlier items were checked
//! with the requests that sent them, so the cost of a check does not grow with the conversation.

use core::fmt;
use std::sync::OnceLock;

use codex_types::lint::{Finding, FindingCode, Linter};
use codex_types::{CreateResponse, DecodeError, InputItem, PreparedInput};

pub(crate) struct Unsettled {
    /// The input before these items, as earlier requests have sent it.
    settled: PreparedInput,
    items: Vec<InputItem>,
    checked: OnceLock<Option<Repaired>>,
}

/// A whole input that had to be changed before it could be sent.
#[derive(Clone)]
pub(crate) struct Repaired {
    pub(crate) input: PreparedInput,
    pub(crate) findings: Vec<Finding>,
}

impl Unsettled {
    pub(crate) fn new(settled: PreparedInput, items: Vec<InputItem>) -> Self {
        Self {
            settled,
            items,
            checked: OnceLock::new(),
        }
    }

    /// Returns the input to send if the service would reject these items in a request like this
    /// one.
    pub(crate) fn repair(
        &self,
        linter: &Linter,
        request: &CreateResponse,
    ) -> Result<Option<Repaired>, DecodeError> {
        if let Some(checked) = self.checked.get() {
            return Ok(checked.clone());
        }
        let repaired = self.checked_with(linter, request)?;
        Ok(self.checked.get_or_init(|| repaired).clone())
    }

    fn checked_with(
        &self,
        linter: &Linter,
        request: &CreateResponse,
    ) -> Result<Option<Repaired>, DecodeError> {
        let before = self.settled.len();
        let Some(mut repair) = linter.fix_items(request, &self.items, before)? else {
            return Ok(None);
        };
        let mut input = self.settled.clone();
        let is_orphan = |it: &Finding| it.code == FindingCode::OrphanOutput;
        if before > 0 && repair.findings.iter().any(is_orphan) {
            // Only the earlier items show whether the output repeats another one.
            let mut whole = self.settled.to_items();
            whole.extend(self.items.iter().cloned());
            let Some(of_whole) = linter.fix_items(request, &whole, 0)? else {
                return Ok(None);
            };
            (input, repair) = (PreparedInput::default(), of_whole);
        }
        input.extend(&repair.items);
        Ok(Some(Repaired {
            input,
            findings: repair.findings,
        }))
    }

    /// Returns the result of the check; `None` if no request has made it.
    pub(crate) fn checked(&self) -> Option<Option<&Repaired>> {
        self.checked.get().map(Option::as_ref)
    }
}

impl fmt::Debug for Unsettled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Leave out the items: users and the model wrote them.
        f.debug_struct("Unsettled")
            .field("items", &self.items.len())
            .finish_non_exhaustive()
    }
}
