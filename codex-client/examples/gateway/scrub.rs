//! Removes credentials that a service echoes from everything that it sends, before anything else
//! reads it: bodies and headers in the HTTP transport, messages of a WebSocket where they are
//! passed on.

use core::pin::Pin;
use core::task::{Context, Poll};
use std::sync::{Arc, PoisonError, RwLock};

use bytes::Bytes;
use codex_transport::{Body, Error, HttpTransport, Redactor, Upgrade, WsTransport};
use http::header::{AUTHORIZATION, PROXY_AUTHORIZATION};
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body::Frame;
use memchr::memmem::Finder;

type Finders = Arc<[Finder<'static>]>;

/// The credentials that were sent so far in all their spellings, the newest first.
#[derive(Clone, Default)]
pub(crate) struct Secrets {
    known: Arc<RwLock<Finders>>,
}

impl Secrets {
    /// Returns the text without credentials.
    pub(crate) fn text(&self, text: String) -> String {
        match clean(text.as_bytes(), &self.read()) {
            Some(cleaned) => String::from_utf8_lossy(&cleaned).into_owned(),
            None => text,
        }
    }

    /// Records the credentials of a request.
    fn learn(&self, headers: &HeaderMap) -> Finders {
        let known = self.read();
        let is_new = |secret: &[u8]| known.iter().all(|finder| finder.needle() != secret);
        let new: Vec<&[u8]> = of(headers).filter(|secret| is_new(secret)).collect();
        if new.is_empty() {
            return known;
        }
        let new = new
            .into_iter()
            .flat_map(Redactor::spellings)
            .map(|spelling| Finder::new(&spelling).into_owned());
        let all: Finders = new.chain(known.iter().cloned()).take(MOST).collect();
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.clone_from(&all);
        all
    }

    fn read(&self) -> Finders {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.clone()
    }
}

/// Returns the values that authenticate, without their scheme, and the name of the account.
fn of(headers: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    let is_secret = |name: &http::HeaderName, value: &HeaderValue| {
        value.is_sensitive()
            || [AUTHORIZATION, PROXY_AUTHORIZATION].contains(name)
            || name == "chatgpt-account-id"
    };
    let values = headers
        .iter()
        .filter(move |(name, value)| is_secret(name, value));
    values
        .filter_map(|(_, value)| value.as_bytes().rsplit(|byte| *byte == b' ').next())
        .filter(|secret| secret.len() >= SHORTEST)
}

/// Returns the bytes without credentials, or `None` if they contain none.
fn clean(bytes: &[u8], secrets: &[Finder<'static>]) -> Option<Vec<u8>> {
    let mut cleaned: Option<Vec<u8>> = None;
    for finder in secrets {
        let text = cleaned.as_deref().unwrap_or(bytes);
        if finder.find(text).is_none() {
            continue;
        }
        let (mut out, mut from) = (Vec::with_capacity(text.len()), 0);
        for at in finder.find_iter(text) {
            out.extend_from_slice(&text[from..at]);
            out.extend_from_slice(REDACTED);
            from = at + finder.needle().len();
        }
        out.extend_from_slice(&text[from..]);
        cleaned = Some(out);
    }
    cleaned
}

/// Returns the number of bytes at the end that may be the beginning of a credential.
fn unfinished(bytes: &[u8], secrets: &[Finder<'static>]) -> usize {
    let Some(last) = bytes.last() else {
        return 0;
    };
    let longest = |secret: &[u8]| {
        memchr::memrchr_iter(*last, &secret[..secret.len() - 1])
            .map(|at| at + 1)
            .find(|length| bytes.ends_with(&secret[..*length]))
    };
    let lengths = secrets.iter().filter_map(|finder| longest(finder.needle()));
    lengths.max().unwrap_or(0)
}

/// A transport that removes credentials from responses.
#[derive(Clone)]
pub(crate) struct Scrubbing<T> {
    pub(crate) transport: T,
    pub(crate) secrets: Secrets,
}

impl<T: HttpTransport> HttpTransport for Scrubbing<T> {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Body>, Error> {
        let secrets = self.secrets.learn(request.headers());
        let mut response = self.transport.send(request).await?;
        if secrets.is_empty() {
            return Ok(response);
        }
        clean_headers(response.headers_mut(), &secrets);
        Ok(response.map(|body| {
            Body::wrap(Clean {
                body,
                secrets,
                held: Bytes::new(),
                failed: None,
            })
        }))
    }
}

impl<T: WsTransport> WsTransport for Scrubbing<T> {
    async fn connect(&self, request: Request<()>) -> Result<Upgrade, Error> {
        let secrets = self.secrets.learn(request.headers());
        Ok(match self.transport.connect(request).await? {
            Upgrade::Accepted(socket, mut response) => {
                clean_headers(response.headers_mut(), &secrets);
                Upgrade::Accepted(socket, response)
            }
            Upgrade::Refused(mut response) => {
                clean_headers(response.headers_mut(), &secrets);
                Upgrade::Refused(response.map(|body| match clean(&body, &secrets) {
                    Some(cleaned) => cleaned.into(),
                    None => body,
                }))
            }
        })
    }
}

fn clean_headers(headers: &mut HeaderMap, secrets: &[Finder<'static>]) {
    for value in headers.values_mut() {
        if let Some(cleaned) = clean(value.as_bytes(), secrets)
            && let Ok(cleaned) = HeaderValue::from_bytes(&cleaned)
        {
            *value = cleaned;
        }
    }
}

/// A body without credentials, even those that a chunk boundary cuts.
struct Clean {
    body: Body,
    secrets: Finders,
    /// The end of a chunk that may be the beginning of a credential.
    held: Bytes,
    /// The error that follows what was held.
    failed: Option<Error>,
}

impl http_body::Body for Clean {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        if let Some(error) = self.failed.take() {
            return Poll::Ready(Some(Err(error)));
        }
        loop {
            let held = core::mem::take(&mut self.held);
            let chunk = match self.body.poll_chunk(cx) {
                Poll::Pending => {
                    self.held = held;
                    return Poll::Pending;
                }
                Poll::Ready(Some(Ok(chunk))) if held.is_empty() => chunk,
                Poll::Ready(Some(Ok(chunk))) => [held, chunk].concat().into(),
                Poll::Ready(ended @ (None | Some(Err(_)))) if !held.is_empty() => {
                    self.failed = ended.and_then(Result::err);
                    return Poll::Ready(Some(Ok(Frame::data(held))));
                }
                ended => return ended.map(|end| end.map(|end| end.map(Frame::data))),
            };
            let mut chunk = match clean(&chunk, &self.secrets) {
                Some(cleaned) => cleaned.into(),
                None => chunk,
            };
            let unfinished = unfinished(&chunk, &self.secrets);
            self.held = chunk.split_off(chunk.len() - unfinished);
            if !chunk.is_empty() {
                return Poll::Ready(Some(Ok(Frame::data(chunk))));
            }
        }
    }
}

const REDACTED: &[u8] = b"[redacted]";
/// The minimum length of a credential. A shorter value protects nothing, and removing it would
/// damage text.
const SHORTEST: usize = 8;
/// The number of spellings kept. Those of renewed credentials replace older ones.
const MOST: usize = 128;
