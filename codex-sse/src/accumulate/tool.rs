// What the tools of the service and the shell report about themselves.

use alloc::{string::String, vec::Vec};

use codex_types::{
    ItemStatus, OutputItem, ResponseEvent, ShellAction, ShellCall, ShellCallOutput, ShellOutcome,
    ShellOutput,
};

use super::{
    Accumulator,
    place::{Address, PER_ITEM},
    slot::{has, part_mut},
};
use crate::Error;

impl Accumulator {
    pub(super) fn shell_command(
        &mut self,
        address: Address<'_>,
        index: Option<u32>,
        change: impl FnOnce(&mut String),
    ) -> Result<(), Error> {
        let index = index.unwrap_or(0);
        let Some(position) = self.locate_shell_call(address)? else {
            return Ok(());
        };
        if !has(&self.slots[position].parts, index) {
            self.grow(PER_ITEM)?;
        }
        let (item, slot) = (
            &mut self.response.output[position],
            &mut self.slots[position],
        );
        let OutputItem::ShellCall(call) = item else {
            return Ok(());
        };
        let Some(command) = part_mut(
            &mut call.action.commands,
            &mut slot.parts,
            index,
            String::new,
        ) else {
            return Ok(());
        };
        let before = command.len();
        change(command);
        let added = command.len().saturating_sub(before);
        slot.size += added;
        self.grow(added)
    }

    fn locate_shell_call(&mut self, address: Address<'_>) -> Result<Option<usize>, Error> {
        let wanted = |item: &OutputItem| matches!(item, OutputItem::ShellCall(_));
        let position = match (self.locate_where(address, wanted), address.output_index) {
            (Some(position), _) => position,
            (None, Some(index)) => {
                let mut call = ShellCall::new("", ShellAction::new(Vec::new()));
                call.id = (!address.item_id.is_empty()).then(|| address.item_id.into());
                self.insert(index, call.into(), &mut |_| {})?
            }
            (None, None) => return Ok(None),
        };
        Ok(Some(position).filter(|position| !self.slots[*position].done))
    }

    pub(super) fn shell_output(
        &mut self,
        address: Address<'_>,
        index: Option<u32>,
        change: impl FnOnce(&mut ShellOutput),
    ) -> Result<(), Error> {
        let index = index.unwrap_or(0);
        let Some(position) = self.locate_shell_output(address)? else {
            return Ok(());
        };
        if !has(&self.slots[position].parts, index) {
            self.grow(PER_ITEM)?;
        }
        let (item, slot) = (
            &mut self.response.output[position],
            &mut self.slots[position],
        );
        let OutputItem::ShellCallOutput(output) = item else {
            return Ok(());
        };
        let make = || ShellOutput::new("", "", ShellOutcome::default());
        let Some(output) = part_mut(&mut output.output, &mut slot.parts, index, make) else {
            return Ok(());
        };
        let length = |output: &ShellOutput| output.stdout.len() + output.stderr.len();
        let before = length(output);
        change(output);
        let added = length(output).saturating_sub(before);
        slot.size += added;
        self.grow(added)
    }

    /// All that one command printed, which may be several outputs: they replace what its deltas built.
    pub(super) fn shell_output_done(
        &mut self,
        address: Address<'_>,
        index: Option<u32>,
        whole: &[ShellOutput],
    ) -> Result<(), Error> {
        let Some(position) = self.locate_shell_output(address)? else {
            return Ok(());
        };
        let texts: usize = whole
            .iter()
            .map(|output| output.stdout.len() + output.stderr.len())
            .sum();
        self.grow(texts + whole.len() * PER_ITEM)?;
        let (item, slot) = (
            &mut self.response.output[position],
            &mut self.slots[position],
        );
        slot.size += texts;
        let OutputItem::ShellCallOutput(output) = item else {
            return Ok(());
        };
        let index = index.unwrap_or(0);
        if whole.is_empty() {
            return Ok(());
        }
        let start = slot
            .parts
            .partition_point(|seen| *seen < index)
            .min(output.output.len());
        let end = slot
            .parts
            .partition_point(|seen| *seen <= index)
            .min(output.output.len());
        output.output.splice(start..end, whole.iter().cloned());
        slot.parts.splice(start..end, whole.iter().map(|_| index));
        Ok(())
    }

    fn locate_shell_output(&mut self, address: Address<'_>) -> Result<Option<usize>, Error> {
        let wanted = |item: &OutputItem| matches!(item, OutputItem::ShellCallOutput(_));
        let position = match (self.locate_where(address, wanted), address.output_index) {
            (Some(position), _) => position,
            (None, Some(index)) => {
                let mut output = ShellCallOutput::new("", Vec::new());
                output.id = (!address.item_id.is_empty()).then(|| address.item_id.into());
                self.insert(index, output.into(), &mut |_| {})?
            }
            (None, None) => return Ok(None),
        };
        Ok(Some(position).filter(|position| !self.slots[*position].done))
    }

    pub(super) fn set_status(&mut self, address: Address<'_>, status: &ItemStatus) {
        let Some(position) = self
            .locate(address)
            .filter(|position| !self.slots[*position].done)
        else {
            return;
        };
        match &mut self.response.output[position] {
            OutputItem::FileSearchCall(item) => item.status.clone_from(status),
            OutputItem::WebSearchCall(item) => item.status = Some(status.clone()),
            OutputItem::CodeInterpreterCall(item) => item.status.clone_from(status),
            OutputItem::ImageGenerationCall(item) => item.status.clone_from(status),
            OutputItem::McpCall(item) => item.status = Some(status.clone()),
            _ => {}
        }
    }
}

/// How far a tool of the service has come, by the kind of the event.
pub(super) fn progress(event: &ResponseEvent) -> Option<ItemStatus> {
    Some(match event {
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
    })
}
