//! The cost of requests, by prices that the caller supplies.

use alloc::string::String;
use alloc::vec::Vec;

use crate::lint::estimate_size;
use crate::wire::object::object;
use crate::{CreateResponse, DecodeError, Number, RawJson, Response, ServiceTier, Usage};

object! {
    /// Prices of models. This crate has none: they are not in the API, and they change.
    ///
    /// A price is per million tokens, in any currency. A program reads its table from a file, or
    /// creates it:
    ///
    /// ```
    /// use codex_types::{PriceTable, Usage};
    ///
    /// // Invented prices.
    /// let table = PriceTable::from_json(r#"{"prices":[
    ///     {"model":"some-model","input":2,"cached_input":0.5,"output":8},
    ///     {"model":"some-model","service_tier":"priority","input":4,"output":16},
    ///     {"model":"some-model","above_input_tokens":200000,"input":3,"output":9}
    /// ]}"#)?;
    /// let mut usage = Usage::new(100_000, 10_000, 110_000);
    /// usage.input_tokens_details.cached_tokens = 80_000;
    /// let cost = table.cost_of("some-model", None, &usage).unwrap();
    /// assert!((cost - 0.16).abs() < 1e-9); // 20,000 at 2, 80,000 at 0.5, 10,000 at 8
    /// assert_eq!(table.cost_of("other-model", None, &usage), None);
    /// # Ok::<(), codex_types::DecodeError>(())
    /// ```
    pub struct PriceTable {
        plain {
            /// The prices. Of several that apply, the one with the highest
            /// [`above_input_tokens`](field@Price::above_input_tokens) counts.
            prices: Vec<Price>,
        }
    }
}

object! {
    /// The prices of one model, per million tokens.
    pub struct Price {
        required {
            /// The model. A dated name such as `some-model-2026-11-29` has the price of the name
            /// without its date, unless it has its own.
            model: String,
            /// Input tokens that were not read from the cache.
            input: Number,
            /// Output tokens, including those of reasoning.
            output: Number,
        }
        optional {
            /// Input tokens that were read from the cache; without it, they cost as much as others.
            cached_input: Number,
            /// Input tokens that were written to the cache; without it, they cost as much as
            /// others.
            cache_write: Number,
            /// The service tier that the price is for; without it, the default tier.
            service_tier: ServiceTier,
            /// The price is for requests with more input tokens than these.
            above_input_tokens = u64,
        }
    }
}

/// The cost of a request that has not been sent.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct CostEstimate {
    /// The input tokens; see [`SizeEstimate::tokens`](field@crate::lint::SizeEstimate::tokens).
    pub input_tokens: u64,
    /// The cost of the input, as if nothing were cached.
    pub input: f64,
    /// The highest cost of the output, if the request limits it.
    pub max_output: Option<f64>,
}

impl PriceTable {
    /// Creates an empty table.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads a table.
    ///
    /// # Errors
    ///
    /// Fails when the text is not a JSON object.
    pub fn from_json(text: &str) -> Result<Self, DecodeError> {
        RawJson::parse(text)?.decode()
    }

    /// Returns the cost of a response; `None` if it has no usage, or its model no price.
    ///
    /// The model and the service tier are those that the response names, not those that were
    /// requested. Calls of hosted tools are billed separately and are not included.
    pub fn cost(&self, response: &Response) -> Option<f64> {
        let usage = response.usage.as_deref()?;
        self.cost_of(&response.model, response.service_tier.as_ref(), usage)
    }

    /// Returns the cost of this usage of a model; `None` if the model has no price in this tier.
    pub fn cost_of(&self, model: &str, tier: Option<&ServiceTier>, usage: &Usage) -> Option<f64> {
        Some(self.price(model, tier, usage.input_tokens)?.cost(usage))
    }

    /// Estimates the cost of a request; `None` if its model has no price in its tier.
    ///
    /// # Errors
    ///
    /// Returns an error when the request nests deeper than 128 levels.
    ///
    /// ```
    /// use codex_types::{CreateResponse, Price, PriceTable};
    ///
    /// let mut table = PriceTable::new();
    /// table.prices.push(Price::new("some-model", 2, 8)); // invented
    /// let request = CreateResponse::new("some-model").input("What is the capital of France?");
    /// let estimate = table.estimate(&request.max_output_tokens(1000_u64))?.unwrap();
    /// assert_eq!(estimate.input_tokens, 8);
    /// assert_eq!(estimate.max_output, Some(0.008));
    /// # Ok::<(), codex_types::DecodeError>(())
    /// ```
    pub fn estimate(&self, request: &CreateResponse) -> Result<Option<CostEstimate>, DecodeError> {
        let input_tokens = estimate_size(&RawJson::encode(request)?)?.tokens;
        let tier = request.service_tier.as_ref();
        let price = self.price(&request.model, tier, input_tokens);
        Ok(price.map(|price| CostEstimate {
            input_tokens,
            input: per_million(input_tokens, &price.input),
            max_output: request
                .max_output_tokens
                .map(|tokens| per_million(tokens, &price.output)),
        }))
    }

    /// Returns the price of a request with this many input tokens.
    pub fn price(
        &self,
        model: &str,
        tier: Option<&ServiceTier>,
        input_tokens: u64,
    ) -> Option<&Price> {
        let tier = tier.filter(|tier| !is_default(tier));
        let of = |name: &str| {
            let applies = |price: &&Price| {
                price.model == name
                    && price.service_tier.as_ref().filter(|it| !is_default(it)) == tier
                    && price
                        .above_input_tokens
                        .is_none_or(|above| input_tokens > above)
            };
            let prices = self.prices.iter().filter(applies);
            prices.max_by_key(|price| price.above_input_tokens)
        };
        of(model).or_else(|| of(crate::model_name::without_date(model)?))
    }
}

impl Price {
    /// Returns the cost of this usage.
    pub fn cost(&self, usage: &Usage) -> f64 {
        let details = &usage.input_tokens_details;
        let cached = details.cached_tokens.min(usage.input_tokens);
        let written = details.cache_write_tokens.min(usage.input_tokens - cached);
        let rest = usage.input_tokens - cached - written;
        per_million(rest, &self.input)
            + per_million(cached, self.cached_input.as_ref().unwrap_or(&self.input))
            + per_million(written, self.cache_write.as_ref().unwrap_or(&self.input))
            + per_million(usage.output_tokens, &self.output)
    }
}

/// Whether the tier has the prices of requests that name none.
fn is_default(tier: &ServiceTier) -> bool {
    matches!(tier, ServiceTier::Auto | ServiceTier::Default)
}

fn per_million(tokens: u64, price: &Number) -> f64 {
    tokens as f64 * price.as_f64() / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> PriceTable {
        PriceTable::from_json(
            r#"{"currency":"of the test","prices":[
                {"model":"m","input":1,"output":10,"cached_input":0.1,"cache_write":1.25},
                {"model":"m","input":2,"output":15,"above_input_tokens":100},
                {"model":"m","input":7,"output":70,"service_tier":"priority"},
                {"model":"m-2026-11-29","input":3,"output":30}]}"#,
        )
        .unwrap()
    }

    fn near(cost: Option<f64>, expected: f64) -> bool {
        cost.is_some_and(|cost| (cost * 1e6 - expected).abs() < 1e-6)
    }

    #[test]
    fn each_kind_of_token_has_its_price() {
        let mut usage = Usage::new(100, 10, 110);
        usage.input_tokens_details.cached_tokens = 50;
        usage.input_tokens_details.cache_write_tokens = 20;
        let cost = table().cost_of("m", None, &usage);
        assert!(near(cost, 30.0 + 5.0 + 25.0 + 100.0), "{cost:?}");
        // Without their own prices they cost as much as others.
        let cost = table().cost_of("m", Some(&ServiceTier::Priority), &usage);
        assert!(near(cost, 700.0 + 700.0), "{cost:?}");
    }

    #[test]
    fn the_price_is_that_of_model_tier_and_size() {
        let table = table();
        let input = |model: &str, tier: Option<ServiceTier>, tokens: u64| {
            let price = table.price(model, tier.as_ref(), tokens)?;
            price.input.as_u64()
        };
        assert_eq!(input("m", None, 100), Some(1));
        assert_eq!(input("m", Some(ServiceTier::Default), 100), Some(1));
        assert_eq!(input("m", None, 101), Some(2));
        assert_eq!(input("m", Some(ServiceTier::Priority), 101), Some(7));
        assert_eq!(input("m", Some(ServiceTier::Flex), 1), None);
        assert_eq!(input("m-2026-11-29", None, 1), Some(3));
        assert_eq!(input("m-2026-11-30", None, 1), Some(1));
        assert_eq!(input("n", None, 1), None);
    }

    #[test]
    fn a_response_costs_what_it_names() {
        let response = r#"{"id":"r","model":"m","status":"completed","output":[],"service_tier":"default",
            "usage":{"input_tokens":10,"output_tokens":1,"total_tokens":11}}"#;
        let response: Response = RawJson::parse(response).unwrap().decode().unwrap();
        assert!(near(table().cost(&response), 20.0));
        assert_eq!(table().cost(&Response::default()), None);
        // Inconsistent numbers of a server do not overflow.
        let mut usage = Usage::new(1, 0, 1);
        usage.input_tokens_details.cached_tokens = 5;
        usage.input_tokens_details.cache_write_tokens = 5;
        assert!(near(table().cost_of("m", None, &usage), 0.1));
    }
}
