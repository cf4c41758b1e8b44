// Which models there are. The two backends answer in two shapes, and the answer's own shape decides, because a compatible server may have
// either. The list is kept with its entity tag; every other answer may announce a newer one.

use core::time::Duration;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use codex_transport::{BoxTimer, Timeouts, Timer as _};
use codex_types::profile::{Identity, Models, Profile};
use codex_types::{Map, ModelCatalog, ModelList, RawJson};
use http::header::{ETAG, IF_NONE_MATCH};
use http::{HeaderValue, Method, StatusCode};

use crate::calls::{self, Call};
use crate::client::Client;
use crate::error::Error;
use crate::failure;
use crate::options::CallOptions;

/// The models of a backend, in the shape it lists them in.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ModelListing {
    /// As the platform API does: ids, and little else.
    List(ModelList),
    /// As the ChatGPT backend does: with what each can do.
    Catalog(ModelCatalog),
}

impl ModelListing {
    /// The names to use in requests, in the order of the server.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let (list, catalog) = match self {
            Self::List(list) => (Some(list), None),
            Self::Catalog(catalog) => (None, Some(catalog)),
        };
        let ids = list
            .into_iter()
            .flat_map(|list| &list.data)
            .map(|model| model.id.as_str());
        let slugs = catalog
            .into_iter()
            .flat_map(|catalog| &catalog.models)
            .map(|model| model.slug.as_str());
        ids.chain(slugs)
    }

    /// Whether there is a model of this name.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.names().any(|known| known == name)
    }
}

impl Client {
    /// Asks which models there are.
    ///
    /// The list is kept for five minutes and then asked for by its entity tag, so that an unchanged one is not sent again. An answer to any
    /// other call that announces another list (`x-models-etag`) ends the five minutes.
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
    /// As for [`retrieve`](Self::retrieve). A list that is kept stays so; it is not given in the place of an error.
    pub async fn models(&self) -> Result<Arc<ModelListing>, Error> {
        let timer = &self.inner().timer;
        let cache = &self.inner().models;
        let kept = cache.lock().clone();
        if let Some(kept) = kept.as_ref().filter(|kept| kept.is_fresh(timer)) {
            return Ok(kept.models.clone());
        }
        let options = CallOptions::new().timeouts(self.brief());
        let target = self.target().await?;
        let identity = self.identity(&options.identity, None);
        let uri = failure::join(&target.base, &path(&target.profile, &identity)?)?;
        let mut call = Call::to(self, &options, target, Method::GET, uri)?;
        if let Some(etag) = kept
            .as_ref()
            .and_then(|kept| HeaderValue::from_str(kept.etag.as_deref()?).ok())
        {
            call.headers_mut().insert(IF_NONE_MATCH, etag);
        }
        let (meta, body) = call.answer().await?;
        let kept = match kept {
            Some(kept) if meta.status() == StatusCode::NOT_MODIFIED => Kept {
                until: fresh_until(timer),
                ..kept
            },
            _ => {
                let etag = meta.text(ETAG.as_str()).map(str::to_owned);
                let models = Arc::new(listing(&calls::read(meta, body).await?));
                Kept {
                    models,
                    etag,
                    until: fresh_until(timer),
                }
            }
        };
        let models = kept.models.clone();
        *cache.lock() = Some(kept);
        Ok(models)
    }

    /// A list is not worth waiting minutes for.
    fn brief(&self) -> Timeouts {
        let mut timeouts = Timeouts::unary();
        timeouts.total = Some(BRIEF);
        timeouts.headers = Some(BRIEF);
        timeouts
    }
}

/// The list as it was last seen.
#[derive(Default)]
pub(crate) struct ModelCache {
    kept: Mutex<Option<Kept>>,
}

#[derive(Clone)]
struct Kept {
    models: Arc<ModelListing>,
    etag: Option<String>,
    /// Until when it is given out without asking.
    until: Option<Instant>,
}

impl ModelCache {
    /// Takes note of the list that the server has now.
    pub(crate) fn announced(&self, etag: &str, timer: &BoxTimer) {
        if let Some(kept) = self.lock().as_mut() {
            kept.until = if kept.etag.as_deref() == Some(etag) {
                fresh_until(timer)
            } else {
                None
            };
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn is_fresh(&self, timer: &BoxTimer) -> bool {
        self.until.is_some_and(|until| timer.now() < until)
    }
}

fn fresh_until(timer: &BoxTimer) -> Option<Instant> {
    timer.now().checked_add(FRESH)
}

fn path(profile: &Profile, identity: &Identity) -> Result<String, Error> {
    let version = profile.client_version_for(identity);
    let (Models::Catalogue, Some(version)) = (profile.models, version) else {
        return Ok("models".to_owned());
    };
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-');
    if !version.bytes().all(is_plain) {
        return Err(Error::request("the client version is not a version"));
    }
    Ok(format!("models?client_version={version}"))
}

fn listing(answer: &Map<RawJson>) -> ModelListing {
    // Reading is total: each type takes any object, and keeps what it does not know.
    let read = RawJson::encode(answer);
    let read = read.as_ref();
    if answer.get("models").is_some() {
        ModelListing::Catalog(
            read.map(|json| json.decode().unwrap_or_default())
                .unwrap_or_default(),
        )
    } else {
        ModelListing::List(
            read.map(|json| json.decode().unwrap_or_default())
                .unwrap_or_default(),
        )
    }
}

const FRESH: Duration = Duration::from_secs(300);
const BRIEF: Duration = Duration::from_secs(30);
