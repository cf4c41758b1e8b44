//! Text in the sense of the standard, as bytes. UTF-8 that has been checked is not checked again:
//! in a chunk that was checked as a whole, in an event type that is that of the previous event, and
//! in data that was joined part by part.

use core::str;

#[derive(Clone, Copy)]
pub(crate) enum Text<'a> {
    Checked(&'a str),
    Unchecked(&'a [u8]),
}

impl<'a> Text<'a> {
    #[inline]
    pub(crate) const fn as_bytes(self) -> &'a [u8] {
        match self {
            Self::Checked(text) => text.as_bytes(),
            Self::Unchecked(bytes) => bytes,
        }
    }

    #[inline]
    pub(crate) fn as_str(self) -> Result<&'a str, str::Utf8Error> {
        match self {
            Self::Checked(text) => Ok(text),
            Self::Unchecked(bytes) => check(bytes),
        }
    }
}

/// Checks that bytes are UTF-8.
#[cfg(feature = "simd")]
#[inline]
pub(crate) fn check(bytes: &[u8]) -> Result<&str, str::Utf8Error> {
    // The fast check does not locate the error.
    simdutf8::basic::from_utf8(bytes).or_else(|_| str::from_utf8(bytes))
}

/// Checks that bytes are UTF-8.
#[cfg(not(feature = "simd"))]
#[inline]
pub(crate) fn check(bytes: &[u8]) -> Result<&str, str::Utf8Error> {
    str::from_utf8(bytes)
}

impl PartialEq for Text<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for Text<'_> {}
