//! `pivkit bulk finish-at-login`: what a LaunchAgent runs as each person who logs in.

use std::fs::DirBuilder;
use std::num::NonZeroUsize;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use bulk::{LoadedPlan, Watcher};
use serde::Serialize;

use super::slices::entries;
use super::{Places, account_name, is_for, short, slice_name};
use crate::bulk::{ApplyRequest, Tally, apply};
use crate::report::SCHEMA_VERSION;
use crate::{Accounts, Error, MacTools, Ui};

/// What `pivkit bulk finish-at-login` was asked.
#[derive(Clone, Debug)]
pub struct FinishRequest {
    /// Where the Mac's tools are.
    pub tools: MacTools,
    /// Only say what would change.
    pub dry_run: bool,
}

/// `pivkit bulk finish-at-login`.
#[derive(Clone, Debug, Serialize, PartialEq, Eq)]
pub struct FinishReport {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// Who runs this.
    pub user: String,
    /// True if nothing was carried out because that was asked.
    pub dry_run: bool,
    /// True if the run was interrupted before all rows had their turn.
    pub interrupted: bool,
    /// The journals of what was left for this person.
    pub journals: Vec<PathBuf>,
    /// What became of the rows.
    pub this_run: Tally,
    /// What went wrong, a phrase for each row.
    pub errors: Vec<String>,
}

/// Carries out what was left for the person who runs this, as `bulk apply --resume` does, with a journal in the home directory.
/// Nothing is done for root, for whom nothing waits.
///
/// # Errors
///
/// [`Error::Input`] for another backend than `macos`; [`Error::Mac`] when others than root could have written what was left, or it
/// cannot be read; those of [`apply`].
pub fn finish_at_login(
    accounts: &Accounts,
    request: &FinishRequest,
    ui: &mut dyn Ui,
    watcher: &dyn Watcher,
) -> Result<FinishReport, Error> {
    if !is_for(accounts) {
        let what = "finish-at-login is for Macs, with the backend macos".to_owned();
        return Err(Error::Input { what });
    }
    let runner = request.tools.runner()?;
    let (uid, user) = (macos::session::effective_uid(&runner)?, macos::session::effective_user(&runner)?);
    let places = Places::of(accounts)?;
    let mut report = FinishReport {
        schema_version: SCHEMA_VERSION,
        user: user.to_string(),
        dry_run: request.dry_run,
        interrupted: false,
        journals: Vec::new(),
        this_run: Tally::default(),
        errors: Vec::new(),
    };
    let slices: Vec<PathBuf> = entries(&places.folder())?.iter().map(|plan| plan.join(slice_name(uid))).collect();
    let slices: Vec<PathBuf> = slices.into_iter().filter(|path| path.symlink_metadata().is_ok()).collect();
    if slices.is_empty() || uid == 0 {
        return Ok(report);
    }
    let home = accounts.account(&account_name(&user)?)?.home;
    for path in slices {
        let slice = read(&places, &path, user.as_str())?;
        let journal = journal(&places, &home, &slice, request.dry_run)?;
        let request = ApplyRequest {
            journal: journal.clone(),
            resume: true,
            jobs: NonZeroUsize::MIN,
            skip_problems: false,
            dry_run: request.dry_run,
            at_login: None,
        };
        let run = apply(accounts, &slice, &request, ui, watcher)?;
        report.journals.push(journal);
        report.this_run = report.this_run.and(run.this_run);
        report.interrupted |= run.interrupted;
        report.errors.extend(run.open.into_iter().filter_map(|row| row.error));
        report.errors.extend(run.rehearsed.into_iter().filter_map(|row| row.error));
        if report.interrupted {
            break;
        }
    }
    Ok(report)
}

/// What root left for `user`; refused if anybody else could have written it.
fn read(places: &Places, path: &Path, user: &str) -> Result<LoadedPlan, Error> {
    places.check(path)?;
    let slice = LoadedPlan::read(path)?;
    if let Some(row) = slice.plan.rows.iter().find(|row| row.user != user) {
        let what = format!("{} is for account {}, and this is {user}", path.display(), row.user);
        return Err(Error::Input { what });
    }
    Ok(slice)
}

/// The person's journal of a slice; its folder is made, with mode 700, if need be.
fn journal(places: &Places, home: &Path, slice: &LoadedPlan, dry_run: bool) -> Result<PathBuf, Error> {
    let folder = places.journals(home);
    if !dry_run {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&folder);
        made.map_err(|source| Error::NotWritten { path: folder.clone(), source })?;
    }
    Ok(folder.join(format!("at-login-{}.jsonl", short(&slice.sha256))))
}
