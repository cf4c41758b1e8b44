//! The input of a request whose items are serialized once.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use crate::memo::Memo;
use crate::wire::encode::{Encode, Encoder, serialize_by_encode};
use crate::wire::source::Failed;
use crate::{HeapSize, InputItem, RawJson, Unknown};

/// A conversation as the input of requests: its items as JSON, each serialized once, when it is
/// added.
///
/// A clone shares the items, so that a request, an attempt or a fork costs only its new items,
/// whatever the length of the conversation. [`Profile::fit`](crate::profile::Profile::fit) keeps
/// its results with the items and checks new ones only; `codex-client` compares two inputs from the
/// end and stops at the first part that they share. Serializing a request copies existing bytes.
///
/// Extend the input of the previous request. A second input built from equal items is equal but
/// shares nothing.
///
/// ```
/// use codex_types::{CreateResponse, Message, OutputMessage, PreparedInput, Streaming};
///
/// let mut history = PreparedInput::new();
/// history.push(Message::user("Why is the sky blue?"));
/// let request = CreateResponse::new("gpt-5.5").input(history.clone());
/// assert_eq!(
///     request.to_json(Streaming::Yes)?,
///     concat!(
///         r#"{"stream":true,"model":"gpt-5.5","#,
///         r#""input":[{"type":"message","role":"user","content":"Why is the sky blue?"}]}"#,
///     ),
/// );
///
/// history.push(OutputMessage::text("msg_1", "Because of the sun."));
/// assert_eq!(history.len(), 2);
/// assert_eq!(history.to_items()[0], Message::user("Why is the sky blue?").into());
/// # Ok::<(), codex_types::DecodeError>(())
/// ```
#[derive(Clone, Default)]
pub struct PreparedInput {
    /// Items that fitting put before the conversation, created for each request.
    before: Option<Arc<[RawJson]>>,
    last: Option<Arc<Node>>,
}

/// A group of items that were added together, after those of the preceding node.
pub(crate) struct Node {
    pub(crate) items: Arc<[RawJson]>,
    pub(crate) previous: Option<Arc<Self>>,
    /// The number of items up to the end of this node.
    len: usize,
    /// The number of bytes in these items.
    bytes: usize,
    /// A cached result about the items up to the end of this node.
    pub(crate) memo: Memo,
}

impl Node {
    pub(crate) fn new(items: Arc<[RawJson]>, previous: Option<Arc<Self>>) -> Self {
        let (len, bytes) = previous
            .as_ref()
            .map_or((0, 0), |previous| (previous.len, previous.bytes));
        let added: usize = items.iter().map(|item| item.as_str().len()).sum();
        Self {
            len: len + items.len(),
            bytes: bytes + added,
            items,
            previous,
            memo: Memo::default(),
        }
    }

    /// Returns the index of the first item of this node.
    pub(crate) fn start(&self) -> usize {
        self.len - self.items.len()
    }
}

/// Drops iteratively: the default would need stack for each node.
impl Drop for Node {
    fn drop(&mut self) {
        let mut previous = self.previous.take();
        while let Some(mut node) = previous.and_then(Arc::into_inner) {
            previous = node.previous.take();
        }
    }
}

impl PreparedInput {
    /// Creates an input without items.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends an item.
    pub fn push(&mut self, item: impl Into<InputItem>) {
        self.extend([item.into()]);
    }

    /// Appends the items of another input.
    pub fn append(&mut self, other: &Self) {
        self.extend_json(other.iter().cloned().collect());
    }

    /// Returns the number of items.
    pub fn len(&self) -> usize {
        self.before().len() + self.last.as_ref().map_or(0, |last| last.len)
    }

    /// Returns whether there are no items.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the length of the items as JSON, in bytes, without brackets and commas.
    pub fn json_len(&self) -> usize {
        let before: usize = self.before().iter().map(|item| item.as_str().len()).sum();
        before + self.last.as_ref().map_or(0, |last| last.bytes)
    }

    /// Returns an iterator over the items as JSON, in order.
    pub fn iter(&self) -> impl Iterator<Item = &RawJson> {
        let mut nodes: Vec<&Node> = self.nodes().collect();
        nodes.reverse();
        let shared = nodes.into_iter().flat_map(|node| node.items.iter());
        self.before().iter().chain(shared)
    }

    /// Reads the items back from their JSON.
    pub fn to_items(&self) -> Vec<InputItem> {
        self.iter().map(read).collect()
    }

    /// Returns the items that follow, if this input begins with all items of `prefix`.
    ///
    /// Items are equal if their values are equal, however they are spelled. The cost is that of the
    /// items that the two do not share.
    ///
    /// ```
    /// use codex_types::{Message, PreparedInput};
    ///
    /// let mut history = PreparedInput::from_iter([Message::user("Well?").into()]);
    /// let before = history.clone();
    /// history.push(Message::user("And now?"));
    /// let new = history.strip_prefix(&before).ok_or("it begins with it")?;
    /// assert_eq!(new.to_items(), [Message::user("And now?").into()]);
    /// assert_eq!(before.strip_prefix(&history), None);
    /// # Ok::<(), &str>(())
    /// ```
    pub fn strip_prefix(&self, prefix: &Self) -> Option<Self> {
        let added = self.len().checked_sub(prefix.len())?;
        let mut ends = Ends::new(self);
        let mut new: Vec<RawJson> = Vec::new();
        new.extend((0..added).map_while(|_| ends.next().cloned()));
        new.reverse();
        let mut others = Ends::new(prefix);
        while !ends.is_shared_with(&others) {
            match (ends.next(), others.next()) {
                (Some(one), Some(other)) if same(one, other) => {}
                (None, None) => break,
                _ => return None,
            }
        }
        Some(Self::from_json(new))
    }

    /// Creates an input of items that are already JSON.
    pub(crate) fn from_json(items: Vec<RawJson>) -> Self {
        let mut input = Self::new();
        input.extend_json(items);
        input
    }

    pub(crate) fn extend_json(&mut self, items: Vec<RawJson>) {
        if !items.is_empty() {
            self.last = Some(Arc::new(Node::new(items.into(), self.last.take())));
        }
    }

    /// Creates an input of these nodes, after items for one request.
    pub(crate) fn with_before(before: Vec<RawJson>, last: Option<Arc<Node>>) -> Self {
        Self {
            before: (!before.is_empty()).then(|| before.into()),
            last,
        }
    }

    pub(crate) fn before(&self) -> &[RawJson] {
        self.before.as_deref().unwrap_or_default()
    }

    pub(crate) fn last(&self) -> Option<&Arc<Node>> {
        self.last.as_ref()
    }

    /// Returns the nodes, last first.
    fn nodes(&self) -> impl Iterator<Item = &Node> {
        core::iter::successors(self.last.as_deref(), |node| node.previous.as_deref())
    }
}

/// An iterator over the items from the end.
struct Ends<'a> {
    before: &'a [RawJson],
    node: Option<&'a Node>,
    /// The remaining items of the node.
    items: &'a [RawJson],
}

impl<'a> Ends<'a> {
    fn new(input: &'a PreparedInput) -> Self {
        let node = input.last.as_deref();
        Self {
            before: input.before(),
            node,
            items: node.map_or(&[], |node| &node.items),
        }
    }

    fn next(&mut self) -> Option<&'a RawJson> {
        loop {
            if let Some((item, rest)) = self.items.split_last() {
                self.items = rest;
                return Some(item);
            }
            let Some(node) = self.node else {
                let (item, rest) = self.before.split_last()?;
                self.before = rest;
                return Some(item);
            };
            self.node = node.previous.as_deref();
            self.items = self.node.map_or(&[], |node| &node.items);
        }
    }

    /// Returns whether the remainders are the same memory; `false` does not prove that they are
    /// not.
    fn is_shared_with(&self, other: &Self) -> bool {
        let is_same_node = match (self.node, other.node) {
            (Some(one), Some(other)) => core::ptr::eq(one, other),
            (one, other) => one.is_none() && other.is_none(),
        };
        is_same_node && self.items.len() == other.items.len() && self.before == other.before
    }
}

/// Returns whether two items are equal. One that was saved and read back may be spelled
/// differently.
fn same(one: &RawJson, other: &RawJson) -> bool {
    one == other || one.to_compact() == other.to_compact() || read(one) == read(other)
}

fn read(item: &RawJson) -> InputItem {
    item.decode()
        .unwrap_or_else(|_| InputItem::Unknown(Unknown::new(item.clone())))
}

impl Extend<InputItem> for PreparedInput {
    fn extend<I: IntoIterator<Item = InputItem>>(&mut self, items: I) {
        // An item is text under text keys, which JSON can always represent.
        let written = |item: InputItem| RawJson::encode(&item).unwrap_or_default();
        self.extend_json(items.into_iter().map(written).collect());
    }
}

impl<'a> Extend<&'a InputItem> for PreparedInput {
    fn extend<I: IntoIterator<Item = &'a InputItem>>(&mut self, items: I) {
        let written = |item: &InputItem| RawJson::encode(item).unwrap_or_default();
        self.extend_json(items.into_iter().map(written).collect());
    }
}

impl FromIterator<InputItem> for PreparedInput {
    fn from_iter<I: IntoIterator<Item = InputItem>>(items: I) -> Self {
        let mut input = Self::new();
        input.extend(items);
        input
    }
}

impl PartialEq for PreparedInput {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.strip_prefix(other).is_some()
    }
}

impl Encode for PreparedInput {
    fn encode(&self, encoder: &mut dyn Encoder) -> Result<(), Failed> {
        encoder.list(&mut self.iter().map(|item| item as &dyn Encode))
    }
}

serialize_by_encode!(PreparedInput);

impl HeapSize for PreparedInput {
    /// Returns the whole size, including what other inputs share.
    fn heap_size(&self) -> usize {
        let nodes = self.nodes().count() * size_of::<Node>();
        self.json_len() + self.len() * size_of::<RawJson>() + nodes
    }
}

impl fmt::Debug for PreparedInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Message;

    #[test]
    fn a_long_conversation_is_dropped_without_recursion() {
        let count = if cfg!(miri) { 500 } else { 200_000 };
        let mut input = PreparedInput::new();
        for _ in 0..count {
            input.push(Message::user("Well?"));
        }
        let fork = input.clone();
        drop(input);
        assert_eq!(fork.len(), count);
        drop(fork);
    }
}
