//! The error of invalid function arguments.

use alloc::boxed::Box;
use core::fmt;

use serde::de::DeserializeOwned;

use crate::{DecodeError, Side};

/// The error of a call whose arguments are not JSON, or JSON of another type.
///
/// Models write such arguments, above all when they are cut off. The error keeps the text, so that
/// it can be reported to the model; `Display` does not show it.
pub struct ArgumentsError {
    arguments: Box<str>,
    source: DecodeError,
}

impl ArgumentsError {
    /// Returns the arguments as the model wrote them.
    pub fn arguments(&self) -> &str {
        &self.arguments
    }

    /// Returns the kind of the error.
    pub fn kind(&self) -> crate::DecodeErrorKind {
        self.source.kind()
    }

    /// Returns [`Side::Remote`]: the model wrote them.
    pub fn side(&self) -> Side {
        Side::Remote
    }

    /// Returns `false`: the same arguments always give the same error.
    pub fn is_retryable(&self) -> bool {
        false
    }

    /// Decodes arguments as a model wrote them.
    ///
    /// # Errors
    ///
    /// Returns an error if they are not JSON or not a `T`.
    ///
    /// # Examples
    ///
    /// ```
    /// use codex_types::ArgumentsError;
    ///
    /// assert_eq!(ArgumentsError::decode::<(i32, i32)>("[1, 2]")?, (1, 2));
    /// # Ok::<(), ArgumentsError>(())
    /// ```
    pub fn decode<T: DeserializeOwned>(arguments: &str) -> Result<T, Self> {
        crate::json::reader::parse(arguments).map_err(|source| Self {
            source,
            arguments: arguments.into(),
        })
    }
}

impl fmt::Display for ArgumentsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("invalid arguments of a call")
    }
}

impl fmt::Debug for ArgumentsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ArgumentsError")
            .field("source", &self.source)
            .finish_non_exhaustive()
    }
}

impl core::error::Error for ArgumentsError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        Some(&self.source)
    }
}
