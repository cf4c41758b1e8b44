//! The services behind the gateway. The model that a request names selects the service; a request
//! without a model goes to the first one.

use bytes::Bytes;
use codex_types::{Map, RawJson};
use serde::Deserialize;

use crate::arguments::Arguments;
use crate::policy::Policy;
use crate::scrub::Secrets;
use crate::upstream::Upstream;

pub(crate) struct Services {
    /// The first one serves every model that the others do not.
    all: Vec<Upstream>,
    renamed: Vec<Renamed>,
    /// The credentials of all services, which are removed from everything that a service sends.
    pub(crate) secrets: Secrets,
}

/// A model that the gateway requests under another name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Renamed {
    from: String,
    to: String,
    /// Whether the names are only the beginnings of longer ones.
    is_prefix: bool,
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

    /// Returns the service of a model: the one with the longest prefix of its name.
    pub(crate) fn of(&self, model: &str) -> &Upstream {
        let matching = self.all.iter().filter(|one| model.starts_with(&one.models));
        matching
            .max_by_key(|one| one.models.len())
            .unwrap_or_else(|| self.first())
    }

    /// Replaces the name of a model by the one that its service uses.
    pub(crate) fn rename(&self, model: &mut String) {
        if let Some(name) = self.renamed.iter().find_map(|renamed| renamed.apply(model)) {
            *model = name;
        }
    }

    /// Returns the service of a request that is passed through, and its body with the name of the
    /// model that the service uses.
    pub(crate) fn of_body(&self, body: Bytes) -> (&Upstream, Bytes) {
        let Ok(Modeled { model }) = serde_json::from_slice(&body) else {
            return (self.first(), body);
        };
        let mut name = model.clone();
        self.rename(&mut name);
        if name == model {
            return (self.of(&name), body);
        }
        let renamed = rename_in(&body, &name);
        (self.of(&name), renamed.map_or(body, Bytes::from))
    }

    /// Returns the names by which programs may request renamed models.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        let whole = self.renamed.iter().filter(|renamed| !renamed.is_prefix);
        whole.map(|renamed| &*renamed.from)
    }

    /// Returns whether a service offers more than the Responses API.
    pub(crate) fn have_platform(&self) -> bool {
        self.all.iter().any(Upstream::is_platform)
    }
}

impl Renamed {
    /// Parses `FROM=TO`; with `*` at the end of both, the rest of the name stays.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (from, to) = text.split_once('=')?;
        let (prefix, replacement) = (from.strip_suffix('*'), to.strip_suffix('*'));
        let is_prefix = prefix.is_some();
        let (from, to) = (prefix.unwrap_or(from), replacement.unwrap_or(to));
        let is_name = |name: &str| is_prefix || !name.is_empty();
        let is_whole = |name: &str| !name.contains('*');
        (is_prefix == replacement.is_some() && [from, to].into_iter().all(is_name))
            .then_some(())
            .filter(|()| is_whole(from) && is_whole(to))?;
        Some(Self {
            from: from.to_owned(),
            to: to.to_owned(),
            is_prefix,
        })
    }

    fn apply(&self, model: &str) -> Option<String> {
        let rest = model.strip_prefix(&self.from)?;
        (self.is_prefix || rest.is_empty()).then(|| format!("{}{rest}", self.to))
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
