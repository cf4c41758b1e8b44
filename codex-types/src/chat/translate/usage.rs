//! Conversion of token counts between chat and Responses.

use alloc::string::String;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::chat::tolerant::count;
use crate::chat::{ChatCompletionTokensDetails, ChatPromptTokensDetails, ChatUsage};
use crate::lint::tree::{Node, Value};
use crate::wire::key::push_entry;
use crate::wire::known::set_value;
use crate::{RawJson, Usage};

impl ChatUsage {
    /// Returns the total number of tokens: as the server sent it, else the sum of both parts.
    ///
    /// ```
    /// use codex_types::RawJson;
    /// use codex_types::chat::ChatUsage;
    ///
    /// let usage = RawJson::parse(r#"{"prompt_tokens":11,"completion_tokens":5.0}"#)?;
    /// assert_eq!(usage.decode::<ChatUsage>()?.total(), 16);
    /// # Ok::<(), codex_types::DecodeError>(())
    /// ```
    pub fn total(&self) -> u64 {
        let sum = self.prompt().saturating_add(self.completion());
        self.first(self.total_tokens, &["total_tokens"])
            .unwrap_or(sum)
    }

    fn prompt(&self) -> u64 {
        self.first(self.prompt_tokens, &["prompt_tokens", "input_tokens"])
            .unwrap_or_default()
    }

    fn completion(&self) -> u64 {
        self.first(
            self.completion_tokens,
            &["completion_tokens", "output_tokens"],
        )
        .unwrap_or_default()
    }

    /// Returns the value of a field, else that of the first key without a field.
    fn first(&self, field: u64, keys: &[&str]) -> Option<u64> {
        let others = keys.iter().filter_map(|key| count(&self.extra, key));
        Some(field)
            .into_iter()
            .chain(others)
            .find(|count| *count > 0)
    }
}

impl From<&ChatUsage> for Usage {
    /// Reads counts that are written with a fraction, adds up a missing total, and takes cached
    /// tokens from `prompt_cache_hit_tokens` or `cached_tokens` if the details have none.
    fn from(usage: &ChatUsage) -> Self {
        let mut translated = Self::new(usage.prompt(), usage.completion(), usage.total());
        let input = &mut translated.input_tokens_details;
        *input = recode_counts(&usage.prompt_tokens_details);
        if input.cached_tokens == 0 {
            let keys = ["prompt_cache_hit_tokens", "cached_tokens"];
            input.cached_tokens = usage.first(0, &keys).unwrap_or_default();
        }
        set_value(input, "cached_tokens");
        let output = &mut translated.output_tokens_details;
        *output = recode_counts(&usage.completion_tokens_details);
        set_value(output, "reasoning_tokens");
        translated
    }
}

impl From<&Usage> for ChatUsage {
    /// Reasoning tokens are part of the output tokens in both APIs and are not added again.
    fn from(usage: &Usage) -> Self {
        let mut prompt: ChatPromptTokensDetails = recode_counts(&usage.input_tokens_details);
        prompt.cached_tokens.get_or_insert(0);
        prompt.cache_write_tokens = prompt.cache_write_tokens.filter(|count| *count > 0);
        let mut completion: ChatCompletionTokensDetails =
            recode_counts(&usage.output_tokens_details);
        completion.reasoning_tokens.get_or_insert(0);
        Self::new(usage.input_tokens, usage.output_tokens, usage.total_tokens)
            .prompt_tokens_details(prompt)
            .completion_tokens_details(completion)
    }
}

/// Reads the details of one API as those of the other, whose keys have the same names.
fn recode_counts<T: Serialize, U: DeserializeOwned + Default>(details: &T) -> U {
    let raw = RawJson::encode(details).unwrap_or_default();
    let Ok(node) = Node::read(&raw) else {
        return U::default();
    };
    let mut json = String::from("{");
    for (name, value) in node.members() {
        let value = match &value.value {
            Value::Null => continue,
            Value::Number(text) => text.strip_suffix(".0").unwrap_or(text),
            _ => value.text,
        };
        push_entry(
            &mut json,
            &(&**name).into(),
            &RawJson::trusted(value.into()),
        );
    }
    json.push('}');
    RawJson::trusted(json).decode().unwrap_or_default()
}
