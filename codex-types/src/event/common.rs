//! What the payloads of events have in common: keys that most of them share, and the macro that
//! declares them.

use alloc::borrow::Cow;
use alloc::string::String;

use crate::Unknown;
use crate::boxed::{Boxed, Discard};
use crate::error::ErrorEvent;
use crate::event::Delta;
use crate::json::scan::{text_of, value_of};
use crate::response::Response;

/// The keys that most events share.
#[derive(Default)]
pub(crate) struct Common<'a> {
    pub(crate) sequence_number: Option<u64>,
    pub(crate) output_index: Option<u32>,
    pub(crate) item_id: Option<&'a str>,
    pub(crate) stream_id: Option<&'a str>,
}

impl<'a> Common<'a> {
    pub(crate) fn new(sequence_number: Option<u64>, stream_id: &'a Option<String>) -> Self {
        Self {
            sequence_number,
            stream_id: stream_id.as_deref(),
            ..Self::default()
        }
    }

    pub(crate) fn item_id(mut self, item_id: Option<&'a str>) -> Self {
        self.item_id = item_id;
        self
    }

    pub(crate) fn output_index(mut self, output_index: Option<u32>) -> Self {
        self.output_index = output_index;
        self
    }
}

/// The payload of an event.
pub(crate) trait EventPayload {
    fn common(&self) -> Common<'_>;

    /// Returns the name of the key for the event's text.
    fn text_key(&self) -> Option<&'static str> {
        None
    }

    fn response(&self) -> Option<&Response> {
        None
    }

    fn delta(&self) -> Option<&Delta> {
        None
    }
}

impl<T: EventPayload + Discard> EventPayload for Boxed<T> {
    fn common(&self) -> Common<'_> {
        (**self).common()
    }

    fn text_key(&self) -> Option<&'static str> {
        (**self).text_key()
    }

    fn response(&self) -> Option<&Response> {
        (**self).response()
    }

    fn delta(&self) -> Option<&Delta> {
        (**self).delta()
    }
}

/// Declares the payload of an event: an [`object!`](crate::wire::object) with the keys
/// `sequence_number` and `stream_id`, which come last.
///
/// ```text
/// event! {
///     /// Docs.
///     pub struct RefusalDone of [item_id output_index] text "refusal" {
///         plain { … }
///         optional { … }
///     }
/// }
/// ```
///
/// `of` names the keys that say which item the event is about, `text` the key for its text.
macro_rules! event {
    (
        $(#[$meta:meta])*
        pub struct $name:ident $(of [$($key:ident)*])? $(text $text:literal)? {
            $(required { $($required:tt)* })?
            $(plain { $($plain:tt)* })?
            $(optional { $($optional:tt)* })?
        }
    ) => {
        $crate::wire::object::object! {
            $(#[$meta])*
            pub struct $name {
                $(required { $($required)* })?
                $(plain { $($plain)* })?
                optional {
                    $($($optional)*)?
                    /// The sequence number of the event within its response.
                    sequence_number = u64,
                    /// The multiplexed stream of a WebSocket that the event belongs to.
                    stream_id: String,
                }
            }
        }

        impl $crate::event::common::EventPayload for $name {
            fn common(&self) -> $crate::event::common::Common<'_> {
                $crate::event::common::Common::new(self.sequence_number, &self.stream_id)
                    $($(.$key($crate::wire::field::Get::get(&self.$key)))*)?
            }

            fn text_key(&self) -> Option<&'static str> {
                $crate::wire::object::optional!($($text)?)
            }
        }
    };
}
pub(crate) use event;

impl EventPayload for ErrorEvent {
    fn common(&self) -> Common<'_> {
        Common::new(self.sequence_number, &self.stream_id)
    }
}

impl EventPayload for Delta {
    fn common(&self) -> Common<'_> {
        Common {
            sequence_number: self.sequence_number(),
            output_index: self.output_index(),
            item_id: Some(self.item_id()),
            stream_id: self.stream_id(),
        }
    }

    fn text_key(&self) -> Option<&'static str> {
        Some("delta")
    }

    fn delta(&self) -> Option<&Delta> {
        Some(self)
    }
}

impl EventPayload for Unknown {
    fn common(&self) -> Common<'_> {
        let json = self.raw().as_str();
        let number = |key| value_of(json, key);
        Common {
            sequence_number: number("sequence_number").and_then(|text| text.parse().ok()),
            output_index: number("output_index").and_then(|text| text.parse().ok()),
            // Ids never contain escapes, so they can be borrowed.
            item_id: plain_text(json, "item_id"),
            stream_id: plain_text(json, "stream_id"),
        }
    }
}

fn plain_text<'a>(json: &'a str, key: &str) -> Option<&'a str> {
    match text_of(json, key)? {
        Cow::Borrowed(text) => Some(text),
        Cow::Owned(_) => None,
    }
}
