//! The file etc/group (group(5)): `name:password:gid:members`.

/// A group and those who belong to it beside the accounts whose primary group it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Group {
    pub(crate) name: String,
    pub(crate) members: Vec<String>,
}

/// The first group of the file that has this number.
pub(crate) fn find(file: &[u8], gid: u32) -> Option<Group> {
    file.split(|&byte| byte == b'\n').find_map(|line| {
        let mut fields = std::str::from_utf8(line).ok()?.split(':');
        let (name, _, number, members) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
        let members = members.split(',').filter(|member| !member.is_empty()).map(str::to_owned).collect();
        (number.parse() == Ok(gid)).then(|| Group { name: name.to_owned(), members })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_by_number() {
        let file = b"root:x:0:\n\xff:x:5:\nstaff:x:50:alice,bob\nbroken:x\nagain:x:50:\n";
        let group = |name: &str, members: &[&str]| Group {
            name: name.to_owned(),
            members: members.iter().map(|&one| one.to_owned()).collect(),
        };
        assert_eq!(find(file, 0), Some(group("root", &[])));
        assert_eq!(find(file, 50), Some(group("staff", &["alice", "bob"])));
        assert_eq!(find(file, 5), None);
    }
}
