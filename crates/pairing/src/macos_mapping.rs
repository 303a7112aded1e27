//! The backend `macos_mapping`: accounts of a Mac that are found by the names in a certificate.
//!
//! `/etc/SmartcardLogin.plist` says how a value is computed from a certificate, and in which attribute of an account macOS looks
//! for it. Paired means here: the attribute `AltSecurityIdentities` of the account holds the value that the installed file computes
//! for the certificate. Nobody needs to be there for that: no card, no session, no password of a keychain.
//!
//! | what    | how                                                                                              |
//! |---------|--------------------------------------------------------------------------------------------------|
//! | pair    | `dscl . -append`: other values stay; a value that another local account has is refused            |
//! | unpair  | `dscl . -delete` of single values: of those that the format of the file could have made            |
//! | replace | the new value first; nothing at all if the renewed certificate has the same names                  |
//! | lock    | none: single values are added and removed                                                          |
//! | undo    | a value that was added goes, one that was removed comes back, at the end of the list               |
//!
//! Where a whole office is to be paired, [`installing`](MacosMapping::installing) also puts the file in its place if there is none.
//! That is not undone with a pairing: others count on it. A file that maps otherwise is not touched, and nothing is paired.
//!
//! The value counts, not the key: every certificate with these names opens the account, as far as macOS trusts its issuer. Upper and
//! lower case count. Whether an account of a directory service has the same value is not looked at.

use std::collections::{BTreeMap, BTreeSet};

use ::macos::dscl::{self, ALT_SECURITY_IDENTITIES, UserRecord};
use ::macos::session;
use ::macos::smartcard_login::{AttributeMapping, Unmapped};
use identity::Certificate;

use crate::macos::enforcement::{self, Rules};
use crate::macos::{Finding, Macos, record_name};
use crate::plan::{Action, Removal};
use crate::{
    Account, AccountPairings, AccountTable, Applied, Backend, Change, Error, Key, Note, PairedKey, Pairing, Pairings,
    Plan, Request, Selection, Undo, Witness, WitnessOfMany,
};

mod installed;
mod names;
mod steps;

pub use names::names;

/// Keeps pairings as values of accounts that attribute mapping finds.
#[derive(Debug, Clone)]
pub struct MacosMapping {
    mac: Macos,
    /// The mapping that is to be installed if there is no file, and the name of the backend that does so.
    wanted: Option<(&'static str, AttributeMapping)>,
}

impl MacosMapping {
    /// The backend for a Mac. Whether a file is installed is looked at when something is asked.
    pub fn new(mac: Macos) -> Self {
        MacosMapping { mac, wanted: None }
    }

    /// The same for a Mac that has no file yet, or one with this mapping: the first pairing installs one. `name` is what the
    /// backend is called, so that plans and journals know.
    pub fn installing(mac: Macos, name: &'static str, mapping: AttributeMapping) -> Self {
        MacosMapping { wanted: Some((name, mapping)), ..Self::new(mac) }
    }

    /// The Mac.
    pub fn mac(&self) -> &Macos {
        &self.mac
    }

    /// What the Mac knows now: one look at the file, the settings and all local records.
    fn survey(&self) -> Result<Survey, Error> {
        let mapping = self.mapping()?;
        let attribute = mapping.attribute.as_str();
        let users = dscl::users_with(self.mac.runner(), &[attribute])?;
        let is_installed = self.is_installed()?;
        Ok(Survey {
            users,
            unchecked: self.is_unchecked(),
            mapping,
            is_installed,
            rules: None,
            claimed: BTreeMap::new(),
        })
    }

    /// The record as it is now, and the mapped values in it.
    fn values(&self, account: &Account, mapping: &AttributeMapping) -> Result<(UserRecord, Vec<String>), Error> {
        let name = record_name(&account.name)?;
        let record = dscl::user_with(self.mac.runner(), &name, &[mapping.attribute.as_str()]);
        let record = record.map_err(|error| match error {
            ::macos::Error::NoSuchUser { name } => Error::AccountNotFound { name },
            error => error.into(),
        })?;
        let values = mapped(&record, mapping);
        Ok((record, values))
    }

    fn plan_with(&self, survey: &mut Survey, account: &Account, request: &Request) -> Result<Plan, Error> {
        let mapping = survey.mapping.clone();
        if !mapping.attribute.is_for_mapping() {
            return Err(Error::NotForMapping { attribute: mapping.attribute.to_string() });
        }
        let (add, remove) = request.parts();
        let new = add.map(|key| self.value_of(&mapping, key)).transpose()?;
        let (record, values) = match survey.record(account) {
            Some(record) => (record.clone(), mapped(record, &mapping)),
            None => self.values(account, &mapping)?,
        };
        let gone = match remove {
            None => BTreeSet::new(),
            Some(Selection::Hash(_)) => return Err(Error::NeedsCertificate { backend: NAME }),
            Some(Selection::Certificate(old)) => BTreeSet::from([value(&mapping, old)?]),
            Some(Selection::All) => {
                let others: BTreeSet<String> =
                    values.iter().filter(|value| Some(*value) != new.as_ref()).cloned().collect();
                if new.is_some() && others.len() > 1 {
                    return Err(Error::SeveralValues {
                        name: account.name.to_string(),
                        values: others.into_iter().collect(),
                    });
                }
                others
            }
        };
        let gone: Vec<String> =
            values.iter().filter(|value| gone.contains(*value) && Some(*value) != new.as_ref()).cloned().collect();
        let added = new.filter(|new| !values.contains(new));
        let mut notes = Vec::new();
        if let Some(value) = &added {
            survey.claim(value, account)?;
            notes.extend(survey.notes(value, &values));
        }
        if !gone.is_empty() {
            notes.extend(self.check_lock_out(survey, account, &gone, added.as_slice())?);
            notes.extend(steps::remnants(&record));
        }
        survey.change(account, &gone, added.as_slice());
        let attribute = || mapping.attribute.to_string();
        let add_value = added.map(|value| Change::AddValue { attribute: attribute(), value });
        let removed = gone.into_iter().map(|value| Change::RemoveValue { attribute: attribute(), value });
        // The file comes last: as soon as it is there it counts before other pairings.
        let install = (!survey.is_installed && add.is_some()).then(|| Change::InstallMapping { path: self.path() });
        notes.extend(install.as_ref().map(|_| Note::Mac(Finding::MappingWillPrecede)));
        let changes: Vec<Change> = add_value.into_iter().chain(removed).chain(install).collect();
        let all = matches!(request, Request::Unpair(Selection::All));
        // What a plan to remove everything may meet when it is applied: as many values, and no others.
        let remove = if all { Removal::All(BTreeSet::new(), changes.len()) } else { Removal::None };
        Ok(Plan { account: account.clone(), action: Action { add: add.cloned(), remove }, changes, notes })
    }

    /// Refuses a removal after which nobody can log in; notes one after which this account cannot.
    fn check_lock_out(
        &self,
        survey: &mut Survey,
        account: &Account,
        removed: &[String],
        added: &[String],
    ) -> Result<Option<Note>, Error> {
        if survey.rules.is_none() {
            survey.rules = self.mac.rules()?;
        }
        let Some(rules) = &survey.rules else { return Ok(None) };
        let mut users = survey.users.clone();
        enforcement::change(&mut users, account, ATTRIBUTE, removed, added);
        self.mac.judge(rules, account, &users)
    }

    fn value_of(&self, mapping: &AttributeMapping, key: &Key) -> Result<String, Error> {
        let certificate = key.certificate().ok_or(Error::NeedsCertificate { backend: NAME })?;
        if let Some(why) = self.obstacle(None, certificate) {
            return Err(Error::UnusableCertificate { why });
        }
        value(mapping, certificate)
    }
}

/// What the Mac knows, and what is going to be different by then: values that come and go.
struct Survey {
    mapping: AttributeMapping,
    users: Vec<UserRecord>,
    /// Whether the file is there.
    is_installed: bool,
    /// Whether the certificates of cards are not checked; `None` if nobody knows.
    unchecked: Option<bool>,
    /// What decides who gets in, once that was asked.
    rules: Option<Rules>,
    claimed: BTreeMap<String, Account>,
}

impl Survey {
    fn record(&self, account: &Account) -> Option<&UserRecord> {
        self.users.iter().find(|record| enforcement::is_of(record, account))
    }

    /// Refuses a value that another account has, or was promised a moment ago: a card must not open two.
    fn claim(&mut self, value: &str, account: &Account) -> Result<(), Error> {
        let holders = enforcement::holders(&self.users, self.mapping.attribute.bare(), value, account);
        let mut accounts: BTreeSet<String> = holders.into_iter().collect();
        let promised = self.claimed.get(value).filter(|other| other.uid != account.uid);
        accounts.extend(promised.map(|other| other.name.to_string()));
        if accounts.is_empty() {
            self.claimed.insert(value.to_owned(), account.clone());
            return Ok(());
        }
        Err(Error::ValueTaken { value: value.to_owned(), accounts: accounts.into_iter().collect() })
    }

    /// Takes note of a change: what goes is free for others.
    fn change(&mut self, account: &Account, removed: &[String], added: &[String]) {
        enforcement::change(&mut self.users, account, ATTRIBUTE, removed, added);
        self.claimed.retain(|value, of| of.uid != account.uid || !removed.contains(value));
    }

    /// What is worth knowing of a value that comes to those that are there.
    fn notes(&self, value: &str, values: &[String]) -> Vec<Note> {
        let folded = value.to_lowercase();
        let alike = values.iter().filter(|other| other.to_lowercase() == folded);
        let alike = alike.map(|other| Note::Mac(Finding::DiffersInCase { value: other.clone() }));
        let unchecked = (self.unchecked == Some(true)).then_some(Note::Mac(Finding::NotChecked));
        alike.chain(unchecked).collect()
    }
}

impl Backend for MacosMapping {
    fn name(&self) -> &'static str {
        self.wanted.as_ref().map_or(NAME, |(name, _)| name)
    }

    fn one_at_a_time(&self) -> bool {
        true
    }

    fn reads_back(&self) -> bool {
        true
    }

    fn account_table(&self) -> Result<Option<AccountTable>, Error> {
        self.mac.account_table()
    }

    fn obstacle(&self, slot: Option<&str>, certificate: &Certificate) -> Option<String> {
        self.mac.obstacle(slot, certificate)
    }

    fn pairings(&self, account: &Account) -> Result<Pairings, Error> {
        let (_, values) = self.values(account, &self.mapping()?)?;
        Ok(pairings(values))
    }

    fn opens(&self, pairings: &Pairings, certificate: &Certificate) -> bool {
        let value = self.mapping().and_then(|mapping| value(&mapping, certificate)).ok();
        let is = |key: &PairedKey| matches!(key, PairedKey::Value { value: found } if Some(found) == value.as_ref());
        pairings.entries.iter().any(|pairing| is(&pairing.key))
    }

    fn accounts_with_pairings(&self) -> Result<Vec<AccountPairings>, Error> {
        let survey = self.survey()?;
        let mut found = Vec::new();
        for record in &survey.users {
            let values = mapped(record, &survey.mapping);
            if !values.is_empty() {
                found.extend(crate::macos::account_pairings(record, pairings(values)));
            }
        }
        Ok(found)
    }

    fn plan(&self, account: &Account, request: &Request) -> Result<Plan, Error> {
        self.plan_with(&mut self.survey()?, account, request)
    }

    fn plan_each(
        &self,
        requests: &mut dyn Iterator<Item = (Account, Request)>,
        planned: &mut dyn FnMut(Result<Plan, Error>),
    ) {
        match self.survey() {
            Ok(mut survey) => {
                requests.for_each(|(account, request)| planned(self.plan_with(&mut survey, &account, &request)));
            }
            // Each gets its own error; as a rule that is the same one.
            Err(_) => requests.for_each(|(account, request)| planned(self.plan(&account, &request))),
        }
    }

    fn check_access(&self, plan: &Plan) -> Result<(), Error> {
        if plan.is_unchanged() || session::effective_uid(self.mac.runner())? == 0 {
            return Ok(());
        }
        let message = "only root can change the records of accounts".to_owned();
        let program = self.mac.runner().program(::macos::Tool::Dscl);
        Err(::macos::Error::NotPermitted { program, message }.into())
    }

    fn apply_witnessed(&self, plan: &Plan, witness: Witness<'_>) -> Result<Applied, Error> {
        let _one = self.mac.one_removal();
        self.carry_out(&mut self.survey()?, plan, witness)
    }

    fn apply_many(&self, plans: &[Plan], witness: WitnessOfMany<'_>) -> Vec<Result<Applied, Error>> {
        let one_removal = self.mac.one_removal();
        let mut survey = match self.survey() {
            Ok(survey) => survey,
            // Each gets its own error; as a rule that is the same one.
            Err(_) => {
                drop(one_removal);
                let one = |(index, plan): (usize, &Plan)| {
                    self.apply_witnessed(plan, &mut |undo| witness(&[(index, undo.clone())]))
                };
                return plans.iter().enumerate().map(one).collect();
            }
        };
        let one = |(index, plan): (usize, &Plan)| {
            self.carry_out(&mut survey, plan, &mut |undo| witness(&[(index, undo.clone())]))
        };
        plans.iter().enumerate().map(one).collect()
    }

    fn undo(&self, account: &Account, undo: &Undo) -> Result<(), Error> {
        match undo {
            Undo::Nothing => Ok(()),
            Undo::Values(undo) => self.put_back(account, undo),
            _ => Err(steps::changed(account)),
        }
    }
}

/// The value that the certificate leads to.
fn value(mapping: &AttributeMapping, certificate: &Certificate) -> Result<String, Error> {
    mapping.value(&names(certificate)).map_err(|why: Unmapped| Error::Unmapped(why))
}

/// The values of a record that the format could have made, each once.
fn mapped(record: &UserRecord, mapping: &AttributeMapping) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for value in record.values(mapping.attribute.bare()) {
        if mapping.format.could_make(&value) && !found.contains(&value) {
            found.push(value);
        }
    }
    found
}

fn pairings(values: Vec<String>) -> Pairings {
    let entry = |value| Pairing { key: PairedKey::Value { value }, effective: true };
    Pairings { entries: values.into_iter().map(entry).collect(), ..Pairings::default() }
}

/// The attribute that is written.
const ATTRIBUTE: &str = ALT_SECURITY_IDENTITIES;
const NAME: &str = "macos_mapping";

#[cfg(test)]
mod tests;
