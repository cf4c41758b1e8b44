//! What a response cost, in tokens.

use core::ops::{AddAssign, Sub};

use crate::Number;
use crate::wire::object::object;

object! {
    /// What a response cost: API object `ResponseUsage`.
    pub struct Usage {
        required {
            /// Tokens read.
            input_tokens = u64,
            /// Tokens written, reasoning included.
            output_tokens = u64,
            /// Both together.
            total_tokens = u64,
        }
        plain {
            /// Of those read.
            input_tokens_details: InputTokensDetails,
            /// Of those written.
            output_tokens_details: OutputTokensDetails,
        }
        optional {
            /// What it took out of the budget: the ChatGPT backend.
            codex_rollout_budget_units: Number,
        }
    }
}

impl Usage {
    /// Tokens read out of the cache.
    pub fn cached_tokens(&self) -> u64 {
        self.input_tokens_details.cached_tokens
    }

    /// Tokens of reasoning, which are part of those written.
    pub fn reasoning_tokens(&self) -> u64 {
        self.output_tokens_details.reasoning_tokens
    }
}

impl Sub for &Usage {
    type Output = Usage;

    /// The tokens since an earlier total; at least zero. Keys that this version does not know are not subtracted.
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
    /// Adds the tokens of another response. Keys that this version does not know are not added up.
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
    /// Where the tokens read came from.
    pub struct InputTokensDetails {
        plain {
            /// Out of the cache.
            cached_tokens: u64,
            /// Put into the cache.
            cache_write_tokens: u64,
        }
        optional {
            /// Put into the cache, by how long they stay there.
            cache_write_tokens_details: CacheWriteTokensDetails,
        }
    }
}

object! {
    /// Tokens put into the cache, by how long they stay there.
    pub struct CacheWriteTokensDetails {
        plain {
            /// Half an hour.
            ttl_30m_tokens: u64,
            /// Half a day.
            ttl_12h_tokens: u64,
        }
    }
}

object! {
    /// What the tokens written were for.
    pub struct OutputTokensDetails {
        plain {
            /// For reasoning.
            reasoning_tokens: u64,
        }
    }
}

object! {
    /// What hosted tools cost.
    pub struct ToolUsage {
        plain {
            /// Making images.
            image_gen: ImageUsage,
            /// Searching the web.
            web_search: WebSearchUsage,
        }
    }
}

object! {
    /// What making images cost, in tokens.
    pub struct ImageUsage {
        plain {
            /// Tokens read.
            input_tokens: u64,
            /// Of those.
            input_tokens_details: ImageTokensDetails,
            /// Tokens written.
            output_tokens: u64,
            /// Both together.
            total_tokens: u64,
        }
        optional {
            /// Of those written.
            output_tokens_details: ImageTokensDetails,
            /// Tokens read out of the cache.
            cached_tokens = u64,
            /// Of those.
            cached_tokens_details: CachedImageTokensDetails,
        }
    }
}

object! {
    /// Tokens of images and of text.
    pub struct ImageTokensDetails {
        plain {
            /// Of images.
            image_tokens: u64,
            /// Of text.
            text_tokens: u64,
        }
    }
}

object! {
    /// Tokens of images and of text that came out of the cache.
    pub struct CachedImageTokensDetails {
        plain {
            /// Of images.
            cached_image_tokens: u64,
            /// Of text.
            cached_text_tokens: u64,
        }
    }
}

object! {
    /// What searching the web cost.
    pub struct WebSearchUsage {
        plain {
            /// How many searches there were.
            num_requests: u64,
        }
    }
}
