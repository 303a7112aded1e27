//! The system whose accounts are looked at: the live one, or a directory tree.

use std::path::{Component, Path, PathBuf};

use nix::unistd::User;

use crate::directory::Directory;
use crate::{Account, AccountName, Error, passwd};

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
    /// [`Error::Io`], [`Error::NotPermitted`] or [`Error::Unsafe`] when etc/passwd cannot be read,
    /// [`Error::Malformed`] when it is larger than 16 MiB.
    pub fn accounts(&self) -> Result<Vec<Account>, Error> {
        let missing = |path: &Path| Error::io(path, std::io::Error::from(std::io::ErrorKind::NotFound));
        let root_path = self.root.as_deref().unwrap_or(Path::new("/"));
        let root = Directory::open(root_path)?.ok_or_else(|| missing(root_path))?;
        let path = self.path_of(Path::new(PASSWD));
        let etc = root.enter("etc".as_ref())?.ok_or_else(|| missing(&path))?;
        let file = etc.open_file("passwd")?.ok_or_else(|| missing(&path))?;
        let bytes = file.read(MAX_PASSWD)?;
        let bytes = bytes.ok_or(Error::Malformed { path, why: "is larger than 16 MiB" })?;
        Ok(passwd::parse(&bytes))
    }

    /// Opens the home directory of an account; `None` when it is missing.
    ///
    /// On the live system the way to the home directory belongs to the administrator and may lead
    /// over links; the directory itself must belong to the account or to root. In a tree no
    /// component may be a link or `..`.
    pub(crate) fn open_home(&self, account: &Account) -> Result<Option<Directory>, Error> {
        let path = self.path_of(&account.home);
        let Some(root) = &self.root else {
            return Directory::open(&path);
        };
        let Some(mut directory) = Directory::open(root)? else { return Ok(None) };
        for component in account.home.components() {
            match component {
                Component::RootDir | Component::CurDir => (),
                Component::Normal(name) => match directory.enter(name)? {
                    Some(next) => directory = next,
                    None => return Ok(None),
                },
                Component::ParentDir | Component::Prefix(_) => {
                    return Err(Error::unsafe_path(&path, "leads out of the directory tree"));
                }
            }
        }
        Ok(Some(directory))
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
const MAX_PASSWD: u64 = 16 * 1024 * 1024;
