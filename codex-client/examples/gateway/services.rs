//! The services behind the gateway. The model that a request names selects the service; a request
//! without a model goes to the first one.

use std::collections::BTreeSet;

use bytes::Bytes;
use codex_types::{Map, RawJson};
use serde::Deserialize;

use crate::arguments::Arguments;
use crate::policy::Policy;
use crate::renamed::Renamed;
use crate::scrub::Secrets;
use crate::upstream::Upstream;

pub(crate) struct Services {
    /// The first one serves every model that the others do not.
    all: Vec<Upstream>,
    renamed: Vec<Renamed>,
    /// The credentials of all services, which are removed from everything that a service sends.
    pub(crate) secrets: Secrets,
}

impl Services {
    pub(crate) async fn connect(arguments: &Arguments, policy: &Policy) -> Result<Self, String> {
        let secrets = Secrets::default();
        let mut all = Vec::new();
        for service in &arguments.services {
            let number = all.len();
            all.push(Upstream::connect(number, service, arguments, policy, &secrets).await?);
        }
        Ok(Self {
            all,
            renamed: arguments.renamed.clone(),
            secrets,
        })
    }

    /// Returns all services; the first one is the one of requests without a model.
    pub(crate) fn all(&self) -> &[Upstream] {
        &self.all
    }

    pub(crate) fn first(&self) -> &Upstream {
        &self.all[0]
    }

    /// Returns the service of a model, and replaces the name by the one that the service uses: each
    /// mapping applies once, in the order of the command line. The first of the names that has the
    /// prefix of a service selects it.
    pub(crate) fn select(&self, model: &mut String) -> &Upstream {
        let mut service = self.of(model);
        for renamed in &self.renamed {
            let Some(name) = renamed.apply(model) else {
                continue;
            };
            *model = name;
            if service.number == 0 {
                service = self.of(model);
            }
        }
        service
    }

    /// Returns the service with the longest prefix of this name.
    fn of(&self, model: &str) -> &Upstream {
        let matching = self.all.iter().filter(|one| model.starts_with(&one.models));
        matching
            .max_by_key(|one| one.models.len())
            .unwrap_or_else(|| self.first())
    }

    /// Returns the service of a request that is passed through, and its body with the name of the
    /// model that the service uses.
    pub(crate) fn select_for(&self, body: Bytes) -> (&Upstream, Bytes) {
        let Ok(Modeled { model }) = serde_json::from_slice(&body) else {
            return (self.first(), body);
        };
        let mut name = model.clone();
        let service = self.select(&mut name);
        if name == model {
            return (service, body);
        }
        let renamed = rename_in(&body, &name);
        (service, renamed.map_or(body, Bytes::from))
    }

    /// Returns the names by which clients reach this model of a service.
    pub(crate) fn names_of(&self, service: &Upstream, model: &str) -> BTreeSet<String> {
        let mut names = BTreeSet::from([model.to_owned()]);
        for renamed in self.renamed.iter().rev() {
            let more = names.iter().filter_map(|name| renamed.revert(name));
            let more: Vec<String> = more.collect();
            names.extend(more);
        }
        names.retain(|name| {
            let mut requested = name.clone();
            self.select(&mut requested).number == service.number && requested == model
        });
        names
    }

    /// Returns whether a service offers more than the Responses API.
    pub(crate) fn have_platform(&self) -> bool {
        self.all.iter().any(Upstream::is_platform)
    }
}

/// Returns a body with another name of the model, or `None` if the body is not a JSON object.
fn rename_in(body: &[u8], model: &str) -> Option<Vec<u8>> {
    let mut request: Map<RawJson> = serde_json::from_slice(body).ok()?;
    request.insert("model", RawJson::encode(&model).ok()?);
    serde_json::to_vec(&request).ok()
}

#[derive(Deserialize)]
struct Modeled {
    model: String,
}
