//! Breakpoints of the prompt cache, placed at the end of what later requests repeat.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::{
    CreateResponse, Input, InputItem, InputPart, MessageContent, PromptCacheBreakpoint, Role,
    ToolOutput,
};

impl PromptCacheBreakpoint {
    /// Creates a breakpoint with the lifetime of the request's
    /// [options](crate::PromptCacheOptions).
    pub fn explicit() -> Self {
        Self::new("explicit")
    }
}

impl InputItem {
    /// Makes the end of this item a breakpoint of the prompt cache, and returns whether it can be
    /// one.
    ///
    /// Messages of users, developers and systems can, and so can outputs of functions and custom
    /// tools. Their text becomes a part. A breakpoint that is there already stays.
    ///
    /// ```
    /// use codex_types::{InputItem, Message, RawJson};
    ///
    /// let mut item = InputItem::from(Message::user("Hi"));
    /// assert!(item.set_cache_breakpoint());
    /// assert_eq!(
    ///     RawJson::encode(&item)?.as_str(),
    ///     concat!(
    ///         r#"{"type":"message","role":"user","content":[{"type":"input_text","text":"Hi","#,
    ///         r#""prompt_cache_breakpoint":{"mode":"explicit"}}]}"#,
    ///     ),
    /// );
    /// # Ok::<(), codex_types::DecodeError>(())
    /// ```
    pub fn set_cache_breakpoint(&mut self) -> bool {
        let output = match self {
            Self::Message(message) if message.role != Role::Assistant => {
                return match &mut message.content {
                    MessageContent::Parts(parts) => mark_last(parts),
                    content => {
                        let MessageContent::Text(text) = content else {
                            return false;
                        };
                        let Some(part) = marked(text) else {
                            return false;
                        };
                        *content = MessageContent::Parts(Vec::from([part]));
                        true
                    }
                };
            }
            Self::FunctionCallOutput(output) => &mut output.output,
            Self::CustomToolCallOutput(output) => &mut output.output,
            _ => return false,
        };
        match output {
            ToolOutput::Parts(parts) => mark_last(parts),
            ToolOutput::Text(text) => {
                let Some(part) = marked(text) else {
                    return false;
                };
                *output = ToolOutput::Parts(Vec::from([part]));
                true
            }
            ToolOutput::Unknown(_) => false,
        }
    }
}

impl CreateResponse {
    /// Places breakpoints of the prompt cache at the end of the leading developer messages, which
    /// other conversations share, and at the end of the input, which the next request repeats.
    ///
    /// Models from 5.6 on take breakpoints ([`ModelEntry::cache_breakpoints`]); other requests must
    /// not have them. A [`PreparedInput`](crate::PreparedInput) stays unchanged: mark its items
    /// before they are added ([`InputItem::set_cache_breakpoint`]). Instructions and tools cannot
    /// be marked, and are part of every prefix.
    ///
    /// [`ModelEntry::cache_breakpoints`]: field@crate::model_name::ModelEntry::cache_breakpoints
    ///
    /// ```
    /// use codex_types::{CreateResponse, InputItem, Message, RawJson};
    ///
    /// let input = [InputItem::from(Message::developer("Be brief.")), Message::user("Hi").into()];
    /// let request = CreateResponse::new("gpt-6.2-sol").input(input).with_cache_breakpoints();
    /// let body = RawJson::encode(&request)?;
    /// assert_eq!(body.as_str().matches("prompt_cache_breakpoint").count(), 2);
    /// # Ok::<(), codex_types::DecodeError>(())
    /// ```
    #[must_use]
    pub fn with_cache_breakpoints(mut self) -> Self {
        self.input = match self.input.take() {
            Some(input @ (Input::Text(_) | Input::Items(_))) => {
                let mut items = input.into_items();
                let leading = items.iter().take_while(|item| is_instruction(item)).count();
                let mut leading = items.iter_mut().take(leading).rev();
                leading.any(InputItem::set_cache_breakpoint);
                items.iter_mut().rev().any(InputItem::set_cache_breakpoint);
                Some(Input::Items(items))
            }
            other => other,
        };
        self
    }
}

fn is_instruction(item: &InputItem) -> bool {
    let roles = [Role::Developer, Role::System];
    matches!(item, InputItem::Message(message) if roles.contains(&message.role))
}

/// Returns the text as a part with a breakpoint; `None` for an empty text.
fn marked(text: &mut alloc::string::String) -> Option<InputPart> {
    let mut part = InputPart::text(core::mem::take(text));
    (part.as_text() != Some("") && mark(&mut part)).then_some(part)
}

/// Marks the last part that can be a breakpoint.
fn mark_last(parts: &mut [InputPart]) -> bool {
    parts.iter_mut().rev().any(mark)
}

fn mark(part: &mut InputPart) -> bool {
    let breakpoint = match part {
        InputPart::Text(part) => &mut part.prompt_cache_breakpoint,
        InputPart::Image(part) => &mut part.prompt_cache_breakpoint,
        InputPart::File(part) => &mut part.prompt_cache_breakpoint,
        InputPart::ComputerScreenshot(part) => &mut part.prompt_cache_breakpoint,
        _ => return false,
    };
    breakpoint.get_or_insert_with(|| Box::new(PromptCacheBreakpoint::explicit()));
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{FunctionCallOutput, Message, RawJson};

    fn marks(items: &[InputItem]) -> usize {
        let body = RawJson::encode(items).unwrap();
        body.as_str().matches("prompt_cache_breakpoint").count()
    }

    #[test]
    fn the_last_part_that_can_be_marked_is() {
        let audio = r#"{"type":"input_audio"}"#;
        let audio: InputPart = RawJson::parse(audio).unwrap().decode().unwrap();
        let mut item = InputItem::from(Message::user([InputPart::text("a"), audio.clone()]));
        assert!(item.set_cache_breakpoint());
        let InputItem::Message(message) = &item else {
            panic!("a message");
        };
        let MessageContent::Parts(parts) = &message.content else {
            panic!("parts");
        };
        assert!(
            matches!(&parts[0], InputPart::Text(text) if text.prompt_cache_breakpoint.is_some())
        );
        // Twice is once.
        assert!(item.set_cache_breakpoint());
        assert_eq!(marks(&[item]), 1);
        for mut item in [
            InputItem::from(Message::user([audio])),
            Message::user("").into(),
            Message::assistant("text").into(),
        ] {
            let before = item.clone();
            assert!(!item.set_cache_breakpoint());
            assert_eq!(marks(&[item.clone()]), 0);
            assert_eq!(item, before);
        }
    }

    #[test]
    fn outputs_of_tools_become_parts() {
        let mut item = InputItem::from(FunctionCallOutput::new("21 degrees").call_id("call_1"));
        assert!(item.set_cache_breakpoint());
        assert_eq!(
            RawJson::encode(&item).unwrap().as_str(),
            concat!(
                r#"{"type":"function_call_output","output":[{"type":"input_text","text":"21 degrees","#,
                r#""prompt_cache_breakpoint":{"mode":"explicit"}}],"call_id":"call_1"}"#,
            )
        );
    }

    #[test]
    fn a_request_marks_its_instructions_and_its_end() {
        let items = [
            InputItem::from(Message::system("a")),
            Message::developer("b").into(),
            Message::user("c").into(),
            Message::developer("d").into(),
            Message::assistant("e").into(),
        ];
        let request = CreateResponse::new("m")
            .input(items)
            .with_cache_breakpoints();
        let items = request.input.unwrap().into_items();
        let marked: Vec<usize> = items
            .iter()
            .map(|item| marks(core::slice::from_ref(item)))
            .collect();
        assert_eq!(marked, [0, 1, 0, 1, 0]);
        let request = CreateResponse::new("m")
            .input("Hi")
            .with_cache_breakpoints();
        assert_eq!(marks(&request.input.unwrap().into_items()), 1);
        assert_eq!(
            CreateResponse::new("m").with_cache_breakpoints().input,
            None
        );
    }
}
