//! Decodes the free text of a custom tool that was offered as a function. The arguments
//! `{"input":"…"}` arrive in fragments that may be cut within an escape, and the text is decoded as
//! it arrives. Arguments in any other form are used as the text itself.

use alloc::string::String;

/// An incremental decoder of the text within arguments.
#[derive(Clone, Debug, Default)]
pub(super) struct FreeText {
    state: State,
    /// The whole arguments, until the text begins.
    raw: String,
    /// The current key, or the digits of an escape.
    token: String,
    /// The high half of a surrogate pair.
    high: Option<u32>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Start,
    /// Between members.
    Members,
    Key {
        is_escaped: bool,
    },
    Colon,
    Value,
    /// A value that is not the text.
    Other {
        depth: u32,
        in_string: bool,
        is_escaped: bool,
    },
    Text,
    Escape,
    Hex,
    /// The text has ended.
    Ended,
    /// The arguments are not an object.
    Plain,
}

impl FreeText {
    /// Returns the text in the next fragment of the arguments.
    pub(super) fn feed(&mut self, json: &str) -> String {
        let mut text = String::new();
        if !self.has_begun() {
            self.raw.push_str(json);
        }
        for character in json.chars() {
            self.step(character, &mut text);
        }
        if self.has_begun() {
            self.raw = String::new();
        }
        text
    }

    /// Returns the remaining text at the end: the whole arguments if they contain no text.
    pub(super) fn finish(&mut self) -> String {
        let mut text = core::mem::take(&mut self.raw);
        self.lone(&mut text);
        text
    }

    /// Returns whether any of the text has been returned.
    fn has_begun(&self) -> bool {
        use State::{Ended, Escape, Hex, Plain, Text};

        matches!(self.state, Text | Escape | Hex | Ended | Plain)
    }

    fn step(&mut self, character: char, text: &mut String) {
        self.state = match (self.state, character) {
            (State::Start, ' ' | '\t' | '\r' | '\n') => State::Start,
            (State::Start, '{') => State::Members,
            (State::Start, _) => {
                // Leading white space is part of the text.
                let space = self.raw.len() - self.raw.trim_start().len();
                text.push_str(&self.raw[..space]);
                text.push(character);
                State::Plain
            }
            (State::Plain, _) => {
                text.push(character);
                State::Plain
            }
            (State::Members, '"') => {
                self.token.clear();
                State::Key { is_escaped: false }
            }
            (State::Members, _) => State::Members,
            (State::Key { is_escaped: false }, '"') => State::Colon,
            (State::Key { is_escaped }, _) => {
                self.token.push(character);
                State::Key {
                    is_escaped: character == '\\' && !is_escaped,
                }
            }
            (State::Colon, ':') => State::Value,
            (State::Colon, _) => State::Colon,
            (State::Value, ' ' | '\t' | '\r' | '\n') => State::Value,
            (State::Value, '"') if self.token == "input" => State::Text,
            (State::Value, _) => other(0, false, false, character),
            (
                State::Other {
                    depth,
                    in_string,
                    is_escaped,
                },
                _,
            ) => other(depth, in_string, is_escaped, character),
            (State::Text, '"') => {
                self.lone(text);
                State::Ended
            }
            (State::Text, '\\') => State::Escape,
            (State::Text, _) => {
                self.lone(text);
                text.push(character);
                State::Text
            }
            (State::Escape, 'u') => {
                self.token.clear();
                State::Hex
            }
            (State::Escape, _) => {
                self.lone(text);
                text.push(match character {
                    'b' => '\u{8}',
                    'f' => '\u{c}',
                    'n' => '\n',
                    'r' => '\r',
                    't' => '\t',
                    other => other,
                });
                State::Text
            }
            (State::Hex, _) => {
                self.token.push(character);
                if self.token.chars().count() < 4 {
                    State::Hex
                } else {
                    self.unit(text);
                    State::Text
                }
            }
            (State::Ended, _) => State::Ended,
        };
    }

    /// Decodes the four digits of an escape.
    fn unit(&mut self, text: &mut String) {
        let unit = u32::from_str_radix(&self.token, 16).unwrap_or(REPLACEMENT);
        match (self.high.take(), unit) {
            (Some(high), 0xdc00..=0xdfff) => {
                let code = 0x10000 + ((high - 0xd800) << 10) + (unit - 0xdc00);
                text.extend(char::from_u32(code));
            }
            (high, _) => {
                if high.is_some() {
                    text.push(char::REPLACEMENT_CHARACTER);
                }
                match unit {
                    0xd800..=0xdbff => self.high = Some(unit),
                    unit => text.push(char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER)),
                }
            }
        }
    }

    /// Replaces a surrogate half that stays alone.
    fn lone(&mut self, text: &mut String) {
        if self.high.take().is_some() {
            text.push(char::REPLACEMENT_CHARACTER);
        }
    }
}

/// Processes the next character of a value that is not the text.
fn other(depth: u32, in_string: bool, is_escaped: bool, character: char) -> State {
    let other = |depth, in_string, is_escaped| State::Other {
        depth,
        in_string,
        is_escaped,
    };
    match character {
        _ if is_escaped => other(depth, true, false),
        '\\' if in_string => other(depth, true, true),
        '"' => other(depth, !in_string, false),
        _ if in_string => other(depth, true, false),
        '{' | '[' => other(depth.saturating_add(1), false, false),
        '}' | ']' => other(depth.saturating_sub(1), false, false),
        ',' if depth == 0 => State::Members,
        _ => other(depth, false, false),
    }
}

const REPLACEMENT: u32 = 0xfffd;

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    #[test]
    fn a_cut_changes_nothing() {
        for (arguments, expected) in [
            (
                r#"{"input":"a\n\"b\" ä \ud83d\ude00 \\"}"#,
                "a\n\"b\" ä 😀 \\",
            ),
            (
                r#" { "why": {"input":"no, }"}, "n" : 1 , "input" : "yes" , "x":2}"#,
                "yes",
            ),
            (
                r#"{"input":"\ud83d!\udc00 \ud83d"}"#,
                "\u{fffd}!\u{fffd} \u{fffd}",
            ),
            ("  *** Begin Patch", "  *** Begin Patch"),
            (r#"{"patch":"x"}"#, r#"{"patch":"x"}"#),
            (r#"{"input":["x"]}"#, r#"{"input":["x"]}"#),
            (r#"{"input":"cut"#, "cut"),
            (r#"{"input":""}"#, ""),
            ("", ""),
        ] {
            let cuts: Vec<usize> = (0..=arguments.len())
                .filter(|at| arguments.is_char_boundary(*at))
                // Miri takes a thousand times as long.
                .step_by(if cfg!(miri) { 9 } else { 1 })
                .collect();
            for first in &cuts {
                for second in cuts.iter().filter(|second| *second >= first) {
                    let mut free = FreeText::default();
                    let mut text = free.feed(&arguments[..*first]);
                    text.push_str(&free.feed(&arguments[*first..*second]));
                    text.push_str(&free.feed(&arguments[*second..]));
                    text.push_str(&free.finish());
                    assert_eq!(text, expected, "{arguments} cut at {first} and {second}");
                }
            }
        }
    }
}
