//! What to do when a bulk run cannot begin or go on.

use std::io::ErrorKind;

use pivkit::bulk::Error;

use super::{ACCOUNT, Advice, FAILED, NO_IDENTITY, USAGE, account};

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
        Error::Plan { .. } => Advice::new(USAGE, "Check the path and its permissions."),
        Error::PlanMalformed { .. } => Advice::new(USAGE, "`pivkit bulk plan MANIFEST --json` writes one."),
        Error::PlanHasProblems { .. } => Advice::new(
            NO_IDENTITY,
            "Nothing was changed. `pivkit bulk plan` shows them; --skip-problems carries out the other rows.",
        ),
        Error::OtherSystem { .. } => Advice::new(
            USAGE,
            "Nothing was changed. Give --root and --backend as they were given when it was made, or make it anew.",
        ),
        Error::OtherHost { planned, .. } => Advice::new(
            USAGE,
            format!("Nothing was changed. Make the plan of this host; --host {planned} carries it out all the same."),
        ),
        Error::JournalExists { .. } => {
            Advice::new(USAGE, "Nothing was changed. Go on with it by --resume, or choose another file.")
        }
        Error::JournalBusy { .. } => Advice::new(ACCOUNT, "Wait until the other pivkit is done, then try again."),
        Error::OtherPlan { .. } => {
            Advice::new(USAGE, "Nothing was changed. Give the plan that it was begun with, or choose another journal.")
        }
        Error::JournalUndone { .. } => {
            Advice::new(USAGE, "Nothing was changed. Choose another journal, without --resume.")
        }
        Error::JournalUnsafe { .. } => Advice::new(
            NO_IDENTITY,
            "Nothing was changed. If it is the one that pivkit wrote, make it a file of your own with mode 600.",
        ),
        Error::JournalMalformed { .. } => {
            Advice::new(USAGE, "Nothing more was changed. Give the file that `pivkit bulk apply` wrote, as it was.")
        }
        Error::Journal { source, .. } if source.kind() == ErrorKind::NotFound => {
            Advice::new(USAGE, "Nothing was changed. Check the path: there is no such file or folder.")
        }
        Error::Journal { source, .. } => Advice::new(FAILED, io(source.kind())),
        _ => Advice::new(FAILED, ""),
    }
}

fn io(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            "Nothing was changed that it does not tell of. Make room there, then go on with --resume."
        }
        _ => "Nothing was changed that it does not tell of. Check the path and its permissions; --resume goes on.",
    }
}
