//! The token usage of a response.

use core::ops::{AddAssign, Sub};

use crate::Number;
use crate::wire::object::object;

object! {
    /// The token usage of a response: API object `ResponseUsage`.
    pub struct Usage {
        required {
            /// Input tokens.
            input_tokens = u64,
            /// Output tokens, including reasoning tokens.
            output_tokens = u64,
            /// The sum of both.
            total_tokens = u64,
        }
        plain {
            /// A breakdown of the input tokens.
            input_tokens_details: InputTokensDetails,
            /// A breakdown of the output tokens.
            output_tokens_details: OutputTokensDetails,
        }
        optional {
            /// The budget units used (ChatGPT backend).
            codex_rollout_budget_units: Number,
        }
    }
}

impl Usage {
    /// Tokens read from the cache.
    pub fn cached_tokens(&self) -> u64 {
        self.input_tokens_details.cached_tokens
    }

    /// Returns the portion of the input tokens that was read from the cache, from 0 to 1; `None`
    /// without input tokens.
    ///
    /// ```
    /// use codex_types::Usage;
    ///
    /// let mut usage = Usage::new(200, 10, 210);
    /// usage.input_tokens_details.cached_tokens = 150;
    /// assert_eq!(usage.cached_ratio(), Some(0.75));
    /// assert_eq!(Usage::default().cached_ratio(), None);
    /// ```
    pub fn cached_ratio(&self) -> Option<f64> {
        let ratio = self.cached_tokens() as f64 / self.input_tokens as f64;
        (self.input_tokens > 0).then_some(ratio)
    }

    /// Returns the reasoning tokens, which are part of the output tokens.
    pub fn reasoning_tokens(&self) -> u64 {
        self.output_tokens_details.reasoning_tokens
    }
}

impl Sub for &Usage {
    type Output = Usage;

    /// Returns the tokens since an earlier total; at least zero. Unknown keys are not subtracted.
    fn sub(self, earlier: Self) -> Usage {
        let mut rest = Usage::new(
            self.input_tokens.saturating_sub(earlier.input_tokens),
            self.output_tokens.saturating_sub(earlier.output_tokens),
            self.total_tokens.saturating_sub(earlier.total_tokens),
        );
        let (input, less) = (&self.input_tokens_details, &earlier.input_tokens_details);
        rest.input_tokens_details.cached_tokens =
            input.cached_tokens.saturating_sub(less.cached_tokens);
        rest.input_tokens_details.cache_write_tokens = input
            .cache_write_tokens
            .saturating_sub(less.cache_write_tokens);
        rest.output_tokens_details.reasoning_tokens = self
            .reasoning_tokens()
            .saturating_sub(earlier.reasoning_tokens());
        rest
    }
}

impl AddAssign<&Self> for Usage {
    /// Adds the tokens of another response. Unknown keys are not added.
    fn add_assign(&mut self, other: &Self) {
        let add = |sum: &mut u64, value: u64| *sum = sum.saturating_add(value);
        add(&mut self.input_tokens, other.input_tokens);
        add(&mut self.output_tokens, other.output_tokens);
        add(&mut self.total_tokens, other.total_tokens);
        let (input, more) = (&mut self.input_tokens_details, &other.input_tokens_details);
        add(&mut input.cached_tokens, more.cached_tokens);
        add(&mut input.cache_write_tokens, more.cache_write_tokens);
        add(
            &mut self.output_tokens_details.reasoning_tokens,
            other.output_tokens_details.reasoning_tokens,
        );
    }
}

object! {
    /// A breakdown of the input tokens.
    pub struct InputTokensDetails {
        plain {
            /// Tokens read from the cache.
            cached_tokens: u64,
            /// Tokens written to the cache.
            cache_write_tokens: u64,
        }
        optional {
            /// Tokens written to the cache, by lifetime.
            cache_write_tokens_details: CacheWriteTokensDetails,
        }
    }
}

object! {
    /// The tokens written to the cache, by lifetime.
    pub struct CacheWriteTokensDetails {
        plain {
            /// Tokens with a lifetime of 30 minutes.
            ttl_30m_tokens: u64,
            /// Tokens with a lifetime of 12 hours.
            ttl_12h_tokens: u64,
        }
    }
}

object! {
    /// A breakdown of the output tokens.
    pub struct OutputTokensDetails {
        plain {
            /// Reasoning tokens.
            reasoning_tokens: u64,
        }
    }
}

object! {
    /// The usage of hosted tools.
    pub struct ToolUsage {
        plain {
            /// Image generation.
            image_gen: ImageUsage,
            /// Web search.
            web_search: WebSearchUsage,
        }
    }
}

object! {
    /// The token usage of image generation.
    pub struct ImageUsage {
        plain {
            /// Input tokens.
            input_tokens: u64,
            /// A breakdown of the input tokens.
            input_tokens_details: ImageTokensDetails,
            /// Output tokens.
            output_tokens: u64,
            /// The sum of both.
            total_tokens: u64,
        }
        optional {
            /// A breakdown of the output tokens.
            output_tokens_details: ImageTokensDetails,
            /// Tokens read from the cache.
            cached_tokens = u64,
            /// A breakdown of the cached tokens.
            cached_tokens_details: CachedImageTokensDetails,
        }
    }
}

object! {
    /// The image tokens and text tokens of a total.
    pub struct ImageTokensDetails {
        plain {
            /// Image tokens.
            image_tokens: u64,
            /// Text tokens.
            text_tokens: u64,
        }
    }
}

object! {
    /// The image tokens and text tokens read from the cache.
    pub struct CachedImageTokensDetails {
        plain {
            /// Image tokens.
            cached_image_tokens: u64,
            /// Text tokens.
            cached_text_tokens: u64,
        }
    }
}

object! {
    /// The usage of web search.
    pub struct WebSearchUsage {
        plain {
            /// The number of searches.
            num_requests: u64,
        }
    }
}
