//! A plan file as it was read, known by its digest.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::{Begin, Error, HostName, PlanFile, SCHEMA_VERSION, Writer};

/// A plan, and the digest of the file that it stood in.
#[derive(Debug, Clone)]
pub struct LoadedPlan {
    /// The plan.
    pub plan: PlanFile,
    /// The SHA-256 digest of the file, 64 lower-case hexadecimal digits.
    pub sha256: String,
}

impl LoadedPlan {
    /// Reads a plan file of at most 1 GiB.
    ///
    /// # Errors
    ///
    /// [`Error::Plan`], [`Error::PlanMalformed`].
    pub fn read(path: &Path) -> Result<Self, Error> {
        let failed = |source| Error::Plan { path: path.to_owned(), source };
        let malformed = |why: String| Error::PlanMalformed { path: path.to_owned(), why };
        let mut bytes = Vec::new();
        File::open(path).and_then(|file| file.take(MAX_PLAN + 1).read_to_end(&mut bytes)).map_err(failed)?;
        if bytes.len() as u64 > MAX_PLAN {
            return Err(malformed("it is larger than 1 GiB".to_owned()));
        }
        let plan: PlanFile = serde_json::from_slice(&bytes).map_err(|error| malformed(error.to_string()))?;
        if plan.schema_version != SCHEMA_VERSION {
            return Err(malformed("it was written by another version of pivkit".to_owned()));
        }
        Ok(Self { plan, sha256: hex::encode(Sha256::digest(&bytes)) })
    }

    /// Checks that the plan was made for this backend and this tree, where `None` is the live system.
    ///
    /// # Errors
    ///
    /// [`Error::OtherSystem`].
    pub fn check_system(&self, backend: &str, tree: Option<&Path>) -> Result<(), Error> {
        let other = |planned, asked| Err(Error::OtherSystem { planned, asked });
        if self.plan.backend != backend {
            return other(format!("the backend {}", self.plan.backend), format!("the backend {backend}"));
        }
        if !same_tree(self.plan.root.as_deref(), tree) {
            let name = |tree: Option<&Path>| match tree {
                Some(tree) => format!("the tree {}", tree.display()),
                None => "this system".to_owned(),
            };
            return other(name(self.plan.root.as_deref()), name(tree));
        }
        Ok(())
    }

    /// Checks that the plan, if it names a host, is of this one, or of this machine.
    ///
    /// # Errors
    ///
    /// [`Error::OtherHost`]; [`Error::NoHostName`]; [`Error::HostName`] when what it names cannot be one.
    pub fn check_host(&self, host: Option<&HostName>) -> Result<(), Error> {
        let Some(planned) = &self.plan.host else { return Ok(()) };
        let planned: HostName = planned.parse()?;
        let asked = host.cloned().map_or_else(HostName::of_this_machine, Ok)?;
        if planned.is_same_host(&asked) { Ok(()) } else { Err(Error::OtherHost { planned, asked }) }
    }

    /// The first line of a journal for the plan.
    pub fn begin(&self) -> Begin {
        Begin {
            schema_version: SCHEMA_VERSION,
            writer: Writer::Apply,
            plan_sha256: self.sha256.clone(),
            backend: self.plan.backend.clone(),
            root: absolute(self.plan.root.as_deref()),
            rows: self.plan.rows.len(),
            time: crate::journal::now(),
        }
    }
}

/// Whether two trees are one, however they are written.
pub fn same_tree(one: Option<&Path>, other: Option<&Path>) -> bool {
    one == other || absolute(one) == absolute(other)
}

/// A tree by the name that it has everywhere, if it is there.
fn absolute(tree: Option<&Path>) -> Option<PathBuf> {
    tree.map(|tree| tree.canonicalize().unwrap_or_else(|_| tree.to_owned()))
}

const MAX_PLAN: u64 = 1 << 30;
