//! The state of a virtual Mac: people, cards, sessions, settings, and what misbehaves.
//!
//! ```text
//! language, caller, callerSession, consoleUser, sessions [uid]
//! users    name -> dsAttrType…:Attribute -> [text]      as dscl prints them
//! groups   likewise
//! cards    [{reader, guid, trusted, certificates {slot -> DER}}]
//! settings of com.apple.security.smartcard, settingsFrom (profile | library)
//! keychains name -> {state, unlockedBy [hash]}; filevault name -> [hash]; tokenDrivers; pairingDialog; messagesOn
//! quirks   [{quirk, seen}]
//! ```

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::language::Language;
use crate::record::Record;

/// Everything that the stand-ins know, as it is kept in the plist.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Mac {
    /// In which language tools speak.
    pub(crate) language: Language,
    /// The record name of who runs the tools.
    pub(crate) caller: String,
    /// The GUI session the caller is in, where it is not his own: `sudo` in the Terminal of somebody.
    pub(crate) caller_session: Option<u32>,
    /// Who sits at the screen.
    pub(crate) console_user: Option<String>,
    /// The user ids with a GUI session.
    pub(crate) sessions: Vec<u32>,
    pub(crate) users: BTreeMap<String, Record>,
    pub(crate) groups: BTreeMap<String, Record>,
    pub(crate) cards: Vec<Card>,
    /// Third-party token drivers, by bundle id.
    pub(crate) token_drivers: Vec<String>,
    /// The domain com.apple.security.smartcard.
    pub(crate) settings: plist::Dictionary,
    pub(crate) settings_from: SettingsFrom,
    pub(crate) pairing_dialog: bool,
    pub(crate) keychains: BTreeMap<String, Keychain>,
    /// Hashes with which a user unlocks FileVault.
    pub(crate) filevault: BTreeMap<String, Vec<String>>,
    /// Where `sc_auth` says what went wrong.
    pub(crate) messages_on: Stream,
    pub(crate) quirks: Vec<QuirkState>,
}

/// A card in a reader.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Card {
    pub(crate) reader: String,
    /// The GUID of the CHUID, 32 upper-case hexadecimal digits.
    pub(crate) guid: String,
    /// Whether the Mac trusts the authority of its certificates.
    pub(crate) trusted: bool,
    /// Slot (`9a`) to certificate in DER.
    pub(crate) certificates: BTreeMap<String, plist::Data>,
}

/// Where the settings of com.apple.security.smartcard come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum SettingsFrom {
    /// A configuration profile: /Library/Managed Preferences.
    Profile,
    /// `defaults write`: /Library/Preferences.
    Library,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Stream {
    Stdout,
    Stderr,
}

/// The login keychain of a user.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Keychain {
    pub(crate) state: KeychainState,
    /// The hashes in com.apple.security.tokenlogin: cards that open this keychain.
    pub(crate) unlocked_by: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum KeychainState {
    /// The person answers the dialog for its password.
    Answered,
    /// The person cancels that dialog.
    Cancelled,
}

/// Something that misbehaves, and how many calls it has concerned so far.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct QuirkState {
    pub(crate) quirk: String,
    pub(crate) seen: u64,
}

impl Mac {
    /// A Mac as it is after the first start, before anybody has an account.
    pub(crate) fn new() -> Self {
        let system = [("root", 0), ("daemon", 1), ("_spotlight", 89), ("nobody", -2)];
        let users = system.map(|(name, uid)| (name.to_owned(), Record::system_user(name, uid)));
        let groups = [("wheel", 0, "root"), ("admin", 80, "root"), ("staff", 20, "root")];
        let groups = groups.map(|(name, gid, member)| (name.to_owned(), Record::group(name, gid, member)));
        Self {
            language: Language::English,
            caller: "root".to_owned(),
            caller_session: None,
            console_user: None,
            sessions: Vec::new(),
            users: users.into(),
            groups: groups.into(),
            cards: Vec::new(),
            token_drivers: Vec::new(),
            settings: plist::Dictionary::new(),
            settings_from: SettingsFrom::Profile,
            pairing_dialog: true,
            keychains: BTreeMap::new(),
            filevault: BTreeMap::new(),
            messages_on: Stream::Stderr,
            quirks: Vec::new(),
        }
    }

    /// A user of the local node, by any of his record names.
    pub(crate) fn local_user(&self, name: &str) -> Option<&Record> {
        self.users.values().find(|record| record.is_local() && record.is_called(name))
    }

    /// As [`Mac::local_user`], to be changed.
    pub(crate) fn local_user_mut(&mut self, name: &str) -> Option<&mut Record> {
        self.users.values_mut().find(|record| record.is_local() && record.is_called(name))
    }

    /// A user of any node.
    pub(crate) fn any_user(&self, name: &str) -> Option<&Record> {
        self.users.values().find(|record| record.is_called(name))
    }

    /// Whether a setting of com.apple.security.smartcard is on.
    pub(crate) fn setting(&self, key: &str) -> i64 {
        match self.settings.get(key) {
            Some(plist::Value::Boolean(on)) => i64::from(*on),
            Some(value) => value.as_signed_integer().unwrap_or(0),
            None => 0,
        }
    }

    /// The keychain of a user, made when it is first asked for.
    pub(crate) fn keychain(&mut self, user: &str) -> &mut Keychain {
        let new = Keychain { state: KeychainState::Answered, unlocked_by: Vec::new() };
        self.keychains.entry(user.to_owned()).or_insert(new)
    }
}
