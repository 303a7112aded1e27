//! The Discovery Object (SP 800-73-4 Part 1, 3.3.2).
//!
//! ```text
//! 7E { 4F AID   5F2F PIN usage policy (2 bytes) }
//! ```

use smartcard::tlv::{self, Tag};

use crate::{Error, ObjectId};

/// What the card says about its PINs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiscoveryObject {
    /// The PIN usage policy.
    pub pin_usage_policy: PinUsagePolicy,
}

/// The two bytes of tag 5F2F, big-endian.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PinUsagePolicy(pub u16);

impl PinUsagePolicy {
    /// The card's own PIN satisfies the access rules.
    #[must_use]
    pub fn application_pin(self) -> bool {
        self.0 & 0x4000 != 0
    }

    /// The global PIN satisfies the access rules too.
    #[must_use]
    pub fn global_pin(self) -> bool {
        self.0 & 0x2000 != 0
    }

    /// Of both PINs the global one is the one that people know.
    #[must_use]
    pub fn global_pin_preferred(self) -> bool {
        self.global_pin() && self.0 & 0x00ff == 0x20
    }
}

impl DiscoveryObject {
    /// Reads the answer to GET DATA, tag 7E included.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] if it is not BER-TLV or has no PIN usage policy of two bytes.
    pub fn parse(object: &[u8]) -> Result<Self, Error> {
        let malformed = |error| Error::malformed(ObjectId::Discovery, error);
        let contents = tlv::single(object, ObjectId::Discovery.tag()).map_err(malformed)?;
        let policy = tlv::find(contents, PIN_USAGE_POLICY).map_err(malformed)?;
        let policy = policy.and_then(|policy| <[u8; 2]>::try_from(policy).ok());
        let missing = tlv::TlvError { offset: 0, reason: "it has no PIN usage policy of two bytes" };
        let policy = policy.ok_or_else(|| malformed(missing))?;
        Ok(Self { pin_usage_policy: PinUsagePolicy(u16::from_be_bytes(policy)) })
    }
}

const PIN_USAGE_POLICY: Tag = Tag(0x5f2f);

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(bytes: [u8; 2]) -> PinUsagePolicy {
        let aid = hex::decode("4f0ba000000308000010000100").unwrap();
        let contents = [&aid[..], &[0x5f, 0x2f, 2], &bytes].concat();
        DiscoveryObject::parse(&tlv::encode(Tag(0x7e), &contents)).unwrap().pin_usage_policy
    }

    #[test]
    fn reads_the_policies_that_cards_have() {
        assert!(policy([0x40, 0x00]).application_pin() && !policy([0x40, 0x00]).global_pin());
        assert!(policy([0x60, 0x10]).global_pin() && !policy([0x60, 0x10]).global_pin_preferred());
        assert!(policy([0x60, 0x20]).global_pin_preferred());
    }

    #[test]
    fn a_discovery_object_without_a_policy_is_malformed() {
        for object in ["7e00", "7e045f2f0140", "5300", ""] {
            assert!(DiscoveryObject::parse(&hex::decode(object).unwrap()).is_err(), "{object}");
        }
    }
}
