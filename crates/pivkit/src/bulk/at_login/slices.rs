//! What root leaves for logins: a plan file for each person, and the LaunchAgent.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, DirBuilder, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use bulk::{CardNames, History, LoadedPlan, PlanFile, PlannedRow, RowResult};
use macos::LaunchAgent;
use macos::smartcard_login::place;

use super::{AtLogin, AtLoginReport, LABEL, Places, is_for, slice_name};
use crate::{Accounts, Error};

/// What can be left for logins: program and tools are such that they may be run on behalf of people.
pub(in crate::bulk) struct Pending {
    places: Places,
    agent: LaunchAgent,
}

impl Pending {
    /// Checks, before anything is changed, that the program can be trusted by whoever logs in.
    pub(in crate::bulk) fn check(accounts: &Accounts, at_login: &AtLogin) -> Result<Self, Error> {
        if !is_for(accounts) {
            let backend = accounts.backend().name();
            let what = format!("--at-login goes with the backend macos, and this is {backend}");
            return Err(Error::Input { what });
        }
        let places = Places::of(accounts)?;
        let real = |path: &Path| path.canonicalize().map_err(|source| Error::File { path: path.to_owned(), source });
        let program = real(&at_login.program)?;
        let tools = at_login.tools.folder.as_deref().map(real).transpose()?;
        for path in [Some(&program), tools.as_ref()].into_iter().flatten() {
            places.check(path)?;
        }
        for folder in [Some(places.folder().as_path()), places.agent_path().parent()].into_iter().flatten() {
            // What is missing is made in there.
            let there = folder.ancestors().find(|path| path.symlink_metadata().is_ok());
            there.map_or(Ok(()), |there| places.check(there))?;
        }
        let mut arguments = vec![text(&program)?];
        arguments.extend(["bulk", "finish-at-login", "--yes"].map(str::to_owned));
        if accounts.tree().is_some() {
            arguments.extend(["--root".to_owned(), text(&places.files)?]);
        }
        if let Some(tools) = &tools {
            arguments.extend(["--tool-dir".to_owned(), text(tools)?]);
        }
        if let Some(limit) = at_login.tools.time_limit {
            arguments.extend(["--tool-time-limit".to_owned(), limit.as_secs().to_string()]);
        }
        Ok(Self { places, agent: LaunchAgent { label: LABEL, program_arguments: arguments } })
    }

    /// Leaves the rows that wait for their person, and nothing else of this plan.
    pub(in crate::bulk) fn leave(
        &self,
        accounts: &Accounts,
        loaded: &LoadedPlan,
        history: &History,
    ) -> Result<AtLoginReport, Error> {
        let waiting = waiting(accounts, &loaded.plan, history)?;
        let report = |installed| AtLoginReport { agent: self.places.agent_path(), installed, people: waiting.len() };
        if waiting.is_empty() {
            return Ok(report(!remove(&self.places, &loaded.sha256)?));
        }
        let folder = self.places.of_plan(&loaded.sha256);
        make_folder(&self.places, &folder)?;
        for (uid, rows) in &waiting {
            let slice = PlanFile {
                schema_version: loaded.plan.schema_version,
                backend: loaded.plan.backend.clone(),
                root: loaded.plan.root.as_ref().map(|_| self.places.files.clone()),
                host: None,
                rows: rows.clone(),
                waiting: Vec::new(),
                skipped: Vec::new(),
                problems: Vec::new(),
                unmatched: Vec::new(),
            };
            let path = folder.join(slice_name(*uid));
            let bytes = serde_json::to_vec_pretty(&slice).map_err(io::Error::other);
            place(&path, &bytes.map_err(|source| Error::NotWritten { path: path.clone(), source })?, true)?;
        }
        let wanted: BTreeSet<PathBuf> = waiting.keys().map(|uid| folder.join(slice_name(*uid))).collect();
        for path in entries(&folder)?.into_iter().filter(|path| !wanted.contains(path)) {
            fs::remove_file(&path).map_err(|source| Error::NotWritten { path, source })?;
        }
        // The agent last: it finds everything in its place.
        let agent = self.places.agent_path();
        if let Some(folder) = agent.parent() {
            make_folder(&self.places, folder)?;
        }
        place(&agent, &self.agent.to_xml()?, true)?;
        Ok(report(true))
    }
}

/// Whether rows of the plan were left for logins.
pub(in crate::bulk) fn is_pending(accounts: &Accounts, sha256: &str) -> bool {
    is_for(accounts) && Places::of(accounts).is_ok_and(|places| places.of_plan(sha256).is_dir())
}

/// Takes away what was left of the plan for logins.
pub(in crate::bulk) fn forget(accounts: &Accounts, sha256: &str) -> Result<(), Error> {
    if is_for(accounts) {
        remove(&Places::of(accounts)?, sha256)?;
    }
    Ok(())
}

/// The rows that wait for their person, by the user id; what no login needs is left out.
fn waiting(accounts: &Accounts, plan: &PlanFile, history: &History) -> Result<BTreeMap<u32, Vec<PlannedRow>>, Error> {
    let mut people: BTreeMap<u32, Vec<PlannedRow>> = BTreeMap::new();
    for (row, _) in history.outcomes.iter().filter(|(_, outcome)| outcome.result == RowResult::Waiting) {
        let Some(row) = plan.rows.get(*row) else { continue };
        let account = match accounts.account(&row.user.parse()?) {
            // It is gone since; the next run tells.
            Err(Error::Pairing(pairing::Error::AccountNotFound { .. })) => continue,
            account => account?,
        };
        let certificate = row.certificate.clone().filter(|_| row.pairing_hash.is_none());
        let (card, changes, notes) = (CardNames::default(), Vec::new(), Vec::new());
        people.entry(account.uid).or_default().push(PlannedRow { certificate, card, changes, notes, ..row.clone() });
    }
    Ok(people)
}

/// Removes what belongs to the plan, and the agent if nothing is left for it. Whether the agent is gone.
fn remove(places: &Places, sha256: &str) -> Result<bool, Error> {
    let there = |path: PathBuf, result: io::Result<()>| match result {
        Err(source) if ![ErrorKind::NotFound, ErrorKind::DirectoryNotEmpty].contains(&source.kind()) => {
            Err(Error::NotWritten { path, source })
        }
        result => Ok(result.is_err_and(|error| error.kind() == ErrorKind::DirectoryNotEmpty)),
    };
    let folder = places.of_plan(sha256);
    if folder.symlink_metadata().is_ok() {
        places.check(&folder)?;
    }
    for path in entries(&folder)? {
        let removed = fs::remove_file(&path);
        there(path, removed)?;
    }
    let removed = fs::remove_dir(&folder);
    there(folder, removed)?;
    let (all, agent) = (places.folder(), places.agent_path());
    let removed = fs::remove_dir(&all);
    if there(all, removed)? {
        return Ok(false);
    }
    let removed = fs::remove_file(&agent);
    there(agent, removed)?;
    Ok(true)
}

/// What lies in a folder, in order; nothing if it is not there.
pub(super) fn entries(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let failed = |source| Error::File { path: folder.to_owned(), source };
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(failed)?,
    };
    let paths: io::Result<Vec<PathBuf>> = entries.map(|entry| Ok(entry?.path())).collect();
    let mut paths = paths.map_err(failed)?;
    paths.sort();
    Ok(paths)
}

/// Makes a folder that everybody can read and only root can write to, with those above it.
fn make_folder(places: &Places, folder: &Path) -> Result<(), Error> {
    let failed = |path: &Path, source| Error::NotWritten { path: path.to_owned(), source };
    let mut missing: Vec<&Path> = folder.ancestors().take_while(|path| !path.is_dir()).collect();
    while let Some(path) = missing.pop() {
        let made = DirBuilder::new().mode(0o755).create(path);
        // Whatever the umask is.
        made.and_then(|()| fs::set_permissions(path, Permissions::from_mode(0o755)))
            .map_err(|error| failed(path, error))?;
    }
    places.check(folder)
}

fn text(path: &Path) -> Result<String, Error> {
    let unreadable = || Error::Input { what: format!("{} is no text, as a LaunchAgent needs it", path.display()) };
    path.to_str().map(str::to_owned).ok_or_else(unreadable)
}
