//! The folder with the tools: links to this program, where the state is, and the calls that were made.
//!
//! ```text
//! DIR/sc_auth …    links to pivkit-vmac
//! DIR/state-file   the path of the state
//! DIR/calls.jsonl  one line for each call
//! ```

use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use crate::Error;
use crate::tool::Tool;

/// Where a stand-in finds itself.
#[derive(Debug, Clone)]
pub(crate) struct Folder {
    path: PathBuf,
}

impl Folder {
    /// Makes the folder, with a link for each tool. What was there of an earlier one is replaced.
    pub(crate) fn install(path: &Path, state: &Path) -> Result<Self, Error> {
        let program = std::env::current_exe().map_err(Error::io(path))?;
        fs::create_dir_all(path).map_err(Error::io(path))?;
        for tool in Tool::ALL {
            let link = path.join(tool.name());
            let _ = fs::remove_file(&link);
            symlink(&program, &link).map_err(Error::io(&link))?;
        }
        let state = std::path::absolute(state).map_err(Error::io(state))?;
        let folder = Self { path: std::path::absolute(path).map_err(Error::io(path))? };
        fs::write(folder.pointer(), state.as_os_str().as_bytes()).map_err(Error::io(folder.pointer()))?;
        Ok(folder)
    }

    /// The folder of the link by which this program was called.
    pub(crate) fn of_call(called_as: &Path) -> Result<Self, Error> {
        let parent = called_as.parent().filter(|parent| !parent.as_os_str().is_empty());
        let found = parent.map(Path::to_path_buf).or_else(|| {
            let search = std::env::var_os("PATH")?;
            std::env::split_paths(&search).find(|folder| folder.join(called_as).exists())
        });
        let path = found.ok_or_else(|| Error::NotInstalled { path: called_as.to_owned() })?;
        Ok(Self { path: std::path::absolute(&path).map_err(Error::io(&path))? })
    }

    /// The file with the state.
    pub(crate) fn state(&self) -> Result<PathBuf, Error> {
        let bytes = fs::read(self.pointer()).map_err(|_| Error::NotInstalled { path: self.path.clone() })?;
        Ok(PathBuf::from(std::ffi::OsString::from_vec(bytes)))
    }

    /// The file with the calls.
    pub(crate) fn calls(&self) -> PathBuf {
        self.path.join("calls.jsonl")
    }

    /// The stand-in for a program, by its name or its path on a Mac.
    pub(crate) fn stand_in(&self, program: &str) -> Option<PathBuf> {
        let name = Path::new(program).file_name()?.to_str()?;
        Tool::named(name).map(|tool| self.path.join(tool.name()))
    }

    fn pointer(&self) -> PathBuf {
        self.path.join("state-file")
    }
}
