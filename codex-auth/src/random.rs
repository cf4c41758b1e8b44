//! Randomness as an argument: a flow is a pure function of its inputs, and a test can replay it. In
//! production the bytes come from the operating system; this crate never derives them from a clock,
//! an address or a seed.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

#[cfg(feature = "std")]
use crate::error::{Error, ErrorKind};
use crate::secret::Secret;

/// The random bytes of one sign-in attempt: PKCE verifier, `state` and `nonce`. Single use, wiped
/// when dropped.
///
/// ```
/// use codex_auth::Entropy;
///
/// let production = Entropy::from_os()?;
/// let in_a_test = Entropy::from_bytes([7; 128]);
/// assert_eq!(format!("{production:?}"), "Entropy(..)");
/// # let _ = in_a_test;
/// # Ok::<(), codex_auth::Error>(())
/// ```
pub struct Entropy(Zeroizing<[u8; Self::BYTES]>);

impl Entropy {
    /// The number of bytes for an attempt: 64 for the verifier (RFC 7636 section 4.1 recommends at
    /// least 32), and 32 each for `state` and `nonce`.
    pub const BYTES: usize = 128;

    /// Uses bytes from a custom source, which must be cryptographically secure.
    #[must_use]
    pub fn from_bytes(bytes: [u8; Self::BYTES]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// Reads bytes from the operating system.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::Random`] if the system does not provide them; there is no weaker
    /// fallback.
    #[cfg(feature = "std")]
    pub fn from_os() -> Result<Self, Error> {
        let mut bytes = Zeroizing::new([0; Self::BYTES]);
        getrandom::fill(&mut *bytes)
            .map_err(|error| Error::new(ErrorKind::Random).with_source(error))?;
        Ok(Self(bytes))
    }

    pub(crate) fn verifier(&self) -> Secret {
        encoded(&self.0[..64])
    }

    pub(crate) fn state(&self) -> Secret {
        encoded(&self.0[64..96])
    }

    pub(crate) fn nonce(&self) -> Secret {
        encoded(&self.0[96..])
    }
}

impl core::fmt::Debug for Entropy {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Entropy(..)")
    }
}

/// Returns the S256 challenge of a verifier (RFC 7636 section 4.2).
pub(crate) fn challenge(verifier: &Secret) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.expose()))
}

fn encoded(bytes: &[u8]) -> Secret {
    Secret::from(URL_SAFE_NO_PAD.encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenge_of_the_vector_in_rfc_7636_appendix_b() {
        let verifier = Secret::from("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
        assert_eq!(
            challenge(&verifier),
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
        );
    }

    #[test]
    fn the_three_values_are_of_different_bytes_and_of_the_right_length() {
        let mut bytes = [0; Entropy::BYTES];
        for (index, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::try_from(index).unwrap();
        }
        let entropy = Entropy::from_bytes(bytes);
        assert_eq!(entropy.verifier().expose().len(), 86);
        assert_eq!(entropy.state().expose().len(), 43);
        assert_eq!(entropy.nonce().expose().len(), 43);
        assert_ne!(entropy.state(), entropy.nonce());
        assert!(
            !entropy
                .verifier()
                .expose()
                .contains(entropy.state().expose())
        );
    }

    #[cfg(feature = "std")]
    #[test]
    fn two_draws_differ_whatever_the_clock() {
        let (one, two) = (Entropy::from_os().unwrap(), Entropy::from_os().unwrap());
        assert_ne!(one.verifier(), two.verifier());
        assert_ne!(one.state(), two.state());
        assert_ne!(one.nonce(), two.nonce());
    }
}
