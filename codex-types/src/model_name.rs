//! Model names with efforts and tiers, and what is known about models.
//!
//! Users append more than the model to a model name: the reasoning effort and the service tier.
//! [`ModelTable::choose`] splits such a name. What is known about models is a plain value, a table
//! that the response of a models endpoint, a file or the user can update. A model that is not in
//! the table passes, unless the backend itself has listed its models.
//!
//! ```
//! use codex_types::model_name::ModelTable;
//! use codex_types::{Effort, ServiceTier};
//!
//! let table = ModelTable::new();
//! let choice = table.choose("gpt-5.5-fast:high");
//! assert_eq!(choice.model, "gpt-5.5");
//! assert_eq!(choice.effort, Some(Effort::High));
//! assert_eq!(choice.service_tier, Some(ServiceTier::Priority));
//!
//! // A suffix that is not an effort belongs to the name.
//! assert_eq!(table.choose("ft:gpt-4o:org::id").model, "ft:gpt-4o:org::id");
//! ```

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

use crate::models::Models;
use crate::{CreateResponse, Effort, ModelCatalog, ModelInfo, Reasoning, ServiceTier};

/// A table of what is known about models, and of the aliases for them.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ModelTable {
    /// The models. The built-in ones are shared by all tables.
    pub models: Cow<'static, [ModelEntry]>,
    /// Whether a models endpoint has listed the models that ChatGPT offers, so that it offers no
    /// other.
    pub chatgpt_is_complete: bool,
    /// Aliases.
    pub aliases: Vec<ModelAlias>,
    /// Suffixes that select a service tier, for models that are in the table.
    pub tier_suffixes: Vec<(Cow<'static, str>, ServiceTier)>,
}

impl ModelTable {
    /// Creates an empty table: every name passes, and only efforts are split off.
    pub fn empty() -> Self {
        Self {
            models: Cow::Borrowed(&[]),
            chatgpt_is_complete: false,
            aliases: Vec::new(),
            tier_suffixes: Vec::new(),
        }
    }

    /// Splits a name: an `:effort` suffix, then an alias, or a suffix for a tier.
    pub fn choose(&self, name: &str) -> ModelChoice {
        if let Some((front, effort)) = name.rsplit_once(':') {
            let effort = Effort::from(effort);
            let is_alias = self.aliases.iter().any(|alias| alias.name == name);
            if effort.is_listed() && !front.is_empty() && !is_alias {
                return ModelChoice {
                    effort: Some(effort),
                    ..self.choose_plain(front)
                };
            }
        }
        self.choose_plain(name)
    }

    fn choose_plain(&self, name: &str) -> ModelChoice {
        if let Some(alias) = self.aliases.iter().find(|alias| alias.name == name) {
            return alias.stands_for.clone();
        }
        let is_model = self.models.iter().any(|model| model.slug == name);
        for (suffix, tier) in self.tier_suffixes.iter().filter(|_| !is_model) {
            if let Some(model) = name
                .strip_suffix(&**suffix)
                .filter(|model| self.get(model).is_some())
            {
                return ModelChoice::new(model).service_tier(tier.clone());
            }
        }
        ModelChoice::new(name)
    }

    /// Returns what is known about a model; a dated name such as `gpt-5-2025-08-07` is looked up
    /// without its date if it is not in the table itself.
    pub fn get(&self, model: &str) -> Option<&ModelEntry> {
        let find = |slug: &str| self.models.iter().find(|entry| entry.slug == slug);
        find(model).or_else(|| find(without_date(model)?))
    }

    /// Inserts a model, replacing what was known about it.
    pub fn insert(&mut self, entry: ModelEntry) {
        let models = self.models.to_mut();
        match models.iter_mut().find(|known| known.slug == entry.slug) {
            Some(known) => *known = entry,
            None => models.push(entry),
        }
    }

    /// Merges the response of the ChatGPT backend's models endpoint, or a file with one.
    ///
    /// Its models replace what was known about them, and other models no longer count as models of
    /// ChatGPT. An empty response changes nothing.
    ///
    /// ```
    /// use codex_types::ModelCatalog;
    /// use codex_types::model_name::ModelTable;
    ///
    /// let file = r#"{"models":[{"slug":"gpt-7","minimal_client_version":"0.200.0"}]}"#;
    /// let mut table = ModelTable::new();
    /// table.update(&ModelCatalog::from_json(file)?);
    /// assert_eq!(table.is_chatgpt("gpt-7"), Some(true));
    /// assert_eq!(table.is_chatgpt("gpt-5.5"), Some(false));
    /// # Ok::<(), codex_types::DecodeError>(())
    /// ```
    pub fn update(&mut self, catalog: &ModelCatalog) {
        if catalog.models.is_empty() {
            return;
        }
        for known in self.models.to_mut() {
            known.chatgpt = known.chatgpt.map(|_| false);
        }
        self.add(catalog);
        self.chatgpt_is_complete = true;
    }

    /// Merges the models of a list that may lack some.
    pub(crate) fn add(&mut self, catalog: &ModelCatalog) {
        for model in &catalog.models {
            let known = self.get(&model.slug).cloned();
            self.insert(ModelEntry::from_info(model, known));
        }
    }

    /// Returns whether a model is a reasoning model; `None` if unknown.
    pub fn reasons(&self, model: &str) -> Option<bool> {
        self.get(model)?.reasons
    }

    /// Returns whether a model of the platform offers an effort; `None` if unknown.
    pub fn offers_effort(&self, model: &str, effort: &Effort) -> Option<bool> {
        self.get(model)?.offers_effort(Models::List, effort)
    }

    /// Returns whether a model can be used with a ChatGPT login; `None` if unknown.
    pub fn is_chatgpt(&self, model: &str) -> Option<bool> {
        self.get(model)?.chatgpt
    }

    /// Returns whether a request with this effort may set `temperature`, `top_p` or `top_logprobs`;
    /// `None` if unknown.
    pub fn takes_sampling(&self, model: &str, effort: Option<&Effort>) -> Option<bool> {
        Some(match self.get(model)?.sampling.as_ref()? {
            Sampling::Yes => true,
            Sampling::WithoutReasoning => effort.is_none_or(|effort| *effort == Effort::None),
            Sampling::No => false,
        })
    }

    /// Returns whether a model expects Responses Lite; `None` if unknown.
    pub fn takes_lite(&self, model: &str) -> Option<bool> {
        self.get(model)?.responses_lite
    }

    /// Returns an iterator over the models that can be used with a ChatGPT login, for a message
    /// that lists them.
    pub fn chatgpt_models(&self) -> impl Iterator<Item = &ModelEntry> {
        self.models
            .iter()
            .filter(|model| model.chatgpt == Some(true))
    }
}

impl Default for ModelTable {
    fn default() -> Self {
        Self::new()
    }
}

/// The known properties of a model. A field that is `None` is unknown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ModelEntry {
    /// The name in requests.
    pub slug: Cow<'static, str>,
    /// Whether it has reasoning.
    pub reasons: Option<bool>,
    /// The efforts it offers.
    pub efforts: Option<Vec<Effort>>,
    /// The efforts it offers with a ChatGPT login.
    pub chatgpt_efforts: Option<Vec<Effort>>,
    /// The effort of a request without one, with a ChatGPT login.
    pub default_effort: Option<Effort>,
    /// Whether it can be used with a ChatGPT login.
    pub chatgpt: Option<bool>,
    /// The context window in tokens, including output.
    pub context_window: Option<u64>,
    /// The context window in tokens with a ChatGPT login.
    pub chatgpt_context_window: Option<u64>,
    /// The maximum number of output tokens, including reasoning tokens.
    pub max_output_tokens: Option<u64>,
    /// The modalities that it accepts as input: `text`, `image`, `audio`.
    pub modalities: Option<Vec<Cow<'static, str>>>,
    /// The service tiers that a request may name, with a ChatGPT login.
    pub service_tiers: Option<Vec<ServiceTier>>,
    /// Whether a request may set the verbosity of the text.
    pub verbosity: Option<bool>,
    /// Whether it takes `temperature`, `top_p` and `top_logprobs`.
    pub sampling: Option<Sampling>,
    /// Whether parts of the input may be [breakpoints](crate::PromptCacheBreakpoint) of the prompt
    /// cache.
    pub cache_breakpoints: Option<bool>,
    /// Whether the ChatGPT backend expects Responses Lite for it (`use_responses_lite`).
    pub responses_lite: Option<bool>,
    /// The oldest version of the official client that can use it.
    pub minimal_client_version: Option<String>,
}

/// Whether a model takes `temperature`, `top_p` and `top_logprobs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Sampling {
    /// In every request.
    Yes,
    /// In requests without reasoning: with the effort `none`, or without an effort.
    WithoutReasoning,
    /// In none.
    No,
}

impl ModelEntry {
    /// Creates an entry of which only the name is known.
    pub fn new(slug: impl Into<Cow<'static, str>>) -> Self {
        Self {
            slug: slug.into(),
            ..Self::default()
        }
    }

    /// Returns whether it accepts input of this modality, such as `image`; `None` if unknown.
    pub fn accepts(&self, modality: &str) -> Option<bool> {
        let modalities = self.modalities.as_ref()?;
        Some(modalities.iter().any(|known| known == modality))
    }

    /// Returns the context window with a backend that lists its models like this; `None` if
    /// unknown.
    pub fn context_window_with(&self, models: Models) -> Option<u64> {
        match models {
            Models::Catalog => self.chatgpt_context_window.or(self.context_window),
            Models::List => self.context_window,
        }
    }

    /// Returns whether it offers an effort with a backend that lists its models like this; `None`
    /// if unknown.
    pub fn offers_effort(&self, models: Models, effort: &Effort) -> Option<bool> {
        let own = self.efforts.as_ref();
        let efforts = match models {
            Models::Catalog => self.chatgpt_efforts.as_ref().or(own),
            Models::List => own,
        };
        match efforts {
            Some(efforts) => Some(efforts.contains(effort)),
            None if self.reasons == Some(false) => Some(false),
            None => None,
        }
    }

    /// Creates an entry from the ChatGPT backend's description of a model, with the values of
    /// `known` where the description has none.
    pub fn from_info(info: &ModelInfo, known: Option<Self>) -> Self {
        let known = known.unwrap_or_default();
        let levels = info.supported_reasoning_levels.as_ref();
        let efforts: Option<Vec<Effort>> =
            levels.map(|levels| levels.iter().map(|level| level.effort.clone()).collect());
        let modalities = info.input_modalities.as_ref();
        let modalities =
            modalities.map(|names| names.iter().map(|name| name.clone().into()).collect());
        let tiers = info.service_tiers.as_ref();
        let tiers = tiers.map(|tiers| tiers.iter().map(|tier| tier.id.as_str().into()).collect());
        let version = info.minimal_client_version.as_ref();
        let version = version.and_then(|version| version.decode().ok());
        Self {
            slug: info.slug.clone().into(),
            reasons: efforts
                .as_ref()
                .map(|efforts| !efforts.is_empty())
                .or(known.reasons),
            efforts: known.efforts,
            chatgpt_efforts: efforts.or(known.chatgpt_efforts),
            default_effort: info
                .default_reasoning_level
                .clone()
                .or(known.default_effort),
            chatgpt: Some(true),
            context_window: known.context_window,
            chatgpt_context_window: info.context_window.or(known.chatgpt_context_window),
            max_output_tokens: known.max_output_tokens,
            modalities: modalities.or(known.modalities),
            service_tiers: tiers.or(known.service_tiers),
            verbosity: info.support_verbosity.or(known.verbosity),
            sampling: known.sampling,
            cache_breakpoints: known.cache_breakpoints,
            responses_lite: info.use_responses_lite.or(known.responses_lite),
            minimal_client_version: version.or(known.minimal_client_version),
        }
    }
}

/// An alias of a model, or of a model with an effort or a service tier.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ModelAlias {
    /// The name of the alias.
    pub name: Cow<'static, str>,
    /// The choice that the alias represents.
    pub stands_for: ModelChoice,
}

impl ModelAlias {
    /// Creates an alias: `name` stands for `choice`.
    pub fn new(name: impl Into<Cow<'static, str>>, stands_for: ModelChoice) -> Self {
        Self {
            name: name.into(),
            stands_for,
        }
    }
}

/// The parts of a model name.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ModelChoice {
    /// The model.
    pub model: String,
    /// The reasoning effort.
    pub effort: Option<Effort>,
    /// The service tier.
    pub service_tier: Option<ServiceTier>,
}

impl ModelChoice {
    /// Creates a choice of a model without effort and tier.
    pub fn new(model: impl Into<String>) -> Self {
        Self {
            model: model.into(),
            effort: None,
            service_tier: None,
        }
    }

    /// Sets the reasoning effort.
    #[must_use]
    pub fn effort(mut self, effort: impl Into<Effort>) -> Self {
        self.effort = Some(effort.into());
        self
    }

    /// Sets the service tier.
    #[must_use]
    pub fn service_tier(mut self, tier: impl Into<ServiceTier>) -> Self {
        self.service_tier = Some(tier.into());
        self
    }

    /// Sets model, effort and tier of a request. An effort or tier that the request already has
    /// stays: a parameter is more explicit than a name.
    ///
    /// ```
    /// use codex_types::CreateResponse;
    /// use codex_types::model_name::ModelTable;
    ///
    /// let mut request = CreateResponse::new("gpt-5.5:low").input("Hi");
    /// ModelTable::new().choose(&request.model).apply_to(&mut request);
    /// assert_eq!(request.model, "gpt-5.5");
    /// assert_eq!(request.reasoning.unwrap().effort.unwrap(), "low");
    /// ```
    pub fn apply_to(self, request: &mut CreateResponse) {
        request.model = self.model;
        if let Some(effort) = self.effort {
            let reasoning = request.reasoning.get_or_insert_with(Reasoning::new);
            reasoning.effort.get_or_insert(effort);
        }
        if let Some(tier) = self.service_tier {
            request.service_tier.get_or_insert(tier);
        }
    }
}

/// Returns the name without a date suffix such as `-2025-08-07`.
pub(crate) fn without_date(model: &str) -> Option<&str> {
    let front = model.len().checked_sub(11)?;
    let (name, date) = model.split_at_checked(front)?;
    let is_date = date.bytes().enumerate().all(|(at, byte)| match at {
        0 | 5 | 8 => byte == b'-',
        _ => byte.is_ascii_digit(),
    });
    is_date.then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RawJson;

    #[test]
    fn names_are_split() {
        let table = ModelTable::new();
        let cases = [
            ("gpt-5.5", "gpt-5.5", None, None),
            ("gpt-5.5:xhigh", "gpt-5.5", Some("xhigh"), None),
            ("gpt-5.5:loud", "gpt-5.5:loud", None, None),
            ("gpt-5.5-fast", "gpt-5.5", None, Some("priority")),
            ("unknown-fast", "unknown-fast", None, None),
            ("unknown:none", "unknown", Some("none"), None),
            ("ft:gpt-4o:org::high", "ft:gpt-4o:org:", Some("high"), None),
            (":high", ":high", None, None),
            ("gpt-5.5:low:high", "gpt-5.5:low", Some("high"), None),
            ("", "", None, None),
        ];
        for (name, model, effort, tier) in cases {
            let choice = table.choose(name);
            assert_eq!(choice.model, model, "{name}");
            assert_eq!(choice.effort.as_ref().map(Effort::as_str), effort, "{name}");
            assert_eq!(
                choice.service_tier.as_ref().map(ServiceTier::as_str),
                tier,
                "{name}"
            );
        }
    }

    #[test]
    fn an_alias_takes_precedence() {
        let mut table = ModelTable::empty();
        let choice = ModelChoice::new("gpt-5.5")
            .effort("max")
            .service_tier("flex");
        table.aliases.push(ModelAlias::new("deep", choice.clone()));
        assert_eq!(table.choose("deep"), choice);
        assert_eq!(table.choose("deep:low").effort, Some(Effort::Low));
    }

    #[test]
    fn what_is_known_and_what_is_not() {
        let table = ModelTable::new();
        assert_eq!(table.reasons("gpt-4o"), Some(false));
        assert_eq!(table.reasons("gpt-4o-2024-11-20"), Some(false));
        assert_eq!(table.reasons("someone-elses"), None);
        assert_eq!(table.offers_effort("gpt-5", &Effort::XHigh), Some(false));
        assert_eq!(
            table.offers_effort("gpt-5.2-2025-12-11", &Effort::XHigh),
            Some(true)
        );
        assert_eq!(table.offers_effort("gpt-4o", &Effort::Low), Some(false));
        assert_eq!(table.offers_effort("gpt-6-sol", &Effort::Low), None);
        let entry = table.get("gpt-6-sol").unwrap();
        let offers = |effort: Effort| entry.offers_effort(Models::Catalog, &effort);
        assert_eq!(offers(Effort::Low), Some(true));
        assert_eq!(offers(Effort::Minimal), Some(false));
        assert_eq!(table.is_chatgpt("gpt-4o"), Some(false));
        assert_eq!(table.is_chatgpt("someone-elses"), None);
        assert_eq!(table.takes_lite("gpt-6.2-sol"), Some(true));
        assert_eq!(table.takes_lite("gpt-5.5"), Some(false));
        assert_eq!(table.takes_lite("someone-elses"), None);
        assert!(table.chatgpt_models().any(|model| model.slug == "gpt-5.5"));
        assert_eq!(table.get("é2025-08-07"), None);
    }

    #[test]
    fn sampling_depends_on_the_model_and_the_effort() {
        let table = ModelTable::new();
        let takes = |model, effort: Option<Effort>| table.takes_sampling(model, effort.as_ref());
        assert_eq!(takes("gpt-4o", None), Some(true));
        assert_eq!(takes("gpt-5", None), Some(false));
        assert_eq!(takes("gpt-5.2", None), Some(true));
        assert_eq!(takes("gpt-5.2", Some(Effort::None)), Some(true));
        assert_eq!(takes("gpt-5.2", Some(Effort::Low)), Some(false));
        assert_eq!(takes("gpt-6.2-sol", None), None);
    }

    #[test]
    fn the_models_endpoint_takes_precedence() {
        let json = r#"{"models":[{"slug":"gpt-7","context_window":9,"input_modalities":["text"],
            "supported_reasoning_levels":[{"effort":"low","description":"d"}],"use_responses_lite":true},
            {"slug":"gpt-4o"},{"slug":"gpt-5.6-sol","use_responses_lite":false},{"slug":"gpt-6-sol"}]}"#;
        let catalog: ModelCatalog = RawJson::parse(json).unwrap().decode().unwrap();
        let mut table = ModelTable::new();
        table.update(&ModelCatalog::default());
        assert_eq!(table, ModelTable::new());
        table.update(&catalog);
        let mut slugs: Vec<_> = table.chatgpt_models().map(|model| &*model.slug).collect();
        slugs.sort_unstable();
        assert_eq!(slugs, ["gpt-4o", "gpt-5.6-sol", "gpt-6-sol", "gpt-7"]);
        assert!(table.chatgpt_is_complete && !ModelTable::new().chatgpt_is_complete);
        assert_eq!(table.takes_lite("gpt-7"), Some(true));
        assert_eq!(table.takes_lite("gpt-5.6-sol"), Some(false));
        // An entry without the key keeps what was known.
        assert_eq!(table.takes_lite("gpt-6-sol"), Some(true));
        assert_eq!(table.takes_lite("gpt-4o"), None);
        let entry = table.get("gpt-7").unwrap();
        assert_eq!(entry.chatgpt_context_window, Some(9));
        assert_eq!(entry.accepts("image"), Some(false));
        let offered = entry.offers_effort(Models::Catalog, &Effort::High);
        assert_eq!(offered, Some(false));
        assert_eq!(table.get("gpt-4o").unwrap().max_output_tokens, Some(16_384));
        assert_eq!(table.is_chatgpt("gpt-5.5"), Some(false));
    }
}
