//! Items in forms that the API does not define but some servers send: content as a plain string or
//! as one part without a list, parts and messages without a type, arguments as an object.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use codex_types::{
    OutputItem, OutputMessage, OutputPart, OutputText, RawJson, ReasoningText, Role, SummaryText,
};

/// Returns the item with its content as a list of typed parts, and its arguments as text.
pub(super) fn in_parts(item: &OutputItem) -> Cow<'_, OutputItem> {
    let mut typed = Cow::Borrowed(item);
    match item {
        OutputItem::Message(message) => {
            let lone = message.extra.get("content").and_then(part_of);
            let listed = || message.content.iter().any(|part| untyped(part).is_some());
            if (lone.is_some() || listed())
                && let OutputItem::Message(message) = typed.to_mut()
            {
                message.content.extend(lone);
                message.extra.remove("content");
                for part in &mut message.content {
                    if let Some(typed) = untyped(part) {
                        *part = typed;
                    }
                }
            }
        }
        OutputItem::Reasoning(reasoning) => {
            let string = |key: &str| reasoning.extra.get(key).and_then(string_of);
            let (content, summary) = (string("content"), string("summary"));
            if (content.is_some() || summary.is_some())
                && let OutputItem::Reasoning(reasoning) = typed.to_mut()
            {
                if let Some(text) = content {
                    reasoning.content = Some(Vec::from([ReasoningText::new(text).into()]));
                    reasoning.extra.remove("content");
                }
                if let Some(text) = summary {
                    reasoning.summary = Vec::from([SummaryText::new(text).into()]);
                    reasoning.extra.remove("summary");
                }
            }
        }
        OutputItem::FunctionCall(call) if call.arguments.is_empty() => {
            let object = call.extra.get("arguments");
            if let Some(object) = object.filter(|json| json.as_str().starts_with(['{', '[']))
                && let OutputItem::FunctionCall(call) = typed.to_mut()
            {
                call.arguments = object.to_compact().to_string();
                call.extra.remove("arguments");
            }
        }
        OutputItem::Unknown(unknown) if unknown.kind().is_empty() => {
            let json = with_type(unknown.raw(), "message");
            let message: Option<OutputMessage> = json.and_then(|json| json.decode().ok());
            if let Some(message) = message.filter(|message| message.role == Role::Assistant) {
                typed = Cow::Owned(in_parts(&message.into()).into_owned());
            }
        }
        _ => {}
    }
    typed
}

/// Returns the typed form of an untyped part.
pub(super) fn untyped(part: &OutputPart) -> Option<OutputPart> {
    match part {
        OutputPart::Unknown(unknown) if unknown.kind().is_empty() => part_of(unknown.raw()),
        _ => None,
    }
}

fn part_of(json: &RawJson) -> Option<OutputPart> {
    if let Some(text) = string_of(json) {
        return Some(OutputText::new(text).into());
    }
    let part: Option<OutputPart> = json.decode().ok().filter(OutputPart::is_known);
    let text = || {
        let text: OutputText = with_type(json, "output_text")?.decode().ok()?;
        (!text.text.is_empty()).then(|| text.into())
    };
    part.or_else(text)
}

fn with_type(json: &RawJson, kind: &str) -> Option<RawJson> {
    let fields = json.as_str().trim_start().strip_prefix('{')?;
    RawJson::parse(&format!(r#"{{"type":"{kind}",{fields}"#)).ok()
}

fn string_of(json: &RawJson) -> Option<String> {
    let text: Option<String> = json.decode().ok();
    let number = || {
        json.as_str()
            .parse::<f64>()
            .ok()
            .map(|_| json.as_str().into())
    };
    text.or_else(number).filter(|text| !text.is_empty())
}
