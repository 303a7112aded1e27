//! Pairings that wait for their person: `pivkit bulk apply --at-login` and `pivkit bulk finish-at-login`.
//!
//! ```text
//! /Library/LaunchAgents/pivkit.at-login.plist                       runs `pivkit bulk finish-at-login` for each person who logs in
//! /Library/Application Support/pivkit/at-login/PLAN/UID.json        a plan file: the rows of one person that wait
//! ~/Library/Application Support/pivkit/at-login-SLICE.jsonl         the journal of the person
//! ```
//!
//! PLAN and SLICE are the first 16 hexadecimal digits of the SHA-256 digest of the plan file and of the slice. What lies below
//! `/Library` belongs to root and is readable by all: user names, pairing hashes, nothing secret. Nothing there is believed that
//! anybody but root could have written. The person's pivkit has the person's rights only.

use std::path::{Path, PathBuf};

use macos::{LaunchAgent, RecordName, check_only_root};
use serde::Serialize;

use crate::{Accounts, Error, MacTools};

mod finish;
mod slices;

pub use finish::{FinishReport, FinishRequest, finish_at_login};
pub(super) use slices::{Pending, forget, is_pending};

/// By which program, and with which tools, rows are finished at a login.
#[derive(Clone, Debug)]
pub struct AtLogin {
    /// This program.
    pub program: PathBuf,
    /// Where the Mac's tools are.
    pub tools: MacTools,
}

/// What was left for logins.
#[derive(Clone, Debug, Serialize, PartialEq, Eq)]
pub struct AtLoginReport {
    /// The LaunchAgent.
    pub agent: PathBuf,
    /// Whether it is there now; it goes when nobody's rows wait any more.
    pub installed: bool,
    /// How many people's rows of this plan wait for their login.
    pub people: usize,
}

/// Where things lie on a Mac.
struct Places {
    /// What stands for `/`.
    files: PathBuf,
    /// Whether who runs this is trusted as root is: in a directory tree.
    is_tree: bool,
}

impl Places {
    fn of(accounts: &Accounts) -> Result<Self, Error> {
        let Some(tree) = accounts.tree() else { return Ok(Self { files: PathBuf::from("/"), is_tree: false }) };
        let files = tree.canonicalize().map_err(|source| Error::File { path: tree.to_owned(), source })?;
        Ok(Self { files, is_tree: true })
    }

    /// A path of the Mac.
    fn path(&self, path: &Path) -> PathBuf {
        self.files.join(path.strip_prefix("/").unwrap_or(path))
    }

    /// The folder with a folder for each plan.
    fn folder(&self) -> PathBuf {
        self.path(Path::new(FOLDER))
    }

    fn of_plan(&self, sha256: &str) -> PathBuf {
        self.folder().join(short(sha256))
    }

    /// The folder of a person's journals.
    fn journals(&self, home: &Path) -> PathBuf {
        self.path(home).join(JOURNALS)
    }

    fn agent_path(&self) -> PathBuf {
        self.path(&LaunchAgent { label: LABEL, program_arguments: Vec::new() }.path())
    }

    fn check(&self, path: &Path) -> Result<(), Error> {
        Ok(check_only_root(path, self.is_tree)?)
    }
}

fn is_for(accounts: &Accounts) -> bool {
    accounts.backend().name() == "macos"
}

fn slice_name(uid: u32) -> String {
    format!("{uid}.json")
}

fn short(sha256: &str) -> &str {
    sha256.get(..16).unwrap_or(sha256)
}

/// A user of the Mac as an account has it.
fn account_name(user: &RecordName) -> Result<pairing::AccountName, Error> {
    Ok(user.as_str().parse()?)
}

const LABEL: &str = "pivkit.at-login";
const FOLDER: &str = "/Library/Application Support/pivkit/at-login";
/// Below the home directory.
const JOURNALS: &str = "Library/Application Support/pivkit";
