//! `pivkit pair`, `unpair`, `list`, `check`: identities and local accounts.

use std::path::Path;

use identity::proof::Proof;
use identity::{Certificate, Identity, PairingHash};
use pairing::macos::Finding;
use pairing::{Account, AccountName, Key, Note, Pairing, Pairings, Plan, Request, Selection, Witness};
use piv::{LastTry, Pin};

use crate::accounts::account_report;
use crate::choice::connect_one;
use crate::login_identity::LoginIdentity;
use crate::report::{AccountError, ChangeReport, CheckReport, ListReport, SCHEMA_VERSION};
use crate::session::{in_session, pin_in_doubt};
use crate::transport::CardReaders;
use crate::with_causes;
use crate::{Accounts, CardChoice, Error, IdentityChoice, Ui, files, preflight};

pub(crate) mod attended;

/// What `pivkit pair` was asked.
#[derive(Clone, Debug)]
pub struct PairRequest {
    /// The account; without one, a person is asked.
    pub user: Option<AccountName>,
    /// Which card.
    pub card: CardChoice,
    /// Which identity on it.
    pub identity: IdentityChoice,
    /// Whether the last PIN try may be used.
    pub last_try: LastTry,
    /// Which pairing the new one takes the place of: a renewed card. [`Selection::All`] means the only other one.
    pub replace: Option<Selection>,
    /// Only say what would change.
    pub dry_run: bool,
}

impl PairRequest {
    fn of(&self, certificate: &Certificate) -> Request {
        match &self.replace {
            Some(old) => Request::Replace { new: Key::from(certificate), old: old.clone() },
            None => Request::Pair(Key::from(certificate)),
        }
    }
}

/// Pairs an identity with an account: the account, the card, its identity, the plan, consent, proof that the card holds the
/// key, the change, and what reads back.
///
/// With a person at hand ([`Ui::is_attended`]) a card is waited for, its identities are shown, the account is asked for, and a
/// wrong answer, or a card that is taken out, is not the end. That takes a command for each further standard slot and one for
/// the PIN tries.
///
/// # Errors
///
/// Those of choosing a card and an identity; [`Error::Declined`]; [`Error::NotProved`]; [`Error::Pairing`];
/// [`Error::InDoubt`] if a wrong PIN may have cost a try. Unless it is [`Error::NotReadBack`] or says otherwise itself, nothing
/// was changed.
pub fn pair(
    accounts: &Accounts,
    readers: &mut CardReaders,
    request: &PairRequest,
    ui: &mut dyn Ui,
) -> Result<ChangeReport, Error> {
    if ui.is_attended() {
        return attended::pair(accounts, readers, request, ui);
    }
    let user = match &request.user {
        Some(user) => user.clone(),
        None => ui.account()?.parse()?,
    };
    let account = accounts.account(&user)?;
    let survey = accounts.survey();
    let mut card = connect_one(readers, &request.card, ui)?;
    let reader = card.reader().to_owned();
    let pin = if request.dry_run || !ui.consent_given() { None } else { ui.pin_at_hand()? };
    let found = request.identity.with_found(&mut card, ui, |mut session, chosen| {
        let plan = planned(accounts, &account, request, &chosen)?;
        let findings = match &survey {
            Some(survey) if !plan.is_unchanged() => preflight::on_mac(survey, &mut session, &reader, &chosen)?,
            _ => Vec::new(),
        };
        let Some(pin) = pin.as_ref().filter(|_| !plan.is_unchanged()) else {
            return Ok((chosen, plan, findings, None));
        };
        accounts.backend().check_access(&plan)?;
        let proof = chosen.prove(session, &reader, pin, request.last_try)?;
        Ok((chosen, plan, findings, Some(proof)))
    });
    let (chosen, plan, findings, proof) = found.map_err(|error| pin_in_doubt(error, &card))?;
    let notes = told(&findings, &plan, ui);
    if !consent(accounts, &plan, request.dry_run, &question(&user), ui)? {
        return unchanged(accounts, &plan, &chosen, notes);
    }
    let proof = match proof {
        Some(proof) => proof,
        None => prove(&mut card, &chosen, &ui.pin(&reader)?, request.last_try)?,
    };
    paired(accounts, &plan, proof.certificate(), notes, &mut |_| Ok(()), ui)
}

/// What pairing the account with this identity changes.
pub(crate) fn planned(
    accounts: &Accounts,
    account: &Account,
    request: &PairRequest,
    chosen: &LoginIdentity,
) -> Result<Plan, Error> {
    if let Some(why) = accounts.obstacle(&chosen.identity) {
        return Err(Error::Obstacle { slot: chosen.identity.slot.clone(), why });
    }
    Ok(accounts.backend().plan(account, &request.of(&chosen.identity.certificate))?)
}

/// Tells what was found, and returns it with what else there is to say of the plan.
pub(crate) fn told(findings: &[Finding], plan: &Plan, ui: &mut dyn Ui) -> Vec<String> {
    let mut notes: Vec<String> = findings.iter().map(ToString::to_string).collect();
    say(&notes, ui);
    notes.extend(notes_of(plan));
    notes
}

pub(crate) fn question(user: &AccountName) -> String {
    format!("Pair this identity with account {user}")
}

/// The proof that the card holds the key, in a session of its own.
fn prove(card: &mut piv::Card, chosen: &LoginIdentity, pin: &Pin, last_try: LastTry) -> Result<Proof, Error> {
    let reader = card.reader().to_owned();
    in_session(card, |session| chosen.prove(session, &reader, pin, last_try)).map_err(|error| pin_in_doubt(error, card))
}

/// The report of a plan that is not carried out.
fn unchanged(
    accounts: &Accounts,
    plan: &Plan,
    chosen: &LoginIdentity,
    notes: Vec<String>,
) -> Result<ChangeReport, Error> {
    let pairings = accounts.backend().pairings(plan.account())?;
    let Identity { certificate, .. } = &chosen.identity;
    Ok(ChangeReport { notes, ..report(accounts, plan, &[certificate.pairing_hash()], &pairings, Some(certificate)) })
}

/// Carries out a plan to pair this certificate, now that nothing speaks against it any more.
pub(crate) fn paired(
    accounts: &Accounts,
    plan: &Plan,
    certificate: &Certificate,
    mut notes: Vec<String>,
    witness: Witness<'_>,
    ui: &mut dyn Ui,
) -> Result<ChangeReport, Error> {
    let backend = accounts.backend();
    // What a Mac looks at first has no bearing on what was written.
    let is_there = |pairings: &Pairings| {
        backend.opens(pairings, certificate) || (backend.reads_back() && is_kept(pairings, certificate))
    };
    let (pairings, news) = carry_out(accounts, plan, is_there, witness, ui)?;
    notes.extend(news);
    let concerned = [certificate.pairing_hash()];
    Ok(ChangeReport { changed: true, notes, ..report(accounts, plan, &concerned, &pairings, Some(certificate)) })
}

/// Whether the list holds the key, be it that it does not count.
fn is_kept(pairings: &Pairings, certificate: &Certificate) -> bool {
    pairings.entries.iter().any(|pairing| pairing.hash() == Some(certificate.pairing_hash()))
}

/// Removes one pairing of an account, or all of them, as `selection` says. [`ChangeReport::may_open`] tells whether that closes the account to
/// the keys concerned.
///
/// # Errors
///
/// [`Error::Declined`], [`Error::NotReadBack`] or [`Error::Pairing`].
pub fn unpair(
    accounts: &Accounts,
    user: &AccountName,
    selection: &Selection,
    dry_run: bool,
    ui: &mut dyn Ui,
) -> Result<ChangeReport, Error> {
    let account = accounts.account(user)?;
    let backend = accounts.backend();
    let plan = backend.plan(&account, &Request::Unpair(selection.clone()))?;
    let mut pairings = backend.pairings(&account)?;
    let (concerned, certificate) = match selection {
        Selection::All => (pairings.hashes(), None),
        Selection::Hash(hash) => (vec![*hash], None),
        Selection::Certificate(certificate) => (vec![certificate.pairing_hash()], Some(certificate.as_ref())),
    };
    let all = *selection == Selection::All;
    let mut notes = notes_of(&plan);
    let changed = consent(accounts, &plan, dry_run, &format!("Remove from account {user}"), ui)?;
    if changed {
        // Not every pairing has a hash.
        let before: Vec<_> = pairings.entries.iter().map(|pairing| pairing.key.clone()).collect();
        let stays = |pairing: &Pairing| match pairing.hash() {
            Some(hash) => concerned.contains(&hash),
            None => all && before.contains(&pairing.key),
        };
        let removed = |now: &Pairings| {
            let mut here = now.clone();
            here.elsewhere.clear();
            let opens = certificate.is_some_and(|certificate| backend.opens(&here, certificate));
            !opens && !now.entries.iter().any(stays)
        };
        let news;
        (pairings, news) = carry_out(accounts, &plan, removed, &mut |_| Ok(()), ui)?;
        notes.extend(news);
    }
    let mut report = ChangeReport { notes, ..report(accounts, &plan, &concerned, &pairings, certificate) };
    report.changed = changed;
    // Who removes everything means every key.
    report.may_open |= all && !pairings.elsewhere.is_empty();
    report.may_open |= plan.notes().iter().any(Note::leaves_open);
    Ok(report)
}

/// The pairing of the key of the one certificate in a file.
///
/// # Errors
///
/// [`Error::File`]; [`Error::Input`] if there is not exactly one certificate that can be read.
pub fn selection_by_certificate(path: &Path) -> Result<Selection, Error> {
    let refused = |why: String| Error::Input { what: format!("{}: {why}", path.display()) };
    let mut certificates = files::certificates(path)?.into_iter();
    match (certificates.next(), certificates.next()) {
        (Some(Ok(one)), None) => Ok(Selection::Certificate(Box::new(one))),
        (Some(Err(error)), _) => Err(refused(error.to_string())),
        _ => Err(refused("there must be one certificate in the file".to_owned())),
    }
}

/// Applies a plan and returns the pairings as they read back, and what came to light on the way. If they cannot be read, or
/// are not as they should be, undoes the change.
fn carry_out(
    accounts: &Accounts,
    plan: &Plan,
    as_planned: impl Fn(&Pairings) -> bool,
    witness: Witness<'_>,
    ui: &mut dyn Ui,
) -> Result<(Pairings, Vec<String>), Error> {
    let backend = accounts.backend();
    let applied = backend.apply_witnessed(plan, witness)?;
    let news = applied.notes().iter().filter(|note| !plan.notes().contains(note));
    let news: Vec<String> = news.map(ToString::to_string).collect();
    say(&news, ui);
    let mut read = backend.pairings(plan.account());
    if read.is_err() && backend.reads_back() {
        read = backend.pairings(plan.account());
    }
    match read {
        Ok(pairings) if as_planned(&pairings) => Ok((pairings, news)),
        // It was seen a moment ago; taking it back because of a tool would take away what works.
        Err(source) if backend.reads_back() => {
            Err(Error::NotSeenAgain { user: plan.account().name.to_string(), source: Box::new(source) })
        }
        read => {
            let user = plan.account().name.to_string();
            match backend.undo(plan.account(), applied.undo()) {
                Ok(()) => Err(Error::NotReadBack { user, source: read.err() }),
                Err(source) => Err(Error::NotUndone { user, source }),
            }
        }
    }
}

/// True if the plan is to be carried out: it changes something, it is no dry run, this process can do it, and the person
/// agrees.
pub(crate) fn consent(
    accounts: &Accounts,
    plan: &Plan,
    dry_run: bool,
    question: &str,
    ui: &mut dyn Ui,
) -> Result<bool, Error> {
    say(&notes_of(plan), ui);
    if plan.is_unchanged() || dry_run {
        return Ok(false);
    }
    accounts.backend().check_access(plan)?;
    if ui.confirm(&steps(plan), question)? { Ok(true) } else { Err(Error::Declined) }
}

fn notes_of(plan: &Plan) -> Vec<String> {
    plan.notes().iter().map(ToString::to_string).collect()
}

fn say(notes: &[String], ui: &mut dyn Ui) {
    notes.iter().for_each(|note| ui.note(&format!("note: {note}")));
}

fn steps(plan: &Plan) -> Vec<String> {
    plan.changes().iter().map(ToString::to_string).collect()
}

/// What the backend keeps of keys whose hash it does not know.
fn values(pairings: &Pairings) -> Vec<String> {
    let without_hash = pairings.entries.iter().filter(|pairing| pairing.hash().is_none());
    without_hash.map(|pairing| pairing.key.to_string()).collect()
}

/// What was planned, and how things stand now: `pairings`, which are asked about a certificate where there is one.
fn report(
    accounts: &Accounts,
    plan: &Plan,
    concerned: &[PairingHash],
    pairings: &Pairings,
    certificate: Option<&Certificate>,
) -> ChangeReport {
    let opens = certificate.is_some_and(|certificate| accounts.backend().opens(pairings, certificate));
    ChangeReport {
        schema_version: SCHEMA_VERSION,
        user: plan.account().name.to_string(),
        backend: accounts.backend().name().to_owned(),
        pairing_hashes: concerned.iter().map(ToString::to_string).collect(),
        plan: steps(plan),
        changed: false,
        notes: Vec::new(),
        values: values(pairings),
        paired: pairings.hashes().iter().map(ToString::to_string).collect(),
        may_open: opens || pairings.may_hold_more() || concerned.iter().any(|hash| pairings.contains(hash)),
    }
}

/// The pairings of one account, or of all that have some.
///
/// # Errors
///
/// [`Error::Pairing`] if the one account, or the list of accounts, cannot be read.
pub fn list(accounts: &Accounts, user: Option<&AccountName>) -> Result<ListReport, Error> {
    let backend = accounts.backend();
    let mut report = ListReport {
        schema_version: SCHEMA_VERSION,
        backend: backend.name().to_owned(),
        accounts: Vec::new(),
        not_permitted: Vec::new(),
        errors: Vec::new(),
    };
    if let Some(user) = user {
        let pairings = backend.pairings(&accounts.account(user)?)?;
        report.accounts.push(account_report(user.to_string(), &pairings));
        return Ok(report);
    }
    for entry in backend.accounts_with_pairings()? {
        let user = entry.account.name.to_string();
        match entry.pairings {
            Ok(pairings) => report.accounts.push(account_report(user, &pairings)),
            Err(pairing::Error::NotPermitted { .. }) => report.not_permitted.push(user),
            Err(error) => report.errors.push(AccountError { user, error: with_causes(&error) }),
        }
    }
    Ok(report)
}

/// What `pivkit check` was asked.
#[derive(Clone, Debug)]
pub struct CheckRequest {
    /// The account.
    pub user: AccountName,
    /// Which card.
    pub card: CardChoice,
    /// Whether the last PIN try may be used.
    pub last_try: LastTry,
}

/// Proves that the inserted card opens an account: it holds a key that the account is paired with.
///
/// # Errors
///
/// [`Error::NotPairedWithCard`], [`Error::MappingDecides`], [`Error::NotProved`], and those of choosing a card.
pub fn check(
    accounts: &Accounts,
    readers: &mut CardReaders,
    request: &CheckRequest,
    ui: &mut dyn Ui,
) -> Result<CheckReport, Error> {
    let account = accounts.account(&request.user)?;
    let pairings = accounts.backend().pairings(&account)?;
    let not_paired = || Error::NotPairedWithCard { user: request.user.to_string() };
    if pairings.is_empty() {
        return Err(not_paired());
    }
    let mut card = connect_one(readers, &request.card, ui)?;
    let backend = accounts.backend();
    let opens = |identity: &Identity| {
        let (certificate, reads_back) = (&identity.certificate, backend.reads_back());
        let is_paired = backend.opens(&pairings, certificate) || (reads_back && is_kept(&pairings, certificate));
        is_paired && accounts.obstacle(identity).is_none()
    };
    let reader = card.reader().to_owned();
    let pin = ui.pin_at_hand()?;
    let found = in_session(&mut card, |mut session| {
        let chosen = IdentityChoice::find_where(&mut session, &reader, opens)?.ok_or_else(not_paired)?;
        if let Some(accounts) = backend.decided_elsewhere(&chosen.identity.certificate)?
            && accounts != [request.user.clone()]
        {
            let accounts = accounts.iter().map(ToString::to_string).collect();
            return Err(Error::MappingDecides { user: request.user.to_string(), accounts });
        }
        let proof = pin.as_ref().map(|pin| chosen.prove(session, &reader, pin, request.last_try)).transpose()?;
        Ok((chosen, proof))
    });
    let (chosen, proof) = found.map_err(|error| pin_in_doubt(error, &card))?;
    let proof = match proof {
        Some(proof) => proof,
        None => prove(&mut card, &chosen, &ui.pin(&reader)?, request.last_try)?,
    };
    Ok(CheckReport {
        schema_version: SCHEMA_VERSION,
        user: request.user.to_string(),
        backend: accounts.backend().name().to_owned(),
        reader,
        slot: chosen.slot.to_string(),
        pairing_hash: proof.pairing_hash().to_string(),
        proved: true,
    })
}
