//! Checks of single input items.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::lint::tree::{Node, Value};
use crate::lint::{Edit, Finding, FindingCode as Code};
use crate::profile::{Profile, Store, kind_of};
use crate::{InputItem, Message, RawJson};

pub(super) fn check(profile: &Profile, body: &Node<'_>, found: &mut Vec<Finding>) {
    check_empty(body, found);
    let store = body.given("store").and_then(Node::as_bool);
    let stores = stores(profile, store);
    let items = body.get("input").map_or(&[][..], Node::items);
    let mut ids: Vec<(&str, usize)> = Vec::new();
    for (at, item) in items.iter().enumerate() {
        let pointer = format!("/input/{at}");
        match kind_of(item) {
            "message" => check_message(item, &pointer, found),
            "item_reference"
                if !stores
                    && !profile
                        .refused_items
                        .iter()
                        .any(|it| it == "item_reference") =>
            {
                let message = "a referenced item cannot be found if nothing is stored";
                found.push(
                    Finding::error(Code::UnresolvableItem, pointer.as_str(), message)
                        .given_up_by([Edit::Remove(pointer.clone())]),
                );
            }
            "function_call" => check_arguments(item, &pointer, found),
            _ => {}
        }
        // Another server may have other limits on ids.
        if profile.store != Store::Unsupported {
            check_lengths(item, &pointer, found);
        }
        let id = item.text_of("id");
        if !id.is_empty() && kind_of(item) != "item_reference" {
            ids.push((id, at));
        }
    }
    ids.sort_unstable();
    for pair in ids.windows(2) {
        if let [(one, _), (two, at)] = pair
            && one == two
        {
            let pointer = format!("/input/{at}/id");
            let message = "two items have the same id";
            found.push(
                Finding::error(Code::DuplicateItemId, pointer.as_str(), message)
                    .fixed_by([Edit::Remove(pointer)]),
            );
        }
    }
}

/// An id only identifies an item and can be omitted, unless another item refers to it.
fn check_lengths(item: &Node<'_>, pointer: &str, found: &mut Vec<Finding>) {
    for key in ["id", "call_id"] {
        let length = item.text_of(key).chars().count();
        if length <= ID_LENGTH {
            continue;
        }
        let place = format!("{pointer}/{key}");
        let message = format!("{key} has {length} characters, {ID_LENGTH} are allowed");
        let finding = Finding::error(Code::OutOfRange, place.as_str(), message);
        let is_referred_to = matches!(
            kind_of(item),
            "item_reference" | "local_shell_call_output" | "mcp_approval_request"
        );
        found.push(if key == "id" && !is_referred_to {
            finding.fixed_by([Edit::Remove(place)])
        } else {
            finding
        });
    }
}

/// In characters.
const ID_LENGTH: usize = 64;

fn check_empty(body: &Node<'_>, found: &mut Vec<Finding>) {
    let continues = ["previous_response_id", "conversation", "prompt"]
        .iter()
        .any(|name| body.given(name).is_some());
    let warms_up = body.given("generate").and_then(Node::as_bool) == Some(false);
    if continues || warms_up {
        return;
    }
    let is_empty = match body.given("input").map(|input| &input.value) {
        None => true,
        Some(Value::Text(text)) => text.is_empty(),
        Some(Value::List(items)) => items.is_empty(),
        Some(_) => false,
    };
    if is_empty {
        found.push(Finding::error(
            Code::EmptyInput,
            "/input",
            "the input is empty",
        ));
    }
}

fn check_message(item: &Node<'_>, pointer: &str, found: &mut Vec<Finding>) {
    let role = item.text_of("role");
    if !matches!(role, "user" | "assistant" | "system" | "developer") {
        let message = format!("{role:?} is not a message role");
        found.push(Finding::error(
            Code::RejectedRole,
            format!("{pointer}/role"),
            message,
        ));
    }
    let content = item.get("content");
    let is_empty = match content.map(|content| &content.value) {
        None | Some(Value::Null) => true,
        Some(Value::Text(text)) => text.is_empty(),
        Some(Value::List(parts)) => parts.is_empty(),
        Some(_) => false,
    };
    if is_empty {
        found.push(
            Finding::warning(Code::EmptyMessage, pointer, "the message is empty")
                .fixed_by([Edit::Remove(pointer.into())]),
        );
    }
    for (at, part) in content.map_or(&[][..], Node::items).iter().enumerate() {
        check_part(part, role, &format!("{pointer}/content/{at}"), found);
    }
}

/// The assistant's parts are `output_*`, all others `input_*`.
fn check_part(part: &Node<'_>, role: &str, pointer: &str, found: &mut Vec<Finding>) {
    let kind = part.text_of("type");
    let is_output = matches!(kind, "output_text" | "refusal");
    let is_input = matches!(
        kind,
        "input_text" | "input_image" | "input_file" | "input_audio"
    );
    let chat = match kind {
        "text" => Some(if role == "assistant" {
            "output_text"
        } else {
            "input_text"
        }),
        "image_url" => Some("input_image"),
        _ => None,
    };
    let place = format!("{pointer}/type");
    let message = format!("{kind} is not a part of a message with the role {role}");
    let finding = Finding::error(Code::MismatchedContent, place.as_str(), message);
    let rename = |to: &str| Edit::Replace(place.clone(), RawJson::string(to));
    if role == "assistant" && is_input {
        found.push(match kind {
            "input_text" => finding.fixed_by([rename("output_text")]),
            _ => finding,
        });
    } else if role != "assistant" && is_output {
        let mut edits = Vec::from([rename("input_text")]);
        for name in ["annotations", "logprobs"] {
            if part.get(name).is_some() {
                edits.push(Edit::Remove(format!("{pointer}/{name}")));
            }
        }
        found.push(if kind == "output_text" {
            finding.fixed_by(edits)
        } else {
            finding
        });
    } else if let Some(name) = chat {
        // Parts of chat completions; an image has another structure there.
        let is_plain = kind == "text";
        found.push(if is_plain {
            finding.fixed_by([rename(name)])
        } else {
            finding
        });
    }
}

fn check_arguments(item: &Node<'_>, pointer: &str, found: &mut Vec<Finding>) {
    let place = format!("{pointer}/arguments");
    match item.get("arguments").map(|arguments| &arguments.value) {
        Some(Value::Text(text)) => {
            if text.trim().is_empty() {
                let message = "the arguments are empty; some servers accept only JSON";
                found.push(
                    Finding::warning(Code::MalformedArguments, place.as_str(), message)
                        .fixed_by([Edit::Replace(place, RawJson::string("{}"))]),
                );
            } else if RawJson::parse(text).is_err() {
                let message = "the arguments are not JSON; the call may have been cut off";
                found.push(Finding::warning(Code::MalformedArguments, place, message));
            }
        }
        Some(Value::Object(_)) => {
            let text = item
                .get("arguments")
                .map_or(String::new(), |node| node.text.into());
            let message = "arguments must be JSON as text";
            found.push(
                Finding::error(Code::WrongType, place.as_str(), message)
                    .fixed_by([Edit::Replace(place, RawJson::string(&text))]),
            );
        }
        _ => found.push(Finding::error(
            Code::WrongType,
            place,
            "a call must have arguments, as text",
        )),
    }
}

/// Returns a message with a text instead of an item.
pub(super) fn message(role: &str, text: &str) -> RawJson {
    let item = InputItem::from(Message::new(role, text));
    RawJson::encode(&item).unwrap_or_default()
}

/// Returns whether the service stores the items of such a request.
pub(super) fn stores(profile: &Profile, store: Option<bool>) -> bool {
    match profile.store {
        Store::Free => store != Some(false),
        Store::Never => false,
        // Such a server decides by itself about items that it has not stored.
        Store::Unsupported => true,
    }
}
