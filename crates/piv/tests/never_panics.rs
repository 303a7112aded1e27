//! Whatever a card sends: no parser panics, and what is read keeps to its limits.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use piv::{
    AdminData, AlgorithmId, Card, CertificateObject, Chuid, DiscoveryObject, Hash, KeyHistory, LastTry,
    MAX_CERTIFICATE_LENGTH, ManagementKey, ObjectId, Pin, PinPolicy, Puk, Slot, TouchPolicy,
};
use proptest::collection::vec;
use proptest::prelude::*;
use smartcard::{Apdu, CardTransaction, CardTransport, Error};

/// A card that answers each command with the next of these.
struct Babbler(std::vec::IntoIter<Vec<u8>>);

impl CardTransport for Babbler {
    fn name(&self) -> &str {
        "babbler"
    }

    fn atr(&self) -> &[u8] {
        &[0x3b, 0x00]
    }

    fn transaction(&mut self) -> Result<Box<dyn CardTransaction + '_>, Error> {
        Ok(Box::new(self))
    }
}

impl CardTransaction for &mut Babbler {
    fn transmit(&mut self, _: &Apdu) -> Result<Vec<u8>, Error> {
        self.0.next().ok_or_else(|| Error::Removed { reader: "babbler".to_owned() })
    }
}

/// Bytes that look like an answer often enough to get somewhere: templates that the client looks for, and status words.
fn answer() -> impl Strategy<Value = Vec<u8>> {
    let tags = [0x01, 0x02, 0x04, 0x06, 0x4f, 0x53, 0x61, 0x70, 0x71, 0x7c, 0x7e, 0x80, 0x81, 0x82, 0x86, 0x88, 0xfe];
    let object = (proptest::sample::select(tags.to_vec()), vec(any::<u8>(), 0..40))
        .prop_map(|(tag, value)| [vec![tag, u8::try_from(value.len()).unwrap()], value].concat());
    let data = prop_oneof![vec(any::<u8>(), 0..80), vec(object, 0..4).prop_map(|objects| objects.concat())];
    let status = prop_oneof![
        6 => Just([0x90, 0x00]),
        1 => Just([0x63, 0xc3]),
        1 => Just([0x61, 0x08]),
        1 => any::<[u8; 2]>(),
    ];
    (data, status).prop_map(|(data, status)| [data, status.to_vec()].concat())
}

proptest! {
    #[test]
    fn objects_of_any_bytes(bytes in vec(any::<u8>(), 0..512)) {
        let _ = (Chuid::parse(&bytes), KeyHistory::parse(&bytes), DiscoveryObject::parse(&bytes));
        if let Ok(data) = AdminData::parse(&bytes) {
            prop_assert_eq!(AdminData::parse(&data.encode()).unwrap(), data);
        }
        if let Ok(Some(object)) = CertificateObject::parse(Slot::Authentication, &bytes) {
            prop_assert!(object.der.len() <= MAX_CERTIFICATE_LENGTH);
        }
    }

    #[test]
    fn a_card_that_answers_anything_to_everything(answers in vec(answer(), 0..60)) {
        let mut card = Card::new(Box::new(Babbler(answers.into_iter())));
        let (pin, puk, key) = (Pin::new("123456").unwrap(), Puk::new("12345678").unwrap(), ManagementKey::factory_default());
        if let Ok(mut session) = card.session() {
            let _ = (session.version(), session.yubikey_serial(), session.discovery(), session.chuid(), session.key_history());
            let _ = (session.pin_metadata(), session.puk_status(), session.management_key_metadata(), session.admin_data());
            let _ = (session.key_metadata(Slot::Authentication), session.attestation(Slot::Authentication));
            let _ = (session.certificate(Slot::Authentication), session.attestation_certificate());
            let _ = (session.change_pin(&pin, &pin, LastTry::Keep), session.change_puk(&puk, &puk, LastTry::Keep));
            let _ = (session.unblock_pin(&puk, &pin, LastTry::Keep), session.reset());
        }
        if let Ok(Ok(mut session)) = card.session().map(|session| session.verify_pin(&pin, LastTry::Keep)) {
            let _ = session.sign(Slot::Authentication, AlgorithmId::EccP256, Hash::Sha256, b"message");
            let _ = session.agree(Slot::KeyManagement, AlgorithmId::X25519, &[9; 32]);
            let _ = session.protected_management_key();
        }
        if let Ok(Ok(mut session)) = card.session().map(|session| session.authenticate_management(&key)) {
            let _ = session.generate_key(Slot::Authentication, AlgorithmId::EccP256, PinPolicy::Once, TouchPolicy::Never);
            let _ = session.put_object(ObjectId::Chuid, &[0x30, 0]);
        }
    }
}
