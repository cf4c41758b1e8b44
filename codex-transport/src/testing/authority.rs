use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    SanType,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};

use crate::conn::tls;
use crate::conn::versions::HttpVersions;
use crate::error::{Error, ErrorKind, Phase, Sent};

/// A certificate authority generated for a test, which signs the certificates of the loopback
/// server and of the client.
///
/// ```
/// use codex_transport::testing::Authority;
/// use codex_transport::{ConnectOptions, Roots};
///
/// let authority = Authority::generate().unwrap();
/// let mut connection = ConnectOptions::default();
/// connection.tls = connection.tls.with_authority_pem(authority.certificate_pem());
/// connection.tls.roots = Roots::OnlyAdded;
/// ```
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    /// Generates a new authority with a new key.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::Configuration`] if the system does not provide random bytes.
    pub fn generate() -> Result<Self, Error> {
        let mut parameters = CertificateParams::new(Vec::new()).map_err(failed)?;
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().map_err(failed)?;
        Ok(Self {
            issuer: CertifiedIssuer::self_signed(parameters, key).map_err(failed)?,
        })
    }

    /// Returns the authority's certificate as PEM, for the client to trust.
    pub fn certificate_pem(&self) -> String {
        self.issuer.pem()
    }

    /// Returns a client certificate and its key, as
    /// [`Tls::with_identity_pem`](crate::Tls::with_identity_pem) expects them.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::Configuration`] if the system does not provide random bytes.
    pub fn client_identity(&self) -> Result<(String, String), Error> {
        self.issue("client", ExtendedKeyUsagePurpose::ClientAuth)
    }

    pub(super) fn server_config(
        &self,
        http: HttpVersions,
        ask_client: bool,
    ) -> Result<ServerConfig, Error> {
        let (certificate, key) = self.issue("localhost", ExtendedKeyUsagePurpose::ServerAuth)?;
        let provider = tls::provider()?;
        let builder = ServerConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(failed)?;
        let builder = if ask_client {
            let mut roots = RootCertStore::empty();
            roots.add(self.issuer.der().clone()).map_err(failed)?;
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                .build()
                .map_err(failed)?;
            builder.with_client_cert_verifier(verifier)
        } else {
            builder.with_no_client_auth()
        };
        let chain = vec![CertificateDer::from_pem_slice(certificate.as_bytes()).map_err(failed)?];
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(failed)?;
        let mut config = builder.with_single_cert(chain, key).map_err(failed)?;
        config.alpn_protocols = http.alpn();
        Ok(config)
    }

    fn issue(
        &self,
        name: &str,
        purpose: ExtendedKeyUsagePurpose,
    ) -> Result<(String, String), Error> {
        let mut parameters = CertificateParams::new([name.to_owned()]).map_err(failed)?;
        for address in [
            IpAddr::from(Ipv4Addr::LOCALHOST),
            Ipv6Addr::LOCALHOST.into(),
        ] {
            parameters
                .subject_alt_names
                .push(SanType::IpAddress(address));
        }
        parameters.extended_key_usages = vec![purpose];
        let key = KeyPair::generate().map_err(failed)?;
        let certificate = parameters.signed_by(&key, &self.issuer).map_err(failed)?;
        Ok((certificate.pem(), key.serialize_pem()))
    }
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Authority")
    }
}

fn failed(source: impl Into<Box<dyn core::error::Error + Send + Sync>>) -> Error {
    Error::new(ErrorKind::Configuration, Phase::Prepare, Sent::No).with_source(source)
}
