//! Text that must not be printed.

use alloc::boxed::Box;
use alloc::string::String;
use core::fmt;

use serde::{Deserialize, Deserializer};

use crate::HeapSize;
use crate::wire::encode::{Encode, Encoder, serialize_by_encode};
use crate::wire::read::{Wire, deserialize};
use crate::wire::source::{Failed, Scalar};

/// A credential inside a request, such as the token for an MCP server.
///
/// It is written to the wire unchanged, but `Debug` does not show it and there is no `Display`.
///
/// ```
/// use codex_types::Secret;
///
/// let secret = Secret::from("hunter2");
/// assert_eq!(format!("{secret:?}"), "[redacted]");
/// assert_eq!(secret.expose(), "hunter2");
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(Box<str>);

impl Secret {
    /// Returns the secret text. Do not log it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl Wire for Secret {
    fn read_scalar<'a>(&mut self, scalar: Scalar<'a>) -> Result<(), Scalar<'a>> {
        let mut text = String::new();
        text.read_scalar(scalar)?;
        *self = text.into();
        Ok(())
    }
}

impl HeapSize for Secret {
    fn heap_size(&self) -> usize {
        self.expose().len()
    }
}

impl Encode for Secret {
    fn encode(&self, encoder: &mut dyn Encoder) -> Result<(), Failed> {
        encoder.text(&self.0)
    }
}

serialize_by_encode!(Secret);

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserialize(deserializer, "text")
    }
}
