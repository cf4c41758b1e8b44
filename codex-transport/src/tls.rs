use core::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::{Error, ErrorKind, HttpVersions, Phase, Sent};

/// What is trusted, and as whom we present ourselves, as plain data. Files are read when the transport is built.
///
/// Certificates added here are trusted beside the roots of [`Roots`], not instead of them; [`Roots::OnlyAdded`] trusts nothing else.
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
    /// Where trust comes from.
    pub roots: Roots,
    /// Whether the variable `SSL_CERT_FILE` names one more file of authorities, as it does for OpenSSL. On by default.
    pub read_environment: bool,
    authorities: Vec<Pem>,
    identity: Option<(Pem, Pem)>,
}

/// Where trust comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Roots {
    /// The best of those compiled in: the operating system's (feature `platform-verifier`), else Mozilla's (feature `webpki-roots`),
    /// else none.
    #[default]
    Default,
    /// What the operating system trusts, asked at each handshake (feature `platform-verifier`).
    Platform,
    /// Mozilla's root certificates, compiled in (feature `webpki-roots`).
    Webpki,
    /// Nothing but the authorities that were added.
    OnlyAdded,
}

#[derive(Clone)]
enum Pem {
    Bytes(Arc<[u8]>),
    File(PathBuf),
}

impl Tls {
    /// Trusts the certificates of this PEM text too.
    #[must_use]
    pub fn with_authority_pem(mut self, pem: impl AsRef<[u8]>) -> Self {
        self.authorities.push(Pem::Bytes(pem.as_ref().into()));
        self
    }

    /// Trusts the certificates of this PEM file too.
    #[must_use]
    pub fn with_authority_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.authorities.push(Pem::File(path.into()));
        self
    }

    /// Presents this certificate chain to servers that ask for one, with its private key; both PEM.
    #[must_use]
    pub fn with_identity_pem(mut self, chain: impl AsRef<[u8]>, key: impl AsRef<[u8]>) -> Self {
        self.identity = Some((
            Pem::Bytes(chain.as_ref().into()),
            Pem::Bytes(key.as_ref().into()),
        ));
        self
    }

    /// The same trust without the client certificate.
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
            .map_err(configuration)?;
        let builder = match self.roots {
            #[cfg(feature = "platform-verifier")]
            Roots::Default | Roots::Platform => {
                let added = self.added()?;
                let verifier =
                    rustls_platform_verifier::Verifier::new_with_extra_roots(added, provider)
                        .map_err(configuration)?;
                builder
                    .dangerous()
                    .with_custom_certificate_verifier(Arc::new(verifier))
            }
            #[cfg(not(feature = "platform-verifier"))]
            Roots::Platform => return Err(configuration("the feature platform-verifier is off")),
            _ => builder.with_root_certificates(self.root_store()?),
        };
        let mut config = match &self.identity {
            None => builder.with_no_client_auth(),
            Some((chain, key)) => builder
                .with_client_auth_cert(
                    certificates(chain)?,
                    PrivateKeyDer::from_pem_slice(&key.read()?).map_err(configuration)?,
                )
                .map_err(configuration)?,
        };
        config.alpn_protocols = alpn(http);
        Ok(config)
    }

    fn root_store(&self) -> Result<RootCertStore, Error> {
        let mut store = RootCertStore::empty();
        if self.roots != Roots::OnlyAdded {
            #[cfg(feature = "webpki-roots")]
            store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
            #[cfg(not(feature = "webpki-roots"))]
            if self.roots == Roots::Webpki {
                return Err(configuration("the feature webpki-roots is off"));
            }
        }
        for certificate in self.added()? {
            store.add(certificate).map_err(configuration)?;
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
            Self::File(path) => std::fs::read(path).map_err(configuration),
        }
    }
}

// Certificates of a text; one that holds none is a mistake of whoever named it.
fn certificates(pem: &Pem) -> Result<Vec<CertificateDer<'static>>, Error> {
    let found = CertificateDer::pem_slice_iter(&pem.read()?)
        .collect::<Result<Vec<_>, _>>()
        .map_err(configuration)?;
    if found.is_empty() {
        return Err(configuration("no certificate in the PEM text"));
    }
    Ok(found)
}

pub(crate) fn alpn(http: HttpVersions) -> Vec<Vec<u8>> {
    match http {
        HttpVersions::Negotiated => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
        HttpVersions::Http1 => vec![b"http/1.1".to_vec()],
        HttpVersions::Http2 => vec![b"h2".to_vec()],
    }
}

/// The program's own choice first, then what was compiled in.
pub(crate) fn provider() -> Result<Arc<CryptoProvider>, Error> {
    if let Some(installed) = CryptoProvider::get_default() {
        return Ok(installed.clone());
    }
    #[cfg(feature = "aws-lc-rs")]
    return Ok(Arc::new(rustls::crypto::aws_lc_rs::default_provider()));
    #[cfg(all(feature = "ring", not(feature = "aws-lc-rs")))]
    return Ok(Arc::new(rustls::crypto::ring::default_provider()));
    #[cfg(not(any(feature = "ring", feature = "aws-lc-rs")))]
    Err(configuration(
        "no cryptography provider: turn on the feature ring or aws-lc-rs, or install one",
    ))
}

fn configuration(source: impl Into<Box<dyn core::error::Error + Send + Sync>>) -> Error {
    Error::new(ErrorKind::Configuration, Phase::Prepare, Sent::No).with_source(source)
}
