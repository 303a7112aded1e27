//! The usual mappings.

use std::fmt;
use std::str::FromStr;

use macos::smartcard_login::AttributeMapping;

use crate::Error;

/// A usual mapping, by its name.
///
/// | name               | fields                      | format string    | attribute               |
/// |--------------------|-----------------------------|------------------|-------------------------|
/// | upn                | NT Principal Name           | `Kerberos:$1`    | AltSecurityIdentities   |
/// | email              | RFC 822 Name                | `RFC822:$1`      | AltSecurityIdentities   |
/// | platform-sso       | NT Principal Name           | `PlatformSSO:$1` | AltSecurityIdentities   |
/// | platform-sso-email | RFC 822 Name                | `PlatformSSO:$1` | AltSecurityIdentities   |
/// | long-name          | Common Name, RFC 822 Name   | `$2-$1`          | dsAttrTypeNative:longName |
/// | none               |                             |                  |                         |
///
/// All but `email` are those of SmartCardServices(7) and of Microsoft's documentation. The prefix `RFC822:` is one of our own: it
/// keeps these values apart from all others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preset {
    /// The user principal name.
    Upn,
    /// The e-mail address.
    Email,
    /// Platform SSO, by the user principal name.
    PlatformSso,
    /// Platform SSO, by the e-mail address.
    PlatformSsoEmail,
    /// E-mail address and name in the long name of the account.
    LongName,
    /// No mapping: only the other keys.
    None,
}

/// There is no preset of this name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the presets are upn, email, platform-sso, platform-sso-email, long-name and none")]
pub struct InvalidPreset;

impl Preset {
    const NAMES: [(Preset, &str); 6] = [
        (Preset::Upn, "upn"),
        (Preset::Email, "email"),
        (Preset::PlatformSso, "platform-sso"),
        (Preset::PlatformSsoEmail, "platform-sso-email"),
        (Preset::LongName, "long-name"),
        (Preset::None, "none"),
    ];

    pub(crate) fn mapping(self) -> Result<Option<AttributeMapping>, Error> {
        let (fields, format, attribute): (&[&str], _, _) = match self {
            Preset::Upn => (&["NT Principal Name"], "Kerberos:$1", None),
            Preset::Email => (&["RFC 822 Name"], "RFC822:$1", None),
            Preset::PlatformSso => (&["NT Principal Name"], "PlatformSSO:$1", None),
            Preset::PlatformSsoEmail => (&["RFC 822 Name"], "PlatformSSO:$1", None),
            Preset::LongName => (&["Common Name", "RFC 822 Name"], "$2-$1", Some("dsAttrTypeNative:longName")),
            Preset::None => return Ok(None),
        };
        let fields: Vec<String> = fields.iter().map(ToString::to_string).collect();
        super::parts(&fields, format, attribute).map(Some)
    }
}

impl FromStr for Preset {
    type Err = InvalidPreset;

    fn from_str(name: &str) -> Result<Self, InvalidPreset> {
        Self::NAMES.into_iter().find(|row| row.1 == name).map(|row| row.0).ok_or(InvalidPreset)
    }
}

impl fmt::Display for Preset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(Self::NAMES.iter().find(|row| row.0 == *self).map_or("", |row| row.1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_is_a_mapping() {
        for (preset, name) in Preset::NAMES {
            assert_eq!((name.parse(), preset.to_string().as_str()), (Ok(preset), name));
            assert_eq!(preset.mapping().unwrap().is_none(), preset == Preset::None);
        }
        assert!("UPN".parse::<Preset>().is_err());
    }
}
