//! The query of a list of items.

use codex_types::Include;

use crate::calls::kept::checked;
use crate::error::Error;

/// A query for a page of items: of the input of a response, or of a conversation that the service
/// stores.
#[derive(Clone, Debug, Default, PartialEq)]
#[must_use]
pub struct ItemQuery {
    limit: Option<u32>,
    newest_first: Option<bool>,
    pub(super) after: Option<String>,
    include: Vec<Include>,
}

impl ItemQuery {
    /// Selects the first page, in the order and with the page size that the service chooses.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the maximum number of items per page, 1 to 100. The service defaults to 20.
    pub fn limit(mut self, limit: u32) -> Self {
        self.limit = Some(limit);
        self
    }

    /// Sets whether the newest items come first (`order=desc`), which is the default of the
    /// service, or last (`order=asc`).
    pub fn newest_first(mut self, newest_first: bool) -> Self {
        self.newest_first = Some(newest_first);
        self
    }

    /// Selects the items after the one with this id.
    pub fn after(mut self, id: impl Into<String>) -> Self {
        self.after = Some(id.into());
        self
    }

    /// Requests additional data in the items.
    pub fn include(mut self, include: Include) -> Self {
        self.include.push(include);
        self
    }

    /// Returns the query with its question mark; empty if nothing is set.
    pub(super) fn to_query(&self) -> Result<String, Error> {
        let mut pairs = Pairs::default();
        if let Some(limit) = self.limit {
            pairs.add("limit", &limit.to_string());
        }
        if let Some(newest_first) = self.newest_first {
            pairs.add("order", if newest_first { "desc" } else { "asc" });
        }
        if let Some(after) = &self.after {
            pairs.add("after", checked(after)?);
        }
        pairs.add_includes(&self.include)?;
        Ok(pairs.0)
    }
}

/// Returns the query that requests additional data; empty for none.
pub(super) fn includes(include: &[Include]) -> Result<String, Error> {
    let mut pairs = Pairs::default();
    pairs.add_includes(include)?;
    Ok(pairs.0)
}

/// A query under construction.
#[derive(Default)]
struct Pairs(String);

impl Pairs {
    fn add(&mut self, name: &str, value: &str) {
        let Self(query) = self;
        query.push(if query.is_empty() { '?' } else { '&' });
        query.push_str(name);
        query.push('=');
        query.push_str(value);
    }

    fn add_includes(&mut self, include: &[Include]) -> Result<(), Error> {
        for include in include {
            self.add("include[]", checked(include.as_str())?);
        }
        Ok(())
    }
}
