// A stored background response outlives the connection it was watched over: the server is asked to go on behind the last event that was
// handed out. What it sends twice is passed over by its number, and a hole between the numbers is an error, never silence.

use core::future::Future;
use core::pin::Pin;
use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use codex_types::CreateResponse;
use codex_types::profile::Channel;
use http::header::ACCEPT;
use http::{HeaderValue, Method, Request, Uri};

use crate::attempt::Attempts;
use crate::error::Error;
use crate::failure;
use crate::stream::ResponseStream;

use super::count::add;
use super::plan::Plan;
use super::start::{Started, Way, first_of};

/// Where a response broke off.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) response_id: String,
    /// The number of the last event that was handed out.
    pub(super) starting_after: u64,
}

/// A stream that is asked to go on.
pub(super) type Resuming = Pin<Box<dyn Future<Output = Result<Started, Error>> + Send>>;

/// Whether the server keeps the response, so that it can be asked for again.
pub(super) fn is_kept(request: &CreateResponse) -> bool {
    request.background == Some(true) && request.store != Some(false)
}

/// Asks for the events behind the place.
pub(super) fn resume(plan: Arc<Plan>, place: Place) -> Resuming {
    Box::pin(async move {
        let mut request = Request::new(Bytes::new());
        *request.method_mut() = Method::GET;
        *request.uri_mut() = target(&plan.turn.target.base, &place)?;
        *request.headers_mut() = plan.turn.headers(Channel::Http)?;
        let accept = HeaderValue::from_static("text/event-stream");
        request.headers_mut().insert(ACCEPT, accept);
        request.extensions_mut().insert(plan.turn.timeouts);
        add(&plan.counters.resumes, 1);
        let inner = plan.client.inner();
        let opened = Attempts::new(plan.client.clone(), request).open().await?;
        let mut stream = ResponseStream::new(
            opened,
            Vec::new(),
            inner.limits,
            plan.turn.timeouts,
            inner.timer.clone(),
        );
        let early: VecDeque<_> = first_of(&mut stream).await?.into_iter().collect();
        Ok(Started {
            way: Way::Http(Box::new(stream)),
            early,
        })
    })
}

fn target(base: &Uri, place: &Place) -> Result<Uri, Error> {
    // The id comes from the server and goes into a path.
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    if place.response_id.is_empty() || !place.response_id.bytes().all(is_plain) {
        return Err(Error::request(RESPONSE_ID));
    }
    let uri = failure::join(base, &format!("responses/{}", place.response_id))?;
    let separator = if uri.query().is_some() { '&' } else { '?' };
    format!(
        "{uri}{separator}stream=true&starting_after={}",
        place.starting_after
    )
    .parse()
    .map_err(|_| Error::request(RESPONSE_ID))
}

const RESPONSE_ID: &str = "the response has an id that cannot stand in a URL";

#[cfg(test)]
mod tests {
    use super::*;

    fn place(response_id: &str) -> Place {
        Place {
            response_id: response_id.into(),
            starting_after: 17,
        }
    }

    #[test]
    fn the_place_is_in_the_url_beside_what_the_base_has() {
        let plain = Uri::from_static("https://api.test/v1");
        let expected = "https://api.test/v1/responses/resp_1?stream=true&starting_after=17";
        assert_eq!(target(&plain, &place("resp_1")).unwrap(), expected);
        let with_query = Uri::from_static("https://api.test/v1?api-version=1");
        let expected =
            "https://api.test/v1/responses/resp_1?api-version=1&stream=true&starting_after=17";
        assert_eq!(target(&with_query, &place("resp_1")).unwrap(), expected);
        for id in ["", "../models", "resp_1?x=", "resp 1"] {
            assert!(target(&plain, &place(id)).is_err(), "{id}");
        }
    }

    #[test]
    fn only_what_is_kept_can_be_resumed() {
        let request = || CreateResponse::new("some-model");
        assert!(!is_kept(&request()));
        assert!(!is_kept(&request().store(true)));
        assert!(!is_kept(&request().background(true).store(false)));
        assert!(is_kept(&request().background(true)));
    }
}
