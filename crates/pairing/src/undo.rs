//! How to put things back: written down before a change is made, so that not even a crash loses it.

use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};

/// How to undo one change of one account. Its serialised form is kept in journals, and is the same in all later versions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Undo {
    /// Nothing was changed.
    Nothing,
    /// A file that belongs to the account alone.
    File(FileUndo),
    /// Lines of a file that many accounts share.
    Lines(LinesUndo),
    /// The keys in the record of a Mac's account.
    AuthenticationAuthority(AuthorityUndo),
    /// Single values of `AltSecurityIdentities` in the record of a Mac's account.
    Values(ValuesUndo),
}

/// What was added and removed. Other values of the attribute are not kept and not touched.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ValuesUndo {
    /// The values that were added.
    pub(crate) added: Vec<String>,
    /// The values that were removed.
    pub(crate) removed: Vec<String>,
}

/// Lines of a file, before and after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinesUndo {
    /// The file, as the system itself calls it.
    pub(crate) path: PathBuf,
    /// What was added: lines that stand together, each with its line end.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) added: Vec<String>,
    /// What was removed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) removed: Vec<RemovedLines>,
    /// The SHA-256 digest of the whole file before; `None` when there was none.
    pub(crate) before: Option<FileDigest>,
}

/// Lines that stood together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RemovedLines {
    /// The number of the first, from 0.
    pub(crate) at: u64,
    /// The lines with their line ends; the last of a file may have none.
    pub(crate) lines: Vec<String>,
}

/// The values of `AuthenticationAuthority` that bind keys, before and after. Other values are not kept and not touched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthorityUndo {
    /// The values before, such as `;tokenidentity;HASH`.
    pub(crate) before: Vec<String>,
    /// The values after.
    pub(crate) after: Vec<String>,
}

/// A file of an account, before and after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileUndo {
    /// The file before; `None` when there was none.
    pub(crate) before: Option<Contents>,
    /// The SHA-256 digest of the file after; `None` when there is none.
    pub(crate) after: Option<FileDigest>,
    /// Whether its directory was made for it.
    pub(crate) created_directory: bool,
}

/// A file with its bytes and its attributes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Contents {
    #[serde(serialize_with = "to_base64", deserialize_with = "from_base64")]
    pub(crate) bytes: Vec<u8>,
    #[serde(flatten)]
    pub(crate) attributes: Attributes,
}

/// Owner and permission bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Attributes {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    /// The nine permission bits.
    pub(crate) mode: u32,
}

/// The SHA-256 digest of a file, by which it is recognised. Serialised as 64 lower-case hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct FileDigest([u8; 32]);

impl FileDigest {
    pub(crate) fn of(bytes: &[u8]) -> Self {
        FileDigest(Sha256::digest(bytes).into())
    }
}

impl Serialize for FileDigest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex::encode(self.0))
    }
}

impl<'de> Deserialize<'de> for FileDigest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut digest = [0; 32];
        let text = String::deserialize(deserializer)?;
        hex::decode_to_slice(text, &mut digest).map_err(serde::de::Error::custom)?;
        Ok(FileDigest(digest))
    }
}

fn to_base64<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&STANDARD.encode(bytes))
}

fn from_base64<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    STANDARD.decode(String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_journals_hold() {
        let attributes = Attributes { uid: 4001, gid: 4002, mode: 0o600 };
        let before = Some(Contents { bytes: b"\0x\n".to_vec(), attributes });
        let undo = Undo::File(FileUndo { before, after: Some(FileDigest::of(b"")), created_directory: true });
        let text = r#"{"kind":"file","before":{"bytes":"AHgK","uid":4001,"gid":4002,"mode":384},"after":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","created_directory":true}"#;
        assert_eq!(serde_json::to_string(&undo).unwrap(), text);
        assert_eq!(serde_json::from_str::<Undo>(text).unwrap(), undo);
        let values = Undo::Values(ValuesUndo { added: vec!["Kerberos:a".to_owned()], removed: vec![] });
        let text = r#"{"kind":"values","added":["Kerberos:a"],"removed":[]}"#;
        assert_eq!(serde_json::to_string(&values).unwrap(), text);
        assert_eq!(serde_json::from_str::<Undo>(text).unwrap(), values);
        assert_eq!(serde_json::to_string(&Undo::Nothing).unwrap(), r#"{"kind":"nothing"}"#);
        let removed = vec![RemovedLines { at: 7, lines: vec!["# x\n".to_owned(), "B".to_owned()] }];
        let undo =
            Undo::Lines(LinesUndo { path: "/etc/m".into(), added: vec!["A\n".to_owned()], removed, before: None });
        let text = r##"{"kind":"lines","path":"/etc/m","added":["A\n"],"removed":[{"at":7,"lines":["# x\n","B"]}],"before":null}"##;
        assert_eq!(serde_json::to_string(&undo).unwrap(), text);
        assert_eq!(serde_json::from_str::<Undo>(text).unwrap(), undo);
    }
}
