//! Dependencies between items: calls and outputs, reasoning and the items that it led to.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::lint::input::{message, stores};
use crate::lint::tree::Node;
use crate::lint::{Edit, Finding, FindingCode as Code, Linter, Pairing, apply};
use crate::profile::kind_of;
use crate::{
    CreateResponse, DecodeError, Facts, Input, InputItem, Link, OpenCall, OpenCalls, RawJson,
    is_output,
};

pub(super) fn check(linter: &Linter, body: &Node<'_>, found: &mut Vec<Finding>) {
    let items = body.get("input").map_or(&[][..], Node::items);
    let scope = Scope {
        stores: stores(&linter.profile, body.given("store").and_then(Node::as_bool)),
        continues: ["previous_response_id", "conversation"]
            .iter()
            .any(|name| body.given(name).is_some()),
    };
    let issues = issues(linter, scope, items.iter().map(Facts::read));
    found.extend(issues.into_iter().map(|issue| issue.into_finding(items)));
}

impl Linter {
    /// Returns whether [`fix_history`](Self::fix_history) has nothing to change. Reads the items
    /// without copying them; those of a prepared input are decoded first.
    pub fn accepts_history(&self, request: &CreateResponse) -> bool {
        match &request.input {
            Some(Input::Items(items)) => self.accepts_items(request, items),
            Some(Input::Prepared(input)) => self.accepts_items(request, &input.to_items()),
            _ => true,
        }
    }

    /// Returns whether the service accepts these items unchanged in the input of this request,
    /// after other items: a conversation checks its new items without those that earlier requests
    /// have checked. The input of the request is not read.
    pub fn accepts_items(&self, request: &CreateResponse, items: &[InputItem]) -> bool {
        let issues = issues(self, Scope::of(self, request), items.iter().map(Facts::of));
        issues.iter().all(|issue| issue.remedy.is_none())
    }

    /// Repairs the history in a request: answers, removes or rewrites calls without outputs and
    /// outputs without calls as [`pairing`](field@Self::pairing) specifies, and removes reasoning
    /// that the service would refuse. Returns the diagnostics that were fixed.
    ///
    /// The rules are those of [`lint`](Self::lint) for the items of the input, and only those. A
    /// history without faults is not copied.
    ///
    /// # Errors
    ///
    /// Returns an error if an item nests deeper than 128 levels; the request is then unchanged.
    ///
    /// # Examples
    ///
    /// ```
    /// use codex_types::lint::{Linter, Pairing};
    /// use codex_types::profile::Profile;
    /// use codex_types::{CreateResponse, FunctionCall, InputItem};
    ///
    /// let call = FunctionCall::new("call_1", "now", "{}");
    /// let mut request =
    ///     CreateResponse::new("gpt-5.5").input([InputItem::from(call), "Go on.".into()]);
    /// let linter = Linter::new(Profile::platform()).pairing(Pairing::Answer);
    /// assert_eq!(linter.fix_history(&mut request)?.len(), 1);
    /// assert!(linter.lint(&request)?.is_empty());
    /// # Ok::<(), codex_types::DecodeError>(())
    /// ```
    pub fn fix_history(&self, request: &mut CreateResponse) -> Result<Vec<Finding>, DecodeError> {
        if self.accepts_history(request) {
            return Ok(Vec::new());
        }
        let prepared;
        let items = match &request.input {
            Some(Input::Items(items)) => items,
            Some(Input::Prepared(input)) => {
                prepared = input.to_items();
                &prepared
            }
            _ => return Ok(Vec::new()),
        };
        let repair = self.fix_all(request, items, 0)?;
        request.input = Some(Input::Items(repair.items));
        Ok(repair.findings)
    }

    /// Repairs these items as [`fix_history`](Self::fix_history) repairs those of a request, and
    /// returns them with the diagnostics that were fixed; `None` if there is nothing to change.
    ///
    /// The items follow `before` other items, which are not read: earlier requests have checked
    /// them, so the cost of a repair does not grow with the conversation. The pointers of the
    /// diagnostics count those items. The input of the request is not read.
    ///
    /// # Errors
    ///
    /// Returns an error if an item nests deeper than 128 levels.
    ///
    /// # Examples
    ///
    /// ```
    /// use codex_types::lint::{Linter, Pairing};
    /// use codex_types::profile::Profile;
    /// use codex_types::{CreateResponse, FunctionCall, InputItem};
    ///
    /// let new = [FunctionCall::new("call_1", "now", "{}").into(), InputItem::from("Go on.")];
    /// let linter = Linter::new(Profile::platform()).pairing(Pairing::Answer);
    /// let request = CreateResponse::new("gpt-5.5");
    /// let repair = linter.fix_items(&request, &new, 40)?.ok_or("no open call")?;
    /// assert_eq!(repair.items.len(), 3); // the call, its output, the message
    /// assert_eq!(repair.findings[0].pointer, "/input/40");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn fix_items(
        &self,
        request: &CreateResponse,
        items: &[InputItem],
        before: usize,
    ) -> Result<Option<Repair>, DecodeError> {
        if self.accepts_items(request, items) {
            return Ok(None);
        }
        self.fix_all(request, items, before).map(Some)
    }

    fn fix_all(
        &self,
        request: &CreateResponse,
        items: &[InputItem],
        before: usize,
    ) -> Result<Repair, DecodeError> {
        let scope = Scope::of(self, request);
        let mut body = RawJson::encode(&Map::from_iter([("input", items)]))?;
        let mut fixed = Vec::new();
        // Removing a call may leave its reasoning without the item that it led to.
        for _ in 0..ROUNDS {
            let tree = Node::read(&body)?;
            let items = tree.get("input").map_or(&[][..], Node::items);
            let findings: Vec<Finding> = issues(self, scope, items.iter().map(Facts::read))
                .into_iter()
                .filter(|issue| issue.remedy.is_some())
                .map(|issue| issue.into_finding(items))
                .collect();
            if findings.is_empty() {
                break;
            }
            let fixes = findings.iter().flat_map(|finding| &finding.fix);
            let edits: Vec<&Edit> = fixes.flat_map(|fix| &fix.edits).collect();
            body = apply(&body, edits)?;
            fixed.extend(findings.into_iter().map(|finding| finding.after(before)));
        }
        let mut repaired: BTreeMap<String, Vec<InputItem>> = body.decode()?;
        Ok(Repair {
            items: repaired.remove("input").unwrap_or_default(),
            findings: fixed,
        })
    }
}

/// The items of a history that had to be changed before they could be sent.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Repair {
    /// The items to send instead.
    pub items: Vec<InputItem>,
    /// The diagnostics that were fixed.
    pub findings: Vec<Finding>,
}

type Map<'a> = BTreeMap<&'a str, &'a [InputItem]>;

/// Each round fixes what the previous one uncovered; the longest known chain has three links.
const ROUNDS: usize = 8;

/// The properties of a request that decide what its history may omit.
#[derive(Clone, Copy)]
struct Scope {
    /// Whether the service finds items by id.
    stores: bool,
    /// Whether the history begins before the input.
    continues: bool,
}

impl Scope {
    fn of(linter: &Linter, request: &CreateResponse) -> Self {
        Self {
            stores: stores(&linter.profile, request.store),
            continues: request.previous_response_id.is_some() || request.conversation.is_some(),
        }
    }
}

/// A fault of a history, and how to repair it.
struct Issue {
    at: usize,
    /// The key at fault, if it is not the whole item.
    key: &'static str,
    code: Code,
    message: String,
    remedy: Option<Remedy>,
}

enum Remedy {
    Remove,
    /// Another `call_id`.
    Rename(String),
    Retag(&'static str),
    /// The item moves after the one at this index.
    MoveAfter(usize),
    /// An output is added after the call.
    Answer(Box<InputItem>),
    CallInWords,
    OutputInWords,
}

impl Issue {
    fn new(at: usize, code: Code, message: impl Into<String>) -> Self {
        Self {
            at,
            key: "",
            code,
            message: message.into(),
            remedy: None,
        }
    }

    fn key(mut self, key: &'static str) -> Self {
        self.key = key;
        self
    }

    fn remedy(mut self, remedy: Remedy) -> Self {
        self.remedy = Some(remedy);
        self
    }

    fn into_finding(self, items: &[Node<'_>]) -> Finding {
        let item = format!("/input/{}", self.at);
        let finding = Finding::error(self.code, format!("{item}{}", self.key), self.message);
        let words = |of: fn(&Node<'_>) -> String| items.get(self.at).map_or(String::new(), of);
        let after = |at: usize| match at + 1 {
            next if next < items.len() => format!("/input/{next}"),
            _ => "/input/-".into(),
        };
        match self.remedy {
            None => finding,
            Some(Remedy::Remove) => finding.given_up_by([Edit::Remove(item)]),
            Some(Remedy::Rename(id)) => {
                let place = format!("{item}/call_id");
                finding.fixed_by([Edit::Replace(place, RawJson::string(&id))])
            }
            Some(Remedy::Retag(kind)) => {
                finding.fixed_by([Edit::Replace(format!("{item}/type"), RawJson::string(kind))])
            }
            Some(Remedy::MoveAfter(at)) => {
                let moved = items.get(self.at).map(Node::to_raw).unwrap_or_default();
                finding.fixed_by([Edit::Remove(item), Edit::Insert(after(at), moved)])
            }
            Some(Remedy::Answer(output)) => {
                let output = RawJson::encode(&output).unwrap_or_default();
                finding.given_up_by([Edit::Insert(after(self.at), output)])
            }
            Some(Remedy::CallInWords) => {
                let message = message("assistant", &words(call_in_words));
                finding.given_up_by([Edit::Replace(item, message)])
            }
            Some(Remedy::OutputInWords) => {
                let message = message("user", &words(output_in_words));
                finding.given_up_by([Edit::Replace(item, message)])
            }
        }
    }
}

impl<'a> Facts<'a> {
    fn read(item: &'a Node<'_>) -> Self {
        let text = |key| item.given(key).and_then(Node::as_text);
        let environment = item.get("environment").map_or("", |it| it.text_of("type"));
        let commands = item.get("action").and_then(|action| action.get("commands"));
        Self {
            kind: kind_of(item),
            role: item.text_of("role"),
            id: item.text_of("id"),
            call_id: text("call_id"),
            execution: text("execution"),
            approval_request_id: item.text_of("approval_request_id"),
            is_encrypted: !item.text_of("encrypted_content").is_empty(),
            is_hosted: !matches!(environment, "" | "local"),
            commands: commands.map_or(0, |commands| commands.items().len()),
        }
    }
}

fn issues<'a>(
    linter: &Linter,
    scope: Scope,
    items: impl Iterator<Item = Facts<'a>> + Clone,
) -> Vec<Issue> {
    let mut found = Vec::new();
    check_pairs(linter, scope, items.clone(), &mut found);
    check_reasoning(scope, items, &mut found);
    found
}

fn check_pairs<'a>(
    linter: &Linter,
    scope: Scope,
    items: impl Iterator<Item = Facts<'a>>,
    found: &mut Vec<Issue>,
) {
    let mut open = OpenCalls::new();
    let mut ids: BTreeSet<&str> = BTreeSet::new();
    let mut twins: BTreeMap<usize, Twin<'_>> = BTreeMap::new();
    let mut unpaired: Vec<(usize, Facts<'_>)> = Vec::new();
    // A call that is only referenced may be anywhere.
    let mut refers = false;
    for (at, item) in items.enumerate() {
        refers |= item.kind == "item_reference";
        match open.link(&item) {
            Link::None => continue,
            Link::Unnamed => {
                let message = format!("a {} needs a call_id", item.kind);
                found.push(Issue::new(at, Code::MissingCallId, message).key("/call_id"));
                continue;
            }
            Link::Call => {}
            Link::Twin => {
                let twin = Twin {
                    call_id: item.call_id,
                    output: None,
                };
                twins.insert(at, twin);
            }
            Link::Answers(call) => {
                if let Some(twin) = twins.get_mut(&call.index()) {
                    twin.output = Some(at);
                }
                found.extend(mismatch(&call, at, &item));
            }
            Link::Unpaired => {
                unpaired.push((at, item));
                continue;
            }
        }
        ids.insert(item.pair_id());
    }
    for (at, output) in unpaired {
        let call_id = output.pair_id();
        if let Some(call) = open.close_after(call_id, at) {
            let issue = Issue::new(at, Code::OutputBeforeCall, "the output precedes its call");
            found.push(issue.remedy(Remedy::MoveAfter(call.index())));
            found.extend(mismatch(&call, at, &output));
        } else if !ids.insert(call_id) {
            let issue = Issue::new(at, Code::DuplicateOutput, "the call already has an output");
            found.push(issue.remedy(Remedy::Remove));
        } else if !scope.continues && !refers {
            found.push(orphan(linter, at, &output));
        }
    }
    for call in open.iter() {
        let is_in_flight = linter.in_flight.iter().any(|id| *id == call.call_id());
        if !is_in_flight && !twins.contains_key(&call.index()) {
            found.push(unanswered(linter, call));
        }
    }
    for (at, twin) in twins {
        twin.check(at, &ids, found);
    }
}

/// A call with the id of another call that is open in the same turn.
struct Twin<'a> {
    /// `None` if the id is the service's own and cannot be changed.
    call_id: Option<&'a str>,
    output: Option<usize>,
}

impl Twin<'_> {
    /// A call with an output has run, so both stay, under another id.
    fn check(self, at: usize, ids: &BTreeSet<&str>, found: &mut Vec<Issue>) {
        let fresh = self
            .call_id
            .filter(|_| self.output.is_some())
            .map(|call_id| {
                let mut fresh = format!("{call_id}_{at}");
                while ids.contains(&*fresh) {
                    fresh.push('_');
                }
                fresh
            });
        let remedy = || match &fresh {
            Some(fresh) => Remedy::Rename(fresh.clone()),
            None => Remedy::Remove,
        };
        let issue = Issue::new(at, Code::DuplicateCall, "another call has the same call_id");
        found.push(issue.remedy(remedy()));
        if let Some(at) = self.output {
            let issue = Issue::new(
                at,
                Code::DuplicateOutput,
                "another output has the same call_id",
            );
            found.push(issue.remedy(remedy()));
        }
    }
}

fn unanswered(linter: &Linter, call: &OpenCall) -> Issue {
    let message = format!("the {} has no output", call.kind().name());
    let issue = Issue::new(call.index(), Code::UnansweredCall, message);
    match linter.pairing {
        Pairing::Report => issue,
        Pairing::Drop => issue.remedy(Remedy::Remove),
        Pairing::Convert => issue.remedy(Remedy::CallInWords),
        Pairing::Answer => issue.remedy(match call.answer(NO_OUTPUT) {
            Some(output) => Remedy::Answer(Box::new(output)),
            None => Remedy::Remove,
        }),
    }
}

fn orphan(linter: &Linter, at: usize, output: &Facts<'_>) -> Issue {
    let message = format!("the {} has no call", output.kind);
    let issue = Issue::new(at, Code::OrphanOutput, message);
    match linter.pairing {
        Pairing::Report => issue,
        Pairing::Drop => issue.remedy(Remedy::Remove),
        Pairing::Convert | Pairing::Answer => issue.remedy(Remedy::OutputInWords),
    }
}

fn mismatch(call: &OpenCall, at: usize, output: &Facts<'_>) -> Option<Issue> {
    let usual = call.kind().outputs();
    if usual.contains(&output.kind) {
        return None;
    }
    let expected = usual.first().copied().unwrap_or_default();
    let message = format!("a {} is answered by a {expected}", call.kind().name());
    let issue = Issue::new(at, Code::MismatchedOutput, message).key("/type");
    let is_alike = |kind: &str| matches!(kind, "function_call_output" | "custom_tool_call_output");
    Some(match is_alike(expected) && is_alike(output.kind) {
        true => issue.remedy(Remedy::Retag(expected)),
        false => issue,
    })
}

fn call_in_words(item: &Node<'_>) -> String {
    let name = item.text_of("name");
    let name = if name.is_empty() { kind_of(item) } else { name };
    let arguments = ["arguments", "input"]
        .iter()
        .map(|key| item.text_of(key))
        .find(|text| !text.is_empty())
        .unwrap_or_default();
    format!("[called {name} with {arguments}; it gave nothing back]")
}

fn output_in_words(item: &Node<'_>) -> String {
    let output = item
        .get("output")
        .map_or("", |output| output.as_text().unwrap_or(output.text));
    format!("[a tool called earlier gave back: {output}]")
}

/// Reasoning precedes the model's next item. If that was removed, or if the reasoning can neither
/// be looked up nor decrypted, the service refuses it.
fn check_reasoning<'a>(
    scope: Scope,
    items: impl Iterator<Item = Facts<'a>>,
    found: &mut Vec<Issue>,
) {
    let drop = |at, code, message: &str| Issue::new(at, code, message).remedy(Remedy::Remove);
    // Reasoning without a following item yet.
    let mut pending: Vec<usize> = Vec::new();
    let detached = |at| {
        let message = "the item that this reasoning led to is missing";
        drop(at, Code::DetachedReasoning, message)
    };
    for (at, item) in items.enumerate() {
        if item.kind == "reasoning" {
            pending.push(at);
            if !scope.stores && !item.is_encrypted {
                let message =
                    "reasoning without encrypted content cannot be found if nothing is stored";
                found.push(drop(at, Code::UnresolvableItem, message));
            }
            continue;
        }
        let is_led_to = match item.kind {
            "message" => item.role == "assistant",
            kind => !is_output(kind),
        };
        if is_led_to {
            pending.clear();
        } else {
            found.extend(pending.drain(..).map(detached));
        }
    }
    found.extend(pending.into_iter().map(detached));
}

/// The output for a call without one, for the model.
const NO_OUTPUT: &str = "No output of this call was recorded: whether it ran is unknown.";
