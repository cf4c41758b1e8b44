//! A request for a response, prepared once and sent any number of times. It leaves out everything
//! that may differ between two attempts (credentials, the time).

use std::borrow::Cow;
use std::sync::OnceLock;

use bytes::Bytes;
use codex_transport::Timeouts;
use codex_types::lint::{Edit, Finding, Linter, Pairing, apply};
use codex_types::profile::{
    Channel, Compression, FitPolicy, Identity, ItemFindings, Profile, RequestForm, Streamed, Unfit,
};
use codex_types::{Boxed, CreateResponse, Input, Map, RawJson, Streaming};
use http::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, Uri};

use crate::error::Error;
use crate::id;
use crate::lock::lock;
use crate::options::CallOptions;
use crate::shared::{NAME, Shared, VERSION};
use crate::target::Target;
use crate::wire::{self, Wire};

/// A request fitted to its backend, with the headers and settings to send it.
#[derive(Clone)]
pub(crate) struct Prepared {
    pub(crate) target: Target,
    /// The request, fitted to the profile and the channel.
    pub(crate) request: Boxed<CreateResponse>,
    /// The API that the request is written for.
    pub(crate) wire: Wire,
    /// Whether a parameter of the call overrides the field `stream` of the body.
    decides_stream: bool,
    pub(crate) identity: Identity,
    /// Headers of the client and of the call, which take precedence over those of the profile.
    headers: HeaderMap,
    pub(crate) timeouts: Timeouts,
    pub(crate) streaming: Streaming,
    /// The diagnostics of the request: changes made to it, and problems reported without a change.
    pub(crate) findings: Findings,
}

/// The diagnostics of a request: changes made to it, and problems reported without a change.
///
/// The full list is built only when a caller requests it, because the diagnostics of a conversation
/// may be as long as the conversation.
#[derive(Clone, Default)]
pub(crate) struct Findings {
    stripped: Vec<Finding>,
    warned: Vec<Finding>,
    of_items: ItemFindings,
    all: OnceLock<Vec<Finding>>,
}

impl Findings {
    /// Adds changes that were made to the request before it was fitted.
    pub(crate) fn add(&mut self, findings: Vec<Finding>) {
        self.stripped.splice(0..0, findings);
        self.all.take();
    }

    pub(crate) fn all(&self) -> &[Finding] {
        self.all.get_or_init(|| {
            let stripped = self.stripped.iter().chain(self.of_items.stripped());
            let warned = self.warned.iter().chain(self.of_items.warned());
            stripped.chain(warned).cloned().collect()
        })
    }
}

impl Prepared {
    /// Prepares a request for this channel.
    pub(crate) async fn new(
        shared: &Shared,
        request: &CreateResponse,
        options: &CallOptions,
        channel: Channel,
        streaming: Streaming,
    ) -> Result<Self, Error> {
        let target = shared.target().await?;
        let profile = &*target.profile;
        if streaming == Streaming::No && profile.streamed == Streamed::Always {
            return Err(Error::request(STREAMS));
        }
        let mut identity = identity(shared, profile, options);
        identity.model.get_or_insert_with(|| request.model.clone());
        let tier = request.service_tier.as_ref();
        identity.service_tier = identity
            .service_tier
            .or_else(|| tier.map(|tier| tier.as_str().to_owned()));
        if identity.turn_state.is_none() {
            let received = options.turn_state.as_ref().and_then(|cell| cell.get());
            identity.turn_state = received.cloned();
        }
        let mut request = Cow::Borrowed(request);
        let mut repaired = Vec::new();
        if let Some(history) = &options.history {
            let fixed = history.repair(&history_linter(&target), &request);
            if let Some(fixed) = fixed.map_err(unwritable)? {
                request.to_mut().input = Some(Input::Prepared(fixed.input));
                repaired = fixed.findings;
            }
        }
        let request = &*request;
        let policy = policy(shared, profile, options, &request.model, channel);
        let fitted = profile.fit(request, &policy).map_err(unfit)?;
        let mut request = fitted.request;
        identity.responses_lite = fitted.form == RequestForm::Lite;
        if request.prompt_cache_key.is_none() {
            let source = profile.prompt_cache_key.as_ref();
            request.prompt_cache_key =
                source.and_then(|source| Some(identity.resolve(source)?.into_owned()));
        }
        // A single request is a conversation as well. Its id helps no cache, so the key above does
        // not use it.
        if identity.session_id.is_none() && identity.thread_id.is_none() {
            let id = id::new();
            identity.session_id = Some(id.clone());
            identity.thread_id = Some(id);
        }
        for (name, value) in profile.client_metadata_for(&identity) {
            let metadata = request.client_metadata.get_or_insert_with(Map::new);
            if metadata.get(name).is_none() {
                metadata.insert(name, value.into_owned());
            }
        }
        let parameters = &options.parameters;
        let mut warned = fitted.warned;
        let mut wire = Wire::Responses;
        if channel == Channel::Http && shared.speaks_chat(&target) {
            let (chat, findings) = wire::to_chat(&request, profile, &policy, streaming)?;
            wire = chat.with_parameters(parameters)?;
            warned.extend(findings);
            if profile.wire == codex_types::profile::Wire::Discover {
                warned.push(Finding::chat_server());
            }
        }
        let findings = Findings {
            stripped: [repaired, fitted.stripped].concat(),
            warned,
            of_items: fitted.of_items,
            all: OnceLock::new(),
        };
        let request = with_own_parameters(request, parameters)?;
        if let Some(sent) = &options.sent {
            *lock(sent) = Some(request.clone());
        }
        Ok(Self {
            target,
            request: request.into(),
            wire,
            decides_stream: parameters.iter().any(|(name, _)| name == "stream"),
            identity,
            headers: own_headers(shared, options)?,
            timeouts: timeouts(shared, options, streaming),
            streaming,
            findings,
        })
    }

    /// Returns whether sending the request twice would have a second effect: a conversation stored
    /// by the server adds the input each time.
    pub(crate) fn must_not_repeat(&self) -> bool {
        self.request.conversation.is_some()
    }

    /// Returns the URL of the request over HTTP.
    pub(crate) fn url(&self) -> Result<Uri, Error> {
        self.target.url(self.wire.path())
    }

    /// Returns all headers except credentials and those of HTTP itself.
    pub(crate) fn headers(&self, channel: Channel) -> Result<HeaderMap, Error> {
        headers(&self.target, &self.identity, channel, &self.headers)
    }

    /// Serializes the request; leaves `stream` out if the channel decides it.
    fn body_json(&self) -> Result<String, Error> {
        if let Some(body) = self.wire.body() {
            return Ok(body.as_str().to_owned());
        }
        if self.decides_stream {
            let body = RawJson::encode(&self.request).map_err(unwritable)?;
            return Ok(body.as_str().to_owned());
        }
        self.request.to_json(self.streaming).map_err(unwritable)
    }

    /// Creates the request over HTTP, compressed once for all attempts.
    pub(crate) fn post(&self) -> Result<Request<Bytes>, Error> {
        let mut request = Request::new(self.body_json()?.into());
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.url()?;
        *request.headers_mut() = self.headers(Channel::Http)?;
        let headers = request.headers_mut();
        let accepted = match self.streaming {
            Streaming::Yes => EVENT_STREAM,
            Streaming::No => JSON,
        };
        headers.insert(ACCEPT, accepted);
        headers.insert(CONTENT_TYPE, JSON);
        request.extensions_mut().insert(self.timeouts);
        compressed(request, self.target.profile.compression)
    }
}

/// Creates the linter for the history of a conversation. A backend rejects the whole request for a
/// call without an output, an output without a call, or reasoning without a following item.
pub(crate) fn history_linter(target: &Target) -> Linter {
    Linter::new((*target.profile).clone()).pairing(Pairing::Answer)
}

/// Returns the policy for fitting a request, with the form of the request.
pub(crate) fn policy(
    shared: &Shared,
    profile: &Profile,
    options: &CallOptions,
    model: &str,
    channel: Channel,
) -> FitPolicy {
    let policy = options.fit.as_ref().unwrap_or(&shared.fit);
    let form = options.form.or(policy.form);
    let form = form.unwrap_or_else(|| shared.form_for(profile, model));
    let takes = policy.cache_breakpoints;
    let takes = takes.or_else(|| shared.takes_breakpoints(model));
    policy
        .clone()
        .channel(channel)
        .form(form)
        .cache_breakpoints(takes)
}

/// Returns the timeouts of a request. The headers of a response that is not streamed arrive when it
/// is complete.
fn timeouts(shared: &Shared, options: &CallOptions, streaming: Streaming) -> Timeouts {
    let mut default = shared.timeouts;
    if streaming == Streaming::No {
        default.headers = default.headers.max(Timeouts::unary().headers);
    }
    options.timeouts_or(default)
}

/// Returns the identity of the sender, with the client's own names if the call sets none.
pub(crate) fn identity(shared: &Shared, profile: &Profile, options: &CallOptions) -> Identity {
    let mut identity = options.identity.clone();
    let own = &shared.identity;
    for (field, known) in [
        (&mut identity.originator, &own.originator),
        (&mut identity.user_agent, &own.user_agent),
        (&mut identity.client_version, &own.client_version),
    ] {
        if field.is_none() {
            field.clone_from(known);
        }
    }
    identity
        .user_agent
        .get_or_insert_with(|| profile.user_agent(NAME, VERSION));
    identity
}

/// Returns the headers that the caller set; those of the call take precedence over those of the
/// client.
pub(crate) fn own_headers(shared: &Shared, options: &CallOptions) -> Result<HeaderMap, Error> {
    let mut headers = shared.headers.clone();
    for (name, value) in &options.headers {
        let (name, value) = header(name, value)?;
        headers.insert(name, value);
    }
    Ok(headers)
}

/// Returns the headers of the profile, overridden by the caller's own.
pub(crate) fn headers(
    target: &Target,
    identity: &Identity,
    channel: Channel,
    own: &HeaderMap,
) -> Result<HeaderMap, Error> {
    let mut headers = HeaderMap::new();
    for (name, value) in target.profile.headers_for(channel, identity) {
        let (name, value) = header(name, &value)?;
        headers.insert(name, value);
    }
    headers.extend(own.clone());
    Ok(headers)
}

pub(crate) fn header(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), Error> {
    let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| Error::request(HEADER))?;
    let value = HeaderValue::from_str(value).map_err(|_| Error::request(HEADER))?;
    Ok((name, value))
}

/// Replaces parameters of a body.
pub(crate) fn with_parameters(
    body: String,
    parameters: &[(String, RawJson)],
) -> Result<String, Error> {
    if parameters.is_empty() {
        return Ok(body);
    }
    let body = RawJson::parse(&body).map_err(unwritable)?;
    let body = apply(&body, &edits(parameters)).map_err(unwritable)?;
    Ok(body.as_str().to_owned())
}

/// Replaces parameters of a request, without reading its input.
fn with_own_parameters(
    mut request: CreateResponse,
    parameters: &[(String, RawJson)],
) -> Result<CreateResponse, Error> {
    if parameters.is_empty() {
        return Ok(request);
    }
    let input = request.input.take();
    let settings = RawJson::encode(&request).map_err(unwritable)?;
    let settings = apply(&settings, &edits(parameters)).map_err(unwritable)?;
    let mut request: CreateResponse = settings.decode().map_err(unwritable)?;
    if parameters.iter().all(|(name, _)| name != "input") {
        request.input = input;
    }
    Ok(request)
}

impl Wire {
    /// Applies the parameters of the call, which take precedence over everything.
    pub(crate) fn with_parameters(self, parameters: &[(String, RawJson)]) -> Result<Self, Error> {
        self.map_body(|body| {
            if parameters.is_empty() {
                return Ok(body);
            }
            apply(&body, &edits(parameters)).map_err(unwritable)
        })
    }
}

fn edits(parameters: &[(String, RawJson)]) -> Vec<Edit> {
    let replaced = |(name, value): &(String, RawJson)| Edit::Replace(pointer(name), value.clone());
    parameters.iter().map(replaced).collect()
}

/// Returns the JSON pointer to a member (RFC 6901 section 3).
fn pointer(name: &str) -> String {
    format!("/{}", name.replace('~', "~0").replace('/', "~1"))
}

/// Compresses the body, unless the caller has set a content coding.
#[cfg(feature = "zstd")]
fn compressed(
    request: Request<Bytes>,
    compression: Option<Compression>,
) -> Result<Request<Bytes>, Error> {
    match compression {
        Some(Compression::Zstd { level })
            if !request
                .headers()
                .contains_key(http::header::CONTENT_ENCODING) =>
        {
            codex_transport::compress_zstd_at(request, level).map_err(crate::failure::transport)
        }
        _ => Ok(request),
    }
}

/// Leaves the request uncompressed: backends that prefer compressed bodies accept both.
#[cfg(not(feature = "zstd"))]
fn compressed(request: Request<Bytes>, _: Option<Compression>) -> Result<Request<Bytes>, Error> {
    Ok(request)
}

pub(crate) fn unfit(error: Unfit) -> Error {
    Error::request(UNFIT).with_source(error)
}

pub(crate) fn unwritable(error: codex_types::DecodeError) -> Error {
    Error::request("request cannot be serialized as JSON").with_source(error)
}

pub(crate) const JSON: HeaderValue = HeaderValue::from_static("application/json");
pub(crate) const EVENT_STREAM: HeaderValue = HeaderValue::from_static("text/event-stream");
const HEADER: &str = "invalid header name or value";
const STREAMS: &str = "backend supports only streamed responses";
const UNFIT: &str = "request does not fit the backend";
