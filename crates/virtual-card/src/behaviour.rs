//! A card's habits, summed up: what its profile says, changed by its quirks and options.

use std::sync::Arc;

use crate::card::{CardOptions, ExtendedLength};
use crate::management_key::{ManagementAlgorithm, ManagementKey};
use crate::pin::References;
use crate::policy::PinPolicy;
use crate::profile::Firmware;
use crate::{Algorithm, Content, Profile, Quirk, Slot, objects};

/// What tag 4F of SELECT's answer holds, and what stands beside it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum SelectAnswer {
    /// The PIX, the RID, and a name.
    Named,
    /// The PIX and the RID, 19 bytes.
    Short,
    /// As much as Part 2, Table 4 allows, 124 bytes.
    Long,
}

/// How certificates are compressed on their way out.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Compression {
    Zlib,
    Gzip,
    Gzip80,
}

/// How certificate objects are changed on their way out.
#[derive(Clone, Copy, Default)]
pub(crate) struct CertificateHabits {
    pub(crate) compression: Option<Compression>,
    pub(crate) without_fe: bool,
    pub(crate) backwards: bool,
    pub(crate) trailing: bool,
}

/// What the CHUID's GUID becomes on its way out.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum GuidHabit {
    Own,
    Absent,
    Zero,
}

/// Every habit of one card.
pub(crate) struct Behaviour {
    pub(crate) profile: Profile,
    pub(crate) extended_length: ExtendedLength,
    /// The most bytes of data in one command APDU.
    pub(crate) max_data: usize,
    pub(crate) t0: bool,
    pub(crate) undrained_poisons: bool,
    pub(crate) select_answer: SelectAnswer,
    pub(crate) select_full_aid: bool,
    pub(crate) select_backwards: bool,
    pub(crate) select_needs_full_aid: bool,
    pub(crate) reselect_clears_pin: bool,
    pub(crate) selected_after_reset: bool,
    pub(crate) has_discovery: bool,
    pub(crate) pin_usage_policy: Option<u16>,
    pub(crate) has_key_history: bool,
    pub(crate) key_history: Option<(u8, u8)>,
    /// How many retired slots there are.
    pub(crate) retired: u8,
    pub(crate) empty_slot_is_ok: bool,
    pub(crate) empty_metadata: bool,
    pub(crate) pin_tries: Option<u8>,
    pub(crate) old_tries: bool,
    pub(crate) malformed_pin_costs_try: bool,
    /// Whether PINs are any bytes, as YubiKeys take them, or digits.
    pub(crate) any_pin: bool,
    pub(crate) signature_pin_once: bool,
    pub(crate) truncates_hash: bool,
    pub(crate) management_algorithm: Option<ManagementAlgorithm>,
    pub(crate) vendor: bool,
    pub(crate) certificates: CertificateHabits,
    pub(crate) guid: GuidHabit,
    pub(crate) atr: Option<Vec<u8>>,
    /// The most bytes that an object may have when it is written.
    pub(crate) max_object: usize,
}

impl Behaviour {
    pub(crate) fn of(options: CardOptions) -> Self {
        let mut behaviour = Self::of_profile(options.profile);
        behaviour.extended_length = options.extended_length;
        let own_atr = options.quirks.iter().any(|quirk| matches!(quirk, Quirk::Atr(_)));
        for quirk in options.quirks {
            behaviour.take_on(quirk);
        }
        if behaviour.t0 && !own_atr {
            // A YubiKey's says T=1.
            behaviour.atr = None;
        }
        behaviour
    }

    fn of_profile(profile: Profile) -> Self {
        let yubikey = profile.firmware().is_some();
        Self {
            profile,
            extended_length: ExtendedLength::Honoured,
            max_data: usize::from(u16::MAX),
            t0: false,
            undrained_poisons: false,
            select_answer: if yubikey { SelectAnswer::Short } else { SelectAnswer::Named },
            select_full_aid: profile == Profile::Federal,
            select_backwards: false,
            select_needs_full_aid: false,
            reselect_clears_pin: false,
            selected_after_reset: false,
            has_discovery: true,
            pin_usage_policy: None,
            has_key_history: true,
            key_history: None,
            retired: RETIRED_SLOTS,
            empty_slot_is_ok: false,
            empty_metadata: false,
            pin_tries: None,
            old_tries: false,
            malformed_pin_costs_try: yubikey,
            any_pin: yubikey,
            signature_pin_once: false,
            truncates_hash: false,
            management_algorithm: None,
            vendor: yubikey,
            certificates: CertificateHabits::default(),
            guid: GuidHabit::Own,
            atr: profile.atr().map(<[u8]>::to_vec),
            max_object: if yubikey { YUBIKEY_MAX_OBJECT } else { crate::content::MAX_OBJECT },
        }
    }

    fn take_on(&mut self, quirk: Quirk) {
        match quirk {
            Quirk::SelectFullAid => self.select_full_aid = true,
            Quirk::SelectPixOnly => self.select_full_aid = false,
            Quirk::SelectShort => (self.select_answer, self.select_full_aid) = (SelectAnswer::Short, false),
            Quirk::SelectLong => self.select_answer = SelectAnswer::Long,
            Quirk::SelectOrder => self.select_backwards = true,
            Quirk::SelectNeedsFullAid => self.select_needs_full_aid = true,
            Quirk::ReselectClearsPin => self.reselect_clears_pin = true,
            Quirk::SelectedAfterReset => self.selected_after_reset = true,
            Quirk::NoExtended => self.extended_length = ExtendedLength::Refused,
            Quirk::LeIgnored => self.extended_length = ExtendedLength::LeIgnored,
            Quirk::ChainingOnly => self.max_data = MAX_SHORT_DATA,
            Quirk::MaxData(limit) => self.max_data = usize::from(limit),
            Quirk::UndrainedPoisons => self.undrained_poisons = true,
            Quirk::NoDiscovery => self.has_discovery = false,
            Quirk::PinPolicy(policy) => self.pin_usage_policy = Some(policy),
            Quirk::NoKeyHistory => self.has_key_history = false,
            Quirk::KeyHistory(on, off) => self.key_history = Some((on, off)),
            Quirk::Retired(count) => self.retired = count,
            Quirk::EmptySlot9000 => self.empty_slot_is_ok = true,
            Quirk::EmptyMetadata => self.empty_metadata = true,
            Quirk::PinTries(tries) => self.pin_tries = Some(tries),
            Quirk::OldTries => self.old_tries = true,
            Quirk::PaddingCostsTry => self.malformed_pin_costs_try = true,
            Quirk::SignaturePinOnce => self.signature_pin_once = true,
            Quirk::TruncatesHash => self.truncates_hash = true,
            Quirk::ManagementKey(algorithm) => self.management_algorithm = Some(algorithm),
            Quirk::NoVendor => self.vendor = false,
            Quirk::Zlib => self.certificates.compression = Some(Compression::Zlib),
            Quirk::Gzip => self.certificates.compression = Some(Compression::Gzip),
            Quirk::Gzip80 => self.certificates.compression = Some(Compression::Gzip80),
            Quirk::NoFe => self.certificates.without_fe = true,
            Quirk::ObjectOrder => self.certificates.backwards = true,
            Quirk::Trailing => self.certificates.trailing = true,
            Quirk::NoGuid => self.guid = GuidHabit::Absent,
            Quirk::ZeroGuid => self.guid = GuidHabit::Zero,
            Quirk::Atr(atr) => self.atr = Some(atr),
            Quirk::T0 => (self.t0, self.extended_length) = (true, ExtendedLength::Refused),
        }
    }

    /// Gives a new card what its habits presume: so many tries, a management key of that kind, a global PIN. What somebody
    /// has changed already is left as it is.
    pub(crate) fn furnish(&self, content: &mut Content) {
        if let Some(tries) = self.pin_tries {
            content.references.pin.set_tries(tries);
        }
        if let Some(algorithm) = self.management_algorithm.filter(|_| content.management_key.is_factory()) {
            content.management_key = Arc::new(ManagementKey::factory(algorithm));
        }
        if self.presumes_global_pin() && content.references.global.is_none() {
            content.references.global = References::factory(true).and_then(|references| references.global);
        }
    }

    /// The quirks of which [`Behaviour::furnish`] would make something that `content` has not.
    pub(crate) fn unfurnished(&self, content: &Content) -> Vec<Quirk> {
        let references = &content.references;
        let tries = self.pin_tries.filter(|tries| *tries != references.pin.tries());
        let algorithm = self.management_algorithm.filter(|it| *it != content.management_key.algorithm());
        let lacks_global = self.presumes_global_pin() && references.global.is_none();
        let policy = self.pin_usage_policy.filter(|_| lacks_global);
        let quirks = [tries.map(Quirk::PinTries), algorithm.map(Quirk::ManagementKey), policy.map(Quirk::PinPolicy)];
        quirks.into_iter().flatten().collect()
    }

    fn presumes_global_pin(&self) -> bool {
        self.pin_usage_policy.is_some_and(|policy| policy & objects::GLOBAL_PIN_USED != 0)
    }

    /// The firmware, if this card answers as a YubiKey.
    pub(crate) fn firmware(&self) -> Option<Firmware> {
        self.profile.firmware().filter(|_| self.vendor)
    }

    /// True if this card answers as a YubiKey with this firmware or a later one.
    pub(crate) fn is_yubikey_since(&self, firmware: Firmware) -> bool {
        self.vendor && self.profile.is_yubikey_since(firmware)
    }

    pub(crate) fn has(&self, algorithm: Algorithm) -> bool {
        self.profile.has(algorithm)
    }

    /// True for slots that this card has.
    pub(crate) fn has_slot(&self, slot: Slot) -> bool {
        match slot.retired_number() {
            Some(number) => number <= self.retired,
            None => slot != Slot::ATTESTATION || self.firmware().is_some(),
        }
    }

    /// The PIN policy that a key in `slot` has here, when its own is `policy`.
    pub(crate) fn pin_policy(&self, slot: Slot, policy: PinPolicy) -> PinPolicy {
        if self.signature_pin_once && slot == Slot::SIGNATURE && policy == PinPolicy::Always {
            return PinPolicy::Once;
        }
        policy
    }

    /// The AID's part that selects PIV: all of it, or any part with the RID.
    pub(crate) fn selects(&self, name: &[u8]) -> bool {
        if self.select_needs_full_aid {
            return name == objects::AID;
        }
        name.len() >= objects::RID_LENGTH && objects::AID.starts_with(name)
    }
}

const RETIRED_SLOTS: u8 = 20;
const MAX_SHORT_DATA: usize = 255;
/// What a YubiKey 4 or 5 takes.
const YUBIKEY_MAX_OBJECT: usize = 3_063;
