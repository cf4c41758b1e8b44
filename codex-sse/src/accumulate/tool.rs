//! Events of the shell: commands and their output.

use alloc::string::String;
use alloc::vec::Vec;

use codex_types::{
    HeapSize, ItemStatus, OutputItem, ResponseEvent, ShellAction, ShellCall, ShellCallOutput,
    ShellOutcome, ShellOutput,
};

use super::class::Class;
use super::entry::{Entry, Part};
use super::index::Address;
use super::{Accumulator, Change, PER_PART};
use crate::Error;

impl Accumulator {
    pub(super) fn shell_command(
        &mut self,
        address: Address<'_>,
        index: Option<u32>,
        added: usize,
        change: impl FnOnce(&mut String, &mut Part),
    ) -> Result<(), Error> {
        let is_call = |item: &OutputItem| matches!(item, OutputItem::ShellCall(_));
        let make = || ShellCall::new("", ShellAction::new(Vec::new())).into();
        let Some(key) = self.shell_item(address, is_call, make)? else {
            return Ok(());
        };
        self.grow(added + PER_PART)?;
        let (item, entry) = self.parts_of(key);
        if let OutputItem::ShellCall(call) = item {
            let (at, is_new) = place(entry, index, &mut call.action.commands, String::new);
            if let Some(command) = call.action.commands.get_mut(at) {
                if is_new {
                    command.clear();
                }
                change(command, &mut entry.parts.list[at]);
            }
        }
        Ok(())
    }

    pub(super) fn shell_output(
        &mut self,
        address: Address<'_>,
        index: Option<u32>,
        added: usize,
        change: impl FnOnce(&mut ShellOutput),
    ) -> Result<(), Error> {
        let Some(key) = self.shell_output_item(address)? else {
            return Ok(());
        };
        self.grow(added + PER_PART)?;
        let (item, entry) = self.parts_of(key);
        if let OutputItem::ShellCallOutput(output) = item {
            let blank = || ShellOutput::new("", "", ShellOutcome::default());
            let (at, is_new) = place(entry, index, &mut output.output, blank);
            if let Some(output) = output.output.get_mut(at) {
                if is_new {
                    *output = blank();
                }
                change(output);
            }
        }
        Ok(())
    }

    /// Merges the whole output of one command, which may be several outputs and replaces what its
    /// deltas built.
    pub(super) fn shell_output_done(
        &mut self,
        address: Address<'_>,
        index: Option<u32>,
        whole: &[ShellOutput],
    ) -> Result<(), Error> {
        let Some(key) = self.shell_output_item(address)? else {
            return Ok(());
        };
        if whole.is_empty() {
            return Ok(());
        }
        let size: usize = whole.iter().map(HeapSize::heap_size).sum();
        self.grow(size + whole.len() * (PER_PART + size_of::<ShellOutput>()))?;
        let (item, entry) = self.parts_of(key);
        let OutputItem::ShellCallOutput(output) = item else {
            return Ok(());
        };
        let index = index.unwrap_or(0);
        let known = entry.parts.put(index, whole.len());
        let end = output.output.len();
        let known = known.start.min(end)..known.end.min(end);
        output.output.splice(known, whole.iter().cloned());
        Ok(())
    }

    fn shell_output_item(&mut self, address: Address<'_>) -> Result<Option<u32>, Error> {
        let is_output = |item: &OutputItem| matches!(item, OutputItem::ShellCallOutput(_));
        let make = || ShellCallOutput::new("", Vec::new()).into();
        self.shell_item(address, is_output, make)
    }

    /// Returns whether the event may belong to the same item as the last one.
    fn is_current(&self, address: Address<'_>, is_wanted: impl Fn(&OutputItem) -> bool) -> bool {
        let current = self.identities.current(Class::Other);
        current.is_some_and(|key| {
            let is_there = self.entry(key).claimed == address.index && address.id.is_empty();
            is_there && is_wanted(self.item(key))
        })
    }

    /// Returns the open item, and begins it if no event has announced it.
    fn shell_item(
        &mut self,
        address: Address<'_>,
        is_wanted: impl Fn(&OutputItem) -> bool,
        make: impl FnOnce() -> OutputItem,
    ) -> Result<Option<u32>, Error> {
        let key = match self.match_other(address, &is_wanted) {
            Some(key) => key,
            None if self.trusted(address.index).is_none() && address.id.is_empty() => {
                return Ok(None);
            }
            // The events of a finished item are sent again.
            None if self.is_current(address, &is_wanted) => return Ok(None),
            None => {
                let mut item = make();
                item.set_id(address.id);
                let key = self.begin(item, address.index, None)?;
                self.report(Change::Started { key });
                key
            }
        };
        self.touch(key, address);
        Ok(Some(key).filter(|key| !self.entry(*key).is_done))
    }
}

/// Returns the position of the value with this index, which is created if there is none, and
/// whether only an announcement has set it.
fn place<T>(
    entry: &mut Entry,
    index: Option<u32>,
    values: &mut Vec<T>,
    make: impl FnOnce() -> T,
) -> (usize, bool) {
    let index = index.unwrap_or(0);
    let position = entry.parts.find(index, None).unwrap_or_else(|| {
        let position = entry.parts.insert(Part::without_text(index));
        values.insert(position.min(values.len()), make());
        position
    });
    let part = &mut entry.parts.list[position];
    (position, !core::mem::replace(&mut part.has_content, true))
}

/// Returns the class of a hosted tool and its progress, by the kind of the event.
pub(super) fn progress(event: &ResponseEvent) -> Option<(Class, ItemStatus)> {
    let class = match event {
        ResponseEvent::McpCallInProgress(_)
        | ResponseEvent::McpCallCompleted(_)
        | ResponseEvent::McpCallFailed(_) => Class::Mcp,
        ResponseEvent::CodeInterpreterCallInProgress(_)
        | ResponseEvent::CodeInterpreterCallInterpreting(_)
        | ResponseEvent::CodeInterpreterCallCompleted(_) => Class::Code,
        _ => Class::Other,
    };
    let status = match event {
        ResponseEvent::FileSearchCallInProgress(_)
        | ResponseEvent::WebSearchCallInProgress(_)
        | ResponseEvent::CodeInterpreterCallInProgress(_)
        | ResponseEvent::ImageGenerationCallInProgress(_)
        | ResponseEvent::McpCallInProgress(_) => ItemStatus::InProgress,
        ResponseEvent::FileSearchCallSearching(_) | ResponseEvent::WebSearchCallSearching(_) => {
            ItemStatus::Searching
        }
        ResponseEvent::CodeInterpreterCallInterpreting(_) => ItemStatus::Interpreting,
        ResponseEvent::ImageGenerationCallGenerating(_) => ItemStatus::Generating,
        ResponseEvent::FileSearchCallCompleted(_)
        | ResponseEvent::WebSearchCallCompleted(_)
        | ResponseEvent::CodeInterpreterCallCompleted(_)
        | ResponseEvent::ImageGenerationCallCompleted(_)
        | ResponseEvent::McpCallCompleted(_) => ItemStatus::Completed,
        ResponseEvent::McpCallFailed(_) => ItemStatus::Failed,
        _ => return None,
    };
    Some((class, status))
}
