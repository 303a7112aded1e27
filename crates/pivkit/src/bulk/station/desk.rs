//! The desk, at which people come one after the other.

use bulk::{CardSeen, Expected, IdentitySeen, Recognised, Roster, RowAction, RowResult, StationJournal};
use pairing::Selection;
use pairing::macos::Survey;

use super::seen::ReadCard;
use super::{Enrolled, PinProof, StationRequest, Supervisor};
use crate::login_identity::LoginIdentity;
use crate::pair::attended::{ask_proof, offer, on_mac, taken_out};
use crate::pair::{consent, paired, planned, question, told};
use crate::session::in_session;
use crate::{Accounts, CardChoice, Error, IdentityChoice, PairRequest, Ui, UiError, waiting, with_causes};

/// What all cards share.
pub(super) struct Desk<'a> {
    accounts: &'a Accounts,
    survey: Option<Survey>,
    roster: &'a Roster,
    request: &'a StationRequest,
    journal: StationJournal,
    ui: &'a mut (dyn Ui + Send),
    supervisor: &'a dyn Supervisor,
    people: Vec<Enrolled>,
    /// Why the desk is closed, if it is.
    closed: Option<Result<(), Error>>,
}

impl<'a> Desk<'a> {
    pub(super) fn open(
        accounts: &'a Accounts,
        roster: &'a Roster,
        request: &'a StationRequest,
        journal: StationJournal,
        ui: &'a mut (dyn Ui + Send),
        supervisor: &'a dyn Supervisor,
    ) -> Self {
        let survey = accounts.survey();
        let desk =
            Self { accounts, survey, roster, request, journal, ui, supervisor, people: Vec::new(), closed: None };
        let (done, expected) = (desk.journal.done(), roster.expected().len());
        desk.ui.note(&format!("station: {done} of {expected} people are done; insert a card, Ctrl-C closes"));
        desk
    }

    /// True if nobody is served any more: everybody is done, or the desk was closed.
    pub(super) fn is_closed(&self) -> bool {
        self.closed.is_some() || self.supervisor.stop() || self.journal.done() == self.roster.expected().len()
    }

    /// The people, and how many rows are done; or why the desk had to be closed.
    pub(super) fn close(self) -> Result<(Vec<Enrolled>, usize), Error> {
        match self.closed {
            Some(Err(error)) => Err(error),
            _ => Ok((self.people, self.journal.done())),
        }
    }

    /// Tells that a reader is free for the next one.
    pub(super) fn call_next(&mut self, reader: &str) {
        if !self.is_closed() {
            self.ui.note(&format!("{reader}: the next card, please"));
        }
    }

    /// Tells what is wrong with a card that cannot even be read.
    pub(super) fn tell_of(&mut self, reader: &str, error: &Error) {
        if !waiting::is_missing(error) {
            self.ui.note(&format!("{reader}: {}; nothing was changed", with_causes(error)));
        }
    }

    /// Serves a card, from its recognition to the words about what is next.
    pub(super) fn welcome(&mut self, card: &mut piv::Card, read: Result<ReadCard, Error>) {
        let reader = card.reader().to_owned();
        if self.is_closed() {
            return;
        }
        // Somebody else was at the desk; who has gone away meanwhile is not asked for anything.
        let read = read.and_then(|read| in_session(card, |_| Ok(())).map(|()| read));
        match read.and_then(|read| self.serve(card, &read)) {
            Ok(()) => {}
            Err(Error::Ui(UiError::Interrupted)) => self.closed = Some(Ok(())),
            // What the desk cannot go on without.
            Err(error @ (Error::Ui(UiError::Unanswered { .. } | UiError::Terminal(_)) | Error::Bulk(_))) => {
                self.closed = Some(Err(error));
            }
            Err(Error::Declined) => self.ui.note(&format!("{reader}: nothing was changed")),
            Err(error) => match taken_out(&error) {
                Some(why) => self.ui.note(&format!("{reader}: {why}")),
                None => self.tell_of(&reader, &error),
            },
        }
    }

    fn serve(&mut self, card: &mut piv::Card, read: &ReadCard) -> Result<(), Error> {
        let reader = card.reader().to_owned();
        let identities = self.pairable(read);
        let seen = CardSeen {
            serial: read.serial,
            guid: read.guid.clone(),
            identities: identities.iter().map(identity_seen).collect(),
        };
        let told = match self.roster.recognise(&seen) {
            Recognised::One(expected, _) if self.journal.is_done(expected.row) => {
                format!("line {}: the card of {} is done already; the next card, please", expected.line, expected.user)
            }
            Recognised::One(expected, place) => {
                let Some(chosen) = identities.into_iter().nth(place) else { return Ok(()) };
                return self.enrol(card, read, expected, &chosen);
            }
            Recognised::Nobody => {
                format!("no row of the manifest is for this card ({}); nothing was changed", read.describe())
            }
            Recognised::Several(rows) => {
                let lines: Vec<_> = rows.iter().map(|row| format!("line {} ({})", row.line, row.user)).collect();
                let lines = lines.join(", ");
                format!("several rows of the manifest are for this card: {lines}; nothing was changed")
            }
            Recognised::Contradiction(expected, why) => {
                let Expected { line, user, .. } = expected;
                let card = read.describe();
                format!("line {line} is for {user}, but {why} ({card}); nothing was changed")
            }
        };
        self.ui.note(&format!("{reader}: {told}"));
        Ok(())
    }

    /// The identities that can be paired at all.
    fn pairable(&self, read: &ReadCard) -> Vec<LoginIdentity> {
        let can_be = |found: &&crate::scan::Found| offer(self.accounts, found).obstacles.is_empty();
        let found = read.seen.found.iter().filter(can_be);
        found.map(|found| LoginIdentity { slot: found.slot, identity: found.identity.clone() }).collect()
    }

    /// Pairs the card of a person who is known now, and writes down what became of it.
    fn enrol(
        &mut self,
        card: &mut piv::Card,
        read: &ReadCard,
        expected: &Expected,
        chosen: &LoginIdentity,
    ) -> Result<(), Error> {
        let reader = card.reader().to_owned();
        let Expected { line, user, .. } = expected;
        self.ui.note(&format!("{reader}: line {line}: {user} ({})", read.describe()));
        let others: Vec<_> =
            self.roster.expected().iter().filter(|row| row.user == *user && row.line != *line).collect();
        if !others.is_empty() {
            let lines: Vec<_> = others.iter().map(|row| row.line.to_string()).collect();
            self.ui.note(&format!("note: {user} has other rows too: line {}", lines.join(", ")));
        }
        let result = self.pair(card, read, expected, chosen);
        let (result, notes, error) = match result {
            Ok((result, notes)) => (result, notes, None),
            Err(error) if ends_without_result(&error) => return Err(error),
            Err(error) => (RowResult::Failed, Vec::new(), Some(error)),
        };
        let next = error.as_ref().and_then(|error| self.supervisor.next(error));
        let text = error.as_ref().map(|error| with_causes(error));
        let hash = chosen.identity.pairing_hash();
        self.journal.settle(expected, Some(hash), result, text.clone(), next.clone(), notes)?;
        match &text {
            Some(text) => self.ui.note(&format!("{reader}: {user}: {text}. {}", next.unwrap_or_default())),
            None if result == RowResult::Unchanged => {
                self.ui.note(&format!("unchanged: account {user} opens with this card already"));
            }
            None => {}
        }
        let (done, all) = (self.journal.done(), self.roster.expected().len());
        self.ui.note(&format!("{reader}: take the card out; {done} of {all} people are done"));
        self.people.push(Enrolled {
            line: *line,
            user: user.clone(),
            reader,
            pairing_hash: Some(hash.to_string()),
            result,
            error: text,
        });
        Ok(())
    }

    fn pair(
        &mut self,
        card: &mut piv::Card,
        read: &ReadCard,
        expected: &Expected,
        chosen: &LoginIdentity,
    ) -> Result<(RowResult, Vec<String>), Error> {
        let name = expected.user.parse()?;
        let account = self.accounts.account(&name)?;
        let request = PairRequest {
            user: Some(name),
            card: CardChoice::default(),
            identity: IdentityChoice::default(),
            last_try: self.request.last_try,
            replace: (expected.action == RowAction::Replace).then_some(Selection::All),
            dry_run: false,
        };
        let plan = planned(self.accounts, &account, &request, chosen)?;
        if plan.is_unchanged() {
            return Ok((RowResult::Unchanged, Vec::new()));
        }
        let findings = match &self.survey {
            Some(survey) => on_mac(survey, card, &read.seen, &request.identity, chosen)?,
            None => Vec::new(),
        };
        let notes = told(&findings, &plan, self.ui);
        if self.request.dry_run {
            plan.changes().iter().for_each(|change| self.ui.note(&format!("would: {change}")));
            return Ok((RowResult::Changed, notes));
        }
        consent(self.accounts, &plan, false, &question(&account.name), self.ui)?;
        if self.request.pin_proof == PinProof::Always || expected.pairing_hash.is_none() {
            let status = match &read.seen.pin_status {
                Ok(status) => *status,
                // It is read again with the PIN, and says there what is wrong.
                Err(_) => piv::PinStatus::Verified,
            };
            ask_proof(card, chosen, status, self.request.last_try, self.ui)?;
        }
        let journal = &mut self.journal;
        let mut witness = |undo: &pairing::Undo| journal.intend(expected, undo);
        let certificate = &chosen.identity.certificate;
        let report = paired(self.accounts, &plan, certificate, notes, &mut witness, self.ui)?;
        self.ui.show_paired(&report);
        Ok((RowResult::Changed, report.notes))
    }
}

/// Errors after which the row is as open as before: the person can come again.
fn ends_without_result(error: &Error) -> bool {
    matches!(error, Error::Declined | Error::Ui(_) | Error::Bulk(_)) || taken_out(error).is_some()
}

fn identity_seen(chosen: &LoginIdentity) -> IdentitySeen {
    IdentitySeen {
        slot: chosen.identity.slot.clone(),
        pairing_hash: chosen.identity.pairing_hash(),
        upn: chosen.identity.certificate.upn().map(str::to_owned),
    }
}
