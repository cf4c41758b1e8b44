//! The size that a value reports is what the allocator was asked for.
#![cfg(test)]

mod support;

use std::alloc::System;

use codex_types::*;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use support::corpus;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Returns the size that the value reports and the size that it allocated.
fn sizes<T: HeapSize>(read: impl FnOnce() -> T) -> (usize, usize) {
    let region = Region::new(ALLOCATOR);
    let value = read();
    let change = region.change();
    let allocated = change.bytes_allocated - change.bytes_deallocated;
    (value.heap_size(), allocated)
}

// This is one test, because the allocator counts the allocations of all threads.
#[test]
fn sizes_are_those_of_the_allocations() {
    for sample in corpus() {
        for json in [
            sample.json.clone(),
            sample.json.replacen(": \"", ": \"\\ud83d", 1),
            sample
                .json
                .replacen("{", "{\"zz\\ud83d\":[1],\"zz\":{},", 1),
        ] {
            // An empty object ends up with a comma too many.
            let Ok(raw) = RawJson::parse(&json) else {
                continue;
            };
            macro_rules! of {
                ($type:ty) => {
                    sizes(|| raw.decode::<$type>().unwrap())
                };
            }
            let (reported, allocated) = match &*sample.root {
                "event" | "ws_event" => sizes(|| ResponseEvent::from_json(&json).unwrap()),
                "client_event" => of!(ClientEvent),
                "input_item" => of!(InputItem),
                "output_item" => of!(OutputItem),
                "stored_item" => of!(StoredItem),
                "input_part" => of!(InputPart),
                "output_part" => of!(OutputPart),
                "annotation" => of!(Annotation),
                "tool" => of!(Tool),
                "tool_choice" => of!(ToolChoice),
                "text_format" => of!(TextFormat),
                "request" => of!(CreateResponse),
                "compact_request" => of!(CompactRequest),
                "input_tokens_request" => of!(InputTokensRequest),
                "response" => of!(Response),
                "compaction" => of!(Compaction),
                "conversation" => of!(StoredConversation),
                "create_conversation" => of!(CreateConversation),
                "webhook" => of!(WebhookEvent),
                "item_list" => of!(ItemList),
                "input_tokens" => of!(InputTokens),
                "error" => of!(ErrorEvent),
                "models" => of!(ModelCatalog),
                "turn_metadata" => of!(TurnMetadata),
                root => panic!("there is no root {root}"),
            };
            assert_eq!(reported, allocated, "{json}");
        }
    }
    #[cfg(feature = "chat")]
    {
        let json =
            r#"{"model":"m","stop":["x"],"messages":[{"role":"user","content":"a","zz":1}]}"#;
        let raw = RawJson::parse(json).unwrap();
        let (reported, allocated) = sizes(|| raw.decode::<chat::ChatRequest>().unwrap());
        assert_eq!(reported, allocated);
    }
}
