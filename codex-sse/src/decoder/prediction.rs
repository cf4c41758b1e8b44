//! The header that the next event is expected to have.

use alloc::string::String;
use core::str;

/// The bytes before the data of the next event if it has the type of the last one: `event: `, the
/// type, a line feed, `data: `. Only `data: ` if the last one had no type.
#[derive(Clone, Default)]
pub(crate) struct Prediction {
    pub(super) header: String,
    pub(super) event_length: usize,
    /// Whether the last header that had begun as predicted continued differently, as all do in a
    /// stream with other line endings or fields.
    pub(super) was_wrong: bool,
}

impl Prediction {
    /// The bytes between the event type and the data.
    #[cfg(feature = "stream")]
    pub(crate) const BETWEEN: &str = "\ndata: ";

    #[inline]
    pub(super) fn event(&self) -> &str {
        self.header
            .get(EVENT.len()..EVENT.len() + self.event_length)
            .unwrap_or_default()
    }

    /// Returns the input after the header, if the input begins with it.
    #[inline]
    pub(super) fn strip<'i>(&self, input: &'i [u8]) -> Option<&'i [u8]> {
        if self.header.is_empty() {
            return None;
        }
        input.strip_prefix(self.header.as_bytes())
    }

    pub(super) fn learn(&mut self, event: &[u8]) {
        let known = !self.header.is_empty() && self.event().as_bytes() == event;
        if known || event.len() > LONGEST_PREDICTED_EVENT {
            return;
        }
        let Ok(event) = str::from_utf8(event) else {
            return;
        };
        self.event_length = event.len();
        self.header.clear();
        if !event.is_empty() {
            self.header.extend([EVENT, event, "\n"]);
        }
        self.header.push_str(DATA);
    }
}

pub(super) const EVENT: &str = "event: ";
pub(super) const DATA: &str = "data: ";
pub(super) const BLANK: &[u8] = b"\n\n";
const LONGEST_PREDICTED_EVENT: usize = 128;
