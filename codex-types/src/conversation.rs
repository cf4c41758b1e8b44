//! Conversations that the service stores.

use alloc::string::String;
use alloc::vec::Vec;

use crate::item::InputItem;
use crate::wire::object::object;
use crate::{Map, Number};

object! {
    /// A conversation that the service stores: API object `ConversationResource`.
    pub struct StoredConversation {
        plain {
            /// The id.
            id: String,
            /// Always `conversation`.
            object: String,
            /// The time of creation, as a Unix timestamp in seconds.
            created_at: Number,
            /// Up to 16 key-value pairs that are stored with the conversation.
            metadata: Map<String>,
        }
    }
}

object! {
    /// The body of `POST /conversations`, which creates a conversation.
    ///
    /// ```
    /// use codex_types::{CreateConversation, InputItem, Map, Message, RawJson};
    ///
    /// let request = CreateConversation::new()
    ///     .items([InputItem::from(Message::user("My name is Ada."))])
    ///     .metadata(Map::from_iter([("project", "blue")]));
    /// assert_eq!(
    ///     RawJson::encode(&request)?.as_str(),
    ///     r#"{"items":[{"type":"message","role":"user","content":"My name is Ada."}],"metadata":{"project":"blue"}}"#,
    /// );
    /// # Ok::<(), codex_types::DecodeError>(())
    /// ```
    pub struct CreateConversation {
        required {}
        optional {
            /// The first items, at most 20.
            items: Vec<InputItem>,
            /// Up to 16 key-value pairs that are stored with the conversation: keys of at most 64
            /// characters, values of at most 512.
            metadata: Map<String>,
        }
    }
}

object! {
    /// The body of `POST /conversations/{conversation_id}`, which replaces the metadata.
    pub struct UpdateConversation {
        required {
            /// All key-value pairs that the conversation has from now on.
            metadata: Map<String>,
        }
    }
}

object! {
    /// The body of `POST /conversations/{conversation_id}/items`, which adds items.
    pub struct AddConversationItems {
        required {
            /// The new items, at most 20.
            items: Vec<InputItem>,
        }
    }
}

object! {
    /// The response to `DELETE /conversations/{conversation_id}`: API object
    /// `DeletedConversationResource`.
    pub struct DeletedConversation {
        plain {
            /// The id of the conversation.
            id: String,
            /// Always `conversation.deleted`.
            object: String,
            /// Whether the conversation was deleted.
            deleted: bool,
        }
    }
}
