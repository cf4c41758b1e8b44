//! Answers other than a response.

use alloc::string::String;
use alloc::vec::Vec;

use crate::Number;
use crate::item::{InputItem, OutputItem, StoredItem};
use crate::request::ImageContext;
use crate::response::Usage;
use crate::wire::object::object;

object! {
    /// The answer to `POST /responses/compact`: API object `CompactedResponse`.
    ///
    /// The ChatGPT backend sends `output` only.
    pub struct Compaction {
        plain {
            /// Names the answer.
            id: String,
            /// Always `response.compaction`.
            object: String,
            /// When it was made, in seconds since 1970.
            created_at: Number,
            /// What stands for the conversation from here on.
            output: Vec<OutputItem>,
            /// What it cost.
            usage: Usage,
        }
        optional {
            /// How images were treated.
            image: ImageContext,
        }
    }
}

impl Compaction {
    /// The output as the start of the next input: every item, unchanged and in order.
    pub fn to_input(&self) -> Vec<InputItem> {
        self.output.iter().cloned().map(InputItem::from).collect()
    }
}

object! {
    /// A page of `GET /responses/{response_id}/input_items`: API object `ResponseItemList`.
    pub struct ItemList {
        plain {
            /// Always `list`.
            object: String,
            /// The items.
            data: Vec<StoredItem>,
            /// The id of the first.
            first_id: String,
            /// The id of the last, which the next page starts after.
            last_id: String,
            /// Whether there is a next page.
            has_more: bool,
        }
    }
}

object! {
    /// The answer to `POST /responses/input_tokens`: API object `InputTokenCountResponse`.
    pub struct InputTokens {
        plain {
            /// Always `response.input_tokens`.
            object: String,
            /// How many tokens the request would take.
            input_tokens: u64,
        }
    }
}
