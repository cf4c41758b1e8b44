//! Redirects of a browser. Every web page can make a browser open a loopback address, so the
//! contents of a redirect are untrusted. The state is therefore checked before anything else, in
//! constant time, and a wrong one changes nothing.

use subtle::ConstantTimeEq as _;

use crate::encode::split;
use crate::error::{Error, ErrorKind};
use crate::oauth::response::{is_missing_entitlement, sanitized_code, sanitized_description};
use crate::secret::Secret;

/// The contents of a redirect of this attempt.
pub(crate) struct Redirected {
    pub(crate) code: Secret,
    pub(crate) client_id: Option<String>,
}

/// Parses the query of a redirect.
///
/// An error of kind `StateMismatch` keeps the attempt valid; every other error ends it.
pub(crate) fn read(query: &str, state: &Secret, issuer: &str) -> Result<Redirected, Error> {
    let malformed = |detail| Error::new(ErrorKind::MalformedRedirect).with_detail(detail);
    if query.len() > LARGEST_QUERY {
        return Err(Error::new(ErrorKind::StateMismatch));
    }
    let members = split(query);
    let only = |name: &'static str| {
        let mut values = members
            .iter()
            .filter(|(member, _)| member == name)
            .map(|(_, value)| value.as_str());
        (values.next(), values.next().is_some())
    };

    match only("state") {
        (Some(received), false) if received.as_bytes().ct_eq(state.expose().as_bytes()).into() => {}
        _ => return Err(Error::new(ErrorKind::StateMismatch)),
    }
    if let (Some(error), _) = only("error") {
        return Err(refused(
            error,
            only("error_description").0.unwrap_or_default(),
        ));
    }
    match only("iss") {
        (None, _) => {}
        (Some(received), false) if received == issuer => {}
        _ => return Err(malformed("another issuer")),
    }
    let code = match only("code") {
        (Some(code), false) if !code.trim().is_empty() => Secret::from(code),
        (_, true) => return Err(malformed("more than one authorization code")),
        _ => {
            return Err(
                malformed("no authorization code").with_code("missing_authorization_code".into())
            );
        }
    };
    let client_id = match only("client_id") {
        (_, true) => return Err(malformed("more than one client id")),
        (client_id, false) => client_id.map(str::to_owned),
    };
    Ok(Redirected { code, client_id })
}

/// Returns the query in a pasted URL, a request target or a query; `None` if the text is a lone
/// code.
pub(crate) fn query_of(pasted: &str) -> Option<&str> {
    let text = pasted.trim();
    let text = text.split_once('#').map_or(text, |(before, _)| before);
    match text.split_once('?') {
        Some((_, query)) => Some(query),
        // A code may end in padding, so an equals sign alone does not make the text a query.
        None if ["code=", "state=", "error="]
            .iter()
            .any(|name| text.contains(name)) =>
        {
            Some(text)
        }
        None => None,
    }
}

fn refused(error: &str, description: &str) -> Error {
    if is_missing_entitlement(error, description) {
        // The marker is for programs; the kind has a text for people.
        return Error::new(ErrorKind::MissingEntitlement);
    }
    let mut refusal = Error::new(ErrorKind::Denied);
    if let Some(code) = sanitized_code(error) {
        refusal = refusal.with_code(code);
    }
    match sanitized_description(description.to_owned(), &[]) {
        Some(description) => refusal.with_description(description),
        None => refusal,
    }
}

/// The limit of common browsers and servers.
const LARGEST_QUERY: usize = 16 * 1024;
