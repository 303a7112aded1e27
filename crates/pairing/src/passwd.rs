//! The file etc/passwd (passwd(5)): `name:password:uid:gid:comment:home:shell`.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::{Account, AccountName};

/// All accounts of the file that have a valid name, numbers and an absolute home directory.
/// Other lines (comments, `+` of NIS, damaged ones) are passed over, as the C library does; of
/// two lines with one name the first counts.
pub(crate) fn parse(bytes: &[u8]) -> Vec<Account> {
    let mut accounts: Vec<Account> = Vec::new();
    for account in bytes.split(|&byte| byte == b'\n').filter_map(line) {
        if accounts.iter().all(|known| known.name != account.name) {
            accounts.push(account);
        }
    }
    accounts
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
        let accounts = parse(file);
        let names: Vec<_> = accounts.iter().map(|account| account.name.as_str()).collect();
        assert_eq!(names, ["root", "alice"]);
        assert_eq!((accounts[1].uid, accounts[1].gid), (1000, 1001));
        assert_eq!(accounts[1].home, Path::new("/home/alice"));
    }
}
