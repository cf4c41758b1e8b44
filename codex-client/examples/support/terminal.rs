//! Makes text from a server safe to print: a terminal obeys control characters, so a server that
//! could send them could move the cursor over earlier lines, set the window's title or fill the
//! clipboard.

use std::borrow::Cow;

/// Replaces every control character (C0, DEL and C1) that is not in `keep`: whitespace by a space,
/// anything else by U+FFFD.
pub(crate) fn inert<'a>(text: &'a str, keep: &[char]) -> Cow<'a, str> {
    let is_live = |character: char| character.is_control() && !keep.contains(&character);
    if !text.contains(is_live) {
        return Cow::Borrowed(text);
    }
    let shown = text.chars().map(|character| match character {
        _ if !is_live(character) => character,
        '\t' | '\n' | '\r' => ' ',
        _ => char::REPLACEMENT_CHARACTER,
    });
    Cow::Owned(shown.collect())
}
