//! The names by which `SmartcardLogin.plist` refers to parts of a certificate.

use std::fmt;
use std::str::FromStr;

/// A part of a certificate, as `fields` names it (SmartCardServices(7)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Field {
    /// `Common Name` of the subject.
    CommonName,
    /// `RFC 822 Name`: an e-mail address of the subject alternative name.
    Rfc822Name,
    /// `NT Principal Name`: the user principal name of the subject alternative name.
    NtPrincipalName,
    /// `Organization` of the subject.
    Organization,
    /// `OrganizationalUnit:1` to `OrganizationalUnit:5` of the subject. Not documented: from which end they are counted.
    OrganizationalUnit(UnitNumber),
    /// `Country` of the subject.
    Country,
    /// `Serial`. Not documented: whether this is the number of the certificate or the serialNumber of its subject, and how
    /// it is written.
    Serial,
    /// `UserId` of the subject.
    UserId,
}

/// 1 to 5.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct UnitNumber(u8);

impl UnitNumber {
    /// Which organizational unit, from 0.
    pub fn index(self) -> usize {
        usize::from(self.0.saturating_sub(1))
    }
}

impl Field {
    /// Every field.
    pub const ALL: [Field; 12] = [
        Field::CommonName,
        Field::Rfc822Name,
        Field::NtPrincipalName,
        Field::Organization,
        Field::OrganizationalUnit(UnitNumber(1)),
        Field::OrganizationalUnit(UnitNumber(2)),
        Field::OrganizationalUnit(UnitNumber(3)),
        Field::OrganizationalUnit(UnitNumber(4)),
        Field::OrganizationalUnit(UnitNumber(5)),
        Field::Country,
        Field::Serial,
        Field::UserId,
    ];

    /// The name in the file.
    pub fn name(self) -> &'static str {
        match self {
            Field::CommonName => "Common Name",
            Field::Rfc822Name => "RFC 822 Name",
            Field::NtPrincipalName => "NT Principal Name",
            Field::Organization => "Organization",
            Field::OrganizationalUnit(UnitNumber(1)) => "OrganizationalUnit:1",
            Field::OrganizationalUnit(UnitNumber(2)) => "OrganizationalUnit:2",
            Field::OrganizationalUnit(UnitNumber(3)) => "OrganizationalUnit:3",
            Field::OrganizationalUnit(UnitNumber(4)) => "OrganizationalUnit:4",
            Field::OrganizationalUnit(_) => "OrganizationalUnit:5",
            Field::Country => "Country",
            Field::Serial => "Serial",
            Field::UserId => "UserId",
        }
    }

    /// The field that was probably meant by a name that is none.
    pub fn meant_by(name: &str) -> Option<Self> {
        let bare =
            |name: &str| name.to_lowercase().replace([' ', '-', '_', ':'], "").replace("organisation", "organization");
        Self::ALL.into_iter().find(|field| bare(field.name()) == bare(name))
    }
}

impl FromStr for Field {
    type Err = UnknownField;

    /// Exactly as in the file: case and blanks count.
    fn from_str(name: &str) -> Result<Self, UnknownField> {
        let known = Self::ALL.into_iter().find(|field| field.name() == name);
        known.ok_or_else(|| UnknownField { name: name.to_owned(), meant: Self::meant_by(name) })
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A name that macOS does not document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no field {name:?}{}", .meant.map(|field| format!(" (is {:?} meant?)", field.name())).unwrap_or_default())]
pub struct UnknownField {
    /// The name.
    pub name: String,
    /// The field that was probably meant.
    pub meant: Option<Field>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_exact_and_slips_are_recognised() {
        for field in Field::ALL {
            assert_eq!(field.name().parse(), Ok(field));
        }
        for (slip, meant) in [
            ("nt principal name", Some(Field::NtPrincipalName)),
            ("RFC822Name", Some(Field::Rfc822Name)),
            ("Organisation", Some(Field::Organization)),
            ("OrganizationalUnit1", Some(Field::OrganizationalUnit(UnitNumber(1)))),
            ("OrganizationalUnit:6", None),
            ("UPN", None),
            ("", None),
        ] {
            assert_eq!(slip.parse::<Field>().unwrap_err().meant, meant, "{slip}");
        }
    }
}
