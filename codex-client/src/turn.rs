// One request for a response, made ready once and sent as often as it takes: what every transport needs and none decides. Everything that
// could differ between two attempts (credentials, the clock) stays out of it.

use bytes::Bytes;
use codex_transport::Timeouts;
use codex_types::lint::{Edit, Finding, apply};
use codex_types::profile::{Channel, Identity};
use codex_types::{CreateResponse, Map, RawJson, Streaming};
use http::header::{HeaderMap, HeaderName, HeaderValue};

use crate::client::Client;
use crate::error::Error;
use crate::options::CallOptions;
use crate::target::Target;

/// A request that fits its backend, with everything a transport sends beside it.
#[derive(Clone)]
pub(crate) struct Turn {
    pub(crate) target: Target,
    /// The request as it fits the profile over the channel it was made for.
    pub(crate) request: CreateResponse,
    /// Parameters of the body that go out as they are; see [`CallOptions::parameter`].
    parameters: Vec<(String, RawJson)>,
    pub(crate) identity: Identity,
    /// Headers of the client and of the call, which go before those of the profile.
    headers: HeaderMap,
    pub(crate) timeouts: Timeouts,
    /// What was changed in the request, or found and left.
    pub(crate) findings: Vec<Finding>,
}

impl Turn {
    /// All headers but credentials and those of HTTP itself.
    pub(crate) fn headers(&self, channel: Channel) -> Result<HeaderMap, Error> {
        headers(&self.target, &self.identity, channel, &self.headers)
    }

    /// The body of `POST responses`.
    pub(crate) fn body(&self) -> Result<Bytes, Error> {
        self.body_json(Streaming::Yes).map(Bytes::from)
    }

    /// The request as JSON; without `stream` in it if that is for somebody else to say.
    pub(crate) fn body_json(&self, streaming: Streaming) -> Result<String, Error> {
        let body = self.request.to_json(streaming).map_err(unwritable)?;
        with_parameters(body, &self.parameters)
    }
}

impl Client {
    /// Makes a request ready to be sent over this channel.
    pub(crate) async fn turn(
        &self,
        request: &CreateResponse,
        options: &CallOptions,
        channel: Channel,
    ) -> Result<Turn, Error> {
        let target = self.target().await?;
        let mut identity = self.identity(&options.identity, Some(request));
        if identity.turn_state.is_none() {
            let told = options.turn_state.as_ref().and_then(|cell| cell.get());
            identity.turn_state = told.cloned();
        }
        let policy = options.fit.as_ref().unwrap_or_else(|| &self.inner().fit);
        let policy = policy.clone().channel(channel);
        let fitted = target
            .profile
            .fit(request, &policy)
            .map_err(|unfit| Error::request(UNFIT).with_source(unfit))?;
        let mut request = fitted.request;
        if request.prompt_cache_key.is_none() {
            let source = target.profile.prompt_cache_key.as_ref();
            request.prompt_cache_key =
                source.and_then(|source| Some(identity.resolve(source)?.into_owned()));
        }
        for (name, value) in target.profile.client_metadata_for(&identity) {
            let metadata = request.client_metadata.get_or_insert_with(Map::new);
            if metadata.get(name).is_none() {
                metadata.insert(name, value.into_owned());
            }
        }
        let mut findings = fitted.stripped;
        findings.extend(fitted.of_items.stripped().cloned());
        findings.extend(fitted.warned);
        findings.extend(fitted.of_items.warned().cloned());
        Ok(Turn {
            target,
            request,
            parameters: options.parameters.clone(),
            identity,
            headers: self.own_headers(options)?,
            timeouts: options.timeouts.unwrap_or_else(|| self.inner().timeouts),
            findings,
        })
    }

    /// Who asks: what the call says, and where it says nothing, what the client knows.
    pub(crate) fn identity(
        &self,
        of_call: &Identity,
        request: Option<&CreateResponse>,
    ) -> Identity {
        let mut identity = of_call.clone();
        let own = &self.inner().identity;
        for (field, known) in [
            (&mut identity.originator, &own.originator),
            (&mut identity.user_agent, &own.user_agent),
            (&mut identity.client_version, &own.client_version),
        ] {
            if field.is_none() {
                field.clone_from(known);
            }
        }
        if let Some(request) = request {
            identity.model.get_or_insert_with(|| request.model.clone());
            let tier = request
                .service_tier
                .as_ref()
                .map(|tier| tier.as_str().to_owned());
            identity.service_tier = identity.service_tier.or(tier);
        }
        identity
    }

    /// The headers the user set, those of the call before those of the client.
    pub(crate) fn own_headers(&self, options: &CallOptions) -> Result<HeaderMap, Error> {
        let mut headers = self.inner().headers.clone();
        for (name, value) in &options.headers {
            let (name, value) = header(name, value)?;
            headers.insert(name, value);
        }
        Ok(headers)
    }
}

/// What the profile tells the server, unless the user says it otherwise.
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

/// A body with parameters put over what it says.
pub(crate) fn with_parameters(
    body: String,
    parameters: &[(String, RawJson)],
) -> Result<String, Error> {
    if parameters.is_empty() {
        return Ok(body);
    }
    let edits: Vec<Edit> = parameters
        .iter()
        .map(|(name, value)| Edit::Replace(pointer(name), value.clone()))
        .collect();
    let body = RawJson::parse(&body).map_err(unwritable)?;
    let body = apply(&body, &edits).map_err(unwritable)?;
    Ok(body.as_str().to_owned())
}

/// RFC 6901 section 3.
fn pointer(name: &str) -> String {
    format!("/{}", name.replace('~', "~0").replace('/', "~1"))
}

pub(crate) fn unwritable(error: codex_types::DecodeError) -> Error {
    Error::request("the request cannot be written as JSON").with_source(error)
}

const HEADER: &str = "a header has a name or a value that HTTP does not allow";
const UNFIT: &str = "the request does not fit the backend";
