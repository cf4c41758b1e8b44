/// The versions of HTTP that a connection may use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum HttpVersions {
    /// HTTP/2 where the server offers it in TLS (ALPN), else HTTP/1.1.
    #[default]
    Negotiated,
    /// Only HTTP/1.1.
    Http1,
    /// Only HTTP/2; without TLS by prior knowledge.
    Http2,
}

impl HttpVersions {
    /// The protocols that TLS offers (ALPN), the preferred one first.
    #[cfg(feature = "tls")]
    pub(crate) fn alpn(self) -> Vec<Vec<u8>> {
        match self {
            Self::Negotiated => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
            Self::Http1 => vec![b"http/1.1".to_vec()],
            Self::Http2 => vec![b"h2".to_vec()],
        }
    }
}
