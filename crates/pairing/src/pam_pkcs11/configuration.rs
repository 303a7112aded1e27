//! What pam_pkcs11.conf says, as far as pairing depends on it.

use std::path::{Path, PathBuf};

use super::scconf::Block;
use crate::Error;

/// The configuration that pam_pkcs11 reads unless its PAM line names another.
pub const DEFAULT_PATH: &str = "/etc/pam_pkcs11/pam_pkcs11.conf";

/// A configuration of pam_pkcs11.
#[derive(Debug, Clone)]
pub struct Configuration {
    path: PathBuf,
    root: Block,
}

/// How a digest mapper is set up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DigestMapper {
    /// What it computes of a certificate.
    pub algorithm: DigestAlgorithm,
    /// The file of its mappings, as the system itself calls it.
    pub map_file: PathBuf,
}

/// The digest of a certificate by which it is mapped (FIPS 180-4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DigestAlgorithm {
    /// 20 bytes; pam_pkcs11's default.
    Sha1,
    /// 32 bytes.
    Sha256,
    /// 48 bytes.
    Sha384,
    /// 64 bytes.
    Sha512,
}

impl DigestAlgorithm {
    /// The digest of these bytes.
    pub fn of(self, bytes: &[u8]) -> Vec<u8> {
        use sha2::Digest;
        match self {
            Self::Sha1 => sha1::Sha1::digest(bytes).to_vec(),
            Self::Sha256 => sha2::Sha256::digest(bytes).to_vec(),
            Self::Sha384 => sha2::Sha384::digest(bytes).to_vec(),
            Self::Sha512 => sha2::Sha512::digest(bytes).to_vec(),
        }
    }

    /// The length of a digest in bytes.
    pub fn length(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }
}

impl Configuration {
    /// Reads the text of a configuration. `path` is for errors.
    ///
    /// # Errors
    ///
    /// [`Error::Configuration`] when pam_pkcs11 could not read it.
    pub fn parse(path: &Path, text: &str) -> Result<Self, Error> {
        let root = Block::parse(text).map_err(|why| Error::configuration(path, format!("cannot be read: {why}")))?;
        let root = root.block("pam_pkcs11", None).cloned();
        let root = root.ok_or_else(|| Error::configuration(path, "has no block pam_pkcs11"))?;
        Ok(Configuration { path: path.to_owned(), root })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The mappers that are asked, in order; each that recognises the certificate lets its holder in.
    pub fn mappers(&self) -> &[String] {
        self.root.list("use_mappers").unwrap_or_default()
    }

    /// Whether the mapper null, where it is in use, takes every certificate for that of every account.
    pub(super) fn takes_everybody(&self) -> bool {
        self.mapper("null").is_some_and(|block| block.is_set("default_match"))
    }

    /// The block of a mapper.
    pub(crate) fn mapper(&self, name: &str) -> Option<&Block> {
        self.root.block("mapper", Some(name))
    }

    /// The block of the PKCS#11 module in use.
    pub(crate) fn module(&self) -> Option<&Block> {
        self.root.block("pkcs11_module", Some(self.root.text("use_pkcs11_module").unwrap_or("default")))
    }

    /// What is asked of a certificate and its key, such as `ca` and `signature`.
    pub fn certificate_policy(&self) -> &[String] {
        self.module().and_then(|module| module.list("cert_policy")).unwrap_or_default()
    }

    /// Whether the card has to sign. Without that, a certificate alone opens the account, and certificates are no secrets.
    pub fn wants_signature(&self) -> bool {
        // "none" ends the list and takes back what stands before it.
        let policy = self.certificate_policy();
        policy.iter().any(|word| word == "signature") && policy.iter().all(|word| word != "none")
    }

    /// How the digest mapper is set up.
    ///
    /// # Errors
    ///
    /// [`Error::Configuration`] when it is not in use, keeps its mappings nowhere or not in a file of this machine, or
    /// computes digests that are not strong enough to stand for a certificate.
    pub fn digest_mapper(&self) -> Result<DigestMapper, Error> {
        let refused = |why: String| Err(Error::configuration(&self.path, why));
        if !self.mappers().iter().any(|mapper| mapper == DIGEST) {
            return refused("does not use the mapper digest: add it to use_mappers".to_owned());
        }
        let Some(block) = self.mapper(DIGEST) else {
            return refused("has no block for the mapper digest, which names its mapfile".to_owned());
        };
        let algorithm = match block.text("algorithm").unwrap_or("sha1").to_ascii_lowercase().as_str() {
            "sha1" => DigestAlgorithm::Sha1,
            "sha256" => DigestAlgorithm::Sha256,
            "sha384" => DigestAlgorithm::Sha384,
            "sha512" => DigestAlgorithm::Sha512,
            other => {
                return refused(format!(
                    "has {other:?} for the algorithm of the mapper digest: pivkit writes sha1, sha256, sha384 and sha512"
                ));
            }
        };
        match block.text("mapfile").map(local_path) {
            Some(Some(map_file)) => Ok(DigestMapper { algorithm, map_file }),
            _ => {
                refused("does not name a file of this machine (file:///...) as mapfile of the mapper digest".to_owned())
            }
        }
    }
}

/// The path in a URI with the scheme file; `None` for all others, "none", and what programs read in different ways.
pub(crate) fn local_path(uri: &str) -> Option<PathBuf> {
    let path = uri.strip_prefix("file://").or_else(|| uri.strip_prefix("file:"))?;
    let plain = path.starts_with('/') && !path.starts_with("//") && !path.contains(['%', '?', '#', '\0']);
    (plain && path.len() > 1 && !path.ends_with('/')).then(|| PathBuf::from(path))
}

const DIGEST: &str = "digest";

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(policy: &str, mappers: &str, digest: &str) -> Configuration {
        let text = format!(
            "pam_pkcs11 {{ use_pkcs11_module = opensc; pkcs11_module other {{ cert_policy = signature; }} \
             pkcs11_module opensc {{ {policy} }} use_mappers = {mappers}; mapper digest {{ {digest} }} }}"
        );
        Configuration::parse(Path::new("/etc/x.conf"), &text).unwrap()
    }

    #[test]
    fn the_policy_of_the_module_in_use_counts() {
        for (policy, wanted) in [
            ("cert_policy = signature;", true),
            ("cert_policy = ca, signature;", true),
            ("cert_policy = ca; cert_policy = signature;", true),
            ("cert_policy = ca;", false),
            ("", false),
            ("cert_policy = signature, none;", false),
            ("cert_policy = none, signature;", false),
            ("cert_policy = \"ca,signature\";", false),
            ("cert_policy=signature;", false),
        ] {
            assert_eq!(parse(policy, "digest", "").wants_signature(), wanted, "{policy}");
        }
        let missing = Configuration::parse(Path::new("/x"), "pam_pkcs11 { use_pkcs11_module = a; }").unwrap();
        assert!(!missing.wants_signature());
    }

    #[test]
    fn how_the_digest_mapper_is_set_up() {
        let mapper = |mappers, digest| parse("", mappers, digest).digest_mapper();
        let found = mapper("cn, digest", "algorithm = SHA256; mapfile = file:///etc/map;").unwrap();
        assert_eq!(found, DigestMapper { algorithm: DigestAlgorithm::Sha256, map_file: "/etc/map".into() });
        assert_eq!(mapper("digest", "mapfile = file:/etc/map;").unwrap().algorithm, DigestAlgorithm::Sha1);
        for (mappers, digest) in [
            ("cn", "mapfile = file:///etc/map;"),
            ("digest", "mapfile = none;"),
            ("digest", ""),
            ("digest", "mapfile = /etc/map;"),
            ("digest", "mapfile = http://host/map;"),
            ("digest", "mapfile = file:///etc/%6dap;"),
            ("digest", "mapfile = file://host/etc/map;"),
            ("digest", "mapfile = file:///etc/map; algorithm = md5;"),
        ] {
            assert!(matches!(mapper(mappers, digest), Err(Error::Configuration { .. })), "{mappers} {digest}");
        }
    }
}
