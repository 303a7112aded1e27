//! What to do when a bulk run fails as a whole.

use pivkit::bulk::Error;

use super::{ACCOUNT, Advice, FAILED, USAGE, account};

pub(super) fn advise(error: &Error) -> Advice {
    match error {
        Error::ManifestFile { .. } => Advice::new(USAGE, "Check the path and its permissions."),
        Error::Manifest { .. } => Advice::new(
            USAGE,
            "A manifest is CSV in UTF-8 whose first line names its columns: user, and hash, certificate, upn, serial or guid.",
        ),
        Error::Folder { .. } => Advice::new(USAGE, "Check the path and its permissions."),
        Error::HostName { .. } => Advice::new(USAGE, "Give the name of the host, such as mac1 or mac1.example.test."),
        Error::NoHostName => Advice::new(USAGE, "Say with --host which rows are meant."),
        Error::SeveralHosts { .. } => Advice::new(USAGE, "Give the full name, with --host or in the manifest."),
        Error::NoHosts { .. } => Advice::new(USAGE, "Add a column host that says where each row is to be done."),
        Error::Accounts(error) => account::advise(error),
        Error::NotEmpty { .. } => Advice::new(USAGE, "Name a new folder."),
        Error::NotWritten { .. } => Advice::new(FAILED, "Check the path, its permissions, and the space on the disk."),
        _ => Advice::new(ACCOUNT, "`pivkit list` shows how things stand."),
    }
}
