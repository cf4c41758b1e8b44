// What a person sees: text as it comes, reasoning dimmed beside it where standard error is a terminal.

use std::io::{IsTerminal as _, Write as _};

use codex_types::{OutputItem, Response, ResponseEvent};

pub(crate) struct Screen {
    json: bool,
    /// Escape sequences are for terminals.
    dim: bool,
    line_open: bool,
    reasoning_open: bool,
}

impl Screen {
    pub(crate) fn new(json: bool) -> Self {
        Self {
            json,
            dim: std::io::stderr().is_terminal(),
            line_open: false,
            reasoning_open: false,
        }
    }

    pub(crate) fn event(&mut self, event: &ResponseEvent) -> std::io::Result<()> {
        if self.json {
            let mut out = std::io::stdout().lock();
            writeln!(out, "{}", event.to_json().map_err(std::io::Error::other)?)?;
            return out.flush();
        }
        match event {
            ResponseEvent::OutputTextDelta(delta) | ResponseEvent::RefusalDelta(delta) => {
                self.end_reasoning();
                let mut out = std::io::stdout().lock();
                out.write_all(delta.delta().as_bytes())?;
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
                        call.name, call.arguments
                    ));
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Ends the line that is being written, so that what follows stands on one of its own.
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
        eprint!("{text}");
    }

    fn end_reasoning(&mut self) {
        if core::mem::take(&mut self.reasoning_open) {
            eprintln!("{}", if self.dim { "\x1b[0m" } else { "" });
        }
    }
}
