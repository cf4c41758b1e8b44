//! Scripts as JSON texts, which can be stored in a file.

use core::time::Duration;

use serde_json::Value;

use crate::error::Error;
use crate::testing::answer::{Answer, Cut, LineEnd};
use crate::testing::script::Script;
use crate::testing::shape::ChunkShape;
use crate::testing::turn::Turn;

impl Script {
    /// Parses a script from a JSON text:
    /// `{"routes": [{"method", "path", "answers": [..]}], "answers": [..]}`.
    ///
    /// An answer is
    /// `{"status", "headers", "before_head", "steps", "shape", "line_end", "pace_ms", "times"}`,
    /// all of them optional. A step is an object with one member: `event` (an object), `events`,
    /// `turn`
    /// (`{"id", "model", "items": [{"type": "message", "text"}, ..], "incomplete" or "failed"}`),
    /// `body`, `comment`, `pause_ms`, `stall`, `receive`, `close` (a code), `cut` (`close`,
    /// `reset`, `stall` or `stream`), or `cut_after` (`{"bytes", "cut"}`). A shape is `whole`,
    /// `event`, `line`, `byte`, `{"bytes": n}` or `{"random": {"seed", "max"}}`; `times` is a
    /// number or `forever`.
    ///
    /// ```
    /// use codex_transport::testing::Script;
    ///
    /// let script = Script::from_json(r#"{"answers": [
    ///     {"status": 429, "headers": {"retry-after": "1"}, "times": 2},
    ///     {"headers": {"content-type": "text/event-stream"}, "shape": "byte",
    ///      "steps": [{"turn": {"items": [{"type": "message", "text": "hello"}]}}]}
    /// ]}"#).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// Returns [`Configuration`](crate::ErrorKind::Configuration) with the position of the mistake
    /// as its source.
    pub fn from_json(text: &str) -> Result<Self, Error> {
        script(text)
    }
}

fn script(text: &str) -> Result<Script, Error> {
    let value: Value = serde_json::from_str(text).map_err(Error::configuration)?;
    let mut script = Script::new();
    for route in list(&value, "routes")? {
        let method = route
            .get("method")
            .and_then(Value::as_str)
            .unwrap_or("POST");
        let path = route
            .get("path")
            .and_then(Value::as_str)
            .ok_or_else(|| Error::configuration("route without a path"))?;
        for answer in list(route, "answers")? {
            script = script.route(method, path, self::answer(answer)?);
        }
    }
    for answer in list(&value, "answers")? {
        script = script.answer(self::answer(answer)?);
    }
    Ok(script)
}

fn answer(value: &Value) -> Result<Answer, Error> {
    let status = match value.get("status") {
        None => 200,
        Some(status) => status
            .as_u64()
            .and_then(|status| u16::try_from(status).ok())
            .filter(|status| (100..=999).contains(status))
            .ok_or_else(|| Error::configuration("status must be a number from 100 to 999"))?,
    };
    let mut answer = Answer::status(status);
    for (name, text) in value
        .get("headers")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        let valid = http::HeaderName::try_from(name).is_ok();
        let text = text
            .as_str()
            .filter(|text| valid && http::HeaderValue::try_from(*text).is_ok());
        answer = answer.header(
            name,
            text.ok_or_else(|| Error::configuration(format!("invalid header {name}")))?,
        );
    }
    for delay in list(value, "before_head")? {
        answer = step(answer, delay)?;
    }
    if value.get("before_head").is_some() {
        answer = answer.then_head();
    }
    for next in list(value, "steps")? {
        answer = step(answer, next)?;
    }
    if let Some(shape) = value.get("shape") {
        answer = answer.shape(self::shape(shape)?);
    }
    match value.get("line_end").map(Value::as_str) {
        None | Some(Some("lf")) => {}
        Some(Some("cr")) => answer = answer.line_end(LineEnd::Cr),
        Some(Some("crlf")) => answer = answer.line_end(LineEnd::CrLf),
        Some(_) => return Err(Error::configuration("line_end must be lf, cr or crlf")),
    }
    if let Some(pace) = value.get("pace_ms") {
        answer = answer.pace(milliseconds(pace)?);
    }
    match value.get("times") {
        None => {}
        Some(Value::String(text)) if text == "forever" => answer = answer.forever(),
        Some(times) => {
            let times = times.as_u64().and_then(|times| usize::try_from(times).ok());
            answer = answer
                .times(times.ok_or_else(|| {
                    Error::configuration("times must be a number or \"forever\"")
                })?);
        }
    }
    Ok(answer)
}

fn step(answer: Answer, value: &Value) -> Result<Answer, Error> {
    let object = value.as_object().filter(|object| object.len() == 1);
    let Some((name, value)) = object.and_then(|object| object.iter().next()) else {
        return Err(Error::configuration(
            "step must be an object with one member",
        ));
    };
    let text = || {
        value
            .as_str()
            .map(str::to_owned)
            .ok_or_else(|| Error::configuration(format!("{name} must be a string")))
    };
    Ok(match name.as_str() {
        "event" => answer.event(value.to_string()),
        "events" => {
            let events = value
                .as_array()
                .ok_or_else(|| Error::configuration("events must be a list"))?;
            answer.events(events.iter().map(ToString::to_string))
        }
        "turn" => answer.events(turn(value)?.events()),
        "body" => answer.body(text()?),
        "comment" => answer.comment(&text()?),
        "pause_ms" => answer.pause(milliseconds(value)?),
        "stall" => answer.stall(),
        "receive" => answer.receive(),
        "close" => {
            let code = value.as_u64().and_then(|code| u16::try_from(code).ok());
            answer.close(code.ok_or_else(|| Error::configuration("close must be a close code"))?)
        }
        "cut" => answer.cut(cut(value)?),
        "cut_after" => {
            let bytes = value
                .get("bytes")
                .and_then(Value::as_u64)
                .ok_or_else(|| Error::configuration("cut_after requires bytes"))?;
            answer.cut_after(bytes, cut(value.get("cut").unwrap_or(&Value::Null))?)
        }
        _ => return Err(Error::configuration(format!("unknown step {name}"))),
    })
}

fn turn(value: &Value) -> Result<Turn, Error> {
    let mut turn = Turn::new(value.get("id").and_then(Value::as_str).unwrap_or("resp_1"));
    if let Some(model) = value.get("model").and_then(Value::as_str) {
        turn = turn.model(model);
    }
    for item in list(value, "items")? {
        let text = |name: &str| item.get(name).and_then(Value::as_str).unwrap_or_default();
        turn = match text("type") {
            "reasoning" => turn.reasoning(text("summary")),
            "message" => turn.message(text("text")),
            "function_call" => turn.function_call(text("name"), text("arguments")),
            "custom_tool_call" => turn.custom_tool_call(text("name"), text("input")),
            other => return Err(Error::configuration(format!("unknown item {other}"))),
        };
    }
    let member = |object: &Value, name: &str| {
        object
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    if let Some(reason) = value.get("incomplete").and_then(Value::as_str) {
        turn = turn.incomplete(reason);
    }
    if let Some(failed) = value.get("failed") {
        turn = turn.failed(member(failed, "code"), member(failed, "message"));
    }
    Ok(turn)
}

fn shape(value: &Value) -> Result<ChunkShape, Error> {
    let number = |value: &Value| {
        value
            .as_u64()
            .and_then(|number| usize::try_from(number).ok())
    };
    match (
        value.as_str(),
        value.get("bytes").and_then(number),
        value.get("random"),
    ) {
        (Some("whole"), ..) => Ok(ChunkShape::Whole),
        (Some("event"), ..) => Ok(ChunkShape::Event),
        (Some("line"), ..) => Ok(ChunkShape::Line),
        (Some("byte"), ..) => Ok(ChunkShape::Bytes(1)),
        (_, Some(bytes), _) => Ok(ChunkShape::Bytes(bytes)),
        (.., Some(random)) => Ok(ChunkShape::Random {
            seed: random
                .get("seed")
                .and_then(Value::as_u64)
                .unwrap_or_default(),
            max: random.get("max").and_then(number).unwrap_or(1024),
        }),
        _ => Err(Error::configuration("unknown shape")),
    }
}

fn cut(value: &Value) -> Result<Cut, Error> {
    match value.as_str() {
        Some("close") => Ok(Cut::Close),
        Some("reset") => Ok(Cut::Reset),
        Some("stall") => Ok(Cut::Stall),
        Some("stream") => Ok(Cut::Stream),
        _ => Err(Error::configuration(
            "cut must be close, reset, stall or stream",
        )),
    }
}

fn milliseconds(value: &Value) -> Result<Duration, Error> {
    value
        .as_u64()
        .map(Duration::from_millis)
        .ok_or_else(|| Error::configuration("period must be a whole number of milliseconds"))
}

fn list<'a>(value: &'a Value, name: &str) -> Result<&'a [Value], Error> {
    match value.get(name) {
        None => Ok(&[]),
        Some(list) => list
            .as_array()
            .map(Vec::as_slice)
            .ok_or_else(|| Error::configuration(format!("{name} must be a list"))),
    }
}
