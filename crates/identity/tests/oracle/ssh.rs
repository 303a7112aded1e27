//! Keys in authorized_keys against the pairing hash that OpenSSL gives for the same key.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use identity::ssh;

use crate::openssl;

fn string(bytes: &[u8]) -> Vec<u8> {
    [&u32::try_from(bytes.len()).unwrap().to_be_bytes()[..], bytes].concat()
}

/// The line for a certificate, made out of what OpenSSL says about the key (RFC 4253 6.6, RFC 5656 3.1).
fn line(pem: &[u8]) -> String {
    let spki = openssl::run("x509 -noout -pubkey", pem);
    let about = openssl::line("pkey -pubin -noout -text", &spki);
    let (algorithm, parts) = if about.contains("Modulus") {
        let modulus = openssl::line("rsa -pubin -noout -modulus", &spki);
        let modulus = hex::decode(modulus.strip_prefix("Modulus=").unwrap()).unwrap();
        ("ssh-rsa".to_owned(), vec![vec![1, 0, 1], [&[0], &modulus[..]].concat()])
    } else {
        let der = openssl::run("pkey -pubin -outform DER", &spki);
        let (curve, length) = if about.contains("P-384") { ("nistp384", 97) } else { ("nistp256", 65) };
        (format!("ecdsa-sha2-{curve}"), vec![curve.as_bytes().to_vec(), der[der.len() - length..].to_vec()])
    };
    let blob: Vec<u8> =
        string(algorithm.as_bytes()).into_iter().chain(parts.iter().flat_map(|one| string(one))).collect();
    format!("{algorithm} {}", STANDARD.encode(blob))
}

#[test]
fn keys_have_the_hash_of_their_certificate() {
    let folder = tempfile::tempdir().unwrap();
    for algorithm in [
        "RSA -pkeyopt rsa_keygen_bits:2048",
        "EC -pkeyopt ec_paramgen_curve:P-256",
        "EC -pkeyopt ec_paramgen_curve:P-384",
    ] {
        let file = folder.path().join("key");
        openssl::new_key(&format!("-algorithm {algorithm}"), &file);
        let pem = openssl::new_certificate(&file, "");
        let hash = openssl::pairing_hash(&pem).parse().ok();
        let line = line(&pem);
        let text = format!("# x\n\n \t{line} alice@host\r\nfrom=\"x\" {line}\n{line}");
        let key = |line| ssh::Key { line, hash };
        assert_eq!(ssh::keys(text.as_bytes()), [key(3), key(5)], "{algorithm}");
    }
}

#[test]
fn what_might_be_a_key_is_reported() {
    let unknown = |text: &str| ssh::keys(text.as_bytes()).iter().filter(|key| key.hash.is_none()).count();
    let long = format!("ssh-ed25519 {}", "x".repeat(9000));
    for text in ["2048 65537 265", "ssh-rsa AAAA", "ssh-rsa", "ecdsa-sha2-nistp256 AAAA", &long] {
        assert_eq!(unknown(text), 1, "{text}");
    }
    for text in ["", "ssh-ed25519 AAAA", "#ssh-rsa AAAA", "\0ssh-rsa AAAA", "sk-ssh-ed25519@openssh.com AAAA"] {
        assert!(ssh::keys(text.as_bytes()).is_empty(), "{text}");
    }
}
