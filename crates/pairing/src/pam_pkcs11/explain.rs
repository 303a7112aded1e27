//! What each mapper of a configuration makes of a certificate, in sentences.
//!
//! After pam_pkcs11's own sources (src/mappers). The mappers opensc and openssh look into the home directory of the account
//! that wants to log in, so for them an account has to be named.

use identity::Certificate;

use super::scconf::Block;
use super::{Configuration, PamPkcs11, map_file};
use crate::pam_p11::PamP11;
use crate::system_file::SystemFile;
use crate::{Account, Backend, System};

/// What one mapper makes of a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// The mapper.
    pub mapper: String,
    /// Whether it opens the account that was asked about; `None` when none was, or when that is not known.
    pub opens: Option<bool>,
    /// A sentence without its full stop. May hold text of the certificate and of files; not escaped.
    pub text: String,
}

/// Explains every mapper that is in use, in the order in which they are asked.
pub fn explain(
    system: &System,
    configuration: &Configuration,
    certificate: &Certificate,
    account: Option<&Account>,
) -> Vec<Explanation> {
    let question = Question { system, configuration, certificate, account };
    configuration.mappers().iter().map(|mapper| question.explain(mapper)).collect()
}

/// The same for all mappers but the one whose file is kept here.
pub(super) fn others(
    system: &System,
    configuration: &Configuration,
    certificate: &Certificate,
    account: &Account,
) -> Vec<Explanation> {
    let question = Question { system, configuration, certificate, account: Some(account) };
    let others = configuration.mappers().iter().filter(|mapper| *mapper != "digest");
    others.map(|mapper| question.explain(mapper)).collect()
}

struct Question<'a> {
    system: &'a System,
    configuration: &'a Configuration,
    certificate: &'a Certificate,
    account: Option<&'a Account>,
}

impl Question<'_> {
    fn explain(&self, mapper: &str) -> Explanation {
        let block = self.configuration.mapper(mapper);
        let name = self.certificate.common_name();
        match mapper {
            "digest" => self.digest(),
            "subject" => self.values(mapper, block, "subject", &[one_line(self.certificate.subject())]),
            "cn" => self.values(mapper, block, "common name", &name.map(str::to_owned).into_iter().collect::<Vec<_>>()),
            "uid" => self.values(mapper, block, "UID", &attribute(self.certificate.subject(), "UID")),
            "mail" => self.values(mapper, block, "e-mail address", self.certificate.emails()),
            "ms" => self.principal(block),
            "pwent" => self.named(mapper, name),
            "opensc" => self.home(mapper, ".eid/authorized_certificates", false),
            "openssh" => self.home(mapper, ".ssh/authorized_keys", true),
            "null" if self.configuration.takes_everybody() => {
                self.answer(mapper, Some(true), "takes every certificate for that of every account".to_owned())
            }
            "null" => self.answer(mapper, Some(false), "refuses every certificate".to_owned()),
            _ => self.answer(
                mapper,
                None,
                "is not known here, or asks a directory; pklogin_finder shows what it finds".to_owned(),
            ),
        }
    }

    fn answer(&self, mapper: &str, opens: Option<bool>, text: String) -> Explanation {
        Explanation { mapper: mapper.to_owned(), opens: opens.filter(|_| self.account.is_some()), text }
    }

    fn is_account(&self, name: &str, any_case: bool) -> bool {
        let same = |account: &&Account| {
            let own = account.name.as_str();
            own == name || (any_case && own.eq_ignore_ascii_case(name))
        };
        self.account.as_ref().is_some_and(same)
    }

    fn digest(&self) -> Explanation {
        let mapper = self.configuration.digest_mapper();
        let backend =
            mapper.map(|mapper| PamPkcs11::with_mapper(self.system.clone(), self.configuration.clone(), mapper));
        let found =
            backend.and_then(|backend| Ok((backend.digest(self.certificate), backend.user_of(self.certificate)?)));
        match found {
            Ok((digest, Some(user))) => {
                let opens = self.is_account(&user, true);
                self.answer("digest", Some(opens), format!("{} is mapped to {user}", map_file::shown(&digest)))
            }
            Ok((digest, None)) => {
                let text = format!("{} is mapped to nobody; `pivkit pair` does it", map_file::shown(&digest));
                self.answer("digest", Some(false), text)
            }
            Err(error) => self.answer("digest", None, error.to_string()),
        }
    }

    /// Mappers that take a value of the certificate for the account's name, or look it up in a file.
    fn values(&self, mapper: &str, block: Option<&Block>, what: &str, values: &[String]) -> Explanation {
        if values.is_empty() {
            return self.answer(mapper, Some(false), format!("the certificate has no {what}"));
        }
        let any_case = block.is_some_and(|block| block.is_set("ignorecase"));
        let file = block.and_then(|block| block.text("mapfile")).filter(|file| !matches!(*file, "none" | ""));
        let looked_up = file.map(|file| self.look_up(file, values, any_case));
        match looked_up {
            Some(None) => self.answer(mapper, None, format!("its mapfile {} cannot be read", file.unwrap_or_default())),
            Some(Some(users)) if !users.is_empty() => {
                let opens = users.iter().any(|user| self.is_account(user, any_case));
                self.answer(mapper, Some(opens), format!("the {what} is mapped to {}", users.join(", ")))
            }
            _ => {
                let opens = values.iter().any(|value| self.is_account(value, any_case));
                let text =
                    format!("the {what} is {}, which has to be the name of the account itself", values.join(", "));
                self.answer(mapper, Some(opens), text)
            }
        }
    }

    fn look_up(&self, uri: &str, values: &[String], any_case: bool) -> Option<Vec<String>> {
        let path = super::configuration::local_path(uri)?;
        let bytes = SystemFile::open(self.system, &path, super::MAX_FILE).ok()?.read().ok()??.bytes;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let lines = || text.lines().map(str::trim_start).filter(|line| !line.starts_with('#'));
        let user = |value: &String| {
            let same = |key: &str| key == value || (any_case && key.eq_ignore_ascii_case(value));
            let found = lines().filter_map(|line| line.split_once(" -> ")).find(|(key, _)| same(key));
            found.map(|(_, user)| user.to_owned())
        };
        Some(values.iter().filter_map(user).collect())
    }

    fn principal(&self, block: Option<&Block>) -> Explanation {
        let Some(upn) = self.certificate.upn() else {
            return self.answer("ms", Some(false), "the certificate has no user principal name".to_owned());
        };
        let (user, domain) = upn.split_once('@').unwrap_or((upn, ""));
        let any_case = block.is_some_and(|block| block.is_set("ignorecase"));
        let any_domain = block.is_some_and(|block| block.is_set("ignoredomain"));
        let wanted = block.and_then(|block| block.text("domainname")).unwrap_or_default();
        if !any_domain && !domain.eq_ignore_ascii_case(wanted) {
            let text = format!("the user principal name is {upn}, and domainname is {wanted:?}");
            return self.answer("ms", Some(false), text);
        }
        let opens = self.is_account(user, any_case);
        self.answer("ms", Some(opens), format!("the user principal name is {upn}, which is account {user}"))
    }

    fn named(&self, mapper: &str, name: Option<&str>) -> Explanation {
        let Some(name) = name else {
            return self.answer(mapper, Some(false), "the certificate has no common name".to_owned());
        };
        let opens = self.is_account(name, false).then_some(true);
        let text = format!("looks for an account whose name, or whose full name in the password database, is {name}");
        self.answer(mapper, opens, text)
    }

    /// Mappers that look for the key in the account's home directory.
    fn home(&self, mapper: &str, file: &str, ssh: bool) -> Explanation {
        let Some(account) = self.account else {
            return self.answer(
                mapper,
                None,
                format!("looks for the key in ~/{file} of the account; name one with --user"),
            );
        };
        match PamP11::new(self.system.clone()).pairings(account) {
            Ok(pairings) => {
                let hash = self.certificate.pairing_hash();
                let listed = pairings.entries.iter().any(|pairing| pairing.hash() == Some(hash));
                let elsewhere = pairings.elsewhere.iter().any(|key| key.hash == hash);
                let opens = if ssh { elsewhere } else { listed };
                let holds = if opens { "holds" } else { "does not hold" };
                self.answer(mapper, Some(opens), format!("~/{file} of {} {holds} the key", account.name))
            }
            Err(error) => self.answer(mapper, None, error.to_string()),
        }
    }
}

/// The values of an attribute in a name of RFC 4514 form.
fn attribute(name: &str, kind: &str) -> Vec<String> {
    parts(name).into_iter().filter(|(own, _)| own == kind).map(|(_, value)| value).collect()
}

/// A name as OpenSSL's one-line form has it: `/C=US/CN=alice`, the first attribute of the certificate first.
fn one_line(name: &str) -> String {
    parts(name).into_iter().rev().map(|(kind, value)| format!("/{kind}={value}")).collect()
}

/// Attribute and value, without escapes.
fn parts(name: &str) -> Vec<(String, String)> {
    let mut parts = vec![(String::new(), None::<String>)];
    let mut characters = name.chars();
    while let Some(character) = characters.next() {
        let Some((kind, value)) = parts.last_mut() else { break };
        match (character, value) {
            ('=', value @ None) => *value = Some(String::new()),
            (',' | '+', Some(_)) => parts.push((String::new(), None)),
            ('\\', Some(value)) => value.extend(characters.next()),
            (other, Some(value)) => value.push(other),
            (other, None) => kind.push(other),
        }
    }
    parts.into_iter().filter_map(|(kind, value)| Some((kind, value?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_one_line() {
        assert_eq!(one_line(r"CN=alice,O=Test\, Ltd,C=DE"), "/C=DE/O=Test, Ltd/CN=alice");
        assert_eq!(attribute("CN=a+UID=u1,UID=u2", "UID"), ["u1", "u2"]);
    }
}
