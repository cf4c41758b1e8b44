//! Responses of other endpoints.

use alloc::string::String;
use alloc::vec::Vec;

use crate::Number;
use crate::item::{InputItem, OutputItem, StoredItem};
use crate::request::ImageContext;
use crate::response::Usage;
use crate::wire::object::object;

object! {
    /// The response to `POST /responses/compact`: API object `CompactedResponse`.
    ///
    /// The ChatGPT backend sends `output` only.
    pub struct Compaction {
        plain {
            /// The id.
            id: String,
            /// Always `response.compaction`.
            object: String,
            /// The time of creation, as a Unix timestamp in seconds.
            created_at: Number,
            /// The items that replace the conversation.
            output: Vec<OutputItem>,
            /// The tokens used.
            usage: Usage,
        }
        optional {
            /// The treatment of images.
            image: ImageContext,
        }
    }
}

impl Compaction {
    /// Returns the output as the start of the next input: every item, unchanged and in order.
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
            /// The id of the first item.
            first_id: String,
            /// The id of the last item, after which the next page starts.
            last_id: String,
            /// Whether there is a next page.
            has_more: bool,
        }
    }
}

object! {
    /// The response to `POST /responses/input_tokens`: API object `InputTokenCountResponse`.
    pub struct InputTokens {
        plain {
            /// Always `response.input_tokens`.
            object: String,
            /// The number of input tokens of the request.
            input_tokens: u64,
        }
    }
}
