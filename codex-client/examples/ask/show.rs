//! Prints a response for a person: text as it arrives, and reasoning, dimmed if standard error is a
//! terminal.

use std::borrow::Cow;
use std::io::{IsTerminal as _, Write as _};

use codex_types::{OutputItem, Response, ResponseEvent};

use crate::terminal::inert;

/// The control characters allowed in running text.
const TEXT: &[char] = &['\n', '\t'];

pub(crate) struct Screen {
    json: bool,
    /// Whether to print the text exactly as the server sent it.
    raw: bool,
    /// Whether to dim reasoning with escape sequences, which only terminals understand.
    dim: bool,
    line_open: bool,
    reasoning_open: bool,
}

impl Screen {
    pub(crate) fn new(json: bool, raw: bool) -> Self {
        Self {
            json,
            raw,
            dim: std::io::stderr().is_terminal(),
            line_open: false,
            reasoning_open: false,
        }
    }

    pub(crate) fn event(&mut self, event: &ResponseEvent) -> std::io::Result<()> {
        if self.json {
            let mut out = std::io::stdout().lock();
            let json = event.to_json().map_err(std::io::Error::other)?;
            writeln!(out, "{}", escaped(&json))?;
            return out.flush();
        }
        match event {
            ResponseEvent::OutputTextDelta(delta) | ResponseEvent::RefusalDelta(delta) => {
                self.end_reasoning();
                let mut out = std::io::stdout().lock();
                let text = delta.delta();
                let shown = if self.raw {
                    text.into()
                } else {
                    inert(text, TEXT)
                };
                out.write_all(shown.as_bytes())?;
                out.flush()?;
                self.line_open = !delta.delta().ends_with('\n');
            }
            ResponseEvent::ReasoningSummaryTextDelta(delta)
            | ResponseEvent::ReasoningTextDelta(delta) => {
                self.reasoning(delta.delta());
            }
            ResponseEvent::OutputItemDone(done) => {
                if let OutputItem::FunctionCall(call) = &done.item {
                    self.remark(&format!(
                        "the model calls {}({})",
                        inert(&call.name, &[]),
                        inert(&call.arguments, &[])
                    ));
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Ends the current line, so that the next output starts on a new one.
    pub(crate) fn pause(&mut self) {
        self.end_reasoning();
        if core::mem::take(&mut self.line_open) {
            println!();
        }
    }

    pub(crate) fn remark(&mut self, text: &str) {
        self.pause();
        eprintln!("{text}");
    }

    pub(crate) fn usage(&mut self, response: &Response) {
        let Some(usage) = &response.usage else {
            return;
        };
        self.remark(&format!(
            "{} tokens in ({} cached), {} out ({} reasoning)",
            usage.input_tokens,
            usage.cached_tokens(),
            usage.output_tokens,
            usage.reasoning_tokens(),
        ));
    }

    fn reasoning(&mut self, text: &str) {
        if !core::mem::replace(&mut self.reasoning_open, true) && self.dim {
            eprint!("\x1b[2m");
        }
        eprint!("{}", inert(text, TEXT));
    }

    fn end_reasoning(&mut self) {
        if core::mem::take(&mut self.reasoning_open) {
            eprintln!("{}", if self.dim { "\x1b[0m" } else { "" });
        }
    }
}

/// Returns the same JSON with DEL and the C1 controls escaped. JSON allows them in a string, but
/// some terminals obey them.
fn escaped(json: &str) -> Cow<'_, str> {
    if !json.contains(char::is_control) {
        return Cow::Borrowed(json);
    }
    let mut shown = String::with_capacity(json.len() + 16);
    for character in json.chars() {
        if character.is_control() {
            shown.push_str(&format!("\\u{:04x}", u32::from(character)));
        } else {
            shown.push(character);
        }
    }
    Cow::Owned(shown)
}
