// The one place where a secret lives as text. Everything that holds one holds this type, so a derived `Debug` anywhere is harmless.

use core::fmt;

use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

/// A secret text: blind in `Debug`, without `Display`, compared in constant time, wiped when dropped.
///
/// The wipe covers this value and its clones. Copies that an HTTP, TLS or JSON library makes of the exposed text are beyond its reach.
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
    /// The text itself, for the one line that puts it on the wire or into a store.
    ///
    /// ```
    /// assert_eq!(codex_auth::Secret::from("invented").expose(), "invented");
    /// ```
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether there is nothing but white space in it.
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
    // The lengths may differ in time; they are no secret.
    fn eq(&self, other: &Self) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret(..)")
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
