//! Where a request does not fit a profile.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::lint::tree::Node;
use crate::lint::{Edit, Finding, FindingCode as Code, push_step};
use crate::profile::{
    Channel, Choices, IdReplay, Instructions, Profile, StatusReplay, Store, Streamed,
};
use crate::{Effort, InputItem, Message, RawJson, ServiceTier, Verbosity};

impl Profile {
    /// What in the body of a request this backend would refuse or ignore.
    ///
    /// `decides_stream` says that the body says all there is about streaming; otherwise whoever sends
    /// it is still to decide.
    pub(crate) fn check(
        &self,
        body: &Node<'_>,
        channel: Channel,
        decides_stream: bool,
    ) -> Vec<Finding> {
        let mut found = Vec::new();
        if !body.is_object() {
            found.push(Finding::error(
                Code::NotAnObject,
                "",
                "the body is no object",
            ));
            return found;
        }
        self.check_parameters(body, channel, &mut found);
        self.check_store(body, &mut found);
        let stream = body.given("stream").and_then(Node::as_bool);
        let is_silent = stream.is_none() && !decides_stream;
        let must_stream = channel == Channel::Http && self.streamed == Streamed::Always;
        if must_stream && stream != Some(true) && !is_silent {
            let message = "this backend streams every answer";
            found.push(
                Finding::error(Code::RequiredValue, "/stream", message)
                    .fixed_by([Edit::Replace("/stream".into(), json("true"))]),
            );
        }
        self.check_include(body, &mut found);
        self.check_instructions(body, &mut found);
        self.check_input(body, &mut found);
        for (at, tool) in body
            .get("tools")
            .map_or(&[][..], Node::items)
            .iter()
            .enumerate()
        {
            self.check_tool(tool, format!("/tools/{at}"), &mut found);
        }
        check_choice::<ServiceTier>(
            body.given("service_tier"),
            &self.service_tiers,
            "/service_tier",
            &mut found,
        );
        let effort = body
            .get("reasoning")
            .and_then(|reasoning| reasoning.given("effort"));
        check_choice::<Effort>(effort, &self.efforts, "/reasoning/effort", &mut found);
        let verbosity = body.get("text").and_then(|text| text.given("verbosity"));
        check_choice::<Verbosity>(verbosity, &self.verbosities, "/text/verbosity", &mut found);
        found
    }

    fn check_parameters(&self, body: &Node<'_>, channel: Channel, found: &mut Vec<Finding>) {
        let Some(accepted) = &self.parameters.accepted else {
            return;
        };
        for (name, value) in body.members() {
            let name = &**name;
            let on_websocket = channel == Channel::WebSocket
                && self
                    .parameters
                    .accepted_on_websocket
                    .iter()
                    .any(|known| known == name);
            if on_websocket || accepted.iter().any(|known| known == name) {
                continue;
            }
            let pointer = pointer_to(name);
            let finding = if let Some(instead) = instead_of(name) {
                let message = format!("{name} belongs to chat completions; {instead}");
                Finding::error(Code::RejectedParameter, pointer.as_str(), message)
            } else if self.store == Store::Free && !is_documented(name) {
                let message = format!("{name} is not a parameter this version knows");
                Finding::warning(Code::UnknownParameter, pointer.as_str(), message)
            } else {
                let message = format!("{} does not take {name}", self.name);
                Finding::error(Code::RejectedParameter, pointer.as_str(), message)
            };
            let edits = [Edit::Remove(pointer)];
            let is_essential = self
                .parameters
                .essential
                .iter()
                .any(|essential| essential == name);
            found.push(if is_essential && !value.is_null() {
                finding.given_up_by(edits)
            } else {
                finding.fixed_by(edits)
            });
        }
    }

    fn check_store(&self, body: &Node<'_>, found: &mut Vec<Finding>) {
        if self.store != Store::Never {
            return;
        }
        let said = body.given("store").and_then(Node::as_bool);
        if said == Some(false) {
            return;
        }
        let finding = Finding::error(
            Code::RequiredValue,
            "/store",
            "this backend keeps no responses",
        );
        let edits = [Edit::Replace("/store".into(), json("false"))];
        found.push(if said == Some(true) {
            finding.given_up_by(edits)
        } else {
            finding.fixed_by(edits)
        });
    }

    fn check_include(&self, body: &Node<'_>, found: &mut Vec<Finding>) {
        let asked = body.given("include");
        for include in &self.include {
            let name = include.as_str();
            let items = asked.map_or(&[][..], Node::items);
            if items.iter().any(|item| item.as_text() == Some(name)) {
                continue;
            }
            let edit = if asked.is_some_and(Node::is_list) {
                Edit::Insert("/include/-".into(), RawJson::string(name))
            } else {
                let list = format!("[{}]", RawJson::string(name));
                Edit::Replace("/include".into(), json(&list))
            };
            let message = format!("{name} does not come unless it is asked for");
            found.push(Finding::note(Code::MissingInclude, "/include", message).fixed_by([edit]));
        }
    }

    fn check_instructions(&self, body: &Node<'_>, found: &mut Vec<Finding>) {
        let given = body.given("instructions");
        match self.instructions {
            Instructions::Parameter => {}
            Instructions::RequiredParameter => {
                if given.is_none() {
                    let edit = Edit::Replace("/instructions".into(), RawJson::string(""));
                    found.push(
                        Finding::error(
                            Code::MissingParameter,
                            "/instructions",
                            "instructions have to be there, if only empty",
                        )
                        .fixed_by([edit]),
                    );
                }
            }
            Instructions::DeveloperMessage => {
                let Some(text) = given.and_then(Node::as_text) else {
                    return;
                };
                let message = "instructions go into the first message of the developer";
                let finding = Finding::note(Code::InstructionsPlacement, "/instructions", message);
                let mut edits = Vec::from([Edit::Remove("/instructions".into())]);
                if !text.is_empty() {
                    let first = encode(&InputItem::from(Message::developer([text.into()])));
                    edits.push(match body.given("input") {
                        Some(input) if input.is_list() && input.items().is_empty() => {
                            Edit::Replace("/input".into(), list([first]))
                        }
                        Some(input) if input.is_list() => Edit::Insert("/input/0".into(), first),
                        Some(input) => Edit::Replace(
                            "/input".into(),
                            list([first, user_message(input.as_text().unwrap_or_default())]),
                        ),
                        None => Edit::Replace("/input".into(), list([first])),
                    });
                }
                found.push(finding.fixed_by(edits));
            }
        }
    }

    fn check_input(&self, body: &Node<'_>, found: &mut Vec<Finding>) {
        let Some(input) = body.given("input") else {
            return;
        };
        if let (true, Some(text)) = (self.input_as_items, input.as_text()) {
            let edit = Edit::Replace("/input".into(), list([user_message(text)]));
            let message = "this backend takes a list of items";
            found.push(Finding::error(Code::InputForm, "/input", message).fixed_by([edit]));
        }
        for (at, item) in input.items().iter().enumerate() {
            self.check_item(item, &format!("/input/{at}"), found);
        }
    }

    pub(super) fn check_item(&self, item: &Node<'_>, pointer: &str, found: &mut Vec<Finding>) {
        let kind = kind_of(item);
        if self.refused_items.iter().any(|refused| refused == kind) {
            let message = format!("{} does not take items of the kind {kind}", self.name);
            found.push(
                Finding::error(Code::RejectedItem, pointer, message)
                    .given_up_by([Edit::Remove(pointer.into())]),
            );
            return;
        }
        if self.system_as_developer && kind == "message" && item.text_of("role") == "system" {
            let role = format!("{pointer}/role");
            let edit = Edit::Replace(role.clone(), RawJson::string("developer"));
            let message = "the role system is called developer here";
            found.push(Finding::error(Code::RejectedRole, role, message).fixed_by([edit]));
        }
        for name in self.keys_not_replayed(item, kind) {
            let mut place = String::from(pointer);
            push_step(&mut place, name);
            let message = format!("{} is not sent {name} back", self.name);
            found.push(
                Finding::warning(Code::ReplayedField, place.as_str(), message)
                    .fixed_by([Edit::Remove(place)]),
            );
        }
        for key in ["content", "output"] {
            let parts = item.get(key).map_or(&[][..], Node::items);
            for (at, part) in parts.iter().enumerate() {
                self.check_part(part, &format!("{pointer}/{key}/{at}"), found);
            }
        }
    }

    /// The keys of an item that came out of a response and do not go back to this backend.
    fn keys_not_replayed<'a>(&'a self, item: &'a Node<'_>, kind: &str) -> Vec<&'a str> {
        let mut names: Vec<&str> = Vec::new();
        let drops_id = match self.replay.ids {
            IdReplay::Keep => false,
            IdReplay::KeepPrefixed => !is_prefixed(item.text_of("id")),
            IdReplay::Drop => true,
        };
        if drops_id && ID_IS_OPTIONAL.contains(&kind) && item.get("id").is_some() {
            names.push("id");
        }
        let drops_status = match self.replay.status {
            StatusReplay::Keep => false,
            StatusReplay::KeepOnCustomCalls => kind != "custom_tool_call",
            StatusReplay::Drop => true,
        };
        if drops_status && STATUS_IS_OPTIONAL.contains(&kind) && item.get("status").is_some() {
            names.push("status");
        }
        let dropped = self.replay.dropped_keys.iter().map(|name| &**name);
        names.extend(dropped.filter(|name| item.get(name).is_some()));
        names
    }

    fn check_part(&self, part: &Node<'_>, pointer: &str, found: &mut Vec<Finding>) {
        let kind = part.text_of("type");
        for name in &self.replay.dropped_part_keys {
            if kind == "output_text" && part.get(name).is_some() {
                let place = format!("{pointer}/{name}");
                let message = format!("{} is not sent {name} back", self.name);
                found.push(
                    Finding::warning(Code::ReplayedField, place.as_str(), message)
                        .fixed_by([Edit::Remove(place)]),
                );
            }
        }
        let refuse =
            |place: String, message: &str| Finding::error(Code::RejectedContent, place, message);
        if !self.content.audio && kind == "input_audio" {
            found.push(
                refuse(pointer.into(), "this backend takes no sound")
                    .given_up_by([Edit::Remove(pointer.into())]),
            );
        }
        if !self.content.file_ids && part.given("file_id").is_some() {
            let place = format!("{pointer}/file_id");
            found.push(refuse(
                place,
                "this backend holds no files; they have to be given inline",
            ));
        }
        for key in ["image_url", "file_url"] {
            let url = part.text_of(key);
            if !self.content.remote_urls && !url.is_empty() && !url.starts_with("data:") {
                let place = format!("{pointer}/{key}");
                found.push(refuse(
                    place,
                    "this backend fetches nothing; files have to be given inline",
                ));
            }
        }
    }

    fn check_tool(&self, tool: &Node<'_>, pointer: String, found: &mut Vec<Finding>) {
        let kind = tool.text_of("type");
        if self.refused_tools.iter().any(|refused| refused == kind) {
            let message = format!("{} does not take the tool {kind}", self.name);
            found.push(
                Finding::error(Code::RejectedTool, pointer.as_str(), message)
                    .given_up_by([Edit::Remove(pointer)]),
            );
        }
    }
}

/// The kind of an item, also of one that does not say.
pub(crate) fn kind_of<'a>(item: &'a Node<'_>) -> &'a str {
    match item.get("type").and_then(Node::as_text) {
        Some(kind) => kind,
        None if item.get("role").is_some() => "message",
        None if item.get("id").is_some() && item.members().len() == 1 => "item_reference",
        None => "",
    }
}

/// The chat parameters that people send by mistake, and what to use instead.
fn instead_of(name: &str) -> Option<&'static str> {
    Some(match name {
        "messages" => "use input",
        "max_tokens" | "max_completion_tokens" => "use max_output_tokens",
        "response_format" => "use text.format",
        "reasoning_effort" => "use reasoning.effort",
        "verbosity" => "use text.verbosity",
        "functions" => "use tools",
        "function_call" => "use tool_choice",
        "logprobs" => "use include and top_logprobs",
        "web_search_options" => "use the tool web_search",
        "n" | "stop" | "seed" | "logit_bias" | "presence_penalty" | "frequency_penalty"
        | "modalities" | "audio" | "prediction" => "it has no counterpart",
        _ => return None,
    })
}

/// Whether any profile takes the parameter, so that its refusal here is certain.
fn is_documented(name: &str) -> bool {
    Profile::platform()
        .parameters
        .accepted
        .iter()
        .flatten()
        .any(|known| known == name)
        || ["generate", "stream_id", "type"].contains(&name)
}

fn check_choice<T>(
    given: Option<&Node<'_>>,
    choices: &Choices<T>,
    pointer: &str,
    found: &mut Vec<Finding>,
) where
    T: for<'a> From<&'a str> + AsRef<str> + PartialEq,
{
    let Some(text) = given.and_then(Node::as_text) else {
        return;
    };
    let value = T::from(text);
    let own = choices.own_name(&value);
    if !choices.offers(&value) {
        let offered = choices
            .offered
            .iter()
            .flatten()
            .map(AsRef::as_ref)
            .collect::<Vec<_>>();
        let message = format!("{text} is not offered, only {}", offered.join(", "));
        found.push(
            Finding::error(Code::UnsupportedValue, pointer, message)
                .given_up_by([Edit::Remove(pointer.into())]),
        );
    } else if *own != value {
        let message = format!("{text} is called {} here", own.as_ref());
        found.push(
            Finding::note(Code::RenamedValue, pointer, message)
                .fixed_by([Edit::Replace(pointer.into(), RawJson::string(own.as_ref()))]),
        );
    }
}

fn pointer_to(name: &str) -> String {
    let mut pointer = String::new();
    push_step(&mut pointer, name);
    pointer
}

/// The form of an id the service gave out: text, `_`, text.
fn is_prefixed(id: &str) -> bool {
    id.split_once('_')
        .is_some_and(|(prefix, rest)| !prefix.is_empty() && !rest.is_empty())
}

fn user_message(text: &str) -> RawJson {
    encode(&InputItem::from(Message::user([text.into()])))
}

fn encode(item: &InputItem) -> RawJson {
    RawJson::encode(item).unwrap_or_default()
}

fn list<const N: usize>(items: [RawJson; N]) -> RawJson {
    let texts: Vec<String> = items.iter().map(ToString::to_string).collect();
    json(&format!("[{}]", texts.join(",")))
}

fn json(text: &str) -> RawJson {
    RawJson::trusted(text.into())
}

const ID_IS_OPTIONAL: &[&str] = &[
    "message",
    "reasoning",
    "function_call",
    "function_call_output",
    "custom_tool_call",
    "custom_tool_call_output",
    "local_shell_call",
    "tool_search_call",
    "tool_search_output",
    "web_search_call",
    "compaction",
    "compaction_summary",
    "context_compaction",
    "additional_tools",
    "agent_message",
];

const STATUS_IS_OPTIONAL: &[&str] = &[
    "message",
    "reasoning",
    "function_call",
    "function_call_output",
    "custom_tool_call",
    "custom_tool_call_output",
];
