//! The list of models as last fetched, with its entity tag: any other response may announce a newer
//! one.

use core::time::Duration;
use std::sync::{Arc, Mutex};

use codex_transport::{Instant, SharedTimer, Timer as _};
use codex_types::{ModelCatalog, ModelList};

use crate::lock::lock;

/// The models of a backend, in the shape of its list.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ModelListing {
    /// The list of the platform API: ids, and little else.
    List(ModelList),
    /// The catalog of the ChatGPT backend, with the capabilities of each model.
    Catalog(ModelCatalog),
}

impl ModelListing {
    /// Returns an iterator over the names to use in requests, in the order of the server.
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

    /// Returns whether the list has a model of this name.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.names().any(|known| known == name)
    }
}

/// The list as last fetched.
#[derive(Default)]
pub(crate) struct ModelCache(Mutex<Option<CachedModels>>);

#[derive(Clone)]
pub(crate) struct CachedModels {
    pub(crate) models: Arc<ModelListing>,
    pub(crate) etag: Option<String>,
    /// The time at which the cached list expires and must be revalidated.
    until: Option<Instant>,
}

impl ModelCache {
    pub(crate) fn get(&self) -> Option<CachedModels> {
        lock(&self.0).clone()
    }

    pub(crate) fn set(&self, cached: CachedModels) {
        *lock(&self.0) = Some(cached);
    }

    /// Records the entity tag of the server's current list.
    pub(crate) fn announced(&self, etag: &str, timer: &SharedTimer) {
        if let Some(cached) = lock(&self.0).as_mut() {
            cached.until = if cached.etag.as_deref() == Some(etag) {
                fresh_until(timer)
            } else {
                None
            };
        }
    }
}

impl CachedModels {
    pub(crate) fn new(
        models: Arc<ModelListing>,
        etag: Option<String>,
        timer: &SharedTimer,
    ) -> Self {
        Self {
            models,
            etag,
            until: fresh_until(timer),
        }
    }

    pub(crate) fn is_fresh(&self, timer: &SharedTimer) -> bool {
        self.until.is_some_and(|until| timer.now() < until)
    }
}

fn fresh_until(timer: &SharedTimer) -> Option<Instant> {
    timer.now().checked_add(FRESH)
}

const FRESH: Duration = Duration::from_secs(300);
