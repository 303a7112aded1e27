//! What is looked at before a person is asked for anything.

use ::macos::system_profiler::SmartCards;
use ::macos::{CertificateTrust, SmartcardPreferences, dscl, preferences, session};
use identity::text::with_causes;
use identity::{Certificate, KeyAlgorithm, PairingHash, Usage};

use super::enforcement::is_of;
use super::{Finding, Macos, key_hash, record::Bound};
use crate::{Account, AccountName, Error};

/// An identity that is to be paired, and what else of the card matters to a Mac.
#[derive(Debug, Clone, Copy)]
pub struct Candidate<'a> {
    /// The slot of the identity, such as `9a`; `None` if it is not known.
    pub slot: Option<&'a str>,
    /// Its certificate.
    pub certificate: &'a Certificate,
    /// What is in slot 9d, whose key protects the login keychain.
    pub key_management: KeyManagement<'a>,
}

/// What is in slot 9d.
#[derive(Debug, Clone, Copy)]
pub enum KeyManagement<'a> {
    /// Nobody looked.
    Unknown,
    /// Nothing.
    Empty,
    /// Something that is no certificate.
    Unreadable,
    /// This certificate.
    Certificate(&'a Certificate),
}

/// What the Mac says about itself, whichever card is meant. It is asked once, and before a card is held: the Mac looks at the card
/// itself to answer.
#[derive(Debug, Clone)]
pub struct Survey {
    preferences: SmartcardPreferences,
    cards: Option<SmartCards>,
    problems: Vec<Finding>,
}

impl Survey {
    /// Everything about this identity that concerns the card and the settings.
    pub fn findings(&self, candidate: &Candidate<'_>) -> Vec<Finding> {
        let mut findings = self.problems.clone();
        let mut when = |found: bool, finding: Finding| findings.extend(found.then_some(finding));
        let preferences = &self.preferences;
        when(preferences.allow_smart_card == Some(false), Finding::SmartCardsNotAllowed);
        let off = preferences.disabled_tokens.iter().any(|driver| driver.contains("pivtoken"));
        when(off, Finding::PivDriverDisabled);
        when(self.cards.as_ref().is_some_and(|cards| cards.has_driver(OPENSC)), Finding::OpenScDriver);
        when(candidate.slot.is_some_and(|slot| slot.eq_ignore_ascii_case("9c")), Finding::SignatureSlot);
        findings.extend(self.seen(&candidate.certificate.pairing_hash()));
        findings.extend(wrapping(candidate.key_management));
        findings
    }

    /// What the Mac says of the key.
    fn seen(&self, hash: &PairingHash) -> Option<Finding> {
        let asks_for_trust =
            self.preferences.check_certificate_trust.is_some_and(|trust| trust != CertificateTrust::Off);
        let identities = self.cards.iter().flat_map(|cards| &cards.tokens).flat_map(|token| &token.identities);
        let this: Vec<_> = identities.filter(|identity| identity.hash == Some(key_hash(hash))).collect();
        let trusted = this.iter().find_map(|identity| identity.trusted);
        match trusted {
            _ if this.is_empty() && self.cards.is_some() => Some(Finding::NotSeenByMac),
            Some(false) if asks_for_trust => Some(Finding::NotTrusted),
            None if asks_for_trust => Some(Finding::TrustUnknown),
            _ => None,
        }
    }
}

impl Macos {
    /// Asks the Mac about itself. What cannot be learned is among the findings.
    pub fn survey(&self) -> Survey {
        let mut problems = Vec::new();
        let preferences = SmartcardPreferences::read(self.runner()).unwrap_or_else(|error| {
            problems.push(Finding::UnreadableSettings { why: with_causes(&error) });
            SmartcardPreferences::default()
        });
        let cards = SmartCards::live(self.runner());
        let cards = cards.map_err(|error| problems.push(Finding::NotAsked { why: with_causes(&error) })).ok();
        Survey { preferences, cards, problems }
    }

    /// What stands in the account and in the files of the Mac.
    pub(super) fn account_findings(
        &self,
        account: &Account,
        hash: &PairingHash,
        bound: &Bound,
    ) -> Result<Vec<Finding>, Error> {
        let mut findings = Vec::new();
        match preferences::maps_attributes(&self.files) {
            Ok(true) => findings.push(Finding::MappingPrecedes),
            Ok(false) => {}
            Err(error) => findings.push(Finding::UnreadableSettings { why: with_causes(&error) }),
        }
        let one_card =
            SmartcardPreferences::read(self.runner()).is_ok_and(|found| found.one_card_per_user == Some(true));
        if one_card && bound.opens() {
            findings.push(Finding::OneCardPerUser);
        }
        let users = dscl::users(self.runner())?.into_iter();
        let others = users.filter(|record| !is_of(record, account) && Bound::of(record).opens_for(hash));
        let others: Vec<_> = others.filter_map(|record| record.name().as_str().parse::<AccountName>().ok()).collect();
        if !others.is_empty() {
            findings.push(Finding::OpensOthers { hash: *hash, accounts: others });
        }
        if !session::has_gui_session(self.runner(), account.uid) {
            findings.push(Finding::NoSession);
        }
        Ok(findings)
    }
}

/// Whether the key in 9d can wrap the key of the keychain: RSA decrypts, an elliptic curve agrees on keys.
fn wrapping(key_management: KeyManagement<'_>) -> Option<Finding> {
    let certificate = match key_management {
        KeyManagement::Unknown => return None,
        KeyManagement::Empty => return Some(Finding::NoKeyManagement),
        KeyManagement::Unreadable => return Some(Finding::UnreadableKeyManagement),
        KeyManagement::Certificate(certificate) => certificate,
    };
    let algorithm = certificate.public_key().algorithm();
    let kind_wraps = matches!(algorithm, KeyAlgorithm::Rsa { .. } | KeyAlgorithm::P256 | KeyAlgorithm::P384);
    let wraps = kind_wraps && certificate.allows(Usage::KeyManagement);
    (!wraps).then(|| Finding::CannotWrap { algorithm: algorithm.to_string() })
}

/// The bundles of OpenSC's token driver.
const OPENSC: &str = "org.opensc-project";
