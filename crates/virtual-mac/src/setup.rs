//! The program under its own name: makes the folder of tools, and sets the state.

use std::io::Write as _;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use plist::{Data, Value};

use crate::Error;
use crate::certificate::Certificate;
use crate::folder::Folder;
use crate::language::Language;
use crate::mac::{Card, KeychainState, Mac, QuirkState, SettingsFrom, Stream};
use crate::quirk::Quirk;
use crate::record::Record;
use crate::store::Store;

/// Stand-ins for a Mac's own tools (sc_auth, dscl and others), with their state in a plist. For tests.
#[derive(Parser)]
#[command(name = "pivkit-vmac", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Makes a folder with the tools, and the state if there is none yet.
    Install {
        /// The folder.
        #[arg(long)]
        tools: PathBuf,
        /// The file with the state.
        #[arg(long)]
        state: PathBuf,
    },
    /// Looks at the state, or changes it.
    State {
        /// The file with the state.
        state: PathBuf,
        #[command(subcommand)]
        change: Change,
    },
}

#[derive(Subcommand)]
enum Change {
    /// Prints the plist.
    Print,
    /// Adds a person with an account, in place of one of the same name.
    User(User),
    /// Puts a card into a reader.
    Insert(Insert),
    /// Takes a card out.
    Remove {
        /// Its GUID; without it, all.
        guid: Option<String>,
    },
    /// Who runs the tools from now on.
    Caller {
        /// The record name.
        user: String,
        /// In whose GUI session, where it is not the user's own: root in somebody's Terminal.
        #[arg(long)]
        session_of: Option<String>,
    },
    /// A person logs in at the screen, and sits there.
    Login { user: String },
    /// A person logs out.
    Logout { user: String },
    /// Sets a value of com.apple.security.smartcard: true, false, a number or a text.
    Set {
        key: String,
        value: String,
        #[arg(long, value_enum, default_value = "profile")]
        from: SettingsFrom,
    },
    /// In which language the tools speak.
    Language { language: Language },
    /// Installs a third-party token driver, by bundle id.
    Driver { id: String },
    /// What becomes of the dialog for the password of a login keychain.
    Keychain { user: String, state: KeychainState },
    /// On which stream sc_auth complains.
    Messages { on: Stream },
    /// Lets calls go wrong: TOOL.VERB#N=WHAT. Those that were set go.
    Quirk { quirks: Vec<String> },
}

#[derive(Args)]
struct User {
    name: String,
    #[arg(long, default_value_t = 501)]
    uid: u32,
    /// Is an administrator.
    #[arg(long)]
    admin: bool,
    /// Is an account of a directory of the network: its node, such as "/Active Directory/EXAMPLE/example.test".
    #[arg(long)]
    node: Option<String>,
    /// Further values of attributes, NAME=VALUE: AuthenticationAuthority=;tokenidentity;HASH.
    #[arg(long = "value")]
    values: Vec<String>,
    /// Hashes that open FileVault.
    #[arg(long)]
    filevault: Vec<String>,
    /// Has a GUI session, and sits at the screen.
    #[arg(long)]
    logged_in: bool,
}

#[derive(Args)]
struct Insert {
    /// The GUID of its CHUID, 32 hexadecimal digits.
    #[arg(long)]
    guid: String,
    #[arg(long, default_value = "Yubico YubiKey OTP+FIDO+CCID")]
    reader: String,
    /// SLOT=FILE, PEM or DER.
    #[arg(long = "certificate")]
    certificates: Vec<String>,
    /// The Mac does not trust its certificates.
    #[arg(long)]
    untrusted: bool,
}

/// Does what the command line says.
pub(crate) fn run() -> Result<(), Error> {
    match Arguments::parse().command {
        Command::Install { tools, state } => {
            Store::create(&state)?;
            Folder::install(&tools, &state).map(drop)
        }
        Command::State { state, change } => {
            let mut store = Store::open(&state)?;
            change.apply(&mut store.mac)?;
            store.save()
        }
    }
}

impl Change {
    fn apply(self, mac: &mut Mac) -> Result<(), Error> {
        match self {
            Self::Print => print(mac),
            Self::User(user) => return user.add(mac),
            Self::Insert(card) => return card.insert(mac),
            Self::Remove { guid } => mac.cards.retain(|card| guid.as_ref().is_some_and(|guid| card.guid != *guid)),
            Self::Caller { user, session_of } => {
                mac.caller_session = session_of.map(|user| uid(mac, &user)).transpose()?;
                mac.caller = user;
            }
            Self::Login { user } => login(mac, &user)?,
            Self::Logout { user } => {
                let uid = uid(mac, &user)?;
                mac.sessions.retain(|session| *session != uid);
                mac.console_user.take_if(|at_screen| *at_screen == user);
            }
            Self::Set { key, value, from } => {
                mac.settings.insert(key, setting(&value));
                mac.settings_from = from;
            }
            Self::Language { language } => mac.language = language,
            Self::Driver { id } => mac.token_drivers.push(id),
            Self::Keychain { user, state } => mac.keychain(&user).state = state,
            Self::Messages { on } => mac.messages_on = on,
            Self::Quirk { quirks } => {
                for quirk in &quirks {
                    quirk.parse::<Quirk>()?;
                }
                mac.quirks = quirks.into_iter().map(|quirk| QuirkState { quirk, seen: 0 }).collect();
            }
        }
        Ok(())
    }
}

impl User {
    fn add(self, mac: &mut Mac) -> Result<(), Error> {
        let mut record = Record::person(&self.name, self.uid);
        if let Some(node) = &self.node {
            record.set("AppleMetaNodeLocation", &[node]);
        }
        for value in &self.values {
            let (attribute, value) = pair(value)?;
            record.append(attribute, value);
        }
        if let Some(admins) = mac.groups.get_mut("admin").filter(|_| self.admin) {
            admins.append("GroupMembership", &self.name);
        }
        mac.users.insert(self.name.clone(), record);
        if !self.filevault.is_empty() {
            mac.filevault.insert(self.name.clone(), self.filevault);
        }
        if self.logged_in { login(mac, &self.name) } else { Ok(()) }
    }
}

impl Insert {
    fn insert(self, mac: &mut Mac) -> Result<(), Error> {
        let guid = self.guid.to_uppercase();
        if guid.len() != 32 || !guid.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(Error::Usage(format!("{guid} is no GUID of 32 hexadecimal digits")));
        }
        let mut card = Card { reader: self.reader, guid, trusted: !self.untrusted, certificates: [].into() };
        for certificate in &self.certificates {
            let (slot, file) = pair(certificate)?;
            let certificate = Certificate::read(file.as_ref())?;
            card.certificates.insert(slot.to_lowercase(), Data::new(certificate.der));
        }
        mac.cards.retain(|other| other.guid != card.guid);
        mac.cards.push(card);
        Ok(())
    }
}

fn login(mac: &mut Mac, user: &str) -> Result<(), Error> {
    let uid = uid(mac, user)?;
    if !mac.sessions.contains(&uid) {
        mac.sessions.push(uid);
    }
    mac.console_user = Some(user.to_owned());
    Ok(())
}

fn uid(mac: &Mac, user: &str) -> Result<u32, Error> {
    let uid = mac.any_user(user).and_then(|record| u32::try_from(record.uid()).ok());
    uid.ok_or_else(|| Error::Usage(format!("there is no user {user}")))
}

fn pair(text: &str) -> Result<(&str, &str), Error> {
    text.split_once('=').ok_or_else(|| Error::Usage(format!("{text} is not NAME=VALUE")))
}

fn setting(text: &str) -> Value {
    match text {
        "true" => Value::Boolean(true),
        "false" => Value::Boolean(false),
        _ => {
            text.parse::<i64>().map_or_else(|_| Value::String(text.to_owned()), |number| Value::Integer(number.into()))
        }
    }
}

fn print(mac: &Mac) {
    let mut bytes = Vec::new();
    if plist::to_writer_xml(&mut bytes, mac).is_ok() {
        let _ = std::io::stdout().write_all(&bytes);
    }
}
