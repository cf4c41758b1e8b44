// The calls whose answer comes in one piece. Each names its method, its path and the type of its answer; how it is sent is the same for all.

mod compact;
mod models;
mod pages;
mod responses;
mod usage;

use bytes::Bytes;
use codex_transport::{Body, Timeouts};
use codex_types::RawJson;
use codex_types::profile::Channel;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, Request, Uri};
use serde::de::DeserializeOwned;

pub(crate) use compact::is_compaction;
pub(crate) use models::ModelCache;
pub use models::ModelListing;
pub use pages::InputItemPages;
pub use responses::InputItems;

use crate::attempt::{Attempts, Opened};
use crate::client::Client;
use crate::error::Error;
use crate::failure;
use crate::meta::ResponseMeta;
use crate::observe::Observer;
use crate::options::CallOptions;
use crate::target::Target;
use crate::turn;

/// A call on its way to a backend.
pub(crate) struct Call<'a> {
    client: &'a Client,
    options: &'a CallOptions,
    request: Request<Bytes>,
}

impl<'a> Call<'a> {
    pub(crate) async fn new(
        client: &'a Client,
        options: &'a CallOptions,
        method: Method,
        path: &str,
    ) -> Result<Self, Error> {
        let target = client.target().await?;
        let uri = failure::join(&target.base, path)?;
        Self::to(client, options, target, method, uri)
    }

    pub(crate) fn to(
        client: &'a Client,
        options: &'a CallOptions,
        target: Target,
        method: Method,
        uri: Uri,
    ) -> Result<Self, Error> {
        let identity = client.identity(&options.identity, None);
        let own = client.own_headers(options)?;
        let mut request = Request::new(Bytes::new());
        *request.headers_mut() = turn::headers(&target, &identity, Channel::Http, &own)?;
        request.headers_mut().insert(ACCEPT, JSON);
        *request.method_mut() = method;
        *request.uri_mut() = uri;
        let timeouts = options.timeouts.unwrap_or(Timeouts::unary());
        request.extensions_mut().insert(timeouts);
        Ok(Self {
            client,
            options,
            request,
        })
    }

    pub(crate) fn headers_mut(&mut self) -> &mut HeaderMap {
        self.request.headers_mut()
    }

    /// Gives the request a body, over which the options put their parameters.
    pub(crate) fn with_body(mut self, body: &impl serde::Serialize) -> Result<Self, Error> {
        let body = RawJson::encode(body).map_err(turn::unwritable)?;
        let body = turn::with_parameters(body.as_str().to_owned(), &self.options.parameters)?;
        *self.request.body_mut() = body.into();
        self.request.headers_mut().insert(CONTENT_TYPE, JSON);
        Ok(self)
    }

    /// Sends it until it is answered.
    pub(crate) async fn answer(self) -> Result<(ResponseMeta, Body), Error> {
        let observer = Observer::of_call(self.client, self.request.uri(), self.options);
        Attempts::new(observer, self.request).answer().await
    }

    /// Sends it until it is answered with a stream of events.
    pub(crate) async fn open(self) -> Result<(Opened, Observer), Error> {
        let observer = Observer::of_call(self.client, self.request.uri(), self.options);
        let opened = Attempts::new(observer.clone(), self.request).open().await?;
        Ok((opened, observer))
    }

    /// Sends it and reads the answer as a `T`.
    pub(crate) async fn read<T: DeserializeOwned>(self) -> Result<T, Error> {
        let (meta, body) = self.answer().await?;
        read(meta, body).await
    }

    /// Sends it; what the answer says beside its status does not matter.
    pub(crate) async fn done(self) -> Result<(), Error> {
        self.answer().await.map(|_| ())
    }
}

/// A body as a `T`.
pub(crate) async fn read<T: DeserializeOwned>(meta: ResponseMeta, body: Body) -> Result<T, Error> {
    let body = match body.collect(BODY_LIMIT).await {
        Ok(body) => body,
        Err(error) => return Err(failure::transport(error).with_meta(meta)),
    };
    let text = core::str::from_utf8(&body);
    let undecodable = |error: Box<dyn core::error::Error + Send + Sync>| {
        Error::protocol(ANSWER).with_source(error)
    };
    match text {
        Ok(text) => RawJson::parse(text)
            .and_then(|json| json.decode())
            .map_err(|error| undecodable(error.into()).with_meta(meta)),
        Err(error) => Err(undecodable(error.into()).with_meta(meta)),
    }
}

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const ANSWER: &str = "the answer is not the JSON that the call promises";

/// How large an answer in one piece may be: 64 MiB, which a stored response with images in it comes near to and a list of models never does.
const BODY_LIMIT: usize = 64 * 1024 * 1024;
