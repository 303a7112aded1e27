//! `pivkit card info`.

use identity::TokenId;
use piv::{
    DiscoveryObject, KeyMetadata, Metadata, Origin, PinMetadata, PinReference, PinStatus, Session, Slot, is_yubikey,
};
use time::OffsetDateTime;

use super::{name, tries};
use crate::choice::connect_one;
use crate::identities::on_card;
use crate::report::{
    CardInfoReport, KeyHistoryReport, KeyReport, ManagementKeyReport, PinTriesReport, ReadError, SCHEMA_VERSION,
    SlotReport,
};
use crate::scan::{self, Found, Scan, Slots};
use crate::session::in_session;
use crate::transport::CardReaders;
use crate::with_causes;
use crate::{CardChoice, Error, Ui};

/// Everything that a card says of itself without a PIN. On a card with extended length it takes one command for each object,
/// each key and each question to the maker's own commands; a card that does not know those is asked for its version only.
///
/// # Errors
///
/// [`Error::Card`] if the connection is lost; those of choosing a card. What could not be read is listed in the report.
pub fn info(
    readers: &mut CardReaders,
    choice: &CardChoice,
    slots: Slots,
    ui: &mut dyn Ui,
) -> Result<CardInfoReport, Error> {
    let mut card = connect_one(readers, choice, ui)?;
    let reader = card.reader().to_owned();
    let atr = card.atr().to_vec();
    let facts = in_session(&mut card, |mut session| {
        Facts::read(&mut session, slots).map_err(|source| Error::Card { reader: reader.clone(), source })
    })?;
    Ok(facts.report(reader, &atr))
}

/// What was read of the card.
struct Facts {
    application: piv::Application,
    version: Option<piv::Version>,
    policy: Option<piv::PinUsagePolicy>,
    scan: Scan,
    history: Option<piv::KeyHistory>,
    pin: Option<PinMetadata>,
    global_pin: Option<PinStatus>,
    puk: PinTriesReport,
    management_key: Option<ManagementKeyReport>,
    keys: Vec<(Slot, KeyMetadata)>,
}

impl Facts {
    fn read(session: &mut Session<'_>, slots: Slots) -> Result<Self, piv::Error> {
        let application = session.application().clone();
        let policy = soft(session.discovery())?.flatten().map(|DiscoveryObject { pin_usage_policy }| pin_usage_policy);
        let version = session.version()?;
        let scan = scan::everything(session, slots, version.is_some())?;
        let history = scan.key_history;
        let global_pin = match policy {
            Some(policy) if policy.global_pin() => Some(session.pin_status_of(PinReference::Global)?),
            _ => None,
        };
        let mut facts = Self {
            application,
            version,
            policy,
            scan,
            history,
            pin: None,
            global_pin,
            puk: PinTriesReport::default(),
            management_key: None,
            keys: Vec::new(),
        };
        if version.is_some() {
            facts.ask_vendor(session, slots)?;
        }
        Ok(facts)
    }

    /// What the maker's own commands tell.
    fn ask_vendor(&mut self, session: &mut Session<'_>, slots: Slots) -> Result<(), piv::Error> {
        self.pin = soft(session.pin_metadata())?.and_then(Metadata::present);
        if let Some(puk) = soft(session.puk_metadata())?.and_then(Metadata::present) {
            self.puk = told(&puk);
        }
        let stored = soft(session.admin_data())?.flatten().is_some_and(|data| data.management_key_stored);
        if let Some(key) = soft(session.management_key_metadata())?.and_then(Metadata::present) {
            self.management_key = Some(ManagementKeyReport {
                algorithm: key.algorithm.map(|algorithm| algorithm.to_string()),
                is_default: Some(key.is_default),
                touch_policy: key.touch_policy.map(|policy| policy.to_string()),
                stored_under_pin: stored,
            });
        }
        for slot in Slot::STANDARD.into_iter().chain(Slot::retired()) {
            let found = self.scan.found.iter().any(|found| found.slot == slot);
            if !(Slot::STANDARD.contains(&slot) || found || slots == Slots::All) {
                continue;
            }
            match soft(session.key_metadata(slot))? {
                Some(Metadata::Present(key)) => self.keys.push((slot, key)),
                // The firmware has no metadata: nor will it have any for the other slots.
                Some(Metadata::Unknown) if self.pin.is_none() => break,
                _ => {}
            }
        }
        Ok(())
    }

    fn report(self, reader: String, atr: &[u8]) -> CardInfoReport {
        let token_id = self.scan.guid.and_then(|guid| TokenId::from_guid(&guid).ok());
        let global = self.policy.is_some_and(piv::PinUsagePolicy::global_pin_preferred) && !is_yubikey(atr);
        let in_use = if global { PinReference::Global } else { PinReference::Application };
        let mut problems = self.problems();
        problems.extend(self.mismatches());
        let errors = self.scan.errors.iter().map(|(slot, error)| ReadError {
            reader: Some(reader.clone()),
            slot: slot.map(|slot| slot.to_string()),
            path: None,
            error: with_causes(error),
        });
        CardInfoReport {
            schema_version: SCHEMA_VERSION,
            atr: hex::encode_upper(atr),
            aid: self.application.aid.as_ref().map(hex::encode_upper),
            label: self.application.label.clone(),
            vendor: vendor(atr),
            firmware: self.version.map(|version| version.to_string()),
            serial: self.scan.serial,
            guid: self.scan.guid.map(hex::encode_upper),
            token_id: token_id.map(|token_id| token_id.to_string()),
            pin_usage_policy: self.policy.map(|policy| format!("{:04X}", policy.0)),
            pin_in_use: name(in_use),
            pin: PinTriesReport {
                retries: self.scan.pin_status.and_then(tries).or(self.pin.map(|pin| pin.tries_left)),
                verified: self.scan.pin_status == Some(PinStatus::Verified),
                ..self.pin.as_ref().map(told).unwrap_or_default()
            },
            global_pin: self.global_pin.map(|status| PinTriesReport {
                retries: tries(status),
                verified: status == PinStatus::Verified,
                ..PinTriesReport::default()
            }),
            puk: self.puk.clone(),
            management_key: self.management_key.clone(),
            key_history: self
                .history
                .map(|piv::KeyHistory { on_card, off_card }| KeyHistoryReport { on_card, off_card }),
            slots: self.slots(),
            problems,
            errors: errors.collect(),
            reader,
        }
    }

    fn slots(&self) -> Vec<SlotReport> {
        let now = OffsetDateTime::now_utc();
        let all = Slot::STANDARD.into_iter().chain(Slot::retired());
        let slot = |slot| {
            let key = self.keys.iter().find(|(of, _)| *of == slot).map(|(_, key)| key_report(key));
            let certificate = self.found(slot).map(|found| on_card(found, now));
            let holds = key.is_some() || certificate.is_some();
            holds.then(|| SlotReport { slot: slot.to_string(), key, certificate })
        };
        all.filter_map(slot).collect()
    }

    fn found(&self, slot: Slot) -> Option<&Found> {
        self.scan.found.iter().find(|found| found.slot == slot)
    }

    /// What is wrong with the card as a whole.
    fn problems(&self) -> Vec<String> {
        let blocked = |tries: &PinTriesReport| tries.retries == Some(0);
        let pin_blocked = self.scan.pin_status == Some(PinStatus::Blocked);
        let factory = |of: Option<bool>| of == Some(true);
        let key_is_default = self.management_key.as_ref().and_then(|key| key.is_default);
        let history = self.history.is_some_and(|history| {
            let retired = self.scan.found.iter().filter(|found| matches!(found.slot, Slot::Retired(_))).count();
            usize::from(history.on_card) != retired
        });
        let problems = [
            (self.scan.guid.is_none(), "it has no GUID, so macOS makes no token of it"),
            (pin_blocked, "the PIN is blocked"),
            (blocked(&self.puk), "the PUK is blocked"),
            (factory(self.pin.map(|pin| pin.is_default)), "the PIN is the factory's, which everybody knows"),
            (factory(self.puk.is_default), "the PUK is the factory's, which everybody knows"),
            (factory(key_is_default), "the management key is the factory's, which everybody knows"),
            (history, "the key history counts other retired certificates than there are"),
        ];
        problems.into_iter().filter(|(is_so, _)| *is_so).map(|(_, problem)| problem.to_owned()).collect()
    }

    /// Certificates that do not belong to the key in their slot.
    fn mismatches(&self) -> Vec<String> {
        let differs = |(slot, key): &&(Slot, KeyMetadata)| {
            let key = key.public_key.as_ref().map(piv::PublicKey::to_spki_der);
            let certificate = self.found(*slot).map(|found| found.identity.certificate.spki_der());
            key.is_some_and(|key| certificate.is_some_and(|certificate| certificate != key))
        };
        let problem =
            |(slot, _): &(Slot, KeyMetadata)| format!("the certificate in slot {slot} is not that of the key in it");
        self.keys.iter().filter(differs).map(problem).collect()
    }
}

/// Passes a lost connection on; anything else is simply not known.
fn soft<T>(result: Result<T, piv::Error>) -> Result<Option<T>, piv::Error> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.ends_session() => Err(error),
        Err(_) => Ok(None),
    }
}

fn told(metadata: &PinMetadata) -> PinTriesReport {
    PinTriesReport {
        retries: Some(metadata.tries_left),
        retries_total: Some(metadata.tries),
        is_default: Some(metadata.is_default),
        verified: false,
    }
}

fn key_report(key: &KeyMetadata) -> KeyReport {
    KeyReport {
        algorithm: key.algorithm.map(|algorithm| algorithm.to_string()),
        origin: key.origin.map(|origin| match origin {
            Origin::Generated => "generated",
            Origin::Imported => "imported",
        }),
        pin_policy: key.pin_policy.map(|policy| policy.to_string()),
        touch_policy: key.touch_policy.map(|policy| policy.to_string()),
    }
}

/// The maker, as cards name themselves in the historical bytes of their answer to reset.
fn vendor(atr: &[u8]) -> Option<String> {
    let atr = atr.to_ascii_lowercase();
    let makers = [("yubikey", "Yubico"), ("nitrokey", "Nitrokey"), ("canokey", "CanoKeys")];
    let named = |marker: &str| atr.windows(marker.len()).any(|bytes| bytes == marker.as_bytes());
    makers.into_iter().find(|(marker, _)| named(marker)).map(|(_, maker)| maker.to_owned())
}
