// Making a conversation shorter. There are two ways: an endpoint of its own, and an ordinary request whose last item asks for it.

use codex_types::profile::{Channel, RequestForm};
use codex_types::{
    CompactRequest, Compaction, CompactionTrigger, CreateResponse, OutputItem, Response,
};
use http::Method;

use crate::calls::call::Call;
use crate::calls::unary::Unary;
use crate::client::Client;
use crate::error::Error;
use crate::request::{policy, unfit};

impl Client {
    /// Makes a conversation shorter by the endpoint `responses/compact`; [`Compaction::to_input`] is what stands for it from here on.
    ///
    /// # Errors
    ///
    /// As for [`retrieve`](Self::retrieve).
    pub fn compact<'a>(&'a self, request: &'a CompactRequest) -> Call<'a, Compaction> {
        Call::new(move |options| {
            Box::pin(async move {
                let shared = self.shared();
                let profile = shared.target().await?.profile;
                let model = &request.model;
                let policy = policy(shared, &profile, &options, model, Channel::Http);
                let fitted = profile.fit_compact(request, &policy).map_err(unfit)?;
                let mut options = options;
                options.identity.responses_lite = fitted.form == RequestForm::Lite;
                let path = "responses/compact";
                let call = Unary::new(shared, &options, Method::POST, path).await?;
                call.with_body(&fitted.request)?.fetch().await
            })
        })
    }

    /// Makes a conversation shorter by an ordinary request whose last item is a `compaction_trigger`: the way of the ChatGPT backend. The
    /// response has exactly one compaction item in it, which stands for the reasoning, calls and outputs before it.
    ///
    /// # Errors
    ///
    /// As for [`create`](Self::create), and [`Protocol`](crate::ErrorKind::Protocol) with the response as [partial](Error::partial) when it
    /// holds no compaction item, or several.
    pub fn compact_by_trigger<'a>(&'a self, request: &CreateResponse) -> Call<'a, Response> {
        let mut request = request.clone();
        let input = request.input.get_or_insert_with(|| Vec::new().into());
        input.push(CompactionTrigger::new());
        Call::new(move |options| {
            Box::pin(async move {
                let response = self.create(&request).options(options).await?;
                let compactions = response.output.iter().filter(|item| is_compaction(item));
                match compactions.count() {
                    1 => Ok(response),
                    _ => Err(Error::protocol(ITEMS).with_partial(response)),
                }
            })
        })
    }
}

pub(crate) fn is_compaction(item: &OutputItem) -> bool {
    matches!(
        item,
        OutputItem::Compaction(_) | OutputItem::ContextCompaction(_)
    )
}

const ITEMS: &str = "the answer to a request for compaction holds not exactly one compaction item";
