//! Compacting a conversation. There are two ways: a dedicated endpoint, and an ordinary request
//! whose last item triggers a compaction.

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
    /// Compacts a conversation through the endpoint `responses/compact`.
    ///
    /// Send [`Compaction::to_input`] instead of the conversation from then on.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`retrieve`](Self::retrieve).
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

    /// Compacts a conversation through an ordinary request whose last item is a
    /// `compaction_trigger`, as the ChatGPT backend expects it.
    ///
    /// The response contains exactly one compaction item, which replaces the reasoning, calls and
    /// outputs before it.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`create`](Self::create), and
    /// [`Protocol`](crate::ErrorKind::Protocol), with the response as [partial](Error::partial),
    /// when it contains no compaction item or several.
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

const ITEMS: &str = "expected exactly one compaction item in the response";
