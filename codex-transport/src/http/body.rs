//! Response bodies.

use core::error::Error as StdError;
use core::fmt;
use core::pin::Pin;
use core::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use http_body::{Body as HttpBody, Frame, SizeHint};
use pin_project_lite::pin_project;

#[cfg(feature = "hyper")]
use crate::conn::pool::{Http1Body, StreamPermit};
use crate::error::{Error, ErrorKind, Phase, Sent};
use crate::timeouts::watch::IdleTimeouts;

/// The body of a response. The caller pulls it: nothing is read from the network until the body is
/// polled, and dropping it cancels the rest.
///
/// ```
/// # #[cfg(feature = "hyper")] {
/// use codex_transport::Body;
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let mut body = Body::from("data: hello\n\n");
/// assert_eq!(body.chunk().await.unwrap().unwrap(), "data: hello\n\n");
/// assert!(body.chunk().await.is_none());
/// # }) }
/// ```
pub struct Body {
    source: Source,
    watch: Option<IdleTimeouts>,
    received: u64,
    request_id: Option<Box<str>>,
}

enum Source {
    Full(Bytes),
    Failed(Option<Error>),
    // Boxed, so that crates that drop a body do not compile the code that drops a connection.
    Boxed(Pin<Box<dyn HttpBody<Data = Bytes, Error = Error> + Send>>),
    // The state after the end or an error: a failed body must not appear to continue.
    Done,
}

impl Body {
    /// Creates an empty body.
    pub fn empty() -> Self {
        Self::new(Source::Done)
    }

    /// Wraps another implementation. Trailers are dropped, since the protocol does not use them.
    ///
    /// An error that is or wraps an [`Error`] keeps its kind. Any other becomes
    /// [`ErrorKind::Other`] with that error as its source.
    pub fn wrap<B>(body: B) -> Self
    where
        B: HttpBody<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn StdError + Send + Sync>>,
    {
        Self::new(Source::Boxed(Box::pin(Wrapped { body })))
    }

    /// Creates a body that fails at once.
    pub(crate) fn failing(error: Error) -> Self {
        Self::new(Source::Failed(Some(error)))
    }

    #[cfg(feature = "hyper")]
    pub(crate) fn http1(body: Http1Body) -> Self {
        Self::new(Source::Boxed(Box::pin(body)))
    }

    #[cfg(feature = "hyper")]
    pub(crate) fn http2(body: hyper::body::Incoming, permit: StreamPermit) -> Self {
        Self::new(Source::Boxed(Box::pin(Incoming {
            body,
            _permit: Some(permit),
        })))
    }

    /// Creates a body whose connection the caller polls.
    #[cfg(feature = "ws")]
    pub(crate) fn incoming(body: hyper::body::Incoming) -> Self {
        Self::new(Source::Boxed(Box::pin(Incoming {
            body,
            _permit: None,
        })))
    }

    /// Applies these timeouts to the body.
    #[must_use]
    pub fn with_watch(mut self, watch: IdleTimeouts) -> Self {
        self.watch = Some(watch);
        self
    }

    /// Adds the server's request id to the errors of this body.
    #[must_use]
    pub fn with_request_id(mut self, id: impl Into<Box<str>>) -> Self {
        self.request_id = Some(id.into());
        self
    }

    fn new(source: Source) -> Self {
        Self {
            source,
            watch: None,
            received: 0,
            request_id: None,
        }
    }

    /// Returns the number of bytes returned so far.
    pub fn bytes_received(&self) -> u64 {
        self.received
    }

    /// Returns the next chunk as it arrived, or `None` at the end and after an error.
    ///
    /// # Cancel safety
    ///
    /// This method is cancel safe: if the future is dropped, no byte is lost, and the next call
    /// continues from there.
    pub async fn chunk(&mut self) -> Option<Result<Bytes, Error>> {
        core::future::poll_fn(|cx| self.poll_chunk(cx)).await
    }

    /// Polls for the next chunk: the poll form of [`chunk`](Self::chunk).
    pub fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Error>>> {
        loop {
            let polled = match &mut self.source {
                Source::Done => return Poll::Ready(None),
                Source::Full(bytes) => {
                    let bytes = core::mem::take(bytes);
                    self.source = Source::Done;
                    self.received += bytes.len() as u64;
                    return Poll::Ready((!bytes.is_empty()).then_some(Ok(bytes)));
                }
                Source::Failed(error) => Poll::Ready(error.take().map(Err)),
                Source::Boxed(body) => body.as_mut().poll_frame(cx),
            };
            let error = match polled {
                Poll::Ready(Some(Ok(frame))) => {
                    let Ok(data) = frame.into_data() else {
                        continue;
                    };
                    self.received += data.len() as u64;
                    if let Some(watch) = &mut self.watch {
                        watch.record_bytes(data.len());
                    }
                    return Poll::Ready(Some(Ok(data)));
                }
                Poll::Ready(Some(Err(error))) => error,
                Poll::Ready(None) => {
                    self.source = Source::Done;
                    self.watch = None;
                    return Poll::Ready(None);
                }
                Poll::Pending => match self.watch.as_mut().map(|watch| watch.poll_expired(cx)) {
                    Some(Poll::Ready(error)) => error,
                    Some(Poll::Pending) | None => return Poll::Pending,
                },
            };
            // Dropping the source closes the connection (or resets the stream) at once.
            self.source = Source::Done;
            self.watch = None;
            let mut error = error.with_bytes_received(self.received);
            if let Some(id) = self.request_id.take() {
                error = error.with_request_id(id);
            }
            return Poll::Ready(Some(Err(error)));
        }
    }

    /// Returns the whole body, for responses that are useless unless complete.
    ///
    /// # Errors
    ///
    /// Returns the error that ends the body early, or [`ErrorKind::TooLarge`] past `limit` bytes.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future cancels the rest of the body, and the bytes received so far are lost.
    pub async fn collect(mut self, limit: usize) -> Result<Bytes, Error> {
        let (bytes, complete) = self.read(limit).await?;
        if complete {
            Ok(bytes)
        } else {
            Err(Error::new(ErrorKind::TooLarge, Phase::Body, Sent::Yes)
                .with_bytes_received(self.received))
        }
    }

    /// Returns at most the first `limit` bytes.
    ///
    /// Intended for error bodies, where a prefix is useful: a longer body or a failure truncates
    /// the result. Use [`ERROR_BODY_LIMIT`] as the limit.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future cancels the rest of the body, and the bytes received so far are lost.
    pub async fn collect_prefix(mut self, limit: usize) -> Bytes {
        let mut kept = BytesMut::new();
        while let Some(Ok(chunk)) = self.chunk().await {
            let room = limit - kept.len();
            if chunk.len() >= room {
                kept.extend_from_slice(&chunk[..room]);
                break;
            }
            kept.extend_from_slice(&chunk);
        }
        kept.freeze()
    }

    // Returns the bytes, and whether they are the whole body.
    async fn read(&mut self, limit: usize) -> Result<(Bytes, bool), Error> {
        let Some(first) = self.chunk().await else {
            return Ok((Bytes::new(), true));
        };
        let first = first?;
        if first.len() > limit {
            return Ok((first, false));
        }
        // A short body is one chunk and is not copied.
        let Some(second) = self.chunk().await else {
            return Ok((first, true));
        };
        let mut all = BytesMut::from(first.as_ref());
        let mut next = Some(second);
        while let Some(chunk) = next {
            let chunk = chunk?;
            if chunk.len() > limit - all.len() {
                return Ok((all.freeze(), false));
            }
            all.extend_from_slice(&chunk);
            next = self.chunk().await;
        }
        Ok((all.freeze(), true))
    }
}

pin_project! {
    /// A body of another crate, with errors of this one.
    struct Wrapped<B> {
        #[pin]
        body: B,
    }
}

impl<B> HttpBody for Wrapped<B>
where
    B: HttpBody<Data = Bytes>,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        self.project()
            .body
            .poll_frame(cx)
            .map_err(|error| Error::of_other(error.into(), Phase::Body, Sent::Yes))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(feature = "hyper")]
impl HttpBody for Http1Body {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        Self::poll_frame(self.get_mut(), cx).map_err(crate::conn::hyper_error::body)
    }

    fn is_end_stream(&self) -> bool {
        Self::is_end_stream(self)
    }

    fn size_hint(&self) -> SizeHint {
        Self::size_hint(self)
    }
}

/// A body whose connection is polled elsewhere: by hyper's task over HTTP/2, or by the caller.
#[cfg(feature = "hyper")]
struct Incoming {
    body: hyper::body::Incoming,
    // Held over HTTP/2, so that the connection does not count as unused.
    _permit: Option<StreamPermit>,
}

#[cfg(feature = "hyper")]
impl HttpBody for Incoming {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        Pin::new(&mut self.body)
            .poll_frame(cx)
            .map_err(crate::conn::hyper_error::body)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        self.poll_chunk(cx)
            .map(|chunk| chunk.map(|result| result.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        match &self.source {
            Source::Done => true,
            Source::Full(bytes) => bytes.is_empty(),
            Source::Failed(error) => error.is_none(),
            Source::Boxed(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            Source::Done => SizeHint::with_exact(0),
            Source::Full(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Source::Failed(_) => SizeHint::new(),
            Source::Boxed(body) => body.size_hint(),
        }
    }
}

impl Default for Body {
    fn default() -> Self {
        Self::empty()
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self::new(Source::Full(bytes))
    }
}

impl From<&'static str> for Body {
    fn from(text: &'static str) -> Self {
        Self::from(Bytes::from_static(text.as_bytes()))
    }
}

impl From<String> for Body {
    fn from(text: String) -> Self {
        Self::from(Bytes::from(text))
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        Self::from(Bytes::from(bytes))
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Body")
            .field("bytes_received", &self.received)
            .finish_non_exhaustive()
    }
}

/// The recommended limit for an error body, in bytes: 64 KiB. Typical error bodies are below 4 KiB;
/// a proxy's HTML page can be larger.
pub const ERROR_BODY_LIMIT: usize = 64 * 1024;
