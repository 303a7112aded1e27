//! What is going to change, and what was changed.

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;

use identity::text::escape_control;
use identity::{Certificate, PairingHash};

use crate::error::shown;
use crate::macos::Finding;
use crate::{Account, AccountName, Elsewhere, Key, Undo, Unknown};

/// A change of one account that has not been made yet. Making a plan changes nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    pub(crate) account: Account,
    pub(crate) action: Action,
    pub(crate) changes: Vec<Change>,
    pub(crate) notes: Vec<Note>,
}

/// What is wanted of an account, and the pairings that it may cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Action {
    pub(crate) add: Option<Key>,
    pub(crate) remove: Removal,
}

impl Action {
    /// The certificate that is to be added.
    pub(crate) fn certificate(&self) -> Option<&Certificate> {
        self.add.as_ref().and_then(Key::certificate)
    }
}

/// The pairings that a plan takes away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Removal {
    None,
    /// That of one key.
    One(PairingHash),
    /// All pairings, which must be among these, and what may be one: at most so many parts.
    All(BTreeSet<PairingHash>, usize),
    /// Those with these names, for backends that keep something else than keys. With `all`, there must be no others.
    Named {
        names: BTreeSet<String>,
        all: bool,
    },
}

impl Plan {
    /// The account that would be changed.
    pub fn account(&self) -> &Account {
        &self.account
    }

    /// The changes in the order in which they would be made; each prints as one plain sentence.
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// Things worth knowing that do not change.
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }

    /// Whether everything is already as wanted.
    pub fn is_unchanged(&self) -> bool {
        self.changes.is_empty()
    }
}

/// One change. Paths are those of this machine, also when a directory tree is worked on.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change {
    /// A directory is made, for its owner only (mode 0700).
    CreateDirectory {
        /// The directory.
        path: PathBuf,
    },
    /// A file is made, for its owner only (mode 0600).
    CreateFile {
        /// The file.
        path: PathBuf,
    },
    /// A certificate is added to the file, which pairs its key.
    AddCertificate {
        /// The file.
        path: PathBuf,
        /// The pairing hash of the key.
        hash: PairingHash,
        /// The subject of the certificate, safe to print.
        subject: String,
    },
    /// A certificate is taken out of the file.
    RemoveCertificate {
        /// The file.
        path: PathBuf,
        /// The pairing hash of the key.
        hash: PairingHash,
        /// The subject of the certificate, safe to print.
        subject: String,
    },
    /// A part of the file is taken out that cannot be read and may be a certificate.
    RemoveUnreadable {
        /// The file.
        path: PathBuf,
        /// The line on which it begins, from 1.
        line: usize,
    },
    /// More parts like that are taken out.
    RemoveUnreadableMore {
        /// The file.
        path: PathBuf,
        /// How many.
        count: usize,
    },
    /// A file is made that everyone may read (mode 0644).
    CreateSharedFile {
        /// The file.
        path: PathBuf,
    },
    /// A certificate is mapped to the account.
    AddMapping {
        /// The file.
        path: PathBuf,
        /// What the file holds of the certificate, safe to print: a digest or a rule.
        key: String,
        /// The account.
        user: String,
        /// The subject of the certificate, safe to print.
        subject: String,
    },
    /// An authority is added to those whose certificates the login module accepts.
    AddAuthority {
        /// The file.
        path: PathBuf,
        /// The subject of its certificate, safe to print.
        subject: String,
    },
    /// A mapping is taken out of the file.
    RemoveMapping {
        /// The file.
        path: PathBuf,
        /// What the file holds of the certificate, safe to print.
        key: String,
        /// The account.
        user: String,
    },
    /// The file is removed, because nothing but blanks would be left in it.
    RemoveFile {
        /// The file.
        path: PathBuf,
    },
    /// A Mac pairs the key with the account: `sc_auth pair`.
    PairOnMac {
        /// The account.
        user: AccountName,
        /// The pairing hash of the key.
        hash: PairingHash,
    },
    /// A value is removed from `AuthenticationAuthority` in the record of a Mac's account.
    RemoveAuthority {
        /// The value.
        value: String,
    },
    /// A value is added to an attribute of the record of a Mac's account.
    AddValue {
        /// The attribute.
        attribute: String,
        /// The value.
        value: String,
    },
    /// The file by which a Mac finds accounts by the names in certificates is put in its place.
    InstallMapping {
        /// The file.
        path: PathBuf,
    },
    /// A value is removed from an attribute of the record of a Mac's account.
    RemoveValue {
        /// The attribute.
        attribute: String,
        /// The value.
        value: String,
    },
}

impl Change {
    pub(crate) fn add(path: PathBuf, certificate: &Certificate) -> Self {
        Change::AddCertificate { path, hash: certificate.pairing_hash(), subject: subject(certificate) }
    }

    pub(crate) fn remove(path: PathBuf, certificate: &Certificate) -> Self {
        Change::RemoveCertificate { path, hash: certificate.pairing_hash(), subject: subject(certificate) }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Change::CreateDirectory { path } => write!(f, "create the directory {} (mode 0700)", shown(path)),
            Change::CreateFile { path } => write!(f, "create the file {} (mode 0600)", shown(path)),
            Change::AddCertificate { path, hash, subject } => {
                write!(f, "add the certificate {hash} ({subject}) to {}", shown(path))
            }
            Change::RemoveCertificate { path, hash, subject } => {
                write!(f, "remove the certificate {hash} ({subject}) from {}", shown(path))
            }
            Change::RemoveUnreadable { path, line } => {
                write!(f, "remove what begins on line {line} of {}, which may be a certificate", shown(path))
            }
            Change::RemoveUnreadableMore { path, count } => {
                write!(f, "remove {count} more such parts of {}", shown(path))
            }
            Change::CreateSharedFile { path } => write!(f, "create the file {} (mode 0644)", shown(path)),
            Change::AddMapping { path, key, user, subject } => {
                write!(f, "map {key} ({subject}) to {user} in {}", shown(path))
            }
            Change::AddAuthority { path, subject } => {
                write!(f, "trust the authority {subject} for certificates, in {}", shown(path))
            }
            Change::RemoveMapping { path, key, user } => {
                write!(f, "remove the mapping of {key} to {user} from {}", shown(path))
            }
            Change::AddValue { attribute, value } => {
                write!(f, "add {} to {} of the account's record", escape_control(value), escape_control(attribute))
            }
            Change::InstallMapping { path } => {
                write!(
                    f,
                    "write {} (mode 0644), by which this Mac finds accounts by the names in certificates",
                    shown(path)
                )
            }
            Change::RemoveValue { attribute, value } => {
                write!(f, "remove {} from {} of the account's record", escape_control(value), escape_control(attribute))
            }
            Change::RemoveFile { path } => write!(f, "remove the file {}, which is empty then", shown(path)),
            Change::PairOnMac { user, hash } => {
                write!(f, "have the Mac pair {hash} with {user} (sc_auth pair), for which it may ask at the screen")
            }
            Change::RemoveAuthority { value } => {
                write!(f, "remove {} from the record of the account", escape_control(value))
            }
        }
    }
}

/// The subject of a certificate, safe to print.
pub(crate) fn subject(certificate: &Certificate) -> String {
    escape_control(certificate.subject()).into_owned()
}

/// Something that a person should know about.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Note {
    /// A part of the file cannot be read and is kept as it is. Login modules may stop there.
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The line on which it begins, from 1.
        line: usize,
        /// Why it cannot be read.
        why: String,
        /// Whether login modules may read it as a pairing all the same.
        may_count: bool,
    },
    /// There are more parts like those.
    UnreadableMore {
        /// The file.
        path: PathBuf,
        /// How many.
        count: usize,
    },
    /// A key that is to be removed opens the account through another file, which stays.
    Elsewhere(Elsewhere),
    /// The same for more lines of that file.
    ElsewhereMore {
        /// How many.
        count: usize,
    },
    /// Another file may open the account for any key, but could not be read.
    Unknown(Unknown),
    /// Other accounts have the same home directory, so the change counts for them as well.
    SharedHome {
        /// The home directory.
        path: PathBuf,
        /// The other accounts.
        accounts: Vec<AccountName>,
    },
    /// Only the digest of a certificate is known that opens the account and stays; its key may be the one to be removed.
    UnknownKey {
        /// The file.
        path: PathBuf,
        /// The digest.
        key: String,
    },
    /// pam_pkcs11 asks another mapper as well, which opens the account for what was unpaired, or may.
    OtherMapper {
        /// The configuration of pam_pkcs11.
        path: PathBuf,
        /// The mapper.
        mapper: String,
        /// Whether it does.
        is_certain: bool,
        /// Why: half a sentence.
        text: String,
    },
    /// Something that a person has to do before the change counts, or should know of the login module: a sentence without
    /// its full stop.
    Advice(String),
    /// OpenSC 0.23 cannot sign with RSA keys of this length.
    LongRsaKey {
        /// The length in bits.
        bits: u32,
    },
    /// Something about a Mac.
    Mac(Finding),
}

impl Note {
    /// Whether it tells of another way than the one that is kept here, by which the account opens, or may.
    pub fn leaves_open(&self) -> bool {
        matches!(self, Note::OtherMapper { .. })
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Note::Unreadable { path, line, why, may_count: true } => write!(
                f,
                "{} line {line}: {why}; it is kept and may count, while certificates behind it may not",
                shown(path)
            ),
            Note::Unreadable { path, line, why, may_count: false } => {
                write!(f, "{} line {line}: {why}; it is kept, and certificates behind it may not count", shown(path))
            }
            Note::UnreadableMore { path, count } => {
                write!(f, "{}: and {count} more parts that cannot be read", shown(path))
            }
            Note::Elsewhere(Elsewhere { hash, path, line }) => write!(
                f,
                "{hash} still opens the account through {} line {line}, which pivkit does not manage",
                shown(path)
            ),
            Note::ElsewhereMore { count } => write!(f, "and {count} more such lines"),
            Note::Unknown(Unknown { path, why }) => {
                write!(f, "{} {why}; the login module may find keys there that open the account", shown(path))
            }
            Note::SharedHome { path, accounts } => {
                let names: Vec<&str> = accounts.iter().map(AccountName::as_str).collect();
                let (path, names) = (shown(path), names.join(", "));
                write!(f, "{path} is also the home directory of {names}: what is paired there opens all of them")
            }
            Note::UnknownKey { path, key } => {
                write!(f, "{} holds {key} as well, and it is not known for which key", shown(path))
            }
            Note::OtherMapper { path, mapper, is_certain, text } => {
                let opens = if *is_certain { "opens" } else { "may open" };
                write!(f, "{} also uses the mapper {mapper}, which {opens} the account: {text}", shown(path))
            }
            Note::Advice(text) => f.write_str(text),
            Note::LongRsaKey { bits } => write!(f, "OpenSC 0.23 cannot sign with RSA-{bits}; newer versions may"),
            Note::Mac(finding) => finding.fmt(f),
        }
    }
}

/// A change that was made and read back, with what is needed to undo it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    pub(crate) account: Account,
    pub(crate) changes: Vec<Change>,
    pub(crate) notes: Vec<Note>,
    pub(crate) undo: Undo,
}

impl Applied {
    /// The account.
    pub fn account(&self) -> &Account {
        &self.account
    }

    /// What was changed: the changes of the plan, adjusted to what was there when it was applied.
    /// Empty when nothing had to be done.
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// The notes of the plan, adjusted in the same way.
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }

    /// How to undo it.
    pub fn undo(&self) -> &Undo {
        &self.undo
    }
}
