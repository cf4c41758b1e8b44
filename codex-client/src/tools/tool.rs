//! A function behind a type without parameters, and a call from the model's output to its result.

use core::error::Error as _;
use core::fmt;
use core::future::Future;
use core::marker::PhantomData;
use core::pin::Pin;
use std::sync::Arc;

use codex_types::{
    ArgumentsError, CallFault, ClientCallKind, CustomToolCallOutput, FunctionCallOutput, InputItem,
    Map, OutputItem, RawJson, Response, ToolOutput,
};
use serde::de::DeserializeOwned;

/// A call of a function, as the model wrote it.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ToolCall {
    /// The id that pairs the call with its output.
    pub call_id: String,
    /// The name of the function.
    pub name: String,
    /// The namespace of the function.
    pub namespace: Option<String>,
    /// The arguments: JSON, or free text if the function takes that.
    pub arguments: String,
    /// The id of the response that contains the call.
    pub response_id: String,
    /// The id of the turn of the [`Session`](crate::Session) that the call belongs to; empty for
    /// [`Tools::answer`](crate::Tools::answer).
    pub turn_id: String,
    /// The position among the calls of the response.
    index: usize,
    kind: Kind,
    fault: Option<CallFault>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Function,
    Text,
}

impl ToolCall {
    /// Returns the calls of a response, in order.
    pub(super) fn all(response: &Response, turn_id: &str) -> impl Iterator<Item = Self> {
        let calls = response.output.iter().filter_map(move |item| {
            let call = item.client_call()?;
            let kind = match call.kind() {
                ClientCallKind::Function => Kind::Function,
                ClientCallKind::Custom => Kind::Text,
                _ => return None,
            };
            let namespace = match item {
                OutputItem::FunctionCall(call) => call.namespace.clone(),
                OutputItem::CustomToolCall(call) => call.namespace.clone(),
                _ => None,
            };
            Some(Self {
                call_id: call.call_id().unwrap_or_default().to_owned(),
                name: call.name().unwrap_or_default().to_owned(),
                namespace,
                arguments: call.input().to_owned(),
                response_id: response.id.clone(),
                turn_id: turn_id.to_owned(),
                index: 0,
                kind,
                fault: call.check().err(),
            })
        });
        calls
            .enumerate()
            .map(|(index, call)| Self { index, ..call })
    }

    /// Returns a key that no other call has, for services that perform an operation only once for
    /// each key.
    ///
    /// A `call_id` alone is not enough: some servers reuse it in the next response.
    #[must_use]
    pub fn idempotency_key(&self) -> String {
        let Self {
            turn_id,
            response_id,
            index,
            call_id,
            ..
        } = self;
        format!("{turn_id}/{response_id}/{index}/{call_id}")
    }

    /// Returns whether the function takes free text.
    #[must_use]
    pub fn is_text(&self) -> bool {
        self.kind == Kind::Text
    }

    /// Returns whether the call is for this function. Some backends put functions without a
    /// namespace into one named `functions`.
    pub(super) fn is_of(&self, name: &str) -> bool {
        self.name == name && matches!(self.namespace.as_deref(), None | Some("functions"))
    }

    /// Returns why the call must not run.
    pub(super) fn fault(&self) -> Option<CallFault> {
        self.fault
    }

    pub(super) fn output(&self, output: ToolOutput) -> InputItem {
        let call_id = self.call_id.as_str();
        match self.kind {
            Kind::Function => FunctionCallOutput::new(output).call_id(call_id).into(),
            Kind::Text => CustomToolCallOutput::new(call_id, output).into(),
        }
    }
}

impl fmt::Debug for ToolCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Leave out the arguments: they belong to the conversation.
        f.debug_struct("ToolCall")
            .field("call_id", &self.call_id)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// A decision on whether a call may run.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Approval {
    /// The call may run.
    Allow,
    /// The call must not run; the model receives this reason.
    Deny(String),
}

/// A function with its arguments that has not started.
pub(super) type Running = Pin<Box<dyn Future<Output = ToolOutput> + Send>>;

/// A function with its types erased.
pub(super) trait Callable: Send + Sync {
    fn takes_text(&self) -> bool;

    /// Parses the arguments, or returns an error message for the model.
    fn prepare(&self, call: &ToolCall) -> Result<Running, String>;
}

/// A function with typed arguments.
pub(super) struct Function<F, A> {
    function: Arc<F>,
    arguments: PhantomData<fn(A)>,
}

impl<F, A> Function<F, A> {
    pub(super) fn new(function: F) -> Self {
        Self {
            function: Arc::new(function),
            arguments: PhantomData,
        }
    }
}

impl<F, A, R> Callable for Function<F, A>
where
    A: DeserializeOwned + Send + 'static,
    F: Fn(A, ToolCall) -> R + Send + Sync + 'static,
    R: Future<Output = ToolOutput> + Send + 'static,
{
    fn takes_text(&self) -> bool {
        false
    }

    fn prepare(&self, call: &ToolCall) -> Result<Running, String> {
        let arguments: A = arguments(&call.arguments)?;
        let (function, call) = (self.function.clone(), call.clone());
        // The call is inside the future, so that the same handler catches a panic of the function
        // itself.
        Ok(Box::pin(async move { function(arguments, call).await }))
    }
}

/// A function that takes text.
pub(super) struct TextFunction<F> {
    function: Arc<F>,
}

impl<F> TextFunction<F> {
    pub(super) fn new(function: F) -> Self {
        Self {
            function: Arc::new(function),
        }
    }
}

impl<F, R, O, E> Callable for TextFunction<F>
where
    F: Fn(String) -> R + Send + Sync + 'static,
    R: Future<Output = Result<O, E>> + Send + 'static,
    O: Into<ToolOutput>,
    E: fmt::Display,
{
    fn takes_text(&self) -> bool {
        true
    }

    fn prepare(&self, call: &ToolCall) -> Result<Running, String> {
        let (function, text) = (self.function.clone(), call.arguments.clone());
        Ok(Box::pin(async move { output(function(text).await) }))
    }
}

/// Parses arguments. A strict schema requires every key, and allows null for those that a type does
/// not need. A field with a default value rejects null, so null then counts as absent.
fn arguments<A: DeserializeOwned>(json: &str) -> Result<A, String> {
    let error = match ArgumentsError::decode(json) {
        Ok(arguments) => return Ok(arguments),
        Err(error) => error,
    };
    let without_nulls = json.parse().ok().and_then(|json| without_nulls(&json));
    if let Some(arguments) = without_nulls.and_then(|json| json.decode().ok()) {
        return Ok(arguments);
    }
    Err(match error.source() {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    })
}

/// Returns the object without the keys whose value is null, at every depth.
fn without_nulls(json: &RawJson) -> Option<RawJson> {
    if let Ok(items) = json.decode::<Vec<RawJson>>() {
        let items: Vec<RawJson> = items
            .into_iter()
            .map(|item| without_nulls(&item).unwrap_or(item))
            .collect();
        return RawJson::encode(&items).ok();
    }
    let members: Map<RawJson> = json.decode().ok()?;
    let mut kept: Map<RawJson> = Map::new();
    for (name, value) in members.iter().filter(|(_, value)| !value.is_null()) {
        kept.insert(name, without_nulls(value).unwrap_or_else(|| value.clone()));
    }
    RawJson::encode(&kept).ok()
}

pub(super) fn output<O: Into<ToolOutput>, E: fmt::Display>(result: Result<O, E>) -> ToolOutput {
    match result {
        Ok(output) => output.into(),
        Err(error) => error.to_string().into(),
    }
}

/// Converts the result of a function to an output: text and parts as they are, everything else as
/// JSON.
#[cfg(feature = "schemars")]
pub(super) fn serialized<T: serde::Serialize + 'static>(value: &T) -> Result<ToolOutput, String> {
    let any: &dyn core::any::Any = value;
    if let Some(output) = any.downcast_ref::<ToolOutput>() {
        return Ok(output.clone());
    }
    if let Some(parts) = any.downcast_ref::<Vec<codex_types::InputPart>>() {
        return Ok(parts.clone().into());
    }
    let json = RawJson::encode(value).map_err(|error| error.to_string())?;
    let text = json.decode::<String>();
    Ok(text.unwrap_or_else(|_| json.as_str().to_owned()).into())
}

/// An approval function with its type erased.
pub(super) trait Approve: Send + Sync {
    fn decide(&self, call: ToolCall) -> Pin<Box<dyn Future<Output = Approval> + Send>>;
}

impl<F, R> Approve for F
where
    F: Fn(ToolCall) -> R + Send + Sync,
    R: Future<Output = Approval> + Send + 'static,
{
    fn decide(&self, call: ToolCall) -> Pin<Box<dyn Future<Output = Approval> + Send>> {
        Box::pin(self(call))
    }
}
