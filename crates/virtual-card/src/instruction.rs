//! Which instructions the card has, by profile, and which application they go to.

use crate::behaviour::Behaviour;

/// An application on the card.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Application {
    /// PIV itself.
    Piv,
    /// A YubiKey's management application, which tells what the key is.
    Management,
    /// A YubiKey's one-time password application, of which only the serial number is here.
    Otp,
}

/// An instruction that this card has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Instruction {
    Select,
    GetData,
    PutData,
    Verify,
    ChangeReferenceData,
    ResetRetryCounter,
    GeneralAuthenticate,
    GenerateAsymmetricKeyPair,
    // Yubico's.
    Version,
    Serial,
    Metadata,
    Attest,
    Import,
    SetManagementKey,
    SetPinRetries,
    MoveKey,
    Reset,
    ReadConfiguration,
    OtpRequest,
}

impl Instruction {
    /// The instruction of a code (INS); `None` if this card does not have it.
    pub(crate) fn from_code(code: u8, selected: Option<Application>, behaviour: &Behaviour) -> Option<Self> {
        if code == 0xa4 {
            return Some(Self::Select);
        }
        match selected {
            Some(Application::Management) => return (code == 0x1d).then_some(Self::ReadConfiguration),
            Some(Application::Otp) => return (code == 0x01).then_some(Self::OtpRequest),
            Some(Application::Piv) | None => {}
        }
        match code {
            0xcb => Some(Self::GetData),
            0xdb => Some(Self::PutData),
            0x20 => Some(Self::Verify),
            0x24 => Some(Self::ChangeReferenceData),
            0x2c => Some(Self::ResetRetryCounter),
            0x87 => Some(Self::GeneralAuthenticate),
            0x47 => Some(Self::GenerateAsymmetricKeyPair),
            0xf7 if behaviour.empty_metadata => Some(Self::Metadata),
            _ => Self::vendor(code).filter(|(_, since)| behaviour.is_yubikey_since(*since)).map(|(own, _)| own),
        }
    }

    /// Yubico's instructions, and the firmware that they came with.
    fn vendor(code: u8) -> Option<(Self, [u8; 3])> {
        Some(match code {
            0xfd => (Self::Version, [0, 0, 0]),
            0xf8 => (Self::Serial, [5, 0, 3]),
            0xf7 => (Self::Metadata, [5, 3, 0]),
            0xf9 => (Self::Attest, [4, 3, 0]),
            0xfe => (Self::Import, [0, 0, 0]),
            0xff => (Self::SetManagementKey, [0, 0, 0]),
            0xfa => (Self::SetPinRetries, [0, 0, 0]),
            0xf6 => (Self::MoveKey, [5, 7, 0]),
            0xfb => (Self::Reset, [0, 0, 0]),
            _ => return None,
        })
    }
}
