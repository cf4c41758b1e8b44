//! The list of models. The two backends respond in two shapes. The shape of the response decides
//! how it is read, because a compatible server may use either.

use core::time::Duration;
use std::sync::Arc;

use codex_transport::Timeouts;
use codex_types::profile::{Identity, Models, Profile};
use codex_types::{Map, RawJson};
use http::header::{ETAG, IF_NONE_MATCH};
use http::{HeaderValue, Method, StatusCode};

use crate::calls::call::Call;
use crate::calls::unary::{self, Unary};
use crate::client::Client;
use crate::error::Error;
use crate::options::CallOptions;
use crate::request::identity;
use crate::shared::Shared;
use crate::shared::models::{CachedModels, ModelListing};

impl Client {
    /// Fetches the list of models.
    ///
    /// The client caches the list for five minutes. After that it revalidates the list with its
    /// entity tag, so that the server does not send an unchanged one again. A response to any other
    /// call that announces another list (`x-models-etag`) expires the cache at once.
    ///
    /// From then on, a catalog also decides which models receive Responses Lite requests
    /// (`use_responses_lite`), if the profile leaves that to the model.
    ///
    /// ```
    /// # use codex_client::Client;
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// # use codex_client::transport::testing::{Answer, LoopbackServer, Script};
    /// # let server = LoopbackServer::start(Script::new().answer(Answer::json(200,
    /// #     r#"{"object":"list","data":[{"id":"some-model","object":"model","created":1,"owned_by":"somebody"}]}"#)))?;
    /// # let client = Client::builder().base_url(server.url("/v1")).build()?;
    /// let models = client.models().await?;
    /// assert!(models.has("some-model"));
    /// # client.models().await?;
    /// # assert_eq!(server.requests().len(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns the errors of [`retrieve`](Self::retrieve). An error does not clear the cached list,
    /// and the call does not return the cached list instead of an error.
    pub fn models(&self) -> Call<'_, Arc<ModelListing>> {
        Call::new(move |options| Box::pin(models(self.shared(), options)))
    }
}

async fn models(shared: &Arc<Shared>, options: CallOptions) -> Result<Arc<ModelListing>, Error> {
    let (timer, cache) = (&shared.timer, &shared.models);
    let cached = cache.get();
    if let Some(cached) = cached.as_ref().filter(|cached| cached.is_fresh(timer)) {
        return Ok(cached.models.clone());
    }
    // Waiting minutes for a list of models would not be worth it.
    let mut brief = Timeouts::unary();
    brief.total = Some(BRIEF);
    brief.headers = Some(BRIEF);
    let target = shared.target().await?;
    let identity = identity(shared, &target.profile, &options);
    let uri = target.url(&path(&target.profile, &identity)?)?;
    let timeouts = options.timeouts_or(brief);
    let options = options.timeouts(timeouts);
    let mut call = Unary::to(shared, &options, &target, Method::GET, uri)?;
    let etag = cached.as_ref().and_then(|cached| cached.etag.as_deref());
    if let Some(etag) = etag.and_then(|etag| HeaderValue::from_str(etag).ok()) {
        call.headers_mut().insert(IF_NONE_MATCH, etag);
    }
    let (meta, body) = call.send().await?;
    let (models, etag) = match cached {
        Some(cached) if meta.status() == StatusCode::NOT_MODIFIED => (cached.models, cached.etag),
        _ => {
            let etag = meta.text(ETAG.as_str()).map(str::to_owned);
            (Arc::new(listing(&unary::decode(meta, body).await?)), etag)
        }
    };
    if let ModelListing::Catalog(catalog) = &*models {
        shared.learn(catalog);
    }
    cache.set(CachedModels::new(models.clone(), etag, timer));
    Ok(models)
}

fn path(profile: &Profile, identity: &Identity) -> Result<String, Error> {
    let version = profile.client_version_for(identity);
    let (Models::Catalog, Some(version)) = (profile.models, version) else {
        return Ok("models".to_owned());
    };
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-');
    if !version.bytes().all(is_plain) {
        return Err(Error::request("invalid client version"));
    }
    Ok(format!("models?client_version={version}"))
}

/// Decodes the list. This cannot fail: each type accepts any object, and keeps the fields it does
/// not know.
fn listing(body: &Map<RawJson>) -> ModelListing {
    let json = RawJson::encode(body).unwrap_or_default();
    if body.get("models").is_some() {
        ModelListing::Catalog(json.decode().unwrap_or_default())
    } else {
        ModelListing::List(json.decode().unwrap_or_default())
    }
}

const BRIEF: Duration = Duration::from_secs(30);
