//! Values of flags that several examples accept.

use codex_client::TransportChoice;
use codex_types::profile::Profile;

pub(crate) fn text(parser: &mut lexopt::Parser) -> Result<String, String> {
    let value = parser.value().map_err(|error| error.to_string())?;
    value
        .into_string()
        .map_err(|_| "an argument is not valid UTF-8".to_owned())
}

pub(crate) fn profile(name: &str) -> Result<Profile, String> {
    Profile::by_name(name)
        .ok_or_else(|| format!("--profile must be one of {}", Profile::NAMES.join(", ")))
}

pub(crate) fn transport(text: &str) -> Result<TransportChoice, String> {
    match text {
        "auto" => Ok(TransportChoice::Auto),
        "http" => Ok(TransportChoice::Http),
        "websocket" => Ok(TransportChoice::WebSocket),
        _ => Err("--transport must be auto, http or websocket".to_owned()),
    }
}
