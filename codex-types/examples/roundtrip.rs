//! Reads JSON into the public types and writes it back, line by line.
//!
//! Each line of standard input is an object `{"root": .., "json": ..}`, where `root` names a type
//! and `json` is the value. Each line of standard output is `{"known": .., "json": ..}` with the
//! value as written back, or `{"error": ..}`. `known` is false if the value is of a kind that this
//! version does not know. The exit status is not 0 if any line had an error.
//!
//! ```text
//! echo '{"root":"tool","json":{"type":"custom","name":"x"}}' | cargo run --example roundtrip
//! ```

use core::error::Error;
use std::io::{self, BufRead, Write};
use std::process::ExitCode;

use codex_types::{
    Annotation, ClientEvent, CompactRequest, Compaction, CreateConversation, CreateResponse,
    ErrorEvent, InputItem, InputPart, InputTokens, InputTokensRequest, ItemList, Map, OutputItem,
    OutputPart, RawJson, Response, ResponseEvent, StoredConversation, StoredItem, TextFormat, Tool,
    ToolChoice, ToolChoiceTarget, WebhookEvent,
};

fn main() -> ExitCode {
    let mut failed = false;
    let mut out = io::BufWriter::new(io::stdout().lock());
    for line in io::stdin().lock().lines() {
        let answer = line.map_err(Into::into).and_then(|line| answer(&line));
        let answer = answer.unwrap_or_else(|error| {
            failed = true;
            let _ = writeln!(io::stderr(), "{error}");
            format!("{{\"error\":{}}}", RawJson::string(&error.to_string()))
        });
        if writeln!(out, "{answer}").is_err() {
            return ExitCode::FAILURE;
        }
    }
    let written = out.flush().is_ok();
    ExitCode::from(u8::from(failed || !written))
}

fn answer(line: &str) -> Result<String, Box<dyn Error>> {
    let line: Map<RawJson> = RawJson::parse(line)?.decode()?;
    let root: String = line.get("root").ok_or("a line needs a root")?.decode()?;
    let json = line.get("json").ok_or("a line needs json")?;
    let (known, json) = roundtrip(&root, json)?;
    Ok(format!(
        "{{\"known\":{known},\"json\":{}}}",
        json.to_compact()
    ))
}

fn roundtrip(root: &str, json: &RawJson) -> Result<(bool, RawJson), Box<dyn Error>> {
    match root {
        "event" | "ws_event" => {
            let event = ResponseEvent::from_json(json.as_str())?;
            Ok((event.is_known(), RawJson::encode(&event)?))
        }
        "client_event" => through(json, ClientEvent::is_known),
        "input_item" => through(json, InputItem::is_known),
        "output_item" => through(json, OutputItem::is_known),
        "stored_item" => through(json, StoredItem::is_known),
        "input_part" => through(json, InputPart::is_known),
        "output_part" => through(json, OutputPart::is_known),
        "annotation" => through(json, Annotation::is_known),
        "tool" => through(json, Tool::is_known),
        "tool_choice" => through(json, |choice: &ToolChoice| match choice {
            ToolChoice::Mode(mode) => mode.is_listed(),
            ToolChoice::Target(target) => ToolChoiceTarget::is_known(target),
            _ => false,
        }),
        "text_format" => through(json, TextFormat::is_known),
        "request" => through(json, always::<CreateResponse>),
        "compact_request" => through(json, always::<CompactRequest>),
        "input_tokens_request" => through(json, always::<InputTokensRequest>),
        "response" => through(json, always::<Response>),
        "compaction" => through(json, always::<Compaction>),
        "conversation" => through(json, always::<StoredConversation>),
        "create_conversation" => through(json, always::<CreateConversation>),
        "webhook" => through(json, |event: &WebhookEvent| event.kind.is_listed()),
        "item_list" => through(json, always::<ItemList>),
        "input_tokens" => through(json, always::<InputTokens>),
        "error" => through(json, always::<ErrorEvent>),
        #[cfg(feature = "chat")]
        _ if root.starts_with("chat_") => chat(root, json),
        _ => Err(format!("unknown root {root:?}").into()),
    }
}

#[cfg(feature = "chat")]
fn chat(root: &str, json: &RawJson) -> Result<(bool, RawJson), Box<dyn Error>> {
    use codex_types::chat::{
        ChatChunk, ChatMessage, ChatPart, ChatRequest, ChatResponse, ChatTool,
    };

    match root {
        "chat_request" => through(json, always::<ChatRequest>),
        "chat_message" => through(json, |message: &ChatMessage| message.role.is_listed()),
        "chat_part" => through(json, ChatPart::is_known),
        "chat_tool" => through(json, ChatTool::is_known),
        "chat_response" => through(json, always::<ChatResponse>),
        "chat_chunk" => through(json, always::<ChatChunk>),
        _ => Err(format!("unknown root {root:?}").into()),
    }
}

/// Reads `json` as a `T` and writes it back.
fn through<T>(
    json: &RawJson,
    is_known: impl Fn(&T) -> bool,
) -> Result<(bool, RawJson), Box<dyn Error>>
where
    T: serde::de::DeserializeOwned + serde::Serialize,
{
    let value: T = json.decode()?;
    Ok((is_known(&value), RawJson::encode(&value)?))
}

/// An object that is not chosen by a tag is always known.
fn always<T>(_: &T) -> bool {
    true
}
