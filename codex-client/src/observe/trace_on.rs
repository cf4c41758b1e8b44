//! Spans for `tracing`, named by OpenTelemetry's semantic conventions for generative AI and for
//! HTTP; `tracing-opentelemetry` reads the `otel.*` fields. The span of an operation lasts from the
//! request to the end of its response. The span of an attempt lasts from sending to the response
//! headers, or over a socket to the first event. Nothing of a conversation and no credential
//! becomes a field.

use core::future::Future;
use core::time::Duration;

use codex_types::{ApiError, OutputItem, Response, Status};
use http::{Method, StatusCode, Uri};
use tracing::field::{Empty, debug, display};
use tracing::instrument::{Instrument as _, Instrumented};
use tracing::{Span, debug, debug_span, info_span, warn};

use crate::error::Error;
use crate::request::Prepared;

/// One operation of a model.
#[derive(Clone)]
pub(crate) struct Trace {
    span: Span,
}

impl Trace {
    /// Creates a trace without its own span; its events belong to the caller's span.
    pub(crate) fn none() -> Self {
        Self { span: Span::none() }
    }

    pub(crate) fn of_response(prepared: &Prepared) -> Self {
        let model = prepared.request.model.as_str();
        let span = info_span!(
            "chat",
            otel.name = %format_args!("chat {model}"),
            otel.kind = "client",
            otel.status_code = Empty,
            openai.api.type = "responses",
            gen_ai.operation.name = "chat",
            gen_ai.provider.name = "openai",
            gen_ai.request.model = model,
            gen_ai.request.stream = true,
            gen_ai.request.max_tokens = Empty,
            gen_ai.conversation.id = Empty,
            openai.request.service_tier = Empty,
            server.address = prepared.target.base.host(),
            server.port = port(&prepared.target.base),
            gen_ai.response.id = Empty,
            gen_ai.response.model = Empty,
            gen_ai.response.finish_reasons = Empty,
            gen_ai.response.time_to_first_chunk = Empty,
            openai.response.service_tier = Empty,
            gen_ai.usage.input_tokens = Empty,
            gen_ai.usage.output_tokens = Empty,
            gen_ai.usage.cache_read.input_tokens = Empty,
            gen_ai.usage.cache_creation.input_tokens = Empty,
            gen_ai.usage.reasoning.output_tokens = Empty,
            codex.usage.cached_ratio = Empty,
            error.type = Empty,
        );
        if !span.is_disabled() {
            if let Some(id) = &prepared.identity.thread_id {
                span.record("gen_ai.conversation.id", id.as_str());
            }
            if let Some(tokens) = prepared.request.max_output_tokens {
                span.record("gen_ai.request.max_tokens", count(tokens));
            }
            if let Some(tier) = &prepared.request.service_tier {
                span.record("openai.request.service_tier", tier.as_str());
            }
        }
        Self { span }
    }

    pub(crate) fn within<F: Future>(&self, future: F) -> Instrumented<F> {
        future.instrument(self.span.clone())
    }

    pub(crate) fn scope<T>(&self, poll: impl FnOnce() -> T) -> T {
        self.span.in_scope(poll)
    }

    pub(crate) fn first_event(&self, elapsed: Duration) {
        self.span
            .record("gen_ai.response.time_to_first_chunk", elapsed.as_secs_f64());
    }

    pub(crate) fn ended(&self, response: &Response) {
        let span = &self.span;
        if span.is_disabled() {
            return;
        }
        if let Some(id) = word(&response.id) {
            span.record("gen_ai.response.id", id);
        }
        if let Some(model) = word(&response.model) {
            span.record("gen_ai.response.model", model);
        }
        span.record(
            "gen_ai.response.finish_reasons",
            debug([finish_reason(response)]),
        );
        if let Some(tier) = &response.service_tier
            && let Some(tier) = word(tier.as_str())
        {
            span.record("openai.response.service_tier", tier);
        }
        if let Some(usage) = &response.usage {
            let (read, cached) = (usage.input_tokens, usage.cached_tokens());
            span.record("gen_ai.usage.input_tokens", count(read));
            span.record("gen_ai.usage.output_tokens", count(usage.output_tokens));
            span.record("gen_ai.usage.cache_read.input_tokens", count(cached));
            span.record(
                "gen_ai.usage.cache_creation.input_tokens",
                count(usage.input_tokens_details.cache_write_tokens),
            );
            span.record(
                "gen_ai.usage.reasoning.output_tokens",
                count(usage.reasoning_tokens()),
            );
            if let Some(ratio) = usage.cached_ratio() {
                span.record("codex.usage.cached_ratio", ratio);
            }
        }
    }

    pub(crate) fn again(&self, error: &Error, delay: Duration) {
        self.scope(|| {
            warn!(
                error.type = error_type(error),
                error.param = error.api().and_then(ApiError::shown_param),
                delay_seconds = delay.as_secs_f64(),
                "retrying request"
            );
        });
    }

    pub(crate) fn failed(&self, error: &Error) {
        failed(&self.span, error);
    }
}

/// One attempt at a response.
pub(crate) struct Attempt {
    span: Span,
}

impl Attempt {
    /// Starts an attempt over HTTP. `resends` is the number of attempts before it.
    pub(crate) fn over_http(method: &Method, target: &Uri, resends: u32) -> Self {
        Self {
            span: debug_span!(
                "attempt",
                otel.name = method.as_str(),
                otel.kind = "client",
                otel.status_code = Empty,
                http.request.method = method.as_str(),
                http.request.resend_count = i64::from(resends),
                http.response.status_code = Empty,
                network.protocol.name = "http",
                server.address = target.host(),
                server.port = port(target),
                error.type = Empty,
            ),
        }
    }

    #[cfg(feature = "sockets")]
    pub(crate) fn over_socket(target: &Uri) -> Self {
        Self {
            span: debug_span!(
                "attempt",
                otel.name = "GET",
                otel.kind = "client",
                otel.status_code = Empty,
                http.response.status_code = Empty,
                network.protocol.name = "websocket",
                server.address = target.host(),
                server.port = port(target),
                error.type = Empty,
            ),
        }
    }

    pub(crate) fn within<F: Future>(&self, future: F) -> Instrumented<F> {
        future.instrument(self.span.clone())
    }

    pub(crate) fn answered(&self, status: StatusCode) {
        let span = &self.span;
        span.record("http.response.status_code", i64::from(status.as_u16()));
        if status.is_client_error() || status.is_server_error() {
            span.record("otel.status_code", "ERROR");
            span.record("error.type", display(status.as_u16()));
        }
        span.in_scope(|| {
            debug!(
                http.response.status_code = i64::from(status.as_u16()),
                "received response headers"
            );
        });
    }

    pub(crate) fn failed(&self, error: &Error) {
        failed(&self.span, error);
        self.span.in_scope(|| {
            debug!(error.type = error_type(error), "attempt failed");
        });
    }
}

fn failed(span: &Span, error: &Error) {
    if !span.is_disabled() {
        span.record("otel.status_code", "ERROR");
        span.record("error.type", error_type(error));
    }
}

/// Returns the server's code, else the status, else the kind of the error.
fn error_type(error: &Error) -> String {
    let status = error.status().map(|status| status.as_str().to_owned());
    let code = error.code().map(str::to_owned).or(status);
    code.unwrap_or_else(|| error.kind().word().to_owned())
}

fn finish_reason(response: &Response) -> &str {
    let cut = response
        .incomplete_details
        .as_ref()
        .and_then(|details| details.reason.as_ref());
    let calls = |item: &OutputItem| {
        matches!(
            item,
            OutputItem::FunctionCall(_) | OutputItem::CustomToolCall(_)
        )
    };
    match (&response.status, cut.map(|reason| reason.as_str())) {
        (Status::Completed, _) if response.output.iter().any(calls) => "tool_calls",
        (Status::Completed, _) => "stop",
        (_, Some("max_output_tokens")) => "length",
        (_, Some("content_filter")) => "content_filter",
        (Status::Incomplete, _) => "incomplete",
        (Status::Cancelled, _) => "cancelled",
        _ => "error",
    }
}

/// Returns a name from the server, if it is a single word and not free text.
fn word(text: &str) -> Option<&str> {
    let is_plain =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b':');
    (!text.is_empty() && text.len() <= 128 && text.bytes().all(is_plain)).then_some(text)
}

fn port(target: &Uri) -> Option<i64> {
    target
        .port_u16()
        .map(i64::from)
        .or_else(|| match target.scheme_str() {
            Some("https" | "wss") => Some(443),
            Some("http" | "ws") => Some(80),
            _ => None,
        })
}

/// Returns a number as OpenTelemetry has them: its attributes have no unsigned integers, and
/// `tracing-opentelemetry` exports those as text.
fn count(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
