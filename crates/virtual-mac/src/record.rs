//! A record of OpenDirectory: attributes with their full names, each a list of texts.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A user or a group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Record(pub(crate) BTreeMap<String, Vec<String>>);

impl Record {
    /// A person as `sysadminctl -addUser` makes one: a password, Kerberos, a SecureToken.
    pub(crate) fn person(name: &str, uid: u32) -> Self {
        let realm = format!("LKDC:SHA1.{}", hex::encode_upper(sha1_of(&format!("realm of {name}"))));
        let mut record = Self::user(name, i64::from(uid), 20, &format!("/Users/{name}"), "/bin/zsh");
        record.set(
            "AuthenticationAuthority",
            &[
                ";ShadowHash;HASHLIST:<SALTED-SHA512-PBKDF2,SRP-RFC5054-4096-SHA512-PBKDF2>",
                &format!(";Kerberosv5;;{name}@{realm};{realm}"),
                ";SecureToken;",
            ],
        );
        record
    }

    /// A user that comes with the system and cannot log in.
    pub(crate) fn system_user(name: &str, uid: i64) -> Self {
        Self::user(name, uid, uid, "/var/empty", "/usr/bin/false")
    }

    pub(crate) fn group(name: &str, gid: i64, member: &str) -> Self {
        let mut record = Self::default();
        record.set("RecordName", &[name]);
        record.set("RecordType", &["dsRecTypeStandard:Groups"]);
        record.set("AppleMetaNodeLocation", &[LOCAL]);
        record.set("PrimaryGroupID", &[&gid.to_string()]);
        record.set("GroupMembership", &[member]);
        record
    }

    fn user(name: &str, uid: i64, gid: i64, home: &str, shell: &str) -> Self {
        let digest = hex::encode_upper(sha1_of(name));
        let parts = [0..8, 8..12, 12..16, 16..20, 20..32].map(|part| digest.get(part).unwrap_or_default().to_owned());
        let mut record = Self::default();
        record.set("RecordName", &[name]);
        record.set("RecordType", &["dsRecTypeStandard:Users"]);
        record.set("AppleMetaNodeLocation", &[LOCAL]);
        record.set("UniqueID", &[&uid.to_string()]);
        record.set("PrimaryGroupID", &[&gid.to_string()]);
        record.set("GeneratedUID", &[&parts.join("-")]);
        record.set("NFSHomeDirectory", &[home]);
        record.set("RealName", &[name]);
        record.set("UserShell", &[shell]);
        record
    }

    /// The values of an attribute, by its short or its full name.
    pub(crate) fn values(&self, attribute: &str) -> &[String] {
        self.0.get(&full_name(attribute)).map_or(&[], Vec::as_slice)
    }

    /// Sets an attribute; without values it goes.
    pub(crate) fn set<S: ToString>(&mut self, attribute: &str, values: &[S]) {
        let values: Vec<String> = values.iter().map(S::to_string).collect();
        let attribute = full_name(attribute);
        if values.is_empty() {
            self.0.remove(&attribute);
        } else {
            self.0.insert(attribute, values);
        }
    }

    /// Adds a value, at the end.
    pub(crate) fn append(&mut self, attribute: &str, value: &str) {
        self.0.entry(full_name(attribute)).or_default().push(value.to_owned());
    }

    /// Removes the first value that is this one; false if there was none.
    pub(crate) fn remove(&mut self, attribute: &str, value: &str) -> bool {
        let mut values = self.values(attribute).to_vec();
        let Some(place) = values.iter().position(|one| one == value) else { return false };
        values.remove(place);
        self.set(attribute, &values);
        true
    }

    pub(crate) fn is_called(&self, name: &str) -> bool {
        self.values("RecordName").iter().any(|one| one == name)
    }

    /// The first record name.
    pub(crate) fn name(&self) -> &str {
        self.values("RecordName").first().map_or("", String::as_str)
    }

    pub(crate) fn uid(&self) -> i64 {
        self.values("UniqueID").first().and_then(|uid| uid.parse().ok()).unwrap_or(-2)
    }

    /// Whether the record lies on this Mac and not in a directory of the network.
    pub(crate) fn is_local(&self) -> bool {
        self.values("AppleMetaNodeLocation") == [LOCAL]
    }

    /// The hashes of the values of AuthenticationAuthority with this tag, in their order.
    pub(crate) fn hashes(&self, tag: &str) -> Vec<String> {
        let prefix = format!(";{tag};");
        let values = self.values("AuthenticationAuthority").iter();
        values.filter_map(|value| value.strip_prefix(&prefix)).map(str::to_owned).collect()
    }
}

/// The local node, as dscl writes it.
pub(crate) const LOCAL: &str = "/Local/Default";

/// An attribute with its prefix: what OpenDirectory does not know as a standard one is a native one.
pub(crate) fn full_name(attribute: &str) -> String {
    if attribute.starts_with("dsAttrType") {
        return attribute.to_owned();
    }
    let kind = if STANDARD.contains(&attribute) { "Standard" } else { "Native" };
    format!("dsAttrType{kind}:{attribute}")
}

const STANDARD: [&str; 14] = [
    "AltSecurityIdentities",
    "AppleMetaNodeLocation",
    "AuthenticationAuthority",
    "EMailAddress",
    "GeneratedUID",
    "GroupMembership",
    "GroupMembers",
    "NFSHomeDirectory",
    "PrimaryGroupID",
    "RealName",
    "RecordName",
    "RecordType",
    "UniqueID",
    "UserShell",
];

fn sha1_of(text: &str) -> [u8; 20] {
    use sha1::Digest as _;
    sha1::Sha1::digest(text.as_bytes()).into()
}
