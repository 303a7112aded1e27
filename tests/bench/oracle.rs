//! What others say: openssl's pairing hash and signatures, Python's JOSE.

use std::path::{Path, PathBuf};

use super::Bench;

/// The pairing hash as openssl computes it: SHA-1 of the bit string in the subjectPublicKeyInfo, in upper case.
///
/// RSA: the PKCS#1 RSAPublicKey. EC: the uncompressed point, the last 65 (P-256) or 97 (P-384) bytes. Curve25519: the last 32.
pub(crate) fn pairing_hash(bench: &Bench, certificate_der: &[u8]) -> String {
    let pem = bench.openssl(&["x509", "-inform", "DER", "-noout", "-pubkey"], certificate_der).bytes;
    let text = bench.openssl(&["pkey", "-pubin", "-noout", "-text"], &pem).stdout;
    let bits = if text.contains("Modulus") {
        bench.openssl(&["rsa", "-pubin", "-RSAPublicKey_out", "-outform", "DER"], &pem).bytes
    } else {
        let spki = bench.openssl(&["pkey", "-pubin", "-outform", "DER"], &pem).bytes;
        let length = match text.lines().next().unwrap_or_default() {
            line if line.contains("25519") => 32,
            _ if text.contains("P-384") => 97,
            _ => 65,
        };
        spki[spki.len() - length..].to_vec()
    };
    let digest = bench.openssl(&["dgst", "-sha1", "-r"], &bits).stdout;
    digest.split_whitespace().next().unwrap().to_uppercase()
}

/// The DER of a certificate file in PEM.
pub(crate) fn der_of(bench: &Bench, pem: &Path) -> Vec<u8> {
    bench.openssl(&["x509", "-in", pem.to_str().unwrap(), "-outform", "DER"], &[]).bytes
}

/// Makes a certificate authority, and returns its files: certificate, key.
pub(crate) fn authority(bench: &Bench, name: &str) -> (PathBuf, PathBuf) {
    let (certificate, key) = (bench.path(format!("{name}.pem")), bench.path(format!("{name}.key")));
    let (c, k) = (certificate.to_str().unwrap(), key.to_str().unwrap());
    let subject = format!("/CN={name}");
    bench.openssl(
        &[
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-noenc",
            "-days",
            "30",
            "-subj",
            &subject,
            "-addext",
            "keyUsage=critical,keyCertSign",
            "-keyout",
            k,
            "-out",
            c,
        ],
        &[],
    );
    (certificate, key)
}

/// Issues a certificate for logging in, and returns its files: certificate, key. `key` is as in `openssl req -newkey`.
pub(crate) fn issue(
    bench: &Bench,
    name: &str,
    upn: &str,
    new_key: &[&str],
    authority: &(PathBuf, PathBuf),
) -> (PathBuf, PathBuf) {
    let (certificate, key) = (bench.path(format!("{name}.pem")), bench.path(format!("{name}.key")));
    let subject = format!("/CN={name}");
    let san = format!("subjectAltName=otherName:1.3.6.1.4.1.311.20.2.3;UTF8:{upn}");
    let (c, k) = (certificate.to_str().unwrap(), key.to_str().unwrap());
    let mut args = vec!["req", "-x509", "-noenc", "-days", "30", "-subj", &subject, "-addext", &san];
    args.extend(["-addext", "basicConstraints=critical,CA:FALSE", "-addext", "keyUsage=critical,digitalSignature"]);
    args.extend(["-addext", "extendedKeyUsage=clientAuth,1.3.6.1.4.1.311.20.2.2"]);
    args.extend(["-CA", authority.0.to_str().unwrap(), "-CAkey", authority.1.to_str().unwrap()]);
    args.extend(["-keyout", k, "-out", c, "-newkey"]);
    args.extend(new_key);
    bench.openssl(&args, &[]);
    (certificate, key)
}

/// Issues a certificate for a public key in a file, whose private key is on a card, and returns its file.
pub(crate) fn certify(bench: &Bench, name: &str, public_key: &str, authority: &(PathBuf, PathBuf)) -> String {
    let certificate = bench.path(format!("{name}.pem")).to_str().unwrap().to_owned();
    let subject = format!("/CN={name}");
    let mut args = vec!["x509", "-new", "-subj", &subject, "-days", "30", "-force_pubkey", public_key];
    args.extend(["-CA", authority.0.to_str().unwrap(), "-CAkey", authority.1.to_str().unwrap()]);
    args.extend(["-out", &certificate]);
    bench.openssl(&args, &[]);
    certificate
}

/// `openssl req -newkey` for a key on P-256.
pub(crate) const P256: [&str; 3] = ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"];
/// `openssl req -newkey` for a key on P-384.
pub(crate) const P384: [&str; 3] = ["ec", "-pkeyopt", "ec_paramgen_curve:P-384"];
/// `openssl req -newkey` for an RSA key of 2048 bits.
pub(crate) const RSA2048: [&str; 1] = ["rsa:2048"];

/// Python with the packages of tests/requirements.txt.
pub(crate) fn python() -> PathBuf {
    let found = super::binary("pivkit").ancestors().map(|path| path.join("venv/bin/python")).find(|path| path.exists());
    found.unwrap_or_else(|| panic!("there is no venv/bin/python below the target directory. Please run: scripts/setup"))
}

/// A script of tests/python.
pub(crate) fn script(name: &str) -> PathBuf {
    super::project().join("tests/python").join(name)
}
