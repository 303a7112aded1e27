//! The system whose accounts are looked at: the live one, or a directory tree.

use std::path::{Path, PathBuf};

use nix::unistd::{Gid, User};

use crate::directory::Directory;
use crate::walk::{self, Links};
use crate::{Account, AccountName, Error, group, passwd};

/// Where accounts and their home directories come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct System {
    /// The tree that stands for `/`, or `None` for the live system.
    root: Option<PathBuf>,
}

impl System {
    /// The running system: accounts through its name services (`getpwnam_r`).
    pub fn live() -> Self {
        System { root: None }
    }

    /// A directory tree such as a mounted image: accounts out of `DIR/etc/passwd`, home
    /// directories below `DIR`. No symbolic link below `DIR` is followed, so nothing outside of
    /// the tree is ever touched.
    pub fn root(directory: impl Into<PathBuf>) -> Self {
        System { root: Some(directory.into()) }
    }

    /// Looks an account up.
    ///
    /// # Errors
    ///
    /// [`Error::AccountNotFound`] when there is none of this name; [`Error::Malformed`] when its
    /// home directory is not an absolute path; otherwise whatever reading the account database
    /// gave.
    pub fn account(&self, name: &AccountName) -> Result<Account, Error> {
        let not_found = || Error::AccountNotFound { name: name.to_string() };
        if self.root.is_some() {
            let mut accounts = self.accounts()?.into_iter();
            return accounts.find(|account| account.name == *name).ok_or_else(not_found);
        }
        let passwd = Path::new(PASSWD);
        let user = User::from_name(name.as_str()).map_err(|error| Error::io(passwd, error))?;
        let user = user.ok_or_else(not_found)?;
        if !user.dir.is_absolute() {
            let why = "gives the account a home directory that is not absolute";
            return Err(Error::Malformed { path: passwd.to_owned(), why });
        }
        Ok(Account { name: name.clone(), uid: user.uid.as_raw(), gid: user.gid.as_raw(), home: user.dir })
    }

    /// The accounts of etc/passwd. Accounts that only a directory service knows are not listed:
    /// there may be any number of them.
    ///
    /// # Errors
    ///
    /// [`Error::Missing`], [`Error::Io`], [`Error::NotPermitted`] or [`Error::Unsafe`] when
    /// etc/passwd cannot be read, [`Error::Malformed`] when it is larger than 16 MiB.
    pub fn accounts(&self) -> Result<Vec<Account>, Error> {
        let path = self.path_of(Path::new(PASSWD));
        Ok(passwd::parse(&self.table("passwd")?.ok_or(Error::Missing { path })?))
    }

    /// A file in etc; `None` when it is missing.
    fn table(&self, name: &str) -> Result<Option<Vec<u8>>, Error> {
        let missing = |path: &Path| Error::Missing { path: path.to_owned() };
        let root_path = self.root.as_deref().unwrap_or(Path::new("/"));
        let root = Directory::open(root_path)?.ok_or_else(|| missing(root_path))?;
        let path = self.path_of(&Path::new("/etc").join(name));
        let etc = root.enter("etc".as_ref())?.ok_or_else(|| missing(&path))?;
        let Some(file) = etc.open_file(name)? else { return Ok(None) };
        let bytes = file.read(MAX_TABLE)?;
        bytes.ok_or(Error::Malformed { path, why: "is larger than 16 MiB" }).map(Some)
    }

    /// Other accounts that have the same home directory: what is kept there counts for all.
    pub(crate) fn sharing_home(&self, account: &Account) -> Result<Vec<AccountName>, Error> {
        let others = self.accounts()?.into_iter();
        // Paths are compared by their components: a slash at the end makes no difference.
        let others = others.filter(|other| other.home == account.home && other.name != account.name);
        Ok(others.map(|other| other.name).collect())
    }

    /// Whether the group belongs to the account alone: it is its primary group, has its name, and
    /// nobody else is in it.
    pub(crate) fn is_private_group(&self, account: &Account, gid: u32) -> Result<bool, Error> {
        if gid != account.gid {
            return Ok(false);
        }
        let group = if self.root.is_some() {
            self.table("group")?.and_then(|file| group::find(&file, gid))
        } else {
            let found = nix::unistd::Group::from_gid(Gid::from_raw(gid));
            let found = found.map_err(|error| Error::io(Path::new("/etc/group"), error))?;
            found.map(|found| group::Group { name: found.name, members: found.mem })
        };
        let name = account.name.as_str();
        let own = |group: group::Group| group.name == name && group.members.iter().all(|member| member == name);
        let shared = || -> Result<bool, Error> {
            let others = self.accounts()?;
            Ok(others.iter().any(|other| other.gid == gid && other.uid != account.uid))
        };
        Ok(group.is_some_and(own) && !shared()?)
    }

    /// Opens the home directory of an account; `None` when it is missing.
    ///
    /// On the live system links on the way are followed only when nobody but root can have made
    /// them; in a tree no component may be a link or `..`.
    pub(crate) fn open_home(&self, account: &Account) -> Result<Option<Directory>, Error> {
        self.open(&account.home)
    }

    /// Opens any directory in the same way.
    pub(crate) fn open(&self, directory: &Path) -> Result<Option<Directory>, Error> {
        match &self.root {
            Some(root) => walk::open(root, directory, Links::Refused),
            None => walk::open(Path::new("/"), directory, Links::OfRoot),
        }
    }

    /// Where a path of the system is found from here.
    pub(crate) fn path_of(&self, path: &Path) -> PathBuf {
        match &self.root {
            Some(root) => root.join(path.strip_prefix("/").unwrap_or(path)),
            None => path.to_owned(),
        }
    }
}

const PASSWD: &str = "/etc/passwd";
const MAX_TABLE: u64 = 16 * 1024 * 1024;
