//! The rule by which SSSD recognises a certificate (sss-certmap(5)).
//!
//! ```text
//! <ISSUER>^CN=Example CA,O=Example$<SUBJECT>^CN=Alice\+1,O=Example$<KU>digitalSignature<EKU>clientAuth
//! ```
//!
//! SSSD writes both names as OpenSSL does (RFC 2253, octets above 7F as `\C3`), and compares them with a POSIX extended regular
//! expression. The rule is exact: what has a meaning in expressions is escaped. A dot stands for characters that a rule or
//! its file cannot hold (`<`, `>`, `;`, `"`, `#`), and any word for the name of an attribute that programs name differently.

use identity::{Certificate, ExtendedKeyUsage};

/// The rule for a certificate; half a sentence when there can be none.
pub(super) fn matching(certificate: &Certificate) -> Result<String, String> {
    let (issuer, subject) = (expression(certificate.issuer())?, expression(certificate.subject())?);
    if issuer.is_empty() || subject.is_empty() {
        return Err("SSSD recognises certificates by issuer and subject, and one of them is empty".to_owned());
    }
    let mut rule = format!("<ISSUER>^{issuer}$<SUBJECT>^{subject}$");
    // The card's other certificates often have the same names.
    if certificate.key_usage().is_some_and(|usage| usage.digital_signature()) {
        rule.push_str("<KU>digitalSignature");
    }
    let usages = certificate.extended_key_usages().unwrap_or_default();
    if usages.contains(&ExtendedKeyUsage::ClientAuth) {
        rule.push_str("<EKU>clientAuth");
    }
    Ok(rule)
}

/// A name in RFC 4514 form as an expression.
fn expression(name: &str) -> Result<String, String> {
    let mut expression = String::new();
    let mut kind = Some(String::new());
    let mut characters = name.chars().peekable();
    while let Some(character) = characters.next() {
        match (&mut kind, character) {
            (Some(text), '=') => {
                let known = KNOWN.contains(&text.as_str());
                expression.push_str(if known { text } else { "[A-Za-z0-9.]+" });
                expression.push('=');
                kind = None;
                if characters.peek() == Some(&'#') {
                    return Err("SSSD may show a part of its names in another way".to_owned());
                }
            }
            (Some(text), other) => text.push(other),
            (None, ',' | '+') => {
                push(&mut expression, character);
                kind = Some(String::new());
            }
            (None, '\\') => {
                push(&mut expression, '\\');
                characters.next().into_iter().for_each(|escaped| push(&mut expression, escaped));
            }
            (None, other) if other.is_ascii() => push(&mut expression, other),
            (None, other) => {
                let mut octets = [0; 4];
                for octet in other.encode_utf8(&mut octets).bytes() {
                    expression.push_str(&format!("\\\\{octet:02X}"));
                }
            }
        }
    }
    Ok(expression)
}

fn push(expression: &mut String, character: char) {
    match character {
        '.' | '^' | '$' | '*' | '+' | '?' | '(' | ')' | '[' | ']' | '{' | '}' | '|' | '\\' => {
            expression.push('\\');
            expression.push(character);
        }
        ' ' | ',' | '=' | '@' | '_' | '-' | ':' | '/' | '\'' | '&' => expression.push(character),
        other if other.is_ascii_alphanumeric() => expression.push(other),
        _ => expression.push('.'),
    }
}

/// The attributes whose names RFC 4514 section 3 gives, as far as SSSD was seen to use them, and serialNumber.
const KNOWN: [&str; 9] = ["CN", "L", "ST", "O", "OU", "C", "DC", "UID", "serialNumber"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions() {
        for (name, wanted) in [
            ("CN=alice", "CN=alice"),
            ("CN=Al (x) [1].*|{$^,O=Example", r"CN=Al \(x\) \[1\]\.\*\|\{\$\^,O=Example"),
            (r"OU=a\+b,O=M\, x", r"OU=a\\\+b,O=M\\, x"),
            ("O=Müller", r"O=M\\C3\\BCller"),
            (r"O=\<x\>\;#", r"O=\\.x\\.\\.."),
            ("GN=gn+emailAddress=a@b.test", r"[A-Za-z0-9.]+=gn\+[A-Za-z0-9.]+=a@b\.test"),
            (r"CN=a\0Ab", r"CN=a\\0Ab"),
            ("CN=a=b", "CN=a=b"),
        ] {
            assert_eq!(expression(name).as_deref(), Ok(wanted), "{name}");
        }
        assert!(expression("1.2.3=#0401").is_err());
    }
}
