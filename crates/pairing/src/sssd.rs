//! The backend `sssd`: certificate rules of SSSD for local accounts.
//!
//! SSSD's pam_sss asks the card's certificate for its names and looks for a rule that fits (sss-certmap(5)); its p11_child
//! accepts certificates of the authorities in one file only, and has the card sign. So "paired" means here: a rule with
//! exactly this issuer and subject maps to the account. A renewed certificate with the same names is still paired, whatever
//! its key, as long as a trusted authority issued it. With `partial_chain` in SSSD's certificate_verification and the
//! certificate itself in the file of authorities, no other certificate is accepted.
//!
//! | what                        | how                                                        |
//! |-----------------------------|------------------------------------------------------------|
//! | configuration               | read, never changed; refused unless it asks for cards and has a domain of local accounts |
//! | rules                       | in /etc/sssd/conf.d/pivkit.conf, owner and mode as of sssd.conf; one section for each certificate |
//! | authorities                 | added to SSSD's file when asked, and left there by undo    |
//! | many changes                | rules and authorities are read and written once            |
//! | limit                       | 64 MiB of rules                                            |
//! | undo                        | by lines                                                   |
//! | lock                        | flock(2) on a file of its own beside it, 10 seconds at most |
//!
//! SSSD reads its configuration when it starts: it has to be restarted, which nobody does here.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use identity::Certificate;

use crate::plan::{Action, Removal, subject};
use crate::system_file::SystemFile;
use crate::undo::{Attributes, Contents};
use crate::{
    Account, AccountPairings, Applied, Backend, Change, Error, Note, PairedKey, Pairing, Pairings, Plan, Remark,
    Request, Selection, System, Undo, Unknown, Witness, WitnessOfMany,
};

mod batch;
mod configuration;
mod ini;
mod rule;
mod rules_file;
mod trust;

pub(crate) use configuration::SSSD_CONF;
pub use configuration::{Configuration, LocalDomain};
use rules_file::{Rule, RulesFile};
use trust::Trust;

/// Keeps pairings as rules of SSSD.
#[derive(Debug)]
pub struct Sssd {
    system: System,
    configuration: Configuration,
    domain: LocalDomain,
    authorities: Vec<Certificate>,
    lock_wait: Duration,
}

impl Sssd {
    /// The backend for a system, after its configuration.
    ///
    /// # Errors
    ///
    /// Those of [`Configuration::read`] and [`Configuration::local_domain`].
    pub fn open(system: System) -> Result<Self, Error> {
        let configuration = Configuration::read(&system)?;
        let domain = configuration.local_domain(&system)?;
        Ok(Sssd { system, configuration, domain, authorities: Vec::new(), lock_wait: LOCK_WAIT })
    }

    /// With authorities that SSSD is to trust as well; added when a certificate needs them.
    #[must_use]
    pub fn with_authorities(mut self, authorities: Vec<Certificate>) -> Self {
        self.authorities = authorities;
        self
    }

    /// The domain whose accounts are paired.
    pub fn domain(&self) -> &LocalDomain {
        &self.domain
    }

    /// Looks whether the rules can be read, and whether SSSD trusts any authority.
    ///
    /// # Errors
    ///
    /// [`Error::Configuration`], [`Error::Missing`], and those of reading a file.
    pub fn check_files(&self) -> Result<(), Error> {
        self.read(&self.place()?)?;
        let path = self.configuration.authorities();
        let trust = Trust::read(&self.system, &self.configuration)?;
        if trust.is_none_or(|trust| trust.authorities.is_empty()) {
            let why = "holds no certificate, and SSSD accepts none without one there";
            return Err(Error::configuration(&self.system.path_of(&path), why));
        }
        Ok(())
    }

    /// Whether SSSD trusts the issuer of a certificate, without the authorities that are to be added.
    ///
    /// # Errors
    ///
    /// Those of reading the file of authorities.
    pub fn is_trusted(&self, certificate: &Certificate) -> Result<bool, Error> {
        let trust = Trust::read(&self.system, &self.configuration)?;
        Ok(trust.is_some_and(|trust| trust.accepts(certificate, &[])))
    }

    fn place(&self) -> Result<SystemFile, Error> {
        SystemFile::open(&self.system, Path::new(RULES), MAX_RULES)
    }

    fn read(&self, place: &SystemFile) -> Result<(Option<Contents>, RulesFile), Error> {
        let contents = place.read()?;
        let text = contents.as_ref().map(|contents| contents.bytes.clone()).unwrap_or_default();
        let text = String::from_utf8(text).map_err(|_| Error::configuration(place.path(), "is not UTF-8"))?;
        Ok((contents, RulesFile::parse(&text, &self.domain.name)))
    }

    fn pairings_in(&self, file: &RulesFile, account: &Account) -> Pairings {
        let pairing = |rule: &Rule| Pairing {
            key: PairedKey::Rule {
                rule: rule.matching.clone(),
                certificate: None,
                remark: rule.remark.clone().map(Box::new),
            },
            effective: true,
        };
        let others = self.configuration.other_rules(&self.domain, account.name.as_str());
        let unknown = others.map(|section| Unknown {
            path: self.configuration.path().to_owned(),
            why: format!("or a file of conf.d has the rule [{section}], which pivkit does not manage"),
        });
        let unknown = unknown.collect();
        Pairings { entries: file.of(account).map(|(_, rule)| pairing(rule)).collect(), unknown, ..Pairings::default() }
    }

    fn action(&self, file: &RulesFile, account: &Account, request: &Request) -> Result<Action, Error> {
        let (add, remove) = request.parts();
        let mut new = None;
        if let Some(key) = add {
            let certificate = key.certificate().ok_or(Error::NeedsCertificate { backend: NAME })?;
            if !is_plain(account.name.as_str()) {
                let why = format!("cannot name the account {} in a rule", account.name);
                return Err(Error::configuration(&self.system.path_of(Path::new(RULES)), why));
            }
            new = Some(rule::matching(certificate).map_err(|why| Error::UnusableCertificate { why })?);
        }
        let names = || -> BTreeSet<String> { file.of(account).map(|(_, rule)| rule.matching.clone()).collect() };
        let remove = match remove {
            None => Removal::None,
            Some(Selection::Hash(hash)) => Removal::One(*hash),
            Some(Selection::Certificate(certificate)) => {
                let matching = rule::matching(certificate).map_err(|why| Error::UnusableCertificate { why })?;
                Removal::Named { names: BTreeSet::from([matching]), all: false }
            }
            Some(Selection::All) if add.is_none() => Removal::Named { names: names(), all: true },
            Some(Selection::All) => {
                let others: BTreeSet<_> = names().into_iter().filter(|name| Some(name) != new.as_ref()).collect();
                if others.len() > 1 {
                    let (name, keys) = (account.name.to_string(), others.into_iter().collect());
                    return Err(Error::SeveralKeys { name, keys });
                }
                Removal::Named { names: others, all: false }
            }
        };
        Ok(Action { add: add.cloned(), remove })
    }

    /// What an action means for the files as they are.
    fn step(
        &self,
        file: &RulesFile,
        trust: Option<&Trust>,
        exists: bool,
        account: &Account,
        action: &Action,
    ) -> Result<Step, Error> {
        let path = self.system.path_of(Path::new(RULES));
        let mut step = Step::default();
        let mut new = None;
        if let Some(certificate) = action.certificate() {
            let matching = rule::matching(certificate).map_err(|why| Error::UnusableCertificate { why })?;
            self.trusted(trust, certificate, &mut step)?;
            match file.with(&matching) {
                Some(rule) if rule.user == account.name.as_str() => (),
                Some(rule) => return Err(Error::MappedToAnother { other: rule.user.clone() }),
                None => {
                    step.changes.extend((!exists).then(|| Change::CreateFile { path: path.clone() }));
                    let (key, user, subject) = (matching.clone(), account.name.to_string(), subject(certificate));
                    step.changes.push(Change::AddMapping { path: path.clone(), key, user, subject });
                    step.add = Some(Rule::new(matching.clone(), account.name.as_str(), Remark::of(certificate)));
                }
            }
            new = Some(matching);
        }
        let others = file.of(account).filter(|(_, rule)| Some(&rule.matching) != new.as_ref());
        let remove: Vec<(usize, &Rule)> = match &action.remove {
            Removal::One(hash) => {
                others.filter(|(_, rule)| rule.remark.as_ref().is_some_and(|remark| remark.hash == *hash)).collect()
            }
            Removal::Named { names, all } => {
                let (named, more): (Vec<_>, Vec<_>) = others.partition(|(_, rule)| names.contains(&rule.matching));
                if *all && !more.is_empty() {
                    return Err(Error::Changed { path });
                }
                named
            }
            Removal::None | Removal::All(..) => Vec::new(),
        };
        for (number, rule) in remove {
            step.remove.push(number);
            let (key, user) = (rule.matching.clone(), rule.user.clone());
            step.changes.push(Change::RemoveMapping { path: path.clone(), key, user });
        }
        if !step.changes.is_empty() {
            step.notes
                .push(Note::Advice("SSSD has to be restarted to read its rules: systemctl restart sssd".to_owned()));
        }
        Ok(step)
    }

    /// Looks whether SSSD accepts the certificate, if need be with the authorities that were given.
    fn trusted(&self, trust: Option<&Trust>, certificate: &Certificate, step: &mut Step) -> Result<(), Error> {
        let path = self.system.path_of(&self.configuration.authorities());
        let Some(trust) = trust else {
            let directory = path.parent().unwrap_or(&path).to_owned();
            let why = "is not there, and SSSD looks in it for authorities that it trusts; make it (mode 755)";
            return Err(Error::configuration(&directory, why));
        };
        if trust.accepts(certificate, &[]) {
            return Ok(());
        }
        if !trust.accepts(certificate, &self.authorities) {
            return Err(trust::refusal(&path, certificate));
        }
        let new = self.authorities.iter().filter(|authority| !trust.authorities.contains(authority));
        step.authorities = new.cloned().collect();
        let change = |authority| Change::AddAuthority { path: path.clone(), subject: subject(authority) };
        step.changes.extend(step.authorities.iter().map(change));
        Ok(())
    }

    fn add_authorities(&self, authorities: &[Certificate]) -> Result<(), Error> {
        let Some(trust) = Trust::read(&self.system, &self.configuration)?.filter(|_| !authorities.is_empty()) else {
            return Ok(());
        };
        let lock = trust.place.lock(Instant::now() + self.lock_wait)?;
        let before = trust.place.read()?;
        let mut bytes = before.as_ref().map(|contents| contents.bytes.clone()).unwrap_or_default();
        for authority in authorities {
            if !bytes.is_empty() && !bytes.ends_with(b"\n") {
                bytes.push(b'\n');
            }
            bytes.extend_from_slice(authority.to_pem().as_bytes());
        }
        let attributes = before.as_ref().map_or(SystemFile::new_attributes(0o644), |file| file.attributes);
        trust.place.replace(&lock, before.as_ref(), Some(&Contents { bytes, attributes }))
    }

    /// What a file of ours must have for SSSD to read it.
    fn attributes(&self) -> Attributes {
        let Attributes { uid, gid, mode } = self.configuration.attributes();
        Attributes { uid, gid, mode: mode & 0o660 }
    }

    fn rule_of(&self, certificate: &Certificate) -> Option<String> {
        rule::matching(certificate).ok()
    }
}

/// What one action does.
#[derive(Debug, Default)]
struct Step {
    changes: Vec<Change>,
    notes: Vec<Note>,
    add: Option<Rule>,
    remove: Vec<usize>,
    authorities: Vec<Certificate>,
}

impl Backend for Sssd {
    fn name(&self) -> &'static str {
        NAME
    }

    fn keeps_one_file(&self) -> bool {
        true
    }

    fn reader_at_start(&self) -> Option<&'static str> {
        Some("SSSD")
    }

    fn obstacle(&self, slot: Option<&str>, certificate: &Certificate) -> Option<String> {
        if slot.is_some_and(|slot| slot.eq_ignore_ascii_case("9e")) {
            return Some("its key signs without the PIN: it shows that the card is there, not who holds it".to_owned());
        }
        if let Some(why) = certificate.encoding_problem() {
            return Some(format!("SSSD cannot be relied on to read the certificate: {why}"));
        }
        rule::matching(certificate).err()
    }

    fn pairings(&self, account: &Account) -> Result<Pairings, Error> {
        Ok(self.pairings_in(&self.read(&self.place()?)?.1, account))
    }

    fn opens(&self, pairings: &Pairings, certificate: &Certificate) -> bool {
        let Some(matching) = self.rule_of(certificate) else { return false };
        pairings.entries.iter().any(|pairing| matches!(&pairing.key, PairedKey::Rule { rule, .. } if *rule == matching))
    }

    fn accounts_with_pairings(&self) -> Result<Vec<AccountPairings>, Error> {
        let (_, file) = self.read(&self.place()?)?;
        let mut with_pairings = Vec::new();
        for account in self.system.accounts()? {
            let pairings = self.pairings_in(&file, &account);
            if !pairings.entries.is_empty() {
                with_pairings.push(AccountPairings { account, pairings: Ok(pairings) });
            }
        }
        Ok(with_pairings)
    }

    fn plan(&self, account: &Account, request: &Request) -> Result<Plan, Error> {
        let path = || Err(Error::Changed { path: self.system.path_of(Path::new(RULES)) });
        self.plan_many(&[(account.clone(), request.clone())]).pop().unwrap_or_else(path)
    }

    fn plan_each(
        &self,
        requests: &mut dyn Iterator<Item = (Account, Request)>,
        planned: &mut dyn FnMut(Result<Plan, Error>),
    ) {
        let read = self.place().and_then(|place| self.read(&place));
        let trust = Trust::read(&self.system, &self.configuration);
        let ((contents, mut file), mut trust) = match read.and_then(|read| Ok((read, trust?))) {
            Ok(read) => read,
            Err(error) => return requests.for_each(|_| planned(Err(error.again()))),
        };
        let mut exists = contents.is_some();
        let mut plan = |account: Account, request: &Request| {
            let action = self.action(&file, &account, request)?;
            let step = self.step(&file, trust.as_ref(), exists, &account, &action)?;
            exists |= step.add.is_some();
            file.make(&self.domain.name, step.add, &step.remove, rules_file::no_change(Path::new(RULES), None));
            trust.iter_mut().for_each(|trust| trust.authorities.extend(step.authorities.iter().cloned()));
            Ok(Plan { account, action, changes: step.changes, notes: step.notes })
        };
        requests.for_each(|(account, request)| planned(plan(account, &request)));
    }

    fn check_access(&self, plan: &Plan) -> Result<(), Error> {
        if plan.is_unchanged() { Ok(()) } else { self.place()?.check_access() }
    }

    fn apply_witnessed(&self, plan: &Plan, witness: Witness<'_>) -> Result<Applied, Error> {
        let mut one = |undos: &[(usize, Undo)]| undos.iter().try_for_each(|(_, undo)| witness(undo));
        let mut results = self.apply_many(std::slice::from_ref(plan), &mut one);
        results.pop().unwrap_or_else(|| Err(Error::Changed { path: self.system.path_of(Path::new(RULES)) }))
    }

    fn apply_many(&self, plans: &[Plan], witness: WitnessOfMany<'_>) -> Vec<Result<Applied, Error>> {
        let mut results = Vec::new();
        if let Err(error) = self.apply_all(plans, witness, &mut results) {
            // Nothing was changed for any of them. Those that were refused stay so.
            error.fails_all(&mut results, plans.len());
        }
        results
    }

    fn undo(&self, account: &Account, undo: &Undo) -> Result<(), Error> {
        let mut results = self.undo_many(&[(account.clone(), undo.clone())]);
        results.pop().unwrap_or(Ok(()))
    }

    fn undo_many(&self, undos: &[(Account, Undo)]) -> Vec<Result<(), Error>> {
        let mut results = Vec::new();
        if let Err(error) = self.undo_all(undos, &mut results) {
            error.fails_all(&mut results, undos.len());
        }
        results.reverse();
        results
    }
}

/// Whether a name can stand in a rule as it is: elsewhere braces and the like are templates.
fn is_plain(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-@$".contains(&byte))
}

const NAME: &str = "sssd";
const RULES: &str = "/etc/sssd/conf.d/pivkit.conf";
/// The largest file of rules: some 150,000 certificates.
const MAX_RULES: u64 = 64 * 1024 * 1024;
const LOCK_WAIT: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests;
