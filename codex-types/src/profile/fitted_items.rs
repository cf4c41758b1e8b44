//! The fit of serialized items, which is kept with them.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use crate::lint::Finding;
use crate::profile::{FitPolicy, OnFinding, Profile, RequestForm};
use crate::request::PreparedNode;

/// The diagnostics of the items of a [`PreparedInput`](crate::PreparedInput).
///
/// They are kept with the items and shared with every request that has them, so the cost of a
/// request does not grow with them.
///
/// ```
/// use codex_types::profile::{FitPolicy, Profile};
/// use codex_types::{CreateResponse, Message, PreparedInput};
///
/// let history = PreparedInput::from_iter([Message::system("Be brief.").into()]);
/// let request = CreateResponse::new("gpt-5.5").input(history);
/// let fitted = Profile::chatgpt().fit(&request, &FitPolicy::new()).unwrap();
/// let stripped: Vec<_> = fitted.of_items.stripped().collect();
/// assert_eq!(stripped[0].pointer, "/input/0/role");
/// ```
#[derive(Clone, Default)]
pub struct ItemFindings(pub(super) Option<Arc<FittedItems>>);

impl ItemFindings {
    /// Returns an iterator over the changes to the items, in the order of the items.
    pub fn stripped(&self) -> impl Iterator<Item = &Finding> {
        self.with(OnFinding::Strip)
    }

    /// Returns an iterator over the diagnostics that were not fixed, in the order of the items.
    pub fn warned(&self) -> impl Iterator<Item = &Finding> {
        self.with(OnFinding::Warn)
    }

    pub(super) fn with(&self, action: OnFinding) -> impl Iterator<Item = &Finding> {
        let parts = core::iter::successors(self.0.as_deref(), |part| part.previous.as_deref());
        let mut parts: Vec<&FittedItems> = parts.filter(|part| !part.found.is_empty()).collect();
        parts.reverse();
        let found = parts.into_iter().flat_map(|part| &part.found);
        found
            .filter(move |(it, _)| *it == action)
            .map(|(_, finding)| finding)
    }
}

impl PartialEq for ItemFindings {
    fn eq(&self, other: &Self) -> bool {
        self.stripped().eq(other.stripped()) && self.warned().eq(other.warned())
    }
}

impl fmt::Debug for ItemFindings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ItemFindings")
            .field("stripped", &self.stripped().count())
            .field("warned", &self.warned().count())
            .finish()
    }
}

/// The fitted items up to the end of a node.
pub(super) struct FittedItems {
    pub(super) rules: Arc<Rules>,
    pub(super) previous: Option<Arc<Self>>,
    /// The diagnostics of the items of this node, with the actions of the policy.
    pub(super) found: Vec<(OnFinding, Finding)>,
    /// Whether the policy refuses any item up to here.
    pub(super) has_failed: bool,
    /// Whether the very first item, before or after fitting, contains the tools.
    pub(super) starts_with_tools: bool,
    pub(super) nodes: FittedNodes,
}

/// The nodes as which the items are sent.
pub(super) enum FittedNodes {
    /// The nodes that contain them: they own the results, so the results must not own them.
    Same,
    /// Other nodes. `None`: all items were removed.
    Other(Option<Arc<PreparedNode>>),
}

/// The inputs to the fit of an item, besides the item and its index.
pub(super) struct Rules {
    pub(super) profile: Profile,
    pub(super) policy: FitPolicy,
    pub(super) form: RequestForm,
}

impl Rules {
    pub(super) fn are(&self, profile: &Profile, policy: &FitPolicy, form: RequestForm) -> bool {
        let Self { policy: own, .. } = self;
        own.harmless == policy.harmless
            && own.lossy == policy.lossy
            && own.by_code == policy.by_code
            && own.by_pointer == policy.by_pointer
            && own.cache_breakpoints == policy.cache_breakpoints
            && self.form == form
            && self.profile == *profile
    }
}

/// Drops iteratively: the default would need stack for each node.
impl Drop for FittedItems {
    fn drop(&mut self) {
        let mut previous = self.previous.take();
        while let Some(mut part) = previous.and_then(Arc::into_inner) {
            previous = part.previous.take();
        }
    }
}

impl FittedItems {
    /// Returns whether no item is left.
    pub(super) fn is_empty(&self) -> bool {
        matches!(self.nodes, FittedNodes::Other(None))
    }

    /// Returns the nodes to send instead of `node`, whose fit this is.
    pub(super) fn of(&self, node: &Arc<PreparedNode>) -> Option<Arc<PreparedNode>> {
        match &self.nodes {
            FittedNodes::Same => Some(node.clone()),
            FittedNodes::Other(other) => other.clone(),
        }
    }
}
