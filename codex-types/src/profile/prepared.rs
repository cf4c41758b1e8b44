//! Fitting a request whose items are already serialized: an item is checked once only.
//!
//! Whether an item fits depends only on the item, its index, the profile, the policy and the form.
//! So the settings are fitted with a placeholder for the items, and the items node by node; the
//! result for a node is kept with it.

use alloc::format;
use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::json::text::nests_deeper_than;
use crate::lint::tree::{DEPTH_LIMIT, Node};
use crate::lint::{Edit, Finding, apply};
use crate::profile::fitted_items::{FittedItems, FittedNodes, Rules};
use crate::profile::json::has_tools;
use crate::profile::{
    Channel, FitPolicy, Fitted, ItemFindings, OnFinding, Profile, RequestForm, Sending, Unfit,
};
use crate::request::PreparedNode;
use crate::{CreateResponse, DecodeError, Input, InputItem, PreparedInput, RawJson, Unknown};

impl Profile {
    /// Fits a request whose items have not been fitted before, as [`fit`](Self::fit) does. Returns
    /// `None` if fitting would insert something between the items, as it does after tools in the
    /// first of them, so that the request must be fitted as a whole.
    pub(super) fn fit_prepared(
        &self,
        request: &CreateResponse,
        input: &PreparedInput,
        policy: &FitPolicy,
    ) -> Result<Option<Fitted>, Unfit> {
        let form = self.form_of(&request.model, policy);
        let items = self
            .fit_items(input.last(), policy, form)
            .map_err(|error| self.unreadable(error))?;
        if items.as_ref().is_some_and(|items| items.starts_with_tools) {
            return Ok(None);
        }
        let placeholder = items.as_ref().map(|_| placeholder());
        let mut settings = request.clone();
        settings.input = Some(Input::Items(placeholder.iter().cloned().collect()));
        let body = RawJson::encode(&settings).map_err(|error| self.unreadable(error))?;
        let judged = self.judge(&body, policy, false)?;
        let has_failed = items.as_ref().is_some_and(|items| items.has_failed);
        if has_failed || !judged.failed.is_empty() {
            let of_items = ItemFindings(items);
            let mut failed = judged.failed;
            failed.extend(of_items.with(OnFinding::Fail).cloned());
            return Err(Unfit::new(&self.name, failed, None));
        }
        let last = match (&items, input.last()) {
            (Some(items), Some(node)) => items.of(node),
            _ => None,
        };
        let (mut request, before, after) = if judged.stripped.is_empty() {
            (settings, Vec::new(), Vec::new())
        } else {
            let request = judged
                .body
                .decode()
                .map_err(|error| self.unreadable(error))?;
            around(placeholder.as_ref(), request)
        };
        let mut input = PreparedInput::with_before(before, last);
        input.extend(after);
        request.input = Some(Input::Prepared(input));
        Ok(Some(Fitted {
            request,
            form,
            stripped: judged.stripped,
            warned: judged.warned,
            of_items: ItemFindings(items),
        }))
    }

    /// Returns the fit of all items up to the end of a node.
    fn fit_items(
        &self,
        last: Option<&Arc<PreparedNode>>,
        policy: &FitPolicy,
        form: RequestForm,
    ) -> Result<Option<Arc<FittedItems>>, DecodeError> {
        let mut new: Vec<&Arc<PreparedNode>> = Vec::new();
        let mut fitted: Option<Arc<FittedItems>> = None;
        let mut next = last;
        while let Some(node) = next {
            fitted = node.memo.get::<FittedItems>();
            fitted = fitted.filter(|fitted| fitted.rules.are(self, policy, form));
            if fitted.is_some() {
                break;
            }
            new.push(node);
            next = node.previous.as_ref();
        }
        let rules = match &fitted {
            Some(fitted) => fitted.rules.clone(),
            None => Arc::new(Rules {
                profile: self.clone(),
                policy: policy.clone().channel(Channel::Http),
                form,
            }),
        };
        for node in new.into_iter().rev() {
            let part = Arc::new(self.fit_node(node, fitted, &rules)?);
            node.memo.set(part.clone());
            fitted = Some(part);
        }
        Ok(fitted)
    }

    fn fit_node(
        &self,
        node: &PreparedNode,
        previous: Option<Arc<FittedItems>>,
        rules: &Arc<Rules>,
    ) -> Result<FittedItems, DecodeError> {
        let mut found = Vec::new();
        let mut changed: Option<Vec<RawJson>> = None;
        for (number, item) in node.items.iter().enumerate() {
            match self.fit_item(item, node.start() + number, rules, &mut found)? {
                FittedItem::Same => changed
                    .iter_mut()
                    .for_each(|items| items.push(item.clone())),
                other => {
                    let before = || node.items.iter().take(number).cloned().collect();
                    let items = changed.get_or_insert_with(before);
                    if let FittedItem::Changed(item) = other {
                        items.push(item);
                    }
                }
            }
        }
        let failed = |it: &(OnFinding, Finding)| it.0 == OnFinding::Fail;
        let has_failed =
            found.iter().any(failed) || previous.as_ref().is_some_and(|it| it.has_failed);
        let previous_nodes = match (&previous, &node.previous) {
            (Some(previous), Some(node)) => previous.of(node),
            _ => None,
        };
        let is_same_before = match &previous {
            Some(previous) => matches!(previous.nodes, FittedNodes::Same),
            None => true,
        };
        let nodes = match changed {
            None if is_same_before => FittedNodes::Same,
            None => FittedNodes::Other(Some(Arc::new(PreparedNode::new(
                node.items.clone(),
                previous_nodes,
            )))),
            Some(items) if items.is_empty() => FittedNodes::Other(previous_nodes),
            Some(items) => FittedNodes::Other(Some(Arc::new(PreparedNode::new(
                items.into(),
                previous_nodes,
            )))),
        };
        let sent = match &nodes {
            FittedNodes::Same => Some(&*node.items),
            FittedNodes::Other(other) => other.as_ref().map(|other| &*other.items),
        };
        let starts_with_tools = match &previous {
            Some(previous) if previous.starts_with_tools || !previous.is_empty() => {
                previous.starts_with_tools
            }
            Some(_) => first_has_tools(sent.unwrap_or_default())?,
            None => first_has_tools(sent.unwrap_or_default())? || first_has_tools(&node.items)?,
        };
        Ok(FittedItems {
            rules: rules.clone(),
            previous,
            found,
            has_failed,
            starts_with_tools,
            nodes,
        })
    }

    fn fit_item(
        &self,
        item: &RawJson,
        at: usize,
        rules: &Rules,
        found: &mut Vec<(OnFinding, Finding)>,
    ) -> Result<FittedItem, DecodeError> {
        // The body and its list of items add two levels.
        if nests_deeper_than(item.as_str(), DEPTH_LIMIT - 2) {
            return Err(DecodeError::too_deep());
        }
        let pointer = format!("/input/{at}");
        let mut findings = Vec::new();
        let sending = rules.sending();
        self.check_item(&Node::read(item)?, sending, &pointer, &mut findings);
        let fitted = rules.settle(item, &pointer, findings, found)?;
        if rules.form == RequestForm::Full {
            return Ok(fitted);
        }
        let settled = match &fitted {
            FittedItem::Same => item,
            FittedItem::Changed(item) => item,
            FittedItem::Removed => return Ok(fitted),
        };
        let mut findings = Vec::new();
        self.check_lite_item(&Node::read(settled)?, &pointer, &mut findings);
        match rules.settle(settled, &pointer, findings, found)? {
            FittedItem::Same => Ok(fitted),
            other => Ok(other),
        }
    }
}

impl Rules {
    fn sending(&self) -> Sending {
        Sending {
            channel: self.policy.channel,
            form: self.form,
            decides_stream: false,
            cache_breakpoints: self.policy.cache_breakpoints != Some(false),
        }
    }

    /// Applies the policy to the diagnostics of an item.
    fn settle(
        &self,
        item: &RawJson,
        pointer: &str,
        findings: Vec<Finding>,
        found: &mut Vec<(OnFinding, Finding)>,
    ) -> Result<FittedItem, DecodeError> {
        let mut edits: Vec<Edit> = Vec::new();
        for finding in findings {
            let action = self.policy.action(&finding);
            if let (OnFinding::Strip, Some(fix)) = (action, &finding.fix) {
                edits.extend(fix.edits.iter().filter_map(|edit| edit.within(pointer)));
            }
            found.push((action, finding));
        }
        if edits.is_empty() {
            return Ok(FittedItem::Same);
        }
        Ok(match edits.iter().find(|edit| edit.pointer().is_empty()) {
            Some(Edit::Replace(_, item)) => FittedItem::Changed(item.clone()),
            Some(_) => FittedItem::Removed,
            None => FittedItem::Changed(apply(item, &edits)?),
        })
    }
}

enum FittedItem {
    Same,
    Changed(RawJson),
    Removed,
}

/// Returns an item without diagnostics that represents all of them.
fn placeholder() -> InputItem {
    InputItem::Unknown(Unknown::new(RawJson::default()))
}

fn first_has_tools(items: &[RawJson]) -> Result<bool, DecodeError> {
    match items.first() {
        Some(first) => Ok(has_tools(&Node::read(first)?)),
        None => Ok(false),
    }
}

/// Returns the request without its items, and the items that fitting placed before and after the
/// placeholder.
fn around(
    placeholder: Option<&InputItem>,
    mut request: CreateResponse,
) -> (CreateResponse, Vec<RawJson>, Vec<InputItem>) {
    let input = request.input.take();
    let mut items = input.map(Input::into_items).unwrap_or_default();
    let at = items.iter().position(|item| Some(item) == placeholder);
    let after = items.split_off(at.unwrap_or(items.len()));
    let written = |item: &InputItem| RawJson::encode(item).unwrap_or_default();
    let before = items.iter().map(written).collect();
    (request, before, after.into_iter().skip(1).collect())
}
