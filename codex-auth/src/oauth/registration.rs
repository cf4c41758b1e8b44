//! "Sign in with ChatGPT" issues a client id to each installation while the user signs in. The
//! identity of the installation and the issued id must outlive every token: losing them would
//! register a second client at the next sign-in.

use core::fmt::Write as _;

use crate::error::{Error, ErrorKind};

/// The registration data of an app: the name that the user sees, and the installation.
///
/// ```
/// use codex_auth::{AppRegistration, HostId};
///
/// let host = HostId::from_random_bytes([0x5a; 16]);
/// assert!(AppRegistration::new("Notebook Helper", host.clone()).is_ok());
/// assert!(AppRegistration::new("  ", host).is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppRegistration {
    pub(crate) app_name: String,
    pub(crate) host_id: HostId,
}

impl AppRegistration {
    /// Creates registration data from the app's own name and the installation.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::InvalidConfiguration`] if the name is blank.
    pub fn new(app_name: impl Into<String>, host_id: HostId) -> Result<Self, Error> {
        let app_name = app_name.into().trim().to_owned();
        if app_name.is_empty() {
            Err(Error::invalid_configuration("app name is empty"))
        } else {
            Ok(Self { app_name, host_id })
        }
    }
}

/// The id of an installation (`ext_agent_host_id`): created once, stored before the first sign-in,
/// sent with every sign-in, and never copied to another machine.
///
/// It is opaque and not a secret.
///
/// ```
/// use codex_auth::HostId;
///
/// let host = HostId::from_random_bytes([0; 16]);
/// assert_eq!(host.as_str(), "urn:uuid:00000000-0000-4000-8000-000000000000");
/// assert_eq!(HostId::parse(host.as_str())?, host);
/// assert!(HostId::parse("me@example.com").is_err());
/// # Ok::<(), codex_auth::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HostId(String);

impl HostId {
    /// Creates an id from random bytes, as a URN of a UUID (version 4, RFC 9562).
    #[must_use]
    pub fn from_random_bytes(mut bytes: [u8; 16]) -> Self {
        bytes[6] = bytes[6] & 0x0f | 0x40;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        let mut text = "urn:uuid:".to_owned();
        for (index, byte) in bytes.iter().enumerate() {
            if [4, 6, 8, 10].contains(&index) {
                text.push('-');
            }
            // Writing to a `String` cannot fail.
            let _ = write!(text, "{byte:02x}");
        }
        Self(text)
    }

    /// Creates an id from the operating system's random source.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::Random`] if the system does not provide random bytes.
    #[cfg(feature = "std")]
    pub fn from_os() -> Result<Self, Error> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes)
            .map_err(|error| Error::new(ErrorKind::Random).with_source(error))?;
        Ok(Self::from_random_bytes(bytes))
    }

    /// Parses an id created earlier: `urn:uuid:` with a UUID of version 4,
    /// `urn:ietf:params:oauth:jwk-thumbprint:` (RFC 9278), or `did:key:`.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::InvalidConfiguration`] for anything else.
    pub fn parse(text: impl Into<String>) -> Result<Self, Error> {
        let text = text.into();
        let opaque = |rest: &str| {
            (8..=256).contains(&rest.len())
                && rest
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte))
        };
        let known = text.strip_prefix("urn:uuid:").is_some_and(is_uuid_v4)
            || text
                .strip_prefix("urn:ietf:params:oauth:jwk-thumbprint:")
                .is_some_and(opaque)
            || text.strip_prefix("did:key:").is_some_and(opaque);
        if known {
            Ok(Self(text))
        } else {
            Err(Error::invalid_configuration(
                "host id has none of the accepted forms",
            ))
        }
    }

    /// Returns the text that is sent and stored.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The client id issued to an installation for one user and workspace, and the data that
/// permanently belongs to it.
///
/// Store it before requesting the first token. It outlives signing out: the next sign-in uses the
/// same id.
///
/// ```
/// use codex_auth::{HostId, Registration};
///
/// let registration = Registration::new("oaiapp_invented", HostId::from_random_bytes([1; 16]))?;
/// assert_eq!(registration.client_id(), "oaiapp_invented");
/// assert!(Registration::new("dynamic_agent_client", HostId::from_random_bytes([1; 16])).is_err());
/// # Ok::<(), codex_auth::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registration {
    client_id: String,
    host_id: HostId,
    subject: Option<String>,
    email: Option<Email>,
    redirect_path: Option<String>,
}

/// An e-mail address, which is hidden in `Debug`.
#[derive(Clone, PartialEq, Eq)]
struct Email(String);

impl core::fmt::Debug for Email {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("..")
    }
}

impl Registration {
    /// Creates a registration with an issued client id.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::InvalidResponse`] if the id is not 1 to 200 characters of
    /// `[A-Za-z0-9_-]`, or is the shared id with which every installation registers.
    pub fn new(client_id: impl Into<String>, host_id: HostId) -> Result<Self, Error> {
        let client_id = client_id.into();
        let valid = (1..=200).contains(&client_id.len())
            && client_id
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
        if !valid || client_id == "dynamic_agent_client" {
            return Err(Error::new(ErrorKind::InvalidResponse).with_detail("no issued client id"));
        }
        Ok(Self {
            client_id,
            host_id,
            subject: None,
            email: None,
            redirect_path: None,
        })
    }

    /// Sets the verified subject of the account's ID tokens.
    #[must_use]
    pub fn with_subject(mut self, subject: impl Into<String>) -> Self {
        self.subject = Some(subject.into());
        self
    }

    /// Sets the account's e-mail address, which is passed to the sign-in page (`login_hint`).
    #[must_use]
    pub fn with_email(mut self, email: impl Into<String>) -> Self {
        self.email = Some(Email(email.into()));
        self
    }

    /// Sets the redirect path of the registration; a later sign-in cannot use another.
    #[must_use]
    pub fn with_redirect_path(mut self, path: impl Into<String>) -> Self {
        self.redirect_path = Some(path.into());
        self
    }

    /// Returns the issued client id.
    #[must_use]
    pub fn client_id(&self) -> &str {
        &self.client_id
    }

    /// Returns the installation to which the client id was issued.
    #[must_use]
    pub fn host_id(&self) -> &HostId {
        &self.host_id
    }

    /// Returns the subject (`sub`) of the account's ID tokens, once one has been verified.
    #[must_use]
    pub fn subject(&self) -> Option<&str> {
        self.subject.as_deref()
    }

    /// Returns the account's e-mail address, if known.
    #[must_use]
    pub fn email(&self) -> Option<&str> {
        self.email.as_ref().map(|email| email.0.as_str())
    }

    /// Returns the redirect path of the first sign-in, if known.
    #[must_use]
    pub fn redirect_path(&self) -> Option<&str> {
        self.redirect_path.as_deref()
    }
}

fn is_uuid_v4(text: &str) -> bool {
    let groups: Vec<&str> = text.split('-').collect();
    let lengths = groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12]);
    lengths
        && groups
            .iter()
            .all(|group| group.bytes().all(|byte| byte.is_ascii_hexdigit()))
        && groups[2].starts_with('4')
        && groups[3].starts_with(['8', '9', 'a', 'b', 'A', 'B'])
}
