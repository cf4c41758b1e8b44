//! Checks of single parameters: their types, their ranges, and what a model is known to offer.

use alloc::format;
use alloc::vec::Vec;

use crate::lint::tree::{Node, Value};
use crate::lint::{Edit, Finding, FindingCode as Code, Linter};
use crate::model_name::ModelTable;
use crate::profile::{Models, Store};
use crate::{Effort, RawJson};

pub(super) fn check(linter: &Linter, body: &Node<'_>, found: &mut Vec<Finding>) {
    if body.text_of("model").is_empty() && body.given("prompt").is_none() {
        found.push(Finding::error(
            Code::MissingParameter,
            "/model",
            "model is missing",
        ));
    }
    for (name, form) in FORMS {
        check_form(body, name, *form, found);
    }
    for range in RANGES {
        check_range(body, range, found);
    }
    for (name, limit) in LENGTHS {
        let length = body.text_of(name).chars().count();
        if length > *limit {
            let message = format!("{name} has {length} characters, {limit} are allowed");
            found.push(
                Finding::error(Code::OutOfRange, format!("/{name}"), message)
                    .given_up_by([Edit::Remove(format!("/{name}"))]),
            );
        }
    }
    check_metadata(body, found);
    check_background(linter, body, found);
    check_model(linter, body, found);
}

/// The type of a parameter.
#[derive(Clone, Copy)]
enum Form {
    Text,
    Flag,
    Number,
    List,
    Object,
    TextOrList,
    TextOrObject,
}

impl Form {
    fn fits(self, node: &Node<'_>) -> bool {
        matches!(
            (self, &node.value),
            (
                Self::Text | Self::TextOrList | Self::TextOrObject,
                Value::Text(_)
            ) | (Self::Flag, Value::Bool(_))
                | (Self::Number, Value::Number(_))
                | (Self::List | Self::TextOrList, Value::List(_))
                | (Self::Object | Self::TextOrObject, Value::Object(_))
        )
    }
}

fn check_form(body: &Node<'_>, name: &str, form: Form, found: &mut Vec<Finding>) {
    if body.given(name).is_some_and(|value| !form.fits(value)) {
        let what = match form {
            Form::Text => "text",
            Form::Flag => "true or false",
            Form::Number => "a number",
            Form::List => "a list",
            Form::Object => "an object",
            Form::TextOrList => "text or a list",
            Form::TextOrObject => "text or an object",
        };
        let message = format!("{name} must be {what}");
        found.push(Finding::error(Code::WrongType, format!("/{name}"), message));
    }
}

struct Range {
    name: &'static str,
    least: f64,
    most: f64,
}

fn check_range(body: &Node<'_>, range: &Range, found: &mut Vec<Finding>) {
    let Range { name, least, most } = range;
    let Some(value) = body.given(name).and_then(Node::as_f64) else {
        return;
    };
    if value >= *least && value <= *most {
        return;
    }
    let nearest = if value > *most { most } else { least };
    let bounds = if most.is_finite() {
        format!("from {least} to {most}")
    } else {
        format!("{least} or more")
    };
    let pointer = format!("/{name}");
    found.push(
        Finding::error(
            Code::OutOfRange,
            pointer.as_str(),
            format!("{name} is {bounds}"),
        )
        .given_up_by([Edit::Replace(
            pointer,
            RawJson::trusted(format!("{nearest}")),
        )]),
    );
}

fn check_metadata(body: &Node<'_>, found: &mut Vec<Finding>) {
    let Some(metadata) = body.given("metadata") else {
        return;
    };
    let entries = metadata.members();
    if entries.len() > 16 {
        let message = format!("metadata has {} keys, 16 are allowed", entries.len());
        found.push(Finding::error(Code::OutOfRange, "/metadata", message));
    }
    for (name, value) in entries {
        let mut pointer = alloc::string::String::from("/metadata");
        crate::lint::push_step(&mut pointer, name);
        let is_long = |text: &str| text.chars().count() > 512;
        if name.chars().count() > 64 || value.as_text().is_some_and(is_long) {
            let message = "metadata keys have at most 64 characters, values at most 512";
            found.push(Finding::error(Code::OutOfRange, pointer, message));
        } else if value.as_text().is_none() {
            let message = "metadata values must be text";
            found.push(Finding::error(Code::WrongType, pointer, message));
        }
    }
}

fn check_background(linter: &Linter, body: &Node<'_>, found: &mut Vec<Finding>) {
    let is = |name: &str| body.given(name).and_then(Node::as_bool);
    let is_platform = linter.profile.store == Store::Free;
    if is_platform && is("background") == Some(true) && is("store") == Some(false) {
        let message = "a background response must be stored";
        found.push(
            Finding::error(Code::RequiredValue, "/store", message).given_up_by([Edit::Replace(
                "/store".into(),
                RawJson::trusted("true".into()),
            )]),
        );
    }
    if body.given("conversation").is_some() && body.given("previous_response_id").is_some() {
        let message = "conversation and previous_response_id are mutually exclusive";
        found.push(
            Finding::error(Code::RejectedParameter, "/previous_response_id", message)
                .given_up_by([Edit::Remove("/previous_response_id".into())]),
        );
    }
}

fn check_model(linter: &Linter, body: &Node<'_>, found: &mut Vec<Finding>) {
    let model = body.text_of("model");
    let effort = body
        .get("reasoning")
        .map(|reasoning| reasoning.text_of("effort"));
    if let Some(effort) = effort.filter(|effort| !effort.is_empty())
        && let Some(entry) = linter.models.get(model)
        && entry.offers_effort(linter.profile.models, &Effort::from(effort)) == Some(false)
    {
        let message = format!("{model} does not offer the effort {effort}");
        found.push(
            Finding::warning(Code::UnsupportedValue, "/reasoning/effort", message)
                .given_up_by([Edit::Remove("/reasoning/effort".into())]),
        );
    }
    check_sampling(linter, body, found);
    if linter.profile.models == Models::Catalog {
        check_chatgpt_model(&linter.models, model, found);
    }
}

/// Checks the parameters that models with reasoning refuse. Their default, 1, is accepted.
fn check_sampling(linter: &Linter, body: &Node<'_>, found: &mut Vec<Finding>) {
    let model = body.text_of("model");
    let effort = body
        .get("reasoning")
        .map(|reasoning| reasoning.text_of("effort"));
    let effort = effort.filter(|effort| !effort.is_empty()).map(Effort::from);
    if linter.models.takes_sampling(model, effort.as_ref()) != Some(false) {
        return;
    }
    for name in ["temperature", "top_p", "top_logprobs"] {
        let value = body.given(name).map(|value| value.text);
        if value.is_some_and(|value| name == "top_logprobs" || !matches!(value, "1" | "1.0")) {
            let message = match &effort {
                Some(effort) => format!("{model} does not take {name} with the effort {effort}"),
                None => format!("{model} does not take {name}"),
            };
            let pointer = format!("/{name}");
            found.push(
                Finding::warning(Code::UnsupportedValue, pointer.clone(), message)
                    .given_up_by([Edit::Remove(pointer)]),
            );
        }
    }
}

/// Checks whether a ChatGPT login can use the model. The built-in list may be out of date; one of
/// the endpoint is complete.
fn check_chatgpt_model(models: &ModelTable, model: &str, found: &mut Vec<Finding>) {
    let is_complete = models.chatgpt_is_complete;
    match models.is_chatgpt(model) {
        Some(true) => return,
        None if !is_complete => return,
        Some(false) | None => {}
    }
    let known: Vec<&str> = models.chatgpt_models().map(|model| &*model.slug).collect();
    let known = known.join(", ");
    found.push(if is_complete {
        let message = format!("{model} is not offered with this ChatGPT login; it offers {known}");
        Finding::error(Code::UnsupportedValue, "/model", message)
    } else {
        let message =
            format!("{model} is not offered with a ChatGPT login; known models are {known}");
        Finding::warning(Code::UnsupportedValue, "/model", message)
    });
}

const FORMS: &[(&str, Form)] = &[
    ("model", Form::Text),
    ("instructions", Form::Text),
    ("input", Form::TextOrList),
    ("tools", Form::List),
    ("tool_choice", Form::TextOrObject),
    ("parallel_tool_calls", Form::Flag),
    ("reasoning", Form::Object),
    ("text", Form::Object),
    ("store", Form::Flag),
    ("stream", Form::Flag),
    ("stream_options", Form::Object),
    ("background", Form::Flag),
    ("include", Form::List),
    ("metadata", Form::Object),
    ("client_metadata", Form::Object),
    ("max_output_tokens", Form::Number),
    ("max_tool_calls", Form::Number),
    ("temperature", Form::Number),
    ("top_p", Form::Number),
    ("top_logprobs", Form::Number),
    ("truncation", Form::Text),
    ("service_tier", Form::Text),
    ("user", Form::Text),
    ("safety_identifier", Form::Text),
    ("prompt_cache_key", Form::Text),
    ("previous_response_id", Form::Text),
];

const RANGES: &[Range] = &[
    Range {
        name: "max_output_tokens",
        least: 16.0,
        most: f64::INFINITY,
    },
    Range {
        name: "max_tool_calls",
        least: 1.0,
        most: f64::INFINITY,
    },
    Range {
        name: "temperature",
        least: 0.0,
        most: 2.0,
    },
    Range {
        name: "top_p",
        least: 0.0,
        most: 1.0,
    },
    Range {
        name: "top_logprobs",
        least: 0.0,
        most: 20.0,
    },
];

/// In characters.
const LENGTHS: &[(&str, usize)] = &[("prompt_cache_key", 64), ("safety_identifier", 64)];
