//! Separates reasoning that is part of the text, between `<think>` at its beginning and `</think>`.
//! A tag may be cut anywhere, so text that may become a tag is held back, but no more than that.

use alloc::string::String;
use alloc::vec::Vec;

/// A splitter of the text of a completion into reasoning and text.
#[derive(Clone, Debug, Default)]
pub(super) struct ThinkTags {
    state: State,
    /// Text that may be part of a tag.
    held: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// Only white space has arrived.
    #[default]
    Start,
    Inside,
    /// Just after the closing tag, where white space is dropped.
    Closed,
    Text,
}

/// A segment of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Said {
    Reasoning(String),
    Text(String),
}

impl ThinkTags {
    /// Returns the segments of the next fragment.
    pub(super) fn feed(&mut self, text: &str) -> Vec<Said> {
        let mut said = Vec::new();
        self.held.push_str(text);
        if self.state == State::Start {
            let start = self.held.trim_start();
            if OPEN.starts_with(start) {
                return said;
            }
            match start.strip_prefix(OPEN) {
                Some(rest) => {
                    self.held = rest.into();
                    self.state = State::Inside;
                }
                None => self.state = State::Text,
            }
        }
        if self.state == State::Inside {
            if let Some((inside, rest)) = self.held.split_once(CLOSE) {
                push(&mut said, Said::Reasoning(inside.into()));
                self.held = rest.into();
                self.state = State::Closed;
            } else {
                let kept = (1..CLOSE.len())
                    .rev()
                    .find(|length| self.held.ends_with(&CLOSE[..*length]));
                let rest = self.held.split_off(self.held.len() - kept.unwrap_or(0));
                push(
                    &mut said,
                    Said::Reasoning(core::mem::replace(&mut self.held, rest)),
                );
                return said;
            }
        }
        if self.state == State::Closed {
            self.held = self.held.trim_start().into();
            if self.held.is_empty() {
                return said;
            }
            self.state = State::Text;
        }
        push(&mut said, Said::Text(core::mem::take(&mut self.held)));
        said
    }

    /// Returns the text that was held back, at the end of the text.
    pub(super) fn finish(&mut self) -> Option<Said> {
        let held = core::mem::take(&mut self.held);
        let said = match self.state {
            State::Inside => Said::Reasoning(held),
            _ => Said::Text(held),
        };
        (!said.as_str().is_empty()).then_some(said)
    }
}

impl Said {
    fn as_str(&self) -> &str {
        match self {
            Self::Reasoning(text) | Self::Text(text) => text,
        }
    }
}

fn push(said: &mut Vec<Said>, part: Said) {
    if !part.as_str().is_empty() {
        said.push(part);
    }
}

const OPEN: &str = "<think>";
const CLOSE: &str = "</think>";

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the reasoning and the text of these fragments.
    fn split<'a>(pieces: impl IntoIterator<Item = &'a str>) -> (String, String) {
        let mut tags = ThinkTags::default();
        let mut said: Vec<Said> = pieces.into_iter().flat_map(|it| tags.feed(it)).collect();
        said.extend(tags.finish());
        let (mut reasoning, mut text) = (String::new(), String::new());
        for part in said {
            match part {
                Said::Reasoning(part) => reasoning.push_str(&part),
                Said::Text(part) => text.push_str(&part),
            }
        }
        (reasoning, text)
    }

    #[test]
    fn a_cut_changes_nothing() {
        for (whole, reasoning, text) in [
            (
                "\n<think>a <b </thin ä</think>\n\nYes </think>",
                "a <b </thin ä",
                "Yes </think>",
            ),
            ("<thin air", "", "<thin air"),
            ("  plain <think>no</think>", "", "  plain <think>no</think>"),
            ("<think>never closed </thi", "never closed </thi", ""),
            ("<think></think>ok", "", "ok"),
            ("<think></</think>x", "</", "x"),
            ("<th", "", "<th"),
            ("\n ", "", "\n "),
        ] {
            let cuts: Vec<usize> = (0..=whole.len())
                .filter(|at| whole.is_char_boundary(*at))
                .collect();
            for first in &cuts {
                for second in cuts.iter().filter(|second| *second >= first) {
                    let pieces = [&whole[..*first], &whole[*first..*second], &whole[*second..]];
                    assert_eq!(split(pieces), (reasoning.into(), text.into()), "{pieces:?}");
                }
            }
        }
    }

    #[test]
    fn no_more_is_held_back_than_may_be_a_tag() {
        let mut tags = ThinkTags::default();
        assert_eq!(tags.feed("<think>abc<"), [Said::Reasoning("abc".into())]);
        assert_eq!(tags.feed("d"), [Said::Reasoning("<d".into())]);
    }
}
