//! The system whose accounts are looked at: the live one, or a directory tree.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use nix::unistd::{Gid, User};

use crate::directory::{Directory, OpenFile};
use crate::passwd::Passwd;
use crate::walk::{self, Links};
use crate::{Account, AccountName, AccountTable, Error, group};

/// etc/passwd as it was read, and which file that was.
type Read = (Stamp, Arc<Passwd>);

/// Where accounts and their home directories come from.
#[derive(Debug, Clone)]
pub struct System {
    /// The tree that stands for `/`, or `None` for the live system.
    root: Option<PathBuf>,
    /// etc/passwd as it was read last; clones share it.
    passwd: Arc<Mutex<Option<Read>>>,
}

/// Which file it is, how long, and when it was changed: as long as all of that is the same, so are its contents.
type Stamp = [u64; 7];

impl PartialEq for System {
    fn eq(&self, other: &Self) -> bool {
        self.root == other.root
    }
}

impl Eq for System {}

impl System {
    /// The running system: accounts through its name services (`getpwnam_r`).
    pub fn live() -> Self {
        System { root: None, passwd: Arc::default() }
    }

    /// A directory tree such as a mounted image: accounts out of `DIR/etc/passwd`, home
    /// directories below `DIR`. No symbolic link below `DIR` is followed, so nothing outside of
    /// the tree is ever touched.
    pub fn root(directory: impl Into<PathBuf>) -> Self {
        System { root: Some(directory.into()), passwd: Arc::default() }
    }

    /// The tree that stands for `/`; `None` for the live system.
    pub fn tree(&self) -> Option<&Path> {
        self.root.as_deref()
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
            return self.passwd()?.named(name).cloned().ok_or_else(not_found);
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
        Ok(self.passwd()?.accounts().to_vec())
    }

    /// The accounts as they are now, for looking up many.
    ///
    /// # Errors
    ///
    /// Those of [`accounts`](Self::accounts).
    pub fn account_table(&self) -> Result<AccountTable, Error> {
        Ok(AccountTable::new(self.clone(), self.passwd()?))
    }

    /// etc/passwd, which is read again only when it is not the same file any more.
    fn passwd(&self) -> Result<Arc<Passwd>, Error> {
        let path = self.path_of(Path::new(PASSWD));
        let file = self.open_table("passwd")?.ok_or(Error::Missing { path })?;
        let stamp = stamp(&file);
        let mut kept = self.passwd.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((of, passwd)) = kept.as_ref()
            && *of == stamp
        {
            return Ok(Arc::clone(passwd));
        }
        let passwd = Arc::new(Passwd::parse(&self.read_table(&file, "passwd")?));
        *kept = Some((stamp, Arc::clone(&passwd)));
        Ok(passwd)
    }

    /// A file in etc; `None` when it is missing.
    fn table(&self, name: &str) -> Result<Option<Vec<u8>>, Error> {
        self.open_table(name)?.map(|file| self.read_table(&file, name)).transpose()
    }

    fn read_table(&self, file: &OpenFile, name: &str) -> Result<Vec<u8>, Error> {
        let path = self.path_of(&Path::new("/etc").join(name));
        file.read(MAX_TABLE)?.ok_or(Error::Malformed { path, why: "is larger than 16 MiB" })
    }

    fn open_table(&self, name: &str) -> Result<Option<OpenFile>, Error> {
        let missing = |path: &Path| Error::Missing { path: path.to_owned() };
        let root_path = self.root.as_deref().unwrap_or(Path::new("/"));
        let root = Directory::open(root_path)?.ok_or_else(|| missing(root_path))?;
        let path = self.path_of(&Path::new("/etc").join(name));
        let etc = root.enter("etc".as_ref())?.ok_or_else(|| missing(&path))?;
        etc.open_file(name)
    }

    /// Other accounts that have the same home directory: what is kept there counts for all.
    pub(crate) fn sharing_home(&self, account: &Account) -> Result<Vec<AccountName>, Error> {
        let passwd = self.passwd()?;
        let others = passwd.with_home(&account.home).filter(|other| other.name != account.name);
        Ok(others.map(|other| other.name.clone()).collect())
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
            let passwd = self.passwd()?;
            Ok(passwd.accounts().iter().any(|other| other.gid == gid && other.uid != account.uid))
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

fn stamp(file: &OpenFile) -> Stamp {
    let metadata = file.metadata();
    let [modified, modified_nanos] = [metadata.mtime(), metadata.mtime_nsec()].map(i64::cast_unsigned);
    let [changed, changed_nanos] = [metadata.ctime(), metadata.ctime_nsec()].map(i64::cast_unsigned);
    [metadata.dev(), metadata.ino(), metadata.size(), modified, modified_nanos, changed, changed_nanos]
}

const PASSWD: &str = "/etc/passwd";
const MAX_TABLE: u64 = 16 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_that_was_replaced_is_read_again() {
        let root = tempfile::tempdir().unwrap();
        let passwd = root.path().join("etc/passwd");
        std::fs::create_dir(root.path().join("etc")).unwrap();
        std::fs::write(&passwd, "alice:x:1:1::/home/alice:\n").unwrap();
        let system = System::root(root.path());
        let [alice, bob] = ["alice", "bobby"].map(|name| name.parse::<AccountName>().unwrap());
        assert_eq!(system.account(&alice).unwrap().uid, 1);
        let before = system.account_table().unwrap();
        // As useradd does it: a new file in the place of the old one, here of the same length.
        std::fs::write(root.path().join("etc/new"), "bobby:x:2:2::/home/bobby:\n").unwrap();
        std::fs::rename(root.path().join("etc/new"), &passwd).unwrap();
        assert_eq!(system.account(&bob).unwrap().uid, 2);
        assert!(matches!(system.clone().account(&alice), Err(Error::AccountNotFound { .. })));
        // A table stays what it was.
        assert_eq!(before.account(&alice).unwrap().uid, 1);
        assert!(matches!(before.account(&bob), Err(Error::AccountNotFound { .. })));
    }

    #[test]
    fn a_table_of_the_live_system_has_who_is_in_the_file_and_who_is_not() {
        let table = System::live().account_table().unwrap();
        assert_eq!(table.account(&"root".parse().unwrap()).unwrap().uid, 0);
        let nobody = "no-such-account-here".parse().unwrap();
        assert!(matches!(table.account(&nobody), Err(Error::AccountNotFound { .. })));
    }
}
