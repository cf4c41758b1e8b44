//! HTTP, WebSockets and time of a browser, or of another JavaScript host that has `fetch`.
//!
//! JavaScript values belong to the thread that created them. [`SendWrapper`](send_wrapper) makes
//! the types that hold them `Send`, as the traits require, and panics if another thread uses one.
//! The target has no threads unless a program builds the standard library with them.

pub(crate) mod fetch;
pub(crate) mod timer;
pub(crate) mod websocket;

use core::error::Error as StdError;

use wasm_bindgen::{JsCast as _, JsValue};

use crate::error::{Error, ErrorKind, Phase, Sent};

/// Returns the message of an exception, such as `TypeError: Failed to fetch`. Hosts quote a URL
/// that they reject, which may contain credentials, so it is removed.
fn exception(value: &JsValue, url: &str) -> Box<dyn StdError + Send + Sync> {
    let message = match value.dyn_ref::<js_sys::Object>() {
        Some(object) => String::from(object.to_string()),
        None => value.as_string().unwrap_or_default(),
    };
    if url.is_empty() {
        return message.into();
    }
    message.replace(url, "the URL").into()
}

fn invalid(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Error {
    Error::new(ErrorKind::InvalidRequest, Phase::Prepare, Sent::No).with_source(source)
}
