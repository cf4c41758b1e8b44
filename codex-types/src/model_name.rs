//! Model names with efforts and tiers, and what is known about models.
//!
//! Users append more than the model to a model name: the reasoning effort and the service tier.
//! [`ModelTable::choose`] splits such a name. What is known about models is a plain value, a table
//! that the response of a models endpoint or the user can update. A model that is not in the table
//! is never refused.
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

use crate::{CreateResponse, Effort, ModelCatalog, ModelInfo, Reasoning, ServiceTier};

/// A table of what is known about models, and of the aliases for them.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ModelTable {
    /// The models.
    pub models: Vec<ModelEntry>,
    /// Aliases.
    pub aliases: Vec<ModelAlias>,
    /// Suffixes that select a service tier, for models that are in the table.
    pub tier_suffixes: Vec<(Cow<'static, str>, ServiceTier)>,
}

impl ModelTable {
    /// Creates the table that this version was released with.
    pub fn new() -> Self {
        Self {
            models: KNOWN.iter().map(Known::entry).collect(),
            aliases: Vec::new(),
            tier_suffixes: Vec::from([("-fast".into(), ServiceTier::Priority)]),
        }
    }

    /// Creates an empty table: every name passes, and only efforts are split off.
    pub fn empty() -> Self {
        Self {
            models: Vec::new(),
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
        match self
            .models
            .iter_mut()
            .find(|known| known.slug == entry.slug)
        {
            Some(known) => *known = entry,
            None => self.models.push(entry),
        }
    }

    /// Merges the response of the ChatGPT backend's models endpoint.
    ///
    /// Its models replace what was known about them, and other models no longer count as models of
    /// ChatGPT. An empty response changes nothing.
    pub fn update(&mut self, catalog: &ModelCatalog) {
        if catalog.models.is_empty() {
            return;
        }
        for known in &mut self.models {
            known.chatgpt = known.chatgpt.map(|_| false);
        }
        for model in &catalog.models {
            let known = self.get(&model.slug).cloned();
            self.insert(ModelEntry::from_info(model, known));
        }
    }

    /// Returns whether a model is a reasoning model; `None` if unknown.
    pub fn reasons(&self, model: &str) -> Option<bool> {
        self.get(model)?.reasons
    }

    /// Returns whether a model offers an effort; `None` if unknown.
    pub fn offers_effort(&self, model: &str, effort: &Effort) -> Option<bool> {
        let entry = self.get(model)?;
        match &entry.efforts {
            Some(efforts) => Some(efforts.contains(effort)),
            None if entry.reasons == Some(false) => Some(false),
            None => None,
        }
    }

    /// Returns whether a model can be used with a ChatGPT login; `None` if unknown.
    pub fn is_chatgpt(&self, model: &str) -> Option<bool> {
        self.get(model)?.chatgpt
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
    /// Whether it can be used with a ChatGPT login.
    pub chatgpt: Option<bool>,
    /// The context window in tokens, including output.
    pub context_window: Option<u64>,
    /// The maximum number of output tokens, including reasoning tokens.
    pub max_output_tokens: Option<u64>,
    /// Whether it accepts images.
    pub images: Option<bool>,
    /// Whether the ChatGPT backend expects Responses Lite for it (`use_responses_lite`).
    pub responses_lite: Option<bool>,
}

impl ModelEntry {
    /// Creates an entry of which only the name is known.
    pub fn new(slug: impl Into<Cow<'static, str>>) -> Self {
        Self {
            slug: slug.into(),
            ..Self::default()
        }
    }

    /// Creates an entry from the ChatGPT backend's description of a model, with the values of
    /// `known` where the description has none.
    pub fn from_info(info: &ModelInfo, known: Option<Self>) -> Self {
        let known = known.unwrap_or_default();
        let efforts: Option<Vec<Effort>> = info
            .supported_reasoning_levels
            .as_ref()
            .map(|levels| levels.iter().map(|level| level.effort.clone()).collect());
        let images = info
            .input_modalities
            .as_ref()
            .map(|modalities| modalities.iter().any(|modality| modality == "image"));
        Self {
            slug: info.slug.clone().into(),
            reasons: efforts
                .as_ref()
                .map(|efforts| !efforts.is_empty())
                .or(known.reasons),
            efforts: efforts.or(known.efforts),
            chatgpt: Some(true),
            context_window: info.context_window.or(known.context_window),
            max_output_tokens: known.max_output_tokens,
            images: images.or(known.images),
            responses_lite: info.use_responses_lite.or(known.responses_lite),
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
fn without_date(model: &str) -> Option<&str> {
    let front = model.len().checked_sub(11)?;
    let (name, date) = model.split_at_checked(front)?;
    let is_date = date.bytes().enumerate().all(|(at, byte)| match at {
        0 | 5 | 8 => byte == b'-',
        _ => byte.is_ascii_digit(),
    });
    is_date.then_some(name)
}

/// One row of the built-in table.
struct Known {
    slug: &'static str,
    /// `-` for a model without reasoning, `?` for unknown efforts.
    efforts: &'static str,
    chatgpt: bool,
    /// In tokens; zero if unknown.
    context_window: u64,
    max_output_tokens: u64,
}

impl Known {
    fn entry(&self) -> ModelEntry {
        let known = |tokens: u64| (tokens > 0).then_some(tokens);
        let is_listed = !matches!(self.efforts, "-" | "?");
        ModelEntry {
            slug: self.slug.into(),
            reasons: Some(self.efforts != "-"),
            efforts: is_listed.then(|| self.efforts.split(' ').map(Effort::from).collect()),
            chatgpt: Some(self.chatgpt),
            context_window: known(self.context_window),
            max_output_tokens: known(self.max_output_tokens),
            images: None,
            responses_lite: RESPONSES_LITE
                .iter()
                .find_map(|(slug, is_lite)| (*slug == self.slug).then_some(*is_lite)),
        }
    }
}

const fn known(
    slug: &'static str,
    efforts: &'static str,
    chatgpt: bool,
    context_window: u64,
    max_output_tokens: u64,
) -> Known {
    Known {
        slug,
        efforts,
        chatgpt,
        context_window,
        max_output_tokens,
    }
}

/// The models that the official client 0.171 sends Responses Lite, as observed on 2026-11-28. Those
/// from 5.6 on are reported to refuse other requests from a ChatGPT login.
const RESPONSES_LITE: &[(&str, bool)] = &[
    ("gpt-6.2-sol", true),
    ("gpt-6.2-astra", true),
    ("gpt-6.1-sol", true),
    ("gpt-6.1-terra", true),
    ("gpt-6-astra", true),
    ("gpt-6-sol", true),
    ("gpt-6-luna", true),
    ("gpt-5.6-sol", true),
    ("gpt-5.6-terra", true),
    ("gpt-5.6-luna", true),
    ("gpt-5.5", false),
];

const KNOWN: &[Known] = &[
    known("gpt-6.2-sol", "?", true, 0, 0),
    known("gpt-6.2-astra", "?", true, 0, 0),
    known("gpt-6.1-sol", "?", true, 0, 0),
    known("gpt-6.1-terra", "?", true, 0, 0),
    known("gpt-6-astra", "?", true, 0, 0),
    known("gpt-6-sol", "?", true, 0, 0),
    known("gpt-6-luna", "?", true, 0, 0),
    known("gpt-5.6-sol", "?", true, 0, 0),
    known("gpt-5.6-terra", "?", true, 0, 0),
    known("gpt-5.6-luna", "?", true, 0, 0),
    known("gpt-5.5", "?", true, 0, 0),
    known("gpt-5.5-pro", "?", false, 0, 0),
    known("gpt-5.4", "?", true, 0, 0),
    known("gpt-5.4-mini", "?", true, 0, 0),
    known("gpt-5.4-nano", "?", false, 0, 0),
    known("gpt-5.3-codex", "?", true, 400_000, 128_000),
    known(
        "gpt-5.2",
        "none low medium high xhigh",
        true,
        400_000,
        128_000,
    ),
    known("gpt-5.2-pro", "medium high xhigh", false, 400_000, 128_000),
    known("gpt-5.1", "none low medium high", false, 400_000, 128_000),
    known("gpt-5.1-codex", "low medium high", false, 400_000, 128_000),
    known(
        "gpt-5.1-codex-max",
        "low medium high xhigh",
        false,
        400_000,
        128_000,
    ),
    known("gpt-5", "minimal low medium high", false, 400_000, 128_000),
    known(
        "gpt-5-mini",
        "minimal low medium high",
        false,
        400_000,
        128_000,
    ),
    known(
        "gpt-5-nano",
        "minimal low medium high",
        false,
        400_000,
        128_000,
    ),
    known("gpt-5-codex", "low medium high", false, 400_000, 128_000),
    known("gpt-5-pro", "high", false, 400_000, 272_000),
    known("gpt-5-chat-latest", "-", false, 128_000, 16_384),
    known(
        "codex-mini-latest",
        "low medium high",
        false,
        200_000,
        100_000,
    ),
    known("o4-mini", "low medium high", false, 200_000, 100_000),
    known("o3", "low medium high", false, 200_000, 100_000),
    known("o3-mini", "low medium high", false, 200_000, 100_000),
    known("o3-pro", "low medium high", false, 200_000, 100_000),
    known("o1", "low medium high", false, 200_000, 100_000),
    known("o1-pro", "low medium high", false, 200_000, 100_000),
    known("gpt-4.1", "-", false, 1_047_576, 32_768),
    known("gpt-4.1-mini", "-", false, 1_047_576, 32_768),
    known("gpt-4.1-nano", "-", false, 1_047_576, 32_768),
    known("chatgpt-4o-latest", "-", false, 128_000, 16_384),
    known("gpt-4o", "-", false, 128_000, 16_384),
    known("gpt-4o-mini", "-", false, 128_000, 16_384),
    known("gpt-4-turbo", "-", false, 128_000, 4_096),
    known("gpt-4", "-", false, 8_192, 8_192),
    known("gpt-3.5-turbo", "-", false, 16_385, 4_096),
];

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
        assert_eq!(table.is_chatgpt("gpt-4o"), Some(false));
        assert_eq!(table.is_chatgpt("someone-elses"), None);
        assert_eq!(table.takes_lite("gpt-6.2-sol"), Some(true));
        assert_eq!(table.takes_lite("gpt-5.5"), Some(false));
        assert_eq!(table.takes_lite("someone-elses"), None);
        assert!(table.chatgpt_models().any(|model| model.slug == "gpt-5.5"));
        assert_eq!(table.get("é2025-08-07"), None);
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
        let slugs: Vec<_> = table.chatgpt_models().map(|model| &*model.slug).collect();
        assert_eq!(slugs, ["gpt-6-sol", "gpt-5.6-sol", "gpt-4o", "gpt-7"]);
        assert_eq!(table.takes_lite("gpt-7"), Some(true));
        assert_eq!(table.takes_lite("gpt-5.6-sol"), Some(false));
        // An entry without the key keeps what was known.
        assert_eq!(table.takes_lite("gpt-6-sol"), Some(true));
        assert_eq!(table.takes_lite("gpt-4o"), None);
        assert_eq!(table.get("gpt-7").unwrap().context_window, Some(9));
        assert_eq!(table.offers_effort("gpt-7", &Effort::High), Some(false));
        assert_eq!(table.get("gpt-4o").unwrap().max_output_tokens, Some(16_384));
        assert_eq!(table.is_chatgpt("gpt-5.5"), Some(false));
    }
}
