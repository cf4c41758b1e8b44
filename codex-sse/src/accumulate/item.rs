// Everything that concerns one item: deltas, wholes of texts and parts, the item itself, and what tools report.

use codex_types::{
    Annotation, AnnotationEvent, DeltaKind, ItemStatus, Logprob, OutputItem, OutputItemEvent,
    OutputPart, OutputText, ResponseEvent, SummaryPart,
};

use super::{
    Accumulator, Change, Kind, Piece,
    fill::replace_part,
    place::{Address, same_id},
    slot::{Slot, part_mut, status, text_mut},
    tool::progress,
};
use crate::Error;

impl Accumulator {
    pub(super) fn append(
        &mut self,
        number: Option<u64>,
        piece: &Piece<'_>,
        report: &mut impl FnMut(Change),
    ) -> Result<(), Error> {
        if self.is_over_or_repeated(number, Kind::Delta(piece.kind)) {
            return Ok(());
        }
        if piece.text.is_empty() {
            return Ok(());
        }
        let address = Address {
            output_index: piece.output_index,
            item_id: piece.item_id,
        };
        let Some(position) = self.locate_or_begin(address, piece.kind, report)? else {
            return Ok(());
        };
        if self.slots[position].is_sealed(piece.kind, piece.part) {
            return Ok(());
        }
        self.grow(piece.text.len())?;
        self.pay_for_part(position, piece.kind, piece.part)?;
        let (item, slot) = (
            &mut self.response.output[position],
            &mut self.slots[position],
        );
        slot.size += piece.text.len();
        let Some(text) = text_mut(item, slot, piece.kind, piece.part) else {
            return Ok(());
        };
        let start = text.len();
        text.push_str(piece.text);
        let end = text.len();
        if end > start {
            let (serial, kind, part) = (slot.serial, piece.kind, piece.part);
            report(Change::Text {
                serial,
                kind,
                part,
                start,
                end,
                corrected: false,
            });
        }
        if !piece.logprobs.is_empty()
            && let Some(part) = output_text(item, slot, piece.part)
        {
            part.logprobs
                .get_or_insert_default()
                .extend_from_slice(piece.logprobs);
        }
        Ok(())
    }

    pub(super) fn apply_to_item(
        &mut self,
        event: &ResponseEvent,
        report: &mut impl FnMut(Change),
    ) -> Result<(), Error> {
        let address = Address {
            output_index: event.output_index(),
            item_id: event.item_id().unwrap_or_default(),
        };
        match event {
            ResponseEvent::OutputItemAdded(event) => self.item_added(event, report),
            ResponseEvent::OutputItemDone(event) => self.item_done(event, report),
            ResponseEvent::ContentPartAdded(event) => {
                self.part_arrives(address, event.content_index, &event.part, false, report)
            }
            ResponseEvent::ContentPartDone(event) => {
                self.part_arrives(address, event.content_index, &event.part, true, report)
            }
            ResponseEvent::ReasoningSummaryPartAdded(event) => {
                self.summary_arrives(address, event.summary_index, &event.part, false, report)
            }
            ResponseEvent::ReasoningSummaryPartDone(event) => {
                self.summary_arrives(address, event.summary_index, &event.part, true, report)
            }
            ResponseEvent::OutputTextDone(event) => {
                let (kind, part) = (DeltaKind::OutputText, event.content_index.unwrap_or(0));
                self.text_done(address, kind, part, &event.text, report)?;
                if let Some(logprobs) = event
                    .logprobs
                    .as_ref()
                    .filter(|logprobs| !logprobs.is_empty())
                {
                    self.set_logprobs(address, part, logprobs);
                }
                Ok(())
            }
            ResponseEvent::RefusalDone(event) => {
                let part = event.content_index.unwrap_or(0);
                self.text_done(address, DeltaKind::Refusal, part, &event.refusal, report)
            }
            ResponseEvent::ReasoningTextDone(event) => {
                let part = event.content_index.unwrap_or(0);
                self.text_done(address, DeltaKind::ReasoningText, part, &event.text, report)
            }
            ResponseEvent::ReasoningSummaryTextDone(event) => {
                let part = event.summary_index.unwrap_or(0);
                self.text_done(
                    address,
                    DeltaKind::ReasoningSummaryText,
                    part,
                    &event.text,
                    report,
                )
            }
            ResponseEvent::FunctionCallArgumentsDone(event) => {
                self.text_done(
                    address,
                    DeltaKind::FunctionCallArguments,
                    0,
                    &event.arguments,
                    report,
                )?;
                self.name_function(address, event.name.as_deref());
                Ok(())
            }
            ResponseEvent::CustomToolCallInputDone(event) => self.text_done(
                address,
                DeltaKind::CustomToolCallInput,
                0,
                &event.input,
                report,
            ),
            ResponseEvent::McpCallArgumentsDone(event) => self.text_done(
                address,
                DeltaKind::McpCallArguments,
                0,
                &event.arguments,
                report,
            ),
            ResponseEvent::CodeInterpreterCallCodeDone(event) => self.text_done(
                address,
                DeltaKind::CodeInterpreterCallCode,
                0,
                &event.code,
                report,
            ),
            ResponseEvent::OutputTextAnnotationAdded(event) => self.annotate(address, event),
            ResponseEvent::ShellCallCommandAdded(event) => {
                self.shell_command(address, event.command_index, |command| {
                    command.clone_from(&event.command)
                })
            }
            ResponseEvent::ShellCallCommandDelta(event) => {
                self.shell_command(address, event.command_index, |command| {
                    command.push_str(&event.delta)
                })
            }
            ResponseEvent::ShellCallCommandDone(event) => {
                self.shell_command(address, event.command_index, |command| {
                    command.clone_from(&event.command)
                })
            }
            ResponseEvent::ShellCallOutputContentDelta(event) => {
                self.shell_output(address, event.command_index, |output| {
                    output
                        .stdout
                        .push_str(event.delta.stdout.as_deref().unwrap_or_default());
                    output
                        .stderr
                        .push_str(event.delta.stderr.as_deref().unwrap_or_default());
                })
            }
            ResponseEvent::ShellCallOutputContentDone(event) => {
                self.shell_output_done(address, event.command_index, &event.output)
            }
            _ => {
                if let Some(status) = progress(event) {
                    self.set_status(address, &status);
                }
                Ok(())
            }
        }
    }

    fn item_added(
        &mut self,
        event: &OutputItemEvent,
        report: &mut impl FnMut(Change),
    ) -> Result<(), Error> {
        let Some(index) = self.index_of(event) else {
            return Ok(());
        };
        let id = event.item.id().unwrap_or_default();
        let address = Address {
            output_index: Some(index),
            item_id: id,
        };
        let open = self.locate(address).filter(|position| {
            let slot = &self.slots[*position];
            same_id(slot, id) || (!slot.done && self.is_bare(*position))
        });
        match open {
            // Repeated, or behind what its deltas have begun.
            Some(position) if self.slots[position].done => Ok(()),
            Some(position) if self.response.output[position].kind() == event.item.kind() => {
                self.replace(position, event.item.clone(), report)
            }
            Some(position) if self.is_bare(position) => {
                self.replace(position, event.item.clone(), report)
            }
            _ => self.insert(index, event.item.clone(), report).map(drop),
        }
    }

    fn item_done(
        &mut self,
        event: &OutputItemEvent,
        report: &mut impl FnMut(Change),
    ) -> Result<(), Error> {
        let Some(index) = self.index_of(event) else {
            return Ok(());
        };
        let id = event.item.id().unwrap_or_default();
        let located = self.locate(Address {
            output_index: Some(index),
            item_id: id,
        });
        let position = match located {
            Some(position) if self.slots[position].done => {
                if same_id(&self.slots[position], id) {
                    return Ok(());
                }
                self.insert(index, event.item.clone(), report)?
            }
            Some(position)
                if self.response.output[position].kind() == event.item.kind()
                    || self.is_bare(position) =>
            {
                self.replace(position, event.item.clone(), report)?;
                position
            }
            _ => self.insert(index, event.item.clone(), report)?,
        };
        let slot = &mut self.slots[position];
        slot.done = true;
        let serial = slot.serial;
        report(match status(&self.response.output[position]) {
            Some(ItemStatus::Incomplete) => Change::Cut { serial },
            _ => Change::Done { serial },
        });
        Ok(())
    }

    /// The place of an item that comes whole: as told, else that of the item with its id, else the next one.
    fn index_of(&self, event: &OutputItemEvent) -> Option<u32> {
        let nothing =
            matches!(&event.item, OutputItem::Unknown(unknown) if unknown.kind().is_empty());
        if nothing {
            return None;
        }
        let by_id = || {
            let id = event.item.id()?;
            self.slots
                .iter()
                .find(|slot| slot.id.as_deref() == Some(id))
                .map(|slot| slot.output_index)
        };
        let next = || {
            self.slots
                .last()
                .map_or(0, |slot| slot.output_index.saturating_add(1))
        };
        Some(event.output_index.or_else(by_id).unwrap_or_else(next))
    }

    fn part_arrives(
        &mut self,
        address: Address<'_>,
        index: Option<u32>,
        part: &OutputPart,
        done: bool,
        report: &mut impl FnMut(Change),
    ) -> Result<(), Error> {
        let index = index.unwrap_or(0);
        let (kind, text) = match part {
            OutputPart::Text(part) => (DeltaKind::OutputText, &part.text),
            OutputPart::PlainText(part) => (DeltaKind::OutputText, &part.text),
            OutputPart::Refusal(part) => (DeltaKind::Refusal, &part.refusal),
            OutputPart::ReasoningText(part) => (DeltaKind::ReasoningText, &part.text),
            _ => return self.unknown_part_arrives(address, index, part),
        };
        let Some(position) = self.locate_or_begin(address, kind, report)? else {
            return Ok(());
        };
        if self.slots[position].is_sealed(kind, index) && !done || self.slots[position].done {
            return Ok(());
        }
        self.whole_text(position, kind, index, text, done, report)?;
        let (item, slot) = (
            &mut self.response.output[position],
            &mut self.slots[position],
        );
        if let OutputItem::Message(message) = item
            && let Some(place) = part_mut(&mut message.content, &mut slot.parts, index, || {
                part.clone()
            })
        {
            replace_part(place, part);
        }
        Ok(())
    }

    /// A part of a kind without text is kept as it is.
    fn unknown_part_arrives(
        &mut self,
        address: Address<'_>,
        index: u32,
        part: &OutputPart,
    ) -> Result<(), Error> {
        let Some(position) = self
            .locate(address)
            .filter(|position| !self.slots[*position].done)
        else {
            return Ok(());
        };
        let added = match part {
            OutputPart::Unknown(unknown) => unknown.raw().as_str().len(),
            _ => 0,
        };
        self.grow(added)?;
        let (item, slot) = (
            &mut self.response.output[position],
            &mut self.slots[position],
        );
        slot.size += added;
        if let OutputItem::Message(message) = item
            && let Some(place) = part_mut(&mut message.content, &mut slot.parts, index, || {
                part.clone()
            })
        {
            place.clone_from(part);
        }
        Ok(())
    }

    fn summary_arrives(
        &mut self,
        address: Address<'_>,
        index: Option<u32>,
        part: &SummaryPart,
        done: bool,
        report: &mut impl FnMut(Change),
    ) -> Result<(), Error> {
        let kind = DeltaKind::ReasoningSummaryText;
        let Some(position) = self.locate_or_begin(address, kind, report)? else {
            return Ok(());
        };
        let text = part.as_text().unwrap_or_default();
        self.whole_text(position, kind, index.unwrap_or(0), text, done, report)
    }

    fn text_done(
        &mut self,
        address: Address<'_>,
        kind: DeltaKind,
        part: u32,
        text: &str,
        report: &mut impl FnMut(Change),
    ) -> Result<(), Error> {
        match self.locate_or_begin(address, kind, report)? {
            Some(position) => self.whole_text(position, kind, part, text, true, report),
            None => Ok(()),
        }
    }

    /// Takes the whole of a text, or what it begins with. An empty one says nothing.
    fn whole_text(
        &mut self,
        position: usize,
        kind: DeltaKind,
        part: u32,
        whole: &str,
        done: bool,
        report: &mut impl FnMut(Change),
    ) -> Result<(), Error> {
        if self.slots[position].done {
            return Ok(());
        }
        self.pay_for_part(position, kind, part)?;
        let (item, slot) = (
            &mut self.response.output[position],
            &mut self.slots[position],
        );
        let Some(text) = text_mut(item, slot, kind, part) else {
            return Ok(());
        };
        let before = text.len();
        let takes = !whole.is_empty() && *text != whole && (done || before == 0);
        if takes {
            self.grow(whole.len().saturating_sub(before))?;
            let (item, slot) = (
                &mut self.response.output[position],
                &mut self.slots[position],
            );
            slot.size += whole.len().saturating_sub(before);
            if let Some(text) = text_mut(item, slot, kind, part) {
                let corrected = !whole.starts_with(text.as_str());
                let start = if corrected { 0 } else { before };
                text.clear();
                text.push_str(whole);
                report(Change::Text {
                    serial: slot.serial,
                    kind,
                    part,
                    start,
                    end: whole.len(),
                    corrected,
                });
            }
        }
        if done {
            self.slots[position].seal(kind, part);
        }
        Ok(())
    }

    fn name_function(&mut self, address: Address<'_>, name: Option<&str>) {
        let position = self.locate_suiting(address, DeltaKind::FunctionCallArguments);
        let (Some(position), Some(name)) = (position, name) else {
            return;
        };
        if let OutputItem::FunctionCall(call) = &mut self.response.output[position]
            && call.name.is_empty()
        {
            call.name = name.into();
        }
    }

    fn set_logprobs(&mut self, address: Address<'_>, part: u32, logprobs: &[Logprob]) {
        let Some(position) = self.locate_suiting(address, DeltaKind::OutputText) else {
            return;
        };
        let (item, slot) = (
            &mut self.response.output[position],
            &mut self.slots[position],
        );
        if let Some(part) = output_text(item, slot, part).filter(|_| !slot.done) {
            part.logprobs = Some(logprobs.to_vec());
        }
    }

    fn annotate(&mut self, address: Address<'_>, event: &AnnotationEvent) -> Result<(), Error> {
        let nothing =
            matches!(&event.annotation, Annotation::Unknown(unknown) if unknown.raw().is_null());
        let position = self.locate_suiting(address, DeltaKind::OutputText);
        let Some(position) = position.filter(|position| !nothing && !self.slots[*position].done)
        else {
            return Ok(());
        };
        self.grow(PER_ANNOTATION)?;
        let (item, slot) = (
            &mut self.response.output[position],
            &mut self.slots[position],
        );
        slot.size += PER_ANNOTATION;
        if let Some(part) = output_text(item, slot, event.content_index.unwrap_or(0)) {
            let index = event.annotation_index.map(|index| index as usize);
            match index.and_then(|index| part.annotations.get_mut(index)) {
                Some(place) => place.clone_from(&event.annotation),
                None => part.annotations.push(event.annotation.clone()),
            }
        }
        Ok(())
    }
}

fn output_text<'a>(
    item: &'a mut OutputItem,
    slot: &mut Slot,
    index: u32,
) -> Option<&'a mut OutputText> {
    let OutputItem::Message(message) = item else {
        return None;
    };
    let make = || OutputPart::Text(OutputText::new(""));
    match part_mut(&mut message.content, &mut slot.parts, index, make)? {
        OutputPart::Text(part) => Some(part),
        _ => None,
    }
}

const PER_ANNOTATION: usize = 256;
