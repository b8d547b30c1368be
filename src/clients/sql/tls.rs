//! Encryption on the way to a server, and who may be at its end.

use crate::error::{Error, Kind, Result};
use crate::location::Location;
use crate::text;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{self, WebPkiSupportedAlgorithms};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What a server must prove.
#[derive(Debug, Clone)]
pub enum Tls {
    /// Nothing: all is sent as plain text.
    Off,
    /// That it encrypts; whoever it is.
    Require,
    /// That it is the host that was named, by a certificate of the system's authorities or of those in
    /// this file.
    Verify {
        /// A file of certificates in PEM.
        ca: Option<PathBuf>,
    },
}

#[derive(Clone, Copy)]
enum Mode {
    Off,
    Require,
    Verify,
}

impl Tls {
    /// Takes `tls=` and `tls-ca=` out of the URL. Without them a server on this machine is spoken to in
    /// plain text, and any other must prove who it is.
    pub fn take(url: &mut Location, is_near: bool) -> Result<Self> {
        let words = [("off", Mode::Off), ("require", Mode::Require), ("verify", Mode::Verify)];
        let mode = url.choice("tls", &words)?;
        let ca = url.take("tls-ca")?.map(PathBuf::from);
        match (mode, ca) {
            (Some(Mode::Verify), ca) => Ok(Self::Verify { ca }),
            (None, ca) if ca.is_some() || !is_near => Ok(Self::Verify { ca }),
            (Some(Mode::Off | Mode::Require), Some(_)) => {
                Err(Error::new(Kind::Usage, "`tls-ca` needs `tls=verify`")
                    .hint("leave `tls` out: a file of certificates says enough"))
            }
            (Some(Mode::Off) | None, _) => Ok(Self::Off),
            (Some(Mode::Require), None) => Ok(Self::Require),
        }
    }

    /// The authorities that are trusted; none where nobody is looked at.
    pub fn authorities(&self) -> Result<Vec<CertificateDer<'static>>> {
        match self {
            Self::Off | Self::Require => Ok(Vec::new()),
            Self::Verify { ca: Some(file) } => in_file(file),
            Self::Verify { ca: None } => of_system(),
        }
    }

    /// What a connection with rustls is made with.
    pub fn client_config(&self) -> Result<ClientConfig> {
        let provider = Arc::new(crypto::aws_lc_rs::default_provider());
        let algorithms = provider.signature_verification_algorithms;
        let builder = ClientConfig::builder_with_provider(provider);
        let builder = builder
            .with_safe_default_protocol_versions()
            .map_err(|cause| Error::new(Kind::Bug, "cannot set up TLS").because(cause))?;
        let config = match self {
            Self::Verify { .. } => builder.with_root_certificates(self.roots()?),
            Self::Off | Self::Require => {
                builder.dangerous().with_custom_certificate_verifier(Arc::new(Whoever(algorithms)))
            }
        };
        Ok(config.with_no_client_auth())
    }

    fn roots(&self) -> Result<RootCertStore> {
        let mut roots = RootCertStore::empty();
        // One that cannot be used stops none of the others.
        let (usable, _) = roots.add_parsable_certificates(self.authorities()?);
        match usable {
            0 => Err(Error::new(Kind::Configuration, "there is no certificate that could be used")
                .hint("name a file of certificates in PEM: `tls-ca=FILE`")),
            _ => Ok(roots),
        }
    }
}

fn in_file(file: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let refused = || {
        let what = format!("cannot use `{}`, which `tls-ca` names", text::of_name(file));
        Error::new(Kind::Configuration, what).hint("name a file of certificates in PEM")
    };
    let read = CertificateDer::pem_file_iter(file)
        .and_then(|found| found.collect::<Result<Vec<_>, _>>())
        .map_err(|cause| refused().because_of(cause))?;
    match read.is_empty() {
        true => Err(refused().because_of("it holds no certificate")),
        false => Ok(read),
    }
}

fn of_system() -> Result<Vec<CertificateDer<'static>>> {
    let found = rustls_native_certs::load_native_certs();
    let why = found.errors.first().map(ToString::to_string);
    match found.certs.is_empty() {
        true => Err(Error::new(Kind::Configuration, "this system has no certificates")
            .because_of(why.unwrap_or_else(|| "none was found".to_owned()))
            .hint("install them, as the package `ca-certificates`, or name a file: `tls-ca=FILE`")),
        false => Ok(found.certs),
    }
}

/// Takes any certificate: what is sent is encrypted, and that is all.
#[derive(Debug)]
struct Whoever(WebPkiSupportedAlgorithms);

impl ServerCertVerifier for Whoever {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        crypto::verify_tls12_signature(message, cert, signature, &self.0)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        crypto::verify_tls13_signature(message, cert, signature, &self.0)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(query: &str) -> Result<Tls> {
        Tls::take(&mut Location::parse(&format!("mysql://h/d?{query}")).unwrap(), true)
    }

    #[test]
    fn a_file_of_certificates_means_that_the_server_is_verified() {
        assert!(matches!(take("tls-ca=a.pem").unwrap(), Tls::Verify { ca: Some(_) }));
        assert!(matches!(take("tls=verify&tls-ca=a.pem").unwrap(), Tls::Verify { ca: Some(_) }));
        for query in ["tls=off&tls-ca=a.pem", "tls=require&tls-ca=a.pem", "tls=on", "tls="] {
            assert_eq!(take(query).unwrap_err().kind(), Kind::Usage, "{query}");
        }
    }

    #[test]
    fn a_file_without_certificates_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ca.pem");
        let verify = Tls::Verify { ca: Some(file.clone()) };
        for content in [None, Some(""), Some("-----BEGIN CERTIFICATE-----\n!\n")] {
            if let Some(content) = content {
                std::fs::write(&file, content).unwrap();
            }
            let error = verify.client_config().unwrap_err();
            assert_eq!(error.kind(), Kind::Configuration);
            assert!(error.to_string().contains("which `tls-ca` names"), "{error}");
        }
    }
}
