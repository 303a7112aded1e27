//! The file etc/passwd (passwd(5)): `name:password:uid:gid:comment:home:shell`.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::{Account, AccountName};

/// The accounts of the file, found by name and by home directory without a look at the others.
#[derive(Debug)]
pub(crate) struct Passwd {
    accounts: Vec<Account>,
    by_name: HashMap<AccountName, usize>,
    by_home: HashMap<PathBuf, Vec<usize>>,
}

impl Passwd {
    /// All accounts of the file that have a valid name, numbers and an absolute home directory.
    /// Other lines (comments, `+` of NIS, damaged ones) are passed over, as the C library does; of
    /// two lines with one name the first counts.
    pub(crate) fn parse(bytes: &[u8]) -> Self {
        Self::of(bytes.split(|&byte| byte == b'\n').filter_map(line))
    }

    /// Accounts from elsewhere; of two with one name the first counts.
    pub(crate) fn of(accounts: impl Iterator<Item = Account>) -> Self {
        let mut passwd = Passwd { accounts: Vec::new(), by_name: HashMap::new(), by_home: HashMap::new() };
        for account in accounts {
            let index = passwd.accounts.len();
            if *passwd.by_name.entry(account.name.clone()).or_insert(index) == index {
                // Paths are compared by their components: a slash at the end makes no difference.
                passwd.by_home.entry(account.home.clone()).or_insert_with(|| Vec::with_capacity(1)).push(index);
                passwd.accounts.push(account);
            }
        }
        passwd
    }

    /// In the order of the file.
    pub(crate) fn accounts(&self) -> &[Account] {
        &self.accounts
    }

    pub(crate) fn named(&self, name: &AccountName) -> Option<&Account> {
        self.accounts.get(*self.by_name.get(name)?)
    }

    /// In the order of the file.
    pub(crate) fn with_home(&self, home: &Path) -> impl Iterator<Item = &Account> {
        let indices = self.by_home.get(home).into_iter().flatten();
        indices.filter_map(|index| self.accounts.get(*index))
    }
}

fn line(line: &[u8]) -> Option<Account> {
    let fields: Vec<&[u8]> = line.split(|&byte| byte == b':').collect();
    let [name, _, uid, gid, _, home, _] = fields.as_slice() else { return None };
    let text = |field: &[u8]| std::str::from_utf8(field).ok().map(str::to_owned);
    let name: AccountName = text(name)?.parse().ok()?;
    if name.as_str().starts_with(['+', '#']) || !home.starts_with(b"/") {
        return None;
    }
    Some(Account {
        name,
        uid: text(uid)?.parse().ok()?,
        gid: text(gid)?.parse().ok()?,
        home: Path::new(OsStr::from_bytes(home)).to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_is_well_formed() {
        let file = b"root:x:0:0:root:/root:/bin/bash\n# comment\n+::::::\nbroken:x:1\nalice:x:1000:1001:Alice,,,:/home/alice:/bin/sh\n\
            a/b:x:1:1::/home/x:/bin/sh\nnohome:x:1:1:::/bin/sh\nbig:x:99999999999:1::/h:\nneg:x:-1:1::/h:\n\xff:x:1:1::/h:\nalice:x:0:0::/root:\n";
        let passwd = Passwd::parse(file);
        let names: Vec<_> = passwd.accounts().iter().map(|account| account.name.as_str()).collect();
        assert_eq!(names, ["root", "alice"]);
        let alice = passwd.named(&"alice".parse().unwrap()).unwrap();
        assert_eq!((alice.uid, alice.gid), (1000, 1001));
        assert_eq!(alice.home, Path::new("/home/alice"));
        assert_eq!(passwd.named(&"nohome".parse().unwrap()), None);
    }

    #[test]
    fn finds_who_shares_a_home_directory() {
        let passwd = Passwd::parse(b"a:x:1:1::/home/x:\nb:x:2:2::/home/x/:\nc:x:3:3::/home/y:\na:x:4:4::/home/y:\n");
        let names = |home: &str| -> Vec<&str> {
            passwd.with_home(Path::new(home)).map(|account| account.name.as_str()).collect()
        };
        assert_eq!((names("/home/x"), names("/home/y/"), names("/")), (vec!["a", "b"], vec!["c"], vec![]));
    }
}
