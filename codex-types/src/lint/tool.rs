//! Checks of tools, tool choices, and the schemas of strict tools.

use alloc::format;
use alloc::vec::Vec;

use crate::RawJson;
use crate::lint::schema::check_strict;
use crate::lint::tree::{Node, Value};
use crate::lint::{Edit, Finding, FindingCode as Code};

pub(super) fn check(body: &Node<'_>, found: &mut Vec<Finding>) {
    let tools = body.get("tools").map_or(&[][..], Node::items);
    for (at, tool) in tools.iter().enumerate() {
        check_tool(tool, &format!("/tools/{at}"), found);
    }
    check_duplicates(tools, "", found);
    let items = body.get("input").map_or(&[][..], Node::items);
    for (place, item) in items.iter().enumerate() {
        if item.text_of("type") == "additional_tools" {
            let tools = item.get("tools").map_or(&[][..], Node::items);
            let pointer = format!("/input/{place}");
            for (at, tool) in tools.iter().enumerate() {
                check_tool(tool, &format!("{pointer}/tools/{at}"), found);
            }
            check_duplicates(tools, &pointer, found);
        }
    }
    check_choice(body, tools, found);
    if let Some(format) = body.get("text").and_then(|text| text.given("format"))
        && format.text_of("type") == "json_schema"
    {
        check_name(format, "/text/format", found);
        let is_strict = format.get("strict").and_then(Node::as_bool) == Some(true);
        check_schema(
            format.get("schema"),
            "/text/format/schema",
            is_strict,
            found,
        );
    }
}

fn check_tool(tool: &Node<'_>, pointer: &str, found: &mut Vec<Finding>) {
    let kind = tool.text_of("type");
    if kind.is_empty() {
        let message = "a tool must have a type";
        found.push(Finding::error(
            Code::MissingParameter,
            format!("{pointer}/type"),
            message,
        ));
    }
    if let ("function" | "custom", Some(_)) = (kind, tool.get(kind).filter(|it| it.is_object())) {
        let message = "the tool has the form of chat completions, one level too deep";
        found.push(Finding::error(
            Code::WrongType,
            format!("{pointer}/{kind}"),
            message,
        ));
        return;
    }
    match kind {
        "function" => check_function(tool, pointer, found),
        "custom" => check_name(tool, pointer, found),
        "namespace" => {
            check_name(tool, pointer, found);
            for (at, inner) in tool
                .get("tools")
                .map_or(&[][..], Node::items)
                .iter()
                .enumerate()
            {
                check_tool(inner, &format!("{pointer}/tools/{at}"), found);
            }
        }
        _ => {}
    }
}

fn check_function(tool: &Node<'_>, pointer: &str, found: &mut Vec<Finding>) {
    check_name(tool, pointer, found);
    let parameters = tool.given("parameters");
    let place = format!("{pointer}/parameters");
    match tool.given("strict").and_then(Node::as_bool) {
        Some(is_strict) => check_schema(parameters, &place, is_strict, found),
        // An omitted key means strict, which is seldom intended.
        None => {
            let mut broken = Vec::new();
            check_schema(parameters, &place, true, &mut broken);
            if !broken.is_empty() {
                let place = format!("{pointer}/strict");
                let message = "without strict the schema counts as strict, which it is not";
                found.push(
                    Finding::warning(Code::MissingParameter, place.as_str(), message)
                        .fixed_by([Edit::Replace(place, RawJson::trusted("false".into()))]),
                );
            }
        }
    }
}

fn check_schema(
    schema: Option<&Node<'_>>,
    pointer: &str,
    is_strict: bool,
    found: &mut Vec<Finding>,
) {
    let Some(schema) = schema else { return };
    if !matches!(schema.value, Value::Object(_)) {
        found.push(Finding::error(
            Code::InvalidSchema,
            pointer,
            "a schema must be an object",
        ));
    } else if is_strict {
        check_strict(schema, pointer, found);
    }
}

fn check_name(named: &Node<'_>, pointer: &str, found: &mut Vec<Finding>) {
    let name = named.text_of("name");
    let is_good = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if name.is_empty() || name.len() > 64 || !name.bytes().all(is_good) {
        let message = "a name must consist of 1 to 64 letters, digits, _ and -";
        found.push(Finding::error(
            Code::InvalidName,
            format!("{pointer}/name"),
            message,
        ));
    }
}

fn check_duplicates(tools: &[Node<'_>], parent: &str, found: &mut Vec<Finding>) {
    let mut names: Vec<(&str, usize)> = tools
        .iter()
        .enumerate()
        .map(|(at, tool)| (tool.text_of("name"), at))
        .filter(|(name, _)| !name.is_empty())
        .collect();
    names.sort_unstable();
    for pair in names.windows(2) {
        if let [(one, _), (two, at)] = pair
            && one == two
        {
            let pointer = format!("{parent}/tools/{at}");
            let message = format!("two tools have the name {one}");
            found.push(
                Finding::error(Code::DuplicateTool, pointer.as_str(), message)
                    .given_up_by([Edit::Remove(pointer)]),
            );
        }
    }
}

fn check_choice(body: &Node<'_>, tools: &[Node<'_>], found: &mut Vec<Finding>) {
    let Some(choice) = body.given("tool_choice") else {
        return;
    };
    let items = body.get("input").map_or(&[][..], Node::items);
    // Tools may also come as items, or with a stored prompt.
    let has_others = body.given("prompt").is_some()
        || items.iter().any(|item| {
            matches!(
                item.text_of("type"),
                "additional_tools" | "tool_search_output"
            )
        });
    if has_others {
        return;
    }
    let drop = || [Edit::Remove("/tool_choice".into())];
    if let Some(mode) = choice.as_text() {
        if !matches!(mode, "auto" | "none" | "required") {
            let message = format!("{mode} is not a tool choice");
            found.push(
                Finding::error(Code::UnsupportedValue, "/tool_choice", message).given_up_by(drop()),
            );
        } else if mode == "required" && tools.is_empty() {
            let message = "a tool is required but there is none";
            found.push(
                Finding::error(Code::UnknownTool, "/tool_choice", message).given_up_by(drop()),
            );
        }
        return;
    }
    let (kind, name) = (choice.text_of("type"), choice.text_of("name"));
    let is_there = match kind {
        "function" | "custom" => tools.iter().any(|tool| is_tool(tool, kind, name)),
        _ => true,
    };
    if !is_there {
        let message = format!("there is no {kind} {name}");
        found.push(Finding::error(Code::UnknownTool, "/tool_choice", message).given_up_by(drop()));
    }
}

fn is_tool(tool: &Node<'_>, kind: &str, name: &str) -> bool {
    (tool.text_of("type") == kind && tool.text_of("name") == name)
        || tool
            .get("tools")
            .map_or(&[][..], Node::items)
            .iter()
            .any(|inner| inner.text_of("type") == kind && inner.text_of("name") == name)
}
