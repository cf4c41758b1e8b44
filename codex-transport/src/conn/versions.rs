/// The versions of HTTP that a connection may use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum HttpVersions {
    /// HTTP/2 if the server offers it in TLS (ALPN), otherwise HTTP/1.1.
    #[default]
    Negotiated,
    /// Only HTTP/1.1.
    Http1,
    /// Only HTTP/2; without TLS, with prior knowledge.
    Http2,
}

impl HttpVersions {
    /// Returns the protocols that TLS offers (ALPN), in order of preference.
    #[cfg(feature = "tls")]
    pub(crate) fn alpn(self) -> Vec<Vec<u8>> {
        match self {
            Self::Negotiated => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
            Self::Http1 => vec![b"http/1.1".to_vec()],
            Self::Http2 => vec![b"h2".to_vec()],
        }
    }
}
