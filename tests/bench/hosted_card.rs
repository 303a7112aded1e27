//! A virtual card in this process, in the reader of pivkit's `vpcd:` transport: tests see its inside, and it starts at once.

use std::sync::OnceLock;
use std::thread::{self, JoinHandle};

use virtual_card::{
    Algorithm, FaultPlan, Issued, Origin, PinPolicy, Preset, PrivateKey, Profile, Slot, Stop, TouchPolicy, VirtualCard,
    VpcdClient,
};

/// A card that is in the reader until [`HostedCard::end`].
pub(crate) struct HostedCard {
    stop: Stop,
    thread: JoinHandle<(VirtualCard, FaultPlan)>,
}

impl HostedCard {
    /// Puts `card` into the reader at `address`, and lets happen to it what is planned.
    pub(crate) fn insert(address: &str, mut card: VirtualCard, mut plan: FaultPlan) -> Self {
        let client = VpcdClient::new(address);
        let stop = client.stop();
        let thread = thread::spawn(move || {
            client.run(&mut card, &mut plan, |_| ()).unwrap();
            (card, plan)
        });
        Self { stop, thread }
    }

    /// Takes the card out, if nothing has done so before.
    pub(crate) fn end(self) -> (VirtualCard, FaultPlan) {
        self.stop.request();
        self.thread.join().unwrap()
    }
}

/// The card of alice that is a YubiKey 5.4, with a key of its own in 9C.
pub(crate) fn yubikey() -> &'static Issued {
    &yubikey_and_key().0
}

/// The public key of [`yubikey`] in 9C: a SubjectPublicKeyInfo in DER.
pub(crate) fn signature_key() -> &'static [u8] {
    &yubikey_and_key().1
}

fn yubikey_and_key() -> &'static (Issued, Vec<u8>) {
    static YUBIKEY: OnceLock<(Issued, Vec<u8>)> = OnceLock::new();
    YUBIKEY.get_or_init(|| {
        let mut issued = Preset::Alice.issue_for(Profile::YubiKey54).unwrap();
        let key = PrivateKey::generate(Algorithm::P256).unwrap();
        let public_key = key.public_key_der().unwrap();
        let generated = (Origin::Generated, PinPolicy::Always, TouchPolicy::Never);
        issued.content.put_key_with(Slot::SIGNATURE, key, generated.0, generated.1, generated.2);
        (issued, public_key)
    })
}

/// A card with certificates in many slots, and its authority: the card of alice, whose certificate in 9D is in 9E and in two
/// retired slots as well.
pub(crate) fn full() -> &'static Issued {
    static FULL: OnceLock<Issued> = OnceLock::new();
    FULL.get_or_init(|| {
        let mut issued = Preset::Alice.issue().unwrap();
        let object = issued.content.object(Slot::KEY_MANAGEMENT.certificate_tag()).unwrap().to_vec();
        for slot in ["9e", "82", "83"] {
            let slot: Slot = slot.parse().unwrap();
            issued.content.put_object(slot.certificate_tag(), object.clone()).unwrap();
        }
        issued
    })
}
