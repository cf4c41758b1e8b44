//! The fields of a request in its response.

use crate::wire::known::set_null;
use crate::{CreateResponse, Input, PlainTextFormat, Reasoning, Response, TextConfig, Truncation};

/// Sets the fields in which a response repeats its request, as the Responses API does: a chat
/// completion does not contain them.
///
/// A parameter that the request omits has the default of the API. A key without a value is written
/// as null; a sampling parameter, for which each chat server has its own default, is such a key.
/// The default of `store` is false, because chat servers do not store responses.
///
/// ```
/// use codex_types::chat::translate::{begin_response, repeat_request};
/// use codex_types::{CreateResponse, RawJson};
///
/// let request = CreateResponse::new("local").instructions("Be brief.").input("Hi");
/// let mut response = begin_response("c1", "local", 1_770_000_000.into());
/// repeat_request(&mut response, &request);
/// let json = RawJson::encode(&response)?;
/// assert!(json.as_str().contains(r#""instructions":"Be brief.","previous_response_id":null"#));
/// assert!(json.as_str().contains(r#""text":{"format":{"type":"text"}}"#));
/// # Ok::<(), codex_types::DecodeError>(())
/// ```
pub fn repeat_request(response: &mut Response, request: &CreateResponse) {
    if response.model.is_empty() {
        response.model.clone_from(&request.model);
    }
    if let Some(tools) = &request.tools {
        response.tools.clone_from(tools);
    }
    if let Some(choice) = &request.tool_choice {
        response.tool_choice.clone_from(choice);
    }
    response.parallel_tool_calls = request.parallel_tool_calls.unwrap_or(true);
    response.instructions = request.instructions.clone().map(Input::Text);
    response.reasoning = Some(reasoning(request));
    response.text = Some(text(request));
    response.metadata = Some(request.metadata.clone().unwrap_or_default());
    response.truncation = Some(request.truncation.clone().unwrap_or(Truncation::Disabled));
    response.top_logprobs = Some(request.top_logprobs.unwrap_or(0));
    response.background = Some(request.background.unwrap_or(false));
    response.store = Some(request.store.unwrap_or(false));
    response.temperature = request.temperature;
    response.top_p = request.top_p;
    response.max_output_tokens = request.max_output_tokens;
    response.max_tool_calls = request.max_tool_calls;
    macro_rules! repeat {
        ($($name:ident),* $(,)?) => {
            $(response.$name.clone_from(&request.$name);)*
        };
    }
    repeat!(
        previous_response_id,
        conversation,
        prompt,
        prompt_cache_key,
        prompt_cache_options,
        prompt_cache_retention,
        safety_identifier,
        user,
        image,
    );
    for name in NULLABLE {
        set_null(response, name);
    }
}

fn reasoning(request: &CreateResponse) -> Reasoning {
    let mut reasoning = request.reasoning.clone().unwrap_or_default();
    set_null(&mut reasoning, "effort");
    set_null(&mut reasoning, "summary");
    reasoning
}

fn text(request: &CreateResponse) -> TextConfig {
    let mut text = request.text.clone().unwrap_or_default();
    text.format
        .get_or_insert_with(|| PlainTextFormat::new().into());
    text
}

/// The keys that a response of the API has even if they have no value.
const NULLABLE: &[&str] = &[
    "error",
    "incomplete_details",
    "usage",
    "completed_at",
    "instructions",
    "previous_response_id",
    "temperature",
    "top_p",
    "max_output_tokens",
    "max_tool_calls",
    "service_tier",
    "prompt_cache_key",
    "safety_identifier",
    "user",
];
