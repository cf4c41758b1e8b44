//! Responses Lite: the request form of newer models.
//!
//! The official client writes every request for such a model in this form (observed in version
//! 0.171 on 2026-11-28): tools are an item before the input instead of a parameter, functions are
//! in namespaces, calls come one at a time, and reasoning is kept over all turns. A header, or over
//! a WebSocket an entry of `client_metadata`, announces the form.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::RawJson;
use crate::lint::tree::Node;
use crate::lint::{Edit, Finding, FindingCode as Code};
use crate::model_name::ModelTable;
use crate::profile::json::{has_tools, is_bare_warm_up, kind_of, user_message};
use crate::profile::{Channel, LiteUse, Profile, RequestForm};

impl Profile {
    /// Returns the form of a request for this model, if the caller does not choose one.
    ///
    /// ```
    /// use codex_types::model_name::ModelTable;
    /// use codex_types::profile::{Profile, RequestForm};
    ///
    /// let models = ModelTable::new();
    /// assert_eq!(Profile::chatgpt().form_for("gpt-6.2-sol", &models), RequestForm::Lite);
    /// assert_eq!(Profile::chatgpt().form_for("gpt-5.5", &models), RequestForm::Full);
    /// assert_eq!(Profile::platform().form_for("gpt-6.2-sol", &models), RequestForm::Full);
    /// ```
    pub fn form_for(&self, model: &str, models: &ModelTable) -> RequestForm {
        let is_lite = match self.lite {
            LiteUse::OnRequest => false,
            LiteUse::ByModel => models.takes_lite(model) == Some(true),
            LiteUse::Always => true,
        };
        if is_lite {
            RequestForm::Lite
        } else {
            RequestForm::Full
        }
    }

    /// Checks for what Responses Lite forbids or requires, apart from locations.
    pub(super) fn check_lite(&self, body: &Node<'_>, channel: Channel, found: &mut Vec<Finding>) {
        check_parallel_calls(body, found);
        check_reasoning(body, found);
        if channel == Channel::WebSocket {
            check_announcement(body, found);
        }
    }

    /// Checks for values in other locations than Responses Lite has them. The edits expect a body
    /// in which everything else has been settled.
    pub(crate) fn check_lite_placement(&self, body: &Node<'_>, found: &mut Vec<Finding>) {
        let items = body.get("input").map_or(&[][..], Node::items);
        for (at, item) in items.iter().enumerate() {
            check_item_tools(item, &format!("/input/{at}"), found);
        }
        check_tools(body, found);
        if self.content_provenance {
            let noted = |(at, item)| provenance(item, &format!("/input/{at}"));
            let edits: Vec<Edit> = items.iter().enumerate().flat_map(noted).collect();
            if !edits.is_empty() {
                found.push(missing_provenance(edits));
            }
        }
    }

    /// Checks one item by itself.
    pub(super) fn check_lite_item(&self, item: &Node<'_>, pointer: &str, found: &mut Vec<Finding>) {
        check_item_tools(item, pointer, found);
        if self.content_provenance {
            let edits = provenance(item, pointer);
            if !edits.is_empty() {
                found.push(missing_provenance(edits));
            }
        }
    }
}

fn check_parallel_calls(body: &Node<'_>, found: &mut Vec<Finding>) {
    let given = body.given("parallel_tool_calls").and_then(Node::as_bool);
    if given == Some(false) {
        return;
    }
    let pointer = "/parallel_tool_calls";
    let message = "Responses Lite requires parallel_tool_calls to be false";
    let finding = Finding::error(Code::RequiredValue, pointer, message);
    let edits = [Edit::Replace(
        pointer.into(),
        RawJson::trusted("false".into()),
    )];
    found.push(if given == Some(true) {
        finding.given_up_by(edits)
    } else {
        finding.fixed_by(edits)
    });
}

fn check_reasoning(body: &Node<'_>, found: &mut Vec<Finding>) {
    let reasoning = body.given("reasoning").filter(|it| it.is_object());
    let context = reasoning.and_then(|reasoning| reasoning.given("context"));
    if context.and_then(Node::as_text) == Some(ALL_TURNS) {
        return;
    }
    let pointer = "/reasoning/context";
    let message = "Responses Lite requires the reasoning context all_turns";
    let finding = Finding::error(Code::RequiredValue, pointer, message);
    let edits = [match reasoning {
        Some(_) => Edit::Replace(pointer.into(), RawJson::string(ALL_TURNS)),
        None => Edit::Replace(
            "/reasoning".into(),
            RawJson::trusted(format!(r#"{{"context":"{ALL_TURNS}"}}"#)),
        ),
    }];
    found.push(if context.is_some() {
        finding.given_up_by(edits)
    } else {
        finding.fixed_by(edits)
    });
}

/// Checks that a request over a WebSocket announces the form in `client_metadata`. Over HTTP a
/// header announces it.
fn check_announcement(body: &Node<'_>, found: &mut Vec<Finding>) {
    let metadata = body.given("client_metadata").filter(|it| it.is_object());
    if metadata.is_some_and(|metadata| metadata.text_of(ANNOUNCEMENT) == "true") {
        return;
    }
    let pointer = format!("/client_metadata/{ANNOUNCEMENT}");
    let message = "Responses Lite must be announced in client_metadata over a WebSocket";
    let edit = match metadata {
        Some(_) => Edit::Replace(pointer.clone(), RawJson::string("true")),
        None => Edit::Replace(
            "/client_metadata".into(),
            RawJson::trusted(format!(r#"{{"{ANNOUNCEMENT}":"true"}}"#)),
        ),
    };
    found.push(Finding::error(Code::MissingParameter, pointer, message).fixed_by([edit]));
}

fn check_item_tools(item: &Node<'_>, pointer: &str, found: &mut Vec<Finding>) {
    let tools = item.get("tools").map_or(&[][..], Node::items);
    if has_tools(item) && tools.iter().any(is_plain) {
        let pointer = format!("{pointer}/tools");
        let edit = Edit::Replace(pointer.clone(), RawJson::trusted(in_namespaces(tools)));
        let message = "Responses Lite requires functions and custom tools in namespaces";
        found.push(Finding::error(Code::ToolsPlacement, pointer, message).fixed_by([edit]));
    }
}

fn check_tools(body: &Node<'_>, found: &mut Vec<Finding>) {
    let input = body.given("input");
    let items = input.map_or(&[][..], Node::items);
    let given = body.get("tools");
    let tools = given.map_or(&[][..], Node::items);
    let starts_with_tools = items.first().is_some_and(has_tools);
    let continues = ["previous_response_id", "conversation"]
        .iter()
        .any(|name| body.given(name).is_some());
    let lacks_item = if is_bare_warm_up(body) {
        false
    } else if tools.is_empty() {
        !starts_with_tools && !continues
    } else {
        true
    };
    if given.is_none() && !lacks_item {
        return;
    }
    let mut edits = Vec::new();
    if given.is_some() {
        edits.push(Edit::Remove("/tools".into()));
    }
    if lacks_item {
        let item = format!(
            r#"{{"type":"additional_tools","role":"developer","tools":{}}}"#,
            in_namespaces(tools)
        );
        edits.push(match input {
            Some(input) if input.is_list() => {
                Edit::Insert("/input/0".into(), RawJson::trusted(item))
            }
            Some(input) => {
                let message = user_message(input.as_text().unwrap_or_default());
                Edit::Replace(
                    "/input".into(),
                    RawJson::trusted(format!("[{item},{message}]")),
                )
            }
            None => Edit::Replace("/input".into(), RawJson::trusted(format!("[{item}]"))),
        });
    }
    let (pointer, message) = if given.is_some() {
        let message = "Responses Lite requires tools in an additional_tools item before the input";
        ("/tools", message)
    } else {
        let message = "a full Responses Lite request must start with an additional_tools item";
        ("/input", message)
    };
    found.push(Finding::error(Code::ToolsPlacement, pointer, message).fixed_by(edits));
}

/// Returns the tools as a JSON list in which functions and custom tools are in the namespace
/// `functions`.
fn in_namespaces(tools: &[Node<'_>]) -> String {
    let plain: Vec<&Node<'_>> = tools.iter().filter(|tool| is_plain(tool)).collect();
    let has_functions = tools.iter().any(is_functions);
    let mut is_placed = plain.is_empty();
    let mut texts: Vec<String> = Vec::new();
    for tool in tools {
        if is_plain(tool) {
            if !is_placed && !has_functions {
                let tools = joined(plain.iter().map(|tool| tool.text));
                texts.push(format!(
                    r#"{{"type":"namespace","name":"{FUNCTIONS}","description":"","tools":{tools}}}"#
                ));
                is_placed = true;
            }
        } else if !is_placed && is_functions(tool) {
            texts.push(extended(tool, &plain));
            is_placed = true;
        } else {
            texts.push(tool.text.into());
        }
    }
    joined(texts.iter().map(String::as_str))
}

/// Returns a namespace with more tools appended.
fn extended(namespace: &Node<'_>, more: &[&Node<'_>]) -> String {
    let own = namespace.get("tools").map_or(&[][..], Node::items);
    let tools = joined(own.iter().chain(more.iter().copied()).map(|tool| tool.text));
    let mut text = String::from("{");
    for (name, value) in namespace.members() {
        if name != "tools" {
            text.push_str(&format!("{}:{},", RawJson::string(name), value.text));
        }
    }
    text.push_str(&format!(r#""tools":{tools}}}"#));
    text
}

fn joined<'a>(texts: impl Iterator<Item = &'a str>) -> String {
    let texts: Vec<&str> = texts.collect();
    format!("[{}]", texts.join(","))
}

fn is_plain(tool: &Node<'_>) -> bool {
    matches!(tool.text_of("type"), "function" | "custom")
}

fn is_functions(tool: &Node<'_>) -> bool {
    tool.text_of("type") == "namespace" && tool.text_of("name") == FUNCTIONS
}

/// Notes the origin of the content for each part of a message, as the official client does. Returns
/// nothing if an item needs no note.
fn provenance(item: &Node<'_>, pointer: &str) -> Vec<Edit> {
    let origin = match item.text_of("role") {
        "user" => r#"{"provenance":{"type":"user"}}"#,
        "developer" | "system" => r#"{"provenance":{"type":"harness","hook":false}}"#,
        _ => return Vec::new(),
    };
    let noted = item.given(PASSTHROUGH);
    if kind_of(item) != "message" || noted.is_some_and(|it| it.get(PER_PART).is_some()) {
        return Vec::new();
    }
    let content = item.given("content");
    let text = content.and_then(Node::as_text);
    let mut edits = Vec::new();
    if let Some(text) = text {
        // Each part has a note, so the text becomes a part.
        let part = format!(
            r#"[{{"type":"input_text","text":{}}}]"#,
            RawJson::string(text)
        );
        edits.push(Edit::Replace(
            format!("{pointer}/content"),
            RawJson::trusted(part),
        ));
    }
    let parts = match text {
        Some(_) => 1,
        None => content.map_or(0, |content| content.items().len()),
    };
    let list = joined(core::iter::repeat_n(origin, parts));
    let pointer = format!("{pointer}/{PASSTHROUGH}");
    edits.push(match noted {
        Some(_) => Edit::Replace(format!("{pointer}/{PER_PART}"), RawJson::trusted(list)),
        None => Edit::Replace(
            pointer,
            RawJson::trusted(format!(r#"{{"{PER_PART}":{list}}}"#)),
        ),
    });
    edits
}

fn missing_provenance(edits: Vec<Edit>) -> Finding {
    let message = "messages do not state the origin of their content";
    Finding::note(Code::MissingProvenance, "/input", message).fixed_by(edits)
}

/// The header that announces the form over HTTP.
pub(super) const HEADER: &str = "x-openai-internal-codex-responses-lite";

/// The entry of `client_metadata` that announces the form over a WebSocket.
const ANNOUNCEMENT: &str = "ws_request_header_x_openai_internal_codex_responses_lite";

/// The key under which the official client puts notes on items.
pub(super) const PASSTHROUGH: &str = "internal_chat_message_metadata_passthrough";

const PER_PART: &str = "content_item_metadata";
const ALL_TURNS: &str = "all_turns";

/// The namespace of tools that have no other.
const FUNCTIONS: &str = "functions";
