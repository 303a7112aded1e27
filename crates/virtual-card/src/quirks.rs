//! The quirks of one card.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use crate::{Error, Quirk};

/// The quirks of one card, each at most once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Quirks(BTreeMap<&'static str, Quirk>);

impl Quirks {
    /// Adds one; of the same name the last one counts.
    pub fn insert(&mut self, quirk: Quirk) {
        self.0.insert(quirk.name(), quirk);
    }

    /// True if it is among them, with this value.
    #[must_use]
    pub fn has(&self, quirk: &Quirk) -> bool {
        self.0.get(quirk.name()) == Some(quirk)
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Quirk> {
        self.0.values()
    }

    /// True without any.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl IntoIterator for Quirks {
    type Item = Quirk;
    type IntoIter = std::collections::btree_map::IntoValues<&'static str, Quirk>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_values()
    }
}

impl FromIterator<Quirk> for Quirks {
    fn from_iter<I: IntoIterator<Item = Quirk>>(quirks: I) -> Self {
        let mut set = Self::default();
        quirks.into_iter().for_each(|quirk| set.insert(quirk));
        set
    }
}

impl Extend<Quirk> for Quirks {
    fn extend<I: IntoIterator<Item = Quirk>>(&mut self, quirks: I) {
        quirks.into_iter().for_each(|quirk| self.insert(quirk));
    }
}

impl FromStr for Quirks {
    type Err = Error;

    /// Quirks with commas between them.
    fn from_str(list: &str) -> Result<Self, Error> {
        list.split(',').map(|text| text.trim().parse()).collect()
    }
}

impl fmt::Display for Quirks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.iter().map(Quirk::to_string).collect();
        f.write_str(&names.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_a_set_and_the_last_value_counts() {
        let quirks: Quirks = "pin-tries=5, zlib,pin-tries=7".parse().unwrap();
        assert_eq!(quirks.to_string(), "pin-tries=7,zlib");
        assert!(quirks.has(&Quirk::Zlib) && quirks.has(&Quirk::PinTries(7)) && !quirks.has(&Quirk::PinTries(5)));
    }

    #[test]
    fn a_list_has_no_gaps() {
        for list in ["", "zlib,,gzip", "zlib,", "zlib gzip"] {
            assert!(matches!(list.parse::<Quirks>(), Err(Error::UnknownQuirk { .. })), "{list}");
        }
    }
}
