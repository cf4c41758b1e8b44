//! Checking whether a request fits a profile.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::lint::tree::Node;
use crate::lint::{Edit, Finding, FindingCode as Code, push_step};
use crate::profile::json::{is_bare_warm_up, is_hosted, kind_of, user_message};
use crate::profile::{
    Channel, Choices, IdReplay, Instructions, Profile, RequestForm, StatusReplay, Store, Streamed,
    Text,
};
use crate::{Effort, InputItem, Message, RawJson, ServiceTier, Verbosity};

/// The form in which the checked body will be sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sending {
    pub(crate) channel: Channel,
    pub(crate) form: RequestForm,
    /// Whether the body decides about streaming; otherwise the sender still decides.
    pub(crate) decides_stream: bool,
    /// Whether the model may take breakpoints of the prompt cache.
    pub(crate) cache_breakpoints: bool,
}

/// Values that change nothing, as JSON: the API's defaults. Clients send them unasked.
const DEFAULTS: &[(&str, &str)] = &[
    ("background", "false"),
    ("frequency_penalty", "0"),
    ("frequency_penalty", "0.0"),
    ("presence_penalty", "0"),
    ("presence_penalty", "0.0"),
    ("temperature", "1"),
    ("temperature", "1.0"),
    ("top_logprobs", "0"),
    ("top_p", "1"),
    ("top_p", "1.0"),
    ("truncation", "\"disabled\""),
];

impl Profile {
    /// Checks the body of a request for values that this backend would refuse or ignore.
    pub(crate) fn check(&self, body: &Node<'_>, sending: Sending) -> Vec<Finding> {
        let Sending {
            channel,
            form,
            decides_stream,
            ..
        } = sending;
        let mut found = Vec::new();
        if !body.is_object() {
            found.push(Finding::error(
                Code::NotAnObject,
                "",
                "the body is not an object",
            ));
            return found;
        }
        self.check_parameters(body, channel, &mut found);
        self.check_store(body, &mut found);
        let stream = body.given("stream").and_then(Node::as_bool);
        let is_silent = stream.is_none() && !decides_stream;
        let must_stream = channel == Channel::Http && self.streamed == Streamed::Always;
        if must_stream && stream != Some(true) && !is_silent {
            let message = "this backend streams every response";
            found.push(
                Finding::error(Code::RequiredValue, "/stream", message)
                    .fixed_by([Edit::Replace("/stream".into(), json("true"))]),
            );
        }
        self.check_include(body, &mut found);
        if form == RequestForm::Lite {
            self.check_lite(body, channel, &mut found);
        }
        self.check_instructions(body, form, &mut found);
        self.check_input(body, sending, &mut found);
        self.check_tools(body, form, &mut found);
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

    /// Checks a compaction request against the rules of Responses Lite.
    pub(super) fn check_lite_compaction(&self, body: &Node<'_>) -> Vec<Finding> {
        let mut found = Vec::new();
        let form = RequestForm::Lite;
        let sending = Sending {
            channel: Channel::Http,
            form,
            decides_stream: false,
            cache_breakpoints: true,
        };
        self.check_lite(body, Channel::Http, &mut found);
        self.check_instructions(body, form, &mut found);
        self.check_input(body, sending, &mut found);
        self.check_tools(body, form, &mut found);
        found
    }

    fn check_tools(&self, body: &Node<'_>, form: RequestForm, found: &mut Vec<Finding>) {
        let tools = body.get("tools").map_or(&[][..], Node::items);
        for (at, tool) in tools.iter().enumerate() {
            self.check_tool(tool, form, format!("/tools/{at}"), found);
        }
    }

    fn check_parameters(&self, body: &Node<'_>, channel: Channel, found: &mut Vec<Finding>) {
        let parameters = &self.parameters;
        let Some(accepted) = &parameters.accepted else {
            return;
        };
        let is_among = |names: &[Text], name: &str| names.iter().any(|known| known == name);
        for (name, value) in body.members() {
            let name = &**name;
            let is_socket_only = is_among(&parameters.accepted_on_websocket, name);
            if is_among(accepted, name) || (is_socket_only && channel == Channel::WebSocket) {
                continue;
            }
            let pointer = pointer_to(name);
            let message = if let Some(instead) = instead_of(name) {
                format!("{name} belongs to chat completions; {instead}")
            } else if is_socket_only {
                format!("{} accepts {name} only over a WebSocket", self.name)
            } else if is_among(&parameters.refused, name) {
                format!("{} does not accept {name}", self.name)
            } else {
                let message = format!("{name} is not a known parameter and is sent unchanged");
                found.push(Finding::warning(Code::UnknownParameter, pointer, message));
                continue;
            };
            let finding = Finding::error(Code::RejectedParameter, pointer.as_str(), message);
            let edits = [Edit::Remove(pointer)];
            let is_harmless = value.is_null()
                || is_among(&parameters.droppable, name)
                || DEFAULTS.contains(&(name, value.text));
            found.push(if is_harmless {
                finding.fixed_by(edits)
            } else {
                finding.given_up_by(edits)
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
            "this backend stores no responses",
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
            let message = format!("{name} is only returned if include requests it");
            found.push(Finding::note(Code::MissingInclude, "/include", message).fixed_by([edit]));
        }
    }

    fn check_instructions(&self, body: &Node<'_>, form: RequestForm, found: &mut Vec<Finding>) {
        let given = body.given("instructions");
        let placement = match form {
            RequestForm::Full => self.instructions,
            RequestForm::Lite => Instructions::DeveloperMessage,
        };
        match placement {
            Instructions::Parameter => {}
            Instructions::RequiredParameter => {
                if given.is_none() {
                    let edit = Edit::Replace("/instructions".into(), RawJson::string(""));
                    found.push(
                        Finding::error(
                            Code::MissingParameter,
                            "/instructions",
                            "instructions are required, even if empty",
                        )
                        .fixed_by([edit]),
                    );
                }
            }
            Instructions::DeveloperMessage => {
                let Some(text) = given.and_then(Node::as_text) else {
                    return;
                };
                let message = "instructions must be the first developer message";
                let finding = Finding::note(Code::InstructionsPlacement, "/instructions", message);
                let mut edits = Vec::from([Edit::Remove("/instructions".into())]);
                let is_postponed = form == RequestForm::Lite && is_bare_warm_up(body);
                if !text.is_empty() && !is_postponed {
                    let first = encode(&InputItem::from(Message::developer([text.into()])));
                    edits.push(match body.given("input") {
                        Some(input) if input.is_list() => {
                            let has_tools = |item: &Node<'_>| kind_of(item) == "additional_tools";
                            let at = usize::from(input.items().first().is_some_and(has_tools));
                            Edit::Insert(format!("/input/{at}"), first)
                        }
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

    fn check_input(&self, body: &Node<'_>, sending: Sending, found: &mut Vec<Finding>) {
        let Some(input) = body.given("input") else {
            return;
        };
        let takes_items = self.input_as_items || sending.form == RequestForm::Lite;
        if let (true, Some(text)) = (takes_items, input.as_text()) {
            let edit = Edit::Replace("/input".into(), list([user_message(text)]));
            let message = "this backend accepts only a list of items";
            found.push(Finding::error(Code::InputForm, "/input", message).fixed_by([edit]));
        }
        for (at, item) in input.items().iter().enumerate() {
            self.check_item(item, sending, &format!("/input/{at}"), found);
        }
    }

    pub(super) fn check_item(
        &self,
        item: &Node<'_>,
        sending: Sending,
        pointer: &str,
        found: &mut Vec<Finding>,
    ) {
        let kind = kind_of(item);
        if self.refused_items.iter().any(|refused| refused == kind) {
            let message = format!("{} does not accept items of the kind {kind}", self.name);
            found.push(
                Finding::error(Code::RejectedItem, pointer, message)
                    .given_up_by([Edit::Remove(pointer.into())]),
            );
            return;
        }
        if self.system_as_developer && kind == "message" && item.text_of("role") == "system" {
            let role = format!("{pointer}/role");
            let edit = Edit::Replace(role.clone(), RawJson::string("developer"));
            let message = "this backend has the role developer instead of system";
            found.push(Finding::error(Code::RejectedRole, role, message).fixed_by([edit]));
        }
        for name in self.keys_not_replayed(item, kind) {
            let mut place = String::from(pointer);
            push_step(&mut place, name);
            let message = format!("{name} is not sent back to {}", self.name);
            found.push(
                Finding::warning(Code::ReplayedField, place.as_str(), message)
                    .fixed_by([Edit::Remove(place)]),
            );
        }
        for key in ["content", "output"] {
            let parts = item.get(key).map_or(&[][..], Node::items);
            for (at, part) in parts.iter().enumerate() {
                self.check_part(part, sending, &format!("{pointer}/{key}/{at}"), found);
            }
        }
        if kind == "additional_tools" {
            let tools = item.get("tools").map_or(&[][..], Node::items);
            for (at, tool) in tools.iter().enumerate() {
                self.check_tool(tool, sending.form, format!("{pointer}/tools/{at}"), found);
            }
        }
    }

    /// Returns the keys of an output item that must not be sent back to this backend.
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

    fn check_part(
        &self,
        part: &Node<'_>,
        sending: Sending,
        pointer: &str,
        found: &mut Vec<Finding>,
    ) {
        let kind = part.text_of("type");
        let form = sending.form;
        let takes_breakpoints = self.content.cache_breakpoints && sending.cache_breakpoints;
        if !takes_breakpoints && part.given("prompt_cache_breakpoint").is_some() {
            let place = format!("{pointer}/prompt_cache_breakpoint");
            let message = "this backend or model takes no breakpoints of the prompt cache";
            found.push(
                Finding::warning(Code::RejectedContent, place.as_str(), message)
                    .fixed_by([Edit::Remove(place)]),
            );
        }
        for name in &self.replay.dropped_part_keys {
            if kind == "output_text" && part.get(name).is_some() {
                let place = format!("{pointer}/{name}");
                let message = format!("{name} is not sent back to {}", self.name);
                found.push(
                    Finding::warning(Code::ReplayedField, place.as_str(), message)
                        .fixed_by([Edit::Remove(place)]),
                );
            }
        }
        let refuse =
            |place: String, message: &str| Finding::error(Code::RejectedContent, place, message);
        if let (RequestForm::Lite, "input_image", Some(detail)) = (form, kind, part.get("detail")) {
            let place = format!("{pointer}/detail");
            let finding = refuse(
                place.clone(),
                "Responses Lite takes images without a detail",
            );
            let edits = [Edit::Remove(place)];
            found.push(if matches!(detail.as_text(), None | Some("auto")) {
                finding.fixed_by(edits)
            } else {
                finding.given_up_by(edits)
            });
        }
        if !self.content.audio && kind == "input_audio" {
            found.push(
                refuse(pointer.into(), "this backend accepts no audio")
                    .given_up_by([Edit::Remove(pointer.into())]),
            );
        }
        if !self.content.file_ids && part.given("file_id").is_some() {
            let place = format!("{pointer}/file_id");
            found.push(refuse(
                place,
                "this backend stores no files; they must be inline",
            ));
        }
        for key in ["image_url", "file_url"] {
            let url = part.text_of(key);
            if !self.content.remote_urls && !url.is_empty() && !url.starts_with("data:") {
                let place = format!("{pointer}/{key}");
                found.push(refuse(
                    place,
                    "this backend fetches no URLs; files must be inline",
                ));
            }
        }
    }

    fn check_tool(
        &self,
        tool: &Node<'_>,
        form: RequestForm,
        pointer: String,
        found: &mut Vec<Finding>,
    ) {
        let kind = tool.text_of("type");
        let message = if self.refused_tools.iter().any(|refused| refused == kind) {
            format!("{} does not accept the tool {kind}", self.name)
        } else if form == RequestForm::Lite && is_hosted(tool) {
            format!("Responses Lite does not accept the hosted tool {kind}")
        } else {
            return;
        };
        found.push(
            Finding::error(Code::RejectedTool, pointer.as_str(), message)
                .given_up_by([Edit::Remove(pointer)]),
        );
    }
}

/// Returns the replacement for a chat parameter that was sent by mistake.
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
        let message = format!("{text} has the name {} here", own.as_ref());
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

/// Returns whether an id has the form of the service's ids: text, `_`, text.
fn is_prefixed(id: &str) -> bool {
    id.split_once('_')
        .is_some_and(|(prefix, rest)| !prefix.is_empty() && !rest.is_empty())
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
