//! `AttributeMapping`: from the names in a certificate to a value that an account must have.

use std::fmt;

use super::{Field, FormatString};

/// Which value of an account a certificate must lead to. All of it is mandatory in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttributeMapping {
    /// `fields`: the parts of the certificate, `$1` first.
    pub fields: Vec<Field>,
    /// `formatString`.
    pub format: FormatString,
    /// `dsAttributeString`: the attribute of the account, with its prefix.
    pub attribute: Attribute,
}

/// The name of an attribute of a user record, such as `dsAttrTypeStandard:AltSecurityIdentities`.
///
/// 1 to 255 bytes; no blank, control or invisible character; does not begin with `-`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute(String);

impl Attribute {
    /// The attribute for names by which other systems know the account: the one that is there to be written.
    pub fn alt_security_identities() -> Self {
        Attribute("dsAttrTypeStandard:AltSecurityIdentities".to_owned())
    }

    /// Reads a name; `None` for what cannot be one.
    pub fn parse(name: &str) -> Option<Self> {
        let refused = name.is_empty()
            || name.len() > 255
            || name.starts_with('-')
            || name.chars().any(|character| character.is_whitespace() || super::deceives(character));
        (!refused).then(|| Attribute(name.to_owned()))
    }

    /// The name as it stands in the file.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name without `dsAttrTypeStandard:` or `dsAttrTypeNative:`.
    pub fn bare(&self) -> &str {
        self.0.rsplit(':').next().unwrap_or(&self.0)
    }

    /// Whether it has one of the two prefixes.
    pub fn has_prefix(&self) -> bool {
        PREFIXES.iter().any(|prefix| self.0.strip_prefix(prefix).is_some_and(|bare| !bare.is_empty()))
    }

    /// Whether values may be added to it for the sake of a login: nothing else reads AltSecurityIdentities, while other
    /// attributes, such as the full name, mean something of their own.
    pub fn is_for_mapping(&self) -> bool {
        *self == Self::alt_security_identities()
    }
}

impl fmt::Display for Attribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// The names in one certificate, as far as fields can refer to them. In the order in which they stand in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CertificateNames {
    /// commonName of the subject.
    pub common_names: Vec<String>,
    /// rfc822Name of the subject alternative name.
    pub rfc822_names: Vec<String>,
    /// User principal names of the subject alternative name.
    pub principal_names: Vec<String>,
    /// organizationName of the subject.
    pub organizations: Vec<String>,
    /// organizationalUnitName of the subject.
    pub organizational_units: Vec<String>,
    /// countryName of the subject.
    pub countries: Vec<String>,
    /// Every reading of `Serial`: serialNumber of the subject, and the number of the certificate in its usual forms.
    pub serials: Vec<String>,
    /// userId of the subject.
    pub user_ids: Vec<String>,
}

impl CertificateNames {
    /// Every value that the field may have: none if the certificate lacks it, several where it is not documented which one
    /// macOS takes. Each once.
    pub fn of(&self, field: Field) -> Vec<&str> {
        let values = match field {
            Field::CommonName => &self.common_names,
            Field::Rfc822Name => &self.rfc822_names,
            Field::NtPrincipalName => &self.principal_names,
            Field::Organization => &self.organizations,
            Field::OrganizationalUnit(_) => &self.organizational_units,
            Field::Country => &self.countries,
            Field::Serial => &self.serials,
            Field::UserId => &self.user_ids,
        };
        let mut found: Vec<&str> = values.iter().map(String::as_str).collect();
        if let Field::OrganizationalUnit(number) = field {
            let from_end = found.len().checked_sub(number.index() + 1);
            let both = [Some(number.index()), from_end].into_iter().flatten();
            found = both.filter_map(|index| found.get(index).copied()).collect();
        }
        found.retain(|value| !value.is_empty());
        let mut once: Vec<&str> = Vec::new();
        for value in found {
            if !once.contains(&value) {
                once.push(value);
            }
        }
        once
    }
}

/// Why it cannot be said which value a certificate leads to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unmapped {
    /// The certificate lacks a field.
    #[error("the certificate has no {field}")]
    Missing {
        /// The field.
        field: Field,
    },
    /// The certificate has several values for a field, and it is not documented which one macOS takes.
    #[error("the certificate has several values for {field}, and Apple does not say which one counts")]
    Ambiguous {
        /// The field.
        field: Field,
        /// The values; foreign text.
        values: Vec<String>,
    },
    /// The value of a field holds characters that do not belong into a record, or it is too long.
    #[error("the {field} of the certificate {why}")]
    Unfit {
        /// The field.
        field: Field,
        /// What is wrong with it.
        why: &'static str,
    },
}

impl AttributeMapping {
    /// The value that an account must have for the certificate with these names. Exactly this: macOS changes no case.
    ///
    /// # Errors
    ///
    /// [`Unmapped`], for the first field for which it is so.
    pub fn value(&self, names: &CertificateNames) -> Result<String, Unmapped> {
        let used = self.fields.iter().enumerate().filter(|(index, _)| self.format.uses(*index));
        let mut values = vec![""; self.fields.len()];
        for (index, field) in used {
            let field = *field;
            let value = match names.of(field).as_slice() {
                [] => return Err(Unmapped::Missing { field }),
                [one] => *one,
                several => {
                    let values = several.iter().map(ToString::to_string).collect();
                    return Err(Unmapped::Ambiguous { field, values });
                }
            };
            let unfit = |why| Unmapped::Unfit { field, why };
            if value.len() > MAX_VALUE {
                return Err(unfit("has more than 1024 bytes"));
            }
            if value.chars().any(super::deceives) {
                return Err(unfit("holds control characters or invisible ones"));
            }
            // Programs that replace one reference after the other would look into it.
            let reference = value.split('$').skip(1).any(|rest| rest.starts_with(|next: char| next.is_ascii_digit()));
            if reference && self.fields.len() > 1 {
                return Err(unfit("holds a $ and a digit, which may be taken for a reference to another field"));
            }
            if let Some(place) = values.get_mut(index) {
                *place = value;
            }
        }
        Ok(self.format.fill(|index| values.get(index).copied().unwrap_or_default().to_owned()))
    }
}

const PREFIXES: [&str; 2] = ["dsAttrTypeStandard:", "dsAttrTypeNative:"];
/// Larger than any name (RFC 5280 upper bounds are 64 to 255 characters).
const MAX_VALUE: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn mapping(fields: &[&str], format: &str) -> AttributeMapping {
        let fields: Vec<Field> = fields.iter().map(|name| name.parse().unwrap()).collect();
        let format = FormatString::parse(format, fields.len()).unwrap();
        AttributeMapping { fields, format, attribute: Attribute::alt_security_identities() }
    }

    fn names() -> CertificateNames {
        let texts = |texts: &[&str]| texts.iter().map(ToString::to_string).collect();
        CertificateNames {
            common_names: texts(&["Alice Example"]),
            rfc822_names: texts(&["alice@mail.test"]),
            principal_names: texts(&["Alice@EXAMPLE.test"]),
            organizational_units: texts(&["first", "second", "third"]),
            countries: texts(&["DE", "DE"]),
            serials: texts(&["7", "0a"]),
            ..CertificateNames::default()
        }
    }

    #[test]
    fn the_usual_mappings() {
        let value = |fields: &[&str], format| mapping(fields, format).value(&names()).unwrap();
        assert_eq!(value(&["NT Principal Name"], "Kerberos:$1"), "Kerberos:Alice@EXAMPLE.test");
        assert_eq!(value(&["Common Name", "RFC 822 Name"], "$2-$1"), "alice@mail.test-Alice Example");
        assert_eq!(value(&["RFC 822 Name"], "PlatformSSO:$1"), "PlatformSSO:alice@mail.test");
        assert_eq!(value(&["Country"], "$1"), "DE", "twice the same is one");
        assert_eq!(value(&["OrganizationalUnit:2"], "$1"), "second", "the same from both ends");
    }

    #[test]
    fn what_is_not_known_is_not_made_up() {
        let error = |field: &str| mapping(&[field], "x$1").value(&names()).unwrap_err();
        assert_eq!(error("UserId"), Unmapped::Missing { field: Field::UserId });
        assert!(matches!(error("Serial"), Unmapped::Ambiguous { values, .. } if values == ["7", "0a"]));
        assert!(
            matches!(error("OrganizationalUnit:1"), Unmapped::Ambiguous { values, .. } if values == ["first", "third"])
        );
        assert!(matches!(error("OrganizationalUnit:4"), Unmapped::Missing { .. }));
        let two = mapping(&["NT Principal Name", "UserId"], "$1");
        assert!(two.value(&names()).is_ok(), "a field that is not used need not be there");
    }

    #[test]
    fn names_that_would_deceive_are_refused() {
        for (name, fit) in [("a\nb", false), ("a\u{202e}b", false), ("a$b", true), ("a$2", false), ("a b", true)] {
            let names = CertificateNames { common_names: vec![name.to_owned()], ..names() };
            let value = mapping(&["Common Name", "Country"], "$1").value(&names);
            assert_eq!(value.is_ok(), fit, "{name:?}");
        }
        let long = CertificateNames { common_names: vec!["x".repeat(1025)], ..names() };
        assert!(matches!(mapping(&["Common Name"], "$1").value(&long), Err(Unmapped::Unfit { .. })));
    }

    #[test]
    fn attributes() {
        let native = Attribute::parse("dsAttrTypeNative:longName").unwrap();
        assert!(native.has_prefix() && native.bare() == "longName" && !native.is_for_mapping());
        assert!(Attribute::alt_security_identities().is_for_mapping());
        assert!(!Attribute::parse("AltSecurityIdentities").unwrap().has_prefix());
        for name in ["", "-delete", "a b", "a\nb"] {
            assert_eq!(Attribute::parse(name), None, "{name:?}");
        }
    }
}
