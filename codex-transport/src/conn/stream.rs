//! Byte streams: TCP, a Unix socket, or TLS over either.

use core::mem::MaybeUninit;
use std::io;

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

/// A connected stream of any kind.
pub(crate) type Stream = Box<dyn ByteStream>;

/// A connected stream whose socket can be inspected.
pub(crate) trait ByteStream: AsyncRead + AsyncWrite + Send + Unpin {
    /// Returns whether the socket has neither bytes to read nor an end, according to the system and
    /// without waiting.
    ///
    /// The runtime detects either only when it polls the system, and on one thread it cannot do
    /// that while the program computes.
    fn is_quiet(&self) -> bool;

    /// Returns whether TLS negotiated HTTP/2.
    fn is_http2(&self) -> bool {
        false
    }
}

impl ByteStream for TcpStream {
    fn is_quiet(&self) -> bool {
        nothing_to_read(&SockRef::from(self))
    }
}

#[cfg(unix)]
impl ByteStream for tokio::net::UnixStream {
    fn is_quiet(&self) -> bool {
        nothing_to_read(&SockRef::from(self))
    }
}

#[cfg(feature = "tls")]
impl ByteStream for tokio_rustls::client::TlsStream<Stream> {
    // Nothing is expected after the last response, so even a TLS record without application data
    // makes the connection unusable.
    fn is_quiet(&self) -> bool {
        self.get_ref().0.is_quiet()
    }

    fn is_http2(&self) -> bool {
        self.get_ref().1.alpn_protocol() == Some(b"h2")
    }
}

impl ByteStream for Stream {
    fn is_quiet(&self) -> bool {
        (**self).is_quiet()
    }

    fn is_http2(&self) -> bool {
        (**self).is_http2()
    }
}

fn nothing_to_read(socket: &SockRef<'_>) -> bool {
    let peeked = socket.peek(&mut [MaybeUninit::uninit()]);
    matches!(peeked, Err(error) if error.kind() == io::ErrorKind::WouldBlock)
}
