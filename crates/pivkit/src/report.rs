//! What the use cases return: plain data, the same for text and JSON.
//!
//! Texts that come from cards and certificates stand here as they are. They are foreign: escape them before a terminal.

mod card;
mod doctor;
mod identity;
mod mapping;
mod pairing;
mod provision;
mod psso;
mod reader;

pub use self::psso::{
    ConfigExampleReport, ConfigLintReport, DeviceKeysReport, DeviceReport, DiscoveryReport, KerberosReport,
    KeyExchangeReport, KeyRequestReport, LoginReport, LogoutReport, PssoStatusReport, RegisteredUserReport,
    RegistrationNote, RegistrationReport, SealReport, SignOnDetails, SignOnReport, Timings, TokensReport,
    UnlockKeyReport, UserKeyReport,
};
pub use card::{
    AttestationReport, CardInfoReport, KeyHistoryReport, KeyReport, ManagementKeyReport, PinReport, PinTriesReport,
    ResetReport, RetriesReport, SecretChangeReport, SignatureReport, SlotReport,
};
pub use doctor::{DoctorReport, ExplanationReport, FindingReport};
pub use identity::{CardReport, FileReport, HashEntry, HashReport, IdentitiesReport, IdentityReport, ReadError};
pub use mapping::{
    AlikeReport, ExplainReport, ExplainedCertificate, FieldReport, LintReport, MappingFinding, MappingReport,
    NewMappingReport,
};
pub use pairing::{AccountError, AccountReport, ChangeReport, CheckReport, IdentityOffer, ListReport, PairingReport};
pub use provision::{AttestedKey, ProvisionReport, ProvisionedSlot};
pub use reader::{ReaderEvent, ReaderEventKind, ReaderReport, ReadersReport};

/// The version of every JSON document. A field added keeps it; a field removed or changed raises it.
pub const SCHEMA_VERSION: u32 = 1;
