use core::fmt;
use std::borrow::Cow;
use std::collections::HashSet;

use http::{HeaderMap, HeaderName, HeaderValue};

/// A filter that removes the credentials of a request from the data that the server sends back.
///
/// A server or an intermediary may echo the request in a message, a header or a request id. Every
/// byte of an echo becomes `*`, even if the echo is only a part of a credential, from 12 bytes on,
/// and even if it is escaped or encoded; see [`spellings`](Self::spellings).
///
/// ```
/// use codex_transport::Redactor;
///
/// let mut headers = http::HeaderMap::new();
/// headers.insert("authorization", "Bearer invented-token-of-a-test".parse().unwrap());
/// let redactor = Redactor::new(&headers);
/// assert_eq!(
///     redactor.redact("bad key: invented-token-of-a-test"),
///     "bad key: ************************"
/// );
/// assert_eq!(redactor.redact("bad key: invented-token..."), "bad key: **************...");
/// assert_eq!(redactor.redact("bad key"), "bad key");
/// ```
#[derive(Clone, Default)]
pub struct Redactor {
    // Every part of this length of every longer secret.
    parts: HashSet<[u8; PART]>,
    // The secrets that are not longer than a part.
    short: HashSet<Vec<u8>>,
}

impl Redactor {
    /// Collects the credentials in these request headers: the values of headers that authenticate
    /// or name the account, and of headers whose name contains `token`, `secret`, `cookie` or
    /// `api-key`.
    ///
    /// Values shorter than eight bytes are ignored.
    pub fn new(headers: &HeaderMap) -> Self {
        let mut redactor = Self::default();
        redactor.add_headers(headers);
        redactor
    }

    /// Adds a secret, which is masked as well.
    #[must_use]
    pub fn with_secret(mut self, secret: impl AsRef<[u8]>) -> Self {
        self.add(secret.as_ref());
        self
    }

    pub(crate) fn add_headers(&mut self, headers: &HeaderMap) {
        for (name, value) in headers {
            if is_credential(name.as_str()) {
                secrets(name, value).for_each(|secret| self.add(secret));
            }
        }
    }

    /// Returns the forms in which a secret may be echoed: itself, escaped as JSON encoders do it,
    /// percent-encoded, and in base64, alone or within a longer text. The longest come first.
    ///
    /// Base64 within a longer text is recognized from the third byte of the secret on, because its
    /// neighbors change the characters at both ends. Forms shorter than eight bytes are left out.
    ///
    /// ```
    /// use codex_transport::Redactor;
    ///
    /// let spellings = Redactor::spellings(b"invented/key+of=a-test");
    /// for echo in [r"invented\/key+of=a-test", r"invented/key\u002bof=a-test", "invented%2Fkey%2Bof%3Da-test"] {
    ///     assert!(spellings.contains(&echo.as_bytes().to_vec()));
    /// }
    /// ```
    pub fn spellings(secret: &[u8]) -> Vec<Vec<u8>> {
        let mut all = vec![secret.to_vec()];
        // A bearer token (RFC 6750 section 2.1) may contain three bytes that encoders escape, each
        // encoder others of them.
        for safe in [&b""[..], b"/", b"+", b"=", b"/+", b"/=", b"+="] {
            let is_safe = |byte: u8| {
                byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || safe.contains(&byte)
            };
            if secret.iter().copied().all(is_safe) {
                continue;
            }
            let writes: [fn(u8) -> String; 5] = [
                |byte| format!("\\{}", char::from(byte)),
                |byte| format!("\\u{byte:04x}"),
                |byte| format!("\\u{byte:04X}"),
                |byte| format!("%{byte:02x}"),
                |byte| format!("%{byte:02X}"),
            ];
            for write in writes {
                let mut spelling = Vec::with_capacity(secret.len() + 16);
                for byte in secret {
                    if is_safe(*byte) {
                        spelling.push(*byte);
                    } else {
                        spelling.extend_from_slice(write(*byte).as_bytes());
                    }
                }
                all.push(spelling);
            }
        }
        // Three bytes are four characters, so where the secret begins in the encoded text decides
        // which of its bytes have characters of their own.
        for skipped in 0..3 {
            let own = secret.get(skipped..).unwrap_or_default();
            let own = &own[..own.len() - own.len() % 3];
            all.push(base64(own, b"+/"));
            all.push(base64(own, b"-_"));
        }
        all.retain(|spelling| spelling.len() >= SHORTEST);
        all.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        all.dedup();
        all
    }

    fn add(&mut self, secret: &[u8]) {
        if secret.len() < SHORTEST {
            return;
        }
        for spelling in Self::spellings(secret) {
            self.add_spelling(&spelling);
        }
    }

    fn add_spelling(&mut self, secret: &[u8]) {
        if secret.len() > PART {
            self.parts.extend(secret.windows(PART).filter_map(|part| {
                let part: Option<[u8; PART]> = part.try_into().ok();
                part
            }));
        } else {
            self.short.insert(secret.to_vec());
        }
    }

    /// Returns the text with every echo masked.
    pub fn redact<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut bytes = Cow::Borrowed(text.as_bytes());
        self.mask(&mut bytes);
        match bytes {
            Cow::Borrowed(_) => Cow::Borrowed(text),
            Cow::Owned(bytes) => Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()),
        }
    }

    /// Masks every echo in place.
    pub fn redact_bytes(&self, bytes: &mut [u8]) {
        let mut masked = Cow::Borrowed(&*bytes);
        self.mask(&mut masked);
        if let Cow::Owned(masked) = masked {
            bytes.copy_from_slice(&masked);
        }
    }

    fn mask(&self, bytes: &mut Cow<'_, [u8]>) {
        let lengths: HashSet<usize> = self.short.iter().map(Vec::len).collect();
        let mut found = Vec::new();
        if !self.parts.is_empty() {
            let parts = bytes.windows(PART).enumerate();
            found.extend(parts.filter_map(|(at, part)| {
                let part: [u8; PART] = part.try_into().ok()?;
                self.parts.contains(&part).then_some((at, PART))
            }));
        }
        for length in lengths {
            let parts = bytes.windows(length).enumerate();
            found.extend(
                parts.filter_map(|(at, part)| self.short.contains(part).then_some((at, length))),
            );
        }
        for (at, length) in found {
            bytes.to_mut()[at..at + length].fill(b'*');
        }
    }
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redactor").finish_non_exhaustive()
    }
}

/// The credentials of a request in progress. Comparing a request id with them costs almost nothing.
#[cfg(feature = "hyper")]
pub(crate) struct Credentials(Vec<(HeaderName, HeaderValue)>);

#[cfg(feature = "hyper")]
impl Credentials {
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let secret = headers
            .iter()
            .filter(|(name, _)| is_credential(name.as_str()));
        Self(
            secret
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect(),
        )
    }

    /// Returns the server's request id for use in errors, without any echo of credentials.
    pub(crate) fn clean_id(&self, id: &str) -> String {
        let contains = |all: &[u8], part: &[u8]| {
            part.len() <= all.len() && all.windows(part.len().max(1)).any(|window| window == part)
        };
        let echoes = |secret: &[u8]| {
            secret.len() >= SHORTEST
                && (contains(id.as_bytes(), secret) || contains(secret, id.as_bytes()))
        };
        let mut each = self.0.iter().flat_map(|(name, value)| secrets(name, value));
        if id.len() <= LONGEST_ID && !each.any(echoes) {
            return id.to_owned();
        }
        Redactor::new(&self.0.iter().cloned().collect())
            .redact(id)
            .into_owned()
    }
}

// Encodes whole groups of three bytes (RFC 4648 sections 4 and 5).
fn base64(bytes: &[u8], last_two: &[u8; 2]) -> Vec<u8> {
    let digit = |index: u32| match index as u8 {
        index @ 0..26 => b'A' + index,
        index @ 26..52 => b'a' + (index - 26),
        index @ 52..62 => b'0' + (index - 52),
        index => last_two[usize::from(index == 63)],
    };
    let groups = bytes.chunks_exact(3).flat_map(|group| {
        let bits = group
            .iter()
            .fold(0, |bits, byte| bits << 8 | u32::from(*byte));
        [18, 12, 6, 0].map(|shift| digit(bits >> shift & 63))
    });
    groups.collect()
}

// Splits `Bearer secret` and `name=secret; name=secret`; a bare value is one secret.
fn secrets<'a>(name: &HeaderName, value: &'a HeaderValue) -> impl Iterator<Item = &'a [u8]> {
    let is_cookie = name.as_str().contains("cookie");
    let parts = value.as_bytes().split(|byte| b" ;,".contains(byte));
    let values = parts.map(move |part| {
        let equals = part.iter().position(|byte| *byte == b'=');
        equals
            .filter(|_| is_cookie)
            .map_or(part, |at| &part[at + 1..])
    });
    values.filter(|value| {
        !SCHEMES
            .iter()
            .any(|scheme| value.eq_ignore_ascii_case(scheme))
    })
}

/// Returns whether values of this header authenticate or name the account.
pub(crate) fn is_credential(name: &str) -> bool {
    if ["authorization", "proxy-authorization", "chatgpt-account-id"].contains(&name) {
        return true;
    }
    // Most names have none of the first letters, and this runs for every header of every request.
    let name = name.as_bytes();
    let parts = [&b"token"[..], b"secret", b"cookie", b"api-key"];
    (0..name.len()).any(|at| {
        matches!(name[at], b't' | b's' | b'c' | b'a')
            && parts.iter().any(|part| name[at..].starts_with(part))
    })
}

const PART: usize = 12;
// A shorter value would match everywhere.
const SHORTEST: usize = 8;

// Request ids are UUIDs or similar. A longer one is searched for parts of a credential.
#[cfg(feature = "hyper")]
const LONGEST_ID: usize = 64;

const SCHEMES: &[&[u8]] = &[b"bearer", b"basic", b"negotiate"];
