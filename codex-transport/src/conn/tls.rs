use core::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::conn::versions::HttpVersions;
use crate::error::{Error, ErrorKind, Phase, Sent};

/// TLS settings: trusted certificate authorities and the client certificate. Files are read when
/// the transport is built.
///
/// Added authorities are trusted in addition to those of [`Roots`]; with [`Roots::OnlyAdded`], only
/// the added ones are trusted.
///
/// ```
/// use codex_transport::{Roots, Tls};
///
/// let mut tls = Tls::default().with_authority_file("/etc/corporate/ca.pem");
/// tls.roots = Roots::OnlyAdded;
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub struct Tls {
    /// The authorities that are trusted in addition to the added ones.
    pub roots: Roots,
    /// Whether the environment variable `SSL_CERT_FILE` names another file of authorities, as it
    /// does for OpenSSL. On by default.
    pub read_environment: bool,
    authorities: Vec<Pem>,
    identity: Option<(Pem, Pem)>,
}

/// The certificate authorities that are trusted in addition to the added ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Roots {
    /// The operating system's authorities (feature `platform-verifier`), otherwise Mozilla's
    /// (feature `webpki-roots`), otherwise none.
    #[default]
    Default,
    /// The operating system's verifier, which checks each certificate (feature
    /// `platform-verifier`).
    Platform,
    /// Mozilla's root certificates, compiled in (feature `webpki-roots`).
    Webpki,
    /// No other authorities.
    OnlyAdded,
}

#[derive(Clone)]
enum Pem {
    Bytes(Arc<[u8]>),
    File(PathBuf),
}

impl Tls {
    /// Adds the certificates of this PEM text as authorities.
    #[must_use]
    pub fn with_authority_pem(mut self, pem: impl AsRef<[u8]>) -> Self {
        self.authorities.push(Pem::Bytes(pem.as_ref().into()));
        self
    }

    /// Adds the certificates of this PEM file as authorities.
    #[must_use]
    pub fn with_authority_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.authorities.push(Pem::File(path.into()));
        self
    }

    /// Presents this certificate chain to servers that request a client certificate. Chain and
    /// private key are PEM.
    #[must_use]
    pub fn with_identity_pem(mut self, chain: impl AsRef<[u8]>, key: impl AsRef<[u8]>) -> Self {
        self.identity = Some((
            Pem::Bytes(chain.as_ref().into()),
            Pem::Bytes(key.as_ref().into()),
        ));
        self
    }

    /// Returns the same trust without the client certificate.
    #[cfg(feature = "proxy")]
    pub(crate) fn anonymous(&self) -> Self {
        Self {
            identity: None,
            ..self.clone()
        }
    }

    pub(crate) fn client_config(&self, http: HttpVersions) -> Result<rustls::ClientConfig, Error> {
        let provider = provider()?;
        let builder = rustls::ClientConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(Error::configuration)?;
        let builder = match self.roots {
            #[cfg(feature = "platform-verifier")]
            Roots::Default | Roots::Platform => {
                let added = self.added()?;
                let verifier =
                    rustls_platform_verifier::Verifier::new_with_extra_roots(added, provider)
                        .map_err(Error::configuration)?;
                builder
                    .dangerous()
                    .with_custom_certificate_verifier(Arc::new(verifier))
            }
            #[cfg(not(feature = "platform-verifier"))]
            Roots::Platform => {
                return Err(Error::configuration(
                    "feature `platform-verifier` is disabled",
                ));
            }
            _ => builder.with_root_certificates(self.root_store()?),
        };
        let mut config = match &self.identity {
            None => builder.with_no_client_auth(),
            Some((chain, key)) => builder
                .with_client_auth_cert(
                    certificates(chain)?,
                    PrivateKeyDer::from_pem_slice(&key.read()?).map_err(Error::configuration)?,
                )
                .map_err(Error::configuration)?,
        };
        config.alpn_protocols = http.alpn();
        Ok(config)
    }

    fn root_store(&self) -> Result<RootCertStore, Error> {
        let mut store = RootCertStore::empty();
        if self.roots != Roots::OnlyAdded {
            #[cfg(feature = "webpki-roots")]
            store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
            #[cfg(not(feature = "webpki-roots"))]
            if self.roots == Roots::Webpki {
                return Err(Error::configuration("feature `webpki-roots` is disabled"));
            }
        }
        for certificate in self.added()? {
            store.add(certificate).map_err(Error::configuration)?;
        }
        Ok(store)
    }

    fn added(&self) -> Result<Vec<CertificateDer<'static>>, Error> {
        let from_environment = self
            .read_environment
            .then(|| std::env::var_os("SSL_CERT_FILE"))
            .flatten()
            .filter(|path| !path.is_empty())
            .map(|path| Pem::File(path.into()));
        let mut all = Vec::new();
        for pem in self.authorities.iter().chain(&from_environment) {
            all.extend(certificates(pem)?);
        }
        Ok(all)
    }
}

impl Default for Tls {
    fn default() -> Self {
        Self {
            roots: Roots::Default,
            read_environment: true,
            authorities: Vec::new(),
            identity: None,
        }
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls")
            .field("roots", &self.roots)
            .field("read_environment", &self.read_environment)
            .field("authorities", &self.authorities.len())
            .field("identity", &self.identity.is_some())
            .finish()
    }
}

impl Pem {
    fn read(&self) -> Result<Vec<u8>, Error> {
        match self {
            Self::Bytes(bytes) => Ok(bytes.to_vec()),
            Self::File(path) => std::fs::read(path).map_err(Error::configuration),
        }
    }
}

// An empty list is an error: the caller passed a text without certificates by mistake.
fn certificates(pem: &Pem) -> Result<Vec<CertificateDer<'static>>, Error> {
    let found = CertificateDer::pem_slice_iter(&pem.read()?)
        .collect::<Result<Vec<_>, _>>()
        .map_err(Error::configuration)?;
    if found.is_empty() {
        return Err(Error::configuration("no certificate in the PEM text"));
    }
    Ok(found)
}

/// Returns the provider that the program installed, otherwise one that is compiled in.
pub(crate) fn provider() -> Result<Arc<CryptoProvider>, Error> {
    if let Some(installed) = CryptoProvider::get_default() {
        return Ok(installed.clone());
    }
    #[cfg(feature = "aws-lc-rs")]
    return Ok(Arc::new(rustls::crypto::aws_lc_rs::default_provider()));
    #[cfg(all(feature = "ring", not(feature = "aws-lc-rs")))]
    return Ok(Arc::new(rustls::crypto::ring::default_provider()));
    #[cfg(not(any(feature = "ring", feature = "aws-lc-rs")))]
    Err(Error::configuration(
        "no cryptography provider: enable the feature `ring` or `aws-lc-rs`, or install one",
    ))
}

/// Converts the error of a failed handshake.
pub(crate) fn handshake_error(error: io::Error) -> Error {
    let cause = error.get_ref().and_then(|inner| inner.downcast_ref());
    let kind = cause.map_or(ErrorKind::ConnectionLost, error_kind);
    Error::new(kind, Phase::Handshake, Sent::No).with_source(error)
}

/// Returns the kind of an error of rustls.
pub(crate) fn error_kind(error: &rustls::Error) -> ErrorKind {
    match error {
        rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented => {
            ErrorKind::Certificate
        }
        _ => ErrorKind::Tls,
    }
}
