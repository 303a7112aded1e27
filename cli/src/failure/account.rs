//! What to do when an account cannot be read or changed.

use std::io::ErrorKind;

use pivkit::AccountError;

use super::{ACCOUNT, Advice, NO_IDENTITY, USAGE, mac};

pub(super) fn advise(error: &AccountError) -> Advice {
    match error {
        AccountError::InvalidAccountName { .. } => Advice::new(USAGE, "Give the login name, such as alice."),
        AccountError::AccountNotFound { .. } => Advice::new(
            ACCOUNT,
            "Check the spelling; `getent passwd` lists the accounts, on a Mac `dscl . -list /Users`.",
        ),
        AccountError::NoHome { .. } => {
            Advice::new(ACCOUNT, "Create the home directory (logging in once often does), then try again.")
        }
        AccountError::NotPermitted { .. } => Advice::new(ACCOUNT, "Run it as the user, or with sudo."),
        AccountError::Busy { .. } => Advice::new(ACCOUNT, "Wait until the other pivkit is done, then try again."),
        AccountError::Unsafe { .. } => Advice::new(
            ACCOUNT,
            "Nothing was changed; have the owner put a plain file or directory of their own there.",
        ),
        AccountError::Changed { .. } => Advice::new(ACCOUNT, "`pivkit list` shows how things stand now; try again."),
        AccountError::UnusableCertificate { .. } => Advice::new(
            NO_IDENTITY,
            "Have a certificate issued that keeps to the rules of DER, or pair another slot with --slot.",
        ),
        AccountError::NeedsCertificate { .. } => {
            Advice::new(NO_IDENTITY, "Give the certificate instead of the hash, with --cert FILE.")
        }
        AccountError::SeveralPairings { .. } => Advice::new(USAGE, "Say which one with --old HASH."),
        AccountError::NotLocal { .. } => Advice::new(
            ACCOUNT,
            "Only the Mac's own accounts can be paired; for those of a directory service there is attribute mapping.",
        ),
        AccountError::NoSession { name } => Advice::new(
            ACCOUNT,
            format!("Have {name} log in at the screen, then try again; attribute mapping needs nobody to be there."),
        ),
        AccountError::WouldLockOut { .. } => Advice::new(
            NO_IDENTITY,
            "Pair another account first, or exempt one (SmartCardEnforcement 2 in its record); --i-know does it all the same.",
        ),
        AccountError::FileWouldLockOut => Advice::new(
            NO_IDENTITY,
            "Nothing was written; exempt an account first (SmartCardEnforcement 2 in its record), or give one the value that the file maps to; --i-know does it all the same.",
        ),
        AccountError::FileVaultKeeps { name, .. } => Advice::new(
            ACCOUNT,
            format!(
                "Nothing was removed; try again as root, or remove the pairing alone with `sc_auth unpair -u {name}`."
            ),
        ),
        AccountError::NotReadBack { name, .. } => Advice::new(
            ACCOUNT,
            format!("The Mac's tools did not do what they said; `pivkit list --user {name}` shows how things stand."),
        ),
        AccountError::OldStays { name, .. } => Advice::new(
            ACCOUNT,
            format!(
                "`pivkit list --user {name}` shows whether; remove it with `pivkit unpair --user {name} --hash HASH`."
            ),
        ),
        AccountError::RestoredInPart { name, .. } => {
            Advice::new(ACCOUNT, format!("`pivkit list --user {name}` shows how things stand; undo it again."))
        }
        AccountError::NeedsRoot { .. } => Advice::new(ACCOUNT, "Nothing was changed; run it with sudo."),
        AccountError::NoSuchChange { .. } => {
            Advice::new(ACCOUNT, "Nothing was changed; look who wrote into the journal.")
        }
        AccountError::InDoubt { name, .. } => Advice::new(
            ACCOUNT,
            format!("`pivkit list --user {name}` shows how things stand; remove what is there, and pair again."),
        ),
        AccountError::NoMapping { .. } => Advice::new(
            ACCOUNT,
            "`pivkit mapping new --output /etc/SmartcardLogin.plist` makes one; `pivkit mapping lint` tells what is wrong with it.",
        ),
        AccountError::Unmapped(_) => Advice::new(
            NO_IDENTITY,
            "Map other fields, or have a certificate issued that fits; `pivkit mapping explain --cert FILE` shows what is in it.",
        ),
        AccountError::NotForMapping { .. } => Advice::new(
            ACCOUNT,
            "Have that attribute set by whoever keeps the accounts, or map to dsAttrTypeStandard:AltSecurityIdentities.",
        ),
        AccountError::ValueTaken { .. } => Advice::new(
            NO_IDENTITY,
            "A card must open one account only: remove the value there first (`pivkit unpair --mapping --cert FILE`).",
        ),
        AccountError::SeveralValues { name, .. } => Advice::new(
            USAGE,
            format!(
                "Remove the ones that are not meant with `pivkit unpair --mapping --user {name} --cert FILE`, then try again."
            ),
        ),
        AccountError::Mac(error) => mac::advise(error),
        AccountError::SeveralKeys { .. } => Advice::new(USAGE, "Unpair those that are not wanted any more, then pair."),
        AccountError::MappedToAnother { .. } => {
            Advice::new(ACCOUNT, "Unpair it there first; `pivkit list` shows what is mapped to whom.")
        }
        AccountError::Configuration { .. } => {
            Advice::new(ACCOUNT, "Nothing was changed; `pivkit doctor` shows what else has to be set up.")
        }
        AccountError::Missing { .. } => Advice::new(ACCOUNT, "Check the path."),
        AccountError::Io { source, .. } => Advice::new(ACCOUNT, io(source.kind())),
        _ => Advice::new(ACCOUNT, "`pivkit list` shows how things stand."),
    }
}

fn io(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::NotFound => "Check the path.",
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            "Make room there, then try again; `pivkit list` shows how things stand."
        }
        ErrorKind::ReadOnlyFilesystem => "Nothing can be written there; mount it for writing, then try again.",
        ErrorKind::DirectoryNotEmpty => "Look what lies there and move it away, then try again.",
        _ => "`pivkit list` shows how things stand.",
    }
}
