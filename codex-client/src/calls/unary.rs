//! A call with a single response, and the opening of a call with a streamed one.

use std::sync::Arc;

use bytes::Bytes;
use codex_transport::{Body, Timeouts};
use codex_types::RawJson;
use codex_types::profile::Channel;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, Method, Request, Uri};
use serde::de::DeserializeOwned;

use crate::calls::call::Call;
use crate::client::Client;
use crate::document::BODY_LIMIT;
use crate::error::{Error, ErrorKind};
use crate::exchange::Exchange;
use crate::failure;
use crate::meta::ResponseMeta;
use crate::observe::Observer;
use crate::options::CallOptions;
use crate::request::{self, JSON};
use crate::shared::Shared;
use crate::target::Target;
use crate::wire::{CONVERSATIONS, RESPONSES};

/// A prepared API request.
pub(crate) struct Unary<'a> {
    shared: &'a Arc<Shared>,
    options: &'a CallOptions,
    request: Request<Bytes>,
    never_twice: bool,
}

impl<'a> Unary<'a> {
    pub(crate) async fn new(
        shared: &'a Arc<Shared>,
        options: &'a CallOptions,
        method: Method,
        path: &str,
    ) -> Result<Self, Error> {
        let target = shared.target().await?;
        let needs_responses = path.starts_with(RESPONSES) || path.starts_with(CONVERSATIONS);
        if needs_responses && shared.speaks_chat(&target) {
            return Err(Error::new(ErrorKind::NotOffered));
        }
        let uri = target.url(path)?;
        Self::to(shared, options, &target, method, uri)
    }

    pub(crate) fn to(
        shared: &'a Arc<Shared>,
        options: &'a CallOptions,
        target: &Target,
        method: Method,
        uri: Uri,
    ) -> Result<Self, Error> {
        let identity = request::identity(shared, &target.profile, options);
        let own = request::own_headers(shared, options)?;
        let mut request = Request::new(Bytes::new());
        *request.headers_mut() = request::headers(target, &identity, Channel::Http, &own)?;
        request.headers_mut().insert(ACCEPT, JSON);
        *request.method_mut() = method;
        *request.uri_mut() = uri;
        let timeouts = options.timeouts_or(Timeouts::unary());
        request.extensions_mut().insert(timeouts);
        Ok(Self {
            shared,
            options,
            request,
            never_twice: false,
        })
    }

    pub(crate) fn headers_mut(&mut self) -> &mut HeaderMap {
        self.request.headers_mut()
    }

    /// Sets that the request is resent only if it provably was not sent before.
    fn never_twice(mut self) -> Self {
        self.never_twice = true;
        self
    }

    /// Sets the body of the request, with the parameters of the options applied to it.
    pub(crate) fn with_body(mut self, body: &impl serde::Serialize) -> Result<Self, Error> {
        let body = RawJson::encode(body).map_err(request::unwritable)?;
        let body = request::with_parameters(body.as_str().to_owned(), &self.options.parameters)?;
        *self.request.body_mut() = body.into();
        self.request.headers_mut().insert(CONTENT_TYPE, JSON);
        Ok(self)
    }

    /// Returns the exchange that sends the request, and its observer.
    pub(crate) fn exchange(self) -> (Exchange, Arc<Observer>) {
        let observer = Observer::of_call(self.shared, self.request.uri(), self.options);
        let exchange = Exchange::new(self.shared.clone(), observer.clone(), self.request)
            .never_twice(self.never_twice);
        (exchange, observer)
    }

    /// Sends the request until it succeeds. Does not read the body of the response.
    pub(crate) async fn send(self) -> Result<(ResponseMeta, Body), Error> {
        self.exchange().0.send().await
    }

    /// Sends the request and decodes the response.
    pub(crate) async fn fetch<T: DeserializeOwned>(self) -> Result<T, Error> {
        let (meta, body) = self.send().await?;
        decode(meta, body).await
    }
}

impl Client {
    /// Creates a call without a body. An invalid path becomes the error of the call.
    pub(crate) fn fetch<T: DeserializeOwned>(
        &self,
        method: Method,
        path: Result<String, Error>,
    ) -> Call<'_, T> {
        Call::new(move |options| {
            Box::pin(async move {
                let call = Unary::new(self.shared(), &options, method, &path?).await?;
                call.fetch().await
            })
        })
    }

    /// Creates a call with a body. An invalid path becomes the error of the call.
    pub(crate) fn post<'a, T: DeserializeOwned>(
        &'a self,
        path: &'static str,
        body: &'a (impl serde::Serialize + Sync),
    ) -> Call<'a, T> {
        Call::new(move |options| {
            Box::pin(async move {
                let call = Unary::new(self.shared(), &options, Method::POST, path).await?;
                call.with_body(body)?.fetch().await
            })
        })
    }

    /// Creates a call whose body belongs to it, and which would have a second effect if it were
    /// sent twice. An invalid path or body becomes the error of the call.
    pub(crate) fn post_once<T: DeserializeOwned>(
        &self,
        path: Result<String, Error>,
        body: &impl serde::Serialize,
    ) -> Call<'_, T> {
        let body = RawJson::encode(body).map_err(request::unwritable);
        Call::new(move |options| {
            Box::pin(async move {
                let call = Unary::new(self.shared(), &options, Method::POST, &path?).await?;
                call.with_body(&body?)?.never_twice().fetch().await
            })
        })
    }
}

/// Reads a body and decodes it.
pub(crate) async fn decode<T: DeserializeOwned>(
    meta: ResponseMeta,
    body: Body,
) -> Result<T, Error> {
    let body = match body.collect(BODY_LIMIT).await {
        Ok(body) => body,
        Err(error) => return Err(failure::transport(error).with_meta(meta)),
    };
    let undecodable = |error: Box<dyn core::error::Error + Send + Sync>| {
        Error::protocol(UNDECODABLE).with_source(error)
    };
    core::str::from_utf8(&body)
        .map_err(|error| undecodable(error.into()))
        .and_then(|text| {
            RawJson::parse(text)
                .and_then(|json| json.decode())
                .map_err(|error| undecodable(error.into()))
        })
        .map_err(|error| error.with_meta(meta))
}

const UNDECODABLE: &str = "response is not the expected JSON";
