//! Items and tools as JSON.

use crate::lint::tree::Node;
use crate::{InputItem, Message, RawJson};

/// Returns the kind of an item, including one without `type`.
pub(crate) fn kind_of<'a>(item: &'a Node<'_>) -> &'a str {
    match item.get("type").and_then(Node::as_text) {
        Some(kind) => kind,
        None if item.get("role").is_some() => "message",
        None if item.get("id").is_some() && item.members().len() == 1 => "item_reference",
        None => "",
    }
}

/// Returns whether a request only prepares a WebSocket, without input: its tools and instructions
/// follow later.
pub(super) fn is_bare_warm_up(body: &Node<'_>) -> bool {
    let input = body.given("input");
    body.given("generate").and_then(Node::as_bool) == Some(false)
        && input.is_none_or(|input| input.is_list() && input.items().is_empty())
}

/// Returns whether an item contains the tools.
pub(super) fn has_tools(item: &Node<'_>) -> bool {
    kind_of(item) == "additional_tools"
}

/// Returns whether the service runs the tool.
pub(super) fn is_hosted(tool: &Node<'_>) -> bool {
    match tool.text_of("type") {
        "tool_search" => tool.text_of("execution") != "client",
        kind => HOSTED.contains(&kind),
    }
}

pub(super) fn user_message(text: &str) -> RawJson {
    let item = InputItem::from(Message::user([text.into()]));
    RawJson::encode(&item).unwrap_or_default()
}

const HOSTED: &[&str] = &[
    "code_interpreter",
    "computer",
    "computer_use",
    "computer_use_preview",
    "file_search",
    "image_generation",
    "mcp",
    "programmatic_tool_calling",
    "web_search",
    "web_search_2025_08_26",
    "web_search_preview",
    "web_search_preview_2025_03_11",
];
