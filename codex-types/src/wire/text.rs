//! Writing JSON text without serde, for the methods that return a `String`.
//!
//! The output is identical to that of serde_json, byte for byte.

use alloc::string::String;
use core::fmt::Write as _;

use super::encode::{Encode, Encoder, Pairs};
use super::source::Failed;
use crate::json::text::push_string;
use crate::{Number, RawJson};

/// Returns the JSON of a value.
pub(crate) fn to_json(value: &dyn Encode) -> String {
    let mut json = String::with_capacity(128);
    // Appending to a string cannot fail.
    let _ = value.encode(&mut json);
    json
}

impl Encoder for String {
    fn null(&mut self) -> Result<(), Failed> {
        self.push_str("null");
        Ok(())
    }

    fn bool(&mut self, value: bool) -> Result<(), Failed> {
        self.push_str(if value { "true" } else { "false" });
        Ok(())
    }

    fn number(&mut self, number: Number) -> Result<(), Failed> {
        if let Some(whole) = number.as_u64() {
            write!(self, "{whole}").map_err(|_| Failed)
        } else if let Some(whole) = number.as_i64() {
            write!(self, "{whole}").map_err(|_| Failed)
        } else {
            self.push_str(&serde_json::to_string(&number).map_err(|_| Failed)?);
            Ok(())
        }
    }

    fn text(&mut self, text: &str) -> Result<(), Failed> {
        push_string(self, text);
        Ok(())
    }

    fn raw(&mut self, raw: &RawJson) -> Result<(), Failed> {
        self.push_str(raw.as_str());
        Ok(())
    }

    fn list(&mut self, elements: &mut dyn Iterator<Item = &dyn Encode>) -> Result<(), Failed> {
        self.push('[');
        for (index, element) in elements.enumerate() {
            if index > 0 {
                self.push(',');
            }
            element.encode(self)?;
        }
        self.push(']');
        Ok(())
    }

    fn object(
        &mut self,
        write: &dyn Fn(&mut dyn Pairs) -> Result<(), Failed>,
    ) -> Result<(), Failed> {
        self.push('{');
        write(&mut Members {
            json: self,
            is_empty: true,
        })?;
        self.push('}');
        Ok(())
    }
}

/// The keys and values of an object that is being written.
struct Members<'a> {
    json: &'a mut String,
    is_empty: bool,
}

impl Pairs for Members<'_> {
    fn pair(&mut self, key: &str, value: &dyn Encode) -> Result<(), Failed> {
        if !self.is_empty {
            self.json.push(',');
        }
        self.is_empty = false;
        push_string(self.json, key);
        self.json.push(':');
        value.encode(self.json)
    }
}
