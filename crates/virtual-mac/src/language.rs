//! What tools say, in the languages in which they were seen or may be met.
//!
//! Of `sc_auth` only labels of identities were captured in German and Chinese, and errors in English; sentences around them
//! in other languages are made up here in the form in which macOS words an NSError. Headers are English everywhere.

use serde::{Deserialize, Serialize};

/// The language of the person at the Mac.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
pub(crate) enum Language {
    #[serde(rename = "en")]
    #[value(name = "en")]
    English,
    #[serde(rename = "de")]
    #[value(name = "de")]
    German,
    #[serde(rename = "zh")]
    #[value(name = "zh")]
    Chinese,
}

impl Language {
    /// The name of a slot's certificate, without the common name.
    pub(crate) fn label(self, slot: &str) -> &'static str {
        match (self, slot) {
            (Self::English, "9a") => "Certificate For PIV Authentication",
            (Self::English, "9c") => "Certificate For Digital Signature",
            (Self::English, "9e") => "Certificate For Card Authentication",
            (Self::English, _) => "Certificate For Key Management",
            (Self::German, "9a") => "Zertifikat zur PIV-Authentifizierung",
            (Self::German, "9c") => "Zertifikat für digitale Signatur",
            (Self::German, "9e") => "Zertifikat zur Kartenauthentifizierung",
            (Self::German, _) => "Zertifikat zur Schlüsselverwaltung",
            (Self::Chinese, "9a") => "用于PIV认证的证书",
            (Self::Chinese, "9c") => "用于数字签名的证书",
            (Self::Chinese, "9e") => "用于卡认证的证书",
            (Self::Chinese, _) => "用于密钥管理的证书",
        }
    }

    pub(crate) fn paired(self, hash: &str) -> String {
        match self {
            Self::English => format!("User was successfully paired (public key hash: {hash})\n"),
            Self::German => {
                format!("Benutzer wurde erfolgreich gekoppelt (Hash des öffentlichen Schlüssels: {hash})\n")
            }
            Self::Chinese => format!("用户已成功配对（公钥哈希：{hash}）\n"),
        }
    }

    /// Paired, but the keychain is not opened by the card.
    pub(crate) fn paired_without_keychain(self) -> &'static str {
        match self {
            Self::English => concat!(
                "Failed to store Login keychain unlock key. No suitable key was found on the selected SmartCard.\n",
                "User was successfully paired but user password will be required after next SmartCard login to unlock ",
                "Login keychain.\n"
            ),
            Self::German => "Benutzer wurde gekoppelt. Nach der nächsten Anmeldung wird das Passwort benötigt.\n",
            Self::Chinese => "用户已成功配对，但下次登录后需要密码来解锁登录钥匙串。\n",
        }
    }

    /// Why a pairing failed.
    pub(crate) fn cannot_pair(self, hash: &str, error: &PairingError) -> String {
        let PairingError { domain, code, reason } = error;
        let reason = reason.as_ref().map(|reason| format!(" - {reason}")).unwrap_or_default();
        match self {
            Self::English => format!(
                "Cannot pair user (public key hash: {hash}). The operation couldn’t be completed. ({domain} error {code}{})\n",
                if reason.is_empty() { "." } else { &reason }
            ),
            Self::German => format!(
                "Benutzer kann nicht gekoppelt werden (Hash des öffentlichen Schlüssels: {hash}). Der Vorgang konnte nicht \
                 abgeschlossen werden. ({domain}-Fehler {code}{})\n",
                if reason.is_empty() { "." } else { &reason }
            ),
            Self::Chinese => {
                format!("无法配对用户（公钥哈希：{hash}）。未能完成操作。（{domain}错误{code}{reason}）\n")
            }
        }
    }
}

/// An NSError of pairing: domain, code, and the text that macOS adds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PairingError {
    pub(crate) domain: &'static str,
    pub(crate) code: i64,
    pub(crate) reason: Option<&'static str>,
}

impl PairingError {
    /// The error with this number, in the domain in which it was seen.
    pub(crate) fn numbered(code: i64) -> Self {
        let (domain, reason) = match code {
            -11 => (HINTS, Some("SmartCard algorithm initialization error.")),
            -13 => (HINTS, Some("The SmartCard certificate is not trusted.")),
            -8..=-1 => ("CryptoTokenKit", None),
            -999..=-100 => ("OSStatus", None),
            _ => (HINTS, None),
        };
        Self { domain, code, reason }
    }
}

const HINTS: &str = "TKAuthenticationHintsProvider";
