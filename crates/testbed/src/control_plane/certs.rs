//! The certificates and keys of one control plane. They live in its folder and die with it.

use std::fs;
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};

use super::error::StartError;

/// Where the files are.
#[derive(Debug, Clone)]
pub(super) struct Certificates {
    /// The authority, as a file and as text.
    pub(super) authority: PathBuf,
    pub(super) authority_pem: String,
    /// What the API server shows.
    pub(super) server_certificate: PathBuf,
    pub(super) server_key: PathBuf,
    /// What service-account tokens are signed and checked with.
    pub(super) account_key: PathBuf,
    pub(super) account_public_key: PathBuf,
}

impl Certificates {
    /// Makes them in a folder.
    pub(super) fn make(folder: &Path) -> Result<Self, StartError> {
        let rcgen_error = |source| StartError::Certificates { source };
        let authority = authority().map_err(rcgen_error)?;
        let (server, server_key) = server(&authority).map_err(rcgen_error)?;
        let account = KeyPair::generate().map_err(rcgen_error)?;
        let write = |name: &str, text: &str| {
            let path = folder.join(name);
            fs::write(&path, text)
                .map_err(StartError::file("write", &path))
                .map(|()| path)
        };
        Ok(Self {
            authority: write("ca.crt", &authority.pem())?,
            server_certificate: write("apiserver.crt", &server.pem())?,
            server_key: write("apiserver.key", &server_key.serialize_pem())?,
            account_key: write("sa.key", &account.serialize_pem())?,
            account_public_key: write("sa.pub", &account.public_key_pem())?,
            authority_pem: authority.pem(),
        })
    }
}

fn authority() -> Result<CertifiedIssuer<'static, KeyPair>, rcgen::Error> {
    let mut params = CertificateParams::new(Vec::new())?;
    params
        .distinguished_name
        .push(DnType::CommonName, "vpc-cni-operator test bed");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
    CertifiedIssuer::self_signed(params, KeyPair::generate()?)
}

fn server(
    authority: &CertifiedIssuer<'static, KeyPair>,
) -> Result<(rcgen::Certificate, KeyPair), rcgen::Error> {
    // 10.96.0.1 is the Service `kubernetes`, the first address of the service range.
    let names = [
        "127.0.0.1",
        "10.96.0.1",
        "localhost",
        "kubernetes",
        "kubernetes.default",
        "kubernetes.default.svc",
    ];
    let mut params = CertificateParams::new(names.map(str::to_owned).to_vec())?;
    params
        .distinguished_name
        .push(DnType::CommonName, "kube-apiserver");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    let key = KeyPair::generate()?;
    Ok((params.signed_by(&key, authority)?, key))
}
