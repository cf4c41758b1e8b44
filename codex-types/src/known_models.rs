//! What was known about models when this version was released: the catalog of the ChatGPT backend
//! as data, and what is documented about the models of the platform.

use alloc::borrow::Cow;
use alloc::vec::Vec;

use crate::model_name::{ModelEntry, ModelTable, Sampling};
use crate::{Effort, ModelCatalog, ServiceTier};

impl ModelCatalog {
    /// Returns the catalog that this version was released with, for programs that are offline or
    /// have an API key only.
    ///
    /// [`fetched_at`](field@Self::fetched_at) is its date. It has limits, efforts, modalities,
    /// service tiers and the oldest client version of each model, and neither instructions nor
    /// descriptions. `codex-types/data/models.json` is regenerated from a response of the endpoint
    /// by the example `models`.
    ///
    /// ```
    /// use codex_types::ModelCatalog;
    ///
    /// let catalog = ModelCatalog::bundled();
    /// let model = catalog.models.iter().find(|model| model.slug == "gpt-5.5").unwrap();
    /// assert_eq!(model.context_window, Some(272_000));
    /// assert_eq!(catalog.fetched_at.as_deref(), Some("2026-11-28"));
    /// ```
    pub fn bundled() -> Self {
        // A test reads the file, so the default is never returned.
        Self::from_json(include_str!("../data/models.json")).unwrap_or_default()
    }
}

impl ModelTable {
    /// Creates the table that this version was released with: the models of
    /// [`ModelCatalog::bundled`], and what is documented about those of the platform.
    pub fn new() -> Self {
        Self {
            models: entries(),
            chatgpt_is_complete: false,
            aliases: Vec::new(),
            tier_suffixes: Vec::from([("-fast".into(), ServiceTier::Priority)]),
        }
    }
}

/// Returns the entries of the built-in table, which are created once.
#[cfg(feature = "std")]
fn entries() -> Cow<'static, [ModelEntry]> {
    static ENTRIES: std::sync::OnceLock<Vec<ModelEntry>> = std::sync::OnceLock::new();
    Cow::Borrowed(ENTRIES.get_or_init(created))
}

/// Returns the entries of the built-in table. Without `std` there is no cell to keep them in.
#[cfg(not(feature = "std"))]
fn entries() -> Cow<'static, [ModelEntry]> {
    Cow::Owned(created())
}

fn created() -> Vec<ModelEntry> {
    let mut table = ModelTable::empty();
    table.models = PLATFORM.iter().map(Known::entry).collect();
    table.add(&ModelCatalog::bundled());
    let mut entries = table.models.into_owned();
    for entry in &mut entries {
        let mut families = CACHE_BREAKPOINTS.iter();
        if let Some((_, takes)) = families.find(|(family, _)| entry.slug.starts_with(family)) {
            entry.cache_breakpoints = Some(*takes);
        }
    }
    entries
}

/// One row about a model of the platform.
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
        let mut entry = ModelEntry::new(self.slug);
        entry.reasons = Some(self.efforts != "-");
        entry.efforts = is_listed.then(|| self.efforts.split(' ').map(Effort::from).collect());
        entry.chatgpt = Some(self.chatgpt);
        entry.context_window = known(self.context_window);
        entry.max_output_tokens = known(self.max_output_tokens);
        entry.sampling = self.sampling();
        entry.cache_breakpoints = Some(false);
        entry
    }

    /// According to OpenAI's guides to its models (November 2026), models without reasoning take
    /// sampling parameters, those with the effort `none` take them with it, and others refuse them.
    fn sampling(&self) -> Option<Sampling> {
        match self.efforts {
            "-" => Some(Sampling::Yes),
            "?" => None,
            efforts if efforts.starts_with("none ") => Some(Sampling::WithoutReasoning),
            _ => Some(Sampling::No),
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

/// Whether requests may have breakpoints of the prompt cache. According to the API's reference
/// (November 2026), models from 5.6 on take them.
const CACHE_BREAKPOINTS: &[(&str, bool)] =
    &[("gpt-5.5", false), ("gpt-5.6", true), ("gpt-6", true)];

const PLATFORM: &[Known] = &[
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
