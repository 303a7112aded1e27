//! SSSD's configuration: sections of keys, from sssd.conf and then from conf.d (sssd.conf(5)).
//!
//! ```text
//! [SECTION]
//! key = value
//!   goes on where a line begins with a blank
//! # and ; begin comments
//! ```
//!
//! Keys are compared without regard to case; the last value counts.

use std::collections::HashMap;

/// The sections of all files, merged.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Ini {
    sections: Vec<(String, Vec<(String, String)>)>,
    /// Which section has a name.
    numbers: HashMap<String, usize>,
}

impl Ini {
    /// Adds what stands in a file.
    pub(crate) fn read(&mut self, text: &str) {
        let mut section = None;
        for line in text.lines() {
            let trimmed = line.trim();
            if trimmed.is_empty() || trimmed.starts_with(['#', ';']) {
                continue;
            }
            if let Some(name) = trimmed.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
                section = Some(self.section_number(name.trim()));
                continue;
            }
            let Some((_, keys)) = section.and_then(|number: usize| self.sections.get_mut(number)) else { continue };
            if line.starts_with([' ', '\t']) {
                if let Some((_, value)) = keys.last_mut() {
                    value.push(' ');
                    value.push_str(trimmed);
                }
            } else if let Some((key, value)) = line.split_once('=') {
                let (key, value) = (key.trim().to_ascii_lowercase(), value.trim().to_owned());
                keys.retain(|(own, _)| *own != key);
                keys.push((key, value));
            }
        }
    }

    fn section_number(&mut self, name: &str) -> usize {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let number = self.sections.len();
        self.sections.push((name.to_owned(), Vec::new()));
        self.numbers.insert(name.to_owned(), number);
        number
    }

    /// The value of a key.
    pub(crate) fn value(&self, section: &str, key: &str) -> Option<&str> {
        let (_, keys) = self.sections.get(*self.numbers.get(section)?)?;
        keys.iter().find(|(own, _)| own == key).map(|(_, value)| value.as_str())
    }

    /// Whether a key says yes.
    pub(crate) fn is_true(&self, section: &str, key: &str) -> bool {
        self.value(section, key).is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    /// The words of a list with commas.
    pub(crate) fn list<'a>(&'a self, section: &str, key: &str) -> impl Iterator<Item = &'a str> {
        self.value(section, key).unwrap_or_default().split(',').map(str::trim).filter(|word| !word.is_empty())
    }

    /// The names of all sections.
    pub(crate) fn sections(&self) -> impl Iterator<Item = &str> {
        self.sections.iter().map(|(name, _)| name.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_files_count() {
        let mut ini = Ini::default();
        ini.read("stray = 1\n[sssd]\n# x = 1\nDomains = a , b,\n services = nss\n  , pam\n[certmap/a/x]\nmatchrule=<SUBJECT>^CN=a$\n");
        ini.read("[sssd]\ndomains = c\n[pam]\npam_cert_auth = TRUE\n");
        assert_eq!(ini.list("sssd", "domains").collect::<Vec<_>>(), ["c"]);
        assert!(ini.is_true("pam", "pam_cert_auth") && !ini.is_true("pam", "x"));
        assert_eq!(ini.value("certmap/a/x", "matchrule"), Some("<SUBJECT>^CN=a$"));
        assert_eq!(ini.sections().collect::<Vec<_>>(), ["sssd", "certmap/a/x", "pam"]);
        assert_eq!(ini.value("sssd", "stray"), None);
    }
}
