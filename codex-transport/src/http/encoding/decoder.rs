//! Decodes one coding of one body. `compression-codecs` decodes the formats; this module adds
//! consecutive members and frames, and output that does not fit into one chunk.

mod body;

use core::fmt;
use std::io;

use bytes::{Buf as _, Bytes};
use compression_codecs::DecodeV2;
use compression_codecs::core::util::{PartialBuffer, WriteBuffer};

/// A coding that can be decoded.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Coding {
    #[cfg(feature = "br")]
    Brotli,
    #[cfg(feature = "deflate")]
    Deflate,
    #[cfg(feature = "gzip")]
    Gzip,
    #[cfg(feature = "zstd")]
    Zstd,
}

impl Coding {
    /// The names of all codings, in order of preference.
    #[cfg(feature = "hyper")]
    pub(super) const NAMES: &[&str] = &[
        #[cfg(feature = "zstd")]
        "zstd",
        #[cfg(feature = "br")]
        "br",
        #[cfg(feature = "gzip")]
        "gzip",
        #[cfg(feature = "deflate")]
        "deflate",
    ];

    /// Returns the coding with this lowercase name.
    pub(super) fn named(name: &[u8]) -> Option<Self> {
        match name {
            #[cfg(feature = "br")]
            b"br" => Some(Self::Brotli),
            #[cfg(feature = "deflate")]
            b"deflate" => Some(Self::Deflate),
            // RFC 9110 section 8.4.1.3 defines both names.
            #[cfg(feature = "gzip")]
            b"gzip" | b"x-gzip" => Some(Self::Gzip),
            #[cfg(feature = "zstd")]
            b"zstd" => Some(Self::Zstd),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            #[cfg(feature = "br")]
            Self::Brotli => "br",
            #[cfg(feature = "deflate")]
            Self::Deflate => "deflate",
            #[cfg(feature = "gzip")]
            Self::Gzip => "gzip",
            #[cfg(feature = "zstd")]
            Self::Zstd => "zstd",
        }
    }

    // `first` is the first byte of the data.
    #[cfg_attr(
        not(feature = "deflate"),
        expect(unused_variables, reason = "only `deflate` has two forms")
    )]
    fn codec(self, first: u8) -> Codec {
        match self {
            #[cfg(feature = "br")]
            Self::Brotli => Box::new(compression_codecs::BrotliDecoder::new()),
            // RFC 9110 section 8.4.1.2 specifies the zlib format, but some servers send bare
            // DEFLATE data. A zlib header begins with the method, 8, and a window of at most 32
            // KiB.
            #[cfg(feature = "deflate")]
            Self::Deflate if first & 0x8f == 8 => Box::new(compression_codecs::ZlibDecoder::new()),
            #[cfg(feature = "deflate")]
            Self::Deflate => Box::new(compression_codecs::DeflateDecoder::new()),
            #[cfg(feature = "gzip")]
            Self::Gzip => Box::new(compression_codecs::GzipDecoder::new()),
            // RFC 9659 limits the window to 8 MiB. The server would choose how much memory a larger
            // one takes.
            #[cfg(feature = "zstd")]
            Self::Zstd => Box::new(compression_codecs::ZstdDecoder::new_with_params(&[
                compression_codecs::zstd::params::DParameter::window_log_max(23),
            ])),
        }
    }

    // Returns whether the data may consist of several members or frames (RFC 1952 section 2.2 and
    // RFC 8878 section 3).
    fn has_members(self) -> bool {
        match self {
            #[cfg(feature = "br")]
            Self::Brotli => false,
            #[cfg(feature = "deflate")]
            Self::Deflate => false,
            #[cfg(feature = "gzip")]
            Self::Gzip => true,
            #[cfg(feature = "zstd")]
            Self::Zstd => true,
        }
    }
}

type Codec = Box<dyn DecodeV2 + Send>;

pub(super) struct Decoder {
    coding: Coding,
    // Created with the first byte.
    codec: Option<Codec>,
    output: Box<[u8]>,
    state: State,
    // Reported after the output that precedes it.
    failure: Option<io::Error>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Before the first member, or after one.
    Between,
    /// Within a member; `full` if there may be output that did not fit into the last chunk.
    Within { full: bool },
}

impl Decoder {
    pub(super) fn new(coding: Coding) -> Self {
        Self {
            coding,
            codec: None,
            output: vec![0; CHUNK].into(),
            state: State::Between,
            failure: None,
        }
    }

    /// Returns whether output is available without further input.
    pub(super) fn has_output(&self) -> bool {
        self.failure.is_some() || self.state == State::Within { full: true }
    }

    /// Decodes from the front of the input into at most one chunk.
    pub(super) fn decode(&mut self, input: &mut Bytes) -> Result<Bytes, Invalid> {
        let result = match self.failure.take() {
            Some(failure) => Err(failure),
            None => self.run(input),
        };
        result.map_err(|source| Invalid {
            coding: self.coding.name(),
            source,
        })
    }

    /// Returns whether the data may end here.
    pub(super) fn finish(&mut self) -> bool {
        let mut output = WriteBuffer::new_initialized(&mut self.output);
        match &mut self.codec {
            Some(codec) if self.state != State::Between => {
                codec.finish(&mut output).unwrap_or(false)
            }
            _ => true,
        }
    }

    fn run(&mut self, input: &mut Bytes) -> io::Result<Bytes> {
        let Self {
            coding,
            codec,
            output,
            state,
            failure,
        } = self;
        let codec = match (codec, input.first()) {
            (Some(codec), Some(_)) if *state == State::Between => {
                if !coding.has_members() {
                    return Err(io::Error::new(io::ErrorKind::InvalidData, "trailing data"));
                }
                codec.reinit()?;
                codec
            }
            (Some(codec), _) => codec,
            (none, first) => none.insert(coding.codec(first.copied().unwrap_or_default())),
        };
        let mut output = WriteBuffer::new_initialized(output);
        let result = if input.is_empty() {
            codec.flush(&mut output).map(|_| false)
        } else {
            let mut unread = PartialBuffer::new(&input[..]);
            let result = codec.decode(&mut unread, &mut output);
            let read = unread.written_len();
            input.advance(read);
            result
        };
        match result {
            Ok(true) => *state = State::Between,
            Ok(false) => {
                *state = State::Within {
                    full: output.has_no_spare_space(),
                };
            }
            Err(error) if output.written().is_empty() => return Err(error),
            Err(error) => *failure = Some(error),
        }
        Ok(Bytes::copy_from_slice(output.written()))
    }
}

/// Data that violates its coding.
#[derive(Debug)]
pub(super) struct Invalid {
    coding: &'static str,
    source: io::Error,
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "invalid {} data", self.coding)
    }
}

impl core::error::Error for Invalid {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        Some(&self.source)
    }
}

/// The largest chunk of decoded data, in bytes.
const CHUNK: usize = 16 * 1024;
