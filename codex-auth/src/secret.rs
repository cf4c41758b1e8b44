//! The only type that holds a secret as text. Every type with a secret contains it, so a derived
//! `Debug` is harmless.

use core::fmt;

use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

/// A secret text: hidden in `Debug`, without `Display`, compared in constant time, wiped when
/// dropped.
///
/// Dropping wipes this value. Each clone is wiped when it is dropped itself, but copies of the
/// exposed text in an HTTP, TLS or JSON library are not.
///
/// ```
/// use codex_auth::Secret;
///
/// let secret = Secret::from("sk-invented");
/// assert_eq!(format!("{secret:?}"), "Secret(..)");
/// assert_eq!(secret.expose(), "sk-invented");
/// assert_eq!(secret, Secret::from("sk-invented"));
/// ```
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Returns the text, for the code that sends or stores it.
    ///
    /// ```
    /// assert_eq!(codex_auth::Secret::from("invented").expose(), "invented");
    /// ```
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Returns whether the text is empty or only white space.
    ///
    /// ```
    /// assert!(codex_auth::Secret::from(" \n").is_blank());
    /// ```
    #[must_use]
    pub fn is_blank(&self) -> bool {
        self.0.trim().is_empty()
    }
}

impl PartialEq for Secret {
    // The comparison may reveal the lengths; they are not secret.
    fn eq(&self, other: &Self) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(Zeroizing::new(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equality_is_of_the_whole_text() {
        assert_eq!(Secret::from("abc"), Secret::from("abc".to_owned()));
        for other in ["", "ab", "abd", "abcd"] {
            assert_ne!(Secret::from("abc"), Secret::from(other));
        }
    }

    #[test]
    fn debug_is_blind_even_when_nested() {
        let nested = Some(vec![Secret::from("canary")]);
        assert_eq!(format!("{nested:?}"), "Some([Secret(..)])");
        assert!(!format!("{nested:#?}").contains("canary"));
    }
}
